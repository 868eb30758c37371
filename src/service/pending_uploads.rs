//! Uploads in the browser, from the file to the import: recognised, mapped, previewed, then imported or discarded.
//!
//! What was recognised and answered is stored with the draft, so it survives a restart. A draft belongs to one admin and is
//! deleted after a day. The result of reading it is stored beside its bytes. What is imported is what the preview showed: if
//! the stats or the catalogue have changed since, a new preview shows the difference.

use std::io::Write;
use std::time::SystemTime;

use chrono::{TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::{AdminId, DayState, DraftId, ImportId, Invalid, Name, Reason};
use crate::import::{Column, Decisions, FileError, Format, Memory, Recognition};
use crate::service::imports::{
    self, Alias, Duplicates, ImportDone, ImportError, ImportOptions, ImportSource, KeptMapping, Outlook, Preview,
    RecognisedFile, StagedInput,
};
use crate::service::{Actor, ServiceError, ServiceResult, hex};
use crate::store::{AdvertiserRow, ImportKind, PendingUploadRow, Store, StoreError, UploadPart};

/// How long an upload is kept.
const LIFE: TimeDelta = TimeDelta::days(1);

/// How often an upload is read again because the catalogue changed during reading.
const TRIES: usize = 5;

/// What is known about an upload.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// What the person decided about how it is read.
    pub decisions: Decisions,
    /// What earlier files of its kind were like.
    pub memory: Memory,
    /// What was recognised, given the decisions.
    pub recognition: Recognition,
    /// The saved mapping for such files.
    pub saved: Option<String>,
    /// Whether the answers of the last such file were filled in.
    pub is_remembered: bool,
    /// What is to be done with it.
    pub answers: Answers,
}

/// A person's answers about an upload.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a box of its own on the page")]
pub struct Answers {
    /// Whether lines of the same cell are added up.
    pub sum: bool,
    /// Whether to create what is unknown.
    pub create_missing: bool,
    /// Whether to set to zero the rows of its days and publishers that it leaves out.
    pub replace: bool,
    /// The new state of its days.
    pub days: Option<KeptDayState>,
    pub reason: String,
    /// The total cost that it must have, as it was typed.
    pub control_total: String,
    /// Names in the file that stand for known ones.
    pub aliases: Vec<Alias>,
    /// Columns of new campaigns that the file doesn't have.
    pub new_campaigns: Vec<(Column, String)>,
    /// Whether the mapping page was sent.
    pub given: bool,
}

/// A day's state in the stored JSON: `provisional` or `final`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeptDayState(pub DayState);

impl TryFrom<String> for KeptDayState {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse().map(Self)
    }
}

impl From<KeptDayState> for String {
    fn from(state: KeptDayState) -> Self {
        state.0.as_str().to_owned()
    }
}

/// An upload that isn't imported yet.
#[derive(Debug, Clone)]
pub struct PendingUpload {
    pub row: PendingUploadRow,
    /// The advertiser of its stats.
    pub advertiser: AdvertiserRow,
    /// What is known of it.
    pub settings: Settings,
}

