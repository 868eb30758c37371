//! `pitlane imports …`: the history of what changed the stats.

use chrono::TimeDelta;
use clap::Subcommand;
use serde_json::{Value, json};

use super::{moment, open_existing, parse, preview, print, print_json, say, table};
use crate::config::Global;
use crate::domain::{Day, DayRange, DayState, Figures, ImportId, Reason};
use crate::service::imports::{self, NamedChange};
use crate::service::{Actor, ServiceError};
use crate::store::{ImportEntry, ReadTxn};

/// Rows that `show` prints.
const SHOWN: u32 = 200;

/// How long interrupted imports are listed.
const RECENT: TimeDelta = TimeDelta::days(30);

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List imports, edits and undos, the newest first
    List {
        /// Only those of this advertiser, by name or id
        #[arg(long, value_name = "NAME-OR-ID")]
        advertiser: Option<String>,
        /// How many at most
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Show one import: who, when, from what, and what it changed
    Show {
        /// Its id
        #[arg(value_parser = parse::<ImportId>)]
        id: ImportId,
    },
    /// Undo an import: every figure that it changed goes back to what it was
    Undo {
        /// Its id
        #[arg(value_parser = parse::<ImportId>)]
        id: ImportId,
        /// Why; required if final days change
        #[arg(long, value_name = "TEXT", value_parser = parse::<Reason>)]
        reason: Option<Reason>,
    },
    /// Mark days as provisional or final, without an import
    Mark {
        /// provisional or final
        #[arg(value_parser = parse::<DayState>)]
        state: DayState,
        /// Whose days, by name or id
        #[arg(long, value_name = "NAME-OR-ID")]
        advertiser: String,
        /// First day, included
        #[arg(long, value_name = "DAY", value_parser = parse_day)]
        from: Day,
        /// Last day, included
        #[arg(long, value_name = "DAY", value_parser = parse_day)]
        to: Day,
        /// Why; required to reopen final days
        #[arg(long, value_name = "TEXT", value_parser = parse::<Reason>)]
        reason: Option<Reason>,
    },
}

fn parse_day(text: &str) -> Result<Day, String> {
    Day::parse("day", text).map_err(|invalid| invalid.reason)
}

pub(super) fn run(global: &Global, command: Command) -> anyhow::Result<()> {
    let store = open_existing(global)?;
    let actor = Actor::command_line();
    match command {
        Command::List { advertiser, limit } => store.read(|txn| list(txn, global, advertiser.as_deref(), limit)),
        Command::Show { id } => store.read(|txn| show(txn, global, id)),
        Command::Undo { id, reason } => {
            let unmerged = store.read(|txn| imports::unmerged(txn, &txn.import_get(id)?))?;
            let done = imports::undo(&store, id, reason.as_ref(), &actor)?;
            let rows = done.restored + done.deleted;
            let kept = match done.kept {
                0 => String::new(),
                kept => format!("; {kept} keep their value, since another import states it too"),
            };
            say(format_args!("{id} is undone: {rows} rows are as they were, {} of them removed{kept}", done.deleted));
            for sentence in unmerged {
                say(format_args!("{sentence}"));
            }
            if global.json {
                print_json(&json!({
                    "importId": done.id.to_string(),
                    "undoes": id.to_string(),
                    "restored": done.restored,
                    "deleted": done.deleted,
                    "kept": done.kept,
                }))?;
            }
            Ok(())
        }
        Command::Mark { state, advertiser, from, to, reason } => {
            let advertiser = store.read(|txn| txn.advertiser_get(&advertiser))?;
            let days = DayRange::new(from, to)?;
            let id = imports::mark_days(&store, &advertiser, days, state, reason.as_ref(), &actor)?;
            say(format_args!("{from} to {to} of {} are {state}", advertiser.name));
            if global.json { print_json(&json!({"importId": id.to_string()})) } else { Ok(()) }
        }
    }
}

fn list(txn: &ReadTxn<'_>, global: &Global, advertiser: Option<&str>, limit: u32) -> anyhow::Result<()> {
    let advertiser = advertiser.map(|wanted| txn.advertiser_get(wanted)).transpose()?;
    let found = txn.import_list(advertiser.map(|row| row.key), None, limit)?;
    for cut_off in imports::recently_cut_off(txn, RECENT, chrono::Utc::now())? {
        say(format_args!("cut off, and nothing was imported: {}", cut_off.subject));
    }
    if global.json {
        return print_json(&found.iter().map(as_json).collect::<Vec<_>>());
    }
    let rows: Vec<_> = found.iter().map(as_cells).collect();
    table::print(["ID", "WHEN", "WHAT", "SOURCE", "BY", "INSERTED", "CHANGED", "UNCHANGED", "STATE"], &rows)
}

