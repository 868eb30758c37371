"""A connector as somebody writes it who has the packet and nothing else: three months at once, then the last days one by one.

Usage: connector.py FOLDER. Prints rows and days after each of the two, and the sum of the cost.
"""

import datetime
import html
import json
import pathlib
import re
import sqlite3
import sys
import time
import urllib.error
import urllib.request
import zoneinfo
from decimal import Decimal

document = (pathlib.Path(sys.argv[1]) / "packet.html").read_text(encoding="utf-8")
document = html.unescape(re.sub(r"<[^>]+>", "", document))
url = re.search(r"GET (\S+?)\?date_from", document).group(1)
token = re.search(r"ApiToken (plt_\w+)", document).group(1)
zone = zoneinfo.ZoneInfo(re.search(r"Days: (\S+?)\. ", document).group(1))


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


opener = urllib.request.build_opener(NoRedirect)


def ask(first, last):
    for _ in range(5):
        request = urllib.request.Request(f"{url}?date_from={first}&date_to={last}")
        request.add_header("Authorization", f"ApiToken {token}")
        try:
            with opener.open(request, timeout=60) as answer:
                return json.loads(answer.read(), parse_float=Decimal)["data"]["items"]
        except urllib.error.HTTPError as error:
            if error.code not in (429, 503):
                raise SystemExit(f"{error.code}: {json.load(error)['messages']}") from error
            time.sleep(int(error.headers["Retry-After"]))
    raise SystemExit("busy for too long")


database = sqlite3.connect(":memory:")
database.execute("create table cost (day, campaign, publisher, cost, clicks, primary key (day, campaign, publisher))")


def pull(first, last):
    items = ask(first, last)
    database.execute("delete from cost where day between ? and ?", (str(first), str(last)))
    rows = [(one["date"], one["campaign_id"], one["partner_id"], str(one["cost"]), one["clicks"]) for one in items]
    database.executemany("insert into cost values (?, ?, ?, ?, ?)", rows)


def told():
    return database.execute("select count(*), count(distinct day) from cost").fetchone()


today = datetime.datetime.now(zone).date()
pull(today - datetime.timedelta(days=92), today)
print(*told())
for days in range(7, -1, -1):
    day = today - datetime.timedelta(days=days)
    pull(day, day)
print(*told(), sum(Decimal(row[0]) for row in database.execute("select cost from cost")))
