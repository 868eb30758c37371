//! The baseline for imports.

use std::collections::HashMap;
use std::io;

use pitlane::store::Store;

/// The least an import can do: the `csv` crate, names looked up in two maps, one prepared upsert, one transaction.
pub(crate) fn bare_upsert(store: &Store, input: impl io::Read) {
    let mut db = rusqlite::Connection::open(store.path()).expect("the database is there");
    db.execute_batch("pragma synchronous = full; pragma foreign_keys = on").expect("pragmas");
    let map = |sql: &str| -> HashMap<String, (i64, i64)> {
        let mut statement = db.prepare(sql).expect("the table is there");
        let rows =
            statement.query_map((), |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))).expect("it can be read");
        rows.collect::<Result<_, _>>().expect("it can be read")
    };
    let campaigns = map("select a.name || '/' || c.name, c.campaign_key, a.advertiser_key
        from campaigns c join advertisers a using (advertiser_key)");
    let publishers = map("select name, publisher_key, 0 from publishers");
    let txn = db.transaction().expect("a transaction");
    let mut upsert = txn
        .prepare(
            "insert into daily_stats values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1, ?9) on conflict do update set
                clicks = excluded.clicks, cost_micros = excluded.cost_micros, views = excluded.views,
                conversions = excluded.conversions, import_key = excluded.import_key, import_line = excluded.import_line",
        )
        .expect("the table is there");
    let mut reader = csv::Reader::from_reader(input);
    let mut record = csv::StringRecord::new();
    let mut name = String::new();
    let mut line = 1_i64;
    while reader.read_record(&mut record).expect("sound CSV") {
        line += 1;
        name.clear();
        name.extend([&record[1], "/", &record[2]]);
        let (campaign, advertiser) = campaigns[&name];
        let (publisher, _) = publishers[&record[7]];
        let day = pitlane::domain::Day::parse("date", &record[0]).expect("a day").to_stored();
        let cost = pitlane::domain::Micros::parse(&record[9]).expect("an amount").0.get();
        let count = |field: usize| record[field].parse::<i64>().expect("a count");
        upsert
            .execute((advertiser, day, campaign, publisher, count(8), cost, count(10), count(11), line))
            .expect("it can be written");
    }
    drop(upsert);
    txn.commit().expect("it can be written");
}
