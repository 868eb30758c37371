//! What other people's work does to a report: held locks, a large import, a backup, ten minutes of everything.
//!
//! `cargo test --test load` runs it small and asks only that nothing fails. By night, on a machine of its own:
//! `cargo test --release --test load -- --nightly [--rows N] [--soak SECONDS]` holds the slowest of a hundred answers to
//! twice what it is when nothing else goes on, and wants memory and descriptors to stay flat.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

#[path = "../shim/mod.rs"]
#[expect(dead_code, reason = "nothing is killed and no disk is bad here")]
mod shim;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use shim::{Server, ask, pitlane, text};

const REPORT: &str = "GET /api/v1/integrations/cost-report/singular/csv?date_from=2026-01-01&date_to=2026-01-31";
const UPLOAD: &str = "POST /api/v1/daily-stats";
const ROW: &str = "date,campaign_name,partner,clicks,cost\n2026-02-01,C0,P0,1,";

struct Size {
    nightly: bool,
    rows: u32,
    lock: Duration,
    idle: Duration,
    soak: Duration,
}

/// How long answers took.
struct Answers {
    name: &'static str,
    took: Vec<Duration>,
}

impl Answers {
    fn p99(&self) -> Duration {
        self.took[self.took.len() * 99 / 100]
    }

    fn tell(&self) {
        println!("load: {}: {} answers, p50 {:?}, p99 {:?}", self.name, self.took.len(), self.p50(), self.p99());
    }

    fn p50(&self) -> Duration {
        self.took[self.took.len() / 2]
    }
}

fn main() -> ExitCode {
    let mut size = Size {
        nightly: false,
        rows: 20_000,
        lock: Duration::from_secs(1),
        idle: Duration::from_secs(1),
        soak: Duration::from_secs(3),
    };
    let mut args = std::env::args().skip(1);
    let number =
        |given: Option<String>| given.and_then(|n| n.parse::<u32>().ok()).unwrap_or_else(|| panic!("a number"));
    let mut filters = Vec::new();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--nightly" => {
                size = Size {
                    nightly: true,
                    rows: 1_000_000,
                    lock: Duration::from_secs(10),
                    idle: Duration::from_secs(10),
                    soak: Duration::from_mins(10),
                }
            }
            "--rows" => size.rows = number(args.next()),
            "--soak" => size.soak = Duration::from_secs(number(args.next()).into()),
            word if !word.starts_with('-') => filters.push(arg),
            _ => {}
        }
    }
    // `cargo test NAME` asks every test binary.
    if !filters.is_empty() && !filters.iter().any(|filter| "load".contains(filter.as_str())) {
        return ExitCode::SUCCESS;
    }
    match run(&size) {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => {
            eprintln!("load: FAILED {words}");
            ExitCode::FAILURE
        }
    }
}

fn run(size: &Size) -> Result<(), String> {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    let csv = root.path().join("rows.csv");
    write_rows(&csv, 20_000, 0);
    let command = |args: &[&str]| {
        let output = pitlane(&data).args(args).output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(String::from_utf8(output.stdout).unwrap()) } else { Err(words) }
    };
    command(&["import", text(&csv), "--advertiser", "Acme", "--create-missing"])?;
    let token = |scope| command(&["token", "create", "--advertiser", "Acme", "--name", "x", "--scope", scope]);
    let (report, ingest) = (token("report")?.trim().to_owned(), token("ingest")?.trim().to_owned());
    let server = Server::start(pitlane(&data), &["--rate-limit", "0", "--backup-at", "off"])?;
    let during = |name, work: &(dyn Fn() -> Result<(), String> + Sync)| reports_during(&server, &report, name, work);

    let idle = during("idle", &|| {
        std::thread::sleep(size.idle);
        Ok(())
    })?;
    let locked = during("while the write lock is held", &|| {
        let lock = rusqlite::Connection::open(data.join("pitlane.db")).unwrap();
        lock.execute_batch("begin immediate").unwrap();
        std::thread::scope(|scope| {
            // Whoever writes waits, and is not told of a lock.
            let waiting = scope.spawn(|| token("report"));
            std::thread::sleep(size.lock);
            lock.execute_batch("rollback").unwrap();
            waiting.join().unwrap().map(drop)
        })
    })?;
    write_rows(&csv, size.rows, 1);
    let import = during("during an import", &|| {
        command(&["import", text(&csv), "--advertiser", "Acme", "--create-missing"]).map(drop)
    })?;
    let writes = |name, until: &AtomicBool| uploads(&server, &ingest, name, until);
    let writing_idle = {
        let until = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let writing = scope.spawn(|| writes("writers when nothing else goes on", &until));
            std::thread::sleep(size.idle);
            until.store(true, Ordering::Relaxed);
            writing.join().unwrap()
        })?
    };
    let file = root.path().join("backup.db");
    let mut writing = None;
    let until = AtomicBool::new(false);
    let backup = std::thread::scope(|scope| {
        let uploading = scope.spawn(|| writes("writers during a backup", &until));
        let backup = during("during a backup", &|| command(&["backup", text(&file)]).map(drop));
        until.store(true, Ordering::Relaxed);
        writing = Some(uploading.join().unwrap());
        backup
    })?;
    println!("load: the backup holds {} MB", file.metadata().unwrap().len() >> 20);
    command(&["verify", text(&file)])?;
    let writing = writing.unwrap()?;
    soak(size, &server, &report, &ingest)?;

    for answers in [&idle, &locked, &import, &backup, &writing_idle, &writing] {
        answers.tell();
    }
    let pairs = [(&idle, &locked), (&idle, &import), (&idle, &backup), (&writing_idle, &writing)];
    for (idle, loaded) in pairs.into_iter().filter(|_| size.nightly) {
        if loaded.p99() > idle.p99() * 2 {
            return Err(format!("{}: p99 is {:?}, against {:?}", loaded.name, loaded.p99(), idle.p99()));
        }
    }
    Ok(())
}

