"""Measures Pitlane and its peers in rounds: `benches/peers.sh` says how it is called.

A process keeps the speed it happened to start with, and a machine's speed moves from minute to minute. So each round starts every
server anew, the servers take turns in an order that moves on with each round, and what is compared is compared within a round. Two
Pitlanes run side by side and take turns figure by figure.
Every figure is the median over the rounds, with the quartiles. "per s" is requests by the clock; "per CPU s" is requests per second
of processor time that the server with its threads and children took, which can be read on a busy machine too; "of writing" is the
share of what a program makes that does nothing but write as many bytes (write.c), in the same round.
"""

import argparse
import http.client
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).parent
RANGES = {
    1: "date_from=2024-06-15&date_to=2024-06-15",
    9: "date_from=2024-12-23&date_to=2024-12-31",
    30: "date_from=2024-06-01&date_to=2024-06-30",
    366: "date_from=2024-01-01&date_to=2024-12-31",
}
REPORT = "/api/v1/integrations/cost-report/singular/json"


def named(days):
    return f"{days} day" if days == 1 else f"{days} days"


# Ratios that were asked for: what, of which figure to which, and at least how much.
TARGETS = [
    *((f"uncached to nginx, {named(d)}", f"uncached, {named(d)}", f"nginx, {named(d)}", want) for d, want in ((1, 0.3), (30, 0.5), (366, 0.55))),
    *((f"cached to nginx, {named(d)}", f"cached, {named(d)}", f"nginx, {named(d)}", want) for d, want in ((1, 0.9), (30, 1.5), (366, 1.4))),
    *((f"writing to nginx, {named(d)}", f"writing, {named(d)}", f"nginx, {named(d)}", None) for d in (1, 30, 366)),
    ("uncached to naive FastAPI, 30 days", "uncached, 30 days", "naive FastAPI, 30 days", 100),
    ("uncached to tuned FastAPI, 30 days", "uncached, 30 days", "tuned FastAPI, 30 days", 6),
    ("uncached to PostgreSQL, 30 days", "uncached, 30 days", "PostgreSQL, 30 days", 20),
    ("uncached to Datasette, 30 days", "uncached, 30 days", "Datasette, 30 days", 30),
    ("304 to /livez", "304", "/livez", 0.9),
    ("nine days of 18 thousand rows to 5.49 million", "of 18 thousand rows", "of 5.49 million rows", None),
]


def say(text=""):
    print(text, flush=True)


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True, **options).stdout


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(port, path, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers=headers or {})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def children(pid):
    """This process and all below it."""
    found = [pid]
    for one in found:
        try:
            for task in Path(f"/proc/{one}/task").iterdir():
                found += (int(child) for child in (task / "children").read_text().split())
        except OSError:
            pass
    return found


def processor_seconds(pids):
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return ticks / os.sysconf("SC_CLK_TCK")


