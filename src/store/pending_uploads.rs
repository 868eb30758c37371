//! Files that were uploaded in the browser and aren't imported yet: their rows in the database, their bytes in the uploads
//! directory.
//!
//! A file is named after its row's id, in the program's own spelling, so no name from outside ever becomes a path.

use std::fs::File;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use rusqlite::Row;

use crate::domain::{AdminId, DraftId};
use crate::store::file::open;
use crate::store::file::{backup, disk};
use crate::store::{AdvertiserKey, OrMissing as _, ReadTxn, Store, StoreResult, WriteTxn, from_ms, parsed, to_ms};

/// An upload that isn't imported yet.
#[derive(Debug, Clone)]
pub struct PendingUploadRow {
    /// Its id, which is also its file's name.
    pub id: DraftId,
    /// The advertiser of its stats.
    pub advertiser: AdvertiserKey,
    /// The file's name in the browser.
    pub file_name: String,
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// What was recognised and answered so far, as JSON.
    pub settings: String,
    pub created_at: DateTime<Utc>,
}

/// A file beside an upload's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadPart {
    Cells,
    /// The other results of reading it.
    Staged,
    /// The outlook of its last preview.
    Outlook,
}

impl UploadPart {
    const ALL: [Self; 3] = [Self::Cells, Self::Staged, Self::Outlook];

    fn ending(self) -> &'static str {
        match self {
            Self::Cells => "cells",
            Self::Staged => "staged",
            Self::Outlook => "outlook",
        }
    }
}

const SELECT: &str = "select id, advertiser_key, file_name, bytes, sha256, settings, created_at from import_drafts";

fn draft(row: &Row<'_>) -> rusqlite::Result<PendingUploadRow> {
    Ok(PendingUploadRow {
        id: parsed(row, 0)?,
        advertiser: AdvertiserKey(row.get(1)?),
        file_name: row.get(2)?,
        bytes: row.get::<_, i64>(3)?.unsigned_abs(),
        sha256: row.get(4)?,
        settings: row.get(5)?,
        created_at: from_ms(row.get(6)?),
    })
}

impl ReadTxn<'_> {
    /// An admin's own draft.
    pub fn draft_get(&self, id: DraftId, admin: AdminId) -> StoreResult<PendingUploadRow> {
        let sql = format!("{SELECT} where id = ?1 and admin_key = (select admin_key from admins where id = ?2)");
        self.first("find an upload", &sql, (id.to_string(), admin.to_string()), draft)?
            .or_missing("upload", &id.to_string())
    }

    /// An admin's drafts, newest first.
    pub fn draft_list(&self, admin: AdminId) -> StoreResult<Vec<PendingUploadRow>> {
        let sql = format!(
            "{SELECT} where admin_key = (select admin_key from admins where id = ?1) order by created_at desc, id"
        );
        self.list("list uploads", &sql, [admin.to_string()], draft)
    }

    /// Whether any is older than `then`.
    pub fn draft_any_before(&self, then: DateTime<Utc>) -> StoreResult<bool> {
        let sql = "select exists (select 1 from import_drafts where created_at < ?1)";
        Ok(self.first("look for old uploads", sql, [to_ms(then)], |row| row.get(0))?.unwrap_or(false))
    }

    fn draft_ids(&self) -> StoreResult<Vec<String>> {
        self.list("list uploads", "select id from import_drafts", (), |row| row.get(0))
    }
}

