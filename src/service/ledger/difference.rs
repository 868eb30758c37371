//! How a day as Singular received it differs from the report now, by campaign and publisher.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::rc::Rc;

use super::catalogue::Catalogue;
use super::compare::{Item, differing_keys, is_other};
use super::then::{Shown, held_at};
use crate::domain::{CampaignId, Micros, MicrosSum, PublisherId};
use crate::service::{ServiceError, ServiceResult};
use crate::store::{AdvertiserKey, CampaignKey, ImportKey, PublisherKey, ReadTxn, StatKey, StatPart, StatSum, Version};

/// Sums of a day's items.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    pub rows: u64,
    pub clicks: i128,
    pub cost: MicrosSum,
}

impl From<StatSum> for Sums {
    fn from(sum: StatSum) -> Self {
        Self { rows: sum.rows.unsigned_abs(), clicks: sum.clicks.into(), cost: sum.cost }
    }
}

impl Sums {
    /// Subtracts an item that was included.
    fn take(&mut self, shown: &Shown) {
        self.rows = self.rows.saturating_sub(1);
        self.clicks -= i128::from(shown.clicks);
        let cost = self.cost.micros() - MicrosSum::from(shown.cost).micros();
        self.cost = MicrosSum::from_micros(cost.unsigned_abs());
    }

    fn add(&mut self, shown: &Shown) {
        self.rows += 1;
        self.clicks += i128::from(shown.clicks);
        self.cost += shown.cost.into();
    }
}

/// A campaign at a publisher that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellDifference {
    pub campaign: CampaignKey,
    pub campaign_id: CampaignId,
    pub publisher: PublisherKey,
    pub publisher_id: PublisherId,
    /// The keys that differ.
    pub differs: Vec<&'static str>,
    /// What Singular received; `None` if there was no item, or if it isn't known.
    pub served: Option<Shown>,
    /// What the report says now; `None` if there is no item.
    pub held: Option<Shown>,
}

/// A day as Singular received it, and as it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DayDifference {
    /// What Singular received; `None` if it never did, or if it isn't known.
    pub served: Option<Sums>,
    /// What the report says now.
    pub held: Sums,
    /// How many items differ. If it isn't known what Singular received, all do.
    pub differing: u64,
    /// Those items, if they were asked for.
    pub cells: Vec<CellDifference>,
}

impl DayDifference {
    /// Whether anything differs. An unknown day does.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.served.is_none() || self.differing > 0
    }
}

type CellKey = (CampaignKey, PublisherKey);

/// A changed cell: its value before and now.
type Change = (Option<Shown>, Option<Shown>);

/// Reads the days of one advertiser.
pub(super) struct Reader<'t, 'c> {
    txn: &'t ReadTxn<'c>,
    advertiser: AdvertiserKey,
    catalogue: &'t Catalogue,
    imports_at: HashMap<Version, ImportKey>,
    detail: Detail,
    /// The sums of each day, including offers without cost reporting.
    sums: HashMap<i64, Sums>,
    /// Campaigns that aren't in Singular's report now.
    hidden: Vec<CampaignKey>,
    /// For each version: campaigns whose cells must be read one by one.
    special: HashMap<Version, Rc<[CampaignKey]>>,
}

/// Looking up a campaign in a day takes as long as reading this many cells in sequence.
const LOOK_UP: usize = 6;

/// How many changed cells are looked up before all are read.
const FIRST: u32 = 8;

/// How many campaigns are looked up before checking whether they differ.
const AT_ONCE: usize = 8;

/// How much to find out about a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Only whether anything differs, and whether there are items; no sums.
    States,
    /// The sums, and how many items differ.
    Sums,
    /// Also the items that differ.
    Cells,
}