def memory(pid, what):
    """Resident megabytes of a process: VmRSS is now, VmHWM at most so far."""
    return int(re.search(rf"{what}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


class Server:
    """One program, started on the server's core: how, when it is ready, and what is asked of it."""

    def __init__(self, name, port, command, asked, ready=("/", None), env=None, clients=4, before=None, after=None, pids=None, load=None):
        self.name, self.port, self.command, self.asked, self.ready = name, port, command, asked, ready
        self.env, self.clients, self.before, self.after = env or {}, clients, before, after
        self.pids, self.load = pids, load


class Bench:
    """What all rounds share: the cores, and the figures so far."""

    def __init__(self, args):
        self.args = args
        self.server_core, self.load_core = sorted(os.sched_getaffinity(0))[:2]
        # Figure -> round -> {"per_s", "per_cpu", "p50", "p99"}; memory of a server's first process and start times likewise.
        self.figures = defaultdict(dict)
        self.notes = defaultdict(dict)

    def wrk(self, port, path, clients, seconds, *extra):
        command = ["taskset", "-c", self.load_core, "wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "60s", *extra]
        return [str(part) for part in [*command, f"http://127.0.0.1:{port}{path}"]]

    def measure(self, number, server, process, key, path, headers):
        get(server.port, path, headers)  # nothing is measured the first time
        options = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
        pids = lambda: children(process.pid) + (server.pids() if server.pids else [])
        used = processor_seconds(pids())
        text = run(*self.wrk(server.port, path, server.clients, self.args.seconds, "--latency", *options))
        used = processor_seconds(pids()) - used
        if bad := re.search(r"Non-2xx.*|Socket errors.*", text):
            sys.exit(f"{key}: {bad[0]}")
        done = int(re.search(r"(\d+) requests in", text)[1])
        figure = {"per_s": float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]), "per_cpu": done / used if used else 0.0}
        for part in ("50", "99"):
            figure[f"p{part}"] = re.search(rf"{part}%\s+(\S+)", text)[1]
        self.figures[key][number] = figure

    @contextmanager
    def running(self, server):
        """Starts a server; gives its process and after how many seconds it answered."""
        if server.before:
            server.before()
        log = self.args.work / "server.log"
        began = time.monotonic()
        with log.open("w") as out:
            command = ["taskset", "-c", str(self.server_core), *map(str, server.command)]
            process = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **server.env})
        try:
            while not self.answers(server):
                if process.poll() is not None or time.monotonic() - began > 60:
                    sys.exit(f"{server.name} does not answer: {log.read_text()[-2000:]}")
                time.sleep(0.0005)
            yield process, time.monotonic() - began
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if server.after:
                server.after()

    def answers(self, server):
        try:
            return get(server.port, *server.ready)[0].status < 400
        except (OSError, http.client.HTTPException):
            return False

    def round(self, number, group):
        """Starts the servers of a group, and asks each for its first figure, then each for its second, and so on."""
        note = lambda server, what, value: self.notes[f"{server.name}: {what}"].update({number: value})
        with ExitStack() as stack:
            started = []
            for server in group:
                process, seconds = stack.enter_context(self.running(server))
                note(server, "ms to the first answer", seconds * 1000)
                note(server, "MB when idle", memory(process.pid, "VmRSS"))
                started.append((server, process, list(server.asked())))
            for at in range(max(len(asked) for _, _, asked in started)):
                for server, process, asked in started:
                    if at < len(asked):
                        self.measure(number, server, process, *asked[at])
            for server, process, _ in started:
                if server.load:
                    server.load(number, process)
                note(server, "MB at most", memory(process.pid, "VmHWM"))


# --- servers ------------------------------------------------------------------------------------------------------------------


def database(bench, pitlane, name, advertisers, campaigns, days):
    """A database that this very binary made, and its token; the file of rows is the same for all binaries."""
    work = bench.args.work
    token = work / f"{name}.token"
    if not token.exists():
        rows = work / f"{advertisers}x{campaigns}x{days}.csv"
        if not rows.exists():
            with rows.open("w") as out:
                subprocess.run([bench.args.data, str(advertisers), str(campaigns), str(days)], check=True, stdout=out)
        shutil.rmtree(work / name, ignore_errors=True)
        run(pitlane, "--data-dir", work / name, "import", "--create-missing", rows)
        made = run(pitlane, "--data-dir", work / name, "token", "create", "--advertiser", "Advertiser 1", "--name", "bench")
        token.write_text(made)
    return token.read_text().strip()


def pitlane(bench, binary, label, name, cache, token, days, prefix, more=()):
    """Pitlane on a database, with a cache of so many megabytes or 0."""
    auth, port = {"Authorization": f"ApiToken {token}"}, free_port()

    def asked():
        for day in days:
            yield f"{prefix}, {named(day)}", f"{REPORT}?{RANGES[day]}", auth
        for one in more:
            if one == "/livez":
                yield f"{label}/livez", "/livez", {}
            else:
                tag = get(port, f"{REPORT}?{RANGES[1]}", auth)[0].headers["ETag"]
                yield f"{label}304", f"{REPORT}?{RANGES[1]}", {**auth, "If-None-Match": tag}

    command = [binary, "--data-dir", bench.args.work / name, "serve", "--listen", f"127.0.0.1:{port}"]
    command += ["--rate-limit", "0", "--backup-at", "off", "--report-cache", cache]
    return Server(f"{label}Pitlane, cache {cache}" + (", 2,000 campaigns" if name == "one" else ""), port, command, asked, ready=("/readyz", None))


