//! What a day was handed over as against what it is now, down to campaign and publisher.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::catalogue::{Catalogue, Said};
use super::then::{Shown, Then, held_at};
use crate::domain::{CampaignId, Micros, MicrosSum, PublisherId};
use crate::service::{ServiceError, ServiceResult};
use crate::store::{AdvertiserKey, CampaignKey, ImportKey, PublisherKey, ReadTxn, StatSum, Version};

/// Sums over a day's items.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// Items.
    pub rows: u64,
    /// Clicks.
    pub clicks: i128,
    /// Cost.
    pub cost: MicrosSum,
}

impl From<StatSum> for Sums {
    fn from(sum: StatSum) -> Self {
        Self { rows: sum.rows.unsigned_abs(), clicks: sum.clicks.into(), cost: sum.cost }
    }
}

impl Sums {
    /// Takes an item out that was among them.
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

/// A campaign at a publisher that was handed over otherwise than it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellDifference {
    /// The campaign.
    pub campaign: CampaignKey,
    /// Its id.
    pub campaign_id: CampaignId,
    /// The publisher.
    pub publisher: PublisherKey,
    /// Its id.
    pub publisher_id: PublisherId,
    /// The keys of the item that differ.
    pub differs: Vec<&'static str>,
    /// What was handed over; nothing where there was no item, or where that is not known.
    pub served: Option<Shown>,
    /// What there is now; nothing where there is no item.
    pub held: Option<Shown>,
}

/// A day as it was handed over, and as it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DayDifference {
    /// What was handed over; nothing where it never was, or where that is not known.
    pub served: Option<Sums>,
    /// What there is now.
    pub held: Sums,
    /// How many items differ. Of a day that is not known to have been handed over, all do.
    pub differing: u64,
    /// Those items, where they were asked for.
    pub cells: Vec<CellDifference>,
}

impl DayDifference {
    /// Whether anything differs. What is not known does.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.served.is_none() || self.differing > 0
    }
}

type CellKey = (CampaignKey, PublisherKey);

/// Reads days of one advertiser.
pub(super) struct Reader<'t, 'c> {
    txn: &'t ReadTxn<'c>,
    advertiser: AdvertiserKey,
    catalogue: &'t Catalogue,
    imports_at: HashMap<Version, ImportKey>,
    detail: Detail,
    /// What all cells of each day come to, whether or not Singular is shown them.
    sums: HashMap<i64, Sums>,
    /// Campaigns that Singular is not shown now.
    hidden: Vec<CampaignKey>,
    ever_changed: Vec<(CampaignKey, Version)>,
    /// For each version: those that are hidden or were changed since.
    special: HashMap<Version, Vec<CampaignKey>>,
}

/// Campaigns that are looked up one by one in a day rather than searched for among all of it.
const FEW: usize = 40;

