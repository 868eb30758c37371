//! Reads the big table off its pages, as SQLite's file format describes them (sqlite.org/fileformat2.html, section 1.6).
//!
//! Stepping a statement takes SQLite 90 ns a row, most of them for getting from one row to the next and one column to the
//! next; a report does nothing else. The pages hold the same rows side by side: reading them takes a third of that. They come from
//! SQLite's own `sqlite_dbpage`, so from this snapshot, log included. Everything is checked on the way: what does not look like a
//! page of this table is an error, as it is for SQLite. Only `stat_scan` calls.

use rusqlite::{Statement, ffi};

use super::stat_scan::Key;
use super::{Doing as _, ReadTxn, StoreError, StoreResult};

/// Pages from the root to a leaf. Even with three cells a page this is more than a file can hold.
const DEEPEST: u32 = 24;

/// Kinds of pages; a table without row ids is stored as an index.
const INTERIOR: u8 = 2;
const LEAF: u8 = 10;

const DOING: &str = "read the pages of stats";

/// Where the big table begins. Only for the snapshot it was found in.
#[derive(Debug, Clone, Copy)]
pub struct StatTree {
    root: u32,
}

/// How far a walk came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// There may be more.
    On,
    /// As far as was wanted for now.
    Pause,
    /// Past everything that was wanted.
    End,
}

impl StatTree {
    /// None where SQLite was built without what shows its pages.
    pub(super) fn find(txn: &ReadTxn<'_>) -> StoreResult<Option<Self>> {
        if txn.conn.prepare_cached(PAGE).is_err() {
            return Ok(None);
        }
        let sql = "select rootpage from sqlite_schema where type = 'table' and name = 'daily_stats'";
        let root = txn.first(DOING, sql, (), |row| row.get(0))?.ok_or_else(|| malformed("the table has no pages"))?;
        Ok(Some(Self { root }))
    }

    /// Hands key, clicks and cost of the cells behind `after` to `each`, in order, until it says otherwise or there are none.
    pub(super) fn walk<E: From<StoreError>>(
        self,
        txn: &ReadTxn<'_>,
        after: Key,
        each: &mut impl FnMut(Key, i64, i64) -> Result<Reach, E>,
    ) -> Result<Reach, E> {
        let mut pages = txn.conn.prepare_cached(PAGE).doing(DOING)?;
        page(&mut pages, self.root, DEEPEST, &after, each)
    }
}

const PAGE: &str = "select data from sqlite_dbpage where pgno = ?1";

fn page<E: From<StoreError>>(
    pages: &mut Statement<'_>,
    number: u32,
    deeper: u32,
    after: &Key,
    each: &mut impl FnMut(Key, i64, i64) -> Result<Reach, E>,
) -> Result<Reach, E> {
    let mut rows = pages.query([number]).doing(DOING)?;
    let row = rows.next().doing(DOING)?.ok_or_else(|| malformed("a page is missing"))?;
    let bytes = row.get_ref(0).doing(DOING)?.as_blob().map_err(|_| malformed("a page is no bytes"))?;
    match bytes.first() {
        Some(&LEAF) => leaf(&Page::new(bytes, 8)?, after, each),
        Some(&INTERIOR) if deeper > 0 => {
            // The statement is needed for the pages below.
            let bytes = bytes.to_vec();
            drop(rows);
            interior(pages, &Page::new(&bytes, 12)?, deeper - 1, after, each)
        }
        _ => Err(malformed("a page is none of this table").into()),
    }
}

fn leaf<E: From<StoreError>>(
    page: &Page<'_>,
    after: &Key,
    each: &mut impl FnMut(Key, i64, i64) -> Result<Reach, E>,
) -> Result<Reach, E> {
    for place in page.first_behind(0, after)?..page.cells {
        let [advertiser, day, campaign, publisher, clicks, cost] = page.cell(place, 0)?;
        match each([advertiser, day, campaign, publisher], clicks, cost)? {
            Reach::On => {}
            reached => return Ok(reached),
        }
    }
    Ok(Reach::On)
}

/// Cells of an interior page stand between the pages below it, and are rows like all others.
fn interior<E: From<StoreError>>(
    pages: &mut Statement<'_>,
    page: &Page<'_>,
    deeper: u32,
    after: &Key,
    each: &mut impl FnMut(Key, i64, i64) -> Result<Reach, E>,
) -> Result<Reach, E> {
    for place in page.first_behind(4, after)?..=page.cells {
        match self::page(pages, page.below(place)?, deeper, after, each)? {
            Reach::On if place < page.cells => {}
            reached => return Ok(reached),
        }
        let [advertiser, day, campaign, publisher, clicks, cost] = page.cell(place, 4)?;
        match each([advertiser, day, campaign, publisher], clicks, cost)? {
            Reach::On => {}
            reached => return Ok(reached),
        }
    }
    Ok(Reach::On)
}

