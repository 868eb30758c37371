//! Uploads in the browser, from the bytes to the import: recognised, mapped, previewed, imported or thrown away.
//!
//! What was recognised and answered is kept with the draft, so it survives a restart. A draft is its admin's alone and goes
//! after a day. What is imported are the very bytes that were previewed: their hash is checked.

use std::fs::File;
use std::io::{self, Write};
use std::time::SystemTime;

use chrono::{TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::{AdminId, DayState, DraftId, Invalid, Name, Reason};
use crate::import::{self, Column, Format, Mapping, Recognised};
use crate::service::imports::{self, Duplicates, ImportDone, ImportError, ImportOptions, ImportSource, Preview};
use crate::service::{Actor, ServiceError, ServiceResult, hex};
use crate::store::{AdvertiserRow, ImportKind, PendingUploadRow, Store};

/// How long an upload waits.
const LIFE: TimeDelta = TimeDelta::days(1);

/// What is known of an upload.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// What the file shows.
    pub recognised: Recognised,
    /// The saved mapping that was made for such files.
    pub saved: Option<String>,
    /// How it is to be read and done.
    pub answers: Answers,
}

/// What a person says to an upload.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a box of its own on the page")]
pub struct Answers {
    /// How it is read.
    pub mapping: Mapping,
    /// Whether lines that state the same cell are added up.
    pub sum: bool,
    /// Whether what it names and nobody knows is created.
    pub create_missing: bool,
    /// Whether what the days and publishers have besides is set to zero.
    pub replace: bool,
    /// What its days are called from now on: `provisional`, `final` or nothing.
    pub days: String,
    /// Why.
    pub reason: String,
    /// Whether the mapping page was answered.
    pub given: bool,
}

/// An upload that waits.
#[derive(Debug, Clone)]
pub struct PendingUpload {
    /// Its row.
    pub row: PendingUploadRow,
    /// Whose stats it is for.
    pub advertiser: AdvertiserRow,
    /// What is known of it.
    pub settings: Settings,
}

/// An upload whose bytes were just written.
#[derive(Debug)]
pub struct Upload {
    /// Its id.
    pub id: DraftId,
    /// What the browser called it.
    pub file_name: String,
    /// Its length.
    pub bytes: u64,
    /// Of its bytes.
    pub sha256: String,
}

/// Recognises an upload and keeps it as a draft; the bytes of what is refused are removed.
pub fn keep(store: &Store, admin: AdminId, advertiser: &AdvertiserRow, upload: Upload) -> Result<(), ImportError> {
    let kept = recognised(store, upload.id).and_then(|recognised| {
        let settings = store.read(|txn| proposed(txn, recognised))?;
        let row = PendingUploadRow {
            id: upload.id,
            advertiser: advertiser.key,
            file_name: upload.file_name,
            bytes: upload.bytes,
            sha256: upload.sha256,
            settings: json(&settings)?,
            created_at: Utc::now(),
        };
        Ok(store.write(|txn| txn.draft_add(&row, admin))?)
    });
    if kept.is_err() {
        store.upload_remove(upload.id);
    }
    kept
}

fn recognised(store: &Store, id: DraftId) -> Result<Recognised, ImportError> {
    Ok(import::recognise(store.upload_open(id)?)?)
}

/// What is proposed before anybody was asked: the saved mapping for such a file, or else what its headers say.
fn proposed(txn: &crate::store::ReadTxn<'_>, recognised: Recognised) -> ServiceResult<Settings> {
    let headers: Vec<String> = recognised.headers.iter().map(|header| header.name.clone()).collect();
    let saved = imports::mapping_for(txn, &headers)?;
    let (saved, mapping) = match saved {
        Some(saved) => (Some(saved.name), adopted(saved.mapping, &recognised)),
        None => (None, recognised.mapping()),
    };
    Ok(Settings { recognised, saved, answers: Answers { mapping, ..Answers::default() } })
}

/// A saved mapping as the pages show one: every column that a header feeds is named, and the layout is the file's own.
fn adopted(mut mapping: Mapping, recognised: &Recognised) -> Mapping {
    if !mapping.only_mapped {
        for column in Column::ALL {
            let given = mapping.columns.iter().chain(&mapping.fixed).any(|(other, _)| *other == column);
            let header = recognised.headers.iter().find(|header| header.name.eq_ignore_ascii_case(column.name()));
            if let Some(header) = header.filter(|_| !given) {
                mapping.columns.push((column, header.name.clone()));
            }
        }
    }
    Mapping { only_mapped: true, layout: recognised.layout.clone(), ..mapping }
}

