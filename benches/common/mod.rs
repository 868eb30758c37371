//! The benchmarks' data: one file of stats, the same on every machine.
//!
//! Each campaign runs at one publisher, so 10 advertisers with 200 campaigns have 2,000 rows a day and 732,000 in the leap
//! year 2024. Names and figures are as long as real ones: a row is about 330 bytes of JSON.

use std::fmt::Write as _;
use std::io;

use pitlane::domain::Day;

/// The last day with data, unless another is given.
pub(crate) const LAST_DAY: &str = "2024-12-31";

pub(crate) const HEADER: &str =
    "date,advertiser,campaign_name,offer_name,app,store_id,os,partner,clicks,cost,views,conversions\n";

/// The number of publishers.
const PUBLISHERS: u64 = 40;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Advertisers, named `Advertiser 1` and so on.
    pub(crate) advertisers: u64,
    pub(crate) campaigns: u64,
    /// Consecutive days.
    pub(crate) days: u64,
}

impl Shape {
    /// Passes every line of the file on, in the order of the table.
    pub(crate) fn lines(self, last_day: &str, mut each: impl FnMut(&str) -> io::Result<()>) -> io::Result<()> {
        let last = Day::parse("date", last_day).map_err(io::Error::other)?;
        let days: Vec<String> =
            (0..self.days).rev().filter_map(|ago| last.earlier(ago)).map(|day| day.to_string()).collect();
        let mut line = String::new();
        for advertiser in 1..=self.advertisers {
            let campaigns: Vec<String> = (1..=self.campaigns).map(|number| campaign(advertiser, number)).collect();
            for (day, ago) in days.iter().zip((0..self.days).rev()) {
                for (campaign, number) in campaigns.iter().zip(1_u64..) {
                    line.clear();
                    let chance = mixed(ago << 40 | advertiser << 24 | number);
                    // Some campaigns have no clicks, most have some hundreds; most costs are in cents, some in less.
                    let clicks = if chance.is_multiple_of(7) { 0 } else { chance % 3_000 };
                    let micros =
                        clicks * (chance >> 20 & 0xfff) * if chance.is_multiple_of(5) { 37 } else { 10_000 } / 8;
                    let cents = micros / 10_000 * 10_000;
                    let micros = if chance.is_multiple_of(5) { micros } else { cents };
                    let (units, rest) = (micros / 1_000_000, micros % 1_000_000);
                    let views = clicks * 23;
                    let conversions = clicks / 40;
                    writeln!(line, "{day},{campaign},{clicks},{units}.{rest:06},{views},{conversions}")
                        .map_err(io::Error::other)?;
                    each(&line)?;
                }
            }
        }
        Ok(())
    }
}

/// The name of an advertiser.
pub(crate) fn advertiser(number: u64) -> String {
    format!("Advertiser {number}")
}

/// All columns of a campaign's lines between the day and the figures.
fn campaign(advertiser: u64, number: u64) -> String {
    let owner = self::advertiser(advertiser);
    let app = (number - 1) / 20 + 1;
    let (os, tag, store) = match app % 3 {
        0 => ("IOS", "IOS", format!("14{advertiser:03}{app:05}")),
        1 => ("ANDROID", "AOS", format!("com.studio{advertiser}.game{app}")),
        _ => ("WEB", "WEB", format!("play{app}.studio{advertiser}.example")),
    };
    let publisher = (advertiser * 7 + number * 13) % PUBLISHERS + 1;
    format!(
        "{owner},{tag}_TEST_{number:05}_2024,Coin Game {app}: level {number},Coin Game {app},{store},{os},Publisher {publisher}"
    )
}

/// A pseudo-random number (`SplitMix64`).
pub(crate) fn mixed(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
