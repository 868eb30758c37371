//! Pages give the same cells as a statement; damaged pages are refused, and never make a report that looks whole.

use super::*;
use crate::domain::Micros;
use crate::store::stats::pages::StatPages;
use crate::store::stats::row::before;
use crate::store::stats::scan::StatScan;
use crate::store::{AdvertiserKey, CampaignKey, PublisherKey, Snapshot, Store};

const CAMPAIGNS: [i64; 8] = [0, 1, 2, 127, 128, 40_000, 9_000_000, 5_000_000_000];
const FIRST: i64 = 19_000;
const LAST: i64 = 19_029;

/// Integers of five sizes in every column, over some hundred pages.
fn filled(store: &Store) -> Vec<Key> {
    let conn = rusqlite::Connection::open(store.path()).unwrap();
    conn.execute_batch("pragma foreign_keys = off").unwrap();
    let mut keys = Vec::new();
    let mut insert = conn.prepare("insert into daily_stats values (?1, ?2, ?3, ?4, ?5, ?6, 0, 1, 70000, ?5)").unwrap();
    conn.execute_batch("begin").unwrap();
    for advertiser in [1_i64, 2, 300] {
        for day in FIRST..=LAST {
            for campaign in CAMPAIGNS {
                for publisher in 0..(day + advertiser) % 40 {
                    let mix = (day * 7_919 + campaign * 104_729 + publisher * 1_299_709).rem_euclid(1 << 40);
                    let clicks = mix >> (mix % 40);
                    insert.execute((advertiser, day, campaign, publisher, clicks, mix * (mix % 3))).unwrap();
                    keys.push([advertiser, day, campaign, publisher]);
                }
            }
        }
    }
    conn.execute_batch("commit").unwrap();
    keys
}

fn all(snapshot: &Snapshot, mut scan: StatScan) -> Vec<ReportRow> {
    let mut rows = Vec::new();
    loop {
        let batch = scan.next(&snapshot.txn()).unwrap();
        if batch.is_empty() {
            break;
        }
        rows.extend_from_slice(batch);
    }
    assert!(scan.next(&snapshot.txn()).unwrap().is_empty(), "an end stays one");
    rows
}

#[test]
fn the_pages_say_what_a_statement_says() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let keys = filled(&store);
    let snapshot = store.snapshot().unwrap();
    assert!(shows_pages(&snapshot.txn()), "SQLite was built without sqlite_dbpage");
    for advertiser in [0, 1, 2, 3, 300, 301] {
        for days in [(FIRST, LAST), (0, i64::MAX), (19_010, 19_010), (19_028, 19_100), (19_030, 19_040), (1, 5)] {
            let whose = AdvertiserKey(advertiser);
            let told = all(&snapshot, snapshot.txn().stat_scan(whose, days.0, days.1));
            let wanted = |key: &&Key| key[0] == advertiser && days.0 <= key[1] && key[1] <= days.1;
            assert_eq!(told.len(), keys.iter().filter(wanted).count());
            let read = all(&snapshot, snapshot.stat_scan(whose, days.0, days.1).unwrap());
            assert!(read == told, "{advertiser} {days:?}");
        }
    }
}

#[test]
fn a_snapshot_reads_the_pages_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let count = |snapshot: &Snapshot| all(snapshot, snapshot.stat_scan(AdvertiserKey(1), 0, i64::MAX).unwrap()).len();
    let before = store.snapshot().unwrap();
    assert_eq!(count(&before), 0);
    filled(&store);
    assert_eq!(count(&before), 0);
    let after = store.snapshot().unwrap();
    assert!(count(&after) > 1000);
    drop((before, after));
    store.checkpoint().unwrap();
    assert!(count(&store.snapshot().unwrap()) > 1000);
}

