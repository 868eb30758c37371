//! Kills the real program at random moments, under load, and holds what is left against a ledger kept outside.
//!
//! `cargo test --test crash` runs 50 cycles, half of them with a power cut: what was written and not flushed is lost. Then
//! the negative control: the same with a disk that does not flush when told to, where losses must be found.
//! By hand: `cargo test --release --test crash -- --cycles 1000 [--seed N]`, and `-- --control` for the control alone.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]
#![expect(clippy::cast_possible_truncation, reason = "small numbers")]

#[path = "../shim/mod.rs"]
mod shim;

mod chance;
mod disk;
mod drills;
mod ledger;
mod plant;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use chance::Chance;
use ledger::{Figures, Life, Token, Writer, read_report};
use plant::{End, Plant};
use shim::{Server, ask, text};

/// Writers that send over HTTP; one more uses the command line.
const HTTP_WRITERS: usize = 2;
/// Cycles the control has to find a loss.
const CONTROL_CYCLES: u32 = 30;
const REPORT: &str = "GET /api/v1/integrations/cost-report/singular/csv?date_from=2026-01-01&date_to=2026-12-31";
const ONE_DAY: &str = "GET /api/v1/integrations/cost-report/singular/csv?date_from=2025-01-01&date_to=2025-01-01";

#[derive(Default)]
struct Counts {
    imports: AtomicUsize,
    issued: AtomicUsize,
    revoked: AtomicUsize,
    backups: AtomicUsize,
    restores: AtomicUsize,
    first_starts: AtomicUsize,
    power_cuts: usize,
    unflushed: usize,
}

struct Run {
    plant: Plant,
    scratch: PathBuf,
    chance: Chance,
    report_token: String,
    ingest_token: String,
    writers: Vec<Mutex<Writer>>,
    tokens: Mutex<Vec<Token>>,
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
    // `cargo test NAME` asks every test binary.
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

/// So many cycles; an error says what was lost.
fn run(cycles: u32, seed: u32, lie: bool) -> Result<String, String> {
    let root = tempfile::tempdir().unwrap();
    let mut run = Run::new(root.path(), seed.into(), lie)?;
    for cycle in 0..cycles {
        run.cycle(cycle, lie || cycle % 2 == 1).map_err(|words| format!("in cycle {cycle} of seed {seed}: {words}"))?;
    }
    let (counts, of) = (&run.counts, |count: &AtomicUsize| count.load(Ordering::Relaxed));
    Ok(format!(
        "{cycles} kills ({} power cuts that took {} writes) among {} imports, {} tokens issued, {} revoked, {} backups, \
         {} restores, {} first starts",
        counts.power_cuts,
        counts.unflushed,
        of(&counts.imports),
        of(&counts.issued),
        of(&counts.revoked),
        of(&counts.backups),
        of(&counts.restores),
        of(&counts.first_starts),
    ))
}

impl Run {
    fn new(root: &Path, seed: u64, lie: bool) -> Result<Self, String> {
        let plant = Plant { data_dir: root.join("data"), undo: root.join("undo"), shim: shim::compile(root), lie };
        let scratch = root.join("scratch");
        std::fs::create_dir(&plant.undo).unwrap();
        std::fs::create_dir(&scratch).unwrap();
        plant.must(&["advertiser", "create", "--name", "Acme"])?;
        let issue = |scope| plant.must(&["token", "create", "--advertiser", "Acme", "--name", "x", "--scope", scope]);
        let (report_token, ingest_token) = (issue("report")?.trim().to_owned(), issue("ingest")?.trim().to_owned());
        disk::forget(&plant.undo).unwrap();
        Ok(Self {
            plant,
            scratch,
            chance: Chance::new(seed),
            report_token,
            ingest_token,
            writers: (0..=HTTP_WRITERS).map(|_| Mutex::default()).collect(),
            tokens: Mutex::default(),
            counts: Counts::default(),
        })
    }

    fn cycle(&mut self, cycle: u32, power_cut: bool) -> Result<(), String> {
        let mut server = self.plant.serve()?;
        let load = Duration::from_millis(30 + self.chance.below(470));
        let stop = AtomicBool::new(false);
        let chances: Vec<Chance> = (0..HTTP_WRITERS + 3).map(|_| self.chance.split()).collect();
        let mut chances = chances.into_iter();
        std::thread::scope(|scope| {
            let (run, stop) = (&*self, &stop);
            let address = server.address.clone();
            let mut next = || chances.next().unwrap();
            for number in 0..HTTP_WRITERS {
                let (address, mut chance) = (address.clone(), next());
                scope.spawn(move || run.write_over_http(number, &address, &mut chance, stop));
            }
            let (mut for_files, mut for_tokens) = (next(), next());
            scope.spawn(move || run.write_files(HTTP_WRITERS, &mut for_files, stop));
            scope.spawn(move || run.issue_and_revoke(&mut for_tokens, stop));
            scope.spawn(move || run.back_up(cycle, stop));
            std::thread::sleep(load);
            stop.store(true, Ordering::Relaxed);
            server.kill();
        });
        self.after_kill(power_cut);
        self.check_all(cycle)?;
        if cycle % 5 == 2 {
            self.restore(cycle, power_cut)?;
            self.check_all(cycle)?;
        }
        if cycle % 5 == 4 {
            self.first_start(cycle, power_cut)?;
        }
        Ok(())
    }

