//! Reads the big table off its pages, as SQLite's file format describes them (sqlite.org/fileformat2.html, section 1.6).
//!
//! Stepping a statement takes SQLite 90 ns a row, most of them for getting from one row to the next and one column to the
//! next; a report does nothing else. The pages hold the same rows side by side: reading them takes a third of that. They come from
//! SQLite's own `sqlite_dbpage`, so from this snapshot, log included. Everything is checked on the way: what does not look like a
//! page of this table is an error, as it is for SQLite. Only `stat_scan` calls.

use rusqlite::ffi;

use crate::domain::{Invalid, ReportRow};
use crate::store::stats::scan::{Key, report_row};
use crate::store::{Doing as _, ReadTxn, StoreError, StoreResult, foreign_value};

/// Pages from the root to a leaf. Even with three cells a page this is more than a file can hold.
const DEEPEST: usize = 24;

/// Kinds of pages; a table without row ids is stored as an index.
const INTERIOR: u8 = 2;
const LEAF: u8 = 10;

const DOING: &str = "read the pages of stats";

/// Where the big table begins. Only for the snapshot it was found in.
#[derive(Debug, Clone, Copy)]
pub struct StatTree {
    root: u32,
}

impl StatTree {
    /// None where SQLite was built without what shows its pages.
    pub(in crate::store) fn find(txn: &ReadTxn<'_>) -> StoreResult<Option<Self>> {
        if txn.conn.prepare_cached(PAGE).is_err() {
            return Ok(None);
        }
        let sql = "select rootpage from sqlite_schema where type = 'table' and name = 'daily_stats'";
        let root = txn.first(DOING, sql, (), |row| row.get(0))?.ok_or_else(|| malformed("the table has no pages"))?;
        Ok(Some(Self { root }))
    }

    /// A walk over the cells behind `after`, in order.
    pub(in crate::store) fn walk(self, after: Key) -> StatWalk {
        StatWalk { tree: self, after: Some(after), path: Vec::new(), spare: Vec::new() }
    }
}

/// A way through the table that can be left and gone on with: it keeps the pages it stands on. Only for the snapshot that it
/// was begun in, where they can't change.
pub(in crate::store) struct StatWalk {
    tree: StatTree,
    /// Where to begin, until that was done.
    after: Option<Key>,
    /// From the root to the page that is read.
    path: Vec<Level>,
    /// Memory of pages that were read.
    spare: Vec<Vec<u8>>,
}

/// A page on the way, and how much of it is done.
struct Level {
    page: Page,
    /// The cell to come.
    place: usize,
    /// Whether the page before that cell was read. Cells of an interior page stand between the pages below it, and are rows
    /// like all others.
    is_below_done: bool,
}

impl StatWalk {
    /// Reads the next cells up to those of this advertiser and day, until there are so many in `rows` or no more.
    pub(in crate::store) fn read(
        &mut self,
        txn: &ReadTxn<'_>,
        until: (i64, i64),
        at_most: usize,
        rows: &mut Vec<ReportRow>,
    ) -> StoreResult<()> {
        if let Some(after) = self.after.take() {
            self.begin(txn, &after)?;
        }
        while rows.len() < at_most
            && let Some(Level { page, place, is_below_done }) = self.path.last_mut()
        {
            if page.is_interior && !*is_below_done {
                *is_below_done = true;
                let below = page.below(*place)?;
                self.descend(txn, below)?;
            } else if *place < page.cells {
                let [advertiser, day, campaign, publisher, clicks, cost] = page.cell(*place)?;
                if (advertiser, day) > until {
                    self.path.clear();
                    break;
                }
                *place += 1;
                *is_below_done = false;
                rows.push(report_row(day, campaign, publisher, clicks, cost).map_err(foreign)?);
            } else {
                self.spare.extend(self.path.pop().map(|level| level.page.bytes));
            }
        }
        Ok(())
    }

    /// Goes down to the first cell behind `after`.
    fn begin(&mut self, txn: &ReadTxn<'_>, after: &Key) -> StoreResult<()> {
        let mut number = self.tree.root;
        loop {
            self.descend(txn, number)?;
            let Some(Level { page, place, is_below_done }) = self.path.last_mut() else { return Ok(()) };
            *place = page.first_behind(after)?;
            if !page.is_interior {
                return Ok(());
            }
            *is_below_done = true;
            number = page.below(*place)?;
        }
    }

    fn descend(&mut self, txn: &ReadTxn<'_>, number: u32) -> StoreResult<()> {
        if self.path.len() == DEEPEST {
            return Err(malformed("the pages go too deep"));
        }
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.clear();
        let mut statement = txn.conn.prepare_cached(PAGE).doing(DOING)?;
        let mut rows = statement.query([number]).doing(DOING)?;
        let row = rows.next().doing(DOING)?.ok_or_else(|| malformed("a page is missing"))?;
        let read = row.get_ref(0).doing(DOING)?.as_blob().map_err(|_| malformed("a page is no bytes"))?;
        bytes.extend_from_slice(read);
        self.path.push(Level { page: Page::new(bytes)?, place: 0, is_below_done: false });
        Ok(())
    }
}