/// So many rows over a month; each `salt` restates all of them.
fn write_rows(path: &Path, rows: u32, salt: u32) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    writeln!(file, "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os").unwrap();
    for row in 0..rows {
        // Past the month that is asked for, so that the report stays as long as it is.
        let (month, rest) = if row < 20_000 { (1, row) } else { (2 + row % 11, row / 11) };
        let (day, rest) = (1 + rest % 28, rest / 28);
        let (campaign, partner) = (rest % 200, rest / 200);
        let clicks = row % 1000 + salt;
        writeln!(
            file,
            "2026-{month:02}-{day:02},C{campaign},P{partner},{clicks},{clicks}.25,Offer C{campaign},Game,com.example.game,ANDROID"
        )
        .unwrap();
    }
}

/// Asks for a month again and again while `work` is under way.
fn reports_during(
    server: &Server,
    token: &str,
    name: &'static str,
    work: &(dyn Fn() -> Result<(), String> + Sync),
) -> Result<Answers, String> {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut took = Vec::new();
            while !done.load(Ordering::Relaxed) || took.len() < 20 {
                took.push(good(&server.address, token, REPORT, "")?);
                std::thread::sleep(Duration::from_millis(5));
            }
            took.sort_unstable();
            Ok(Answers { name, took })
        });
        let worked = work();
        done.store(true, Ordering::Relaxed);
        let answers = asking.join().unwrap();
        worked.map_err(|words| format!("{name}: {words}"))?;
        answers.map_err(|words: String| format!("{name}: {words}"))
    })
}

/// A hundred small imports a second.
fn uploads(server: &Server, token: &str, name: &'static str, until: &AtomicBool) -> Result<Answers, String> {
    let mut took = Vec::new();
    while !until.load(Ordering::Relaxed) || took.len() < 20 {
        let mut body = ROW.to_owned();
        writeln!(body, "{}", took.len()).unwrap();
        took.push(good(&server.address, token, UPLOAD, &body)?);
        std::thread::sleep(Duration::from_millis(10));
    }
    took.sort_unstable();
    Ok(Answers { name, took })
}

/// How long a good answer took; any other is an error.
fn good(address: &str, token: &str, request: &str, body: &str) -> Result<Duration, String> {
    let since = Instant::now();
    let (status, body) = ask(address, token, request, body).map_err(|error| error.to_string())?;
    if status == 200 { Ok(since.elapsed()) } else { Err(format!("{status}: {}", String::from_utf8_lossy(&body))) }
}

/// Mixed requests, 50 a second; memory and descriptors must not grow once things have settled.
fn soak(size: &Size, server: &Server, report: &str, ingest: &str) -> Result<(), String> {
    let since = Instant::now();
    let mut settled = None;
    let mut sent = 0_u32;
    while since.elapsed() < size.soak {
        match sent % 10 {
            0 => drop(good(&server.address, ingest, UPLOAD, &format!("{ROW}{sent}\n"))?),
            1 => drop(good(&server.address, "", "GET /metrics", "")?),
            2 => drop(good(&server.address, "", "GET /readyz", "")?),
            3 => drop(ask(&server.address, "plt_nobody", REPORT, "").map_err(|error| error.to_string())?),
            _ => drop(good(&server.address, report, REPORT, "")?),
        }
        sent += 1;
        if settled.is_none() && since.elapsed() > size.soak / 4 {
            settled = Some(used(server.child.id()));
        }
        std::thread::sleep(Duration::from_millis(20 * u64::from(sent)).saturating_sub(since.elapsed()));
    }
    let ((memory, files), (memory_after, files_after)) = (settled.unwrap(), used(server.child.id()));
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
