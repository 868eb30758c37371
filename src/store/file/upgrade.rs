//! Upgrades a database to this program's schema. If it contains data, a verified backup is made first.

use std::path::Path;

use chrono::Utc;
use rusqlite::Connection;
use rusqlite_migration::Migrations;

use crate::store::file::lock::Use;
use crate::store::file::schema::{DATABASE_ID, SCHEMA_VERSION, STEPS, take, version};
use crate::store::file::{backup, disk};
use crate::store::{Doing as _, Store, StoreError, StoreResult};

/// Upgrades the schema; fails if it is newer than this program's.
pub(in crate::store) fn upgrade(conn: &mut Connection, path: &Path, used: &Use) -> StoreResult<()> {
    if is_pending(conn, SCHEMA_VERSION)? {
        // Other processes may have the file open, perhaps of an older version: an upgrade would make them fail.
        used.alone_for(|| upgrade_to(conn, path, &STEPS, SCHEMA_VERSION))?;
    }
    Ok(())
}

/// Whether the file lacks migrations, or the application id.
fn is_pending(conn: &Connection, latest: i64) -> StoreResult<bool> {
    let found = version(conn)?;
    if found > latest {
        return Err(StoreError::NewerSchema { found, known: latest });
    }
    let id: i32 = conn.query_row("pragma application_id", (), |row| row.get(0)).doing("read the file's mark")?;
    Ok(found < latest || id != DATABASE_ID)
}

/// Runs the missing migrations. If the file contains data, a verified backup is made first.
fn upgrade_to(conn: &mut Connection, path: &Path, steps: &Migrations<'_>, latest: i64) -> StoreResult<()> {
    // A process that had the lock before may have done it.
    if !is_pending(conn, latest)? {
        return Ok(());
    }
    let found = version(conn)?;
    if found > 0 && found < latest {
        let dir = disk::dir_of(path).join(Store::BACKUPS);
        crate::store::file::open::make_private_dir(&dir).map_err(|source| disk::refused(&dir, source))?;
        let size = path.metadata().map_err(|source| disk::refused(path, source))?.len();
        // The backup, and a WAL that may contain every page again.
        disk::ensure_free(&dir, size.saturating_mul(3))?;
        let stamp = Utc::now().format("%Y%m%dT%H%M%S%3fZ");
        let kept = backup::backup(path, &dir.join(format!("before-schema-{latest}-{stamp}.db")), &|| true)?;
        tracing::info!(backup = %kept.path.display(), "the database is upgraded from schema {found} to {latest}");
    }
    take(conn, steps)?;
    conn.pragma_update(None, "application_id", DATABASE_ID).doing("mark the file")
}

#[cfg(test)]
mod tests {
    use rusqlite_migration::M;

    use super::*;
    use crate::store::file::schema::STEP_LIST;
    use crate::store::file::schema::migrate;
    use crate::store::file::schema::tests::objects;

    const EXTRA: M<'_> = M::up("create table extra (only integer primary key) strict");

    /// A database of each schema that was in use, oldest first, made by the program of that time.
    const FIXTURES: &[(i64, &[u8])] = &[
        (1, include_bytes!("../../../tests/fixtures/schema-1.db")),
        (2, include_bytes!("../../../tests/fixtures/schema-2.db")),
        (11, include_bytes!("../../../tests/fixtures/schema-11.db")),
    ];

    /// A copy of a database in a directory of its own.
    fn copy(bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(Store::FILE);
        std::fs::write(&path, bytes).unwrap();
        (dir, path)
    }

    /// Opens a database of this schema, which upgrades it, and compares its figures.
    fn assert_upgraded(schema: i64, dir: &Path) {
        let path = dir.join(Store::FILE);
        let before = backup::verify(&path).unwrap().contents;
        assert_eq!(before.schema, schema);
        assert!(before.advertisers.iter().any(|advertiser| advertiser.cost.to_string() == "81.5"));
        let store = Store::open(dir).unwrap();
        assert_eq!(store.schema_version().unwrap(), SCHEMA_VERSION);
        assert_eq!(store.integrity_problems().unwrap(), Vec::<String>::new());
        assert_eq!(backup::verify(&path).unwrap().contents.advertisers, before.advertisers);
    }

