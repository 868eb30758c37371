//! The problems of an input: the first hundred in the order of lines, the number of all, their causes, and optionally a file
//! with all of them.

use std::collections::{BTreeMap, BinaryHeap};
use std::fmt;
use std::io::Write;

use serde::{Deserialize, Serialize};

use crate::import::LineError;

/// How many are kept.
const SHOWN: usize = 100;

/// How many names and lines a cause lists.
const NAMES: usize = 200;
const LINES: usize = 20;

/// How many are written to a file of problems, which could otherwise be far larger than the input.
const WRITTEN: u64 = 100_000;

/// The problems of lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problems {
    /// The first hundred, in the order of their lines.
    pub first: Vec<ProblemLine>,
    /// Their causes, the most frequent first.
    pub causes: Vec<Cause>,
    /// How many there are in all.
    pub total: u64,
}

/// The problem of one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProblemLine {
    /// `line` or `item`.
    pub unit: String,
    /// The line, or the item; the first is 1.
    pub line: u64,
    /// Its column, if it is about one.
    pub column: Option<String>,
    /// Its kind; the names don't change.
    pub code: String,
    /// What came and what was expected.
    pub message: String,
    /// The flag of `pitlane import` that solves it, if there is one.
    pub flag: Option<String>,
}

/// Problems with the same cause, which one action solves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// Its kind; the names don't change.
    pub code: String,
    /// Its column, if it is about one.
    pub column: Option<String>,
    /// How many problems it causes.
    pub count: u64,
    /// The names that cause it, each with the number of its lines: the first 200.
    pub names: Vec<(String, u64)>,
    /// The first lines, each with its problem.
    pub lines: Vec<(u64, String)>,
}

impl Problems {
    /// Whether there are no problems.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Messages for the user: one for each of the first hundred, and one with the number of all; empty if there are none.
    #[must_use]
    pub fn messages(&self) -> Vec<String> {
        let mut messages: Vec<String> = self.first.iter().map(ToString::to_string).collect();
        if messages.is_empty() {
            return messages;
        }
        let count = match (self.total, messages.len()) {
            (1, _) => "1 problem; nothing was imported".to_owned(),
            (total, shown) if total == shown as u64 => format!("{total} problems; nothing was imported"),
            (total, shown) => format!("{total} problems, of which the first {shown} are shown; nothing was imported"),
        };
        messages.push(count);
        messages
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.messages().join("\n"))
    }
}

