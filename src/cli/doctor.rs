//! `pitlane doctor`: checks the installation and says what to do.

mod proxies;
mod sums;

use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::output::AlreadyPrinted;
use super::{moment, open_existing, print, print_json};
use crate::config::Global;
use crate::domain::phrase;
use crate::service::ServiceResult;
use crate::service::backups::{BackupStatus, CopyStatus};
use crate::service::certificates::CertificateStatus;
use crate::service::ledger::{HandoverState, Tally};
use crate::service::status::{PollingState, PollingStatus, Setup};
use crate::store::{FilesystemKind, ReadTxn, SCHEMA_VERSION, Store, StoreResult, filesystem_kind, free_space};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    /// It works, but Singular won't get what it should.
    Advice,
    Problem,
}

#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    #[serde(rename = "words")]
    message: String,
}

/// Databases up to this size are always checked completely, which takes about a second.
const SMALL: u64 = 64 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Check the whole file, however large it is, and compare the stored sums with the cells
    #[arg(long)]
    deep: bool,
    /// Compute the sums of those months again whose stored sums differ from their cells
    #[arg(long, requires = "deep")]
    mend_sums: bool,
}

pub(super) fn run(global: &Global, args: &Args) -> anyhow::Result<()> {
    let store = open_existing(global)?;
    let mut findings = vec![
        or_problem("sqlite", sqlite(&store)),
        or_problem("schema", schema(&store)),
        or_problem("integrity", integrity(&store, args.deep)),
        writable(&store),
        free_disk_space(&store),
        filesystem_of(global),
        or_problem("backups", backups(global)),
        copies(global),
        or_problem("leftovers", leftovers(global)),
        privacy("privacy", &global.data_dir),
        privacy("backups dir", &global.data_dir.join(Store::BACKUPS)),
    ];
    if args.deep {
        match sums::findings(&store, args.mend_sums) {
            Ok(found) => findings.extend(found),
            Err(error) => findings.push(problem(sums::CHECK, &error)),
        }
    }
    findings.extend(certificate(global));
    match proxies::findings(global, &store) {
        Ok(found) => findings.extend(found),
        Err(error) => findings.push(problem("proxies", &error)),
    }
    match store.read(advertisers) {
        Ok(found) => findings.extend(found),
        Err(error) => findings.push(problem("advertisers", &error)),
    }
    if global.json {
        print_json(&findings)?;
    } else {
        for Finding { check, verdict, message } in &findings {
            let mark = match verdict {
                Verdict::Ok => "ok      ",
                Verdict::Advice => "advice  ",
                Verdict::Problem => "PROBLEM ",
            };
            print(format_args!("{mark} {check:<12} {message}"))?;
        }
    }
    let problems = findings.iter().filter(|finding| finding.verdict == Verdict::Problem).count();
    if problems > 0 {
        return Err(AlreadyPrinted(format!("{problems} of {} checks found a problem", findings.len())).into());
    }
    Ok(())
}

/// A check's finding, or that the check itself failed. The other checks go on.
fn or_problem<E: std::fmt::Display>(check: &'static str, found: Result<Finding, E>) -> Finding {
    found.unwrap_or_else(|error| problem(check, &error))
}

fn problem(check: &'static str, error: &dyn std::fmt::Display) -> Finding {
    Finding { check, verdict: Verdict::Problem, message: error.to_string() }
}

fn sqlite(store: &Store) -> StoreResult<Finding> {
    let version = Store::sqlite_version();
    Ok(if store.shows_pages()? {
        Finding { check: "sqlite", verdict: Verdict::Ok, message: format!("SQLite {version}") }
    } else {
        Finding {
            check: "sqlite",
            verdict: Verdict::Advice,
            message: format!("SQLite {version}, {}", Store::SLOW_BUILD),
        }
    })
}

fn schema(store: &Store) -> StoreResult<Finding> {
    let (found, missing) = (store.schema_version()?, store.schema_missing()?);
    let is_whole = found == SCHEMA_VERSION && missing.is_empty();
    let message = if missing.is_empty() {
        format!("schema {found}, this program works with {SCHEMA_VERSION}")
    } else {
        format!("schema {found} lacks {}: restore a backup", missing.join(", "))
    };
    Ok(Finding { check: "schema", verdict: if is_whole { Verdict::Ok } else { Verdict::Problem }, message })
}

fn integrity(store: &Store, deep: bool) -> StoreResult<Finding> {
    let size = std::fs::metadata(store.path()).map_or(0, |file| file.len());
    if !deep && size > SMALL {
        let message = format!(
            "not checked completely, because the file has {} MB: pitlane doctor --deep does that. Each nightly backup \
             verifies the same",
            size >> 20
        );
        return Ok(Finding { check: "integrity", verdict: Verdict::Ok, message });
    }
    let problems = store.integrity_problems()?;
    Ok(match problems.first() {
        None => Finding {
            check: "integrity",
            verdict: Verdict::Ok,
            message: "the file and its references are sound".into(),
        },
        Some(first) => Finding {
            check: "integrity",
            verdict: Verdict::Problem,
            message: format!("{} problems, the first: {first}. Stop the server and put a backup back", problems.len()),
        },
    })
}

