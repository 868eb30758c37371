//! Reads the big table from its pages, by SQLite's file format (sqlite.org/fileformat2.html, section 1.6).
//!
//! Stepping a statement takes SQLite 90 ns a row, mostly for moving from row to row and column to column, which is all that a
//! report does. Reading the same rows from their pages takes a third of that. The pages come from SQLite's own
//! `sqlite_dbpage`, so they belong to this snapshot, WAL included. Everything is checked: anything that isn't a valid page of
//! this table, or is out of order, is an error, so that a damaged file can't make a report that looks whole. Only snapshots
//! use this.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::ffi;

use crate::domain::Invalid;
use crate::store::stats::record::first_columns;
use crate::store::stats::row::{COLUMNS, Key, ReportRow};
use crate::store::{Doing as _, ReadTxn, StoreError, StoreResult, foreign_value};

/// The most levels from the root to a leaf. Even with three cells per page, this is more than a file can have.
const DEEPEST: usize = 24;

/// Types of pages; a table without row ids is stored as an index.
const INTERIOR: u8 = 2;
const LEAF: u8 = 10;

const DOING: &str = "read the pages of stats";

const PAGE: &str = "select data from sqlite_dbpage where pgno = ?1";

/// A source of pages.
pub(in crate::store) trait Pages {
    /// Appends the page with this number.
    fn read(&self, number: u32, into: &mut Vec<u8>) -> StoreResult<()>;
}

impl Pages for ReadTxn<'_> {
    fn read(&self, number: u32, into: &mut Vec<u8>) -> StoreResult<()> {
        let mut statement = self.conn.prepare_cached(PAGE).doing(DOING)?;
        let mut rows = statement.query([number]).doing(DOING)?;
        let row = rows.next().doing(DOING)?.ok_or_else(|| malformed("a page is missing"))?;
        let page = row.get_ref(0).and_then(|page| Ok(page.as_blob()?)).doing(DOING)?;
        into.extend_from_slice(page);
        Ok(())
    }
}

/// The root page of the big table. Only for the state of the database in which it was found.
#[derive(Debug, Clone)]
pub(in crate::store) struct StatTree {
    root: u32,
    ordered: OrderedPages,
}

/// The pages whose cells are known to be in order in a state, so that quick polls of the same days need not check them again.
#[derive(Debug, Clone, Default)]
struct OrderedPages(Arc<Mutex<BTreeSet<u32>>>);

impl OrderedPages {
    /// If there are more, they are dropped and checked again.
    const KEPT: usize = 1024;

    fn check(&self, number: u32, page: &Page) -> StoreResult<()> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(&number) {
            return Ok(());
        }
        page.check_order()?;
        if known.len() == Self::KEPT {
            known.clear();
        }
        known.insert(number);
        Ok(())
    }
}

impl StatTree {
    /// `None` if SQLite was built without `sqlite_dbpage`.
    pub(in crate::store) fn find(txn: &ReadTxn<'_>) -> StoreResult<Option<Self>> {
        if !shows_pages(txn) {
            return Ok(None);
        }
        let sql = "select rootpage from sqlite_schema where type = 'table' and name = 'daily_stats'";
        let root = txn.first(DOING, sql, (), |row| row.get(0))?.ok_or_else(|| malformed("the table has no pages"))?;
        Ok(Some(Self::at(root)))
    }

    fn at(root: u32) -> Self {
        Self { root, ordered: OrderedPages::default() }
    }

    pub(in crate::store) fn root(&self) -> u32 {
        self.root
    }

    /// A walk over the advertiser's cells after `after`, in order, up to those of the last day.
    pub(in crate::store) fn walk(&self, after: Key, last_day: i64) -> StatWalk {
        let [advertiser, day, campaign, publisher] = after;
        StatWalk {
            begin: Some((self.root, after)),
            ordered: self.ordered.clone(),
            until: (advertiser, last_day),
            last: (day, campaign, publisher),
            path: Vec::new(),
            spare: Vec::new(),
        }
    }
}

/// The child pages of a page with these bytes.
pub(in crate::store) fn pages_below(bytes: &[u8]) -> StoreResult<Vec<u32>> {
    let page = Page::new(bytes.to_vec())?;
    let places = if page.is_interior { 0..page.cells + 1 } else { 0..0 };
    places.map(|place| page.below(place)).collect()
}

/// Whether SQLite was built with `sqlite_dbpage`.
pub(in crate::store) fn shows_pages(txn: &ReadTxn<'_>) -> bool {
    txn.conn.prepare_cached(PAGE).is_ok()
}

/// A position in the table that can be kept and continued later, with its pages. Only for the snapshot in which it was begun,
/// where pages can't change.
pub(in crate::store) struct StatWalk {
    /// The root and the key before the first cell, until the walk has begun.
    begin: Option<(u32, Key)>,
    ordered: OrderedPages,
    /// The advertiser and its last day.
    until: (i64, i64),
    /// Day, campaign and publisher of the last cell.
    last: (i64, i64, i64),
    /// The pages from the root to the current one.
    path: Vec<Level>,
    /// Buffers to reuse.
    spare: Vec<Vec<u8>>,
}

