//! The questions on the mapping page that a file leaves open, and the settings that override what was recognised.

use crate::import::{
    Choice, DayOrder, DecimalSign, Decisions, LineSet, MoneyUnit, Period, Problem, ProblemCode, Recognition,
};

/// Prefix of the fields for questions about lines.
pub(super) const LINES: &str = "out-";

/// A question that the file leaves open, with its choices.
pub(super) struct Question {
    pub(super) field: String,
    pub(super) legend: &'static str,
    pub(super) message: String,
    pub(super) choices: Vec<Choice>,
    pub(super) chosen: String,
    /// Whether it must still be answered.
    pub(super) is_open: bool,
}

/// A setting that is usually recognised.
pub(super) struct Setting {
    pub(super) field: &'static str,
    pub(super) label: &'static str,
    pub(super) hint: String,
    pub(super) value: String,
    /// Value and label of each choice; empty for a text field.
    pub(super) choices: Vec<(String, String)>,
    pub(super) error: Option<String>,
}

/// The field for a problem, and its label.
fn field_of(code: ProblemCode) -> Option<(&'static str, &'static str)> {
    match code {
        ProblemCode::Encoding => Some(("encoding", "How is the text encoded?")),
        ProblemCode::Header => Some(("header_line", "Where does the table begin?")),
        ProblemCode::Dates | ProblemCode::DatesMixed => Some(("dates", "What do the dates mean?")),
        ProblemCode::Numbers => Some(("numbers", "How are numbers written?")),
        ProblemCode::MoneyUnit => Some(("money_unit", "Which unit are the amounts in?")),
        ProblemCode::Period => Some(("period", "What about rows that cover more than a day?")),
        _ => None,
    }
}

/// The questions, and the problems without a field. A problem of a column becomes an error beside it.
pub(super) fn open(
    seen: &Recognition,
    errors: &mut Vec<(String, String)>,
    was_sent: bool,
) -> (Vec<Question>, Vec<String>) {
    let (mut questions, mut obstacles) = (Vec::new(), Vec::new());
    for Problem { code, column, message, choices, line, lines, .. } in &seen.problems {
        let is_about_lines = matches!(code, ProblemCode::Total | ProblemCode::CutOff | ProblemCode::FutureDay);
        match (field_of(*code), column) {
            (Some((field, legend)), _) if !choices.is_empty() => questions.push(Question {
                field: field.to_owned(),
                legend,
                message: message.clone(),
                choices: choices.clone(),
                chosen: String::new(),
                is_open: was_sent,
            }),
            (_, _) if is_about_lines && line.is_some() => {
                let lines = if lines.is_empty() { line.iter().copied().collect() } else { lines.clone() };
                questions.push(line_question(questions.len(), *code, &String::from(lines), message));
            }
            (_, Some(column)) => {
                // Missing answers are not errors until the form has been sent.
                let is_missing = *code == ProblemCode::MissingColumn;
                if was_sent || !is_missing {
                    let missing = "Choose a column, or enter one value for all rows.";
                    let message = if is_missing { missing } else { message };
                    errors.push((column.name().to_owned(), message.to_owned()));
                }
            }
            _ => obstacles.push(message.clone()),
        }
    }
    (questions, obstacles)
}

/// Each question has a numbered field, so that one answer doesn't overwrite another.
fn line_question(number: usize, code: ProblemCode, lines: &str, message: &str) -> Question {
    let choice = |value: String, label: String| Choice { value, label };
    let (named, are) = if lines.contains([',', '-']) { ("lines", "are rows") } else { ("line", "is a row") };
    let mut choices = vec![choice(lines.to_owned(), format!("Leave {named} {lines} out"))];
    let legend = match code {
        ProblemCode::Total => "Is this a row or a total?",
        ProblemCode::FutureDay => "A day is in the future",
        _ => "The last line is incomplete",
    };
    if code != ProblemCode::FutureDay {
        let capital = if named == "lines" { "Lines" } else { "Line" };
        choices.push(choice(format!("-{lines}"), format!("{capital} {lines} {are}")));
    }
    let field = format!("{LINES}{number}");
    Question { field, legend, message: message.to_owned(), choices, chosen: String::new(), is_open: false }
}

