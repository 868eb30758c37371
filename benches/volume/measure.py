"""Measures one large database: `benches/volume.sh` says how it is called. Every figure stands beside what it may be at most."""

import argparse
import re
import shutil
import sqlite3
import statistics
import subprocess
import time
from datetime import date, timedelta
from pathlib import Path
from urllib.request import Request, urlopen

from pages import Pages
from years import fill

LAST = date.today() - timedelta(days=1)
MISSED = []


def say(text=""):
    print(text, flush=True)


def show(name, value, unit, most=None, note=""):
    """One line; a value over `most` is marked, and told again at the end."""
    missed = most is not None and value > most
    line = f"{name:52} {value:9.2f} {unit:3}" + (f" at most {most:8.2f}" if most is not None else " " * 17)
    line += ("  MISSED" if missed else "") + (f"  {note}" if note else "")
    say(line)
    if missed:
        MISSED.append(line)


def took(command, **options):
    began = time.monotonic()
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    return time.monotonic() - began, done


def run(command):
    seconds, done = took(command)
    if done.returncode:
        raise SystemExit(f"{command}: {done.stderr[-2000:]}")
    return seconds, done.stdout


class Volume:
    def __init__(self, args):
        self.args, self.work = args, args.work
        self.days, self.shape = args.days, (args.advertisers, args.campaigns, args.days)

    def pitlane(self, name, *command):
        return [self.args.pitlane, "--data-dir", self.work / name, *command]

    def rows(self, name, advertisers, campaigns, days):
        """A file of rows. It is the same each time."""
        path = self.work / f"{name}-{advertisers}x{campaigns}x{days}-{LAST}.csv"
        if not path.exists():
            with path.open("w") as out:
                command = [self.args.data, advertisers, campaigns, days, LAST]
                subprocess.run([str(part) for part in command], check=True, stdout=out)
        return path

    def fresh(self, name):
        """A database that knows every campaign and has one day."""
        shutil.rmtree(self.work / name, ignore_errors=True)
        day = self.rows("day", *self.shape[:2], 1)
        run(self.pitlane(name, "import", "--create-missing", day))

    def imports(self):
        """Each in a process of its own: the engine, beside the csv crate and a prepared upsert into the same schema."""
        file = self.rows("all", *self.shape)
        megabytes = file.stat().st_size / 1e6
        say(f"{self.shape[0] * self.shape[1] * self.days:,} rows, {megabytes:,.0f} MB of CSV\n")
        seconds = {}
        for how in ("bare", "import"):
            self.fresh(how)
            for when in ("first", "again"):
                out = run([self.args.bench, "child", how, file, self.work / how])[1].split()
                seconds[how, when] = float(out[0])
                if how == "import":
                    peak = int(out[1]) / 1024
        show("bare upsert", seconds["bare", "first"], "s")
        show("import", seconds["import", "first"], "s", 1.0 * seconds["bare", "first"], f"peak {peak:.0f} MB")
        show("bare upsert, the same again", seconds["bare", "again"], "s")
        show("import, the same again", seconds["import", "again"], "s", 0.8 * seconds["bare", "first"])
        preview = run(self.pitlane("import", "import", "--dry-run", file))[0]
        show("preview (import --dry-run)", preview, "s", 0.8 * seconds["bare", "first"])
        shutil.rmtree(self.work / "bare")

    def grow(self):
        """What gathers over years, an advertiser with 20,000 campaigns, and what Singular was handed before it changed."""
        tokens = [run(self.pitlane("import", "token", "create", "--advertiser", f"Advertiser {number}", "--name", "years"))[1].strip()
                  for number in (1, 2)]
        day = self.rows("day", *self.shape[:2], 1).read_text().splitlines(keepends=True)
        small = self.work / "small.csv"
        small.write_text("".join(day[:2]))
        run(self.pitlane("import", "import", small))
        fill(self.work / "import" / "pitlane.db")
        many = self.work / "many.csv"
        many.write_text(self.rows("many", 1, 20_000, 1).read_text().replace(",Advertiser 1,", ",Many campaigns,"))
        run(self.pitlane("import", "import", "--create-missing", many))
        # One advertiser's last 90 days, all days of another.
        server, origin, _ = self.serve()
        for token, days in zip(tokens, (90, self.days)):
            address = f"{origin}/api/v1/integrations/cost-report/singular/json"
            address += f"?date_from={LAST - timedelta(days=days - 1)}&date_to={LAST}"
            with urlopen(Request(address, headers={"Authorization": f"ApiToken {token}"})) as answer:
                answer.read()
        server.terminate()
        server.wait()
        # Five days of the first are restated, and sixty offers of the second are switched off.
        changed = [self.restated(line, back) for back in (71, 70, 50, 15, 5) for line in day[1:] if ",Advertiser 1," in line]
        small.write_text(day[0] + "".join(changed))
        run(self.pitlane("import", "import", small))
        for line in [line for line in day if ",Advertiser 2," in line][:60]:
            run(self.pitlane("import", "offer", "disable", line.split(",")[3], "--advertiser", "Advertiser 2"))

    @staticmethod
    def restated(line, back):
        """The line of another day, with one click more."""
        fields = line.split(",")
        fields[0], fields[8] = str(LAST - timedelta(days=back)), str(int(fields[8]) + 1)
        return ",".join(fields)

    def serve(self):
        began = time.monotonic()
        out = (self.work / "said").open("w")
        log = (self.work / "log").open("w")
        command = self.pitlane("import", "serve", "--listen", "127.0.0.1:0", "--rate-limit", "0", "--backup-at", "off")
        server = subprocess.Popen([str(part) for part in command], stdout=out, stderr=log)
        while True:
            origin = re.search(r"listening on (\S+)", (self.work / "said").read_text())
            if origin and Pages.is_ready(origin[1]):
                return server, origin[1], time.monotonic() - began
            if server.poll() is not None:
                raise SystemExit((self.work / "log").read_text()[-2000:])
            time.sleep(0.001)

    def server(self):
        starts = []
        for _ in range(5):
            server, _, seconds = self.serve()
            starts.append(seconds * 1000)
            server.terminate()
            server.wait()
        show("start to readyz, median of 5", statistics.median(starts), "ms", 100)

        took(self.pitlane("import", "admin", "create", "--email", "bench@example.com", "--password-stdin"),
             input="correct horse battery staple\n")
        token = run(self.pitlane("import", "token", "create", "--advertiser", "Advertiser 1", "--name", "bench"))[1].strip()
        first, year = LAST - timedelta(days=self.days - 1), LAST - timedelta(days=min(self.days, 366) - 1)
        server, origin, _ = self.serve()
        try:
            pages = Pages(origin, "bench@example.com", "correct horse battery staple")
            of, two, many, campaign, publisher = pages.places()
            for name, path, most in (
                ("Home", f"/admin/?{of}", 50),
                ("Home, 60 offers off", f"/admin/?{two}", 50),
                ("Home of 20,000", f"/admin/?{many}", 50),
                ("polls", f"/admin/polls?{of}", 50),
                ("polls of who has none", f"/admin/polls?{many}", 50),
                ("polls of all", "/admin/polls", 50),
                ("Singular", f"/admin/singular?{of}", 100),
                ("Singular, 60 offers off", f"/admin/singular?{two}", 100),
                ("Singular of 20,000", f"/admin/singular?{many}", 100),
                ("a day of Singular's", f"/admin/singular/day?{of}&day={LAST - timedelta(days=15)}", 100),
                ("Connect", f"/admin/singular/connect?{of}", 100),
                ("tracking links", f"/admin/singular/links?{of}&link=https%3A%2F%2Fexample.sng.link%2FAbc12%2Fwxyz", 100),
                ("audit", "/admin/audit", 50),
                ("imports", f"/admin/imports?{of}", 50),
                ("imports of who has one", f"/admin/imports?{many}", 50),
                ("tokens", f"/admin/tokens?{of}", 50),
                ("offers", f"/admin/catalogue/offers?{of}", 50),
                ("offers of 20,000", f"/admin/catalogue/offers?{many}", 50),
                ("apps", f"/admin/catalogue/apps?{of}", 50),
                ("publishers", "/admin/catalogue/publishers", 50),
                ("a publisher", f"/admin/catalogue/publishers/{publisher}", 50),
                ("campaigns", f"/admin/catalogue/campaigns?{of}", 50),
                ("campaigns of 20,000", f"/admin/catalogue/campaigns?{many}", 50),
                ("a campaign", f"/admin/catalogue/campaigns/{campaign}?{of}", 50),
                ("stats, 30 days", f"/admin/stats?{of}", 100),
                ("stats, a week", f"/admin/stats?{of}&from={LAST - timedelta(days=6)}&to={LAST}", 50),
                ("stats, a year", f"/admin/stats?{of}&from={year}&to={LAST}", 100),
                ("stats, all days", f"/admin/stats?{of}&from={first}&to={LAST}", 100),
                ("stats, all days by day", f"/admin/stats?{of}&range=all&by=day", 100),
                ("stats, all days by campaign", f"/admin/stats?{of}&from={first}&to={LAST}&by=campaign", 100),
                ("statement of a month", f"/admin/stats/statement?{of}&month={LAST:%Y-%m}", 100),
                ("metrics", "/metrics", 100),
            ):
                milliseconds, size = pages.median(path)
                show(name, milliseconds, "ms", most, f"{size / 1000:.1f} kB" + (" MISSED: over 100 kB" if size > 100_000 else ""))
            for name, path in (("a campaign", f"/admin/catalogue/campaigns/{campaign}"), ("a publisher", f"/admin/catalogue/publishers/{publisher}")):
                show(f"renaming {name}", pages.rename(path, of), "ms", 50)
            auth = {"Authorization": f"ApiToken {token}"}
            report = "/api/v1/integrations/cost-report"
            show(f"general report, {self.days:,} days", pages.median(f"{report}/json?date_from={first}&date_to={LAST}", auth)[0], "ms", 150)
            show("Singular report, 1 day", pages.median(f"{report}/singular/json?date_from={LAST}&date_to={LAST}", auth)[0], "ms")
        finally:
            server.terminate()
            server.wait()

    def care(self):
        show("doctor", took(self.pitlane("import", "doctor"))[0], "s", 1.0)
        if took(self.pitlane("import", "doctor", "--help"))[1].stdout.count("--deep"):
            show("doctor --deep", took(self.pitlane("import", "doctor", "--deep"))[0], "s")
        kept = self.work / "kept.db"
        kept.unlink(missing_ok=True)
        backup = run(self.pitlane("import", "backup", kept))[0]
        began = time.monotonic()
        # What it says is Pitlane's to judge; an older SQLite than Pitlane's may not know what a check means.
        sqlite3.connect(kept).execute("pragma integrity_check").fetchall()
        proof = time.monotonic() - began
        show("SQLite's integrity_check of the backup", proof, "s", note=f"{kept.stat().st_size / 1e6:,.0f} MB")
        show("backup with proof", backup, "s", 1.2 * proof)
        kept.unlink()


def main():
    parser = argparse.ArgumentParser()
    for name in ("work", "pitlane", "bench", "data"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("advertisers", "campaigns", "days"):
        parser.add_argument(f"--{name}", type=int, required=True)
    volume = Volume(parser.parse_args())
    volume.imports()
    volume.grow()
    volume.server()
    volume.care()
    say(f"\n{len(MISSED)} missed" + "".join(f"\n{line}" for line in MISSED))


main()
