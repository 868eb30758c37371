//! How other work affects reports: held locks, a large import, a backup, ten minutes of mixed requests.
//!
//! `cargo test --test load` runs it small and only checks that nothing fails. Every night, on an otherwise idle machine:
//! `cargo test --release --test load -- --nightly` requires that the slowest of a hundred answers is at most twice as slow as
//! just before and just after, and that memory and descriptors don't grow. Parts: `--only lock|import|backup|soak|crowd`,
//! `--rows N` to import, `--stored N` rows for the backup, `--soak SECONDS`, and for the crowd of slow readers `--readers N`
//! and `--report N` rows of their report. At full size: `cargo test --release --test load -- --nightly --only crowd --rows
//! 20000000`.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "each binary uses a part")]
mod common;

mod asking;
mod crowd;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use asking::{Answers, UPLOAD, good, reports_until, row, uploads_until};
use common::program::{Server, ask, pitlane, text};

/// Rows per day that are stored for the backup: campaigns by publishers.
const STORED_A_DAY: u32 = 200 * 40;
/// The first of those days, 1990-odd days after 2000: far from the reported days.
const STORED_FROM: u32 = 40_000;

type Piece = fn(&Plan) -> Result<(), String>;

struct Plan {
    nightly: bool,
    only: Option<String>,
    rows: u32,
    stored: u32,
    lock: Duration,
    idle: Duration,
    soak: Duration,
    readers: u32,
    /// Rows of the slow readers' report.
    report: u32,
    /// Tokens that are revoked during the import.
    revoked: u32,
}

fn main() -> ExitCode {
    let mut plan = Plan {
        nightly: false,
        only: None,
        rows: 20_000,
        stored: 40_000,
        lock: Duration::from_secs(1),
        idle: Duration::from_millis(500),
        soak: Duration::from_secs(3),
        readers: 8,
        report: 40_000,
        revoked: 3,
    };
    let mut args = std::env::args().skip(1);
    let number =
        |given: Option<String>| given.and_then(|n| n.parse::<u32>().ok()).unwrap_or_else(|| panic!("a number"));
    let mut filters = Vec::new();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--nightly" => {
                plan = Plan {
                    nightly: true,
                    only: plan.only,
                    // A million take less than three seconds; in that time the 99th percentile is one of three answers.
                    rows: 4_000_000,
                    // A gigabyte.
                    stored: 40_000_000,
                    lock: Duration::from_secs(10),
                    idle: Duration::from_secs(10),
                    soak: Duration::from_mins(10),
                    readers: 64,
                    // 260 MB.
                    report: 1_000_000,
                    revoked: 100,
                }
            }
            "--only" => plan.only = args.next(),
            "--rows" => plan.rows = number(args.next()),
            "--stored" => plan.stored = number(args.next()),
            "--readers" => plan.readers = number(args.next()),
            "--report" => plan.report = number(args.next()),
            "--soak" => plan.soak = Duration::from_secs(number(args.next()).into()),
            word if !word.starts_with('-') => filters.push(arg),
            _ => {}
        }
    }
    // `cargo test NAME` passes the filter to every test binary.
    if !filters.is_empty() && !filters.iter().any(|filter| "load".contains(filter.as_str())) {
        return ExitCode::SUCCESS;
    }
    let pieces: [(&str, Piece); 5] =
        [("lock", lock), ("import", import), ("backup", backup), ("soak", soak), ("crowd", crowd::crowd)];
    let chosen = pieces.iter().filter(|(name, _)| plan.only.as_deref().is_none_or(|only| only == *name));
    let failed: Vec<_> = chosen.filter_map(|(name, piece)| Some(format!("{name}: {}", piece(&plan).err()?))).collect();
    for words in &failed {
        eprintln!("load: FAILED {words}");
    }
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A server with a month of 20,000 rows, and tokens for it.
struct Site {
    server: Server,
    root: tempfile::TempDir,
    report: String,
    ingest: String,
}

impl Site {
    /// `prepare` may add to the database before the first request.
    fn new(prepare: impl FnOnce(&Path) -> Result<(), String>) -> Result<Self, String> {
        let root = tempfile::tempdir().unwrap();
        let csv = root.path().join("rows.csv");
        write_rows(&csv, 20_000, 0);
        let data = root.path().join("data");
        run(&data, &["import", text(&csv), "--advertiser", "Acme", "--create-missing"])?;
        let issue = |scope| issue(&data, scope);
        let (report, ingest) = (issue("report")?.trim().to_owned(), issue("ingest")?.trim().to_owned());
        prepare(&data)?;
        let mut command = pitlane(&data);
        command.args(["serve", "--rate-limit", "0", "--backup-at", "off"]).stderr(Stdio::null());
        let server = Server::start(command)?;
        Ok(Self { server, root, report, ingest })
    }

