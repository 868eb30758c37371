//! What an import would do: the input is read as for an import, and compared with the stored stats. No lock is held.

use std::collections::{BTreeSet, HashSet};
use std::io::{Read, Write};

use chrono::Utc;

use super::cell_names::{CellName, CellNames};
use super::creations::{Created, Creations};
use super::outliers::Outliers;
use super::outlook::{Outlook, Tally};
use super::problems::{ProblemLog, Problems};
use super::staging::{self, Reading, Staging};
use super::surroundings::{self, Unnamed};
use super::writer::{CellWriter, Written};
use super::{ControlTotal, FinalDays, ImportError, ImportOptions, resemblance};
use crate::domain::{Day, Figures};
use crate::store::{AdvertiserKey, CampaignKey, Lane, ReadTxn, StatChange, Store};

/// Changed cells that are shown.
const CHANGES: usize = 200;

/// New cells that are shown.
const INSERTS: usize = 20;

/// A cell that would be new or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellChange {
    pub cell: CellName,
    /// Its value before; `None` if it is new.
    pub old: Option<Figures>,
    /// Its new value.
    pub new: Figures,
    /// Its line; 0 if the input leaves the cell out and it would be set to zero.
    pub line: u64,
}

/// A name that would be created, and the known name that it resembles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resembling {
    /// `campaign`, `publisher` or `offer`.
    pub kind: &'static str,
    pub name: String,
    pub known: String,
}

/// What an import would do.
#[derive(Debug, Default)]
pub struct Preview {
    /// The result of reading the input.
    pub reading: Reading,
    /// The names that would be created.
    pub created: Created,
    /// Those of them that may be misspelt.
    pub resembling: Vec<Resembling>,
    /// The first and last day.
    pub days: Option<(Day, Day)>,
    /// The effect on each day. Empty if lines are wrong.
    pub outlook: Outlook,
    /// Days on which the report for Singular changes.
    pub shown_days: BTreeSet<(AdvertiserKey, i64)>,
    /// The first changed cells, at most 200.
    pub changes: Vec<CellChange>,
    /// The first new cells, at most 20.
    pub inserts: Vec<CellChange>,
    /// Figures far above the usual.
    pub outliers: Outliers,
    /// Campaigns with stats on these days that the input doesn't name.
    pub unnamed: Vec<Unnamed>,
    /// Final days that would change; without a reason the import would be refused.
    pub final_days: FinalDays,
    /// Why the control total would prevent the import.
    pub control_total: Option<String>,
    /// The problems. If there are any, nothing would be imported.
    pub problems: Problems,
}

/// Computes what importing `input` would do. Writes nothing. `all_problems` receives all problems as CSV with the columns
/// `line`, `column` and `problem`.
pub fn preview(
    store: &Store,
    input: impl Read + Send,
    options: &ImportOptions,
    all_problems: Option<&mut dyn Write>,
) -> Result<Preview, ImportError> {
    let mut problems = all_problems.map_or_else(ProblemLog::default, ProblemLog::with_all);
    let mut staging = staging::stage(store, input, options, Utc::now(), &mut problems)?;
    let problems = problems.take();
    if problems.is_empty() {
        return store.read_in(Lane::Long, |txn| compare(txn, &mut staging, options));
    }
    Ok(with_problems(&staging, problems))
}

/// The preview of an input with problems.
pub(super) fn with_problems(staging: &Staging, problems: Problems) -> Preview {
    Preview { reading: staging.reading.clone(), problems, ..Preview::default() }
}

/// Compares the staged cells with the stored ones.
pub(super) fn compare(
    txn: &ReadTxn<'_>,
    staging: &mut Staging,
    options: &ImportOptions,
) -> Result<Preview, ImportError> {
    let mut names = CellNames::new(txn, staging.creations.planned_names());
    let mut writer = CellWriter::comparing(txn, options.replace, options.days);
    let mut tally = Tally::default();
    let mut seen = Seen { hidden: txn.campaigns_hidden()?, ..Seen::default() };
    let around = surroundings::look(txn, &mut staging.cells, &mut names, &mut |staged, stored| {
        tally.put(&staged.cell);
        writer.put_beside(staged.cell, staged.line, stored, &mut |change| seen.add(change, &mut tally))
    })?;
    let written: Written = writer.finish(&mut |change| seen.add(change, &mut tally))?;
    let mut shown = |changes: Vec<StatChange>| -> Result<Vec<CellChange>, ImportError> {
        let show = |StatChange { key, old, new, line }| Ok(CellChange { cell: names.cell(&key)?, old, new, line });
        changes.into_iter().map(show).collect()
    };
    let (changes, inserts) = (shown(seen.changes)?, shown(seen.inserts)?);
    let created = staging.creations.names();
    let resembling = resembling(txn, &staging.creations, &created)?;
    let control_total =
        |wanted: &ControlTotal| wanted.check(staging.reading.cost.as_deref(), staging.reading.currency).err();
    let mut reading = staging.reading.clone();
    reading.notes.extend(around.unnamed.iter().filter(|_| !options.replace).map(Unnamed::note));
    Ok(Preview {
        reading,
        created,
        resembling,
        days: written.days,
        outlook: tally.finish(&written, &mut names)?,
        shown_days: seen.shown_days,
        changes,
        inserts,
        outliers: around.outliers,
        unnamed: around.unnamed,
        final_days: written.final_days,
        control_total: options.control_total.as_ref().and_then(control_total),
        problems: Problems::default(),
    })
}

/// The changes seen so far.
#[derive(Default)]
struct Seen {
    /// Campaigns that aren't in Singular's report.
    hidden: HashSet<CampaignKey>,
    shown_days: BTreeSet<(AdvertiserKey, i64)>,
    changes: Vec<StatChange>,
    inserts: Vec<StatChange>,
}

impl Seen {
    fn add(&mut self, change: StatChange, tally: &mut Tally) {
        tally.see(&change);
        let told = |figures: &Figures| (figures.clicks, figures.cost);
        if change.old.as_ref().map(told) != Some(told(&change.new)) && !self.hidden.contains(&change.key.campaign) {
            self.shown_days.insert((change.key.advertiser, change.key.day));
        }
        let is_new = change.old.is_none();
        let (kept, most) = if is_new { (&mut self.inserts, INSERTS) } else { (&mut self.changes, CHANGES) };
        if kept.len() < most {
            kept.push(change);
        }
    }
}

/// New campaigns, offers and publishers, with the known ones they resemble.
fn resembling(txn: &ReadTxn<'_>, creations: &Creations, created: &Created) -> Result<Vec<Resembling>, ImportError> {
    let mut found = Vec::new();
    let mut compare = |kind: &'static str, new: &[String], known: &[String]| {
        let nearest = resemblance::find(new, known.iter().map(String::as_str));
        let pairs = new.iter().zip(nearest).filter_map(|(name, known)| Some((name.clone(), known?)));
        found.extend(pairs.map(|(name, known)| Resembling { kind, name, known }));
    };
    if !created.publishers.is_empty() {
        let known: Vec<String> = txn.publishers_shown()?.into_iter().map(|row| row.name).collect();
        compare("publisher", &created.publishers, &known);
    }
    for advertiser in creations.advertisers_with_campaigns() {
        let known: Vec<String> = txn.campaigns_shown(advertiser)?.into_iter().map(|row| row.name).collect();
        compare("campaign", &creations.campaigns_of(advertiser), &known);
        let known: Vec<String> = txn.offer_list(advertiser)?.into_iter().map(|row| row.name).collect();
        compare("offer", &creations.offers_of(advertiser), &known);
    }
    Ok(found)
}