#[test]
fn a_table_that_was_moved_is_found_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    filled(&store);
    let read = || {
        let snapshot = store.snapshot().unwrap();
        all(&snapshot, snapshot.stat_scan(AdvertiserKey(2), 0, i64::MAX).unwrap())
    };
    let before = read();
    let conn = rusqlite::Connection::open(store.path()).unwrap();
    conn.execute_batch("drop index imports_by_token; vacuum").unwrap();
    assert!(read() == before && before.len() > 1000);
}

#[test]
fn the_largest_figures_come_off_the_pages() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let conn = rusqlite::Connection::open(store.path()).unwrap();
    let row = "insert into daily_stats values (9, 84005, 1, 9223372036854775807, 1000000000000000,
        100000000000000000, 1000000000000000, 1000000000000000, 9223372036854775807, 9223372036854775807)";
    conn.execute_batch(&format!("pragma foreign_keys = off; {row}")).unwrap();
    let snapshot = store.snapshot().unwrap();
    let rows = all(&snapshot, snapshot.stat_scan(AdvertiserKey(9), 0, 84_005).unwrap());
    let cost = Micros::new(100_000_000_000_000_000).unwrap();
    let (campaign, publisher) = (CampaignKey(1), PublisherKey(i64::MAX));
    assert_eq!(rows, [ReportRow { day: 84_005, campaign, publisher, clicks: 1_000_000_000_000_000, cost }]);
}

#[test]
fn a_table_without_pages_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    rusqlite::Connection::open(store.path()).unwrap().execute_batch("drop table daily_stats").unwrap();
    let error = store.snapshot().unwrap().stat_scan(AdvertiserKey(1), 0, 1).err().unwrap();
    assert!(error.to_string().contains("the table has no pages"), "{error}");
}

/// Hand-made pages. The first has number 1 and is the root.
#[derive(Clone)]
struct Book(Vec<Vec<u8>>);

impl Pages for Book {
    fn read(&self, number: u32, into: &mut Vec<u8>) -> StoreResult<()> {
        let page = usize::try_from(number).ok().and_then(|number| self.0.get(number.checked_sub(1)?));
        into.extend_from_slice(page.ok_or_else(|| malformed("a page is missing"))?);
        Ok(())
    }
}

