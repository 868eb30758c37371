//! The import engine: for files on the command line and in the browser, uploads by the API, and single edited rows.
//!
//! Reading an input takes no lock: it parses lines, looks up names, sorts the cells, and plans what to create. Then one write
//! transaction creates that and writes the cells. If anything is wrong, nothing of it stays. A preview reads in the same way
//! and compares the cells with the stored ones, so it shows what would happen.

mod answer;
mod catalogue_versions;
mod cell_names;
mod cells;
mod commit;
mod control_total;
mod creations;
mod cut_off;
mod failure;
mod final_days;
mod history;
mod known;
mod mappings;
mod marks;
mod merge;
mod merging;
mod merging_sentences;
mod outliers;
mod outlook;
mod preview;
mod problems;
mod recognise;
mod resemblance;
mod resolver;
mod resolver_campaigns;
mod sorter;
mod staged_input;
mod staging;
mod surroundings;
mod undo;
mod writer;

use std::io::{self, Read, Seek};

use chrono::Utc;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::answer::{ErrorAnswer, FileAnswer, ImportAnswer, PreviewAnswer};
pub use self::cell_names::CellName;
use self::commit::Commit;
pub use self::control_total::ControlTotal;
pub use self::creations::Created;
pub use self::cut_off::{CUT_OFF_NOTICE, note_cut_off, recently_cut_off};
pub use self::final_days::{FinalDay, FinalDays};
pub use self::history::{ChangedCell, LifeStep, NamedChange, changes, life, named};
pub use self::mappings::{
    KeptMapping, SavedMapping, delete_mapping, mapping_for, remember_mapping, save_mapping, saved_mapping, use_mapping,
};
pub use self::marks::mark_days;
pub use self::merging::{MergeDone, MergeOutlook, MergePair, MergePart, merge, merge_outlook};
pub use self::merging_sentences::unmerged;
pub use self::outliers::{Outlier, Outliers};
pub use self::outlook::{DayTotal, Outlook, Total};
pub use self::preview::{CellChange, Preview, Resembling, preview};
pub use self::problems::{Cause, ProblemLine, Problems};
pub use self::recognise::{Owner, RecognisedFile, hash, recognise};
pub use self::resolver::last_day;
pub(super) use self::staged_input::{StagedInput, list_problems};
pub use self::staging::Reading;
use self::staging::stage_sound;
pub use self::surroundings::Unnamed;
pub use self::undo::{LaterChange, UndoError, Undone, final_days, later_changes, undo, undo_days};
pub(super) use self::writer::{CellWriter, Written};
use super::{Actor, ServiceError};
use crate::domain::{Currency, Day, DayState, ImportId, Invalid, Reason};
use crate::import::{Column, FileError, Format, LeftOut, LeftOutCode, Mapping, Note, Recognition, Unit};
use crate::store::{ImportKind, ImportRow, Store, StoreError, TokenKey};

/// How often an import is read again because the catalogue changed during reading.
const TRIES: usize = 5;

/// What to do with a cell that the input states twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Duplicates {
    /// Refuse the input, naming both lines.
    #[default]
    Reject,
    Sum,
}

impl std::str::FromStr for Duplicates {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.trim().to_ascii_lowercase().as_str() {
            "reject" => Ok(Self::Reject),
            "sum" => Ok(Self::Sum),
            _ => Err(Invalid::value("duplicates", text, "reject or sum")),
        }
    }
}

/// The options of an import.
#[derive(Debug)]
pub struct ImportOptions {
    /// How the bytes are to be read.
    pub format: Format,
    /// Which header feeds which column.
    pub mapping: Mapping,
    /// How a recognised file is read; `format` and `mapping` are then ignored.
    pub recognition: Option<Recognition>,
    /// The advertiser of every row, by name or id; else each row names its own.
    pub advertiser: Option<String>,
    /// The currency of an advertiser that the import creates; US dollars unless rows name another.
    pub currency: Option<Currency>,
    /// Whether to create unknown advertisers, offers, apps, campaigns and publishers.
    pub create_missing: bool,
    /// Names in the input that stand for known ones.
    pub aliases: Vec<Alias>,
    /// Columns of the campaigns that it creates, where the input has none. Known campaigns keep theirs.
    pub new_campaigns: Vec<(Column, String)>,
    /// What to do with a cell that the input states twice.
    pub duplicates: Duplicates,
    /// Whether to set to zero the rows of the input's days and publishers that aren't in the input.
    pub replace: bool,
    /// The new state of the input's days.
    pub days: Option<DayState>,
    /// The reason; required if final days change.
    pub reason: Option<Reason>,
    /// The total cost that the input must have.
    pub control_total: Option<ControlTotal>,
    /// SHA-256 of the original bytes, if they were unpacked before.
    pub sha256: Option<String>,
}

