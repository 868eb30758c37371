//! Sorts staged cells into the order of the table, in bounded memory.
//!
//! Cells are collected into runs. A full run is sorted and, if there will be several, written to an unnamed temporary file
//! by another thread while the next one is collected; reading merges the runs. So a file in any order is written as fast as
//! a sorted one, cells that are stated twice come one after the other, and a file of millions of lines needs no more memory
//! than two runs.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use crate::domain::{Count, ExactCost, Invalid};
use crate::store::StatKey;

/// Lines per run: about 12 MB.
const RUN: usize = 128 * 1024;

/// Bytes that are read and written at once.
const BUFFER: usize = 32 << 10;

/// What a line states about a cell, to be added to other lines of the same cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StagedLine {
    pub(super) key: StatKey,
    pub(super) clicks: Count,
    pub(super) cost: ExactCost,
    pub(super) views: Count,
    pub(super) conversions: Count,
    pub(super) line: u64,
}

impl StagedLine {
    fn order(&self) -> (StatKey, u64) {
        (self.key, self.line)
    }
}

/// Receives cells in any order.
pub(super) struct Sorter {
    /// Directory for runs that don't fit into memory.
    dir: PathBuf,
    run: Vec<StagedLine>,
    /// The run that is being written. Never more than one, so that memory stays bounded.
    spilling: Option<JoinHandle<io::Result<Spilled>>>,
    spilled: Vec<BufReader<File>>,
    run_cells: usize,
}

/// A written run, and its emptied memory.
struct Spilled(File, Vec<StagedLine>);

impl Sorter {
    pub(super) fn new(dir: &Path) -> Self {
        Self::with_run(dir, RUN)
    }

    fn with_run(dir: &Path, run_cells: usize) -> Self {
        Self { dir: dir.to_owned(), run: Vec::new(), spilling: None, spilled: Vec::new(), run_cells }
    }

    pub(super) fn push(&mut self, staged: StagedLine) -> io::Result<()> {
        if self.run.len() == self.run_cells {
            let free = self.finish_spill()?;
            let (run, dir) = (std::mem::replace(&mut self.run, free), self.dir.clone());
            self.spilling = Some(thread::Builder::new().name("sorter".to_owned()).spawn(move || spill(run, &dir))?);
        }
        self.run.push(staged);
        Ok(())
    }

    /// Waits for the run that is being written; returns its emptied memory.
    fn finish_spill(&mut self) -> io::Result<Vec<StagedLine>> {
        let Some(spilling) = self.spilling.take() else { return Ok(Vec::new()) };
        let Spilled(file, free) = spilling.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        self.spilled.push(BufReader::with_capacity(BUFFER, file));
        Ok(free)
    }

    /// All cells, by key and then by line.
    pub(super) fn sorted(mut self) -> io::Result<Sorted> {
        self.run.sort_unstable_by_key(StagedLine::order);
        drop(self.finish_spill()?);
        let mut runs: Vec<Run> = self.spilled.into_iter().map(Run::Spilled).collect();
        runs.push(Run::Held(self.run.into_iter()));
        let mut heads = BinaryHeap::with_capacity(runs.len());
        for (run, cells) in runs.iter_mut().enumerate() {
            heads.extend(cells.next()?.map(|staged| Reverse(Head { staged, run })));
        }
        let next = heads.pop().map(|Reverse(head)| head);
        Ok(Sorted { runs, next, heads })
    }
}

/// Sorts a run and writes it to an unnamed file.
fn spill(mut run: Vec<StagedLine>, dir: &Path) -> io::Result<Spilled> {
    run.sort_unstable_by_key(StagedLine::order);
    let mut file = BufWriter::with_capacity(BUFFER, tempfile::tempfile_in(dir)?);
    for staged in run.drain(..) {
        file.write_all(&encode(&staged))?;
    }
    let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok(Spilled(file, run))
}

enum Run {
    Spilled(BufReader<File>),
    Held(std::vec::IntoIter<StagedLine>),
}

impl Run {
    fn next(&mut self) -> io::Result<Option<StagedLine>> {
        match self {
            Self::Held(rest) => Ok(rest.next()),
            Self::Spilled(file) => {
                let mut bytes = [0; ENCODED];
                match file.read_exact(&mut bytes) {
                    Ok(()) => decode(&bytes).map(Some),
                    Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
                    Err(error) => Err(error),
                }
            }
        }
    }
}