fn writable(store: &Store) -> Finding {
    let (verdict, message) = match store.can_write_now() {
        Ok(true) => (Verdict::Ok, "the database can be written".to_owned()),
        Ok(false) => {
            let words = "somebody has been writing for more than a second. That is right while an import runs";
            (Verdict::Advice, words.to_owned())
        }
        Err(error) => (Verdict::Problem, format!("{error}. Is the disk full or read-only?")),
    };
    Finding { check: "writing", verdict, message }
}

fn free_disk_space(store: &Store) -> Finding {
    let (verdict, message) = match store.ensure_free_space() {
        Ok(()) => {
            let free =
                free_space(store.path()).map_or_else(|| "enough".to_owned(), |free| format!("{} MB", free >> 20));
            (Verdict::Ok, format!("{free} free on the disk"))
        }
        Err(error) => (Verdict::Problem, error.to_string()),
    };
    Finding { check: "disk", verdict, message }
}

fn filesystem_of(global: &Global) -> Finding {
    let dir = global.data_dir.display();
    let (verdict, message) = match filesystem_kind(&global.data_dir) {
        FilesystemKind::Local => (Verdict::Ok, format!("{dir} is on a local file system")),
        FilesystemKind::Suspect(kind) => {
            (Verdict::Advice, format!("{dir} is on {kind}; if a network is behind it, move it to a local disk"))
        }
        FilesystemKind::Network(kind) => {
            (Verdict::Problem, format!("{dir} is on {kind}, where a database can be damaged; move it to a local disk"))
        }
    };
    Finding { check: "file system", verdict, message }
}

/// The state of the nightly backups.
fn backups(global: &Global) -> ServiceResult<Finding> {
    let status = BackupStatus::of(&global.data_dir)?;
    let now = Utc::now();
    let (verdict, message) = match (status.trouble(now), status.proven_at) {
        (Some(trouble), _) => (Verdict::Problem, format!("{trouble}. To make one by hand: pitlane backup FILE")),
        (None, Some(at)) if !status.dated_ahead.is_empty() => {
            let files = status.dated_ahead.join(", ");
            let message = format!(
                "the last verified backup was made on {}; these were made while the clock ran ahead and are never \
                 deleted, do so yourself: {files}",
                moment(at)
            );
            (Verdict::Advice, message)
        }
        (None, Some(at)) => (Verdict::Ok, format!("the last verified backup was made on {}", moment(at))),
        (None, None) => (Verdict::Advice, "the server made none yet; it does so when it starts".to_owned()),
    };
    Ok(Finding { check: "backups", verdict, message })
}

/// Whether backups are copied elsewhere.
fn copies(global: &Global) -> Finding {
    let now = Utc::now();
    let (verdict, message) = match CopyStatus::of(&global.data_dir) {
        Err(error) => (Verdict::Problem, error.to_string()),
        Ok(None) => (
            Verdict::Advice,
            "none was copied to another machine: what is lost with this one is lost; see docs/operations.md".to_owned(),
        ),
        Ok(Some(copy)) => match copy.trouble(now) {
            Some(trouble) => (Verdict::Problem, format!("{trouble}; the last was {}", copy.backup)),
            None => (Verdict::Ok, format!("{} was copied elsewhere on {}", copy.backup, moment(copy.copied_at))),
        },
    };
    Finding { check: "copies", verdict, message }
}

/// The state of the server's certificate, if it serves HTTPS itself.
fn certificate(global: &Global) -> Option<Finding> {
    let status = match CertificateStatus::of(&global.data_dir) {
        Ok(status) => status?,
        Err(error) => {
            return Some(Finding { check: "certificate", verdict: Verdict::Problem, message: error.to_string() });
        }
    };
    let now = Utc::now();
    let (verdict, message) = match (status.trouble(now), &status.failure, status.days_left(now)) {
        (Some(trouble), ..) => (Verdict::Problem, trouble),
        (None, failure, Some(days)) => {
            let names = status.names.join(", ");
            let left = format!(
                "{} left of the certificate for {names}",
                if days == 1 { "1 day".to_owned() } else { format!("{days} days") }
            );
            match failure {
                Some(failure) => (Verdict::Advice, format!("{left}; the last attempt to renew it failed: {failure}")),
                None => (Verdict::Ok, left),
            }
        }
        (None, _, None) => (Verdict::Advice, "there is none yet".to_owned()),
    };
    Some(Finding { check: "certificate", verdict, message })
}

