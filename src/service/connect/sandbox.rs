//! The made-up advertiser of a packet's sandbox token, for testing a connector.
//!
//! Its figures are computed from the date and not stored, so no list, sum, alarm, ledger or export can contain them.

use uuid::Uuid;

use crate::domain::{CampaignId, Day, DayRange, Micros, OfferId, Os, PublisherId, ReportFormat, StoreId};
use crate::service::ServiceResult;
use crate::service::report::made_up;
use crate::store::{CampaignKey, CampaignRow, OfferKey, OfferRow, ReportRow};

/// How many days up to today have rows.
pub const DAYS: u64 = 400;

/// Offer, app, operating system, store id, campaign name. The second offer's name has characters that often break connectors.
const CAMPAIGNS: [(&str, &str, Os, &str, &str); 3] = [
    ("Sandbox Racer", "Sandbox Racer", Os::Ios, "1234567890", "IOS_SANDBOX_RACER"),
    ("Café \"Lumière\", Deluxe", "Sandbox Café", Os::Android, "com.example.sandbox_cafe", "AOS_SANDBOX_CAFE"),
    ("Sandbox Shop", "Sandbox Shop", Os::Web, "shop.example.com", "WEB_SANDBOX_SHOP"),
];

/// Cost per click in millionths, for each campaign and each of the two publishers. Sums have from none to six decimals.
const CLICK_COSTS: [[i64; 2]; 3] = [[1_000_000, 350_000], [125_000, 33_333], [500_000, 270_001]];

/// An id: made up, and the same in each packet.
fn id(number: u8) -> Uuid {
    Uuid::from_u128(0x5a4d_b0c5_0000_4000_8000_0000_0000_0000 + u128::from(number))
}

fn campaigns() -> ServiceResult<Vec<CampaignRow>> {
    let campaign = |(number, (offer, app, os, store, name)): (u8, (&str, &str, Os, &str, &str))| {
        let key = i64::from(number);
        Ok(CampaignRow {
            key: CampaignKey::from(key),
            id: CampaignId::from(id(number)),
            name: name.to_owned(),
            offer: OfferRow {
                key: OfferKey::from(key),
                id: OfferId::from(id(number)),
                name: offer.to_owned(),
                cost_reporting: true,
            },
            app: app.to_owned(),
            store: StoreId::parse(os, store)?,
        })
    };
    (1..).zip(CAMPAIGNS).map(campaign).collect()
}

/// Clicks of a day: between 40 and 328, always the same for the same day and index.
fn clicks(day: i64, place: i64) -> i64 {
    40 + 3 * (day * 31 + place * 17).rem_euclid(97)
}

/// The rows of the report for those of the days that have rows, as [`made_up`] writes them.
pub fn report(format: ReportFormat, days: DayRange, today: Day) -> ServiceResult<Vec<u8>> {
    let oldest = today.earlier(DAYS - 1).unwrap_or(today).to_stored();
    let (from, to) = days.stored();
    let campaigns = campaigns()?;
    let mut rows = Vec::new();
    for day in from.max(oldest)..=to.min(today.to_stored()) {
        // 1970-01-01 was a Thursday.
        let is_sunday = (day + 4).rem_euclid(7) == 0;
        for (campaign, costs) in campaigns.iter().zip(CLICK_COSTS) {
            for (publisher, click_cost) in (1_u8..).zip(costs) {
                let place = campaign.key.get() * 2 + i64::from(publisher);
                // The last pair has a row of zeros on Sundays.
                let clicks = if is_sunday && place == 8 { 0 } else { clicks(day, place) };
                let (campaign, cost) = (campaign.key, Micros::new(clicks * click_cost)?);
                let publisher_id = PublisherId::from(id(100 + publisher));
                // The report doesn't contain publishers' keys.
                let publisher = crate::store::PublisherKey::from(i64::from(publisher));
                rows.push((publisher_id, ReportRow { day, campaign, publisher, clicks, cost }));
            }
        }
    }
    made_up(format, &campaigns, rows.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse("day", text).unwrap()
    }

    fn items(from: &str, to: &str, today: &str) -> serde_json::Value {
        let range = DayRange::new(day(from), day(to)).unwrap();
        serde_json::from_slice(&report(ReportFormat::Json, range, day(today)).unwrap()).unwrap()
    }

    #[test]
    fn days_are_steady_up_to_today_and_sundays_have_zeros() {
        let today = "2026-11-27";
        let week = items("2026-11-20", "2026-11-26", today);
        assert_eq!(week.as_array().unwrap().len(), 7 * 6);
        assert_eq!(items("2026-11-20", "2026-11-26", "2027-03-01"), week, "a day is the same whenever it is read");
        let zeros = week.as_array().unwrap().iter().filter(|item| item["clicks"] == 0);
        assert_eq!(zeros.map(|item| &item["date"]).collect::<Vec<_>>(), ["2026-11-22"]);
        assert_eq!(items("2026-11-27", "2026-12-31", today).as_array().unwrap().len(), 6);
        assert_eq!(items("2020-01-01", "2026-12-31", today).as_array().unwrap().len(), 400 * 6);
        assert_eq!(items("2020-01-01", "2020-12-31", today), serde_json::json!([]));
    }
}