    fn data(&self) -> PathBuf {
        self.root.path().join("data")
    }
}

/// Sends requests before, during and after `work`, and compares the slow answers.
fn during(
    plan: &Plan,
    what: &str,
    asking: &(dyn Fn(&AtomicBool) -> Result<Vec<Duration>, String> + Sync),
    work: impl FnOnce() -> Result<(), String>,
) -> Result<(), String> {
    let idle = || {
        while_asking(asking, || {
            std::thread::sleep(plan.idle);
            Ok(())
        })
    };
    let before = idle()?;
    let loaded = Answers::new(while_asking(asking, work)?);
    let idle = Answers::new([before, idle()?].concat());
    println!("load: {what}: before and after: {idle}; meanwhile: {loaded}");
    if plan.nightly && loaded.p99() > idle.p99() * 2 {
        return Err(format!("{what}: p99 is {:?}, against {:?}", loaded.p99(), idle.p99()));
    }
    Ok(())
}

/// Sends requests in another thread during `work`.
fn while_asking(
    asking: &(dyn Fn(&AtomicBool) -> Result<Vec<Duration>, String> + Sync),
    work: impl FnOnce() -> Result<(), String>,
) -> Result<Vec<Duration>, String> {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| asking(&done));
        let worked = work();
        done.store(true, Ordering::Relaxed);
        let answers = asking.join().unwrap();
        worked.and(answers)
    })
}

/// Runs a command that must succeed.
fn run(data: &Path, args: &[&str]) -> Result<String, String> {
    let output = pitlane(data).args(args).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(String::from_utf8(output.stdout).unwrap()) } else { Err(words) }
}

fn issue(data: &Path, scope: &str) -> Result<String, String> {
    run(data, &["token", "create", "--advertiser", "Acme", "--name", "x", "--scope", scope])
}

/// Another process holds the write lock.
fn lock(plan: &Plan) -> Result<(), String> {
    let site = Site::new(|_| Ok(()))?;
    during(plan, "reports", &|until| reports_until(&site.server, &site.report, until), || {
        let lock = rusqlite::Connection::open(site.data().join("pitlane.db")).unwrap();
        lock.execute_batch("begin immediate").unwrap();
        std::thread::scope(|scope| {
            // Writers wait, and get no error about a lock.
            let by_command = scope.spawn(|| issue(&site.data(), "report").map(drop));
            let by_http = scope.spawn(|| good(&site.server.address, &site.ingest, UPLOAD, &row(1)).map(drop));
            std::thread::sleep(plan.lock);
            lock.execute_batch("rollback").unwrap();
            by_command.join().unwrap().and(by_http.join().unwrap())
        })
    })
}

/// A large file is imported.
fn import(plan: &Plan) -> Result<(), String> {
    let site = Site::new(|_| Ok(()))?;
    let csv = site.root.path().join("large.csv");
    write_rows(&csv, plan.rows, 1);
    during(plan, "reports", &|until| reports_until(&site.server, &site.report, until), || {
        run(&site.data(), &["import", text(&csv), "--advertiser", "Acme", "--create-missing"]).map(drop)
    })
}

/// A large database is backed up during reports and a hundred changes a second. The backup is verified and, after the server
/// has stopped, restored.
fn backup(plan: &Plan) -> Result<(), String> {
    let site = Site::new(|data| store_rows(data, plan.stored / STORED_A_DAY))?;
    let reports = |until: &AtomicBool| reports_until(&site.server, &site.report, until);
    let uploads = |until: &AtomicBool| uploads_until(&site.server, &site.ingest, until);
    let back_up = |name| {
        let (file, since) = (site.root.path().join(name), Instant::now());
        run(&site.data(), &["backup", text(&file)])?;
        println!("load: backup of {} MB in {:.1?}", file.metadata().unwrap().len() >> 20, since.elapsed());
        Ok(())
    };
    while_asking(&uploads, || during(plan, "reports", &reports, || back_up("first.db")))?;
    during(plan, "writers", &uploads, || back_up("second.db"))?;
    let Site { mut server, root, .. } = site;
    server.kill();
    let since = Instant::now();
    let file = root.path().join("second.db");
    run(&root.path().join("data"), &["restore", text(&file)])?;
    println!("load: verified and restored in {:?}", since.elapsed());
    Ok(())
}

