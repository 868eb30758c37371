//! What exports call the columns, and what their totals call themselves: `headers.csv`, beside this file, as data.
//!
//! A name counts without regard to case, punctuation, a currency and what stands in brackets. Where a file has several names
//! for one column, the one with the lowest rank wins.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::import::currency::of_header;
use crate::import::{Column, MoneyUnit};

const BUILT_IN: &str = include_str!("headers.csv");

/// What a header is known as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Known {
    /// A column of ours.
    Column(Column),
    /// The last day that a row covers.
    LastDay,
    /// A day that begins something, which may be a campaign's property.
    FirstDay,
    /// A week or a month, by its first day.
    Week,
    Month,
    /// A day that is a property of something else.
    OtherDay,
    /// The campaign's id at the network.
    CampaignNumber,
    /// Money or rates that no column of ours takes: their decimal sign is the file's.
    Figure,
    /// The word for a total or for all.
    Total,
}

impl Known {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "last_day" => Self::LastDay,
            "first_day" => Self::FirstDay,
            "week" => Self::Week,
            "month" => Self::Month,
            "other_day" => Self::OtherDay,
            "campaign_number" => Self::CampaignNumber,
            "figure" => Self::Figure,
            "total" => Self::Total,
            column => Self::Column(column.parse().ok()?),
        })
    }
}

/// The names that are known.
#[derive(Debug)]
pub(super) struct Headers {
    names: HashMap<String, Vec<(Known, u32)>>,
    totals: Vec<String>,
}

impl Headers {
    /// Those of `headers.csv`.
    pub(super) fn built_in() -> &'static Self {
        static HEADERS: LazyLock<Headers> = LazyLock::new(|| Headers::parse(BUILT_IN));
        &HEADERS
    }

    fn parse(text: &str) -> Self {
        let mut names: HashMap<String, Vec<(Known, u32)>> = HashMap::new();
        let mut totals = Vec::new();
        let mut records = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
        for record in records.records().flatten() {
            let cell = |at: usize| record.get(at).unwrap_or_default().trim();
            let (Some(known), Ok(rank)) = (Known::parse(cell(0)), cell(1).parse()) else { continue };
            if known == Known::Total {
                totals.push(words(cell(2)));
            } else {
                let known_as = names.entry(words(cell(2))).or_default();
                if known_as.iter().all(|(other, _)| *other != known) {
                    known_as.push((known, rank));
                }
            }
        }
        Self { names, totals }
    }

    /// What a header is known as, with its ranks.
    pub(super) fn of(&self, header: &str) -> &[(Known, u32)] {
        let header = header.trim();
        let full = words(header);
        let (bare, _) = of_header(header);
        let tries = [full, words(&bare), words(&without_brackets(&bare)), words(&without_unit(&bare))];
        tries.iter().find_map(|name| self.names.get(name)).map_or(&[], Vec::as_slice)
    }

    /// Its rank as this.
    pub(super) fn rank(&self, header: &str, wanted: Known) -> Option<u32> {
        self.of(header).iter().find(|(known, _)| *known == wanted).map(|(_, rank)| *rank)
    }

    /// Whether a header is known at all.
    pub(super) fn knows(&self, header: &str) -> bool {
        !header.is_empty() && !self.of(header).is_empty()
    }

    /// How many different columns these headers name.
    pub(super) fn columns_named<'h>(&self, headers: impl Iterator<Item = &'h str>) -> usize {
        let mut known: Vec<Known> =
            headers.filter_map(|header| self.of(header).first()).map(|(known, _)| *known).collect();
        let count = known.len();
        known.sort_unstable_by_key(|known| format!("{known:?}"));
        known.dedup();
        known.len().min(count)
    }

    /// Whether a cell is nothing but a word for a total, perhaps with what it is a total of: `Total`, `Total: Account`.
    pub(super) fn is_bare_total(&self, cell: &str) -> bool {
        const OF: [&str; 14] = [
            "campaign",
            "campaigns",
            "account",
            "day",
            "daily",
            "rows",
            "results",
            "report",
            "all",
            "filtered",
            "konto",
            "kampagnen",
            "date",
            "for",
        ];
        let words = words(cell);
        if words.is_empty() || words.len() > 60 {
            return false;
        }
        if self.totals.contains(&words) {
            return true;
        }
        let mut rest: Vec<&str> = words.split(' ').collect();
        let before = rest.len();
        rest.retain(|word| !OF.contains(word));
        rest.len() < before && self.totals.contains(&rest.join(" "))
    }

    /// Whether a cell begins or ends with a word for a total.
    pub(super) fn speaks_of_total(&self, cell: &str) -> bool {
        let words = words(cell);
        let is_long = |total: &&String| total.chars().count() > 2;
        let asian = |total: &String| !total.is_ascii() && total.chars().all(|c| c as u32 >= 0x3000);
        self.totals.iter().filter(|total| is_long(total) || asian(total)).any(|total| {
            let around = |rest: &str| rest.is_empty() || rest.starts_with(' ') || rest.ends_with(' ') || asian(total);
            words.strip_prefix(total.as_str()).is_some_and(around)
                || words.strip_suffix(total.as_str()).is_some_and(around)
        })
    }
}