/// An admin's own draft; nobody else's is found, and none that is too old.
pub fn open(store: &Store, id: DraftId, admin: AdminId) -> ServiceResult<PendingUpload> {
    tidy(store)?;
    store.read(|txn| {
        let row = txn.draft_get(id, admin)?;
        let settings = serde_json::from_str(&row.settings)
            .map_err(|error| ServiceError::Internal(format!("the settings of an upload can't be read: {error}")))?;
        let advertiser = txn.advertiser_by_key(row.advertiser)?;
        Ok(PendingUpload { row, advertiser, settings })
    })
}

/// Keeps what was answered, and saves the mapping under a name where one is given.
pub fn settle(store: &Store, draft: &PendingUpload, save_as: Option<&Name>, actor: &Actor) -> ServiceResult<()> {
    let settings = json(&draft.settings)?;
    store.write(|txn| txn.draft_settle(draft.row.id, &settings))?;
    let Some(name) = save_as else { return Ok(()) };
    let headers: Vec<String> = draft.settings.recognised.headers.iter().map(|header| header.name.clone()).collect();
    imports::save_mapping(store, name, &headers, &draft.settings.answers.mapping, actor)
}

fn options(draft: &PendingUpload) -> Result<ImportOptions, Invalid> {
    let answers = &draft.settings.answers;
    Ok(ImportOptions {
        mapping: answers.mapping.clone(),
        advertiser: Some(draft.advertiser.id.to_string()),
        create_missing: answers.create_missing,
        duplicates: if answers.sum { Duplicates::Sum } else { Duplicates::Reject },
        replace: answers.replace,
        days: if answers.days.is_empty() { None } else { Some(answers.days.parse::<DayState>()?) },
        reason: Reason::parse_optional(&answers.reason)?,
        ..ImportOptions::new(Format::Csv)
    })
}

fn source(draft: &PendingUpload, actor: &Actor) -> ImportSource {
    ImportSource { kind: ImportKind::File, name: draft.row.file_name.clone(), token: None, actor: actor.clone() }
}

/// What importing it would do. All that is wrong goes to `problems` as CSV.
pub fn preview(
    store: &Store,
    draft: &PendingUpload,
    actor: &Actor,
    problems: Option<&mut dyn Write>,
) -> Result<Preview, ImportError> {
    let file = store.upload_open(draft.row.id)?;
    imports::preview(store, file, &options(draft).map_err(ServiceError::from)?, &source(draft, actor), problems)
}

/// Imports it, and the draft is gone.
pub fn commit(store: &Store, draft: &PendingUpload, actor: &Actor) -> Result<ImportDone, ImportError> {
    let options = options(draft).map_err(ServiceError::from)?;
    let mut file = store.upload_open(draft.row.id)?;
    if hash(&mut file).map_err(crate::import::FileError::from)? != draft.row.sha256 {
        let message = "the uploaded file is not the one that was previewed: upload it again";
        return Err(crate::import::FileError::Refused(message.to_owned()).into());
    }
    io::Seek::rewind(&mut file).map_err(crate::import::FileError::from)?;
    let done = imports::run(store, file, &options, &source(draft, actor))?;
    if let Some(name) = &draft.settings.saved {
        // The mapping may have been deleted meanwhile, which does no harm.
        let _ = imports::use_mapping(store, name);
    }
    discard(store, draft.row.id)?;
    Ok(done)
}

fn hash(file: &mut File) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        match io::Read::read(file, &mut chunk)? {
            0 => return Ok(hex(&hash.finalize())),
            read => hash.update(&chunk[..read]),
        }
    }
}

/// Throws an upload away.
pub fn discard(store: &Store, id: DraftId) -> ServiceResult<()> {
    store.write(|txn| txn.draft_delete(id))?;
    store.upload_remove(id);
    Ok(())
}

/// Throws away what waited too long.
pub fn tidy(store: &Store) -> ServiceResult<()> {
    let then = Utc::now() - LIFE;
    let is_due = store.read(|txn| txn.draft_any_before(then))?;
    if is_due {
        store.write(|txn| txn.draft_delete_before(then))?;
    }
    Ok(store.uploads_tidy(SystemTime::from(then))?)
}

/// The same at a start, when no upload can be on its way in: files that no draft owns go whatever their age.
pub fn tidy_at_start(store: &Store) -> ServiceResult<()> {
    tidy(store)?;
    Ok(store.uploads_tidy(SystemTime::now())?)
}

fn json(settings: &Settings) -> ServiceResult<String> {
    serde_json::to_string(settings).map_err(|error| ServiceError::Internal(error.to_string()))
}