/// How much is wanted of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Only whether anything differs. Where nothing was changed since, its sums are left out.
    States,
    /// Its sums, and how many items differ.
    Sums,
    /// The items that differ, too.
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
        let (hidden, ever_changed) = (catalogue.hidden(), catalogue.ever_changed());
        let (imports_at, special) = (HashMap::new(), HashMap::new());
        Ok(Self { txn, advertiser, catalogue, imports_at, detail, sums, hidden, ever_changed, special })
    }

    /// The campaigns that the sums of a day don't tell about: those that are hidden, and those changed since.
    fn special(&mut self, since: Version) -> Vec<CampaignKey> {
        let Self { hidden, ever_changed, special, .. } = self;
        let found = special.entry(since).or_insert_with(|| {
            let changed = ever_changed.iter().filter(|(_, changed)| *changed > since).map(|(campaign, _)| *campaign);
            changed.chain(hidden.iter().copied()).collect::<BTreeSet<_>>().into_iter().collect()
        });
        found.clone()
    }

    /// A day none of whose cells was changed since, from its sums and the cells of a few campaigns.
    fn unchanged(&mut self, day: i64, since: Version, few: &[CampaignKey]) -> ServiceResult<DayDifference> {
        let mut served = self.sums.get(&day).copied().unwrap_or_default();
        let mut cells = Vec::new();
        if !few.is_empty() {
            self.txn.stat_scan_campaigns(self.advertiser, (day, day), few, |part| cells.push(part))?;
        }
        let mut held = served;
        let mut found = DayDifference::default();
        cells.sort_unstable_by_key(|part| (part.campaign, part.publisher));
        for part in cells {
            let clicks = part.sum.clicks;
            let cost = part.sum.cost.to_stored().and_then(|cost| Micros::new(cost).ok()).unwrap_or_default();
            let (cell, shown) = ((part.campaign, part.publisher), Shown { clicks, cost });
            let then = self.catalogue.said(cell.0, Some(since)).map(|said| (shown, said));
            let now = self.catalogue.said(cell.0, None).map(|said| (shown, said));
            if then.is_none() {
                served.take(&shown);
            }
            if now.is_none() {
                held.take(&shown);
            }
            self.compare(cell, then, now, &mut found)?;
        }
        Ok(DayDifference { served: Some(served), held, ..found })
    }

    /// A day that was handed over at `since`, and whose stats last changed at `version`.
    pub(super) fn since(&mut self, day: i64, since: Version, version: Option<Version>) -> ServiceResult<DayDifference> {
        let touched = match version {
            Some(version) if version > since => self.figures_at(day, since)?,
            _ => HashMap::new(),
        };
        let is_said_anew = self.catalogue.changed > since;
        if self.detail == Detail::States && touched.is_empty() && !is_said_anew {
            return Ok(DayDifference { served: Some(Sums::default()), ..DayDifference::default() });
        }
        if touched.is_empty() {
            let special = self.special(since);
            if special.len() <= FEW {
                return self.unchanged(day, since, &special);
            }
        }
        let (mut served, mut held) = (Sums::default(), Sums::default());
        // Cells that may differ: what they held, and hold.
        let mut pairs: BTreeMap<CellKey, (Option<Shown>, Option<Shown>)> =
            touched.iter().map(|(cell, then)| (*cell, (*then, None))).collect();
        let catalogue = self.catalogue;
        let mut shown: HashMap<CampaignKey, (bool, bool)> = HashMap::new();
        self.each(day, |cell, now| {
            let (is_on, is_changed) = *shown
                .entry(cell.0)
                .or_insert_with(|| (catalogue.is_shown(cell.0), is_said_anew && catalogue.is_changed(cell.0, since)));
            match pairs.get_mut(&cell) {
                Some(pair) => pair.1 = Some(now),
                None if is_changed => drop(pairs.insert(cell, (Some(now), Some(now)))),
                None if is_on => {
                    served.add(&now);
                    held.add(&now);
                }
                None => {}
            }
        })?;
        let mut found = DayDifference::default();
        for (cell, (then, now)) in pairs {
            let then = then.zip(catalogue.said(cell.0, Some(since)));
            let now = now.zip(catalogue.said(cell.0, None));
            if let Some((shown, _)) = &then {
                served.add(shown);
            }
            if let Some((shown, _)) = &now {
                held.add(shown);
            }
            self.compare(cell, then, now, &mut found)?;
        }
        Ok(DayDifference { served: Some(served), held, ..found })
    }

    /// A day that no poll ever covered, or that may have been handed over as anything.
    pub(super) fn alone(&mut self, day: i64) -> ServiceResult<DayDifference> {
        if self.detail != Detail::Cells && self.hidden.len() <= FEW {
            let hidden = self.hidden.clone();
            let DayDifference { held, .. } = self.unchanged(day, self.txn.version_latest()?, &hidden)?;
            return Ok(DayDifference { served: None, held, differing: held.rows, cells: Vec::new() });
        }
        let mut found = DayDifference::default();
        let mut cells = Vec::new();
        let (catalogue, detail) = (self.catalogue, self.detail);
        self.each(day, |cell, now| {
            if let Some(said) = catalogue.said(cell.0, None) {
                found.held.add(&now);
                if detail == Detail::Cells {
                    cells.push((cell, now, said));
                }
            }
        })?;
        for (cell, now, said) in cells {
            self.compare(cell, None, Some((now, said)), &mut found)?;
        }
        found.differing = found.held.rows;
        Ok(found)
    }

    fn each(&self, day: i64, mut each: impl FnMut(CellKey, Shown)) -> ServiceResult<()> {
        let mut scan = self.txn.stat_scan(self.advertiser, day, day);
        loop {
            let rows = scan.next(self.txn)?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows {
                each((row.campaign, row.publisher), Shown { clicks: row.clicks, cost: row.cost });
            }
        }
    }

    /// What the cells that were changed since then held at that version.
    fn figures_at(&mut self, day: i64, since: Version) -> ServiceResult<HashMap<CellKey, Option<Shown>>> {
        let last = match self.imports_at.get(&since) {
            Some(import) => *import,
            None => *self.imports_at.entry(since).or_insert(self.txn.import_at(since)?),
        };
        let mut found = HashMap::new();
        let past = self.txn.stat_past_of_day(self.advertiser, day)?;
        for cell in past.chunk_by(|(one, _), (other, _)| one == other) {
            let held = match held_at(cell.iter().map(|(_, past)| past), last) {
                Then::Unchanged => continue,
                Then::Absent => None,
                Then::Held(shown) => Some(shown),
            };
            found.insert((cell[0].0.campaign, cell[0].0.publisher), held);
        }
        for (campaign, publisher, _) in self.txn.stat_changed_since(self.advertiser, day, last)? {
            found.entry((campaign, publisher)).or_insert(None);
        }
        Ok(found)
    }

    /// Notes the item if it differs.
    fn compare(
        &self,
        (campaign, publisher): CellKey,
        served: Option<(Shown, Said<'_>)>,
        held: Option<(Shown, Said<'_>)>,
        found: &mut DayDifference,
    ) -> ServiceResult<()> {
        let differs = differing_keys(served.as_ref(), held.as_ref());
        if differs.is_empty() {
            return Ok(());
        }
        found.differing += 1;
        if self.detail == Detail::Cells {
            let dangling = || ServiceError::Internal("a stat points at what is not in the catalogue".to_owned());
            found.cells.push(CellDifference {
                campaign,
                campaign_id: self.catalogue.campaign_id(campaign).ok_or_else(dangling)?,
                publisher,
                publisher_id: self.catalogue.publisher_id(publisher).ok_or_else(dangling)?,
                differs,
                served: served.map(|(shown, _)| shown),
                held: held.map(|(shown, _)| shown),
            });
        }
        Ok(())
    }
}

/// The keys of an item that differ. Of one that comes or goes those of all that it brings.
fn differing_keys(served: Option<&(Shown, Said<'_>)>, held: Option<&(Shown, Said<'_>)>) -> Vec<&'static str> {
    let keys = match (served, held) {
        (None, None) => return Vec::new(),
        (Some((then, said_then)), Some((now, said))) => [
            (then.cost != now.cost, "cost"),
            (then.clicks != now.clicks, "clicks"),
            (said_then.offer != said.offer, "offer_name"),
            (said_then.store.as_str() != said.store.as_str(), "store_id"),
            (said_then.store.os() != said.store.os(), "os"),
        ],
        (Some((one, _)), None) | (None, Some((one, _))) => [
            (one.cost != Micros::default(), "cost"),
            (one.clicks != 0, "clicks"),
            (true, "offer_name"),
            (true, "store_id"),
            (true, "os"),
        ],
    };
    keys.into_iter().filter_map(|(is_other, key)| is_other.then_some(key)).collect()
}