/// A header as names are compared: small letters, and one blank for whatever stands between words.
fn words(header: &str) -> String {
    let lower = header.to_lowercase().replace('\u{307}', "");
    let parts = lower.split(|c: char| !c.is_alphanumeric() && !matches!(c, '%' | '#'));
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn without_brackets(header: &str) -> String {
    let mut depth = 0_u32;
    let mut kept = String::new();
    for c in header.chars() {
        match c {
            '(' | '[' | '（' => depth += 1,
            ')' | ']' | '）' => depth = depth.saturating_sub(1),
            c if depth == 0 => kept.push(c),
            _ => {}
        }
    }
    kept
}

/// What the money below a header is stated in, where the header says it.
pub(super) fn money_unit(header: &str) -> Option<MoneyUnit> {
    let words = words(header);
    let has = |wanted: &[&str]| words.split(' ').any(|word| wanted.contains(&word));
    if has(&["micro", "micros", "microcurrency", "microamount", "millionths"]) || words.ends_with("micros") {
        Some(MoneyUnit::Millionths)
    } else if has(&["cents", "cent", "hundredths", "pence", "kopecks"]) {
        Some(MoneyUnit::Hundredths)
    } else {
        None
    }
}

/// The header without the words that say its unit.
fn without_unit(header: &str) -> String {
    let words = words(header);
    let is_unit = |word: &&str| {
        matches!(
            *word,
            "micro"
                | "micros"
                | "in"
                | "dollar"
                | "dollars"
                | "currency"
                | "cents"
                | "cent"
                | "local"
                | "utc"
                | "gross"
                | "net"
        )
    };
    words.split(' ').filter(|word| !is_unit(word)).collect::<Vec<_>>().join(" ")
}

/// Whether a header of days speaks of a day without being known: `Ad_Date`, but no start, end or birthday of anything.
pub(super) fn speaks_of_days(header: &str) -> bool {
    const DAYS: [&str; 16] = [
        "date", "day", "datum", "tag", "fecha", "día", "dia", "data", "jour", "giorno", "dzień", "дата", "день",
        "tarih", "gün", "日付",
    ];
    const OTHERS: [&str; 22] = [
        "start", "started", "starts", "begin", "end", "ended", "ends", "created", "creation", "updated", "launch",
        "launched", "modified", "install", "birth", "due", "invoice", "payment", "paid", "join", "expiry", "week",
    ];
    let words = words(header);
    let mut all = words.split(' ');
    all.clone().any(|word| DAYS.contains(&word)) && !all.any(|word| OTHERS.contains(&word))
}

/// The headers that speak of campaigns without being known: `xyz_campaign_id`, but no state or budget of one.
pub(super) fn speaks_of_campaigns(header: &str) -> bool {
    const OTHERS: [&str; 14] = [
        "status",
        "state",
        "type",
        "budget",
        "start",
        "end",
        "group",
        "labels",
        "delivery",
        "objective",
        "created",
        "date",
        "bid",
        "bidding",
    ];
    let words = words(header);
    let mut all = words.split(' ');
    all.clone().any(|word| word == "campaign") && !all.any(|word| OTHERS.contains(&word))
}
