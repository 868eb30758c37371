//! Merges two publishers, or two campaigns of an advertiser, by an import of its own kind. The figures of both are added up
//! on the one that is kept; the other keeps its rows with zeros and is hidden. An undo reverts all of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::Utc;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::final_days::FinalDays;
use super::writer::{CellWriter, Written};
use super::{ImportError, ImportNote, Told};
use crate::domain::{Day, Figures, ImportId, Invalid, MicrosSum, NameKey, Reason};
use crate::service::catalogue::unless_moved;
use crate::service::{Actor, ServiceError, ServiceResult, hex, names};
use crate::store::{
    AdvertiserKey, AdvertiserRow, CampaignKey, CampaignRow, ImportKind, ImportRow, ImportSpan, Merged, NewImport,
    PublisherRow, ReadTxn, StatCell, StatChange, StatFilter, StatKey, Store, StoreError, StoreResult,
};

/// How many network ids an error lists.
const NAMED: usize = 5;

/// The two to merge: the first is merged into the second.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub enum MergePair {
    /// Two publishers: the one to hide, then the one to keep.
    Publishers(PublisherRow, PublisherRow),
    /// Two campaigns of an advertiser: the one to hide, then the one to keep.
    Campaigns(AdvertiserRow, CampaignRow, CampaignRow),
}

/// The effect of a merge on one advertiser's stats.
#[derive(Debug, Clone)]
pub struct MergePart {
    /// The advertiser whose figures move.
    pub advertiser: AdvertiserRow,
    /// Rows with figures that move.
    pub rows: u64,
    /// Of these, the rows that are added to existing figures.
    pub added: u64,
    /// The days of these, as stored.
    pub added_days: BTreeSet<i64>,
    /// The cost that moves.
    pub cost: MicrosSum,
    /// The clicks that move.
    pub clicks: u64,
    /// Their days, as stored.
    pub days: BTreeSet<i64>,
    /// Days on which the report changes.
    pub shown_days: BTreeSet<i64>,
}

/// The effect of a merge.
#[derive(Debug, Clone)]
pub struct MergeOutlook {
    /// By advertiser, without those that have no figures.
    pub parts: Vec<MergePart>,
    /// Final days that would change.
    pub final_days: FinalDays,
    /// The effect in sentences.
    pub sentences: Vec<String>,
    /// Identifies this effect: a merge is refused if it would have another one.
    pub key: String,
}

/// A merge that was done.
#[derive(Debug)]
pub struct MergeDone {
    /// The id of its entry.
    pub id: ImportId,
    /// The counts for the list of imports.
    pub counts: ImportRow,
    /// The effect, as [`merge_outlook`] describes it beforehand.
    pub outlook: MergeOutlook,
}

impl MergeOutlook {
    /// Days on which the report changes, by advertiser.
    #[must_use]
    pub fn shown_days(&self) -> BTreeMap<AdvertiserKey, BTreeSet<i64>> {
        self.parts.iter().map(|part| (part.advertiser.key, part.shown_days.clone())).collect()
    }
}

/// What merging the two would do; an error if they can't be merged.
pub fn merge_outlook(txn: &ReadTxn<'_>, pair: &MergePair) -> ServiceResult<MergeOutlook> {
    pair.check(txn)?;
    let sentences = pair.sentences(txn)?;
    let (outlook, _) = pair.carry_out(txn, CellWriter::comparing(txn, false, None))?;
    Ok(MergeOutlook { sentences: outlook.sentences.into_iter().chain(sentences).collect(), ..outlook })
}

