//! Which header is the source of which column of the contract, and how dates are written.
//!
//! Files have their own headers and dates; a [`Mapping`] says how to read them as the columns of contract §4. The default
//! reads exactly those. All places that take a mapping from a person (a flag, a form field) parse it here, so that each
//! refuses the same input.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::FileError;
use super::date::DateFormat;
use crate::domain::Invalid;

/// A column of contract §4. As JSON it is its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Column {
    Date,
    /// The campaign's id; this or its name is needed.
    CampaignId,
    CampaignName,
    /// The id that the ad network itself gives the campaign.
    NetworkCampaignId,
    /// The publisher's id; this or its name is needed.
    PartnerId,
    Partner,
    Clicks,
    Cost,
    /// Impressions; 0 if missing.
    Views,
    /// Conversions; 0 if missing.
    Conversions,
    /// The currency the cost is in.
    Currency,
    Advertiser,
    OfferName,
    App,
    /// The app's id in its store.
    StoreId,
    /// The system the app runs on.
    Os,
}

impl Column {
    /// How many columns there are.
    pub(super) const COUNT: usize = 16;

    /// Every column, in the order of the contract.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Date,
        Self::CampaignId,
        Self::CampaignName,
        Self::NetworkCampaignId,
        Self::PartnerId,
        Self::Partner,
        Self::Clicks,
        Self::Cost,
        Self::Views,
        Self::Conversions,
        Self::Currency,
        Self::Advertiser,
        Self::OfferName,
        Self::App,
        Self::StoreId,
        Self::Os,
    ];

    /// The columns of figures.
    pub const FIGURES: [Self; 4] = [Self::Clicks, Self::Cost, Self::Views, Self::Conversions];

    /// As in a header.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::CampaignId => "campaign_id",
            Self::CampaignName => "campaign_name",
            Self::NetworkCampaignId => "network_campaign_id",
            Self::PartnerId => "partner_id",
            Self::Partner => "partner",
            Self::Clicks => "clicks",
            Self::Cost => "cost",
            Self::Views => "views",
            Self::Conversions => "conversions",
            Self::Currency => "currency",
            Self::Advertiser => "advertiser",
            Self::OfferName => "offer_name",
            Self::App => "app",
            Self::StoreId => "store_id",
            Self::Os => "os",
        }
    }

    /// Its index in [`Self::ALL`].
    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

impl FromStr for Column {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let name = text.trim();
        Self::ALL
            .into_iter()
            .find(|column| column.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| Invalid::value("column", text, &format!("one of {}", Self::ALL.map(Self::name).join(", "))))
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How a file with other columns is read as if it had the contract's.
///
/// As JSON it is an object of its fields in camel case, which is how a mapping is saved. Missing fields have their defaults.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Mapping {
    /// Columns with a header of another name. One header can be the source of several columns.
    pub columns: Vec<(Column, String)>,
    /// Columns with the same value in every row, whatever the file has.
    pub fixed: Vec<(Column, String)>,
    /// How dates are written; `YYYY-MM-DD` if not given.
    pub date_format: Option<DateFormat>,
}

impl Mapping {
    /// Reads `target=Header`.
    pub fn parse_map(text: &str) -> Result<(Column, String), Invalid> {
        parse_pair("map", text, "target=Header, such as cost=Spent")
    }

    /// Reads `target=value`.
    pub fn parse_set(text: &str) -> Result<(Column, String), Invalid> {
        parse_pair("set", text, "target=value, such as partner=Facebook")
    }

    /// Refuses a mapping that gives one column twice.
    pub(super) fn check(&self) -> Result<(), FileError> {
        for column in Column::ALL {
            let count = |pairs: &[(Column, String)]| pairs.iter().filter(|(target, _)| *target == column).count();
            let how = match (count(&self.columns), count(&self.fixed)) {
                (0 | 1, 0) | (0, 1) => continue,
                (_, 0) => "mapped twice",
                (0, _) => "set twice",
                _ => "both mapped and set",
            };
            return Err(FileError::Refused(format!("{column} is {how}, expected one source for each column")));
        }
        Ok(())
    }
}

fn parse_pair(field: &'static str, text: &str, expected: &str) -> Result<(Column, String), Invalid> {
    let (target, source) = text.split_once('=').ok_or_else(|| Invalid::value(field, text, expected))?;
    let column = target.parse().map_err(|invalid: Invalid| Invalid { field, ..invalid })?;
    match source.trim() {
        "" => Err(Invalid::value(field, text, expected)),
        source => Ok((column, source.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_found_by_its_name() {
        for (index, column) in Column::ALL.into_iter().enumerate() {
            assert_eq!(column.index(), index);
            assert_eq!(column.name().to_uppercase().parse::<Column>().unwrap(), column);
        }
        let error = "spent".parse::<Column>().unwrap_err().to_string();
        assert!(error.contains("date, campaign_id") && error.contains("store_id, os"), "{error}");
    }

    #[test]
    fn a_pair_is_a_column_and_something_for_it() {
        assert_eq!(Mapping::parse_map(" cost = Spent=USD ").unwrap(), (Column::Cost, "Spent=USD".to_owned()));
        assert_eq!(Mapping::parse_set("partner=Facebook").unwrap(), (Column::Partner, "Facebook".to_owned()));
        for text in ["cost", "cost=", "cost= ", "=Spent", "price=Spent", ""] {
            assert!(Mapping::parse_map(text).is_err() && Mapping::parse_set(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn a_column_has_one_source_at_most() {
        let pair = |text: &str| vec![(Column::Cost, text.to_owned())];
        let twice = [pair("a"), pair("b")].concat();
        for (columns, fixed, how) in [
            (pair("a"), pair("1"), "both mapped and set"),
            (twice.clone(), vec![], "mapped twice"),
            (vec![], twice, "set twice"),
        ] {
            let error = Mapping { columns, fixed, ..Mapping::default() }.check().unwrap_err().to_string();
            assert!(error.contains(how), "{error}");
        }
    }

    #[test]
    fn a_mapping_is_saved_as_json_and_read_again() {
        let mapping = Mapping {
            columns: vec![(Column::Date, "Day".to_owned()), (Column::Cost, "Amount spent (USD)".to_owned())],
            fixed: vec![(Column::StoreId, "com.example".to_owned())],
            date_format: Some("%d.%m.%Y".parse().unwrap()),
        };
        let json = serde_json::to_string(&mapping).unwrap();
        assert_eq!(
            json,
            "{\"columns\":[[\"date\",\"Day\"],[\"cost\",\"Amount spent (USD)\"]],\"fixed\":[[\"store_id\",\"com.example\"]],\
             \"dateFormat\":\"%d.%m.%Y\"}"
        );
        assert_eq!(serde_json::from_str::<Mapping>(&json).unwrap(), mapping);
        assert_eq!(serde_json::from_str::<Mapping>("{}").unwrap(), Mapping::default());
        assert!(serde_json::from_str::<Mapping>("{\"dateFormat\":\"%d\"}").is_err());
    }
}