/// A page on the path, and the position in it.
struct Level {
    number: u32,
    page: Page,
    /// The next cell.
    place: usize,
    /// Whether the child page before that cell was read. Cells of an interior page are between its child pages, and are rows
    /// like all others.
    is_below_done: bool,
}

impl StatWalk {
    /// The key before the next cells, and their last day.
    pub(in crate::store) fn rest(&self) -> (Key, i64) {
        let ((day, campaign, publisher), (advertiser, last_day)) = (self.last, self.until);
        ([advertiser, day, campaign, publisher], last_day)
    }

    /// Reads the next cells, until `rows` has enough or there are no more.
    pub(in crate::store) fn read(
        &mut self,
        pages: &impl Pages,
        at_most: usize,
        rows: &mut Vec<ReportRow>,
    ) -> StoreResult<()> {
        if let Some((root, after)) = self.begin.take() {
            self.descend_to(pages, root, &after)?;
        }
        while rows.len() < at_most
            && let Some(Level { page, place, is_below_done, .. }) = self.path.last_mut()
        {
            if page.is_interior && !*is_below_done {
                *is_below_done = true;
                let below = page.below(*place)?;
                self.descend(pages, below)?;
            } else if *place < page.cells {
                let columns = page.cell(*place)?;
                let [advertiser, day, campaign, publisher, ..] = columns;
                if (advertiser, day) > self.until {
                    return self.end(pages, [advertiser, day, campaign, publisher]);
                }
                if advertiser != self.until.0 || (day, campaign, publisher) <= self.last {
                    return Err(out_of_order());
                }
                self.last = (day, campaign, publisher);
                *place += 1;
                *is_below_done = false;
                rows.push(ReportRow::new(columns).map_err(foreign)?);
            } else {
                self.spare.extend(self.path.pop().map(|level| level.page.bytes));
            }
        }
        Ok(())
    }

    /// Descends to the first cell after `after`. The pages on the path must be in order: otherwise wanted cells may be
    /// elsewhere.
    fn descend_to(&mut self, pages: &impl Pages, root: u32, after: &Key) -> StoreResult<()> {
        let (mut number, mut last) = (root, [i64::MIN; 4]);
        loop {
            self.descend(pages, number)?;
            let Some(Level { page, place, is_below_done, .. }) = self.path.last_mut() else { return Ok(()) };
            self.ordered.check(number, page)?;
            *place = page.first_behind(after)?;
            if *place > 0 {
                page.first_is_behind(last)?;
                last = page.key(*place - 1)?;
            }
            if !page.is_interior {
                let is_edge = *place == 0;
                return if last > *after {
                    Err(out_of_order())
                } else if is_edge {
                    self.check_edge_before(pages)
                } else {
                    Ok(())
                };
            }
            *is_below_done = true;
            number = page.below(*place)?;
        }
    }

    /// Used if the first cell is the first of its leaf: the child page of the cell before it must end before that cell.
    /// Otherwise that cell is damaged, and the path skipped wanted cells.
    fn check_edge_before(&self, pages: &impl Pages) -> StoreResult<()> {
        let Some(Level { page, place, .. }) = self.path.iter().rev().find(|level| level.place > 0) else {
            return Ok(());
        };
        let before = place - 1;
        if edge(pages, page.below(before)?, Edge::Last)? < page.key(before)? { Ok(()) } else { Err(out_of_order()) }
    }

    /// Ends at the first cell that isn't wanted. The cells after it on the pages of the path must be in order, for the same
    /// reason.
    fn end(&mut self, pages: &impl Pages, cell: Key) -> StoreResult<()> {
        if let Some(Level { page, place, .. }) = self.path.last()
            && page.is_interior
            && edge(pages, page.below(place + 1)?, Edge::First)? <= cell
        {
            return Err(out_of_order());
        }
        let mut last = cell;
        for (depth, Level { number, page, place, .. }) in self.path.iter().rev().enumerate() {
            self.ordered.check(*number, page)?;
            let next = if depth == 0 { place + 1 } else { *place };
            if next < page.cells {
                if page.key(next)? <= last {
                    return Err(out_of_order());
                }
                last = page.key(page.cells - 1)?;
            }
        }
        self.path.clear();
        Ok(())
    }

    fn descend(&mut self, pages: &impl Pages, number: u32) -> StoreResult<()> {
        if self.path.len() == DEEPEST {
            return Err(malformed("the pages go too deep"));
        }
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.clear();
        pages.read(number, &mut bytes)?;
        let page = Page::new(bytes)?;
        if page.cells == 0 && !self.path.is_empty() {
            return Err(malformed("a page below the root is empty"));
        }
        self.path.push(Level { number, page, place: 0, is_below_done: false });
        Ok(())
    }
}

