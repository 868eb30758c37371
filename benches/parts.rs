//! The parts of a poll and of an import, each compared with a baseline: `cargo bench --bench parts`.
//!
//! `scan/bare` is what SQLite takes to step over a year of one advertiser and read four columns; `report/*` also makes the
//! bytes and drops them. `upsert/bare` is the `csv` crate and a prepared statement, the baseline of `upsert/in key order` and
//! `upsert/thrown about`.
#![expect(clippy::expect_used, reason = "a benchmark that can't be set up has nothing better to do than to stop")]

mod bare;
mod common;
mod made;

use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use bare::bare_upsert;
use common::{LAST_DAY, Shape};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use pitlane::domain::{PlainToken, RawReport, ReportFormat, ReportQuery, TokenScope};
use pitlane::import::{self, Format, Mapping};
use pitlane::service::access::access_log::AccessLog;
use pitlane::service::access::tokens::{self, Presented, TokenRequest, Tokens};
use pitlane::service::imports::{self, ImportOptions, ImportSource};
use pitlane::service::report::Reports;
use pitlane::service::{Actor, Hasher};
use pitlane::store::{ImportKind, Store};
use tempfile::TempDir;

/// One of ten advertisers, which have 2,000 campaigns together, and a year of it.
const SHAPE: Shape = Shape { advertisers: 1, campaigns: 200, days: 366 };

fn rows(shape: Shape) -> u64 {
    shape.advertisers * shape.campaigns * shape.days
}

/// The whole file, with its lines in the table's order or shuffled.
fn csv_of(shape: Shape, in_order: bool) -> String {
    let mut lines = Vec::new();
    shape
        .lines(LAST_DAY, |line| {
            lines.push(line.to_owned());
            Ok(())
        })
        .expect("a vector takes everything");
    if !in_order {
        for at in (1..lines.len()).rev() {
            lines.swap(at, usize::try_from(common::mixed(at as u64)).unwrap_or(0) % (at + 1));
        }
    }
    common::HEADER.to_owned() + &lines.concat()
}

/// Imports a file, as `pitlane import --create-missing` does.
fn import(store: &Store, csv: &str) {
    let options = ImportOptions { create_missing: true, ..ImportOptions::new(Format::Csv) };
    let name = "bench.csv".to_owned();
    let source = ImportSource { kind: ImportKind::File, name, token: None, actor: Actor::command_line() };
    imports::run(store, std::io::Cursor::new(csv), &options, &source).expect("the generated file is sound");
}

/// A database of this shape.
fn database(dir: &Path, shape: Shape) -> Store {
    let store = Store::open(dir).expect("a temporary directory can hold a database");
    import(&store, &csv_of(shape, true));
    store
}

fn query(store: &Store, from: &str) -> ReportQuery {
    let advertiser = store.read(|txn| txn.advertiser_get(&common::advertiser(1))).expect("it was generated");
    let raw = RawReport { date_from: Some(from.to_owned()), date_to: Some(LAST_DAY.to_owned()), offer_id: None };
    ReportQuery::new(advertiser.id, &raw).expect("the dates are sound")
}

fn reports(c: &mut Criterion) {
    let dir = TempDir::new().expect("a temporary directory");
    let store = database(dir.path(), SHAPE);
    let mut group = c.benchmark_group("report");
    group.throughput(Throughput::Elements(rows(SHAPE))).sample_size(30);

    group.bench_function("bare scan", |b| {
        let db = rusqlite::Connection::open(store.path()).expect("the database is there");
        db.execute_batch("pragma cache_size = -2048").expect("a pragma");
        let sql = "select campaign_key, publisher_key, clicks, cost_micros from daily_stats
            where advertiser_key = 1 and day between 0 and 100000";
        let mut statement = db.prepare(sql).expect("the table is there");
        b.iter(|| {
            let mut rows = statement.query(()).expect("it can be read");
            let mut sum = 0_i64;
            while let Some(row) = rows.next().expect("it can be read") {
                for column in 0..4 {
                    sum = sum.wrapping_add(row.get(column).expect("an integer"));
                }
            }
            sum
        });
    });

    let year = query(&store, "2024-01-01");
    for (name, format, cache) in [
        ("scan and render JSON", ReportFormat::Json, 0),
        ("scan and render CSV", ReportFormat::Csv, 0),
        ("kept days JSON", ReportFormat::Json, 64 << 20),
    ] {
        let reports = Reports::new(cache);
        group.bench_function(name, |b| {
            b.iter(|| made::made(&store, &reports, format, year));
        });
    }
    group.finish();

    let day = query(&store, LAST_DAY);
    let reports = Reports::new(0);
    c.benchmark_group("one day").throughput(Throughput::Elements(SHAPE.campaigns)).bench_function("render", |b| {
        b.iter(|| made::made(&store, &reports, ReportFormat::Json, day));
    });
}