/// The next cell of a run. Ordered by the cell alone; a line is in only one run, so no two are equal.
struct Head {
    staged: StagedLine,
    run: usize,
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.staged.order().cmp(&other.staged.order())
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}

/// Returns the cells in order.
pub(super) struct Sorted {
    runs: Vec<Run>,
    /// The first of all heads. It isn't in the heap, which so stays as it is while one run goes on.
    next: Option<Head>,
    heads: BinaryHeap<Reverse<Head>>,
}

impl Sorted {
    /// The next cell in order.
    pub(super) fn next(&mut self) -> io::Result<Option<StagedLine>> {
        let Some(Head { staged: found, run }) = self.next.take() else { return Ok(None) };
        self.next = match (self.runs[run].next()?, self.heads.peek_mut()) {
            (Some(staged), top) => {
                let mut head = Head { staged, run };
                if let Some(mut top) = top.filter(|top| top.0 < head) {
                    std::mem::swap(&mut top.0, &mut head);
                }
                Some(head)
            }
            (None, Some(top)) => Some(PeekMut::pop(top).0),
            (None, None) => None,
        };
        Ok(Some(found))
    }
}

const ENCODED: usize = 10 * 8;

fn encode(staged: &StagedLine) -> [u8; ENCODED] {
    let StatKey { advertiser, day, campaign, publisher } = staged.key;
    let (clicks, views, conversions) = (staged.clicks.get(), staged.views.get(), staged.conversions.get());
    let line = staged.line.cast_signed();
    let mut bytes = [0; ENCODED];
    let (numbers, cost) = bytes.split_at_mut(8 * 8);
    let all = [advertiser.get(), day, campaign.get(), publisher.get(), clicks, views, conversions, line];
    for (at, number) in numbers.chunks_exact_mut(8).zip(all) {
        at.copy_from_slice(&number.to_le_bytes());
    }
    cost.copy_from_slice(&staged.cost.to_bytes());
    bytes
}

fn decode(bytes: &[u8; ENCODED]) -> io::Result<StagedLine> {
    let mut numbers = [0_i64; 8];
    for (number, at) in numbers.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *number = i64::from_le_bytes(*at);
    }
    let cost = bytes.last_chunk().copied().map(ExactCost::from_bytes).unwrap_or_default();
    let [advertiser, day, campaign, publisher, clicks, views, conversions, line] = numbers;
    let torn = |error: Invalid| io::Error::new(ErrorKind::InvalidData, error);
    Ok(StagedLine {
        key: StatKey { advertiser: advertiser.into(), day, campaign: campaign.into(), publisher: publisher.into() },
        clicks: Count::new("clicks", clicks).map_err(torn)?,
        cost,
        views: Count::new("views", views).map_err(torn)?,
        conversions: Count::new("conversions", conversions).map_err(torn)?,
        line: line.cast_unsigned(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn staged(campaign: i64, line: u64) -> StagedLine {
        let key = StatKey { advertiser: 1.into(), day: 20_000, campaign: campaign.into(), publisher: 3.into() };
        let none = Count::default();
        let cost = ExactCost::parse(&format!("-{campaign}.0000000{line}")).unwrap();
        StagedLine { key, clicks: none, cost, views: none, conversions: none, line }
    }

    proptest! {
        #[test]
        fn cells_come_out_sorted_whatever_the_runs(campaigns in prop::collection::vec(1_i64..50, 0..200), run in 1_usize..20) {
            let mut sorter = Sorter::with_run(&std::env::temp_dir(), run);
            let mut expected = Vec::new();
            for (line, campaign) in (2..).zip(campaigns) {
                sorter.push(staged(campaign, line)).unwrap();
                expected.push(staged(campaign, line));
            }
            expected.sort_by_key(StagedLine::order);
            let mut sorted = sorter.sorted().unwrap();
            let mut found = Vec::new();
            while let Some(next) = sorted.next().unwrap() {
                found.push(next);
            }
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_run_that_cant_be_written_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::with_run(&dir.path().join("nowhere"), 2);
        (1..=3).for_each(|line| sorter.push(staged(1, line)).unwrap());
        assert_eq!(sorter.sorted().err().unwrap().kind(), ErrorKind::NotFound);
    }
}