    fn with_step(step: M<'_>) -> Migrations<'_> {
        Migrations::new(STEP_LIST.iter().cloned().chain([step]).collect())
    }

    /// The backups beside a database, all of which are valid.
    fn backups(dir: &Path) -> Vec<backup::Verified> {
        let Ok(entries) = std::fs::read_dir(dir.join(Store::BACKUPS)) else { return Vec::new() };
        entries.map(|entry| backup::verify(&entry.unwrap().path()).unwrap()).collect()
    }

    #[test]
    fn every_schema_so_far_is_upgraded_and_keeps_its_figures() {
        for (schema, bytes) in FIXTURES {
            assert_upgraded(*schema, copy(bytes).0.path());
        }
        // Those in between were never in use for long: the first one's data, taken up to each of them.
        for schema in 2..=STEP_LIST.len() {
            let (dir, path) = copy(FIXTURES[0].1);
            take(&mut Connection::open(&path).unwrap(), &Migrations::from_slice(&STEP_LIST[..schema])).unwrap();
            assert_upgraded(i64::try_from(schema).unwrap(), dir.path());
        }
    }

    #[test]
    fn before_the_first_step_a_backup_is_made() {
        let (dir, path) = copy(FIXTURES[0].1);
        let before = backup::verify(&path).unwrap().contents;
        let mut conn = Connection::open(&path).unwrap();
        let found = version(&conn).unwrap();
        upgrade_to(&mut conn, &path, &with_step(EXTRA), SCHEMA_VERSION + 1).unwrap();
        assert_eq!(version(&conn).unwrap(), SCHEMA_VERSION + 1);
        let [kept] = backups(dir.path()).try_into().unwrap();
        assert_eq!((kept.contents.schema, &kept.contents), (found, &before));
        assert!(kept.seal.is_some());
        // The second time there is nothing to do.
        upgrade_to(&mut conn, &path, &with_step(EXTRA), SCHEMA_VERSION + 1).unwrap();
        assert_eq!(backups(dir.path()).len(), 1);
    }

    #[test]
    fn a_step_that_fails_leaves_the_old_schema_whole() {
        let (_dir, path) = copy(FIXTURES[0].1);
        let mut conn = Connection::open(&path).unwrap();
        migrate(&mut conn).unwrap();
        let before = (objects(&conn), backup::verify(&path).unwrap().contents);
        let half =
            M::up("create table extra (x integer) strict; delete from daily_stats; insert into nowhere values (1)");
        upgrade_to(&mut conn, &path, &with_step(half), SCHEMA_VERSION + 1).unwrap_err();
        assert_eq!((objects(&conn), backup::verify(&path).unwrap().contents), before);
    }

    #[test]
    fn without_a_backup_there_is_no_upgrade() {
        let (dir, path) = copy(FIXTURES[0].1);
        std::fs::write(dir.path().join(Store::BACKUPS), "in the way").unwrap();
        let mut conn = Connection::open(&path).unwrap();
        let before = version(&conn).unwrap();
        upgrade_to(&mut conn, &path, &with_step(EXTRA), SCHEMA_VERSION + 1).unwrap_err();
        assert_eq!(version(&conn).unwrap(), before);
    }

    #[test]
    fn a_newer_schema_is_refused_and_left_alone() {
        let conn = Connection::open_in_memory().unwrap();
        conn.pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
        let error = is_pending(&conn, SCHEMA_VERSION).unwrap_err().to_string();
        assert!(error.contains("newer Pitlane"), "{error}");
        assert_eq!(objects(&conn), Vec::<String>::new());
    }
}