fn as_cells(import: &ImportEntry) -> [String; 9] {
    let counts = &import.counts;
    [
        import.id.to_string(),
        moment(import.at),
        import.kind.as_str().to_owned(),
        import.source.clone(),
        import.actor.clone(),
        counts.inserted.to_string(),
        counts.changed.to_string(),
        counts.unchanged.to_string(),
        import.undone.map_or_else(|| "stands".to_owned(), |(_, at)| format!("undone {}", moment(at))),
    ]
}

fn as_json(import: &ImportEntry) -> Value {
    let counts = &import.counts;
    json!({
        "importId": import.id.to_string(),
        "at": import.at,
        "kind": import.kind.as_str(),
        "source": import.source,
        "actor": import.actor,
        "reason": import.reason,
        "token": import.token.as_ref().map(|(id, _)| id.to_string()),
        "sha256": counts.sha256,
        "rows": counts.rows,
        "inserted": counts.inserted,
        "changed": counts.changed,
        "unchanged": counts.unchanged,
        "rounded": counts.rounded,
        "zeroed": counts.zeroed,
        "cost": import.cost,
        "clicks": import.clicks,
        "days": import.days.map(DayState::as_str),
        "undoes": import.undoes.map(|id| id.to_string()),
        "undoneBy": import.undone.map(|(id, _)| id.to_string()),
    })
}

fn show(txn: &ReadTxn<'_>, global: &Global, id: ImportId) -> anyhow::Result<()> {
    let import = txn.import_get(id)?;
    let changes = imports::named(txn, &imports::changes(txn, &import, None, true, SHOWN)?)?;
    let spans = spans(txn, &import)?;
    let later = imports::later_changes(txn, import.key)?;
    if global.json {
        let mut shown = as_json(&import);
        let days = spans.iter().map(|(name, first, last)| {
            json!({"advertiser": name, "firstDay": first.to_string(), "lastDay": last.to_string()})
        });
        shown["stated"] = days.collect();
        shown["laterChanges"] = later.iter().map(|change| as_json(&change.import)).collect();
        return print_json(&Shown { import: shown, changes: changes.iter().map(NamedChange::answer).collect() });
    }
    for (name, value) in about(&import) {
        print(format_args!("{name:10} {value}"))?;
    }
    for (name, first, last) in spans {
        print(format_args!("{:10} {first} to {last} of {name}", "days"))?;
    }
    for change in &later {
        let (import, cells) = (&change.import, change.cells);
        print(format_args!("{:10} {} {}, on {cells} rows", "changed by", import.kind.as_str(), import.id))?;
    }
    let held = |figures: Option<Figures>| figures.map_or_else(|| "nothing".to_owned(), |held| preview::figures(&held));
    for NamedChange { cell, old, new, line } in &changes {
        let (old, new) = (held(*old), held(*new));
        let place = if *line == 0 { "left out".to_owned() } else { format!("line {line}") };
        print(format_args!("{place}: {} · {} · {}: {old} -> {new}", cell.day, cell.campaign, cell.publisher))?;
    }
    let all = import.counts.inserted + import.counts.changed;
    if all > u64::from(SHOWN) {
        say(format_args!("the first {SHOWN} of {all} changes are shown"));
    }
    Ok(())
}

/// The days that each advertiser's rows cover, by name.
fn spans(txn: &ReadTxn<'_>, import: &ImportEntry) -> Result<Vec<(String, Day, Day)>, ServiceError> {
    let name = |span: &crate::store::ImportSpan| {
        let advertiser = txn.advertiser_by_key(span.advertiser)?.name;
        Ok((advertiser, Day::from_stored(span.first)?, Day::from_stored(span.last)?))
    };
    txn.import_spans(import.key)?.iter().map(name).collect()
}

/// An import with its changes; serialised by hand so that money stays exact.
#[derive(serde::Serialize)]
struct Shown<C> {
    #[serde(flatten)]
    import: Value,
    changes: Vec<C>,
}

/// The facts about an import, one per line; empty ones are left out.
fn about(import: &ImportEntry) -> Vec<(&'static str, String)> {
    let counts = &import.counts;
    let figures = format!(
        "rows {}, inserted {}, changed {} (set to zero {}), unchanged {}, rounded {}",
        counts.rows, counts.inserted, counts.changed, counts.zeroed, counts.unchanged, counts.rounded
    );
    [
        ("id", Some(import.id.to_string())),
        ("when", Some(moment(import.at))),
        ("what", Some(import.kind.as_str().to_owned())),
        ("source", Some(import.source.clone())),
        ("by", Some(import.actor.clone())),
        ("token", import.token.as_ref().map(|(id, name)| format!("{id} ({name})"))),
        ("reason", import.reason.clone()),
        ("sha256", counts.sha256.clone()),
        ("did", Some(figures)),
        ("called", import.days.map(|state| state.as_str().to_owned())),
        ("undoes", import.undoes.map(|id| id.to_string())),
        ("undone", import.undone.map(|(id, at)| format!("{}, by {id}", moment(at)))),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}