/// Merges the two, if the effect is still `expected`, an outlook's key. Final days change only if a reason is given.
pub fn merge(
    store: &Store,
    pair: &MergePair,
    expected: Option<&str>,
    reason: Option<&Reason>,
    actor: &Actor,
) -> Result<MergeDone, ImportError> {
    let (now, id) = (Utc::now(), ImportId::from(Uuid::new_v4()));
    store.write(|txn| {
        pair.check(txn)?;
        let label = pair.label();
        let import = txn.import_begin(&NewImport {
            id,
            kind: ImportKind::Merge,
            source: &label,
            actor: &actor.name,
            reason,
            token: None,
            undoes: None,
            now,
        })?;
        let (outlook, written) = pair.carry_out(txn, CellWriter::new(txn, import, false, None)?)?;
        if expected.is_some_and(|expected| expected != outlook.key) {
            return Err(ImportError::Moved(vec!["Figures of the two were changed.".to_owned()]));
        }
        if !outlook.final_days.is_empty() && reason.is_none() {
            return Err(ImportError::Final(outlook.final_days));
        }
        let rows: u64 = outlook.parts.iter().map(|part| part.rows).sum();
        let counts = ImportRow { rows, ..written.counts };
        txn.import_finish(import, &counts)?;
        let note = |message: &String| ImportNote { code: "merge".to_owned(), line: None, message: message.clone() };
        let told = Told { notes: outlook.sentences.iter().map(note).collect(), ..Told::default() };
        let told = serde_json::to_string(&told).map_err(|error| ServiceError::Internal(error.to_string()))?;
        let (cost, clicks) = match outlook.parts.as_slice() {
            [part] => (Some(part.cost.to_string()), part.clicks),
            parts => (None, parts.iter().map(|part| part.clicks).sum()),
        };
        txn.import_tell(import, cost.as_deref(), clicks, &told)?;
        txn.merge_add(import, pair.which())?;
        let action = format!("{} merge", pair.noun());
        txn.audit_add(&actor.did(&action, &format!("{label} ({rows} rows)")), now)?;
        Ok(MergeDone { id, counts, outlook })
    })
}

impl MergePair {
    /// Finds two publishers by name or id.
    pub fn publishers(txn: &ReadTxn<'_>, from: &str, into: &str) -> ServiceResult<Self> {
        let row = |text| names::publisher(txn, text)?.or_missing("publisher", text);
        let pair = Self::Publishers(row(from)?, row(into)?);
        pair.first_is(from).map(|()| pair)
    }

    /// Finds two campaigns of an advertiser by name or id.
    pub fn campaigns(txn: &ReadTxn<'_>, advertiser: AdvertiserRow, from: &str, into: &str) -> ServiceResult<Self> {
        let row = |text| names::campaign(txn, advertiser.key, text)?.or_missing("campaign", text);
        let (from_row, into_row) = (row(from)?, row(into)?);
        let pair = Self::Campaigns(advertiser, from_row, into_row);
        pair.first_is(from).map(|()| pair)
    }

    /// Refuses the name of a publisher or campaign that was already merged: it now means another one, which the caller didn't
    /// ask to merge.
    fn first_is(&self, text: &str) -> ServiceResult<()> {
        let (name, id) = match self {
            Self::Publishers(row, _) => (&row.name, row.id.to_string()),
            Self::Campaigns(_, row, _) => (&row.name, row.id.to_string()),
        };
        let looks = NameKey::ignoring_case;
        if looks(name) == looks(text) || id.eq_ignore_ascii_case(text.trim()) {
            return Ok(());
        }
        Err(merged_already(text.trim(), name))
    }