impl<'t, 'c> Reader<'t, 'c> {
    pub(super) fn new(
        txn: &'t ReadTxn<'c>,
        advertiser: AdvertiserKey,
        catalogue: &'t Catalogue,
        (from, to): (i64, i64),
        detail: Detail,
    ) -> ServiceResult<Self> {
        let sums = txn.day_sums(advertiser, from, to)?.into_iter().map(|(day, sum)| (day, sum.into())).collect();
        let (imports_at, special) = (HashMap::new(), HashMap::new());
        Ok(Self { txn, advertiser, catalogue, imports_at, detail, sums, hidden: catalogue.hidden(), special })
    }

    /// Campaigns whose cells must be read one by one: those with changed texts and, if sums are wanted, those that aren't in
    /// the report.
    fn special(&mut self, since: Version) -> Rc<[CampaignKey]> {
        let Self { catalogue, hidden, detail, special, .. } = self;
        let found = special.entry(since).or_insert_with(|| {
            let hidden = if *detail == Detail::States { &[] } else { hidden.as_slice() };
            let said_anew = |campaign: &_| catalogue.said(*campaign, Some(since)) != catalogue.said(*campaign, None);
            let both = catalogue.changed_since(since).filter(said_anew).chain(hidden.iter().copied());
            both.collect::<BTreeSet<_>>().into_iter().collect()
        });
        Rc::clone(found)
    }

    /// Whether looking up these campaigns is faster than reading the whole day. For one or two it always is.
    fn are_few(&self, day: i64, campaigns: &[CampaignKey]) -> bool {
        let rows = self.sums.get(&day).map_or(0, |sums| sums.rows);
        campaigns.len() <= 2
            || u64::try_from(campaigns.len().saturating_mul(LOOK_UP)).is_ok_and(|wanted| wanted <= rows)
    }

    /// Passes the day's cells of these campaigns to `each`, and possibly others.
    fn each_of(&self, day: i64, campaigns: &[CampaignKey], mut each: impl FnMut(CellKey, Shown)) -> ServiceResult<()> {
        if campaigns.is_empty() {
            return Ok(());
        }
        if self.are_few(day, campaigns) {
            let mut damage = Ok(());
            let part = |part: StatPart| match shown(&part.sum) {
                Ok(now) => each((part.campaign, part.publisher), now),
                Err(error) => damage = Err(error),
            };
            self.txn.stat_scan_campaigns(self.advertiser, (day, day), campaigns, part)?;
            return damage;
        }
        self.each(day, |cell, now| {
            each(cell, now);
            ControlFlow::Continue(())
        })
    }

    /// A day that was received at `since`, and whose stats last changed at `version`.
    pub(super) fn since(&mut self, day: i64, since: Version, version: Option<Version>) -> ServiceResult<DayDifference> {
        let special = self.special(since);
        let has_changed = version.is_some_and(|version| version > since);
        if has_changed && self.detail == Detail::States && self.is_other_at_once(day, since, &special)? {
            return Ok(DayDifference { served: Some(Sums::default()), differing: 1, ..DayDifference::default() });
        }
        let mut changes = if has_changed { self.changes(day, since)? } else { Vec::new() };
        let mut wanted: BTreeSet<CampaignKey> = special.iter().copied().collect();
        // Cells without an import since then: a value that an undo restored, or none.
        wanted.extend(changes.iter().filter(|(_, (_, now))| now.is_none()).map(|((campaign, _), _)| *campaign));
        let wanted: Vec<_> = wanted.into_iter().collect();
        if self.detail == Detail::States {
            let differing = self.is_other(day, since, &special, &changes, &wanted)?.into();
            return Ok(DayDifference { served: Some(Sums::default()), differing, ..DayDifference::default() });
        }
        let mut others = Vec::new();
        self.each_of(day, &wanted, |cell, now| match place(&changes, cell) {
            Ok(at) => changes[at].1.1 = Some(now),
            Err(_) if special.binary_search(&cell.0).is_ok() => others.push((cell, (Some(now), Some(now)))),
            Err(_) => {}
        })?;
        if !others.is_empty() {
            changes.append(&mut others);
            changes.sort_unstable_by_key(|(cell, _)| *cell);
        }
        let mut held = self.sums.get(&day).copied().unwrap_or_default();
        for now in changes.iter().filter_map(|(_, (_, now))| now.as_ref()) {
            held.take(now);
        }
        let mut served = held;
        let mut found = DayDifference::default();
        for (cell, change) in changes {
            let (then, now) = self.said(cell, since, &special, change);
            if let Some((then, _)) = &then {
                served.add(then);
            }
            if let Some((now, _)) = &now {
                held.add(now);
            }
            self.compare(cell, then, now, &mut found)?;
        }
        Ok(DayDifference { served: Some(served), held, ..found })
    }