impl ImportOptions {
    /// Reads the contract's own columns, and refuses everything doubtful.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self {
            format,
            mapping: Mapping::default(),
            recognition: None,
            advertiser: None,
            currency: None,
            create_missing: false,
            aliases: Vec::new(),
            new_campaigns: Vec::new(),
            duplicates: Duplicates::default(),
            replace: false,
            days: None,
            reason: None,
            control_total: None,
            sha256: None,
        }
    }
}

/// A name in the input that stands for a known one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// [`Column::CampaignName`], [`Column::Partner`] or [`Column::OfferName`].
    pub column: Column,
    /// The name in the input.
    pub name: String,
    /// The stored name.
    pub known: String,
}

/// The source of an import, for the history.
#[derive(Debug)]
pub struct ImportSource {
    /// The way it came.
    pub kind: ImportKind,
    /// The file's name, or another description.
    pub name: String,
    /// The token of the upload.
    pub token: Option<TokenKey>,
    pub actor: Actor,
}

/// A note about an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportNote {
    /// Its kind; the names don't change.
    pub code: String,
    /// The line that shows it.
    pub line: Option<u64>,
    pub message: String,
}

impl From<&Note> for ImportNote {
    fn from(note: &Note) -> Self {
        Self { code: note.code.as_str().to_owned(), line: note.line, message: note.message.clone() }
    }
}

/// A line that wasn't read as a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOutLine {
    pub line: u64,
    pub reason: String,
    pub text: String,
    /// Its cost, if it has one.
    pub cost: Option<String>,
    /// Its clicks, if it has any.
    pub clicks: Option<u64>,
    /// Whether it is above the header, so that it can't be a row.
    #[serde(default)]
    pub is_title: bool,
}

impl From<&LeftOut> for LeftOutLine {
    fn from(left_out: &LeftOut) -> Self {
        let LeftOut { line, reason, text, cost, clicks, code } = left_out.clone();
        Self { line, reason, text, cost, clicks, is_title: code == LeftOutCode::Title }
    }
}

/// The result of an import.
#[derive(Debug)]
pub struct ImportDone {
    /// Its id in the history.
    pub id: ImportId,
    pub counts: ImportRow,
    pub created: Created,
    /// Its first and last day.
    pub days: Option<(Day, Day)>,
    /// The result of reading the input.
    pub reading: Reading,
    /// Its effect on each day.
    pub outlook: Outlook,
}

/// What the history keeps of an import besides its counts, as JSON.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Told {
    pub created: Created,
    /// Notes.
    pub notes: Vec<ImportNote>,
    /// Lines that weren't read as rows: the first thousand.
    pub left_out: Vec<LeftOutLine>,
    /// How many there are.
    pub left_out_total: u64,
    /// Its effect on each day.
    pub outlook: Outlook,
}

/// Why an import did nothing.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("{0}")]
    Lines(Problems),
    /// The whole file is invalid.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file leaves something open, or has a problem.
    #[error("{}", .0.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("\n"))]
    Open(Vec<crate::import::Problem>),
    /// Final days would change, and no reason was given.
    #[error("{}", .0.refusal())]
    Final(FinalDays),
    /// The total cost differs from the control total.
    #[error("{0}")]
    ControlTotal(String),
    /// The stats or the catalogue changed since the preview: what is different, one sentence each.
    #[error("something changed since the preview: {}", .0.join(" "))]
    Moved(Vec<String>),
    /// Somebody else imported or discarded the upload.
    #[error("the upload was imported or discarded already")]
    Taken,
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl From<StoreError> for ImportError {
    fn from(error: StoreError) -> Self {
        Self::Service(error.into())
    }
}

/// Imports `input`, all or nothing. Blocks, so `input` should be a file rather than a network stream.
pub fn run(
    store: &Store,
    mut input: impl Read + Seek + Send,
    options: &ImportOptions,
    source: &ImportSource,
) -> Result<ImportDone, ImportError> {
    let now = Utc::now();
    let commit = Commit { options, source, id: ImportId::from(Uuid::new_v4()), draft: None, expected: None, now };
    let _running = commit.begin(store)?;
    for _ in 0..TRIES {
        let mut staging = stage_sound(store, &mut input, options, now)?;
        if let Some(done) = commit.run(store, &mut staging)? {
            return Ok(done);
        }
        input.rewind()?;
    }
    Err(StoreError::Busy { doing: "import while the catalogue keeps changing" }.into())
}

fn unit(options: &ImportOptions) -> Unit {
    if options.recognition.is_none() && options.format == Format::Json { Unit::Item } else { Unit::Line }
}

impl From<io::Error> for ImportError {
    fn from(error: io::Error) -> Self {
        FileError::Io(error).into()
    }
}