fn imports(c: &mut Criterion) {
    let shape = Shape { advertisers: 5, campaigns: 200, days: 100 };
    let sorted = csv_of(shape, true);
    let thrown = csv_of(shape, false);

    let mut group = c.benchmark_group("parse");
    group.throughput(Throughput::Elements(rows(shape))).sample_size(20);
    group.bench_function("the csv crate alone", |b| {
        b.iter(|| {
            let mut reader = csv::Reader::from_reader(sorted.as_bytes());
            let mut record = csv::StringRecord::new();
            let mut fields = 0;
            while reader.read_record(&mut record).expect("sound CSV") {
                fields += record.len();
            }
            fields
        });
    });
    group.bench_function("checked lines", |b| {
        b.iter(|| {
            let mut lines = 0_u64;
            import::read(Format::Csv, sorted.as_bytes(), &Mapping::default(), &mut |line| {
                lines += u64::from(line.is_ok());
                ControlFlow::Continue(())
            })
            .expect("sound CSV");
            lines
        });
    });
    group.finish();

    let mut group = c.benchmark_group("upsert");
    group.throughput(Throughput::Elements(rows(shape))).sample_size(10);
    let empty = || {
        let dir = TempDir::new().expect("a temporary directory");
        let store = Store::open(dir.path()).expect("a database");
        // The catalogue exists, as for any import but the first.
        let one_day = Shape { days: 1, ..shape };
        import(&store, &csv_of(one_day, true));
        (dir, store)
    };
    group.bench_function("bare", |b| {
        b.iter_batched(empty, |(dir, store)| (bare_upsert(&store, sorted.as_bytes()), dir), BatchSize::PerIteration);
    });
    for (name, text) in [("in key order", &sorted), ("thrown about", &thrown)] {
        group.bench_function(name, |b| {
            b.iter_batched(
                empty,
                |(dir, store)| {
                    import(&store, text);
                    dir
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn token_checks(c: &mut Criterion) {
    let dir = TempDir::new().expect("a temporary directory");
    let store = database(dir.path(), Shape { days: 1, ..SHAPE });
    let request = TokenRequest {
        advertiser: common::advertiser(1),
        name: pitlane::domain::Name::parse("name", "bench").expect("a name"),
        scope: TokenScope::Report,
        expires_at: None,
        reader: pitlane::domain::TokenReader::Singular,
    };
    let token = tokens::issue(&store, &request, &Actor::command_line(), chrono::Utc::now()).expect("a token");
    let log = AccessLog::start(store.clone()).expect("a thread");
    let tokens = Tokens::new(Hasher::new(), std::sync::Arc::new(log));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let look_up = |token: &PlainToken| {
        let snapshot = store.snapshot().expect("an idle connection");
        tokens.look_up(token, &snapshot).expect("it can be read")
    };

    let mut group = c.benchmark_group("token");
    group.measurement_time(Duration::from_secs(4));
    let Presented::Unproven(row) = look_up(&token) else { panic!("nothing was proven yet") };
    group.sample_size(20).bench_function("Argon2", |b| {
        b.iter(|| {
            runtime
                .block_on(tokens.prove(&token, &row, std::net::Ipv4Addr::LOCALHOST.into()))
                .expect("it can be hashed")
        });
    });
    group.bench_function("proven", |b| b.iter(|| matches!(look_up(&token), Presented::Right(_))));
    group.bench_function("parse", |b| b.iter(|| PlainToken::parse(black_box(token.reveal()))));
    group.finish();
}

criterion_group!(parts, reports, imports, token_checks);
criterion_main!(parts);