/// An upload that was just received.
#[derive(Debug)]
pub struct Upload {
    pub id: DraftId,
    /// What the browser called it.
    pub file_name: String,
    pub bytes: u64,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// Recognises an upload and stores it as a draft; a refused one is deleted.
pub fn keep(store: &Store, admin: AdminId, advertiser: &AdvertiserRow, upload: Upload) -> Result<(), ImportError> {
    let kept = propose(store, upload.id, advertiser).and_then(|settings| {
        let row = PendingUploadRow {
            id: upload.id,
            advertiser: advertiser.key,
            file_name: upload.file_name,
            bytes: upload.bytes,
            sha256: upload.sha256,
            settings: json(&settings)?,
            created_at: Utc::now(),
        };
        store.upload_flush(row.id)?;
        Ok(store.write(|txn| txn.draft_add(&row, admin))?)
    });
    if kept.is_err() {
        store.upload_remove(upload.id);
    }
    kept
}

/// The first proposal: what was recognised, with the mapping for such files.
fn propose(store: &Store, id: DraftId, advertiser: &AdvertiserRow) -> Result<Settings, ImportError> {
    let recognise = |decisions: &Decisions, memory: &Memory| -> Result<Recognition, ImportError> {
        Ok(imports::recognise(
            store,
            store.upload_open(id)?,
            decisions,
            memory,
            imports::Owner::Advertiser(advertiser),
        )?
        .recognition)
    };
    let found = recognise(&Decisions::default(), &Memory::default())?;
    let headers = header_names(&found);
    let Some((saved, KeptMapping { decisions, memory })) =
        store.read(|txn| imports::mapping_for(txn, advertiser.id, &headers))?
    else {
        let (decisions, memory) = (Decisions::default(), Memory::default());
        let (saved, is_remembered, answers) = (None, false, Answers::default());
        return Ok(Settings { decisions, memory, recognition: found, saved, is_remembered, answers });
    };
    let recognition = recognise(&decisions, &memory)?;
    let is_remembered = saved.is_none();
    Ok(Settings { decisions, memory, recognition, saved, is_remembered, answers: Answers::default() })
}

fn header_names(recognition: &Recognition) -> Vec<String> {
    recognition.headers.iter().map(|header| header.name.clone()).collect()
}

/// An admin's own draft, if it isn't too old.
pub fn open(store: &Store, id: DraftId, admin: AdminId) -> ServiceResult<PendingUpload> {
    tidy(store)?;
    store.read(|txn| {
        let row = txn.draft_get(id, admin)?;
        let settings = serde_json::from_str(&row.settings).map_err(|error| {
            let message = format!("this upload is of an older version of Pitlane; upload the file again ({error})");
            StoreError::Missing(message)
        })?;
        let advertiser = txn.advertiser_by_key(row.advertiser)?;
        Ok(PendingUpload { row, advertiser, settings })
    })
}

/// Applies decisions and answers; recognises the file again if the decisions differ.
pub fn decide(
    store: &Store,
    upload: &mut PendingUpload,
    decisions: Decisions,
    answers: Answers,
) -> Result<(), ImportError> {
    if decisions != upload.settings.decisions {
        let file = store.upload_open(upload.row.id)?;
        let memory = &upload.settings.memory;
        let RecognisedFile { recognition, .. } =
            imports::recognise(store, file, &decisions, memory, imports::Owner::Advertiser(&upload.advertiser))?;
        upload.settings.recognition = recognition;
        upload.settings.decisions = decisions;
    }
    upload.settings.answers = answers;
    let settings = json(&upload.settings)?;
    Ok(store.write(|txn| txn.draft_settle(upload.row.id, &settings))?)
}

/// Saves under a name how the upload is read.
pub fn save_mapping(store: &Store, upload: &PendingUpload, name: &Name, actor: &Actor) -> ServiceResult<()> {
    let recognition = &upload.settings.recognition;
    imports::save_mapping(store, name, &header_names(recognition), &KeptMapping::of(recognition), actor)
}

fn options(upload: &PendingUpload) -> Result<ImportOptions, Invalid> {
    let answers = &upload.settings.answers;
    let control_total = match answers.control_total.trim() {
        "" => None,
        text => Some(text.parse()?),
    };
    Ok(ImportOptions {
        recognition: Some(upload.settings.recognition.clone()),
        advertiser: Some(upload.advertiser.id.to_string()),
        create_missing: answers.create_missing,
        aliases: answers.aliases.clone(),
        new_campaigns: answers.new_campaigns.clone(),
        duplicates: if answers.sum { Duplicates::Sum } else { Duplicates::Reject },
        replace: answers.replace,
        days: answers.days.map(|KeptDayState(state)| state),
        reason: Reason::parse_optional(&answers.reason)?,
        control_total,
        sha256: Some(upload.row.sha256.clone()),
        ..ImportOptions::new(Format::Csv)
    })
}

/// Identifies the answers that change how the upload is read.
fn answers_key(upload: &PendingUpload) -> ServiceResult<String> {
    let Settings { decisions, answers, recognition, .. } = &upload.settings;
    let key = json(&(
        &recognition.plan,
        &recognition.sheet,
        decisions,
        answers.sum,
        answers.create_missing,
        &answers.aliases,
        &answers.new_campaigns,
    ))?;
    Ok(hex(&Sha256::digest(key.as_bytes())))
}

/// The unpacked text of the upload.
fn text(store: &Store, upload: &PendingUpload) -> Result<std::fs::File, ImportError> {
    let mut file = store.upload_open(upload.row.id)?;
    if imports::hash(&mut file)? != upload.row.sha256 {
        let message = "the uploaded file is not the one that was recognised: upload it again";
        return Err(FileError::Refused(message.to_owned()).into());
    }
    let spool = store.path().parent().unwrap_or_else(|| std::path::Path::new("."));
    Ok(crate::import::unpack(file, upload.settings.recognition.sheet.as_deref(), spool)?.text)
}

/// Runs `work` on the staged upload. It is staged again if it isn't stored, or if `work` finds that the catalogue has
/// changed.
fn with_staged<T>(
    store: &Store,
    upload: &PendingUpload,
    options: &ImportOptions,
    mut work: impl FnMut(&mut StagedInput) -> Result<Option<T>, ImportError>,
) -> Result<T, ImportError> {
    let (id, key) = (upload.row.id, answers_key(upload)?);
    let about = store.upload_beside(id, UploadPart::Staged);
    let kept = about.zip(store.upload_beside(id, UploadPart::Cells));
    if let Some(mut staged) = kept.and_then(|(about, cells)| StagedInput::open(&key, about, cells))
        && let Some(done) = work(&mut staged)?
    {
        return Ok(done);
    }
    for _ in 0..TRIES {
        let mut staged = StagedInput::read(store, text(store, upload)?, options)?;
        let about = store.upload_beside_create(id, UploadPart::Staged)?;
        staged.keep(&key, about, store.upload_beside_create(id, UploadPart::Cells)?)?;
        if let Some(done) = work(&mut staged)? {
            return Ok(done);
        }
    }
    Err(StoreError::Busy { doing: "read an upload while the catalogue keeps changing" }.into())
}

/// The preview of importing it.
pub fn preview(store: &Store, upload: &PendingUpload) -> Result<Preview, ImportError> {
    let options = options(upload).map_err(ServiceError::from)?;
    let found = with_staged(store, upload, &options, |staged| staged.preview(store, &options))?;
    let mut file = store.upload_beside_create(upload.row.id, UploadPart::Outlook)?;
    serde_json::to_writer(&mut file, &found.outlook).map_err(std::io::Error::from)?;
    Ok(found)
}

/// All its problems, as CSV.
pub fn list_problems(store: &Store, upload: &PendingUpload, all: &mut dyn Write) -> Result<(), ImportError> {
    let options = options(upload).map_err(ServiceError::from)?;
    imports::list_problems(store, text(store, upload)?, &options, all)
}

/// Imports it and deletes the draft. How it was read is remembered for the next file of its kind.
///
/// `seen` is the key of the outlook that the person saw; empty if there was none.
pub fn commit(store: &Store, upload: &PendingUpload, seen: &str, actor: &Actor) -> Result<ImportDone, ImportError> {
    let options = options(upload).map_err(ServiceError::from)?;
    let id = upload.row.id;
    let name = upload.row.file_name.clone();
    let source = ImportSource { kind: ImportKind::File, name, token: None, actor: actor.clone() };
    let expected: Option<Outlook> =
        store.upload_beside(id, UploadPart::Outlook).and_then(|file| serde_json::from_reader(file).ok());
    // Another request may have imported it under the upload's id already; then its files are gone.
    let is_imported = || matches!(store.read(|txn| txn.import_find(ImportId::from(uuid::Uuid::from(id)))), Ok(Some(_)));
    if !seen.is_empty() {
        let moved = match &expected {
            Some(expected) if expected.key() == seen => None,
            Some(_) => Some("Another window made a new preview."),
            None if is_imported() => return Err(ImportError::Taken),
            // It isn't flushed to the disk, since it can be made again.
            None => Some("The preview was lost when the machine stopped. This is a new one."),
        };
        if let Some(moved) = moved {
            return Err(ImportError::Moved(vec![moved.to_owned()]));
        }
    }
    let commit = |staged: &mut StagedInput| staged.commit(store, &options, &source, id, expected.as_ref());
    let done = with_staged(store, upload, &options, commit)
        .map_err(|error| if is_imported() { ImportError::Taken } else { error })?;
    store.upload_remove(id);
    let recognition = &upload.settings.recognition;
    // The import has succeeded, so failing to remember this for the next one must not fail it.
    let kept = if let Some(name) = &upload.settings.saved {
        imports::use_mapping(store, name)
    } else {
        let (owner, headers) = (upload.advertiser.id, header_names(recognition));
        imports::remember_mapping(store, owner, &headers, &KeptMapping::of(recognition))
    };
    if let Err(error) = kept {
        tracing::warn!(%error, "how a file was read could not be remembered");
    }
    Ok(done)
}

/// Discards an upload.
pub fn discard(store: &Store, id: DraftId) -> ServiceResult<()> {
    store.write(|txn| txn.draft_delete(id))?;
    store.upload_remove(id);
    Ok(())
}

/// Deletes uploads that are too old.
pub fn tidy(store: &Store) -> ServiceResult<()> {
    let then = Utc::now() - LIFE;
    let is_due = store.read(|txn| txn.draft_any_before(then))?;
    if is_due {
        store.write(|txn| txn.draft_delete_before(then))?;
    }
    Ok(store.uploads_tidy(SystemTime::from(then))?)
}

/// The same at the server's start, when no upload can be arriving: files without a draft are deleted whatever their age.
pub fn tidy_at_start(store: &Store) -> ServiceResult<()> {
    tidy(store)?;
    Ok(store.uploads_tidy(SystemTime::now())?)
}

fn json(value: &impl Serialize) -> ServiceResult<String> {
    serde_json::to_string(value).map_err(|error| ServiceError::Internal(error.to_string()))
}
