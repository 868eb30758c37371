//! The schema's migrations. Each runs in a transaction with its own version, so a kill leaves the old schema or the new one.

use std::sync::LazyLock;

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

use crate::store::{Doing as _, Store, StoreResult};

/// The application id in a database's header, by which `file` and `pitlane verify` recognise it: `PitL`.
pub(in crate::store) const DATABASE_ID: i32 = 0x5069_744c;

pub(super) static STEPS: LazyLock<Migrations<'static>> = LazyLock::new(|| Migrations::from_slice(STEP_LIST));
pub(super) const STEP_LIST: &[M<'static>] = &[
    M::up(include_str!("../migrations/001.sql")),
    // Rebuilds a table that others refer to.
    M::up(include_str!("../migrations/002.sql")).foreign_key_check(),
    M::up(include_str!("../migrations/003.sql")),
    M::up(include_str!("../migrations/004.sql")),
    M::up(include_str!("../migrations/005.sql")),
    M::up(include_str!("../migrations/006.sql")),
    M::up(include_str!("../migrations/007.sql")),
    M::up(include_str!("../migrations/008.sql")),
    M::up(include_str!("../migrations/009.sql")),
    M::up(include_str!("../migrations/010.sql")),
    M::up(include_str!("../migrations/011.sql")),
    M::up(include_str!("../migrations/012.sql")),
];

/// The schema this program works with: the number of its migrations.
#[expect(clippy::cast_possible_wrap, reason = "a handful of migrations")]
pub const SCHEMA_VERSION: i64 = STEP_LIST.len() as i64;

/// Runs the missing migrations in a file that nobody else uses.
pub(in crate::store) fn migrate(conn: &mut Connection) -> StoreResult<()> {
    take(conn, &STEPS)
}

/// Rebuilding a table drops it while others refer to it, and `foreign_keys` can't be changed inside of a transaction.
pub(super) fn take(conn: &mut Connection, steps: &Migrations<'_>) -> StoreResult<()> {
    conn.pragma_update(None, "foreign_keys", false).doing("prepare the upgrade")?;
    steps.to_latest(conn)?;
    conn.pragma_update(None, "foreign_keys", true).doing("end the upgrade")
}

pub(in crate::store) fn version(conn: &Connection) -> StoreResult<i64> {
    conn.query_row("pragma user_version", (), |row| row.get(0)).doing("read the schema's version")
}

fn names(conn: &Connection) -> StoreResult<Vec<String>> {
    const DOING: &str = "read the schema";
    let mut names = conn.prepare("select type || ' ' || name from sqlite_schema order by type, name").doing(DOING)?;
    names.query_map((), |row| row.get(0)).and_then(Iterator::collect).doing(DOING)
}

impl Store {
    /// The file's schema version.
    pub fn schema_version(&self) -> StoreResult<i64> {
        self.read(|txn| version(txn.conn))
    }

    /// Tables, indexes and triggers that are missing in the file because somebody dropped them.
    pub fn schema_missing(&self) -> StoreResult<Vec<String>> {
        let mut whole = Connection::open_in_memory().doing("make an empty database")?;
        migrate(&mut whole)?;
        let found = self.read(|txn| names(txn.conn))?;
        Ok(names(&whole)?.into_iter().filter(|name| !found.contains(name)).collect())
    }

    /// The version of the linked SQLite.
    #[must_use]
    pub fn sqlite_version() -> &'static str {
        rusqlite::version()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The SQL of every object, without comments and with blanks normalised.
    pub(in crate::store::file) fn objects(conn: &Connection) -> Vec<String> {
        conn.prepare("select coalesce(sql, name) from sqlite_schema order by type, name")
            .unwrap()
            .query_map((), |row| row.get::<_, String>(0))
            .unwrap()
            .map(|sql| {
                let bare: Vec<_> =
                    sql.as_ref().unwrap().lines().map(|l| l.split("--").next().unwrap_or_default()).collect();
                // A renamed table has its name in quotes, and an added column changes blanks.
                let bare = bare.join(" ").replace('"', "");
                bare.split_whitespace().collect::<Vec<_>>().join(" ").replace(" ,", ",").replace(" )", ")")
            })
            .collect()
    }

    #[test]
    fn the_steps_lead_to_schema_sql() {
        let mut stepped = Connection::open_in_memory().unwrap();
        migrate(&mut stepped).unwrap();
        let written = Connection::open_in_memory().unwrap();
        written.execute_batch(include_str!("../../../schema.sql")).unwrap();
        assert_eq!(objects(&stepped), objects(&written));
        assert!(objects(&stepped).len() > 15);
        assert_eq!(version(&stepped).unwrap(), SCHEMA_VERSION);
    }
}