/// The first or last cell below a page.
#[derive(Clone, Copy)]
enum Edge {
    First,
    Last,
}

/// The first or last key on the leaves below a page.
fn edge(pages: &impl Pages, mut number: u32, edge: Edge) -> StoreResult<Key> {
    for _ in 0..DEEPEST {
        let mut bytes = Vec::new();
        pages.read(number, &mut bytes)?;
        let page = Page::new(bytes)?;
        match (page.is_interior, edge) {
            (true, Edge::First) => number = page.below(0)?,
            (true, Edge::Last) => number = page.below(page.cells)?,
            (false, Edge::First) => return page.key(0),
            (false, Edge::Last) => return page.key(page.cells.saturating_sub(1)),
        }
    }
    Err(malformed("the pages go too deep"))
}

/// A page of the tree.
struct Page {
    bytes: Vec<u8>,
    is_interior: bool,
    cells: usize,
}

impl Page {
    fn new(bytes: Vec<u8>) -> StoreResult<Self> {
        let is_interior = match bytes.first() {
            Some(&LEAF) => false,
            Some(&INTERIOR) => true,
            _ => return Err(malformed("a page is none of this table")),
        };
        let cells = bytes.get(3..).and_then(|bytes| bytes.first_chunk());
        let cells = cells.map(|cells| u16::from_be_bytes(*cells)).ok_or_else(|| malformed("a page is too short"))?;
        Ok(Self { bytes, is_interior, cells: cells.into() })
    }

    /// The bytes of a page from a cell on. The cells' offsets follow the page's header.
    #[expect(clippy::inline_always, reason = "as for `cell`")]
    #[inline(always)]
    fn cell_on(&self, place: usize) -> Option<&[u8]> {
        let header = if self.is_interior { 12 } else { 8 };
        let at = self.bytes.get(header + 2 * place..)?.first_chunk()?;
        self.bytes.get(u16::from_be_bytes(*at).into()..)
    }

    #[expect(clippy::inline_always, reason = "as for `cell`")]
    #[inline(always)]
    fn key(&self, place: usize) -> StoreResult<Key> {
        let [advertiser, day, campaign, publisher, ..] = self.cell(place)?;
        Ok([advertiser, day, campaign, publisher])
    }

    /// Fails unless the cells are in ascending order.
    fn check_order(&self) -> StoreResult<()> {
        let mut last = None;
        for place in 0..self.cells {
            let key = Some(self.key(place)?);
            if key <= last {
                return Err(out_of_order());
            }
            last = key;
        }
        Ok(())
    }

    fn first_is_behind(&self, last: Key) -> StoreResult<()> {
        if self.key(0)? > last { Ok(()) } else { Err(out_of_order()) }
    }

    /// The first columns of a cell: the key, then clicks and cost. In an interior page, the child page's number comes before
    /// them.
    ///
    /// Always inlined: otherwise six numbers are returned through memory, and waiting for them took a tenth of a report's
    /// time.
    #[expect(clippy::inline_always, reason = "measured")]
    #[inline(always)]
    fn cell(&self, place: usize) -> StoreResult<[i64; COLUMNS]> {
        let skipped = if self.is_interior { 4 } else { 0 };
        let Some(bytes) = self.cell_on(place).and_then(|bytes| bytes.get(skipped..)) else {
            return Err(malformed("a page has no room for its cells"));
        };
        let Some(columns) = first_columns(bytes) else { return Err(malformed("a cell is no row of this table")) };
        Ok(columns)
    }

    /// The child page before this cell or, after the last cell, the rightmost child page.
    fn below(&self, place: usize) -> StoreResult<u32> {
        let at = if place < self.cells { self.cell_on(place) } else { self.bytes.get(8..) };
        let number = at.and_then(|bytes| bytes.first_chunk()).map(|number| u32::from_be_bytes(*number));
        number.ok_or_else(|| malformed("a page points nowhere"))
    }

    /// The first cell with a larger key than `after`.
    fn first_behind(&self, after: &Key) -> StoreResult<usize> {
        let (mut low, mut high) = (0, self.cells);
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.key(middle)? > *after { high = middle } else { low = middle + 1 }
        }
        Ok(low)
    }
}

/// The error for a figure outside of the schema's bounds.
#[cold]
fn foreign(invalid: Invalid) -> StoreError {
    StoreError::sqlite(DOING, foreign_value(4, invalid))
}

#[cold]
fn out_of_order() -> StoreError {
    malformed("the cells are out of order")
}

/// The same error as SQLite's own.
#[cold]
pub(in crate::store) fn malformed(what: &str) -> StoreError {
    let code = ffi::Error::new(ffi::SQLITE_CORRUPT);
    StoreError::sqlite(DOING, rusqlite::Error::SqliteFailure(code, Some(what.to_owned())))
}

#[cfg(test)]
mod tests;
