//! What a day was handed over as against what it is now, down to campaign and publisher.

use std::collections::{BTreeMap, HashMap};

use super::catalogue::{Catalogue, Said};
use crate::domain::{CampaignId, Micros, MicrosSum, PublisherId};
use crate::service::{ServiceError, ServiceResult};
use crate::store::{AdvertiserKey, CampaignKey, ImportKey, PastValue, PublisherKey, ReadTxn, Version};

/// What a report says of one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Clicks.
    pub clicks: i64,
    /// Cost.
    pub cost: Micros,
}

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

impl Sums {
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
}

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
        detail: Detail,
    ) -> Self {
        Self { txn, advertiser, catalogue, imports_at: HashMap::new(), detail }
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

/// What a cell was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// The same as now.
    Unchanged,
    /// Not there.
    Absent,
    /// It held this.
    Held(Shown),
}

/// What a cell was after that import; `past` is what it held, the oldest first.
fn held_at<'p>(past: impl Iterator<Item = &'p PastValue>, last: ImportKey) -> Then {
    let mut began = None;
    for value in past {
        // A value began with the import that stated it, or was given back when the one before it ended.
        let since = began.map_or(value.stated.import, |ended: ImportKey| ended.max(value.stated.import));
        if value.ended_by > last {
            let figures = value.stated.figures;
            let shown = Shown { clicks: figures.clicks.get(), cost: figures.cost };
            return if since <= last { Then::Held(shown) } else { Then::Absent };
        }
        began = Some(value.ended_by);
    }
    Then::Unchanged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Figures;
    use crate::store::StatRow;

    fn value(cost: i64, import: i64, ended_by: i64) -> PastValue {
        let figures = Figures { cost: Micros::new(cost).unwrap(), ..Figures::default() };
        PastValue { stated: StatRow { figures, import: import.into(), line: 1 }, ended_by: ended_by.into() }
    }

    fn cost_at(past: &[PastValue], last: i64) -> Result<i64, Then> {
        match held_at(past.iter(), last.into()) {
            Then::Held(shown) => Ok(shown.cost.get()),
            other => Err(other),
        }
    }

    #[test]
    fn a_value_is_found_by_the_imports_it_lies_between() {
        // Stated by 2, changed by 4, given back by the undo 5, taken away by the undo 7, stated anew by 9 until 11.
        let past = [value(20, 2, 4), value(40, 4, 5), value(20, 2, 7), value(90, 9, 11)];
        for (last, cost) in [
            (1, Err(Then::Absent)),
            (2, Ok(20)),
            (3, Ok(20)),
            (4, Ok(40)),
            (5, Ok(20)),
            (6, Ok(20)),
            (7, Err(Then::Absent)),
            (8, Err(Then::Absent)),
            (9, Ok(90)),
            (10, Ok(90)),
            (11, Err(Then::Unchanged)),
        ] {
            assert_eq!(cost_at(&past, last), cost, "after import {last}");
        }
    }
}
