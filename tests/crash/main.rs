//! Kills the program at random moments under load, and compares what is left with a record kept outside of it.
//!
//! `cargo test --test crash` runs 50 cycles, half of them with a simulated power cut: what was not flushed is lost. Then
//! follows the control: the same with a disk that doesn't flush, where losses must be found. By hand: `cargo test --release
//! --test crash -- --cycles 1000 [--seed N]`, and `-- --control` for the control alone.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]
#![expect(clippy::cast_possible_truncation, reason = "small numbers")]

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "each binary uses a part")]
mod common;

mod admin_client;
mod alarms;
mod commands;
mod counts;
mod disk;
mod drills;
mod feeds;
mod ledger;
mod merging;
mod process;
mod upgrades;
mod uploads;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use alarms::Alarm;
use common::http::Person;
use common::program::{Server, ask, run_on, text};
use common::rng::Rng;
use counts::Counts;
use feeds::Feed;
use ledger::{Figures, Life, Session, Setting, Token, Writer, read_report};
use process::Process;
use upgrades::Old;
use uploads::Pending;

/// Writers that send over HTTP. One more uses the command line, the next edits cells, then one merges campaigns, and the last
/// one uploads files.
const HTTP_WRITERS: usize = 2;
const CLERK: usize = HTTP_WRITERS + 1;
const MERGER: usize = CLERK + 1;
const UPLOADER: usize = MERGER + 1;
/// Within this many cycles the control must find a loss.
const CONTROL_CYCLES: u32 = 30;
const REPORT: &str = "GET /api/v1/integrations/cost-report/singular/csv?date_from=2026-01-01&date_to=2026-12-31";
const REPORT_COMMAND: [&str; 5] = ["report", "--advertiser", "Acme", "--format", "csv"];
/// The hour from which on missing stats raise an alarm, unless it is set.
const ALARM_HOUR: u32 = 12;
/// How many sessions are checked after each kill.
const SESSIONS: usize = 12;
/// A report of one day and cell, whose offer is turned on and off.
const ONE_DAY: &str = "GET /api/v1/integrations/cost-report/singular/csv?date_from=2025-01-01&date_to=2025-01-01";
const FIRST: &str = "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n\
     2025-01-01,Switched,Lumen,1,1,Switched,Game,com.example.game,ANDROID\n\
     2026-01-01,W3-C0,Lumen,1,1,Offer W3-C0,Game,com.example.game,ANDROID\n\
     2026-01-02,W4-Kept,Lumen,1,1,Merged,Game,com.example.game,ANDROID\n\
     2026-01-02,W4-Spare,Lumen,2,2,Merged,Game,com.example.game,ANDROID\n";

struct Run {
    process: Process,
    scratch: PathBuf,
    rng: Rng,
    report_token: String,
    ingest_token: String,
    writers: Vec<Mutex<Writer>>,
    tokens: Mutex<Vec<Token>>,
    sessions: Mutex<Vec<Session>>,
    switch: Mutex<Setting<bool>>,
    feeds: Mutex<Vec<Feed>>,
    alarm_hour: Mutex<Setting<u32>>,
    alarm: Mutex<Alarm>,
    uploader: Mutex<Option<Person>>,
    upload: Mutex<Option<Pending>>,
    /// The figures of the campaigns before the last merge.
    before_merge: Mutex<Figures>,
    /// The ids of the offer that is turned on and off, and of the entries of the admin's cells.
    offer: String,
    cell_campaign: String,
    cell_publisher: String,
    /// How long a command takes, and a restore without a kill.
    command_takes: Duration,
    restore_takes: Duration,
    /// A database of each old schema, from when it is first needed.
    old: Vec<Option<Old>>,
    counts: Counts,
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (mut cycles, mut seed, mut control_only, mut filters) = (50, 1, false, Vec::new());
    let number = |given: Option<String>| given.and_then(|n| n.parse::<u32>().ok());
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--cycles" => cycles = number(args.next()).unwrap_or_else(|| panic!("--cycles takes a number")),
            "--seed" => seed = number(args.next()).unwrap_or_else(|| panic!("--seed takes a number")),
            "--control" => control_only = true,
            word if !word.starts_with('-') => filters.push(arg),
            _ => {}
        }
    }
    // `cargo test NAME` passes the filter to every test binary.
    if !filters.is_empty() && !filters.iter().any(|filter| "crash".contains(filter.as_str())) {
        return ExitCode::SUCCESS;
    }
    if !control_only {
        match run(cycles, seed, false) {
            Ok(words) => println!("crash: {words}; nothing acknowledged was lost"),
            Err(words) => {
                eprintln!("crash: FAILED {words}");
                return ExitCode::FAILURE;
            }
        }
    }
    match run(CONTROL_CYCLES, seed, true) {
        Ok(words) => {
            eprintln!("crash: FAILED the negative control found nothing in {words}");
            ExitCode::FAILURE
        }
        Err(words) => {
            println!("crash: the negative control fails as it must, {words}");
            ExitCode::SUCCESS
        }
    }
}

