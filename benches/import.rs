//! Imports a million rows in several ways and compares each with a baseline: `cargo bench --bench import`.
//!
//! `bare`, the baseline, is the `csv` crate, names looked up in two maps and one prepared upsert into the same schema, in one
//! transaction. Each run is a process of its own, to measure its peak memory. The ratio is what counts: both take turns,
//! whatever else the machine does. Then a reader asks for one day again and again, with and without an import.
#![expect(clippy::expect_used, reason = "a benchmark that can't be set up has nothing better to do than to stop")]
#![expect(clippy::unwrap_used, reason = "as above")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]
#![expect(clippy::float_arithmetic, reason = "figures for people, none of them money")]

mod bare;
mod common;
mod made;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bare::bare_upsert;
use common::{LAST_DAY, Shape};
use pitlane::domain::{RawReport, ReportFormat, ReportQuery};
use pitlane::import::Format;
use pitlane::service::Actor;
use pitlane::service::imports::{self, ImportOptions, ImportSource};
use pitlane::service::report::Reports;
use pitlane::store::{ImportKind, Store};

/// 1,002,840 rows.
const SHAPE: Shape = Shape { advertisers: 10, campaigns: 274, days: 366 };

/// How often each is run; the fastest run counts.
const ROUNDS: usize = 3;

/// How long the reader asks without an import.
const IDLE: Duration = Duration::from_secs(5);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["child", how, file, data_dir] => child(how, Path::new(file), Path::new(data_dir)),
        _ => parent(),
    }
}

/// One import in this process; prints seconds and the peak of its memory in kB.
fn child(how: &str, file: &Path, data_dir: &Path) {
    let store = Store::open(data_dir).expect("a database");
    let begun = Instant::now();
    match how {
        "bare" => bare_upsert(&store, File::open(file).unwrap()),
        _ => import(&store, File::open(file).unwrap()),
    }
    let seconds = begun.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next());
    println!("{seconds} {}", peak.unwrap_or("0"));
}

/// Imports a file, as `pitlane import --create-missing` does.
fn import(store: &Store, input: File) {
    let options = ImportOptions { create_missing: true, ..ImportOptions::new(Format::Csv) };
    let name = "bench.csv".to_owned();
    let source = ImportSource { kind: ImportKind::File, name, token: None, actor: Actor::command_line() };
    imports::run(store, input, &options, &source).expect("the generated file is sound");
}

struct Files {
    root: tempfile::TempDir,
}

impl Files {
    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn write(&self, name: &str, lines: &[String]) {
        let mut file = BufWriter::new(File::create(self.path(name)).unwrap());
        file.write_all(common::HEADER.as_bytes()).unwrap();
        lines.iter().try_for_each(|line| file.write_all(line.as_bytes())).unwrap();
        file.flush().unwrap();
    }

    /// A database with all campaigns and the stats of one day, as before any import but the first.
    fn fresh(&self, name: &str) -> PathBuf {
        let dir = self.path(name);
        drop(std::fs::remove_dir_all(&dir));
        let store = Store::open(&dir).expect("a database");
        import(&store, File::open(self.path("one-day.csv")).unwrap());
        dir
    }
}

fn lines_of(shape: Shape) -> Vec<String> {
    let mut lines = Vec::new();
    let kept = shape.lines(LAST_DAY, |line| {
        lines.push(line.to_owned());
        Ok(())
    });
    kept.unwrap();
    lines
}

fn start(how: &str, file: &Path, data_dir: &Path) -> Child {
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new(program);
    command.arg("child").arg(how).arg(file).arg(data_dir).stdout(Stdio::piped()).spawn().unwrap()
}

/// Seconds and peak memory in MB.
fn ended(child: Child) -> (f64, f64) {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "an import failed");
    let text = String::from_utf8(output.stdout).unwrap();
    let (seconds, peak) = text.trim().split_once(' ').unwrap();
    (seconds.parse().unwrap(), peak.parse::<f64>().unwrap() / 1024.0)
}

