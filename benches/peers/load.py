"""Copies Pitlane's data into what the peers read.

load.py naive PITLANE_DB NAIVE_DB TOKEN    text keys and dates, as a first schema has them
load.py postgres PITLANE_DB DSN            the same schema in PostgreSQL
"""

import asyncio
import sqlite3
import sys


def naive(source: str, target: str, token: str) -> None:
    db = sqlite3.connect(target)
    db.execute("attach ? as p", (source,))
    db.executescript(
        """
        create table tokens (token text primary key, advertiser_id text not null);
        create table apps (id text primary key, name text, store_id text, os text);
        create table offers (id text primary key, name text);
        create table campaigns (id text primary key, advertiser_id text, offer_id text, app_id text, name text);
        create table stats (date text, campaign_id text, partner_id text, clicks integer, cost real,
                            primary key (date, campaign_id, partner_id));
        insert into apps select id, name, store_id, os from p.apps;
        insert into offers select id, name from p.offers;
        insert into campaigns select c.id, v.id, o.id, a.id, c.name from p.campaigns c
            join p.advertisers v using (advertiser_key) join p.offers o using (offer_key) join p.apps a using (app_key);
        create index campaigns_by_advertiser on campaigns (advertiser_id);
        insert into stats select date(day * 86400, 'unixepoch'), c.id, b.id, clicks, cost_micros / 1e6
            from p.daily_stats join p.campaigns c using (campaign_key) join p.publishers b using (publisher_key);
        create index stats_by_campaign on stats (campaign_id, date);
        """
    )
    db.execute("insert into tokens select ?, id from p.advertisers where name = 'Advertiser 1'", (token,))
    db.commit()
    db.execute("analyze")
    db.commit()


async def postgres(source: str, dsn: str) -> None:
    import asyncpg

    old = sqlite3.connect(source)
    new = await asyncpg.connect(dsn)
    tables = {
        "publishers": "publisher_key integer primary key, id text",
        "apps": "app_key integer primary key, name text, store_id text, os text",
        "offers": "offer_key integer primary key, name text",
        "campaigns": "campaign_key integer primary key, id text, name text, offer_key integer, app_key integer",
        "daily_stats": "advertiser_key integer, day integer, campaign_key integer, publisher_key integer, "
        "clicks bigint, cost_micros bigint, primary key (advertiser_key, day, campaign_key, publisher_key)",
    }
    for table, columns in tables.items():
        await new.execute(f"create table {table} ({columns})")
        names = [part.split()[0] for part in columns.split(", primary key (")[0].split(", ")]
        rows = old.execute(f"select {', '.join(names)} from {table}")
        while batch := rows.fetchmany(100_000):
            await new.copy_records_to_table(table, records=batch, columns=names)
    await new.execute("cluster daily_stats using daily_stats_pkey")
    await new.execute("vacuum analyze")
    await new.close()


if sys.argv[1] == "naive":
    naive(*sys.argv[2:])
else:
    asyncio.run(postgres(*sys.argv[2:]))
