"""Fills a database with a million polls, a million audit lines and 50,000 imports, as years of use leave them."""

import sqlite3
import sys
import uuid

db = sqlite3.connect(sys.argv[1])
db.execute("pragma foreign_keys = on")
last = 1_767_225_600_000  # 2026-01-01, in milliseconds
if db.execute("select count(*) from polls").fetchone()[0] < 1_000_000:
    columns = [row[1] for row in db.execute("pragma table_info(polls)")]
    known = {
        "report": "singular", "format": "json", "date_from": 19_000, "date_to": 19_007, "status": 200, "complete": 1,
        "rows": 2_000, "cost_micros": 1_000_000, "bytes": 660_000, "duration_us": 900, "address": "203.0.113.7",
        "user_agent": "Singular",
    }
    names = ["at", *(name for name in known if name in columns)]
    marks = ", ".join("?" * len(names))
    rows = ([last - i * 34_560, *(known[name] for name in names[1:])] for i in range(1_000_000))
    db.executemany(f"insert into polls ({', '.join(names)}) values ({marks})", rows)
    rows = ((last - i * 34_560, f"person{i % 7}@example.com", "stat edit", f"cell {i}") for i in range(1_000_000))
    db.executemany("insert into audit_log (at, actor, action, subject) values (?, ?, ?, ?)", rows)
    rows = ((str(uuid.uuid4()), f"file {i}.csv", last - i * 60_000) for i in range(50_000))
    db.executemany(
        "insert into imports (id, kind, source, actor, rows, inserted, changed, unchanged, rounded, zeroed, created_at)"
        " values (?, 'file', ?, 'command line', 0, 0, 0, 0, 0, 0, ?)",
        rows,
    )
db.commit()
