//! The cells of an input in the order of the table: few in memory, many in a file, so that they can be read more than once.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use super::merge::Staged;
use crate::domain::{Count, Figures, Invalid, Micros};
use crate::store::{StatCell, StatKey};

/// How many cells are kept in memory: about 5 MB.
const HELD: usize = 64 * 1024;

#[derive(Debug)]
pub(super) enum Cells {
    Held(Vec<Staged>),
    Written(File),
}

/// Receives cells in order.
pub(super) struct CellsWriter {
    dir: PathBuf,
    held: Vec<Staged>,
    file: Option<BufWriter<File>>,
}

impl CellsWriter {
    /// Cells that don't fit into memory go to an unnamed file in `dir`.
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), held: Vec::new(), file: None }
    }

    pub(super) fn push(&mut self, staged: Staged) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            return file.write_all(&encode(&staged));
        }
        self.held.push(staged);
        if self.held.len() == HELD {
            let mut file = BufWriter::new(tempfile::tempfile_in(&self.dir)?);
            for staged in std::mem::take(&mut self.held) {
                file.write_all(&encode(&staged))?;
            }
            self.file = Some(file);
        }
        Ok(())
    }

    pub(super) fn finish(self) -> io::Result<Cells> {
        match self.file {
            Some(file) => file.into_inner().map(Cells::Written).map_err(io::IntoInnerError::into_error),
            None => Ok(Cells::Held(self.held)),
        }
    }
}

/// Reads the cells from the first on.
pub(super) enum CellsReader<'c> {
    Held(std::slice::Iter<'c, Staged>),
    Written(BufReader<&'c mut File>),
}

impl CellsReader<'_> {
    pub(super) fn next(&mut self) -> io::Result<Option<Staged>> {
        match self {
            Self::Held(cells) => Ok(cells.next().copied()),
            Self::Written(input) => {
                let mut bytes = [0; ENCODED];
                match input.read_exact(&mut bytes) {
                    Ok(()) => decode(&bytes).map(Some),
                    Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
                    Err(error) => Err(error),
                }
            }
        }
    }
}

impl Cells {
    /// Whether there are more than are kept in memory.
    pub(super) fn are_many(&self) -> bool {
        matches!(self, Self::Written(_))
    }

    /// Starts reading at the first cell.
    pub(super) fn reader(&mut self) -> io::Result<CellsReader<'_>> {
        match self {
            Self::Held(cells) => Ok(CellsReader::Held(cells.iter())),
            Self::Written(file) => {
                file.rewind()?;
                Ok(CellsReader::Written(BufReader::with_capacity(64 << 10, file)))
            }
        }
    }

    /// Writes all cells to `file`, to be opened again as [`Self::Written`], and flushes them to the disk: after a power cut,
    /// cells that are cut must not pass for all of them.
    pub(super) fn write_to(&mut self, file: File) -> io::Result<()> {
        let mut file = BufWriter::new(file);
        let mut cells = self.reader()?;
        while let Some(staged) = cells.next()? {
            file.write_all(&encode(&staged))?;
        }
        file.into_inner()?.sync_all()
    }
}

const ENCODED: usize = 9 * 8;

fn encode(staged: &Staged) -> [u8; ENCODED] {
    let StatKey { advertiser, day, campaign, publisher } = staged.cell.key;
    let Figures { clicks, cost, views, conversions } = staged.cell.figures;
    let numbers = [
        advertiser.get(),
        day,
        campaign.get(),
        publisher.get(),
        clicks.get(),
        cost.get(),
        views.get(),
        conversions.get(),
        staged.line.cast_signed(),
    ];
    let mut bytes = [0; ENCODED];
    for (at, number) in bytes.chunks_exact_mut(8).zip(numbers) {
        at.copy_from_slice(&number.to_le_bytes());
    }
    bytes
}

fn decode(bytes: &[u8; ENCODED]) -> io::Result<Staged> {
    let mut numbers = [0_i64; 9];
    for (number, at) in numbers.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *number = i64::from_le_bytes(*at);
    }
    let [advertiser, day, campaign, publisher, clicks, cost, views, conversions, line] = numbers;
    let torn = |error: Invalid| io::Error::new(ErrorKind::InvalidData, error);
    Ok(Staged {
        cell: StatCell {
            key: StatKey { advertiser: advertiser.into(), day, campaign: campaign.into(), publisher: publisher.into() },
            figures: Figures {
                clicks: Count::new("clicks", clicks).map_err(torn)?,
                cost: Micros::new(cost).map_err(torn)?,
                views: Count::new("views", views).map_err(torn)?,
                conversions: Count::new("conversions", conversions).map_err(torn)?,
            },
        },
        line: line.cast_unsigned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_read_again_as_they_were_put_in_memory_or_in_a_file() {
        let dir = tempfile::tempdir().unwrap();
        for count in [0, 3, HELD + 3] {
            let mut writer = CellsWriter::new(dir.path());
            let cell = |at: usize| {
                let at = i64::try_from(at).unwrap();
                let key = StatKey { advertiser: 1.into(), day: at, campaign: (1 << 60).into(), publisher: 2.into() };
                let figures = Figures { cost: Micros::new(at * 7).unwrap(), ..Figures::default() };
                Staged { cell: StatCell { key, figures }, line: at.unsigned_abs() }
            };
            (0..count).for_each(|at| writer.push(cell(at)).unwrap());
            let mut cells = writer.finish().unwrap();
            let path = dir.path().join("kept");
            cells.write_to(File::create(&path).unwrap()).unwrap();
            for cells in [&mut cells, &mut Cells::Written(File::open(&path).unwrap())] {
                for _ in 0..2 {
                    let mut reader = cells.reader().unwrap();
                    let mut read = 0;
                    while let Some(staged) = reader.next().unwrap() {
                        assert_eq!(staged, cell(read));
                        read += 1;
                    }
                    assert_eq!(read, count);
                }
            }
        }
    }
}
