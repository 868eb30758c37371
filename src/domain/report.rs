//! The request for a report.

use std::str::FromStr;

use super::{AdvertiserId, Day, DayRange, Invalid, OfferId};

/// The kind of a report.
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

/// The format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReportFormat {
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

/// The parameters of a report as text. The caller fills it in and refuses repeated parameters; [`ReportQuery::new`] parses
/// it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawReport {
    pub date_from: Option<String>,
    pub date_to: Option<String>,
    /// Only this offer; for the general report.
    pub offer_id: Option<String>,
}

/// A valid request for a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReportQuery {
    /// The advertiser. It comes from the token or the command line, never from the query.
    pub advertiser: AdvertiserId,
    /// The days, both ends included.
    pub days: DayRange,
    pub offer: Option<OfferId>,
}

impl ReportQuery {
    /// Parses the parameters. An error is always about one of them.
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
