//! An upload that was already read, stored beside its bytes, so that showing the preview again or importing doesn't read it
//! again.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write as _};

use chrono::Utc;
use serde::{Deserialize, Serialize};

use super::catalogue_versions::CatalogueVersions;
use super::cells::Cells;
use super::commit::Commit;
use super::creations::Creations;
use super::outlook::Outlook;
use super::preview::{self, Preview};
use super::problems::{ProblemLog, Problems};
use super::staging::{self, Reading, Staging};
use super::{ImportDone, ImportError, ImportOptions, ImportSource};
use crate::domain::{DraftId, ImportId};
use crate::store::{Lane, Store};

/// An input that was read, with its problems.
pub(in crate::service) struct StagedInput {
    staging: Staging,
    problems: Problems,
}

/// What is stored besides the cells.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// Identifies the answers it was read with.
    answers: String,
    creations: Creations,
    catalogue: CatalogueVersions,
    reading: Reading,
    problems: Problems,
}

impl StagedInput {
    pub(in crate::service) fn read(
        store: &Store,
        input: impl Read + Send,
        options: &ImportOptions,
    ) -> Result<Self, ImportError> {
        let mut log = ProblemLog::default();
        let staging = staging::stage(store, input, options, Utc::now(), &mut log)?;
        Ok(Self { staging, problems: log.take() })
    }

    /// Stores it; `answers` identifies the answers it was read with. The cells come first, so that what describes them is
    /// never there without them.
    pub(in crate::service) fn keep(&mut self, answers: &str, about: File, cells: File) -> io::Result<()> {
        self.staging.cells.write_to(cells)?;
        let kept = Kept {
            answers: answers.to_owned(),
            creations: self.staging.creations.clone(),
            catalogue: self.staging.catalogue.clone(),
            reading: self.staging.reading.clone(),
            problems: self.problems.clone(),
        };
        let mut about = BufWriter::new(about);
        serde_json::to_writer(&mut about, &kept)?;
        about.flush()
    }

    /// Loads it, if it was read with these answers.
    pub(in crate::service) fn open(answers: &str, about: File, cells: File) -> Option<Self> {
        // If it can't be loaded, it is made again.
        let kept: Kept = serde_json::from_reader(BufReader::new(about)).ok()?;
        let Kept { creations, catalogue, reading, problems, .. } = (kept.answers == answers).then_some(kept)?;
        Some(Self { staging: Staging { creations, catalogue, cells: Cells::Written(cells), reading }, problems })
    }

    /// The preview; `None` if the catalogue has changed since it was read.
    pub(in crate::service) fn preview(
        &mut self,
        store: &Store,
        options: &ImportOptions,
    ) -> Result<Option<Preview>, ImportError> {
        store.read_in(Lane::Long, |txn| {
            if !self.staging.catalogue.holds(txn)? {
                return Ok(None);
            }
            if !self.problems.is_empty() {
                return Ok(Some(preview::with_problems(&self.staging, self.problems.clone())));
            }
            preview::compare(txn, &mut self.staging, options).map(Some)
        })
    }

    /// Imports it and deletes the upload; `None` if the catalogue has changed since it was read. `expected` is what the
    /// preview showed.
    pub(in crate::service) fn commit(
        &mut self,
        store: &Store,
        options: &ImportOptions,
        source: &ImportSource,
        draft: DraftId,
        expected: Option<&Outlook>,
    ) -> Result<Option<ImportDone>, ImportError> {
        if !self.problems.is_empty() {
            return Err(ImportError::Lines(self.problems.clone()));
        }
        // The import gets the upload's id, so that a second click is shown the import.
        let id = ImportId::from(uuid::Uuid::from(draft));
        let commit = Commit { options, source, id, draft: Some(draft), expected, now: Utc::now() };
        let _running = commit.begin(store)?;
        commit.run(store, &mut self.staging)
    }
}

/// Reads all problems of an input into `all`, as CSV.
pub(in crate::service) fn list_problems(
    store: &Store,
    input: impl Read + Seek + Send,
    options: &ImportOptions,
    all: &mut dyn std::io::Write,
) -> Result<(), ImportError> {
    let mut log = ProblemLog::with_all(all);
    staging::stage(store, input, options, Utc::now(), &mut log)?;
    log.take();
    Ok(())
}