impl WriteTxn<'_> {
    /// Adds an upload whose bytes are stored.
    pub fn draft_add(&self, draft: &PendingUploadRow, admin: AdminId) -> StoreResult<()> {
        let sql = "insert into import_drafts (
                id, admin_key, advertiser_key, file_name, bytes, sha256, settings, created_at
            ) values (?1, (select admin_key from admins where id = ?2), ?3, ?4, ?5, ?6, ?7, ?8)";
        let params = (
            draft.id.to_string(),
            admin.to_string(),
            draft.advertiser.0,
            &draft.file_name,
            i64::try_from(draft.bytes).unwrap_or(i64::MAX),
            &draft.sha256,
            &draft.settings,
            to_ms(draft.created_at),
        );
        self.run("note an upload", sql, params).map(drop)
    }

    /// Stores the answers.
    pub fn draft_settle(&self, id: DraftId, settings: &str) -> StoreResult<()> {
        let sql = "update import_drafts set settings = ?2 where id = ?1";
        self.run("keep an upload's answers", sql, (id.to_string(), settings)).map(drop)
    }

    /// Deletes an upload's row; returns whether there was one.
    pub fn draft_delete(&self, id: DraftId) -> StoreResult<bool> {
        Ok(self.run("forget an upload", "delete from import_drafts where id = ?1", [id.to_string()])? > 0)
    }

    /// Deletes the rows older than `then`.
    pub fn draft_delete_before(&self, then: DateTime<Utc>) -> StoreResult<()> {
        self.run("forget old uploads", "delete from import_drafts where created_at < ?1", [to_ms(then)]).map(drop)
    }
}

impl Store {
    /// The directory inside a data directory for uploads.
    pub const UPLOADS: &'static str = "uploads";

    fn uploads(&self) -> PathBuf {
        disk::dir_of(&self.path).join(Self::UPLOADS)
    }

    /// A new file for an upload, readable only by this system user.
    pub fn upload_create(&self, id: DraftId) -> StoreResult<File> {
        let dir = self.uploads();
        let path = dir.join(id.to_string());
        open::make_private_dir(&dir)
            .and_then(|()| open::make_private_file(&path))
            .and_then(|()| File::options().read(true).write(true).truncate(true).open(&path))
            .map_err(|source| disk::refused(&path, source))
    }

    /// Flushes an upload's bytes and its name to the disk, so that they survive a power cut.
    pub fn upload_flush(&self, id: DraftId) -> StoreResult<()> {
        let dir = self.uploads();
        let path = dir.join(id.to_string());
        backup::sync(&path)
            .and_then(|()| disk::sync_dir(&dir))
            .and_then(|()| disk::sync_dir(disk::dir_of(&self.path)))
            .map_err(|source| disk::refused(&path, source))
    }

    pub fn upload_open(&self, id: DraftId) -> StoreResult<File> {
        let path = self.uploads().join(id.to_string());
        File::open(&path).map_err(|source| disk::refused(&path, source))
    }

    /// A new file beside an upload's bytes.
    pub fn upload_beside_create(&self, id: DraftId, what: UploadPart) -> StoreResult<File> {
        let path = self.beside(id, what);
        remove(&path);
        open::make_private_file(&path)
            .and_then(|()| File::options().read(true).write(true).truncate(true).open(&path))
            .map_err(|source| disk::refused(&path, source))
    }

    /// A file beside an upload's bytes, if it exists.
    #[must_use]
    pub fn upload_beside(&self, id: DraftId, what: UploadPart) -> Option<File> {
        File::open(self.beside(id, what)).ok()
    }

    fn beside(&self, id: DraftId, what: UploadPart) -> PathBuf {
        self.uploads().join(format!("{id}.{}", what.ending()))
    }

    /// Deletes an upload's bytes and the files beside them.
    pub fn upload_remove(&self, id: DraftId) {
        remove(&self.uploads().join(id.to_string()));
        for what in UploadPart::ALL {
            remove(&self.beside(id, what));
        }
    }

    /// Deletes all files without a draft that are older than `then`; newer ones may still be arriving.
    pub fn uploads_tidy(&self, then: std::time::SystemTime) -> StoreResult<()> {
        let Ok(entries) = std::fs::read_dir(self.uploads()) else { return Ok(()) };
        let owned = self.read(|txn| txn.draft_ids())?;
        for entry in entries.flatten() {
            let name = entry.file_name();
            let id = name.to_str().and_then(|name| name.split('.').next());
            let is_owned = owned.iter().any(|owned| id == Some(owned));
            let is_old = entry.metadata().and_then(|data| data.modified()).is_ok_and(|changed| changed <= then);
            if !is_owned && is_old {
                remove(&entry.path());
            }
        }
        Ok(())
    }
}

fn remove(path: &std::path::Path) {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(%error, path = %path.display(), "an upload can't be removed");
        }
        _ => {}
    }
}