    /// What the report said about a cell at `since` and says now, if Singular's report had or has it.
    fn said(
        &self,
        (campaign, _): CellKey,
        since: Version,
        special: &[CampaignKey],
        (then, now): Change,
    ) -> (Item<'_>, Item<'_>) {
        let said = self.catalogue.said(campaign, None);
        let is_same = special.binary_search(&campaign).is_err();
        let said_then = if is_same { said } else { self.catalogue.said(campaign, Some(since)) };
        (then.zip(said_then), now.zip(said))
    }

    /// Whether one of the first cells that imports changed since then differs, found without reading all of them.
    fn is_other_at_once(&mut self, day: i64, since: Version, special: &[CampaignKey]) -> ServiceResult<bool> {
        let last = self.import_at(since)?;
        for ended in self.txn.stat_held_until(self.advertiser, day, last, Some(FIRST))? {
            let (advertiser, campaign, publisher) = (self.advertiser, ended.campaign, ended.publisher);
            let now = self.txn.stat_find(StatKey { advertiser, day, campaign, publisher })?;
            let now = now.map(|row| Shown { clicks: row.figures.clicks.get(), cost: row.figures.cost });
            let (then, now) = self.said((campaign, publisher), since, special, (held_at(&ended, last), now));
            if is_other(&then, &now) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether anything differs: first the cells in `changes` whose values are known, then those of the `wanted` campaigns, a
    /// few at a time.
    fn is_other(
        &self,
        day: i64,
        since: Version,
        special: &[CampaignKey],
        changes: &[(CellKey, Change)],
        wanted: &[CampaignKey],
    ) -> ServiceResult<bool> {
        let differs = |cell: CellKey, change: Change| {
            let (then, now) = self.said(cell, since, special, change);
            is_other(&then, &now)
        };
        if changes.iter().any(|(cell, change)| change.1.is_some() && differs(*cell, *change)) {
            return Ok(true);
        }
        for some in wanted.chunks(AT_ONCE) {
            let mut held = BTreeMap::new();
            self.each_of(day, some, |cell, now| {
                if some.contains(&cell.0) {
                    held.insert(cell, now);
                }
            })?;
            let gone = changes.iter().filter(|(cell, _)| some.contains(&cell.0) && !held.contains_key(cell));
            let there = held.iter().map(|(cell, now)| {
                let then = place(changes, *cell).map_or(Some(*now), |at| changes[at].1.0);
                (*cell, (then, Some(*now)))
            });
            if there
                .chain(gone.map(|(cell, (then, _))| (*cell, (*then, None))))
                .any(|(cell, change)| differs(cell, change))
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A day that no poll ever covered, or for which it isn't known what Singular received.
    pub(super) fn alone(&mut self, day: i64) -> ServiceResult<DayDifference> {
        if self.detail != Detail::Cells && (self.hidden.is_empty() || self.are_few(day, &self.hidden)) {
            let mut held = self.sums.get(&day).copied().unwrap_or_default();
            self.each_of(day, &self.hidden, |_, now| held.take(&now))?;
            return Ok(DayDifference { served: None, held, differing: held.rows, cells: Vec::new() });
        }
        let mut found = DayDifference::default();
        let mut cells = Vec::new();
        let (catalogue, detail) = (self.catalogue, self.detail);
        self.each(day, |cell, now| {
            let Some(said) = catalogue.said(cell.0, None) else { return ControlFlow::Continue(()) };
            found.held.add(&now);
            if detail == Detail::Cells {
                cells.push((cell, now, said));
            }
            if detail == Detail::States { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        for (cell, now, said) in cells {
            self.compare(cell, None, Some((now, said)), &mut found)?;
        }
        found.differing = found.held.rows;
        Ok(found)
    }

    /// Passes the day's cells to `each` until it has enough.
    fn each(&self, day: i64, mut each: impl FnMut(CellKey, Shown) -> ControlFlow<()>) -> ServiceResult<()> {
        let mut scan = self.txn.stat_scan(self.advertiser, day, day);
        loop {
            let rows = scan.next(self.txn)?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows {
                if each((row.campaign, row.publisher), Shown { clicks: row.clicks, cost: row.cost }).is_break() {
                    return Ok(());
                }
            }
        }
    }

    /// The last import whose changes a version contains.
    fn import_at(&mut self, version: Version) -> ServiceResult<ImportKey> {
        match self.imports_at.get(&version) {
            Some(import) => Ok(*import),
            None => Ok(*self.imports_at.entry(version).or_insert(self.txn.import_at(version)?)),
        }
    }

    /// The cells that imports changed since then, in order: their values at that version, and now if an import stated one.
    fn changes(&mut self, day: i64, since: Version) -> ServiceResult<Vec<(CellKey, Change)>> {
        let last = self.import_at(since)?;
        let ended = self.txn.stat_held_until(self.advertiser, day, last, None)?;
        let mut found: Vec<(CellKey, Change)> =
            ended.iter().map(|ended| ((ended.campaign, ended.publisher), (held_at(ended, last), None))).collect();
        // Both are in order, so they are gone through side by side.
        let (count, mut at) = (found.len(), 0);
        for stated in self.txn.stat_changed_since(self.advertiser, day, last)? {
            let (cell, now) = ((stated.campaign, stated.publisher), Some(Shown::from(&stated)));
            while at < count && found[at].0 < cell {
                at += 1;
            }
            if at < count && found[at].0 == cell {
                found[at].1.1 = now;
            } else {
                found.push((cell, (None, now)));
            }
        }
        found.sort_by_key(|(cell, _)| *cell);
        Ok(found)
    }

    /// Notes the item if it differs.
    fn compare(
        &self,
        (campaign, publisher): CellKey,
        served: Item<'_>,
        held: Item<'_>,
        found: &mut DayDifference,
    ) -> ServiceResult<()> {
        if !is_other(&served, &held) {
            return Ok(());
        }
        found.differing += 1;
        if self.detail == Detail::Cells {
            found.cells.push(CellDifference {
                campaign,
                campaign_id: self.catalogue.campaign_id(self.txn, campaign)?,
                publisher,
                publisher_id: self.catalogue.publisher_id(self.txn, publisher)?,
                differs: differing_keys(&served, &held),
                served: served.map(|(shown, _)| shown),
                held: held.map(|(shown, _)| shown),
            });
        }
        Ok(())
    }
}

/// What a report says of a cell, whose cost fits unless the database is damaged.
fn shown(sum: &StatSum) -> ServiceResult<Shown> {
    let cost = sum.cost.to_stored().and_then(|cost| Micros::new(cost).ok());
    let damage = || ServiceError::Internal(format!("a cell holds a cost of {}, more than a cell can", sum.cost));
    Ok(Shown { clicks: sum.clicks, cost: cost.ok_or_else(damage)? })
}

/// Where a cell stands among changes that are in order.
fn place(changes: &[(CellKey, Change)], cell: CellKey) -> Result<usize, usize> {
    changes.binary_search_by_key(&cell, |(changed, _)| *changed)
}
