//! The schema's steps. Each runs in a transaction with its own version, so a kill leaves the old schema or the new one.

use std::sync::LazyLock;

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

use super::{Doing as _, Store, StoreError, StoreResult};

static STEPS: LazyLock<Migrations<'static>> = LazyLock::new(|| Migrations::from_slice(STEP_LIST));
const STEP_LIST: &[M<'static>] = &[M::up(include_str!("steps/001.sql"))];

/// The schema this program works with: the number of its steps.
#[expect(clippy::cast_possible_wrap, reason = "a handful of steps")]
pub const SCHEMA_VERSION: i64 = STEP_LIST.len() as i64;

/// Brings the schema up to date; refuses one that is newer than this program's.
pub(super) fn upgrade(conn: &mut Connection) -> StoreResult<()> {
    let found = version(conn)?;
    if found > SCHEMA_VERSION {
        return Err(StoreError::NewerSchema { found, known: SCHEMA_VERSION });
    }
    Ok(STEPS.to_latest(conn)?)
}

fn version(conn: &Connection) -> StoreResult<i64> {
    conn.query_row("pragma user_version", (), |row| row.get(0)).doing("read the schema's version")
}

impl Store {
    /// Which schema the file has now.
    pub fn schema_version(&self) -> StoreResult<i64> {
        self.read(|txn| version(txn.conn))
    }

    /// The linked SQLite's version.
    #[must_use]
    pub fn sqlite_version() -> &'static str {
        rusqlite::version()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every object's SQL with blanks and comments folded away.
    fn objects(conn: &Connection) -> Vec<String> {
        conn.prepare("select coalesce(sql, name) from sqlite_schema order by type, name")
            .unwrap()
            .query_map((), |row| row.get::<_, String>(0))
            .unwrap()
            .map(|sql| {
                let bare: Vec<_> =
                    sql.as_ref().unwrap().lines().map(|l| l.split("--").next().unwrap_or_default()).collect();
                bare.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
            })
            .collect()
    }

    #[test]
    fn the_steps_lead_to_schema_sql() {
        let mut stepped = Connection::open_in_memory().unwrap();
        upgrade(&mut stepped).unwrap();
        let written = Connection::open_in_memory().unwrap();
        written.execute_batch(include_str!("../../schema.sql")).unwrap();
        assert_eq!(objects(&stepped), objects(&written));
        assert!(objects(&stepped).len() > 15);
        assert_eq!(version(&stepped).unwrap(), SCHEMA_VERSION);
    }

    #[test]
    fn a_newer_schema_is_refused_and_left_alone() {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
        let error = upgrade(&mut conn).unwrap_err().to_string();
        assert!(error.contains("newer Pitlane"), "{error}");
        assert_eq!(objects(&conn), Vec::<String>::new());
    }
}
