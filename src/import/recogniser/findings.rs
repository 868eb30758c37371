//! Problems and notes, in the order in which they are found.

use crate::import::LineSet;
use crate::import::recognition::{Choice, Note, NoteCode, Problem, ProblemCode};

/// The problems and notes so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) problems: Vec<Problem>,
    pub(super) notes: Vec<Note>,
}

impl Findings {
    pub(super) fn note(&mut self, code: NoteCode, line: Option<u64>, message: impl Into<String>) {
        self.notes.push(Note { code, line, message: message.into() });
    }
}

/// A problem with only a message.
pub(super) fn problem(code: ProblemCode, message: impl Into<String>) -> Problem {
    Problem {
        code,
        line: None,
        lines: LineSet::default(),
        column: None,
        message: message.into(),
        flag: None,
        choices: Vec::new(),
    }
}

/// A choice, with its meaning for the file.
pub(super) fn choice(value: impl Into<String>, label: impl Into<String>) -> Choice {
    Choice { value: value.into(), label: label.into() }
}

/// `1 row`, `2 rows`
pub(super) fn plural(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
