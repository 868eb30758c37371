//! The effect of an import in totals: cells by what happens to them, and each day's cost and clicks before and after.
//!
//! A preview computes it in a snapshot, an import while it writes. If both are equal, nothing changed in between.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::cell_names::CellNames;
use super::writer::Written;
use crate::domain::{Day, Figures, MicrosSum};
use crate::service::{ServiceResult, hex};
use crate::store::{AdvertiserKey, StatCell, StatChange};

/// How many days are listed.
const DAYS: usize = 1000;

/// How many differences are listed.
const DIFFERENCES: usize = 20;

/// The effect of an import on the stats.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Outlook {
    /// New cells.
    pub inserted: u64,
    /// Cells whose value changes.
    pub changed: u64,
    /// Cells that already have this value.
    pub unchanged: u64,
    /// Changed cells that are set to zero because the input leaves them out.
    pub zeroed: u64,
    /// The totals of each day and advertiser: the first thousand.
    pub days: Vec<DayTotal>,
    /// How many days there are.
    pub day_count: u64,
    /// The total of all days before.
    pub before: Total,
    pub after: Total,
    /// The final days that change, in words; empty if none does.
    pub final_days: String,
}

/// The totals of an import's cells on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DayTotal {
    pub advertiser: String,
    pub date: String,
    /// Before.
    pub before: Total,
    pub after: Total,
}

/// Cost and clicks of some cells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// Existing cells.
    pub rows: u64,
    pub cost: MicrosSum,
    pub clicks: u64,
}

/// `12.5 and 3 clicks`, or `nothing`
impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rows {
            0 => f.write_str("nothing"),
            _ => write!(f, "{} and {} clicks", self.cost, self.clicks),
        }
    }
}

impl Outlook {
    /// Identifies this effect.
    #[must_use]
    pub fn key(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        hex(&Sha256::digest(&json))
    }

    /// What has changed since `earlier`, one sentence each.
    #[must_use]
    pub fn differences(&self, earlier: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let mut then: BTreeMap<(&str, &str), &DayTotal> =
            earlier.days.iter().map(|day| ((day.advertiser.as_str(), day.date.as_str()), day)).collect();
        for now in &self.days {
            match then.remove(&(now.advertiser.as_str(), now.date.as_str())) {
                Some(then) if then.before != now.before => {
                    found.push(format!("{} was {}, and is {} now.", now.date, then.before, now.before));
                }
                Some(then) if then.after != now.after => {
                    found.push(format!("{} would have been {}, and is {} now.", now.date, then.after, now.after));
                }
                Some(_) => {}
                None => found.push(format!("{} would change too now.", now.date)),
            }
        }
        found.extend(then.into_values().map(|day| format!("{} would no longer change.", day.date)));
        if self.final_days != earlier.final_days && !self.final_days.is_empty() {
            found.push(format!("Days have since been marked final: {}.", self.final_days));
        }
        if found.is_empty() && self != earlier {
            found.push(format!(
                "{} rows would be new, {} changed and {} unchanged; it was {}, {} and {}.",
                self.inserted, self.changed, self.unchanged, earlier.inserted, earlier.changed, earlier.unchanged
            ));
        }
        if let Some(more) = found.len().checked_sub(DIFFERENCES).filter(|more| *more > 0) {
            found.truncate(DIFFERENCES);
            found.push(format!("And {more} more."));
        }
        found
    }
}

impl Total {
    fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.cost += other.cost;
        self.clicks = self.clicks.saturating_add(other.clicks);
    }
}

/// Adds up cells while they are written or compared.
#[derive(Default)]
pub(super) struct Tally {
    /// The day of the last cell.
    open: Option<((AdvertiserKey, i64), Sums)>,
    days: BTreeMap<(AdvertiserKey, i64), Sums>,
}

/// Signed, because a change subtracts what was counted when the cell was put.
#[derive(Default)]
struct Sums {
    before: Signed,
    after: Signed,
}

#[derive(Default)]
struct Signed {
    rows: i64,
    micros: i128,
    clicks: i128,
}

impl Signed {
    fn add(&mut self, figures: &Figures, times: i64) {
        self.rows += times;
        self.micros += i128::from(figures.cost.get()) * i128::from(times);
        self.clicks += i128::from(figures.clicks.get()) * i128::from(times);
    }

    fn total(&self) -> Total {
        Total {
            rows: self.rows.unsigned_abs(),
            cost: MicrosSum::from_micros(self.micros.unsigned_abs()),
            clicks: u64::try_from(self.clicks).unwrap_or_default(),
        }
    }
}

impl Tally {
    fn day(&mut self, advertiser: AdvertiserKey, day: i64) -> &mut Sums {
        let day = (advertiser, day);
        if self.open.as_ref().is_none_or(|(open, _)| *open != day) {
            self.close();
        }
        let days = &mut self.days;
        &mut self.open.get_or_insert_with(|| (day, days.remove(&day).unwrap_or_default())).1
    }

    fn close(&mut self) {
        self.days.extend(self.open.take());
    }

    /// A cell of the input. It counts as unchanged until a change is seen.
    pub(super) fn put(&mut self, cell: &StatCell) {
        let sums = self.day(cell.key.advertiser, cell.key.day);
        sums.before.add(&cell.figures, 1);
        sums.after.add(&cell.figures, 1);
    }

    /// A cell that is new, changed or set to zero.
    pub(super) fn see(&mut self, change: &StatChange) {
        let sums = self.day(change.key.advertiser, change.key.day);
        // Cells that the input leaves out were not put.
        if change.line == 0 {
            sums.after.add(&change.new, 1);
        } else {
            sums.before.add(&change.new, -1);
        }
        if let Some(old) = &change.old {
            sums.before.add(old, 1);
        }
    }

    pub(super) fn finish(mut self, written: &Written, names: &mut CellNames<'_, '_>) -> ServiceResult<Outlook> {
        self.close();
        let counts = &written.counts;
        let mut days = Vec::new();
        let day_count = self.days.len() as u64;
        let (mut before, mut after) = (Total::default(), Total::default());
        for ((advertiser, day), sums) in self.days {
            before.add(&sums.before.total());
            after.add(&sums.after.total());
            if days.len() == DAYS {
                continue;
            }
            days.push(DayTotal {
                advertiser: names.advertiser(advertiser)?.0,
                date: Day::from_stored(day)?.to_string(),
                before: sums.before.total(),
                after: sums.after.total(),
            });
        }
        Ok(Outlook {
            inserted: counts.inserted,
            changed: counts.changed,
            unchanged: counts.unchanged,
            zeroed: counts.zeroed,
            days,
            day_count,
            before,
            after,
            final_days: written.final_days.to_string(),
        })
    }
}
