//! Marks of days: provisional or final.
//!
//! A mark belongs to an import. The latest one whose import isn't undone counts.

use crate::domain::DayState;
use crate::store::{AdvertiserKey, ImportKey, ReadTxn, StoreResult, WriteTxn, parsed};

/// A day's mark, and the import it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayStatus {
    /// The day, as stored.
    pub day: i64,
    pub state: DayState,
    pub import: ImportKey,
}

impl ReadTxn<'_> {
    /// The marked days of the range, in order. Both ends are included.
    pub fn day_marks(&self, advertiser: AdvertiserKey, from: i64, to: i64) -> StoreResult<Vec<DayStatus>> {
        // The other columns come from the row with the maximum, which SQLite guarantees.
        let sql = "select day, state, max(import_key) from day_marks
            where advertiser_key = ?1 and day between ?2 and ?3
                and not exists (select 1 from imports where undoes_key = day_marks.import_key)
            group by day
            order by day";
        self.list("read the days' marks", sql, (advertiser.0, from, to), |row| {
            Ok(DayStatus { day: row.get(0)?, state: parsed(row, 1)?, import: ImportKey(row.get(2)?) })
        })
    }

    /// Whether a day is final.
    pub fn day_is_final(&self, advertiser: AdvertiserKey, day: i64) -> StoreResult<bool> {
        Ok(self.day_marks(advertiser, day, day)?.iter().any(|mark| mark.state == DayState::Final))
    }
}

impl WriteTxn<'_> {
    /// Marks a day.
    pub fn day_mark(&self, advertiser: AdvertiserKey, day: i64, import: ImportKey, state: DayState) -> StoreResult<()> {
        let sql = "insert into day_marks (advertiser_key, day, import_key, state) values (?1, ?2, ?3, ?4)";
        self.run("mark a day", sql, (advertiser.0, day, import.0, state.as_str())).map(drop)
    }
}
