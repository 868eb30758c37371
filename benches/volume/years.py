"""Fills a database with a million polls, half of them with each of two tokens, a million audit lines, 50,000 imports and 40,000
publishers, as years of use leave them."""

import sqlite3
import time
import uuid

LAST = int(time.time() * 1000) - 3_600_000  # an hour ago, in milliseconds


def fill(path):
    db = sqlite3.connect(path)
    db.execute("pragma foreign_keys = on")
    if db.execute("select count(*) from polls").fetchone()[0] >= 1_000_000:
        return
    columns = [row[1] for row in db.execute("pragma table_info(polls)")]
    known = {
        "report": "singular", "format": "json", "date_from": 0, "date_to": 0, "served_version": 1, "status": 200, "complete": 1,
        "rows": 2_000, "cost_micros": 1_000_000, "bytes": 660_000, "duration_us": 900, "address": "203.0.113.7",
        "user_agent": "Singular",
    }
    tokens = [row[0] for row in db.execute("select token_key from api_tokens order by token_key limit 2")]
    names = ["at", "token_key", *(name for name in known if name in columns)]
    marks = ", ".join("?" * len(names))

    def poll(i):
        at = LAST - i * 34_560
        days = {"date_from": at // 86_400_000 - 7, "date_to": at // 86_400_000}
        return [at, tokens[i % 2], *((known | days)[name] for name in names[2:])]

    rows = (poll(i) for i in reversed(range(1_000_000)))
    db.executemany(f"insert into polls ({', '.join(names)}) values ({marks})", rows)
    rows = ((LAST - i * 34_560, f"person{i % 7}@example.com", "stat edit", f"cell {i}") for i in reversed(range(1_000_000)))
    db.executemany("insert into audit_log (at, actor, action, subject) values (?, ?, ?, ?)", rows)
    # What an import said is taken from a small one.
    (told,) = db.execute("select told from imports order by length(told) limit 1").fetchone()
    rows = ((str(uuid.uuid4()), f"file {i}.csv", LAST - i * 60_000, told) for i in reversed(range(50_000)))
    db.executemany(
        "insert into imports (id, kind, source, actor, rows, inserted, changed, unchanged, rounded, zeroed, created_at, told)"
        " values (?, 'file', ?, 'command line', 0, 0, 0, 0, 0, 0, ?, ?)",
        rows,
    )
    # Each import stated a day of one of the advertisers.
    advertisers = [row[0] for row in db.execute("select advertiser_key from advertisers order by advertiser_key limit 10")]
    made = db.execute("select import_key from imports where sha256 is null").fetchall()
    db.executemany(
        "insert into import_spans (import_key, advertiser_key, first_day, last_day) values (?, ?, 20000, 20000)",
        ((key, advertisers[key % len(advertisers)]) for (key,) in made),
    )
    (publishers,) = db.execute("select count(*) from publishers").fetchone()
    rows = ((str(uuid.uuid4()), f"Another publisher {i}", LAST) for i in range(publishers, 40_000))
    db.executemany("insert into publishers (id, name, created_at) values (?, ?, ?)", rows)
    db.commit()
    db.close()