fn parent() {
    let files = Files { root: tempfile::tempdir().unwrap() };
    let mut lines = lines_of(SHAPE);
    let rows = lines.len();
    files.write("one-day.csv", &lines_of(Shape { days: 1, ..SHAPE }));
    files.write("in key order", &lines);
    // The same rows with another number of views.
    let changed: Vec<String> = lines.iter().map(|line| another_figure(line)).collect();
    files.write("all changed", &changed);
    drop(changed);
    for at in (1..rows).rev() {
        lines.swap(at, usize::try_from(common::mixed(at as u64)).unwrap() % (at + 1));
    }
    files.write("in random order", &lines);
    drop(lines);

    println!("{rows} rows; thousand rows/s, the best of {ROUNDS}\n");
    println!("{:24} {:>9} {:>9} {:>9} {:>10}", "", "import", "bare", "quotient", "peak, MB");
    // A new database for the first two; then the same file again, and one in which every row differs.
    let cases = [
        ("in key order", "in key order", true),
        ("the same again", "in key order", false),
        ("all changed", "all changed", false),
        ("in random order", "in random order", true),
    ];
    let mut best = [[f64::MAX; 2]; 4];
    let mut peak = [0_f64; 4];
    for _ in 0..ROUNDS {
        for (case, (_, file, is_new)) in cases.into_iter().enumerate() {
            for (which, how) in ["import", "bare"].into_iter().enumerate() {
                let dir = if is_new { files.fresh(how) } else { files.path(how) };
                let (seconds, megabytes) = ended(start(how, &files.path(file), &dir));
                best[case][which] = best[case][which].min(seconds);
                if how == "import" {
                    peak[case] = peak[case].max(megabytes);
                }
            }
        }
    }
    for (case, (name, ..)) in cases.into_iter().enumerate() {
        let [ours, bare] = best[case].map(|seconds| rows as f64 / seconds / 1000.0);
        println!("{name:24} {ours:>9.0} {bare:>9.0} {:>9.2} {:>10.1}", ours / bare, peak[case]);
    }
    readers(&files);
}

fn another_figure(line: &str) -> String {
    let (rest, conversions) = line.trim_end().rsplit_once(',').unwrap();
    let (rest, views) = rest.rsplit_once(',').unwrap();
    format!("{rest},{},{conversions}\n", views.parse::<u64>().unwrap() + 1)
}

/// How long a reader waits for one day's report (99th percentile), with and without an import.
fn readers(files: &Files) {
    let dir = files.fresh("read");
    let store = Store::open(&dir).expect("a database");
    let reports = Reports::new(0);
    let advertiser = store.read(|txn| txn.advertiser_get(&common::advertiser(1))).expect("it was generated");
    let day = Some(LAST_DAY.to_owned());
    let raw = RawReport { date_from: day.clone(), date_to: day, offer_id: None };
    let query = ReportQuery::new(advertiser.id, &raw).expect("the dates are sound");
    let ask_while = |mut go_on: Box<dyn FnMut() -> bool>| {
        let mut waited = Vec::new();
        while go_on() {
            let begun = Instant::now();
            made::made(&store, &reports, ReportFormat::Json, query);
            waited.push(begun.elapsed());
            // Like occasional polls, not a second load on the machine.
            std::thread::sleep(Duration::from_micros(500));
        }
        waited.sort_unstable();
        (waited[waited.len() / 2], waited[waited.len() * 99 / 100])
    };
    let until = Instant::now() + IDLE;
    let idle = ask_while(Box::new(move || Instant::now() < until));
    let mut importing = start("import", &files.path("in random order"), &dir);
    let during = ask_while(Box::new(move || importing.try_wait().unwrap().is_none()));
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    println!("\na reader's day, µs             idle    during  quotient");
    for (name, idle, during) in [("median", idle.0, during.0), ("99 of 100", idle.1, during.1)] {
        let (idle, during) = (micros(idle), micros(during));
        println!("{name:24} {idle:>10.0} {during:>9.0} {:>9.2}", during / idle);
    }
}
