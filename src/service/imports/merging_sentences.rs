//! The effect of a merge in sentences.

use std::collections::BTreeSet;

use chrono::Utc;

use super::merging::{MergePair, MergePart};
use crate::domain::{Day, Invalid, phrase};
use crate::service::ServiceResult;
use crate::service::connect::feeds;
use crate::store::{CampaignRow, ImportEntry, ImportKey, Merged, ReadTxn, StoreError};

impl MergePair {
    /// The effects besides figures.
    pub(super) fn sentences(&self, txn: &ReadTxn<'_>) -> ServiceResult<Vec<String>> {
        let (from, into) = self.names();
        let mut found = Vec::new();
        let parameter = match self {
            Self::Publishers(row, _) => {
                let now = Utc::now();
                let live = txn.feed_list()?.into_iter();
                let live = live.filter(|feed| feed.publisher == Some(row.key) && feeds::is_live(feed, now)).count();
                if live > 0 {
                    let live = phrase::plural(i64::try_from(live).unwrap_or(i64::MAX), "live feed");
                    found.push(format!(
                        "{live} of “{from}” alone will show only zeros. Make a feed for “{into}” in its place."
                    ));
                }
                "psid"
            }
            Self::Campaigns(_, one, other) => {
                let place = |row: &CampaignRow| {
                    let (os, store) = (row.store.os(), row.store.as_str());
                    format!("the offer “{}” on {} ({os} {store})", row.offer.name, row.app)
                };
                if place(one) != place(other) {
                    let (from_place, into_place) = (place(one), place(other));
                    found.push(format!(
                        "“{from}” runs {from_place}, “{into}” runs {into_place}: past figures of “{from}” are reported under \
                         the latter."
                    ));
                }
                match (one.offer.cost_reporting, other.offer.cost_reporting) {
                    (true, false) => found.push(format!(
                        "Cost reporting of “{}” is off: Singular gets zeros for “{from}”, and nothing of “{into}”.",
                        other.offer.name
                    )),
                    (false, true) => found.push(format!(
                        "Cost reporting of “{}” is off, of “{}” on: what “{from}” cost becomes visible to Singular.",
                        one.offer.name, other.offer.name
                    )),
                    _ => {}
                }
                "pcid"
            }
        };
        found.push(format!(
            "“{from}” keeps its rows, with zeros, and is no longer in lists and choices. Its name, its id and the \
             networks' ids for it stand for “{into}” from now on, also in files and in programs' requests."
        ));
        found.push(format!(
            "Singular joins installs to cost by the {parameter} of tracking links: change links that carry the id of “{from}”."
        ));
        Ok(found)
    }

    /// The figures that move, in sentences.
    pub(super) fn moved(&self, parts: &[MergePart]) -> ServiceResult<Vec<String>> {
        let (from, into) = self.names();
        let count = |count: u64, noun| phrase::plural(i64::try_from(count).unwrap_or(i64::MAX), noun);
        if parts.is_empty() {
            return Ok(vec![format!("“{from}” has no figures, so none move to “{into}”.")]);
        }
        let mut found = Vec::new();
        for part in parts {
            let whose = if parts.len() == 1 { String::new() } else { format!("{}: ", part.advertiser.name) };
            let (rows, days) = (count(part.rows, "row"), count(part.days.len() as u64, "day"));
            let (cost, code) = (part.cost, part.advertiser.currency.code());
            let clicks = count(part.clicks, "click");
            let runs = days_in_runs(&part.days)?;
            let go = if part.rows == 1 { "goes" } else { "go" };
            found.push(format!(
                "{whose}{rows} of {days} {go} from “{from}” to “{into}”, with a cost of {cost} {code} and {clicks}: {runs}."
            ));
            if part.added > 0 {
                let (added, days) = (count(part.added, "row"), days_in_runs(&part.added_days)?);
                let (verb, them) = if part.added == 1 { ("meets", "it is") } else { ("meet", "they are") };
                found.push(format!(
                    "{whose}{added} {verb} figures of “{into}” on the same day, to which {them} added: {days}. Where both \
                     came from the same export, undo one of its imports instead."
                ));
            }
        }
        Ok(found)
    }
}

