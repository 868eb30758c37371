//! A copy of the big table's pages in memory, for tests and fuzzing to damage. The program itself doesn't use it.

use std::collections::BTreeMap;

use crate::store::stats::row::{ReportRow, before};
use crate::store::stats::walk::{Pages, StatTree, malformed, pages_below};
use crate::store::{AdvertiserKey, Snapshot, StoreResult};

/// A copy of the table's pages.
#[derive(Clone)]
pub struct StatPages {
    tree: StatTree,
    pages: BTreeMap<u32, Vec<u8>>,
}

impl StatPages {
    /// The pages in the snapshot; `None` if SQLite was built without `sqlite_dbpage`.
    pub fn copy(snapshot: &Snapshot) -> StoreResult<Option<Self>> {
        let txn = snapshot.txn();
        let Some(tree) = StatTree::find(&txn)? else { return Ok(None) };
        let (mut pages, mut wanted) = (BTreeMap::new(), vec![tree.root()]);
        while let Some(number) = wanted.pop() {
            let mut bytes = Vec::new();
            txn.read(number, &mut bytes)?;
            wanted.extend(pages_below(&bytes)?);
            pages.insert(number, bytes);
        }
        Ok(Some(Self { tree, pages }))
    }

    /// The bytes of all pages, by number.
    pub fn bytes_mut(&mut self) -> impl Iterator<Item = &mut Vec<u8>> {
        self.pages.values_mut()
    }

    /// The advertiser's cells of these days, read as a report reads them.
    pub fn scan(&self, advertiser: AdvertiserKey, first_day: i64, last_day: i64) -> StoreResult<Vec<ReportRow>> {
        let (mut walk, mut rows) = (self.tree.walk(before(advertiser, first_day), last_day), Vec::new());
        walk.read(self, usize::MAX, &mut rows)?;
        Ok(rows)
    }
}

impl Pages for StatPages {
    fn read(&self, number: u32, into: &mut Vec<u8>) -> StoreResult<()> {
        into.extend_from_slice(self.pages.get(&number).ok_or_else(|| malformed("a page is missing"))?);
        Ok(())
    }
}
