//! What `pitlane import` did or would do, in words on stderr.

use super::say;
use crate::domain::Figures;
use crate::service::imports::{CellChange, CellName, ImportDone, Preview};

/// Ignored headers that are named; exports have dozens.
const NAMED_HEADERS: usize = 20;

/// Says what an import would do.
pub(super) fn tell(name: &str, preview: &Preview, has_reason: bool) {
    tell_done(&format!("dry run, nothing was changed: {name}"), &preview.done);
    if preview.repeated > 0 {
        say(format_args!("lines that state again what an earlier line states, and are summed: {}", preview.repeated));
    }
    tell_changes("would change", &preview.changes, preview.done.counts.changed);
    tell_changes("would be new", &preview.inserts, preview.done.counts.inserted);
    let outliers = &preview.outliers;
    if outliers.total > 0 {
        say(format_args!("worth a look, being ten times the days around or more ({} in all):", outliers.total));
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
    format!("{}, {} at {}", name.day, name.campaign, name.publisher)
}

/// Figures in one line; views and conversions only where there are any.
pub(super) fn figures(figures: &Figures) -> String {
    let Figures { clicks, cost, views, conversions } = figures;
    if (views.get(), conversions.get()) == (0, 0) {
        return format!("{clicks} clicks, cost {cost}");
    }
    format!("{clicks} clicks, cost {cost}, {views} views, {conversions} conversions")
}

/// Says what an import did.
pub(super) fn tell_done(name: &str, done: &ImportDone) {
    let counts = &done.counts;
    let days = done.days.map_or_else(String::new, |(first, last)| format!(", {first} to {last}"));
    say(format_args!("{name}: {} rows{days}", counts.rows));
    let zeroed = if counts.zeroed > 0 { format!(" ({} set to zero)", counts.zeroed) } else { String::new() };
    say(format_args!(
        "inserted {}, changed {}{zeroed}, unchanged {}; rounded {}",
        counts.inserted, counts.changed, counts.unchanged, counts.rounded
    ));
    let made = &done.created;
    let created: Vec<String> = [
        (made.advertisers, "advertiser"),
        (made.apps, "app"),
        (made.offers, "offer"),
        (made.campaigns, "campaign"),
        (made.publishers, "publisher"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, noun)| format!("{count} {noun}{}", if count == 1 { "" } else { "s" }))
    .collect();
    if !created.is_empty() {
        say(format_args!("created {}", created.join(", ")));
    }
    if !done.ignored.is_empty() {
        let named = done.ignored.iter().take(NAMED_HEADERS).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = done.ignored.len().saturating_sub(NAMED_HEADERS);
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        say(format_args!("columns of the file that were not used: {named}{rest}"));
    }
}
