//! Lines that may not be rows: without a day, without a campaign, or named like a total.

use std::hash::BuildHasher as _;

use foldhash::HashMap;
use foldhash::quality::FixedState;

use super::dates::DayEvidence;
use super::header_words::words;
use super::headers::Headers;
use super::sample::Sample;
use super::table::begins;
use crate::import::days::DayReadings;
use crate::import::number::{bare, is_no_text};
use crate::import::plan::ColumnPlan;
use crate::import::record::Record;
use crate::import::{Column, Decisions};

/// How many names are remembered; others are checked each time.
const NAMES: usize = 10_000;

/// The columns that the survey looks at.
pub(super) struct Places {
    pub(super) day: Option<usize>,
    pub(super) campaign: Option<usize>,
    pub(super) cost: Option<usize>,
    pub(super) clicks: Option<usize>,
    /// Whether the day, or the campaign, is set to one value for all rows.
    pub(super) day_is_set: bool,
    pub(super) campaign_is_set: bool,
    /// Columns in which some cells, but not most, are words for a total.
    breakdowns: Vec<usize>,
}

impl Places {
    pub(super) fn of(plans: &[ColumnPlan], decisions: &Decisions, sample: &Sample, headers: &Headers) -> Self {
        let place = |wanted: &[Column]| {
            wanted.iter().find_map(|column| plans.iter().find(|plan| plan.column == *column)).map(|plan| plan.place)
        };
        let is_breakdown = |place: &usize| {
            if plans.iter().any(|plan| plan.place == *place) {
                return false;
            }
            let cells = &sample.columns[*place].cells;
            let totals = cells.iter().filter(|cell| headers.is_bare_total(cell)).count();
            totals > 0 && totals * 2 <= cells.len()
        };
        let is_set = |wanted: &[Column]| decisions.fixed.iter().any(|(column, _)| wanted.contains(column));
        Self {
            day: place(&[Column::Date]),
            campaign: place(&[Column::CampaignName, Column::CampaignId]),
            cost: place(&[Column::Cost]),
            clicks: place(&[Column::Clicks]),
            day_is_set: is_set(&[Column::Date]),
            campaign_is_set: is_set(&[Column::CampaignName, Column::CampaignId]),
            breakdowns: (0..sample.names.len()).filter(is_breakdown).collect(),
        }
    }

    /// A checksum of the campaign's name, if the record has one.
    pub(super) fn campaign_mark(&self, record: &Record) -> u64 {
        mark(self.campaign.and_then(|place| record.get(place)).map_or("", bare))
    }
}

/// Why a line may not be a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Suspicion {
    /// It has no day.
    NoDay,
    /// Its day is a word such as "all".
    AllDays,
    /// It has a day, but no campaign.
    NoCampaign,
    /// Its campaign is a word for a total.
    TotalName,
    /// Its campaign begins or ends with one.
    TotalPhrase,
    /// Another cell is a word for a total.
    TotalElsewhere,
}

/// A line that may not be a row.
#[derive(Debug)]
pub(super) struct Suspect {
    pub(super) line: u64,
    pub(super) suspicion: Suspicion,
    pub(super) text: String,
    /// The cell of the day as written, and the campaign.
    pub(super) day: String,
    pub(super) campaign: Option<u64>,
    /// Whether one of its first cells says that it is a total, and whether its campaign is a word that means nothing else.
    pub(super) says_so: bool,
    pub(super) is_total_word: bool,
    /// How many cells have content, and whether one of them is a number.
    pub(super) filled: usize,
    pub(super) has_figures: bool,
}

/// What a campaign's name says about totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Says {
    #[default]
    Nothing,
    Total,
    Phrase,
}

/// Names that were checked, each once.
#[derive(Default)]
pub(super) struct Words {
    last: (String, Says),
    known: HashMap<u64, Says>,
    /// Whether names are ignored.
    are_mute: bool,
}

impl Words {
    /// Ignores what names say about totals.
    pub(super) fn mute() -> Self {
        Self { are_mute: true, ..Self::default() }
    }

    pub(super) fn of(&mut self, name: &str, headers: &Headers) -> Says {
        if self.are_mute || self.last.0 == name {
            return self.last.1;
        }
        let key = mark(name);
        let says = self.known.get(&key).copied().unwrap_or_else(|| {
            let says = if headers.is_bare_total(name) {
                Says::Total
            } else if headers.speaks_of_total(name) {
                Says::Phrase
            } else {
                Says::Nothing
            };
            if self.known.len() < NAMES {
                self.known.insert(key, says);
            }
            says
        });
        name.clone_into(&mut self.last.0);
        self.last.1 = says;
        says
    }
}

