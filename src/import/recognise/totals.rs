//! Rows that are no rows: totals right below the header or at the end of the file, and the lines that close a report.
//!
//! They have no day, and either say that they are a total or name no campaign. Such a row anywhere else is an ordinary one
//! with a fault, which the preview tells.

use ::csv::StringRecord;

use super::names;
use crate::import::Column;
use crate::import::number::is_nothing;

/// How many may stand together; more are something else.
const TOGETHER: usize = 20;

/// What totals call themselves, in the first cells of a row.
const WORDS: [&str; 5] = ["total", "grand total", "totals", "summary", "overall"];

/// Finds them while the rows pass by.
pub(super) struct Totals {
    day: Option<usize>,
    last_day: Option<usize>,
    campaign: Option<usize>,
    width: usize,
    begun: bool,
    leading: Vec<(u64, String)>,
    /// Those that are totals if nothing but totals follows.
    trailing: Vec<(u64, String)>,
    /// Rows that looked like totals and were none.
    refuted: u64,
    period: Option<u64>,
}

impl Totals {
    pub(super) fn new(normals: &[String]) -> Self {
        let place = |name: &str| normals.iter().position(|normal| normal == name);
        Self {
            day: names::best(Column::Date, normals),
            last_day: place("reporting ends").or_else(|| place("end date")).or_else(|| place("date stop")),
            campaign: names::best(Column::CampaignName, normals),
            width: normals.len(),
            begun: false,
            leading: Vec::new(),
            trailing: Vec::new(),
            refuted: 0,
            period: None,
        }
    }

    /// Whether the row is passed over for now.
    pub(super) fn takes(&mut self, line: u64, record: &StringRecord) -> bool {
        let cell = |at: Option<usize>| at.and_then(|at| record.get(at)).map(str::trim);
        let day = cell(self.day);
        if let (Some(first), Some(last)) = (day, cell(self.last_day))
            && self.period.is_none()
            && first != last
            && !self.is_total(record)
        {
            self.period = Some(line);
        }
        if self.is_total(record) && self.leading.len() + self.trailing.len() < TOGETHER {
            let text = record.iter().map(str::trim).find(|cell| !is_nothing(cell)).unwrap_or_default();
            let text = text.chars().take(60).collect();
            if self.begun {
                self.trailing.push((line, text));
            } else {
                self.leading.push((line, text));
            }
            return true;
        }
        self.begun = true;
        self.refuted += self.trailing.len() as u64;
        self.trailing.clear();
        false
    }

    fn is_total(&self, record: &StringRecord) -> bool {
        let has_digit = |text: &str| text.bytes().any(|byte| byte.is_ascii_digit());
        let cell = |at: usize| record.get(at).unwrap_or_default().trim();
        let says_so = record.iter().take(4).any(|cell| {
            let cell = cell.trim().to_lowercase();
            WORDS.iter().any(|word| {
                cell.strip_prefix(word).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
            })
        });
        let Some(day) = self.day else { return says_so };
        let no_day = is_nothing(cell(day)) || !has_digit(cell(day)) || record.len() < self.width.min(3);
        let no_campaign = self.campaign.is_some_and(|campaign| is_nothing(cell(campaign)));
        no_day && (says_so || no_campaign)
    }

    /// The lines to be passed over, each with its first words, and how many rows only looked like it.
    pub(super) fn finish(&mut self) -> (Vec<(u64, String)>, u64) {
        let mut passed = std::mem::take(&mut self.leading);
        passed.append(&mut self.trailing);
        (passed, self.refuted)
    }

    /// The first row that covers more than one day, where the file has a first and a last one.
    pub(super) fn period(&self) -> Option<u64> {
        self.period
    }
}
