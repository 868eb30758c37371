//! The expected report, computed independently: own decimals in 128 bits, and an item's text written by hand.

/// Millionths of a decimal such as `1.429999948`, rounded half to even.
pub(crate) fn micros(text: &str) -> i128 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().unwrap();
    let scale = u32::try_from(fraction.len()).unwrap();
    if scale <= 6 {
        return digits * 10_i128.pow(6 - scale);
    }
    let step = 10_i128.pow(scale - 6);
    let (kept, cut) = (digits / step, digits % step);
    match (2 * cut).cmp(&step) {
        std::cmp::Ordering::Less => kept,
        std::cmp::Ordering::Equal => kept + kept % 2,
        std::cmp::Ordering::Greater => kept + 1,
    }
}

/// The shortest decimal of this many millionths.
pub(crate) fn decimal(micros: i128) -> String {
    let text = format!("{micros:07}");
    let (whole, fraction) = text.split_at(text.len() - 6);
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

/// One item of the Singular report. Names need no escaping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) date: String,
    pub(crate) offer: String,
    pub(crate) partner_id: String,
    pub(crate) app: String,
    pub(crate) store_id: String,
    pub(crate) os: &'static str,
    pub(crate) campaign: String,
    pub(crate) campaign_id: String,
    pub(crate) micros: i128,
    pub(crate) clicks: u64,
}

impl Item {
    pub(crate) fn json(&self) -> String {
        let Self { date, offer, partner_id, app, store_id, os, campaign, campaign_id, clicks, .. } = self;
        let cost = decimal(self.micros);
        format!(r#"{{"date":"{date}","offer_name":"{offer}","partner_id":"{partner_id}","app":"{app}","#)
            + &format!(
                r#""store_id":"{store_id}","os":"{os}","campaign_name":"{campaign}","campaign_id":"{campaign_id}","#,
            )
            + &format!(r#""cost":{cost},"clicks":{clicks}}}"#)
    }

    pub(crate) fn csv(&self) -> String {
        let cost = decimal(self.micros);
        let clicks = self.clicks.to_string();
        [
            &self.date,
            &self.offer,
            &self.partner_id,
            &self.app,
            &self.store_id,
            self.os,
            &self.campaign,
            &self.campaign_id,
            &cost,
            &clicks,
        ]
        .map(|field: &str| field.to_owned())
        .join(",")
    }
}

/// The `items` array.
pub(crate) fn json_of(items: &[Item]) -> String {
    format!("[{}]", items.iter().map(Item::json).collect::<Vec<_>>().join(","))
}

pub(crate) fn csv_of(items: &[Item]) -> String {
    let header = "date,offer_name,partner_id,app,store_id,os,campaign_name,campaign_id,cost,clicks";
    std::iter::once(header.to_owned()).chain(items.iter().map(Item::csv)).map(|line| line + "\r\n").collect()
}

#[test]
fn the_models_own_decimals_are_right() {
    for (text, millionths, shown) in [
        ("1.429999948", 1_430_000, "1.43"),
        ("69", 69_000_000, "69"),
        ("0.0000005", 0, "0"),
        ("0.0000015", 2, "0.000002"),
        ("0.00000150000001", 2, "0.000002"),
        ("12.5", 12_500_000, "12.5"),
    ] {
        assert_eq!((micros(text), decimal(micros(text)).as_str()), (millionths, shown), "{text}");
    }
}

/// The stored sums agree with the cells.
pub(crate) fn assert_sums_agree(database: &std::path::Path) {
    let db = rusqlite::Connection::open_with_flags(database, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let cells = "from daily_stats group by advertiser_key";
    let figures = "sum(clicks), sum(cost_micros), sum(views), sum(conversions)";
    let days = format!("select advertiser_key, day, count(*), {figures} {cells}, day");
    let kept_days = "select advertiser_key, day, rows, clicks, cost_units * 1000000 + cost_micros, views, conversions from day_sums";
    let date = "day * 86400, 'unixepoch'";
    let month = format!("strftime('%Y', {date}) * 12 + strftime('%m', {date}) - 1");
    let months = format!(
        "select advertiser_key, {month}, campaign_key, publisher_key, count(*), min(day), max(day), {figures}
        {cells}, 2, campaign_key, publisher_key"
    );
    let kept_months = "select advertiser_key, month, campaign_key, publisher_key, rows, first_day, last_day, clicks,
        cost_micros, views, conversions from month_sums";
    for (cells, kept) in [(days.as_str(), kept_days), (months.as_str(), kept_months)] {
        for (one, other) in [(cells, kept), (kept, cells)] {
            let count: i64 =
                db.query_row(&format!("select count(*) from ({one} except {other})"), (), |row| row.get(0)).unwrap();
            assert_eq!(count, 0, "{one} except {other}");
        }
    }
}