/// A page of the tree. Its header ends where the places of its cells begin.
struct Page<'p> {
    bytes: &'p [u8],
    places: &'p [[u8; 2]],
    cells: usize,
}

impl<'p> Page<'p> {
    fn new(bytes: &'p [u8], header: usize) -> StoreResult<Self> {
        let read = || {
            let cells = usize::from(u16::from_be_bytes(*bytes.get(3..)?.first_chunk()?));
            let (places, _) = bytes.get(header..header + 2 * cells)?.as_chunks::<2>();
            Some(Self { bytes, places, cells })
        };
        read().ok_or_else(|| malformed("a page has no room for its cells"))
    }

    fn bytes_of(&self, place: usize) -> Option<&'p [u8]> {
        self.bytes.get(usize::from(u16::from_be_bytes(*self.places.get(place)?))..)
    }

    /// The columns of the key, clicks and cost of a cell, in front of which stand `skipped` bytes.
    fn cell(&self, place: usize, skipped: usize) -> StoreResult<[i64; 6]> {
        let cell = self.bytes_of(place).and_then(|bytes| row(bytes.get(skipped..)?));
        cell.ok_or_else(|| malformed("a cell is no row of this table"))
    }

    /// The page before this cell, or, past the last one, behind all of them.
    fn below(&self, place: usize) -> StoreResult<u32> {
        let at = if place < self.cells { self.bytes_of(place) } else { self.bytes.get(8..) };
        let number = at.and_then(|bytes| bytes.first_chunk()).map(|number| u32::from_be_bytes(*number));
        number.ok_or_else(|| malformed("a page points nowhere"))
    }

    /// The first cell whose key is larger than `after`.
    fn first_behind(&self, skipped: usize, after: &Key) -> StoreResult<usize> {
        let (mut low, mut high) = (0, self.cells);
        while low < high {
            let middle = usize::midpoint(low, high);
            let [advertiser, day, campaign, publisher, ..] = self.cell(middle, skipped)?;
            if [advertiser, day, campaign, publisher] > *after { high = middle } else { low = middle + 1 }
        }
        Ok(low)
    }
}

/// The first six columns of a record (section 2.1). Ten integers never take more than 127 bytes, so lengths and kinds are
/// one byte each and nothing overflows to another page.
#[inline]
fn row(bytes: &[u8]) -> Option<[i64; 6]> {
    let (length, record) = bytes.split_first().filter(|(length, _)| **length < 0x80)?;
    let record = record.get(..usize::from(*length))?;
    let header = usize::from(*record.first()?);
    let kinds = record.get(1..header)?.first_chunk::<6>()?;
    let mut body = record.get(header..)?;
    let mut columns = [0; 6];
    for (column, kind) in columns.iter_mut().zip(kinds) {
        (*column, body) = integer(*kind, body)?;
    }
    Some(columns)
}

/// An integer of this kind, and what follows.
#[inline]
fn integer(kind: u8, bytes: &[u8]) -> Option<(i64, &[u8])> {
    Some(match kind {
        1 => bytes.split_first_chunk().map(|(number, rest)| (i8::from_be_bytes(*number).into(), rest))?,
        2 => bytes.split_first_chunk().map(|(number, rest)| (i16::from_be_bytes(*number).into(), rest))?,
        3 => {
            let ([a, b, c], rest) = bytes.split_first_chunk()?;
            ((i32::from_be_bytes([*a, *b, *c, 0]) >> 8).into(), rest)
        }
        4 => bytes.split_first_chunk().map(|(number, rest)| (i32::from_be_bytes(*number).into(), rest))?,
        5 => {
            let (number, rest) = bytes.split_first_chunk::<6>()?;
            let mut wide = [0; 8];
            wide[..6].copy_from_slice(number);
            (i64::from_be_bytes(wide) >> 16, rest)
        }
        6 => bytes.split_first_chunk().map(|(number, rest)| (i64::from_be_bytes(*number), rest))?,
        8 => (0, bytes),
        9 => (1, bytes),
        _ => return None,
    })
}

/// As SQLite itself would put it.
fn malformed(what: &str) -> StoreError {
    let code = ffi::Error::new(ffi::SQLITE_CORRUPT);
    StoreError::sqlite(DOING, rusqlite::Error::SqliteFailure(code, Some(what.to_owned())))
}
