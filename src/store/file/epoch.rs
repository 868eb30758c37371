//! Detects that another copy of the database was put in its place.
//!
//! The database names an epoch. So does a small file beside it, which also counts the batches that were written to the
//! ledger. A copy from elsewhere has no such file; an older copy, from a backup or a replica, has fewer batches. In both
//! cases polls may be missing, so it isn't known what Singular received, and a new epoch begins.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use chrono::{TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};

use crate::store::file::disk;
use crate::store::{AdvertiserKey, Doing as _, ServedDays, Store, StoreError, StoreResult, WriteTxn};

/// An epoch's name, and how many batches were written to the ledger in it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Epoch {
    id: String,
    batches: i64,
}

/// The result of comparing the database with the file beside it.
enum Found {
    /// It is the database that was last used here.
    Same(Epoch),
    /// Neither names an epoch: the database is new, or was just upgraded.
    First,
    /// The database comes from elsewhere, or is older.
    Other,
}

const DOING: &str = "read the epoch";

/// The first day that can have stats, 2000-01-01.
const EARLIEST: i64 = 10_957;

/// Compares the database with the file beside it, and begins an epoch if they don't match. Returns the epoch's name, and
/// whether the database replaced another one.
pub(in crate::store) fn settle(conn: &mut Connection, path: &Path) -> StoreResult<(String, bool)> {
    if let Found::Same(epoch) = compare(conn, path)? {
        return Ok((epoch.id, false));
    }
    let txn = conn.transaction_with_behavior(TransactionBehavior::Immediate).doing(DOING)?;
    let (id, is_other) = {
        let write = WriteTxn::of(&txn);
        // Another process may have settled it since.
        let is_other = match compare(&txn, path)? {
            Found::Same(epoch) => return Ok((epoch.id, false)),
            Found::First => {
                for_each_advertiser(&write, |advertiser| write.served_again(advertiser))?;
                false
            }
            Found::Other => {
                for_each_advertiser(&write, |advertiser| forget(&write, advertiser))?;
                true
            }
        };
        let id = uuid::Uuid::new_v4().to_string();
        write.run(DOING, "insert or replace into epoch (only, id, batches) values (1, ?1, 0)", [&id])?;
        (id, is_other)
    };
    // The file is written first. In the other order, a kill in between would make the next start take the database for a
    // copy, and forget what Singular received.
    mark(path, &Epoch { id: id.clone(), batches: 0 }).map_err(|source| disk::refused(&marker(path), source))?;
    txn.commit().doing("begin an epoch")?;
    Ok((id, is_other))
}

/// Makes the next start take whatever database is there for another copy.
pub(in crate::store) fn end(path: &Path) -> std::io::Result<()> {
    mark(path, &Epoch { id: "ended".to_owned(), batches: 0 })
}

fn compare(conn: &Connection, path: &Path) -> StoreResult<Found> {
    let sql = "select id, batches from epoch";
    let own =
        conn.query_row(sql, (), |row| Ok(Epoch { id: row.get(0)?, batches: row.get(1)? })).optional().doing(DOING)?;
    let marked = read(&marker(path)).map_err(|source| disk::refused(&marker(path), source))?;
    Ok(match (own, marked) {
        (None, Marker::Missing) => Found::First,
        (Some(own), Marker::Names(marked)) if own.id == marked.id && own.batches >= marked.batches => Found::Same(own),
        _ => Found::Other,
    })
}

fn for_each_advertiser(txn: &WriteTxn<'_>, each: impl FnMut(AdvertiserKey) -> StoreResult<()>) -> StoreResult<()> {
    txn.advertiser_list()?.into_iter().map(|row| row.key).try_for_each(each)
}

/// The file beside the database.
pub(super) fn marker(path: &Path) -> PathBuf {
    path.with_extension("epoch")
}

/// The content of the file beside the database.
enum Marker {
    Missing,
    Unreadable,
    Names(Epoch),
}

fn read(marker: &Path) -> std::io::Result<Marker> {
    let text = match fs::read_to_string(marker) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Marker::Missing),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => return Ok(Marker::Unreadable),
        Err(error) => return Err(error),
    };
    let epoch = text
        .trim()
        .split_once(' ')
        .and_then(|(id, batches)| Some(Epoch { id: id.to_owned(), batches: batches.parse().ok()? }));
    Ok(epoch.map_or(Marker::Unreadable, Marker::Names))
}

