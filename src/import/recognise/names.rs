//! What exports call the columns of the contract: the English names of common advertising accounts and trackers.
//!
//! A name counts without regard to case, underscores and a currency in brackets. Where a file has several of them for one
//! column, the one that stands first in its list wins.

use crate::domain::Currency;
use crate::import::Column;

/// The names, best first.
const NAMES: [(Column, &[&str]); 8] = [
    (
        Column::Date,
        &["date", "day", "by day", "report date", "reporting date", "date start", "reporting starts", "start date"],
    ),
    (Column::CampaignName, &["campaign name", "campaign", "ad campaign", "campaign title"]),
    (
        Column::Partner,
        &[
            "partner",
            "partner name",
            "publisher",
            "publisher name",
            "traffic source",
            "traffic source name",
            "media source",
            "affiliate",
            "affiliate name",
        ],
    ),
    (Column::Clicks, &["clicks", "link clicks", "taps", "clicks (all)", "total clicks", "outbound clicks"]),
    (
        Column::Cost,
        &["cost", "spend", "spent", "amount spent", "total cost", "total spend", "local spend", "ad spend", "costs"],
    ),
    (Column::Views, &["impressions", "impr", "views", "imps", "total impressions"]),
    (
        Column::Conversions,
        &[
            "conversions",
            "results",
            "installs",
            "installs (total)",
            "total installs",
            "installs (tap through)",
            "tap installs",
            "leads",
            "conv",
            "total conversions",
            "total conversion",
        ],
    ),
    (Column::Currency, &["currency", "currency code"]),
];

/// A header as the names are compared, and the currency it names in brackets or behind a comma.
pub(super) fn normal(header: &str) -> (String, Option<Currency>) {
    let header = header.trim();
    let bracketed = header.strip_suffix(')').and_then(|rest| rest.rsplit_once('('));
    let (bare, currency) = match bracketed.or_else(|| header.rsplit_once(',')) {
        // In capitals: "(all)" is not the currency of Albania.
        Some((bare, code)) if code.trim().bytes().all(|byte| byte.is_ascii_uppercase()) => {
            Currency::parse(code).map_or((header, None), |currency| (bare, Some(currency)))
        }
        _ => (header, None),
    };
    let words = bare.to_lowercase().replace(['_', '-', '.'], " ");
    (words.split_whitespace().collect::<Vec<_>>().join(" "), currency)
}

/// The column that a header of this normal form names, and how far down its list.
fn named(normal: &str) -> Option<(Column, usize)> {
    NAMES.iter().find_map(|(column, names)| Some((*column, names.iter().position(|name| *name == normal)?)))
}

/// How many different columns these headers name.
pub(super) fn known<'h>(headers: impl Iterator<Item = &'h str>) -> usize {
    let mut columns: Vec<Column> = headers.filter_map(|header| Some(named(&normal(header).0)?.0)).collect();
    columns.sort_unstable_by_key(|column| column.index());
    columns.dedup();
    columns.len()
}

/// The header that names the column best, by its place.
pub(super) fn best(column: Column, normals: &[String]) -> Option<usize> {
    let rank = |(at, normal): (usize, &String)| Some((named(normal).filter(|(found, _)| *found == column)?.1, at));
    normals.iter().enumerate().filter_map(rank).min().map(|(_, at)| at)
}

/// The headers that speak of campaigns without being called so: `xyz_campaign_id`, but no state or budget of one.
pub(super) fn speak_of_campaigns(normals: &[String]) -> Vec<usize> {
    const OTHER: [&str; 9] = ["status", "state", "type", "budget", "start", "end", "group", "labels", "delivery"];
    let speaks = |normal: &String| {
        let mut words = normal.split(' ');
        words.clone().any(|word| word == "campaign") && !words.any(|word| OTHER.contains(&word))
    };
    (0..normals.len()).filter(|at| speaks(&normals[*at])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_known_by_their_english_names() {
        for (header, column) in [
            ("Day", Column::Date),
            ("Reporting starts", Column::Date),
            ("Campaign", Column::CampaignName),
            ("campaign_name", Column::CampaignName),
            ("Amount spent (USD)", Column::Cost),
            ("Spend, EUR", Column::Cost),
            ("Spent", Column::Cost),
            ("Impr.", Column::Views),
            ("Link clicks", Column::Clicks),
            ("Taps", Column::Clicks),
            ("Total_Conversion", Column::Conversions),
            ("Currency code", Column::Currency),
        ] {
            assert_eq!(named(&normal(header).0).map(|(column, _)| column), Some(column), "{header}");
        }
        for header in ["Avg. CPC", "Clicks (USA)", "Cost per result", ""] {
            assert_eq!(named(&normal(header).0), None, "{header}");
        }
        assert_eq!(normal("Amount spent (USD)").1, Currency::parse("USD").ok());
    }

    #[test]
    fn the_better_name_wins() {
        let normals = ["clicks (all)", "link clicks", "reporting starts", "day"].map(str::to_owned);
        assert_eq!(best(Column::Clicks, &normals), Some(1));
        assert_eq!(best(Column::Date, &normals), Some(3));
        assert_eq!(best(Column::Cost, &normals), None);
        let normals = ["campaign status", "xyz campaign id", "fb campaign id"].map(str::to_owned);
        assert_eq!(speak_of_campaigns(&normals), [1, 2]);
    }
}
