//! Whole files: what is recognised, what is asked, and the resulting rows.

use std::fmt::Write as _;
use std::io::Cursor;
use std::ops::ControlFlow;

use super::*;
use crate::domain::{CampaignId, Currency, Day, PublisherId};
use crate::import::{Catalogue, Column, DecimalSign, EmptyCatalogue, Memory, MoneyUnit, Period, read_file};

mod cases;
mod kinds;
mod lines;
mod more_kinds;
mod said;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn day(text: &str) -> Day {
    Day::parse("day", text).unwrap()
}

/// A file with the decisions made before it is read.
struct File {
    bytes: Vec<u8>,
    decisions: Decisions,
    memory: Memory,
    currency: &'static str,
    catalogue: &'static dyn Catalogue,
}

/// The result.
#[derive(Debug)]
struct Seen {
    recognition: Recognition,
    /// Each row in short: line, day, campaign, clicks, cost.
    rows: Vec<String>,
    faults: Vec<String>,
}

impl File {
    fn new(bytes: impl Into<Vec<u8>>) -> Self {
        let decisions = Decisions { fixed: vec![(Column::Partner, "P".to_owned())], ..Decisions::default() };
        Self { bytes: bytes.into(), decisions, memory: Memory::default(), currency: "USD", catalogue: &EmptyCatalogue }
    }

    fn case(name: &str) -> Self {
        Self::new(fixture(&format!("cases/{name}.csv")))
    }

    /// With columns chosen by hand.
    fn map(mut self, columns: &[(Column, &str)]) -> Self {
        self.decisions.columns.extend(columns.iter().map(|(column, source)| (*column, (*source).to_owned())));
        self
    }

    fn decide(mut self, decide: impl FnOnce(&mut Decisions)) -> Self {
        decide(&mut self.decisions);
        self
    }

    fn recognise(&self) -> Result<Recognition, String> {
        let context = Context {
            currency: Currency::parse(self.currency).ok(),
            last_day: day("2026-11-28"),
            catalogue: self.catalogue,
            headers: Headers::built_in(),
            memory: &self.memory,
        };
        recognise_text(Cursor::new(&self.bytes), &self.decisions, &context).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn seen(&self) -> Seen {
        let recognition = self.recognise().unwrap();
        let (mut rows, mut faults) = (Vec::new(), Vec::new());
        let read = read_file(self.bytes.as_slice(), &recognition.plan, &mut |line| {
            match line {
                Ok(line) => {
                    let campaign = line.campaign_name.map(str::to_owned).or(line.campaign_id.map(|id| id.to_string()));
                    let campaign = campaign.unwrap_or_default();
                    rows.push(format!("{} {} {campaign} {} {}", line.line, line.day, line.clicks, line.cost));
                }
                Err(fault) => faults.push(fault.to_string()),
            }
            ControlFlow::Continue(())
        });
        read.unwrap();
        Seen { recognition, rows, faults }
    }

    /// The rows of a file that leaves nothing open.
    #[track_caller]
    fn rows(&self) -> Vec<String> {
        let seen = self.seen();
        assert_eq!((&seen.recognition.problems[..], &seen.faults[..]), (&[][..], &[][..]));
        let (mut cost, mut clicks) = (ExactCost::ZERO, 0);
        for row in &seen.rows {
            let mut figures = row.rsplit(' ');
            cost = cost.checked_add(ExactCost::parse(figures.next().unwrap()).unwrap()).unwrap();
            clicks += figures.next().unwrap().parse::<u64>().unwrap();
        }
        let sums = &seen.recognition.sums;
        assert_eq!(
            (&sums.cost, sums.clicks),
            (&cost.to_string(), clicks),
            "the sums that are told are those of the rows"
        );
        seen.rows
    }

    /// The codes of the open problems.
    #[track_caller]
    fn open(&self) -> Vec<&'static str> {
        self.recognise().unwrap().problems.iter().map(|problem| problem.code.as_str()).collect()
    }

    /// The messages of the open problems.
    #[track_caller]
    fn told(&self) -> String {
        self.recognise().unwrap().problems.iter().fold(String::new(), |mut told, problem| {
            let choices: Vec<&str> = problem.choices.iter().map(|choice| choice.value.as_str()).collect();
            writeln!(told, "{}: {} {:?} {choices:?}", problem.code.as_str(), problem.message, problem.flag).unwrap();
            told
        })
    }

    /// The lines that are left out with their codes.
    #[track_caller]
    fn left_out(&self) -> Vec<(u64, &'static str)> {
        self.recognise().unwrap().left_out.iter().map(|line| (line.line, line.code.as_str())).collect()
    }
}
