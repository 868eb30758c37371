//! What an import would do: the input, read as an import reads it, and compared with what is stored. No lock is held.

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

/// A cell that would be new or hold something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellChange {
    pub cell: CellName,
    /// What it held before; nothing where it is new.
    pub old: Option<Figures>,
    /// What it would hold.
    pub new: Figures,
    /// The line that says so; 0 where the input leaves the cell out and it would be set to zero.
    pub line: u64,
}

/// A name that would be created, and a known one that it resembles.
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
    /// What reading the input came to.
    pub reading: Reading,
    /// What would be created, by name.
    pub created: Created,
    /// Those of the created that look like a slip of the pen.
    pub resembling: Vec<Resembling>,
    /// First and last day that is stated.
    pub days: Option<(Day, Day)>,
    /// What it would do to each day. Nothing where lines are wrong.
    pub outlook: Outlook,
    /// The days on which something changes that Singular is shown.
    pub shown_days: BTreeSet<(AdvertiserKey, i64)>,
    /// The first changed cells, at most 200.
    pub changes: Vec<CellChange>,
    /// The first new cells, at most 20.
    pub inserts: Vec<CellChange>,
    /// Figures that are far above what is usual.
    pub outliers: Outliers,
    /// Campaigns on these days that the input does not name.
    pub unnamed: Vec<Unnamed>,
    /// Final days that would change; without a reason the import would be refused.
    pub final_days: FinalDays,
    /// Why the control total would stop the import.
    pub control_total: Option<String>,
    /// What is wrong. Unless it is nothing, nothing would be imported.
    pub problems: Problems,
}

/// Says what importing `input` would do, and changes nothing. `all_problems` gets what is wrong as CSV, with a header and
/// the columns `line`, `column` and `problem`.
pub fn preview(
    store: &Store,
    input: impl Read,
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

/// What can be told of an input with problems.
pub(super) fn with_problems(staging: &Staging, problems: Problems) -> Preview {
    Preview { reading: staging.reading.clone(), problems, ..Preview::default() }
}

/// Compares what was staged with what is stored.
pub(super) fn compare(
    txn: &ReadTxn<'_>,
    staging: &mut Staging,
    options: &ImportOptions,
) -> Result<Preview, ImportError> {
    let mut names = CellNames::new(txn, staging.creations.planned_names());
    let around = surroundings::look(txn, &mut staging.cells, &mut names)?;
    let mut writer = CellWriter::comparing(txn, options.replace, options.days);
    let mut tally = Tally::default();
    let mut seen = Seen { hidden: txn.campaigns_hidden()?, ..Seen::default() };
    let mut cells = staging.cells.reader()?;
    while let Some(staged) = cells.next()? {
        tally.put(&staged.cell);
        writer.put(staged.cell, staged.line, &mut |change| seen.add(change, &mut tally))?;
    }
    let written: Written = writer.finish(&mut |change| seen.add(change, &mut tally))?;
    let mut shown = |changes: Vec<StatChange>| -> Result<Vec<CellChange>, ImportError> {
        let show = |StatChange { key, old, new, line }| Ok(CellChange { cell: names.cell(&key)?, old, new, line });
        changes.into_iter().map(show).collect()
    };
    let (changes, inserts) = (shown(seen.changes)?, shown(seen.inserts)?);
    let created = staging.creations.names();
    let resembling = resembling(txn, &staging.creations, &created)?;
    let control_total = |wanted: &ControlTotal| wanted.check(staging.reading.cost.as_deref()).err();
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

/// What is kept of the changes that were seen.
#[derive(Default)]
struct Seen {
    /// Campaigns that Singular is not shown.
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

/// New campaigns, offers and publishers beside the known ones they resemble.
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