/// Incomplete copies that a killed restore left behind.
fn leftovers(global: &Global) -> StoreResult<Finding> {
    let found = Store::leftovers(&global.data_dir)?;
    let names: Vec<_> = found.iter().map(|path| path.display().to_string()).collect();
    Ok(if names.is_empty() {
        Finding { check: "leftovers", verdict: Verdict::Ok, message: "no incomplete copies are left over".to_owned() }
    } else {
        let message = format!(
            "a killed restore left {}; each contains the database. The server's next start deletes them",
            names.join(", ")
        );
        Finding { check: "leftovers", verdict: Verdict::Advice, message }
    })
}

/// Whether other users of the machine can read a directory.
fn privacy(check: &'static str, path: &Path) -> Finding {
    let dir = path.display();
    #[cfg(unix)]
    let open = std::fs::metadata(path)
        .is_ok_and(|dir| std::os::unix::fs::PermissionsExt::mode(&dir.permissions()) & 0o077 != 0);
    #[cfg(not(unix))]
    let open = false;
    let (verdict, message) = if open {
        (Verdict::Advice, format!("other users of this machine can look into {dir}; run: chmod 700 {dir}"))
    } else {
        (Verdict::Ok, format!("only its owner can look into {dir}"))
    };
    Finding { check, verdict, message }
}

/// What is still missing before Singular gets a report, and whether it polls, advertiser by advertiser.
fn advertisers(txn: &ReadTxn<'_>) -> ServiceResult<Vec<Finding>> {
    let advertisers = txn.advertiser_list()?;
    let now = Utc::now();
    let finding = |verdict, check, message: String| Finding { check, verdict, message };
    let mut findings = Vec::new();
    if advertisers.is_empty() {
        let message =
            "there is none yet; run: pitlane import FILE --create-missing, or: pitlane advertiser create --name NAME";
        findings.push(finding(Verdict::Advice, "advertisers", message.to_owned()));
    }
    for advertiser in advertisers.iter().filter(|advertiser| advertiser.disabled_at.is_none()) {
        let name = &advertiser.name;
        let Setup { offers, offers_on, has_token, .. } = Setup::of(txn, Some(advertiser), now)?;
        if offers_on == 0 {
            let message = format!(
                "\"{name}\" has cost reporting off for all {offers} offers; run: pitlane offer enable OFFER \
                 --advertiser \"{name}\""
            );
            findings.push(finding(Verdict::Advice, "offers", message));
        }
        if !has_token {
            let message = format!(
                "\"{name}\" has no live token; run: pitlane token create --advertiser \"{name}\" --name Singular"
            );
            findings.push(finding(Verdict::Advice, "tokens", message));
        }
        if offers_on > 0 && has_token {
            let message = format!(
                "\"{name}\" has cost reporting on for {offers_on} of {offers} offers, and has a \
                live token"
            );
            findings.push(finding(Verdict::Ok, "advertiser", message));
        }
        let (verdict, message) = polling(&PollingStatus::of(txn, advertiser.id, now)?, now);
        findings.push(finding(verdict, "polling", format!("\"{name}\" {message}")));
        let (verdict, message) = handed_over(&Tally::of(txn, advertiser, now)?);
        findings.push(finding(verdict, "singular", message));
    }
    Ok(findings)
}

/// Whether Singular has what the report says, by the same rule as `pitlane singular status`.
fn handed_over(tally: &Tally) -> (Verdict, String) {
    let name = &tally.advertiser;
    let days = |count: usize| phrase::plural(i64::try_from(count).unwrap_or(i64::MAX), "day");
    let differing =
        tally.days.iter().filter(|(state, _)| *state != HandoverState::InStep).map(|(_, count)| count).sum();
    match (tally.need_person, differing) {
        (0, 0) => (Verdict::Ok, format!("\"{name}\" was handed over as it is now")),
        (0, differing) => (
            Verdict::Ok,
            format!("{} of \"{name}\" differ from what was handed over; none needs a request", days(differing)),
        ),
        (needed, _) => {
            let message = format!(
                "{} of \"{name}\" must be asked for in Singular; what to send says: pitlane singular status \
                 --advertiser \"{name}\"",
                days(needed)
            );
            (Verdict::Advice, message)
        }
    }
}

fn polling(status: &PollingStatus, now: DateTime<Utc>) -> (Verdict, String) {
    let last = status.last_at().map_or_else(|| "never".to_owned(), |at| format!("{} ago", phrase::span(now - at)));
    match status.state {
        PollingState::Never => (Verdict::Ok, "was not polled yet".to_owned()),
        PollingState::Alive => (Verdict::Ok, format!("was polled {last}")),
        PollingState::Stopped => {
            (Verdict::Advice, format!("was last polled {last}; see whether Singular's connector is still on"))
        }
        PollingState::Refused => {
            let status = status.refused.as_ref().map(|poll| poll.status).unwrap_or_default();
            let message = format!(
                "is polled, but the polls are refused, the last with {status} (last answered: {last}); see the page \
                 Polls and the token in Singular's connector"
            );
            (Verdict::Advice, message)
        }
    }
}
