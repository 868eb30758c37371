//! What is asked of a report.

use std::str::FromStr;

use super::{AdvertiserId, Day, DayRange, Invalid, OfferId};

/// Which report was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReportKind {
    /// One row per day, campaign and publisher, for Singular (contract §1).
    Singular,
    /// Totals per offer and publisher (contract §3).
    General,
}

impl ReportKind {
    const ALL: [Self; 2] = [Self::Singular, Self::General];

    /// As stored in the poll history.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Singular => "singular",
            Self::General => "general",
        }
    }
}

impl FromStr for ReportKind {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| Invalid::value("report", text, "singular or general"))
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
    pub const ALL: [Self; 2] = [Self::Json, Self::Csv];

    /// As stored in the poll history and written on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }
}

impl FromStr for ReportFormat {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let found = Self::ALL.into_iter().find(|format| format.as_str() == text);
        found.ok_or_else(|| Invalid::value("format", text, "json or csv"))
    }
}

/// The parameters of a report as text. The transport fills it in and refuses repeats; [`ReportQuery::new`] reads it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawReport {
    pub date_from: Option<String>,
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