/// `line 3, column cost: got "x", expected …`
impl fmt::Display for ProblemLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.unit, self.line)?;
        if let Some(column) = &self.column {
            write!(f, ", column {column}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// The problem of a line, and the name that causes it, if there is one.
#[derive(Debug)]
pub(super) struct LineProblem {
    pub(super) error: LineError,
    pub(super) subject: Option<String>,
}

impl From<LineError> for LineProblem {
    fn from(error: LineError) -> Self {
        Self { error, subject: None }
    }
}

/// Collects problems.
#[derive(Default)]
pub(super) struct ProblemLog<'w> {
    /// A heap with the largest line on top, which a smaller one replaces: duplicates aren't found in the order of lines.
    first: BinaryHeap<ByLine>,
    causes: BTreeMap<(&'static str, Option<String>), Cause>,
    total: u64,
    all: Option<csv::Writer<&'w mut dyn Write>>,
}

struct ByLine {
    found: u64,
    error: LineError,
}

impl<'w> ProblemLog<'w> {
    /// Also writes the problems to `all` as CSV, in the order in which they are found, at most 100,000.
    pub(super) fn with_all(all: &'w mut dyn Write) -> Self {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(all);
        // Failing to write this file must not change the import.
        let all = writer.write_record(["line", "column", "problem"]).is_ok().then_some(writer);
        Self { all, ..Self::default() }
    }

    pub(super) fn add(&mut self, problem: LineProblem) {
        let LineProblem { error, subject } = problem;
        self.write(&error);
        self.total += 1;
        let cause = self.causes.entry((error.code, error.column.clone())).or_insert_with(|| Cause {
            code: error.code.to_owned(),
            column: error.column.clone(),
            count: 0,
            names: Vec::new(),
            lines: Vec::new(),
        });
        cause.count += 1;
        if let Some(subject) = subject {
            match cause.names.iter().position(|(name, _)| *name == subject) {
                Some(at) => cause.names[at].1 += 1,
                None if cause.names.len() < NAMES => cause.names.push((subject, 1)),
                None => {}
            }
        }
        if cause.lines.len() < LINES {
            cause.lines.push((error.line, error.reason.clone()));
        }
        self.first.push(ByLine { found: self.total, error });
        if self.first.len() > SHOWN {
            self.first.pop();
        }
    }

    fn write(&mut self, error: &LineError) {
        let Some(all) = &mut self.all else { return };
        let written = if self.total < WRITTEN {
            let (line, column) = (error.line.to_string(), error.column.as_deref().unwrap_or_default());
            all.write_record([line.as_str(), column, error.reason.as_str()])
        } else {
            all.write_record(["", "", "There are more problems; the rest is not listed."])
        };
        if written.is_err() || self.total >= WRITTEN {
            self.close();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Returns the problems found so far; no more are written.
    pub(super) fn take(&mut self) -> Problems {
        self.close();
        let first = std::mem::take(&mut self.first).into_sorted_vec();
        let mut causes: Vec<Cause> = std::mem::take(&mut self.causes).into_values().collect();
        for cause in &mut causes {
            cause.lines.sort_unstable();
        }
        causes.sort_by_key(|cause| std::cmp::Reverse(cause.count));
        let first = first.into_iter().map(|found| ProblemLine::from(found.error)).collect();
        Problems { first, causes, total: std::mem::take(&mut self.total) }
    }

    fn close(&mut self) {
        if let Some(Err(error)) = self.all.take().map(|mut all| all.flush()) {
            tracing::warn!(%error, "the list of problems can't be written");
        }
    }
}

impl From<LineError> for ProblemLine {
    fn from(error: LineError) -> Self {
        let LineError { line, unit, column, reason, code, flag } = error;
        let (unit, flag) = (unit.to_string(), flag.map(str::to_owned));
        Self { unit, line, column, code: code.to_owned(), message: reason, flag }
    }
}

impl ByLine {
    fn order(&self) -> (u64, u64) {
        (self.error.line, self.found)
    }
}

impl Ord for ByLine {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for ByLine {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByLine {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for ByLine {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::Unit;

    fn problem(line: u64, code: &'static str, subject: Option<&str>) -> LineProblem {
        let error = LineError { line, unit: Unit::Line, column: None, reason: "is wrong".to_owned(), code, flag: None };
        LineProblem { error, subject: subject.map(str::to_owned) }
    }

    #[test]
    fn the_first_hundred_lines_are_shown_and_all_are_counted() {
        let mut log = ProblemLog::default();
        (1..=250).rev().for_each(|line| log.add(problem(line, "value", None)));
        let messages = log.take().messages();
        assert_eq!(messages.len(), 101);
        assert_eq!(messages[0], "line 1: is wrong");
        assert_eq!(messages[99], "line 100: is wrong");
        assert_eq!(messages[100], "250 problems, of which the first 100 are shown; nothing was imported");
        assert!(log.take().messages().is_empty());
    }

    #[test]
    fn problems_of_one_cause_are_one_with_the_names_at_fault() {
        let mut log = ProblemLog::default();
        for line in 1..=30 {
            log.add(problem(line, "unknown_campaign", Some(if line % 3 == 0 { "Summer" } else { "Brand" })));
        }
        log.add(problem(7, "value", None));
        let [campaigns, value] = log.take().causes.try_into().unwrap();
        assert_eq!((campaigns.code.as_str(), campaigns.count, campaigns.lines.len()), ("unknown_campaign", 30, LINES));
        assert_eq!(campaigns.names, [("Brand".to_owned(), 20), ("Summer".to_owned(), 10)]);
        assert_eq!((value.code.as_str(), value.lines), ("value", vec![(7, "is wrong".to_owned())]));
    }
}