    fn after_kill(&mut self, power_cut: bool) {
        if power_cut {
            self.counts.power_cuts += 1;
            self.counts.unflushed += disk::cut_power(&self.plant.data_dir, &self.plant.undo, &mut self.chance).unwrap();
        } else {
            disk::forget(&self.plant.undo).unwrap();
        }
    }

    fn write_over_http(&self, number: usize, address: &str, chance: &mut Chance, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            let csv = self.writers[number].lock().unwrap().batch(number, chance);
            let request = "POST /api/v1/daily-stats?create_missing=true";
            match ask(address, &self.ingest_token, request, &csv) {
                Ok((200, body)) if body.ends_with(b"}") => {
                    self.writers[number].lock().unwrap().acknowledge();
                    self.counts.imports.fetch_add(1, Ordering::Relaxed);
                }
                Ok((status, body)) if !stop.load(Ordering::Relaxed) => {
                    panic!("an import was answered {status}: {}", String::from_utf8_lossy(&body))
                }
                // No answer: it may be there or not.
                Ok(_) | Err(_) => return,
            }
        }
    }

    fn write_files(&self, number: usize, chance: &mut Chance, stop: &AtomicBool) {
        let file = self.scratch.join("import.csv");
        while !stop.load(Ordering::Relaxed) {
            let csv = self.writers[number].lock().unwrap().batch(number, chance);
            std::fs::write(&file, csv).unwrap();
            match self.plant.run(&["import", text(&file), "--advertiser", "Acme", "--create-missing"], stop) {
                End::Done(_) => {
                    self.writers[number].lock().unwrap().acknowledge();
                    self.counts.imports.fetch_add(1, Ordering::Relaxed);
                }
                End::Failed(words) => panic!("an import failed: {words}"),
                End::Killed => return,
            }
        }
    }

    fn issue_and_revoke(&self, chance: &mut Chance, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            let issued = self.plant.run(&["token", "create", "--advertiser", "Acme", "--name", "y"], stop);
            match issued {
                End::Done(secret) => {
                    let token = Token { secret: secret.trim().to_owned(), life: Life::Live };
                    self.tokens.lock().unwrap().push(token);
                    self.counts.issued.fetch_add(1, Ordering::Relaxed);
                }
                End::Failed(words) => panic!("a token could not be issued: {words}"),
                End::Killed => return,
            }
            if chance.below(2) == 0 && !self.revoke_one(chance, stop) {
                return;
            }
        }
    }

    /// Revokes a live token; false when that was killed.
    fn revoke_one(&self, chance: &mut Chance, stop: &AtomicBool) -> bool {
        let (at, id) = {
            let mut tokens = self.tokens.lock().unwrap();
            let at = chance.below(tokens.len() as u64) as usize;
            if tokens[at].life != Life::Live {
                return true;
            }
            tokens[at].life = Life::Unsure;
            (at, tokens[at].id().to_owned())
        };
        match self.plant.run(&["token", "revoke", &id], stop) {
            End::Done(_) => {
                self.tokens.lock().unwrap()[at].life = Life::Revoked;
                self.counts.revoked.fetch_add(1, Ordering::Relaxed);
                true
            }
            End::Failed(words) => panic!("a token could not be revoked: {words}"),
            End::Killed => false,
        }
    }

    fn back_up(&self, cycle: u32, stop: &AtomicBool) {
        for number in 0.. {
            let file = self.scratch.join(format!("{cycle}-{number}.db"));
            match self.plant.run(&["backup", text(&file)], stop) {
                End::Done(_) => drop(self.counts.backups.fetch_add(1, Ordering::Relaxed)),
                End::Failed(words) => panic!("a backup failed: {words}"),
                End::Killed => return,
            }
        }
    }

    /// Holds everything against the ledger: the file, the figures, the tokens, the backups that have a name.
    fn check_all(&mut self, cycle: u32) -> Result<(), String> {
        self.plant.must(&["verify", text(&self.plant.data_dir.join("pitlane.db"))])?;
        let server = self.plant.serve()?;
        let reported = self.reported(&server)?;
        for (number, writer) in self.writers.iter().enumerate() {
            writer.lock().unwrap().settle(number, &reported)?;
        }
        let mut tokens = self.tokens.lock().unwrap();
        let (count, last) = (tokens.len() as u64, tokens.len().saturating_sub(2));
        for (at, token) in tokens.iter_mut().enumerate() {
            // A look at a token not seen before takes Argon2's time, so the old ones take turns.
            if at >= last || token.life == Life::Unsure || self.chance.below(count) < 5 {
                let answer = ask(&server.address, &token.secret, ONE_DAY, "");
                token.settle(answer.map_err(|error| error.to_string())?.0)?;
            }
        }
        for entry in std::fs::read_dir(&self.scratch).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.extension().is_some_and(|ending| ending == "db") && !name.starts_with('.') {
                self.plant.must(&["verify", text(&path)]).map_err(|words| format!("cycle {cycle}: {words}"))?;
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
        let by_command = self.plant.must(&[
            "report",
            "--advertiser",
            "Acme",
            "--from",
            "2026-01-01",
            "--to",
            "2026-12-31",
            "--format",
            "csv",
        ])?;
        if by_command.as_bytes() != csv {
            return Err("the command and the server report different things".to_owned());
        }
        read_report(&csv)
    }
}