/// A cell with ten one-byte integers; in an interior page also with its child page.
fn cell(below: Option<u8>, [advertiser, day, campaign, publisher]: [u8; 4]) -> Vec<u8> {
    let mut cell = below.map_or_else(Vec::new, |below| vec![0, 0, 0, below]);
    cell.extend([21, 11, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    cell.extend([advertiser, day, campaign, publisher, 7, 9, 0, 0, 1, 1]);
    cell
}

fn page(right: Option<u8>, cells: &[Vec<u8>]) -> Vec<u8> {
    let mut page =
        vec![if right.is_some() { INTERIOR } else { LEAF }, 0, 0, 0, u8::try_from(cells.len()).unwrap(), 0, 0, 0];
    page.extend(right.iter().flat_map(|right| [0, 0, 0, *right]));
    let mut at = page.len() + 2 * cells.len();
    for cell in cells {
        page.extend(u16::try_from(at).unwrap().to_be_bytes());
        at += cell.len();
    }
    page.extend(cells.concat());
    page
}

/// Three advertisers with twelve cells each. The second's are on all three leaves and between them.
fn book() -> Book {
    let keys: Vec<[u8; 4]> =
        (1..4).flat_map(|advertiser| (0..12).map(move |n| [advertiser, 10 + n / 4, n % 4, 5])).collect();
    let leaf = |keys: &[[u8; 4]]| page(None, &keys.iter().map(|key| cell(None, *key)).collect::<Vec<_>>());
    let root = page(Some(4), &[cell(Some(2), keys[14]), cell(Some(3), keys[20])]);
    Book(vec![root, leaf(&keys[..14]), leaf(&keys[15..20]), leaf(&keys[21..])])
}

fn read(book: &Book, advertiser: i64, days: (i64, i64)) -> StoreResult<Vec<ReportRow>> {
    let mut walk = StatTree::at(1).walk(before(AdvertiserKey(advertiser), days.0), days.1);
    let mut rows = Vec::new();
    loop {
        let before = rows.len();
        walk.read(book, before + 3, &mut rows)?;
        if rows.len() == before {
            return Ok(rows);
        }
    }
}

/// The error for the second advertiser's cells after damaging the pages.
fn refused(damage: impl FnOnce(&mut Vec<Vec<u8>>)) -> String {
    let mut book = book();
    damage(&mut book.0);
    read(&book, 2, (0, 99)).unwrap_err().to_string()
}

#[test]
fn whole_pages_are_read_whole() {
    let book = book();
    for (days, rows) in [((0, 99), 12), ((10, 10), 4), ((11, 12), 8), ((13, 99), 0)] {
        for advertiser in [1, 2, 3] {
            assert_eq!(read(&book, advertiser, days).unwrap().len(), rows, "{advertiser} {days:?}");
        }
    }
    assert!(read(&book, 4, (0, 99)).unwrap().is_empty());
}

#[test]
fn each_kind_of_damage_is_refused_by_its_name() {
    let cases = [
        ("a page is none of this table", refused(|pages| pages[2][0] = 13)),
        ("a page is none of this table", refused(|pages| pages[1].clear())),
        ("a page is too short", refused(|pages| pages[1].truncate(4))),
        ("a page below the root is empty", refused(|pages| pages[2][4] = 0)),
        ("a page has no room for its cells", refused(|pages| pages[2].truncate(9))),
        ("a page has no room for its cells", refused(|pages| pages[2][8..10].fill(0xff))),
        ("a cell is no row of this table", refused(|pages| pages[2][18] = 0x81)),
        ("a page is missing", refused(|pages| pages.truncate(3))),
        ("a page points nowhere", refused(|pages| pages[0] = vec![INTERIOR, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
        ("the pages go too deep", refused(|pages| pages[0] = page(Some(1), &[cell(Some(1), [3, 0, 0, 0])]))),
        (
            "clicks",
            refused(|pages| {
                // The first leaf's last cell is the advertiser's: its clicks become negative.
                let clicks = pages[1].len() - 6;
                pages[1][clicks] = 0xff;
            }),
        ),
    ];
    for (wanted, got) in cases {
        assert!(got.contains(wanted), "{got:?} instead of {wanted:?}");
    }
}

#[test]
fn cells_out_of_order_are_refused_wherever_they_are() {
    let swapped = |at: usize, one: usize, other: usize| {
        move |pages: &mut Vec<Vec<u8>>| {
            let (one, other) = (8 + 2 * one, 8 + 2 * other);
            pages[at].swap(one, other);
            pages[at].swap(one + 1, other + 1);
        }
    };
    let pointed = |from: usize, to: u8| {
        move |pages: &mut Vec<Vec<u8>>| {
            // The child page's number of the first cell, of the second, or the rightmost one.
            let at = [16 + 3, 16 + 26 + 3, 11][from];
            pages[0][at] = to;
        }
    };
    let cases = [
        ("on the page it ends on", refused(swapped(3, 4, 5))),
        ("in the middle", refused(swapped(2, 1, 3))),
        ("before its first cell", refused(swapped(1, 0, 11))),
        ("behind its last cell", refused(swapped(3, 5, 14))),
        (
            "on the page above",
            refused(|pages| {
                pages[0].swap(12, 14);
                pages[0].swap(13, 15);
            }),
        ),
        ("a page is read instead of the one before", refused(pointed(2, 3))),
        ("a page is read instead of the one behind", refused(pointed(1, 4))),
        ("the first page is another", refused(pointed(0, 3))),
        ("the first page is the last", refused(pointed(0, 4))),
    ];
    for (what, got) in cases {
        assert!(got.contains("out of order"), "{what}: {got}");
    }
}

/// For every two cells of every page: the result is refused, or it is the whole report, for any days.
#[test]
fn swapped_cells_are_refused_where_they_could_matter() {
    let whole = book();
    let (mut same, mut refused) = (0, 0);
    for number in 0..4 {
        let first = if whole.0[number][0] == INTERIOR { 12 } else { 8 };
        let cells = usize::from(whole.0[number][4]);
        for (one, other) in (0..cells).flat_map(|one| (one + 1..cells).map(move |other| (one, other))) {
            let mut book = whole.clone();
            for byte in 0..2 {
                book.0[number].swap(first + 2 * one + byte, first + 2 * other + byte);
            }
            let questions = [1, 2, 3].into_iter().flat_map(|id| [(0, 99), (10, 10), (11, 11)].map(|days| (id, days)));
            for (advertiser, days) in questions {
                match read(&book, advertiser, days) {
                    Err(_) => refused += 1,
                    Ok(rows) => {
                        let wanted = read(&whole, advertiser, days).unwrap();
                        assert_eq!(rows, wanted, "page {number}: {one} and {other}; {advertiser} {days:?}");
                        same += 1;
                    }
                }
            }
        }
    }
    assert!(same > 100 && refused > 500, "{same} {refused}");
}

#[test]
fn a_cell_of_another_advertiser_is_never_returned() {
    let (mut strangers, mut refused) = (0, 0);
    let whole = book();
    for number in 1..4 {
        for place in 0..usize::from(whole.0[number][4]) {
            let mut book = whole.clone();
            let at = usize::from(book.0[number][8 + 2 * place + 1]) + 12;
            for advertiser in [1, 2, 3] {
                book.0[number][at] = advertiser;
                match read(&book, 2, (0, 99)) {
                    Ok(rows) => strangers += usize::from(rows.len() > 13),
                    Err(_) => refused += 1,
                }
            }
        }
    }
    assert!(strangers == 0 && refused > 30, "{strangers} {refused}");
}

/// For every bit of every page: the result is refused, or its cells are in order and lack at most the changed one. A changed
/// number of cells on a page, or a changed figure, can't be noticed.
#[test]
fn no_flipped_bit_makes_a_short_report_that_looks_whole() {
    let whole = book();
    let rows = read(&whole, 2, (0, 99)).unwrap();
    let (mut same, mut other, mut refused) = (0, 0, 0);
    for number in 0..whole.0.len() {
        for at in (0..whole.0[number].len()).filter(|at| ![3, 4].contains(at)) {
            for bit in 0..8 {
                let mut book = whole.clone();
                book.0[number][at] ^= 1 << bit;
                match read(&book, 2, (0, 99)) {
                    Err(_) => refused += 1,
                    Ok(found) if found == rows => same += 1,
                    Ok(found) => {
                        let key = |row: &ReportRow| (row.day, row.campaign, row.publisher);
                        assert!(found.is_sorted_by(|one, other| key(one) < key(other)));
                        assert!(found.len() + 1 >= rows.len(), "page {number}, byte {at}, bit {bit}: {}", found.len());
                        other += 1;
                    }
                }
            }
        }
    }
    assert!(same > 1000 && other > 100 && refused > 500, "{same} {other} {refused}");
}

#[test]
fn copied_pages_read_as_the_snapshot_does() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    filled(&store);
    let snapshot = store.snapshot().unwrap();
    let mut pages = StatPages::copy(&snapshot).unwrap().unwrap();
    let read = all(&snapshot, snapshot.stat_scan(AdvertiserKey(2), FIRST, LAST).unwrap());
    assert!(pages.scan(AdvertiserKey(2), FIRST, LAST).unwrap() == read);
    pages.bytes_mut().for_each(|page| page[0] = 0);
    assert!(pages.scan(AdvertiserKey(2), FIRST, LAST).is_err());
}
