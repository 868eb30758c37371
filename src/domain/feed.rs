//! The formats of feeds (contract §9). How each is written is a file of its own in `service/connect/feeds`.

use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// Whom a feed is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedFormat {
    /// Anybody: the columns of the Singular report, and the currency.
    Generic,
    /// `AppsFlyer`'s Cost Import.
    AppsFlyer,
    /// Branch's cost data by file.
    Branch,
    /// Kochava's cost upload.
    Kochava,
}

impl FeedFormat {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Generic, Self::AppsFlyer, Self::Branch, Self::Kochava];

    /// As commands and the database write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::AppsFlyer => "appsflyer",
            Self::Branch => "branch",
            Self::Kochava => "kochava",
        }
    }
}

impl FromStr for FeedFormat {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let found = Self::ALL.into_iter().find(|format| format.as_str().eq_ignore_ascii_case(text.trim()));
        found.ok_or_else(|| Invalid::value("format", text, "generic, appsflyer, branch or kochava"))
    }
}

impl fmt::Display for FeedFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