/// The settings for what was recognised, without those that are questions already.
pub(super) fn settings(
    seen: &Recognition,
    decisions: &Decisions,
    asked: &[&str],
    errors: &[(String, String)],
) -> Vec<Setting> {
    let found = "Leave empty to detect it.";
    let typed = |field, label, hint: &str, value: Option<String>| {
        (field, label, hint.to_owned(), value.unwrap_or_default(), Vec::new())
    };
    let chosen = |field, label, auto: &str, value: Option<&'static str>, choices: Vec<(&'static str, &str)>| {
        let all = std::iter::once(("", auto)).chain(choices);
        let choices = all.map(|(value, label)| (value.to_owned(), label.to_owned())).collect();
        (field, label, String::new(), value.unwrap_or_default().to_owned(), choices)
    };
    let lines = |set: &LineSet| Some(String::from(set.clone()));
    let by_itself = "As the file shows";
    let sheets = seen.sheets.iter().map(|sheet| (sheet.clone(), sheet.clone())).collect();
    let mut all = vec![
        ("sheet", "Sheet", String::new(), seen.sheet.clone().unwrap_or_default(), sheets),
        typed(
            "header_line",
            "Header line",
            &format!("{found} The first line is 1."),
            decisions.header_line.map(|line| line.to_string()),
        ),
        typed("leave_out", "Lines to leave out", "Such as 14,20-22.", lines(&decisions.leave_out)),
        typed("keep", "Lines that are rows", "Although they look like totals.", lines(&decisions.keep)),
        typed(
            "encoding",
            "Encoding",
            &format!("{found} A name such as windows-1251 or shift_jis."),
            decisions.encoding.map(|encoding| encoding.name().to_owned()),
        ),
        typed(
            "date_format",
            "Date pattern",
            &format!("{found} Such as %d.%m.%Y or %Y%m%d."),
            decisions.date_format.as_ref().map(ToString::to_string),
        ),
        chosen(
            "dates",
            "Order in dates",
            by_itself,
            decisions.dates.map(DayOrder::as_str),
            choices(DayOrder::ALL, DayOrder::as_str, &["Day first: 31/08", "Month first: 08/31", "Year first"]),
        ),
        chosen(
            "numbers",
            "Decimal sign",
            by_itself,
            decisions.numbers.map(DecimalSign::as_str),
            choices(DecimalSign::ALL, DecimalSign::as_str, &["A point: 1,234.56", "A comma: 1.234,56"]),
        ),
        chosen(
            "money_unit",
            "Money is stated in",
            by_itself,
            decisions.money_unit.map(MoneyUnit::as_str),
            choices(MoneyUnit::ALL, MoneyUnit::as_str, &["Units", "Hundredths", "Millionths"]),
        ),
        chosen(
            "period",
            "Rows of several days",
            "Refuse them",
            decisions.period.map(Period::as_str),
            choices(Period::ALL, Period::as_str, &["All on the first day", "Spread evenly"]),
        ),
    ];
    all.retain(|(field, ..)| !asked.contains(field) && (*field != "sheet" || seen.sheets.len() > 1));
    let error = |field: &str| errors.iter().find(|(name, _)| name == field).map(|(_, message)| message.clone());
    all.into_iter()
        .map(|(field, label, hint, value, choices)| Setting { field, label, hint, value, choices, error: error(field) })
        .collect()
}

fn choices<C: Copy>(
    all: &[C],
    value: fn(C) -> &'static str,
    labels: &[&'static str],
) -> Vec<(&'static str, &'static str)> {
    all.iter().map(|choice| value(*choice)).zip(labels.iter().copied()).collect()
}