/// Runs `cycles` cycles; an error says what was lost.
fn run(cycles: u32, seed: u32, lie: bool) -> Result<String, String> {
    let root = tempfile::tempdir().unwrap();
    let mut run = Run::new(root.path(), seed.into(), lie)?;
    for cycle in 0..cycles {
        run.cycle(cycle, lie || cycle % 2 == 1).map_err(|words| format!("in cycle {cycle} of seed {seed}: {words}"))?;
    }
    let said = std::fs::read_to_string(&run.process.words).unwrap();
    if said.contains("panicked") {
        return Err(format!("the server panicked: {said}"));
    }
    run.counts.check(cycles)?;
    Ok(format!("{cycles} kills of a server under load {}", run.counts.words()))
}

impl Run {
    fn new(root: &Path, seed: u64, lie: bool) -> Result<Self, String> {
        let (alarm_webhook, alarm) = alarms::receiver();
        let process = Process {
            data_dir: root.join("data"),
            undo: root.join("undo"),
            shim: common::shim::compile(root),
            words: root.join("server.log"),
            alarm_webhook,
            lie,
        };
        let scratch = root.join("scratch");
        std::fs::create_dir(&process.undo).unwrap();
        std::fs::create_dir(&scratch).unwrap();
        let first = scratch.join("first.csv");
        std::fs::write(&first, FIRST).unwrap();
        process.must(&["import", text(&first), "--advertiser", "Acme", "--create-missing"])?;
        alarms::found(&process, &scratch)?;
        let mut admit = process.command();
        admit.args(["admin", "create", "--email", admin_client::EMAIL, "--password-stdin"]);
        run_on(admit, admin_client::PASSWORD).done();
        let since = Instant::now();
        let issue = |scope| process.must(&["token", "create", "--advertiser", "Acme", "--name", "x", "--scope", scope]);
        let (report_token, ingest_token) = (issue("report")?.trim().to_owned(), issue("ingest")?.trim().to_owned());
        let command_takes = since.elapsed() / 2;
        let report = process.must(&[&REPORT_COMMAND[..], &["--from", "2025-01-01", "--to", "2026-12-31"]].concat())?;
        let cell =
            |row: usize, column: usize| report.lines().nth(row).unwrap().split(',').nth(column).unwrap().to_owned();
        let writers: Vec<Mutex<Writer>> = (0..=UPLOADER).map(|_| Mutex::default()).collect();
        let known =
            |day: &str, campaign: &str, count| ((day.to_owned(), campaign.to_owned()), (count * 1_000_000, count));
        writers[CLERK].lock().unwrap().acknowledged = Figures::from([known("2026-01-01", "W3-C0", 1)]);
        writers[MERGER].lock().unwrap().acknowledged =
            Figures::from([known("2026-01-02", "W4-Kept", 1), known("2026-01-02", "W4-Spare", 2)]);
        disk::forget(&process.undo).unwrap();
        Ok(Self {
            old: Old::SCHEMAS.map(|_| None).into(),
            process,
            scratch,
            rng: Rng::new(seed),
            report_token,
            ingest_token,
            writers,
            tokens: Mutex::default(),
            sessions: Mutex::default(),
            switch: Mutex::new(Setting::of(true)),
            feeds: Mutex::default(),
            alarm_hour: Mutex::new(Setting::of(ALARM_HOUR)),
            alarm: Mutex::new(alarm),
            uploader: Mutex::default(),
            upload: Mutex::default(),
            before_merge: Mutex::default(),
            // An offer's first campaign has the offer's id.
            offer: cell(1, 7),
            cell_campaign: cell(2, 7),
            cell_publisher: cell(2, 2),
            command_takes,
            restore_takes: Duration::from_millis(50),
            counts: Counts { upgrades: Old::SCHEMAS.map(|(schema, _)| (schema, 0)).into(), ..Counts::default() },
        })
    }

    fn cycle(&mut self, cycle: u32, power_cut: bool) -> Result<(), String> {
        if cycle.is_multiple_of(3) {
            self.turn_alarm();
        }
        let mut server = self.process.serve()?;
        // On a slow machine a kill waits longer, so that something was acknowledged before.
        let longest = Duration::from_millis(470).max(self.command_takes * 10);
        let load = Duration::from_millis(30 + self.rng.below(longest.as_millis() as u64));
        let stop = AtomicBool::new(false);
        let chances: Vec<Rng> = (0..HTTP_WRITERS + 5).map(|_| self.rng.split()).collect();
        let mut chances = chances.into_iter();
        std::thread::scope(|scope| {
            let (run, stop) = (&*self, &stop);
            let address = server.address.clone();
            let mut next = || chances.next().unwrap();
            for number in 0..HTTP_WRITERS {
                let (address, mut rng) = (address.clone(), next());
                scope.spawn(move || run.write_over_http(number, &address, &mut rng, stop));
            }
            let (mut for_files, mut for_tokens, mut for_pages, mut for_commands) = (next(), next(), next(), next());
            scope.spawn(move || run.write_files(HTTP_WRITERS, &mut for_files, stop));
            scope.spawn(move || run.issue_and_revoke(&mut for_tokens, stop));
            let (at, mut for_uploads) = (address.clone(), next());
            scope.spawn(move || run.upload_files(&at, &mut for_uploads, stop));
            scope.spawn(move || run.work_at_the_pages(&address, &mut for_pages, stop));
            scope.spawn(move || run.run_commands(&mut for_commands, stop));
            scope.spawn(move || run.back_up(cycle, stop));
            std::thread::sleep(load);
            stop.store(true, Ordering::Relaxed);
            server.kill();
        });
        self.after_kill(power_cut);
        self.check_all(cycle)?;
        match cycle % 5 {
            1 | 2 => {
                self.restore(cycle, power_cut)?;
                self.check_all(cycle)?;
            }
            3 => self.upgrade(cycle, power_cut)?,
            4 => self.first_start(cycle, power_cut)?,
            _ => {}
        }
        Ok(())
    }