/// Writes the file atomically, so that a kill leaves the old one or the new one.
fn mark(path: &Path, Epoch { id, batches }: &Epoch) -> std::io::Result<()> {
    let dir = disk::dir_of(path);
    let mut file = tempfile::Builder::new().prefix(".pitlane.epoch.").tempfile_in(dir)?;
    writeln!(file, "{id} {batches}")?;
    file.persist(marker(path)).map(drop).map_err(|error| error.error)
}

impl Store {
    /// Whether another copy had been put in the place of the last used database, as by a restore, so that opening it forgot
    /// what Singular received.
    #[must_use]
    pub fn is_other_copy(&self) -> bool {
        self.is_other_copy
    }

    /// Identifies this copy of the database. It changes whenever an older copy, or one from elsewhere, is put in its place.
    #[must_use]
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// Writes to the ledger, and counts that in the file beside the database.
    pub fn write_ledger<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&WriteTxn<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let (done, batches) = self.write(|txn| {
            let done = work(txn)?;
            let sql = "update epoch set batches = batches + 1 returning batches";
            let batches = txn.first("count the ledger's batches", sql, (), |row| row.get(0))?;
            Ok::<_, E>((done, batches.unwrap_or_default()))
        })?;
        let epoch = Epoch { id: self.epoch.to_string(), batches };
        if let Err(error) = mark(&self.path, &epoch) {
            tracing::warn!(%error, "an older copy of the database would not be noticed: its mark could not be written");
        }
        Ok(done)
    }
}

/// Forgets what Singular received of the advertiser's days, because polls that this copy doesn't have may have covered any of
/// them.
fn forget(txn: &WriteTxn<'_>, advertiser: AdvertiserKey) -> StoreResult<()> {
    let at = Utc::now();
    // In some zone it is already tomorrow.
    let tomorrow = i64::from((at + TimeDelta::days(1)).date_naive().to_epoch_days());
    txn.served_unknown(advertiser, &ServedDays { first: EARLIEST, last: tomorrow.max(EARLIEST), at, version: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(from: &Path, to: &Path) {
        fs::copy(from.join(Store::FILE), to.join(Store::FILE)).unwrap();
    }

    #[test]
    fn an_epoch_lasts_until_another_copy_takes_the_databases_place() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let open = || Store::open(dir.path()).unwrap();
        let first = open().epoch().to_owned();
        assert_eq!(open().epoch(), first);
        copy(dir.path(), other.path());
        let elsewhere = Store::open(other.path()).unwrap();
        assert_ne!(elsewhere.epoch(), first, "it came from elsewhere");
        assert_eq!((elsewhere.is_other_copy(), open().is_other_copy()), (true, false));
        open().write_ledger(|_| Ok::<_, StoreError>(())).unwrap();
        assert_eq!(open().epoch(), first);
        copy(other.path(), dir.path());
        let second = open().epoch().to_owned();
        assert_ne!(second, first);
        assert_eq!(open().epoch(), second);
    }

    #[test]
    fn an_older_copy_of_the_same_file_is_noticed_by_what_it_lacks() {
        let (dir, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = Store::open(dir.path()).unwrap();
        let first = store.epoch().to_owned();
        store.checkpoint().unwrap();
        copy(dir.path(), kept.path());
        store.write_ledger(|_| Ok::<_, StoreError>(())).unwrap();
        drop(store);
        copy(kept.path(), dir.path());
        for log in ["pitlane.db-wal", "pitlane.db-shm"] {
            let _ = fs::remove_file(dir.path().join(log));
        }
        assert_ne!(Store::open(dir.path()).unwrap().epoch(), first);
    }

    #[test]
    fn a_mark_that_cant_be_read_is_another_one() {
        let dir = tempfile::tempdir().unwrap();
        let first = Store::open(dir.path()).unwrap().epoch().to_owned();
        for words in [&b""[..], b"x", b"\xff\xfe 1"] {
            fs::write(dir.path().join("pitlane.epoch"), words).unwrap();
            assert_ne!(Store::open(dir.path()).unwrap().epoch(), first);
        }
    }
}
