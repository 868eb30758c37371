//! The seal at the end of a backup: when it was made, by which version, and a SHA-256 over everything before it.
//!
//! SQLite's own check finds damaged pages, but not a changed value. The seal is after the last page, where SQLite doesn't
//! look, so a backup is still one file that any SQLite can open. The hash covers the seal's text too, and the rest of the
//! seal is compared byte by byte, so any changed byte is noticed.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

use chrono::{DateTime, SecondsFormat, Utc};
use sha2::{Digest as _, Sha256};

/// The length of every seal.
const LENGTH: usize = 512;
const FIRST_LINE: &str = "pitlane backup seal 1\n";

/// The content of a backup's seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trailer {
    pub made_at: DateTime<Utc>,
    /// The version of the Pitlane that made it.
    pub made_by: String,
}

/// What is at the end of a file.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) enum Found {
    None,
    /// A seal that matches every byte before it.
    Whole(Trailer),
    /// A seal that doesn't match the bytes before it.
    Broken,
}

impl Trailer {
    pub(in crate::store) fn now() -> Self {
        let made_at = DateTime::from_timestamp_millis(Utc::now().timestamp_millis()).unwrap_or_default();
        Self { made_at, made_by: env!("CARGO_PKG_VERSION").to_owned() }
    }

    /// The text that is hashed with the body.
    fn message(&self) -> String {
        let made_at = self.made_at.to_rfc3339_opts(SecondsFormat::Millis, true);
        format!("{FIRST_LINE}made {made_at}\nby {}\nsha256 ", self.made_by)
    }

    /// The whole seal, for a body of `length` bytes.
    fn bytes(&self, file: &mut File, length: u64) -> io::Result<Vec<u8>> {
        let message = self.message();
        let mut hash = Sha256::new();
        file.rewind()?;
        let hashed = io::copy(&mut file.take(length), &mut Hash(&mut hash))?;
        if hashed != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        hash.update(&message);
        let mut bytes = message.into_bytes();
        for byte in hash.finalize() {
            write!(bytes, "{byte:02x}")?;
        }
        bytes.resize(LENGTH, b'\n');
        Ok(bytes)
    }

    /// Seals a file.
    pub(in crate::store) fn append(&self, file: &mut File) -> io::Result<()> {
        let length = file.seek(SeekFrom::End(0))?;
        let bytes = self.bytes(file, length)?;
        file.seek(SeekFrom::End(0))?;
        file.write_all(&bytes)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut lines = std::str::from_utf8(bytes).ok()?.strip_prefix(FIRST_LINE)?.lines();
        let made_at = DateTime::parse_from_rfc3339(lines.next()?.strip_prefix("made ")?).ok()?.to_utc();
        Some(Self { made_at, made_by: lines.next()?.strip_prefix("by ")?.to_owned() })
    }
}

/// Finds a seal and compares the file with it.
pub(in crate::store) fn find(file: &mut File) -> io::Result<Found> {
    let Some(length) = file.metadata()?.len().checked_sub(LENGTH as u64) else { return Ok(Found::None) };
    let mut bytes = [0; LENGTH];
    file.seek(SeekFrom::Start(length))?;
    file.read_exact(&mut bytes)?;
    if !bytes.starts_with(FIRST_LINE.as_bytes()) {
        return Ok(Found::None);
    }
    let Some(seal) = Trailer::read(&bytes) else { return Ok(Found::Broken) };
    Ok(if seal.bytes(file, length)? == bytes { Found::Whole(seal) } else { Found::Broken })
}

struct Hash<'h>(&'h mut Sha256);

impl io::Write for Hash<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_of_a_sealed_file_counts() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"the body").unwrap();
        assert_eq!(find(&mut file).unwrap(), Found::None);
        let seal = Trailer::now();
        seal.append(&mut file).unwrap();
        assert_eq!(find(&mut file).unwrap(), Found::Whole(seal));
        let mut whole = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut whole).unwrap();
        assert_eq!(whole.len(), 8 + LENGTH);
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut flipped = whole.clone();
                flipped[at] ^= 1 << bit;
                file.rewind().unwrap();
                file.write_all(&flipped).unwrap();
                assert!(!matches!(find(&mut file).unwrap(), Found::Whole(_)), "bit {bit} of byte {at}");
            }
        }
    }
}
