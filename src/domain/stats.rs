//! The figures of one day, campaign and publisher.

use std::fmt;

use super::{CampaignId, Day, ExactCost, Invalid, Micros, PublisherId};

/// A count from 0 to 10^15, which every JSON reader represents exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Count(i64);

impl Count {
    /// The largest count of one row. `schema.sql` checks the same bound.
    pub const MAX: Self = Self(1_000_000_000_000_000);

    /// A count from its stored value.
    #[expect(clippy::inline_always, reason = "measured: each row of a report is checked")]
    #[inline(always)]
    pub fn new(field: &'static str, count: i64) -> Result<Self, Invalid> {
        if (0..=Self::MAX.0).contains(&count) { Ok(Self(count)) } else { Err(Self::out_of_bounds(field, count)) }
    }

    #[cold]
    fn out_of_bounds(field: &'static str, count: i64) -> Invalid {
        Invalid::value(field, &count.to_string(), "a whole number from 0 to 1000000000000000")
    }

    /// Reads a whole number: digits, or a decimal that is whole, such as `270.0`, `1e2` or `-0`.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, Invalid> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let count = if digits { text.parse().ok() } else { whole(text) };
        count
            .and_then(|count| Self::new(field, count).ok())
            .ok_or_else(|| Invalid::value(field, text, "a whole number from 0 to 1000000000000000"))
    }

    /// The count, as stored.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The sum, if it still fits one row.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).filter(|sum| *sum <= Self::MAX.0).map(Self)
    }
}

/// A decimal that is a whole number. Parsed as millionths, so that the largest count fits.
fn whole(text: &str) -> Option<i64> {
    ExactCost::parse_in(text, 6).ok()?.in_micros()
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The figures of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    pub clicks: Count,
    /// What the advertiser owes, in the advertiser's currency.
    pub cost: Micros,
    pub views: Count,
    /// Installs, or whatever else the offer pays for.
    pub conversions: Count,
}

impl Figures {
    /// Adds each figure, if every sum still fits.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Some(Self {
            clicks: self.clicks.checked_add(other.clicks)?,
            cost: self.cost.checked_add(other.cost)?,
            views: self.views.checked_add(other.views)?,
            conversions: self.conversions.checked_add(other.conversions)?,
        })
    }
}

/// A row: all figures of one day, campaign and publisher. Writing it again replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DailyStat {
    /// The day, as the source stated it.
    pub day: Day,
    pub campaign: CampaignId,
    pub publisher: PublisherId,
    pub figures: Figures,
}
