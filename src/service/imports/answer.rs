//! Imports and previews as JSON, for the API and `--json`. Money is copied as decimal text, never through a float.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    CellChange, CellName, Created, ImportDone, ImportError, ImportNote, LeftOutLine, NamedChange, Outlier, Outlook,
    Preview, Reading, Resembling,
};
use crate::domain::{Day, Figures};
use crate::import::{FileError, Problem};

/// The result of an import for the ingest route (contract §4). A dry run has no id.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportAnswer {
    import_id: Option<String>,
    rows: u64,
    inserted: u64,
    changed: u64,
    unchanged: u64,
    rounded: u64,
}

/// The same with what `import --json` adds (contract §7).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileAnswer {
    #[serde(flatten)]
    counts: ImportAnswer,
    cost: Option<Box<RawValue>>,
    clicks: u64,
    from: Option<String>,
    to: Option<String>,
    left_out: Vec<LeftOutAnswer>,
    created: Created,
    notes: Vec<ImportNote>,
}

#[derive(Debug, Serialize)]
struct LeftOutAnswer {
    line: u64,
    reason: String,
}

fn counts(import_id: Option<String>, outlook: &Outlook, reading: &Reading) -> ImportAnswer {
    ImportAnswer {
        import_id,
        rows: reading.rows,
        inserted: outlook.inserted,
        changed: outlook.changed,
        unchanged: outlook.unchanged,
        rounded: reading.rounded,
    }
}

fn file(counts: ImportAnswer, reading: &Reading, created: &Created, days: Option<(Day, Day)>) -> FileAnswer {
    let left_out =
        |LeftOutLine { line, reason, .. }: &LeftOutLine| LeftOutAnswer { line: *line, reason: reason.clone() };
    FileAnswer {
        counts,
        cost: reading.cost.clone().and_then(|cost| RawValue::from_string(cost).ok()),
        clicks: reading.clicks,
        from: days.map(|(first, _)| first.to_string()),
        to: days.map(|(_, last)| last.to_string()),
        left_out: reading.left_out.iter().map(left_out).collect(),
        created: created.clone(),
        notes: reading.notes.clone(),
    }
}

impl ImportDone {
    /// The result for programs that send stats.
    #[must_use]
    pub fn answer(&self) -> ImportAnswer {
        counts(Some(self.id.to_string()), &self.outlook, &self.reading)
    }

    /// The result for programs that import files.
    #[must_use]
    pub fn file_answer(&self) -> FileAnswer {
        file(self.answer(), &self.reading, &self.created, self.days)
    }
}

/// What an import would do: the result of an import, and everything else in a preview.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PreviewAnswer {
    #[serde(flatten)]
    file: FileAnswer,
    zeroed: u64,
    repeated: u64,
    first_day: Option<String>,
    last_day: Option<String>,
    ignored_headers: Vec<String>,
    days: Vec<DayAnswer>,
    resembling: Vec<ResemblingAnswer>,
    changes: Vec<ChangeAnswer>,
    inserts: Vec<ChangeAnswer>,
    outliers_total: u64,
    outliers: Vec<OutlierAnswer>,
    final_days: Vec<FinalDayAnswer>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DayAnswer {
    advertiser: String,
    date: String,
    cost_before: Option<Box<RawValue>>,
    cost: Option<Box<RawValue>>,
    clicks_before: u64,
    clicks: u64,
}

#[derive(Debug, Serialize)]
struct ResemblingAnswer {
    kind: &'static str,
    name: String,
    known: String,
}

#[derive(Debug, Serialize)]
struct CellAnswer {
    advertiser: String,
    date: String,
    campaign_name: String,
    partner: String,
    line: u64,
}

#[derive(Debug, Serialize)]
struct ChangeAnswer {
    #[serde(flatten)]
    cell: CellAnswer,
    old: Option<FiguresAnswer>,
    new: FiguresAnswer,
}

#[derive(Debug, Serialize)]
struct FiguresAnswer {
    clicks: i64,
    cost: Option<Box<RawValue>>,
    views: i64,
    conversions: i64,
}

#[derive(Debug, Serialize)]
struct OutlierAnswer {
    #[serde(flatten)]
    cell: CellAnswer,
    column: &'static str,
    value: String,
    usual: String,
}

#[derive(Debug, Serialize)]
struct FinalDayAnswer {
    date: String,
    rows: u64,
}

impl Preview {
    /// The expected result for programs that send stats.
    #[must_use]
    pub fn counts_answer(&self) -> ImportAnswer {
        counts(None, &self.outlook, &self.reading)
    }

