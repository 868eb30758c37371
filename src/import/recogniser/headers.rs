//! The known headers of exports, and the words for totals. They are in `headers.csv`, beside this file.
//!
//! Case, punctuation, a currency and text in brackets are ignored. If a file has several headers for one column, the one with
//! the lowest rank wins.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::header_words::{split_words, without_unit, words};
use crate::domain::Invalid;
use crate::import::Column;
use crate::import::currency::of_header;

const BUILT_IN: &str = include_str!("headers.csv");

/// The longest header that is looked up, in bytes.
const LONGEST: usize = 200;

/// What a known header means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Known {
    /// A column of the contract.
    Column(Column),
    /// The last day that a row covers.
    LastDay,
    /// A day on which something begins, which may be a property of the campaign.
    FirstDay,
    /// A week or a month, by its first day.
    Week,
    Month,
    /// A day that is a property of something else.
    OtherDay,
    /// The campaign's id at the network.
    CampaignNumber,
    /// Money or rates that aren't imported: their decimal sign is the file's.
    Figure,
    /// The word for a total or for all.
    Total,
    /// A column that only exists in APIs which state `spend` in millionths.
    MillionthsApi,
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
            "millionths_api" => Self::MillionthsApi,
            column => Self::Column(column.parse().ok()?),
        })
    }
}

/// The known headers.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    names: HashMap<String, Vec<(Known, u32)>>,
    totals: Vec<String>,
}