/// Adds this many days of [`STORED_A_DAY`] rows of another advertiser to the database.
fn store_rows(data: &Path, days: u32) -> Result<(), String> {
    let csv = data.with_file_name("stored.csv");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&csv).unwrap());
    writeln!(file, "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os").unwrap();
    for row in 0..STORED_A_DAY {
        let (campaign, partner) = (row % 200, row / 200);
        writeln!(file, "2000-01-01,C{campaign},P{partner},{row},{row}.25,Offer,Game,com.example.game,ANDROID").unwrap();
    }
    drop(file);
    run(data, &["import", text(&csv), "--advertiser", "Bulk", "--create-missing"])?;
    let conn = rusqlite::Connection::open(data.join("pitlane.db")).unwrap();
    let mut columns = conn.prepare("select name from pragma_table_info('daily_stats')").unwrap();
    let columns: Vec<String> = columns.query_map((), |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let moved = columns.join(", ").replace("day,", "n,");
    let sql = format!(
        "with recursive days (n) as (select {STORED_FROM} union all select n + 1 from days where n + 1 < {STORED_FROM} + {days})
         insert into daily_stats ({})
             select {moved} from days cross join daily_stats
             where advertiser_key = (select advertiser_key from advertisers where name = 'Bulk') and day = 10957",
        columns.join(", ")
    );
    conn.execute_batch(&sql).unwrap();
    conn.query_row("pragma wal_checkpoint(truncate)", (), |_| Ok(())).unwrap();
    Ok(())
}

/// This many rows: a month, and the year before if there are more; each `salt` changes all of them.
fn write_rows(path: &Path, rows: u32, salt: u32) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    writeln!(file, "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os").unwrap();
    for row in 0..rows {
        // Not in the requested month, so that the report's length stays the same.
        let (year, month, rest) = if row < 20_000 { (2026, 1, row) } else { (2025, 1 + row % 12, row / 12) };
        let (day, rest) = (1 + rest % 28, rest / 28);
        let (campaign, partner) = (rest % 200, rest / 200);
        let clicks = row % 1000 + salt;
        writeln!(
            file,
            "{year}-{month:02}-{day:02},C{campaign},P{partner},{clicks},{clicks}.25,Offer C{campaign},Game,com.example.game,ANDROID"
        )
        .unwrap();
    }
}

/// Pages that the soak asks for in turn.
const PAGES: [&str; 8] = [
    "/admin/",
    "/admin/stats",
    "/admin/stats?range=all&by=campaign",
    "/admin/singular",
    "/admin/polls",
    "/admin/imports",
    "/admin/catalogue/campaigns",
    "/admin/audit",
];

/// Mixed requests, 50 a second, pages and imports by the command line among them; after a while memory and descriptors must
/// not grow.
fn soak(plan: &Plan) -> Result<(), String> {
    let site = Site::new(|data| {
        crowd::admit(data);
        Ok(())
    })?;
    let address = &site.server.address;
    let (mut person, _) = crowd::log_in(&site.server);
    let file = site.root.path().join("later.csv");
    let since = Instant::now();
    let mut settled = None;
    let mut sent = 0_u32;
    while since.elapsed() < plan.soak {
        match sent % 10 {
            0 => drop(good(address, &site.ingest, UPLOAD, &row(sent))?),
            1 => drop(good(address, "", "GET /metrics", "")?),
            2 => drop(good(address, "", "GET /readyz", "")?),
            4 if sent % 100 == 4 => {
                write_rows(&file, 1000, sent);
                run(&site.data(), &["import", text(&file), "--advertiser", "Acme", "--create-missing"])?;
            }
            4 | 5 => {
                let page = PAGES[(sent / 5) as usize % PAGES.len()];
                let status = person.get(page).status;
                if status != 200 {
                    return Err(format!("{page} was answered {status}"));
                }
            }
            3 => drop(ask(address, "plt_nobody", asking::REPORT, "").map_err(|error| error.to_string())?),
            _ => drop(good(address, &site.report, asking::REPORT, "")?),
        }
        sent += 1;
        if settled.is_none() && since.elapsed() > plan.soak / 4 {
            settled = Some(used(site.server.child.id()));
        }
        std::thread::sleep(Duration::from_millis(20 * u64::from(sent)).saturating_sub(since.elapsed()));
    }
    let ((memory, files), (memory_after, files_after)) = (settled.unwrap(), used(site.server.child.id()));
    println!("load: soak: {sent} requests; {memory} kB then {memory_after} kB, {files} then {files_after} descriptors");
    if files_after > files + 16 || memory_after > memory + memory / 4 + 8192 {
        return Err("memory or descriptors grew".to_owned());
    }
    Ok(())
}

/// Resident kilobytes and open descriptors of a process.
fn used(process: u32) -> (u64, usize) {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let files = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().count();
    (memory.trim().trim_end_matches(" kB").parse().unwrap(), files)
}