/// What undoing a merge means for names, in sentences; empty if the import isn't a merge.
pub fn unmerged(txn: &ReadTxn<'_>, import: &ImportEntry) -> ServiceResult<Vec<String>> {
    let (hidden, into) = match txn.merge_of(import.key)? {
        None => return Ok(Vec::new()),
        Some(Merged::Publisher(from, into)) => {
            let name = |key| Ok::<_, StoreError>(txn.publishers_by_key(&[key])?.pop().map(|row| row.name));
            (name(from)?, name(into)?)
        }
        Some(Merged::Campaign(advertiser, from, into)) => {
            let mut names = txn.campaign_names(advertiser)?;
            (names.remove(&from.get()), names.remove(&into.get()))
        }
    };
    let (hidden, into) = (hidden.unwrap_or_default(), into.unwrap_or_default());
    let mut found =
        vec![format!("“{hidden}” is in lists and choices again, and its name and its id stand for itself again.")];
    let later = txn.imports_by_merged_name(import.key, &Invalid::echo(&hidden))?;
    if !later.is_empty() {
        let (imports, verb) = match later.len() {
            1 => ("1 import".to_owned(), "names"),
            more => (format!("{} imports", phrase::count(i64::try_from(more).unwrap_or(i64::MAX))), "name"),
        };
        let mut listed = later.iter().take(LISTED).map(|key| named(txn, *key)).collect::<ServiceResult<Vec<_>>>()?;
        if let Some(more) = later.len().checked_sub(LISTED).filter(|more| *more > 0) {
            listed.push(format!("and {more} before these, in the list of imports"));
        }
        found.push(format!(
            "{imports} since then {verb} “{hidden}”: {}. Those rows were booked on “{into}” and stay there, so the same \
             file imported again counts twice. Undo those imports and import the files again to have them on “{hidden}”.",
            listed.join(", "),
        ));
    }
    Ok(found)
}

/// How many imports are listed.
const LISTED: usize = 5;

/// `“august.csv” of 3 Aug 2023 to 5 Aug 2023 (id 8c9e…)`
fn named(txn: &ReadTxn<'_>, key: ImportKey) -> ServiceResult<String> {
    let import = txn.import_by_key(key)?;
    let spans = txn.import_spans(key)?;
    let days = spans.iter().map(|span| span.first).min().zip(spans.iter().map(|span| span.last).max());
    let days = match days {
        Some((first, last)) => days_in_runs(&(first..=last).collect())?,
        None => "no day".to_owned(),
    };
    Ok(format!("“{}” of {days} (id {})", import.source, import.id))
}

/// How many runs of days are listed.
const RUNS: usize = 8;

/// `1 Aug 2023 to 5 Aug 2023, 7 Aug 2023 and 3 more times`
fn days_in_runs(days: &BTreeSet<i64>) -> ServiceResult<String> {
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for day in days {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *day => *last = *day,
            _ => runs.push((*day, *day)),
        }
    }
    let name = |day| Day::from_stored(day).map(phrase::day);
    let mut told = Vec::new();
    for (first, last) in runs.iter().take(RUNS).copied() {
        told.push(if first == last { name(first)? } else { format!("{} to {}", name(first)?, name(last)?) });
    }
    if let Some((first, last)) = runs.get(RUNS).map(|run| run.0).zip(runs.last().map(|run| run.1)) {
        let rest: i64 = runs[RUNS..].iter().map(|(first, last)| last - first + 1).sum();
        told.push(format!("and {} from {} to {}", phrase::plural(rest, "day"), name(first)?, name(last)?));
    }
    Ok(told.join(", "))
}