impl Headers {
    /// The headers of `headers.csv`.
    #[must_use]
    pub fn built_in() -> &'static Self {
        static HEADERS: LazyLock<Headers> = LazyLock::new(|| {
            let mut headers = Headers::default();
            let read = headers.add(BUILT_IN);
            debug_assert_eq!(read, Ok(()), "headers.csv is well-formed");
            headers
        });
        &HEADERS
    }

    /// Those, and further ones of the same form: `column,rank,header`. Says which line is malformed.
    pub fn with(further: &str) -> Result<Self, String> {
        let mut headers = Self::built_in().clone();
        headers.add(further)?;
        Ok(headers)
    }

    fn add(&mut self, text: &str) -> Result<(), String> {
        let mut reader = csv::ReaderBuilder::new();
        reader.comment(Some(b'#')).has_headers(false).flexible(true);
        for record in reader.from_reader(text.as_bytes()).records() {
            let record = record.map_err(|error| error.to_string())?;
            let cell = |at: usize| record.get(at).unwrap_or_default().trim();
            if cell(0) == "column" {
                continue;
            }
            let (Some(known), Ok(rank), true) = (Known::parse(cell(0)), cell(1).parse(), !words(cell(2)).is_empty())
            else {
                let line = record.position().map_or(0, csv::Position::line);
                let got = Invalid::echo(&record.iter().collect::<Vec<_>>().join(","));
                return Err(format!(
                    "line {line}: got {got}, expected a column, a rank and a header, such as cost,1,Outlay"
                ));
            };
            if known == Known::Total {
                self.totals.push(words(cell(2)));
                continue;
            }
            let known_as = self.names.entry(words(cell(2))).or_default();
            if known_as.iter().all(|(other, _)| *other != known) {
                known_as.push((known, rank));
            }
        }
        Ok(())
    }

    /// What a header means, with ranks.
    pub(super) fn of(&self, header: &str) -> &[(Known, u32)] {
        let header = header.trim();
        // Most cells that are looked up are figures and days.
        if header.len() > LONGEST || !header.contains(char::is_alphabetic) {
            return &[];
        }
        if let Some(known) = self.names.get(&words(header)) {
            return known;
        }
        if names_a_currency(header) {
            return CURRENCY;
        }
        let split = split_words(header);
        let bare = of_header(&split).0;
        let unit_taken = without_unit(&of_header(header).0);
        let tries = [
            words(&of_header(header).0),
            words(&bare),
            words(&without_brackets(&bare)),
            of_header(&unit_taken).0,
            of_header(&without_unit(&bare)).0,
        ];
        tries.iter().find_map(|name| self.names.get(name)).map_or(&[], Vec::as_slice)
    }

    /// Its rank with this meaning.
    pub(super) fn rank(&self, header: &str, wanted: Known) -> Option<u32> {
        self.of(header).iter().find(|(known, _)| *known == wanted).map(|(_, rank)| *rank)
    }

    /// Whether a header is known at all.
    pub(super) fn knows(&self, header: &str) -> bool {
        !header.is_empty() && !self.of(header).is_empty()
    }

    /// Its most likely meaning.
    pub(super) fn first(&self, header: &str) -> Option<Known> {
        self.of(header).first().map(|(known, _)| *known)
    }

    /// Whether a cell is only a word for a total.
    pub(super) fn is_total_word(&self, cell: &str) -> bool {
        let words = words(cell);
        self.totals.contains(&words)
    }

    /// Whether a cell is a word for a total, perhaps with what it totals: `Total`, `Total: Account`.
    pub(super) fn is_bare_total(&self, cell: &str) -> bool {
        if !cell.contains(char::is_alphabetic) {
            return false;
        }
        let is_total = |words: &str| self.totals.iter().any(|total| total == words);
        let all = words(cell);
        if all.is_empty() || all.len() > 60 {
            return false;
        }
        // `Total (2 campaigns)`
        if is_total(&all) || cell.contains('(') && is_total(&words(&without_brackets(cell))) {
            return true;
        }
        let mut rest: Vec<&str> = all.split(' ').collect();
        let before = rest.len();
        rest.retain(|word| !TOTAL_OF.contains(word));
        if rest.len() == before {
            return false;
        }
        rest.retain(|word| !word.bytes().all(|byte| byte.is_ascii_digit()));
        is_total(&rest.join(" ")) || is_total(rest.first().filter(|_| rest.get(1) == Some(&"all")).unwrap_or(&""))
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

/// Words for what a total can be about.
const TOTAL_OF: [&str; 80] = [
    "campaign",
    "campaigns",
    "account",
    "accounts",
    "day",
    "daily",
    "week",
    "weekly",
    "month",
    "monthly",
    "quarter",
    "quarterly",
    "year",
    "yearly",
    "woche",
    "wochen",
    "monat",
    "monats",
    "semaine",
    "hebdomadaire",
    "mois",
    "mensuel",
    "semana",
    "semanal",
    "mes",
    "mensual",
    "mês",
    "mensal",
    "settimana",
    "settimanale",
    "mese",
    "mensile",
    "tydzień",
    "miesiąc",
    "неделю",
    "неделя",
    "месяц",
    "hafta",
    "haftalık",
    "ay",
    "aylık",
    "week's",
    "month's",
    "rows",
    "row",
    "results",
    "report",
    "filtered",
    "date",
    "for",
    "of",
    "the",
    "konto",
    "kampagnen",
    "kampagne",
    "tag",
    "tages",
    "des",
    "du",
    "jour",
    "campagnes",
    "del",
    "de",
    "la",
    "día",
    "dia",
    "cuenta",
    "campañas",
    "campanhas",
    "giorno",
    "campagne",
    "kampanii",
    "по",
    "всем",
    "кампаниям",
    "за",
    "день",
    "отчету",
    "gün",
    "kampanya",
];

const CURRENCY: &[(Known, u32)] = &[(Known::Column(Column::Currency), 3)];

/// Whether a header is about a currency of something, rather than something in a currency.
fn names_a_currency(header: &str) -> bool {
    let words = words(&split_words(&without_brackets(header)));
    let name = words.strip_suffix(" code").unwrap_or(&words);
    name.ends_with(" currency")
        && !name.split(' ').any(|word| matches!(word, "in" | "account" | "advertiser" | "local"))
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

/// Whether an unknown header contains "campaign": `xyz_campaign_id`, but not a campaign's state or budget.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_letter() {
        let Headers { names, totals } = Headers::built_in();
        for name in names.keys().chain(totals) {
            assert!(name.contains(char::is_alphabetic), "{name}");
        }
    }

    #[test]
    fn a_header_may_name_campaigns_or_only_something_about_them() {
        for (header, speaks) in [
            ("My campaign", true),
            ("Campaign (EMEA)", true),
            ("Campaign labels", false),
            ("Campaign bid", false),
            ("Labels", false),
            ("Region", false),
        ] {
            assert_eq!(speaks_of_campaigns(header), speaks, "{header}");
        }
    }
}