const PAGE: &str = "select data from sqlite_dbpage where pgno = ?1";

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

    /// A cell with all that follows on the page. Where cells are stands behind the page's header.
    fn cell_on(&self, place: usize) -> Option<&[u8]> {
        let header = if self.is_interior { 12 } else { 8 };
        let at = self.bytes.get(header + 2 * place..)?.first_chunk()?;
        self.bytes.get(u16::from_be_bytes(*at).into()..)
    }

    /// The columns of the key, clicks and cost of a cell. In an interior page the number of the page below stands before them.
    ///
    /// Always part of its caller: six numbers are handed over in memory otherwise, and waiting for them took a tenth of a
    /// report's time.
    #[expect(clippy::inline_always, reason = "measured")]
    #[inline(always)]
    fn cell(&self, place: usize) -> StoreResult<[i64; 6]> {
        let skipped = if self.is_interior { 4 } else { 0 };
        let Some(bytes) = self.cell_on(place).and_then(|bytes| bytes.get(skipped..)) else {
            return Err(malformed("a page has no room for its cells"));
        };
        let Some(columns) = row(bytes) else { return Err(malformed("a cell is no row of this table")) };
        Ok(columns)
    }

    /// The page before this cell, or, past the last one, behind all of them.
    fn below(&self, place: usize) -> StoreResult<u32> {
        let at = if place < self.cells { self.cell_on(place) } else { self.bytes.get(8..) };
        let number = at.and_then(|bytes| bytes.first_chunk()).map(|number| u32::from_be_bytes(*number));
        number.ok_or_else(|| malformed("a page points nowhere"))
    }

    /// The first cell whose key is larger than `after`.
    fn first_behind(&self, after: &Key) -> StoreResult<usize> {
        let (mut low, mut high) = (0, self.cells);
        while low < high {
            let middle = usize::midpoint(low, high);
            let [advertiser, day, campaign, publisher, ..] = self.cell(middle)?;
            if [advertiser, day, campaign, publisher] > *after { high = middle } else { low = middle + 1 }
        }
        Ok(low)
    }
}

/// The first six columns of a record (section 2.1). Ten integers never take more than 127 bytes, so lengths and kinds are
/// one byte each and nothing overflows to another page.
#[expect(clippy::inline_always, reason = "as for `Page::cell`")]
#[inline(always)]
fn row(bytes: &[u8]) -> Option<[i64; 6]> {
    let (length, record) = bytes.split_first().filter(|(length, _)| **length < 0x80)?;
    let header = usize::from(*record.first()?);
    let kinds = record.get(1..header)?.first_chunk::<6>()?;
    let mut at = header;
    let mut columns = [0; 6];
    for (column, kind) in columns.iter_mut().zip(kinds) {
        let kind = KINDS.get(usize::from(*kind))?;
        // Eight bytes from the number on, for all of its kinds; what is behind a short one is shifted out.
        let wide = match record.get(at..)?.first_chunk() {
            Some(wide) => *wide,
            None => padded(record.get(at..at + kind.bytes)?),
        };
        *column = (i64::from_be_bytes(wide) >> kind.shift) & kind.kept | kind.value;
        at += kind.bytes;
    }
    (at <= usize::from(*length)).then_some(columns)
}

/// Zeros behind the last number of a page.
#[cold]
fn padded(number: &[u8]) -> [u8; 8] {
    let mut wide = [0; 8];
    wide[..number.len()].copy_from_slice(number);
    wide
}

/// How an integer is stored.
#[derive(Clone, Copy)]
struct Kind {
    bytes: usize,
    /// By how much eight bytes that begin with it are shifted to get it.
    shift: u32,
    /// Nothing for the kinds that stand for a number of their own.
    kept: i64,
    value: i64,
}

/// Null and floating point stand in no column of this table. They take more bytes than a record has.
const KINDS: [Kind; 10] = [
    NONE,
    stored(1),
    stored(2),
    stored(3),
    stored(4),
    stored(6),
    stored(8),
    NONE,
    Kind { bytes: 0, shift: 0, kept: 0, value: 0 },
    Kind { bytes: 0, shift: 0, kept: 0, value: 1 },
];
const NONE: Kind = Kind { bytes: 0x100, shift: 0, kept: 0, value: 0 };

const fn stored(bytes: u32) -> Kind {
    Kind { bytes: bytes as usize, shift: 64 - 8 * bytes, kept: -1, value: 0 }
}

/// A figure that the schema does not allow.
#[cold]
fn foreign(invalid: Invalid) -> StoreError {
    StoreError::sqlite(DOING, foreign_value(4, invalid))
}

/// As SQLite itself would put it.
#[cold]
fn malformed(what: &str) -> StoreError {
    let code = ffi::Error::new(ffi::SQLITE_CORRUPT);
    StoreError::sqlite(DOING, rusqlite::Error::SqliteFailure(code, Some(what.to_owned())))
}
