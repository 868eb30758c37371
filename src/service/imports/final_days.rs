//! Final days: they have been invoiced, so they change only if a reason is given.

use std::fmt;

use crate::domain::Day;
use crate::store::AdvertiserKey;

/// How many an error lists.
const NAMED: usize = 10;

/// A final day that would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FinalDay {
    pub advertiser: AdvertiserKey,
    pub day: Day,
    /// Cells that change; 0 if the day would only be reopened.
    pub rows: u64,
}

/// The final days that would change, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FinalDays(pub Vec<FinalDay>);

impl FinalDays {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Why they are not changed.
    pub(super) fn refusal(&self) -> String {
        format!("days that are final would change: {self}. Give the reason why")
    }
}

/// `2023-08-01 (3 rows), 2023-08-02 (1 row)`
impl fmt::Display for FinalDays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, FinalDay { day, rows, .. }) in self.0.iter().take(NAMED).enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{day} ({rows} row{})", if *rows == 1 { "" } else { "s" })?;
        }
        match self.0.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
