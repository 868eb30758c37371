//! What is asked of a report, and what one of its rows holds.

use super::{AdvertiserId, Day, DayRange, Invalid, Micros, OfferId};

/// Which report was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReportKind {
    /// One row per day, campaign and publisher, for Singular (contract §1).
    Singular,
    /// Totals per offer and publisher (contract §3).
    General,
}

impl ReportKind {
    /// As stored in the poll history.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Singular => "singular",
            Self::General => "general",
        }
    }
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReportFormat {
    /// JSON, as Singular reads it.
    Json,
    /// CSV by RFC 4180.
    Csv,
}

impl ReportFormat {
    /// As stored in the poll history and written on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }
}

/// The parameters of a report as text. The transport fills it in and refuses repeats; [`ReportQuery::new`] reads it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawReport {
    /// First day.
    pub date_from: Option<String>,
    /// Last day.
    pub date_to: Option<String>,
    /// Only this offer; the general report only.
    pub offer_id: Option<String>,
}

/// A report that can be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReportQuery {
    /// Whose figures. Comes from the token or the command line, never from the query.
    pub advertiser: AdvertiserId,
    /// Which days, both ends included.
    pub days: DayRange,
    /// Only this offer.
    pub offer: Option<OfferId>,
}

impl ReportQuery {
    /// Reads the parameters; all errors are about one of them.
    pub fn new(advertiser: AdvertiserId, raw: &RawReport) -> Result<Self, Invalid> {
        let day = |field: &'static str, text: &Option<String>| match text.as_deref().map(str::trim) {
            None | Some("") => Err(Invalid::because(field, "is missing, expected a calendar day as YYYY-MM-DD")),
            Some(text) => Day::parse_date_or_time(field, text),
        };
        let days = DayRange::new(day("date_from", &raw.date_from)?, day("date_to", &raw.date_to)?)?;
        let offer = raw.offer_id.as_deref().filter(|id| !id.trim().is_empty()).map(str::parse).transpose()?;
        Ok(Self { advertiser, days, offer })
    }
}

/// One row of the Singular report, in the database's own numbers.
///
/// `campaign` and `publisher` are surrogate keys; the caller holds the names that belong to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportRow {
    /// Days since 1970-01-01.
    pub day: i64,
    /// The campaign's surrogate key.
    pub campaign: i64,
    /// The publisher's surrogate key.
    pub publisher: i64,
    /// Clicks.
    pub clicks: i64,
    /// Cost.
    pub cost: Micros,
}