/// A checksum of a text, to compare it by.
pub(super) fn mark(text: &str) -> u64 {
    FixedState::default().hash_one(text)
}

/// Whether a record is the header again.
pub(super) fn repeats_header(record: &Record, sample: &Sample) -> bool {
    record.iter().zip(&sample.names).all(|(cell, name)| bare(cell).eq_ignore_ascii_case(name))
        && record.len() >= sample.names.len().min(2)
        && record.iter().any(|cell| !bare(cell).is_empty())
}

/// Why a record may not be a row, if there is a reason.
pub(super) fn suspicion(
    record: &Record,
    places: &Places,
    headers: &Headers,
    decisions: &Decisions,
    campaign_says: Says,
    days: &DayEvidence,
) -> Option<Suspicion> {
    let cell = |place: Option<usize>| place.and_then(|place| record.get(place)).map_or("", bare);
    let day = cell(places.day);
    let has_day = places.day_is_set || is_day(day, decisions, days);
    if places.day.is_some() && !has_day {
        return Some(if headers.is_bare_total(day) { Suspicion::AllDays } else { Suspicion::NoDay });
    }
    if places.day.is_none() && !places.day_is_set {
        // Without days, only a row's words say what it is.
        return None;
    }
    let campaign = cell(places.campaign);
    if places.campaign.is_some() && !places.campaign_is_set {
        if is_no_text(campaign) {
            return Some(Suspicion::NoCampaign);
        }
        if campaign_says == Says::Total {
            return Some(Suspicion::TotalName);
        }
    }
    if places.breakdowns.iter().any(|place| headers.is_bare_total(record.get(*place).map_or("", bare))) {
        return Some(Suspicion::TotalElsewhere);
    }
    (campaign_says == Says::Phrase).then_some(Suspicion::TotalPhrase)
}

/// Whether a cell says how many rows there are, as in `2 rows`.
fn counts_rows(cell: &str) -> bool {
    const ROWS: [&str; 35] = [
        "row",
        "rows",
        "records",
        "entries",
        "items",
        "results",
        "campaigns",
        "zeilen",
        "einträge",
        "ergebnisse",
        "kampagnen",
        "lignes",
        "résultats",
        "campagnes",
        "filas",
        "resultados",
        "campañas",
        "linhas",
        "registros",
        "campanhas",
        "righe",
        "risultati",
        "wierszy",
        "wiersze",
        "kampanii",
        "строк",
        "строки",
        "записей",
        "кампаний",
        "satır",
        "kayıt",
        "行",
        "件",
        "条",
        "개",
    ];
    let words = words(cell);
    let rest = words.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
    rest != words && ROWS.contains(&rest)
}

fn is_day(cell: &str, decisions: &Decisions, days: &DayEvidence) -> bool {
    match &decisions.date_format {
        Some(format) => format.parse(cell).is_ok(),
        None => days.is_last(cell) || DayReadings::of(cell).is_some(),
    }
}

/// What is kept about such a line.
pub(super) fn suspect(line: u64, record: &Record, places: &Places, headers: &Headers, suspicion: Suspicion) -> Suspect {
    let cell = |place: Option<usize>| place.and_then(|place| record.get(place)).map_or("", bare);
    let campaign = cell(places.campaign);
    let filled: Vec<&str> = record.iter().map(bare).filter(|cell| !is_no_text(cell)).collect();
    let is_figure = |cell: &&str| {
        let digits = cell.bytes().filter(u8::is_ascii_digit).count();
        digits > 0 && cell.bytes().filter(u8::is_ascii_alphabetic).count() <= 3
    };
    Suspect {
        line,
        suspicion,
        text: begins(record.iter()),
        day: cell(places.day).to_owned(),
        campaign: (!is_no_text(campaign)).then(|| mark(campaign)),
        says_so: record.iter().take(4).chain([campaign]).any(|cell| headers.speaks_of_total(cell) || counts_rows(cell)),
        is_total_word: headers.is_total_word(campaign),
        filled: filled.len(),
        has_figures: filled.iter().any(is_figure),
    }
}