def pitlanes(bench, binary, label, data):
    token = database(bench, binary, data, 10, 200, 366)
    return [
        pitlane(bench, binary, label, data, 0, token, (1, 30, 366), f"{label}uncached"),
        pitlane(bench, binary, label, data, 32, token, (1, 30, 366), f"{label}cached", ("/livez", "304")),
    ]


def floors(bench, sizes):
    """nginx with the same bytes as files, and a program that only writes."""
    work, port, other_port = bench.args.work, free_port(), free_port()
    config = (HERE / "nginx.conf").read_text().replace("@PORT@", str(port)).replace("@ROOT@", str(work))
    (work / "nginx.conf").write_text(("user root;\n" if os.getuid() == 0 else "") + config)
    files = lambda: ((f"nginx, {named(day)}", f"/{day}.json", {}) for day in (1, 30, 366))
    writes = lambda: ((f"writing, {what}", f"/{size}", {}) for what, size in sizes.items())
    return [
        Server("nginx", port, ["nginx", "-c", work / "nginx.conf"], files, ready=("/1.json", None)),
        Server("writing", other_port, [work / "write", other_port], writes, ready=("/1", None)),
    ]


def pythons(bench, token, days):
    """What one would write in Python: over SQLite twice, Datasette, and over PostgreSQL."""
    args, work = bench.args, bench.args.work
    auth = {"Authorization": f"ApiToken {token}"}
    source = work / "ten" / "pitlane.db"
    port = free_port()
    uvicorn = [args.venv / "bin/python", "-m", "uvicorn", "--app-dir", HERE, "--port", port]
    uvicorn += ["--loop", "uvloop", "--http", "httptools", "--log-level", "warning"]
    reports = lambda name, days, path="/report?": lambda: ((f"{name}, {named(day)}", f"{path}{RANGES[day]}", auth) for day in days)
    ready = (f"/report?{RANGES[1]}", auth)
    load = lambda *what: run(args.venv / "bin/python", HERE / "load.py", *what)

    naive = work / "naive.db"
    if not naive.exists():
        load("naive", source, naive, token)
    env = {"PEER_TOKEN": token, "NAIVE_DB": str(naive), "PITLANE_DB": str(source)}
    path = "/pitlane/report.json?_shape=array&"
    datasette = [args.venv / "bin/datasette", "serve", source, "-m", HERE / "datasette.yaml", "-p", port]
    datasette += ["--setting", "max_returned_rows", "1000000", "--setting", "sql_time_limit_ms", "60000"]
    short = [day for day in days if day < 366]
    made = [
        Server("naive FastAPI", port, [*uvicorn, "naive:app"], reports("naive FastAPI", short), ready, env),
        Server("tuned FastAPI", port, [*uvicorn, "--no-access-log", "tuned:app"], reports("tuned FastAPI", days), ready, env),
        Server("Datasette", port, datasette, reports("Datasette", short, path), (path + RANGES[1], None)),
    ]

    # PostgreSQL refuses to run as root, and keeps its files where another user can reach them.
    folder = Path(run("mktemp", "-d").strip())
    as_user = []
    if os.getuid() == 0:
        shutil.chown(folder, "nobody")
        as_user = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
    backend = free_port()
    settings = f"-p {backend} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c shared_buffers=256MB -c fsync=on"
    control = [*as_user, args.postgres / "pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log"]

    def start():
        # Without pipes: the server would hold them open.
        command = ["taskset", "-c", str(bench.server_core), *map(str, control), "-o", settings, "start"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def stop():
        run(*control, "-m", "fast", "stop")

    def forget():
        shutil.rmtree(folder, ignore_errors=True)

    run(*as_user, args.postgres / "initdb", "-D", folder / "data", "-U", "bench", "-A", "trust")
    env["PEER_PG"] = f"postgresql://bench@127.0.0.1:{backend}/postgres"
    start()
    load("postgres", source, env["PEER_PG"])
    stop()
    backends = lambda: children(int((folder / "data/postmaster.pid").read_text().split("\n")[0]))
    made.append(Server("PostgreSQL", port, [*uvicorn, "--no-access-log", "postgres:app"], reports("PostgreSQL", days), ready, env,
                       before=start, after=stop, pids=backends))
    return made, forget


def large(bench, binary):
    """One advertiser with all campaigns, databases of three sizes, and a flood of bad tokens."""
    made = []
    token = database(bench, binary, "one", 1, 2000, 366)
    for cache, how in ((0, "uncached"), (32, "cached")):
        made.append(pitlane(bench, binary, "", "one", cache, token, (1, 30, 366), f"2,000 campaigns, {how}"))
    for name, days, rows in (("small", 9, "18 thousand"), ("ten", 366, "732 thousand"), ("large", 2745, "5.49 million")):
        auth = {"Authorization": f"ApiToken {database(bench, binary, name, 10, 200, days)}"}
        server = pitlane(bench, binary, "", name, 0, "", (), "")
        server.name = f"Pitlane with {rows} rows"
        server.asked = lambda rows=rows, auth=auth: [(f"of {rows} rows", f"{REPORT}?{RANGES[9]}", auth)]
        made.append(server)

    token = database(bench, binary, "ten", 10, 200, 366)
    auth = {"Authorization": f"ApiToken {token}"}
    lua = bench.args.work / "bad.lua"
    lua.write_text(run(sys.executable, HERE / "bad_tokens.py", token, 20000))

    server = pitlane(bench, binary, "", "ten", 32, token, (), "")

    def load(number, process):
        path = f"{REPORT}?{RANGES[1]}"
        before = memory(process.pid, "VmRSS")
        command = bench.wrk(server.port, path, 64, bench.args.seconds + 2, "-s", lua)
        flood = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        time.sleep(1)
        bench.measure(number, server, process, "good client in a flood of 64 bad ones", path, auth)
        flood.wait()
        bench.notes["the flood: MB resident more than before"][number] = memory(process.pid, "VmRSS") - before

    server.name, server.load, server.clients = "Pitlane in a flood of bad tokens", load, 1
    server.asked = lambda: [("good client alone", f"{REPORT}?{RANGES[1]}", auth)]
    made.append(server)
    return made


# --- what came out ------------------------------------------------------------------------------------------------------------


def spread(values, form="{:.2f}"):
    """Median, and lower and upper quartile."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return form.format(middle), f"{form.format(low)}–{form.format(high)}"


def form_of(value):
    return "{:.0f}" if value >= 100 else "{:.1f}" if value >= 10 else "{:.2f}"


def quotients(a, b, what):
    """Of rounds that have both."""
    return [a[number][what] / b[number][what] for number in a if number in b and b[number][what]]


def tell(bench, both):
    figures = bench.figures
    say(f"\n{'':40} {'per s':>9} {'quartiles':>15} {'p50':>8} {'p99':>8} {'per CPU s':>10} {'quartiles':>15} {'of writing':>10} {'quartiles':>12}")
    for key, rounds in figures.items():
        clock = [figure["per_s"] for figure in rounds.values()]
        cpu = [figure["per_cpu"] for figure in rounds.values()]
        middle = sorted(rounds.values(), key=lambda figure: figure["per_s"])[len(rounds) // 2]
        written = figures.get(f"writing, {key.rpartition(', ')[2].removeprefix('B ')}", {})
        share = quotients(rounds, written, "per_s") if not key.startswith(("writing", "2,000")) else []
        say(f"{key:40} {'{:>9} {:>15}'.format(*spread(clock, form_of(statistics.median(clock))))} {middle['p50']:>8} {middle['p99']:>8}"
            f" {'{:>10} {:>15}'.format(*spread(cpu, form_of(statistics.median(cpu))))}"
            + (" {:>10} {:>12}".format(*spread(share)) if share else ""))
    say(f"\n{'within each round':50} {'by the clock':>12} {'quartiles':>12} {'by CPU time':>12} {'quartiles':>12}  at least")
    for label, a, b, want in TARGETS:
        if figures.get(a) and figures.get(b):
            parts = [spread(quotients(figures[a], figures[b], what)) for what in ("per_s", "per_cpu")]
            say(f"{label:50} {'{:>12} {:>12}'.format(*parts[0])} {'{:>12} {:>12}'.format(*parts[1])}  {want or ''}")
    if both:
        say(f"\n{'A to B (PITLANE_OTHER), within each round':50} {'by the clock':>12} {'quartiles':>12} {'by CPU time':>12} {'quartiles':>12}")
        for key in [key for key in figures if f"B {key}" in figures]:
            parts = [spread(quotients(figures[key], figures[f"B {key}"], what), "{:.3f}") for what in ("per_s", "per_cpu")]
            say(f"{key:50} {'{:>12} {:>12}'.format(*parts[0])} {'{:>12} {:>12}'.format(*parts[1])}")
    say(f"\n{'':64} {'median':>9} {'quartiles':>15}")
    for key, rounds in bench.notes.items():
        say(f"{key:64} {'{:>9} {:>15}'.format(*spread(list(rounds.values()), '{:.1f}'))}")


def parts(bench):
    """The bare scan of a year of one advertiser and what rendering adds, in one process (`cargo bench --bench parts`)."""
    run("taskset", "-c", bench.server_core, "cargo", "bench", "-q", "--locked", "--bench", "parts", "--", "^report/")
    rate = {}
    for name in ("bare scan", "scan and render JSON", "scan and render CSV", "kept days JSON"):
        estimates = json.loads((Path(bench.args.parts) / name / "new/estimates.json").read_text())
        rate[name] = 73_200 * 1e3 / estimates["median"]["point_estimate"]
    say("\nmillion rows/s in one process: " + ", ".join(f"{name} {value:.2f}" for name, value in rate.items()))
    whole = [figure["per_s"] * 0.732 for figure in bench.figures["2,000 campaigns, uncached, 366 days"].values()]
    say(f"scan and render JSON to the bare scan: {rate['scan and render JSON'] / rate['bare scan']:.2f} (at least 0.75)")
    say("732,000 rows over HTTP, 4 clients, to the bare scan: {} ({})  (at least 0.4)".format(
        *spread([value / rate["bare scan"] for value in whole])))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=("full", "quick"))
    for name in ("work", "venv", "postgres", "data", "pitlane"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--other")
    parser.add_argument("--parts")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=int)
    args = parser.parse_args()
    bench = Bench(args)
    full, other = args.mode == "full", Path(args.other) if args.other else None

    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    say(f"{os.cpu_count()} cores, {model[1] if model else 'unknown'}; load {os.getloadavg()}; {time.strftime('%F %R UTC', time.gmtime())}")
    say(f"server on core {bench.server_core}, wrk on core {bench.load_core}, 4 connections; {args.rounds} rounds of {args.seconds} s")
    for label, binary in (("A", args.pitlane), *((("B", other),) if other else ())):
        run("strip", "-o", args.work / "stripped", binary)
        say(f"{label}: {binary}, {run(binary, '--version').strip()}, {(args.work / 'stripped').stat().st_size / 1e6:.1f} MB stripped")

    # Servers that stand in one list run side by side, in turned order every other time.
    groups = [[server] for server in pitlanes(bench, args.pitlane, "", "ten")]
    token = database(bench, args.pitlane, "ten", 10, 200, 366)
    if other:
        for group, server in zip(groups, pitlanes(bench, other, "B ", "ten-other")):
            group.append(server)
    sizes = fetch_files(bench, groups[0][0], token)
    groups += [[server] for server in floors(bench, sizes)]
    peers, forget = pythons(bench, token, (1, 30, 366) if full else (30,))
    try:
        groups += [[server] for server in peers]
        if full:
            groups += [[server] for server in large(bench, args.pitlane)]
        for number in range(args.rounds):
            say(f"round {number + 1} of {args.rounds}, {time.strftime('%T')}, load {os.getloadavg()[0]:.2f}")
            at = number * 3 % len(groups)
            for group in groups[at:] + groups[:at]:
                bench.round(number, group if number % 2 == 0 else group[::-1])
    finally:
        forget()
        (args.work / "rounds.json").write_text(json.dumps({"figures": bench.figures, "notes": bench.notes}, indent=1))
    tell(bench, other)
    if args.parts:
        parts(bench)


def fetch_files(bench, server, token):
    """Keeps each range's answer as the file that nginx serves; says how many bytes the writing program has to write for each."""
    sizes = {"/livez": 2, "304": 1}
    with bench.running(server):
        for day in (1, 30, 366):
            _, body = get(server.port, f"{REPORT}?{RANGES[day]}", {"Authorization": f"ApiToken {token}"})
            (bench.args.work / f"{day}.json").write_bytes(body)
            sizes[named(day)] = len(body)
    return sizes


main()