    /// The noun for the two.
    #[must_use]
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Publishers(..) => "publisher",
            Self::Campaigns(..) => "campaign",
        }
    }

    /// The names of the one to hide and of the one to keep.
    #[must_use]
    pub fn names(&self) -> (&str, &str) {
        match self {
            Self::Publishers(from, into) => (&from.name, &into.name),
            Self::Campaigns(_, from, into) => (&from.name, &into.name),
        }
    }

    fn label(&self) -> String {
        let (from, into) = self.names();
        match self {
            Self::Publishers(..) => format!("{from} into {into}"),
            Self::Campaigns(advertiser, ..) => format!("{from} into {into} of {}", advertiser.name),
        }
    }

    fn which(&self) -> Merged {
        match self {
            Self::Publishers(from, into) => Merged::Publisher(from.key, into.key),
            Self::Campaigns(advertiser, from, into) => Merged::Campaign(advertiser.key, from.key, into.key),
        }
    }

    /// Fails if the two can't be merged, or have changed since they were read.
    fn check(&self, txn: &ReadTxn<'_>) -> ServiceResult<()> {
        let merges = txn.merges()?;
        let hidden = match self {
            Self::Publishers(from, into) => {
                for row in [from, into] {
                    unless_moved(txn.publisher_get(row.id)?.name == row.name)?;
                }
                let meant = |key| merges.hid_publisher(key).map(|_| merges.publisher(key));
                let name = |key| Ok::<_, StoreError>(txn.publishers_by_key(&[key])?.pop().map(|row| row.name));
                let is_hidden = |row: &PublisherRow| meant(row.key).map(name).transpose();
                [(&from.name, is_hidden(from)?), (&into.name, is_hidden(into)?)]
            }
            Self::Campaigns(advertiser, from, into) => {
                for row in [from, into] {
                    let now = txn.campaign_find(advertiser.key, row.id)?;
                    unless_moved(now.is_some_and(|now| now.name == row.name && now.offer.key == row.offer.key))?;
                }
                let meant = |key| merges.hid_campaign(key).map(|_| merges.campaign(key));
                let name = |key| {
                    let row = txn.campaigns_by_key(advertiser.key, &[key])?.pop();
                    Ok::<_, StoreError>(row.map(|row| row.name))
                };
                let is_hidden = |row: &CampaignRow| meant(row.key).map(name).transpose();
                [(&from.name, is_hidden(from)?), (&into.name, is_hidden(into)?)]
            }
        };
        for (name, into) in hidden {
            if let Some(into) = into.flatten() {
                return Err(merged_already(name, &into));
            }
        }
        let is_one = match self {
            Self::Publishers(from, into) => from.key == into.key,
            Self::Campaigns(_, from, into) => from.key == into.key,
        };
        if is_one {
            let message = format!("\"{}\" can't be merged into itself", self.names().0);
            return Err(StoreError::Conflict(message).into());
        }
        self.check_network_ids(txn)
    }

    /// A network id must not belong to two campaigns once the two publishers are one.
    fn check_network_ids(&self, txn: &ReadTxn<'_>) -> ServiceResult<()> {
        let Self::Publishers(from, into) = self else { return Ok(()) };
        let merges = txn.merges()?;
        let mut clashes = Vec::new();
        for advertiser in txn.advertiser_list()? {
            let mut of: HashMap<_, HashMap<String, CampaignKey>> = HashMap::new();
            for row in txn.network_campaign_list(advertiser.key)? {
                let ids = of.entry(merges.publisher(row.publisher)).or_default();
                ids.insert(row.network_id, merges.campaign(row.campaign));
            }
            let (Some(own), Some(other)) = (of.get(&from.key), of.get(&into.key)) else { continue };
            let names = txn.campaign_names(advertiser.key)?;
            let name = |key: &CampaignKey| Invalid::echo(names.get(&key.get()).map_or("", String::as_str));
            let differs = |(id, campaign): (&String, &CampaignKey)| {
                let kept = other.get(id).filter(|kept| *kept != campaign)?;
                Some(format!("{} is {} and {}", Invalid::echo(id), name(campaign), name(kept)))
            };
            clashes.extend(own.iter().filter_map(differs));
        }
        clashes.sort_unstable();
        if clashes.is_empty() {
            return Ok(());
        }
        let more = clashes.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let listed = clashes.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
        let message = format!(
            "the networks' ids of the two name different campaigns: {listed}{more}. Merge those campaigns first, if they are \
             the same"
        );
        Err(StoreError::Conflict(message).into())
    }

    /// The days of the one to hide.
    fn spans(&self, txn: &ReadTxn<'_>) -> StoreResult<Vec<ImportSpan>> {
        match self {
            Self::Publishers(from, _) => txn.publisher_spans(from.key),
            Self::Campaigns(advertiser, from, _) => {
                let usage = txn.campaign_usage(advertiser.key, from.key)?;
                let span = usage.map(|usage| ImportSpan {
                    advertiser: advertiser.key,
                    first: usage.days.0,
                    last: usage.days.1,
                });
                Ok(span.into_iter().collect())
            }
        }
    }

    /// Writes zeros to the one to hide and the sums to the one to keep, day by day.
    fn carry_out(&self, txn: &ReadTxn<'_>, mut writer: CellWriter<'_, '_>) -> ServiceResult<(MergeOutlook, Written)> {
        let unseen = txn.campaigns_hidden()?;
        let mut parts = Vec::new();
        let mut hash = Sha256::new();
        for span in self.spans(txn)? {
            let advertiser = txn.advertiser_by_key(span.advertiser)?;
            let mut part = MergePart {
                advertiser,
                rows: 0,
                added: 0,
                added_days: BTreeSet::new(),
                cost: MicrosSum::default(),
                clicks: 0,
                days: BTreeSet::new(),
                shown_days: BTreeSet::new(),
            };
            for (day, _) in txn.day_versions(span.advertiser, span.first, span.last)? {
                for (key, figures) in self.cells(txn, day, &mut part)? {
                    writer.put(StatCell { key, figures }, 1, &mut |change: StatChange| {
                        hash_change(&mut hash, &change);
                        let told = |figures: &Figures| (figures.clicks, figures.cost);
                        if !unseen.contains(&key.campaign) && change.old.as_ref().map(told) != Some(told(&change.new)) {
                            part.shown_days.insert(day);
                        }
                    })?;
                }
            }
            if part.rows > 0 {
                parts.push(part);
            }
        }
        let mut written = writer.finish(&mut |_| {})?;
        let final_days = std::mem::take(&mut written.final_days);
        let sentences = self.moved(&parts)?;
        Ok((MergeOutlook { parts, final_days, sentences, key: hex(&hash.finalize()) }, written))
    }

    /// The new cells of a day, in order.
    fn cells(&self, txn: &ReadTxn<'_>, day: i64, part: &mut MergePart) -> ServiceResult<BTreeMap<StatKey, Figures>> {
        let (campaign, publisher) = match self {
            Self::Publishers(from, _) => (None, Some(from.key)),
            Self::Campaigns(_, from, _) => (Some(from.key), None),
        };
        let filter = StatFilter { advertiser: part.advertiser.key, from: day, to: day, campaign, publisher };
        let mut moved = Vec::new();
        txn.stat_scan_lines(&filter, |line| {
            if line.figures != Figures::default() {
                moved.push((line.key, line.figures));
            }
        })?;
        let mut cells = BTreeMap::new();
        for (key, figures) in moved {
            let to = match self {
                Self::Publishers(_, into) => StatKey { publisher: into.key, ..key },
                Self::Campaigns(_, _, into) => StatKey { campaign: into.key, ..key },
            };
            let held = txn.stat_find(to)?.map(|row| row.figures).unwrap_or_default();
            let sum = held.checked_add(figures).ok_or_else(|| {
                let day = Day::from_stored(day)
                    .map_or_else(|_| String::new(), |day| day.date().format("%-d %b %Y").to_string());
                Invalid::because("into", format!("the figures of {day} add up to more than one row can hold"))
            })?;
            part.rows += 1;
            if held != Figures::default() {
                part.added += 1;
                part.added_days.insert(day);
            }
            part.cost += figures.cost.into();
            part.clicks = part.clicks.saturating_add(figures.clicks.get().unsigned_abs());
            part.days.insert(day);
            cells.insert(key, Figures::default());
            cells.insert(to, sum);
        }
        Ok(cells)
    }
}

fn merged_already(name: &str, into: &str) -> ServiceError {
    StoreError::Conflict(format!("\"{name}\" was merged into \"{into}\" already: choose that one")).into()
}

fn hash_change(hash: &mut Sha256, change: &StatChange) {
    let StatKey { advertiser, day, campaign, publisher } = change.key;
    let figures =
        |figures: &Figures| [figures.clicks.get(), figures.cost.get(), figures.views.get(), figures.conversions.get()];
    let old = change.old.as_ref().map_or([-1; 4], figures);
    let key = [advertiser.get(), day, campaign.get(), publisher.get()];
    for number in [key, old, figures(&change.new)].as_flattened() {
        hash.update(number.to_le_bytes());
    }
}