    fn after_kill(&mut self, power_cut: bool) {
        if power_cut {
            self.counts.power_cuts += 1;
            self.counts.unflushed +=
                disk::cut_power(&self.process.data_dir, &self.process.undo, &mut self.rng).unwrap();
        } else {
            disk::forget(&self.process.undo).unwrap();
        }
    }

    fn write_over_http(&self, number: usize, address: &str, rng: &mut Rng, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            let csv = self.writers[number].lock().unwrap().batch(number, rng);
            let request = "POST /api/v1/daily-stats?create_missing=true";
            match ask(address, &self.ingest_token, request, &csv) {
                Ok((200, body)) if body.ends_with(b"}") => {
                    self.writers[number].lock().unwrap().acknowledge();
                    self.counts.imports.fetch_add(1, Ordering::Relaxed);
                }
                Ok((status, body)) if !stop.load(Ordering::Relaxed) => {
                    panic!("an import was answered {status}: {}", String::from_utf8_lossy(&body))
                }
                // No answer: it may have happened or not.
                Ok(_) | Err(_) => return,
            }
        }
    }

    fn write_files(&self, number: usize, rng: &mut Rng, stop: &AtomicBool) {
        let file = self.scratch.join("import.csv");
        while !stop.load(Ordering::Relaxed) {
            let csv = self.writers[number].lock().unwrap().batch(number, rng);
            std::fs::write(&file, csv).unwrap();
            let args = ["import", text(&file), "--advertiser", "Acme", "--create-missing"];
            if self.process.done(&args, stop).is_none() {
                return;
            }
            self.writers[number].lock().unwrap().acknowledge();
            self.counts.imports.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Compares everything with the record: the database, the figures, what is open or ended, the settings, the finished backups.
    fn check_all(&mut self, cycle: u32) -> Result<(), String> {
        self.check_told_alarm()?;
        self.process.must(&["verify", text(&self.process.data_dir.join("pitlane.db"))])?;
        let server = self.process.serve()?;
        let reported = self.reported(&server)?;
        for (number, writer) in self.writers.iter().enumerate() {
            writer.lock().unwrap().settle(number, &reported)?;
        }
        self.check_merge()?;
        self.check_feeds(&server, &reported)?;
        self.check_upload(&server)?;
        self.check_alarm()?;
        let mut tokens = self.tokens.lock().unwrap();
        let (count, last) = (tokens.len() as u64, tokens.len().saturating_sub(2));
        for (at, token) in tokens.iter_mut().enumerate() {
            // Checking a token for the first time takes as long as Argon2, so old tokens take turns.
            if at >= last || token.life == Life::Unsure || self.rng.below(count) < 5 {
                let answer = ask(&server.address, &token.secret, ONE_DAY, "");
                token.settle(answer.map_err(|error| error.to_string())?.0)?;
            }
        }
        drop(tokens);
        let day = ask(&server.address, &self.report_token, ONE_DAY, "").map_err(|error| error.to_string())?.1;
        self.switch.lock().unwrap().settle("the offer's switch", !read_report(&day)?.is_empty())?;
        let mut sessions = self.sessions.lock().unwrap();
        let old = sessions.len().saturating_sub(SESSIONS);
        sessions.drain(..old);
        for session in sessions.iter_mut() {
            let answer = session.home(&server.address).map_err(|error| error.to_string())?;
            session.settle(answer.status)?;
        }
        for entry in std::fs::read_dir(&self.scratch).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.extension().is_some_and(|ending| ending == "db") && !name.starts_with('.') {
                self.process.must(&["verify", text(&path)]).map_err(|words| format!("cycle {cycle}: {words}"))?;
                std::fs::remove_file(path).unwrap();
            }
        }
        Ok(())
    }

    fn reported(&self, server: &Server) -> Result<Figures, String> {
        let (status, csv) = ask(&server.address, &self.report_token, REPORT, "").map_err(|error| error.to_string())?;
        if status != 200 {
            return Err(format!("the report answers {status}: {}", String::from_utf8_lossy(&csv)));
        }
        let by_command =
            self.process.must(&[&REPORT_COMMAND[..], &["--from", "2026-01-01", "--to", "2026-12-31"]].concat())?;
        if by_command.as_bytes() != csv {
            return Err("the command and the server report different things".to_owned());
        }
        read_report(&csv)
    }
}