    /// The expected result for programs that import files.
    #[must_use]
    pub fn answer(&self) -> PreviewAnswer {
        let change = |change: &CellChange| ChangeAnswer {
            cell: cell(&change.cell, change.line),
            old: change.old.map(|old| figures(&old)),
            new: figures(&change.new),
        };
        let outlier = |outlier: &Outlier| OutlierAnswer {
            cell: cell(&outlier.cell, outlier.line),
            column: outlier.column.name(),
            value: outlier.value.clone(),
            usual: outlier.usual.clone(),
        };
        let days = self.outlook.days.iter().map(|day| DayAnswer {
            advertiser: day.advertiser.clone(),
            date: day.date.clone(),
            cost_before: RawValue::from_string(day.before.cost.to_string()).ok(),
            cost: RawValue::from_string(day.after.cost.to_string()).ok(),
            clicks_before: day.before.clicks,
            clicks: day.after.clicks,
        });
        let resembling = |found: &Resembling| ResemblingAnswer {
            kind: found.kind,
            name: found.name.clone(),
            known: found.known.clone(),
        };
        let final_days = self.final_days.0.iter();
        PreviewAnswer {
            file: file(self.counts_answer(), &self.reading, &self.created, self.days),
            zeroed: self.outlook.zeroed,
            repeated: self.reading.repeated,
            first_day: self.days.map(|(first, _)| first.to_string()),
            last_day: self.days.map(|(_, last)| last.to_string()),
            ignored_headers: self.reading.ignored.clone(),
            days: days.collect(),
            resembling: self.resembling.iter().map(resembling).collect(),
            changes: self.changes.iter().map(change).collect(),
            inserts: self.inserts.iter().map(change).collect(),
            outliers_total: self.outliers.total,
            outliers: self.outliers.first.iter().map(outlier).collect(),
            final_days: final_days.map(|day| FinalDayAnswer { date: day.day.to_string(), rows: day.rows }).collect(),
        }
    }
}

fn cell(name: &CellName, line: u64) -> CellAnswer {
    CellAnswer {
        advertiser: name.advertiser.clone(),
        date: name.day.to_string(),
        campaign_name: name.campaign.clone(),
        partner: name.publisher.clone(),
        line,
    }
}

fn figures(figures: &Figures) -> FiguresAnswer {
    FiguresAnswer {
        clicks: figures.clicks.get(),
        cost: RawValue::from_string(figures.cost.to_string()).ok(),
        views: figures.views.get(),
        conversions: figures.conversions.get(),
    }
}

impl NamedChange {
    /// The change as JSON.
    #[must_use]
    pub fn answer(&self) -> impl Serialize + use<> {
        #[derive(Serialize)]
        struct Answer {
            #[serde(flatten)]
            cell: CellAnswer,
            old: Option<FiguresAnswer>,
            new: Option<FiguresAnswer>,
        }
        Answer {
            cell: cell(&self.cell, self.line),
            old: self.old.as_ref().map(figures),
            new: self.new.as_ref().map(figures),
        }
    }
}

/// Why an import did nothing, as JSON (contract §7).
#[derive(Debug, Serialize)]
pub struct ErrorAnswer {
    code: String,
    message: String,
    problems: Vec<ProblemAnswer>,
    count: u64,
}

#[derive(Debug, Serialize)]
struct ProblemAnswer {
    line: Option<u64>,
    column: Option<String>,
    code: String,
    message: String,
    flag: Option<String>,
}

impl ImportError {
    /// The problems as JSON.
    #[must_use]
    pub fn answer(&self) -> ErrorAnswer {
        let (code, flag) = match self {
            Self::Lines(problems) => return lines(problems),
            Self::Open(problems) => return open(problems),
            Self::File(FileError::Io(_)) => ("unreadable", None),
            Self::File(FileError::Missing(_)) => ("missing_column", Some("--map")),
            Self::File(FileError::Refused(_)) => ("file", None),
            Self::Final(_) => ("final_days", Some("--reason")),
            Self::ControlTotal(_) => ("control_total", Some("--control-total")),
            Self::Moved(_) => ("moved", None),
            Self::Taken => ("taken", None),
            Self::Service(error) => (error.code(), None),
        };
        let (message, flag) = (self.to_string(), flag.map(str::to_owned));
        let problem = ProblemAnswer { line: None, column: None, code: code.to_owned(), message: message.clone(), flag };
        ErrorAnswer { code: code.to_owned(), message, problems: vec![problem], count: 1 }
    }
}

/// The code that all problems share, or a general one if they differ.
fn shared<'c>(mut codes: impl Iterator<Item = &'c str>) -> String {
    let first = codes.next().unwrap_or("problems");
    if codes.all(|other| other == first) { first.to_owned() } else { "problems".to_owned() }
}

fn lines(problems: &super::Problems) -> ErrorAnswer {
    let answer = |problem: &super::ProblemLine| ProblemAnswer {
        line: Some(problem.line),
        column: problem.column.clone(),
        code: problem.code.clone(),
        message: problem.message.clone(),
        flag: problem.flag.clone(),
    };
    ErrorAnswer {
        code: shared(problems.causes.iter().map(|cause| cause.code.as_str())),
        message: problems.messages().pop().unwrap_or_default(),
        problems: problems.first.iter().map(answer).collect(),
        count: problems.total,
    }
}

fn open(problems: &[Problem]) -> ErrorAnswer {
    let answer = |problem: &Problem| ProblemAnswer {
        line: problem.line,
        column: problem.column.map(|column| column.name().to_owned()),
        code: problem.code.as_str().to_owned(),
        message: problem.message.clone(),
        flag: problem.flag.clone(),
    };
    let message = problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join(" ");
    ErrorAnswer {
        code: shared(problems.iter().map(|problem| problem.code.as_str())),
        message,
        problems: problems.iter().map(answer).collect(),
        count: problems.len() as u64,
    }
}
