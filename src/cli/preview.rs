//! The report of `pitlane import` on stderr: what it did or would do.

use super::say;
use crate::domain::Day;
use crate::domain::Figures;
use crate::service::imports::{CellChange, CellName, Created, ImportDone, Outlook, Preview, Reading};

/// At most this many ignored headers are named: exports can have dozens.
const NAMED_HEADERS: usize = 20;

/// Days whose sums are printed.
const DAYS: usize = 31;

/// Prints what an import would do.
pub(super) fn tell(name: &str, preview: &Preview, has_reason: bool) {
    say(format_args!("dry run, nothing was changed"));
    tell_reading(name, &preview.reading, preview.days);
    tell_outlook(&preview.outlook, preview.reading.rounded);
    if preview.reading.repeated > 0 {
        let repeated = preview.reading.repeated;
        say(format_args!("lines that repeat an earlier line and were added to it: {repeated}"));
    }
    tell_created("would create", &preview.created);
    for found in &preview.resembling {
        say(format_args!("worth a look: the new {} \"{}\" resembles \"{}\"", found.kind, found.name, found.known));
    }
    tell_changes("would change", &preview.changes, preview.outlook.changed);
    tell_changes("would be new", &preview.inserts, preview.outlook.inserted);
    let outliers = &preview.outliers;
    if outliers.total > 0 {
        say(format_args!("worth a look, being at least ten times the usual ({} in all):", outliers.total));
    }
    for outlier in &outliers.first {
        let (cell, column) = (cell(&outlier.cell), outlier.column);
        say(format_args!("  line {}: {cell}: {column} {}, usually {}", outlier.line, outlier.value, outlier.usual));
    }
    if !preview.final_days.is_empty() {
        let needed = if has_reason { "" } else { ". Without --reason TEXT the import will be refused" };
        say(format_args!("days that are final would change: {}{needed}", preview.final_days));
    }
}

/// Prints what an import did.
pub(super) fn tell_done(name: &str, done: &ImportDone) {
    tell_reading(name, &done.reading, done.days);
    tell_outlook(&done.outlook, done.reading.rounded);
    tell_created("created", &done.created);
}

/// Prints the file's sums.
fn tell_reading(name: &str, reading: &Reading, days: Option<(Day, Day)>) {
    let days = days.map_or_else(String::new, |(first, last)| format!(", {first} to {last}"));
    say(format_args!("{name}: {} rows{days}", reading.rows));
    match &reading.cost {
        Some(cost) => say(format_args!("the file comes to a cost of {cost} and {} clicks", reading.clicks)),
        None => say(format_args!("the file has amounts in several currencies; it has {} clicks", reading.clicks)),
    }
    for line in &reading.left_out {
        let cost = line.cost.as_ref().map_or_else(String::new, |cost| format!(", cost {cost}"));
        say(format_args!("left out: line {}{cost}: {}", line.line, line.reason));
    }
    if reading.left_out_total > reading.left_out.len() as u64 {
        say(format_args!("{} lines are left out in all", reading.left_out_total));
    }
    for note in &reading.notes {
        say(format_args!("note: {}", note.message));
    }
    if !reading.ignored.is_empty() {
        let named = reading.ignored.iter().take(NAMED_HEADERS).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = reading.ignored.len().saturating_sub(NAMED_HEADERS);
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        say(format_args!("columns of the file that were not used: {named}{rest}"));
    }
}

/// Prints what the import does to the stats.
fn tell_outlook(outlook: &Outlook, rounded: u64) {
    let zeroed = if outlook.zeroed > 0 { format!(" ({} set to zero)", outlook.zeroed) } else { String::new() };
    let Outlook { inserted, changed, unchanged, .. } = outlook;
    say(format_args!("inserted {inserted}, changed {changed}{zeroed}, unchanged {unchanged}; rounded {rounded}"));
    for day in outlook.days.iter().filter(|day| day.before != day.after).take(DAYS) {
        say(format_args!("  {}: {} -> {}", day.date, day.before, day.after));
    }
    if outlook.day_count > DAYS as u64 {
        say(format_args!("  all {} days: {} -> {}", outlook.day_count, outlook.before, outlook.after));
    }
}

fn tell_created(what: &str, created: &Created) {
    for (one, several, names) in created.kinds().into_iter().filter(|(_, _, names)| !names.is_empty()) {
        let kind = if names.len() == 1 { one } else { several };
        let shown: Vec<&str> = names.iter().take(NAMED_HEADERS).map(String::as_str).collect();
        let more = names.len().saturating_sub(NAMED_HEADERS);
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        say(format_args!("{what} {} {kind}: {}{rest}", names.len(), shown.join(", ")));
    }
}

fn tell_changes(what: &str, changes: &[CellChange], total: u64) {
    if changes.is_empty() {
        return;
    }
    let shown = changes.len();
    let first = if total > shown as u64 { format!(", the first {shown} of {total}") } else { String::new() };
    say(format_args!("{what}{first}:"));
    for CellChange { cell: name, old, new, line } in changes {
        let place = if *line == 0 { "left out".to_owned() } else { format!("line {line}") };
        let old = old.map_or_else(String::new, |old| format!("{} -> ", figures(&old)));
        say(format_args!("  {place}: {}: {old}{}", cell(name), figures(new)));
    }
}

fn cell(name: &CellName) -> String {
    format!("{} · {} · {}", name.day, name.campaign, name.publisher)
}

/// Figures on one line; views and conversions only if there are any.
pub(super) fn figures(figures: &Figures) -> String {
    let Figures { clicks, cost, views, conversions } = figures;
    if (views.get(), conversions.get()) == (0, 0) {
        return format!("{clicks} clicks, cost {cost}");
    }
    format!("{clicks} clicks, cost {cost}, {views} views, {conversions} conversions")
}
