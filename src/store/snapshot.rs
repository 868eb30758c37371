//! A snapshot: a read transaction that can be held for longer than a call, with a name for the state it sees.
//!
//! A snapshot occupies one of the few reading connections, and the WAL can't be checkpointed past its beginning. So it is
//! meant for the duration of one answer.

use std::cell::OnceCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use r2d2::PooledConnection;
use r2d2_sqlite::SqliteConnectionManager;

use crate::store::lanes::Place;
use crate::store::stats::row::{Key, before};
use crate::store::stats::scan::StatScan;
use crate::store::stats::walk::StatTree;
use crate::store::{AdvertiserKey, Doing as _, Lane, ReadTxn, Store, StoreResult, UrgentNote};

/// Identifies the state that a snapshot sees. Snapshots with equal ids see the same state; snapshots of the same state may
/// have different ids.
///
/// SQLite's `data_version`, read within the snapshot's own transaction, changes whenever any other connection commits; a
/// reading connection never commits. It is valid for one connection only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StateId {
    connection: u64,
    data_version: i64,
}

impl StateId {
    /// The number of the reading connection.
    #[must_use]
    pub fn connection(self) -> u64 {
        self.connection
    }
}

/// What is kept beside a connection in the pool.
struct Kept {
    number: u64,
    /// The root page of the stats in the last state that was looked at.
    tree: Option<(StateId, Option<StatTree>)>,
}

static NEXT_NUMBER: AtomicU64 = AtomicU64::new(0);

/// A reading connection in a transaction. It begins and ends with prepared statements, which makes polls measurably faster.
pub struct Snapshot {
    /// Boxed, because a snapshot is handed on many times.
    conn: Box<PooledConnection<SqliteConnectionManager>>,
    state_id: StateId,
    tree: OnceCell<Option<StatTree>>,
    /// The urgent notes from before it began.
    notes: Vec<UrgentNote>,
    // Dropped after the connection, which must be back in the pool before another thread gets the place.
    place: Place,
}

impl Snapshot {
    pub(super) fn begin(
        mut conn: PooledConnection<SqliteConnectionManager>,
        place: Place,
        notes: Vec<UrgentNote>,
    ) -> StoreResult<Self> {
        let kept = PooledConnection::extensions_mut(&mut conn);
        let (number, tree) = if let Some(kept) = kept.get_mut::<Kept>() {
            (kept.number, kept.tree.take())
        } else {
            let number = NEXT_NUMBER.fetch_add(1, Ordering::Relaxed);
            kept.insert(Kept { number, tree: None });
            (number, None)
        };
        conn.prepare_cached("begin").and_then(|mut begin| begin.execute(())).doing("begin reading")?;
        // From here on it must be ended, even if its first read fails.
        let state_id = StateId { connection: number, data_version: 0 };
        let mut snapshot = Self { conn: Box::new(conn), state_id, tree: OnceCell::new(), notes, place };
        let version = snapshot.txn().first("read the data version", "pragma data_version", (), |row| row.get(0))?;
        snapshot.state_id.data_version = version.unwrap_or_default();
        if let Some((_, tree)) = tree.filter(|(state_id, _)| *state_id == snapshot.state_id) {
            snapshot.tree = OnceCell::from(tree);
        }
        Ok(snapshot)
    }

    #[must_use]
    pub fn txn(&self) -> ReadTxn<'_> {
        ReadTxn { conn: &self.conn, notes: &self.notes }
    }

    /// The advertiser's cells of these days, both ends included.
    pub fn stat_scan(&self, advertiser: AdvertiserKey, first_day: i64, last_day: i64) -> StoreResult<StatScan> {
        self.stat_scan_behind(before(advertiser, first_day), last_day)
    }

    /// Continues a scan that was begun in another snapshot. The caller must know that the remaining days are the same in this
    /// one.
    pub fn stat_scan_rest(&self, rest: &StatScan) -> StoreResult<StatScan> {
        let (after, last_day) = rest.rest();
        self.stat_scan_behind(after, last_day)
    }

    fn stat_scan_behind(&self, after: Key, last_day: i64) -> StoreResult<StatScan> {
        let tree = if let Some(tree) = self.tree.get() {
            tree
        } else {
            let found = StatTree::find(&self.txn())?;
            self.tree.get_or_init(|| found)
        };
        Ok(match tree {
            Some(tree) => StatScan::by_pages(tree.walk(after, last_day)),
            None => StatScan::by_statement(after, last_day),
        })
    }

    /// The same snapshot in another lane; `None` if that lane is full.
    #[must_use]
    pub fn moved_to(mut self, lane: Lane, store: &Store) -> Option<Self> {
        self.place = store.lanes.take(lane, Duration::ZERO).ok()?;
        Some(self)
    }

    /// Whether urgent notes change what the state says: then no result from it may be cached.
    #[must_use]
    pub fn has_notes(&self) -> bool {
        !self.notes.is_empty()
    }

    /// The state it sees.
    #[must_use]
    pub fn state_id(&self) -> StateId {
        self.state_id
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        // Nothing was written, so how the transaction ends doesn't matter, but it must end.
        let ended = self.conn.prepare_cached("commit").and_then(|mut commit| commit.execute(()));
        if ended.is_err() {
            let _ = self.conn.execute_batch("rollback");
        }
        if let Some(tree) = self.tree.take()
            && let Some(kept) = PooledConnection::extensions_mut(&mut self.conn).get_mut::<Kept>()
        {
            kept.tree = Some((self.state_id, tree));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::store::Store;

    /// The ids of states seen by the only idle connection, one after the other.
    fn state_id(store: &Store) -> crate::store::StateId {
        store.snapshot().unwrap().state_id()
    }

    #[test]
    fn a_sight_moves_with_every_commit_of_anybody_and_with_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let stranger = rusqlite::Connection::open(store.path()).unwrap();
        let change =
            "insert into publishers (id, name, created_at) values (hex(randomblob(18)), hex(randomblob(9)), 0)";
        let first = state_id(&store);
        assert_eq!(state_id(&store), first);
        stranger.execute_batch(&format!("begin; {change}; rollback")).unwrap();
        assert_eq!(state_id(&store), first, "what was rolled back never happened");
        stranger.execute_batch(change).unwrap();
        let second = state_id(&store);
        assert_ne!(second, first, "another process committed");
        store.write(|txn| txn.publishers_touch()).unwrap();
        let third = state_id(&store);
        assert_ne!(third, second, "this process committed");
        stranger.execute_batch(&format!("begin immediate; {change}")).unwrap();
        assert_eq!(state_id(&store), third, "nothing was committed yet");
        stranger.execute_batch("commit").unwrap();
        assert_ne!(state_id(&store), third);
    }

    #[test]
    fn a_snapshot_and_its_sight_stay_while_others_commit() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let held = store.snapshot().unwrap();
        let before = held.txn().publishers_version().unwrap();
        store.write(|txn| txn.publishers_touch()).unwrap();
        assert_eq!(held.txn().publishers_version().unwrap(), before);
        let other = store.snapshot().unwrap();
        assert_ne!(other.state_id(), held.state_id(), "connections have sights of their own");
        assert_ne!(other.txn().publishers_version().unwrap(), before);
        let seen = held.state_id();
        drop((held, other));
        let (one, two) = (store.snapshot().unwrap(), store.snapshot().unwrap());
        assert!(one.state_id() != seen && two.state_id() != seen);
    }
}
