//! What is wrong with an input: the first hundred problems in the order of its lines, the count of all, and, where that is
//! wanted, a file with all of them.

use std::collections::BinaryHeap;
use std::fmt;
use std::io::Write;

use crate::import::LineError;

/// How many are kept.
const SHOWN: usize = 100;

/// How many a file of problems has: a file in which everything is wrong would make a far larger one.
const WRITTEN: u64 = 100_000;

/// Gathers problems as they are found.
#[derive(Default)]
pub(super) struct ProblemLog<'w> {
    found: Problems,
    all: Option<csv::Writer<&'w mut dyn Write>>,
}

impl<'w> ProblemLog<'w> {
    /// Writes them to `all` as well: CSV of line, column and problem, as they are found, at most 100,000.
    pub(super) fn with_all(all: &'w mut dyn Write) -> Self {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(all);
        // A file that can't be written must not change what an import does.
        let all = writer.write_record(["line", "column", "problem"]).is_ok().then_some(writer);
        Self { found: Problems::default(), all }
    }

    pub(super) fn add(&mut self, problem: LineError) {
        if let Some(all) = &mut self.all {
            let written = if self.found.total < WRITTEN {
                let (line, column) = (problem.line.to_string(), problem.column.as_deref().unwrap_or_default());
                all.write_record([line.as_str(), column, problem.reason.as_str()])
            } else {
                all.write_record(["", "", "There are more problems; the rest is not listed."])
            };
            if written.is_err() || self.found.total >= WRITTEN {
                self.close();
            }
        }
        self.found.add(problem);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All that were found; no more are written.
    pub(super) fn take(&mut self) -> Problems {
        self.close();
        std::mem::take(&mut self.found)
    }

    fn close(&mut self) {
        if let Some(Err(error)) = self.all.take().map(|mut all| all.flush()) {
            tracing::warn!(%error, "the list of problems can't be written");
        }
    }
}

/// Problems with lines, bounded.
#[derive(Debug, Default)]
pub struct Problems {
    /// The largest line on top, to make room for a smaller one: duplicates are not found in the order of their lines.
    first: BinaryHeap<ByLine>,
    total: u64,
}

#[derive(Debug)]
struct ByLine {
    line: u64,
    found: u64,
    problem: LineError,
}

impl Problems {
    fn add(&mut self, problem: LineError) {
        self.total += 1;
        self.first.push(ByLine { line: problem.line, found: self.total, problem });
        if self.first.len() > SHOWN {
            self.first.pop();
        }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// How many there are in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// What a user is told: a line for each of the first hundred, and one that counts them all; nothing where nothing is
    /// wrong.
    #[must_use]
    pub fn messages(&self) -> Vec<String> {
        let mut shown: Vec<&ByLine> = self.first.iter().collect();
        shown.sort_unstable_by_key(|problem| problem.order());
        let mut messages: Vec<String> = shown.into_iter().map(|found| found.problem.to_string()).collect();
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

impl ByLine {
    fn order(&self) -> (u64, u64) {
        (self.line, self.found)
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

    #[test]
    fn the_first_hundred_lines_are_shown_and_all_are_counted() {
        let mut problems = Problems::default();
        for line in (1..=250).rev() {
            problems.add(LineError::new(line, Unit::Line, None, "is wrong"));
        }
        let messages = problems.messages();
        assert_eq!(messages.len(), 101);
        assert_eq!(messages[0], "line 1: is wrong");
        assert_eq!(messages[99], "line 100: is wrong");
        assert_eq!(messages[100], "250 problems, of which the first 100 are shown; nothing was imported");
    }
}
