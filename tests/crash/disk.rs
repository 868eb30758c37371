//! A simulated power cut: reverts what was written but never flushed, as `tests/shim/shim.c` recorded it.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::common::rng::Rng;

struct Record {
    offset: u64,
    size: u64,
    bytes: Vec<u8>,
}

/// Reverts all unflushed writes of each file, or those from a random one on; returns how many. No process may be running.
pub(crate) fn cut_power(data_dir: &Path, undo: &Path, rng: &mut Rng) -> std::io::Result<usize> {
    let lost = take_back(data_dir, undo, rng)?;
    forget(undo)?;
    Ok(lost)
}

fn take_back(dir: &Path, undo: &Path, rng: &mut Rng) -> std::io::Result<usize> {
    let mut lost = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            lost += take_back(&entry.path(), undo, rng)?;
            continue;
        }
        let notes = undo.join(entry.metadata()?.ino().to_string());
        if !notes.exists() {
            continue;
        }
        let records = read(&notes)?;
        if records.is_empty() {
            continue;
        }
        // The disk may have stored some or all of them by itself, in order.
        let first = if rng.below(2) == 0 { 0 } else { rng.below(records.len() as u64 + 1) as usize };
        let mut file = File::options().write(true).open(entry.path())?;
        for record in records[first..].iter().rev() {
            file.seek(SeekFrom::Start(record.offset))?;
            file.write_all(&record.bytes)?;
            file.set_len(record.size)?;
            lost += 1;
        }
    }
    Ok(lost)
}

/// Deletes the record: everything counts as flushed.
pub(crate) fn forget(undo: &Path) -> std::io::Result<()> {
    std::fs::remove_dir_all(undo)?;
    std::fs::create_dir(undo)
}

fn read(notes: &Path) -> std::io::Result<Vec<Record>> {
    let mut bytes = Vec::new();
    File::open(notes)?.read_to_end(&mut bytes)?;
    let mut rest = bytes.as_slice();
    let mut records = Vec::new();
    // A kill may have cut the last entry; its write never began.
    while let Some((head, tail)) = rest.split_at_checked(24) {
        let number = |at: usize| u64::from_ne_bytes(head[at..at + 8].try_into().unwrap());
        let Some((bytes, tail)) = tail.split_at_checked(number(8) as usize) else { break };
        records.push(Record { offset: number(0), size: number(16), bytes: bytes.to_vec() });
        rest = tail;
    }
    Ok(records)
}
