//! Unpacks files: a plain text, a text in `.gz` or `.zip`, or a workbook. Packed files are unpacked into an unnamed file
//! first, so that they can be read several times in bounded memory.

use std::fs::File;
use std::io::{self, Read, Seek as _, Write as _};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use serde::{Deserialize, Serialize};

use super::archive::{archive, zip_error};
use super::workbook::{Written, write_csv};
use super::{FileError, LineSet};
use crate::domain::Invalid;

/// How a file was packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Packing {
    /// A text as it is.
    Text,
    /// A text in `.gz` or `.zip`.
    PackedText,
    /// A workbook, packed or not.
    Workbook,
}

/// A file whose text can be read.
#[derive(Debug)]
pub struct Unpacked {
    /// The text, from its beginning; for a workbook one sheet as CSV, with a line per row.
    pub text: File,
    /// How it was packed.
    pub packing: Packing,
    /// The sheets of a workbook.
    pub sheets: Vec<String>,
    /// The sheet that is read.
    pub sheet: Option<String>,
    /// The sheet's hidden rows; they are read like all others.
    pub hidden_rows: LineSet,
    /// Whether the workbook counts days from 1904, so that a bare number may mean another day.
    pub from_1904: bool,
}

impl Unpacked {
    /// A text that isn't from a workbook.
    #[must_use]
    pub fn of_text(text: File, packing: Packing) -> Self {
        Self { text, packing, sheets: Vec::new(), sheet: None, hidden_rows: LineSet::default(), from_1904: false }
    }
}

/// A packed file may grow by this factor, or to [`UNPACKED_BYTES`].
const TIMES: u64 = 100;

/// A packed file may always grow to this size.
const UNPACKED_BYTES: u64 = 64 << 20;

/// Opens a file and unpacks it into a temporary file in `spool` if it is packed. `sheet` names the sheet of a workbook; by
/// default it is the first with a table.
pub fn unpack(mut file: File, sheet: Option<&str>, spool: &Path) -> Result<Unpacked, FileError> {
    let mut kind = kind(&mut file)?;
    let mut packing = Packing::Text;
    if matches!(kind, Kind::Gzip | Kind::Zip) {
        file = match kind {
            Kind::Gzip => gunzip(file, spool)?,
            _ => unzip(file, spool)?,
        };
        kind = self::kind(&mut file)?;
        packing = Packing::PackedText;
    }
    match kind {
        Kind::Text => {
            if let Some(sheet) = sheet {
                let words = format!("the file isn't a workbook, so it has no sheet {}", Invalid::echo(sheet));
                return Err(FileError::Refused(words));
            }
            Ok(Unpacked::of_text(file, packing))
        }
        Kind::Workbook => {
            let mut text = tempfile::tempfile_in(spool)?;
            let Written { sheets, sheet, hidden_rows, from_1904 } = write_csv(file, sheet, &mut text)?;
            text.rewind()?;
            Ok(Unpacked { text, packing: Packing::Workbook, sheets, sheet: Some(sheet), hidden_rows, from_1904 })
        }
        Kind::Gzip | Kind::Zip => Err(FileError::Refused("the file is packed twice: unpack it first".to_owned())),
    }
}

enum Kind {
    Text,
    Gzip,
    Zip,
    Workbook,
}

fn kind(file: &mut File) -> Result<Kind, FileError> {
    let mut head = Vec::with_capacity(4);
    Read::by_ref(file).take(4).read_to_end(&mut head)?;
    file.rewind()?;
    match head.as_slice() {
        [0x1F, 0x8B, ..] => Ok(Kind::Gzip),
        // An archive without any entry has no header of an entry, only the end of its directory.
        [b'P', b'K', 5, 6] => Ok(Kind::Zip),
        [b'P', b'K', 3, 4] => {
            let is_workbook =
                archive(&mut *file)?.file_names().any(|name| name.is_ok_and(|name| name == "xl/workbook.xml"));
            file.rewind()?;
            Ok(if is_workbook { Kind::Workbook } else { Kind::Zip })
        }
        _ => Ok(Kind::Text),
    }
}

fn gunzip(file: File, spool: &Path) -> Result<File, FileError> {
    let packed = file.metadata()?.len();
    copied(MultiGzDecoder::new(io::BufReader::new(file)), packed, spool, || "the packed file is empty".to_owned())
}

fn unzip(file: File, spool: &Path) -> Result<File, FileError> {
    let packed = file.metadata()?.len();
    let mut archive = archive(file)?;
    // Files that macOS adds to an archive aren't the user's.
    let is_file = |name: &str| {
        !name.ends_with('/')
            && !name.starts_with("__MACOSX/")
            && !name.rsplit('/').next().is_some_and(|name| name.starts_with('.'))
    };
    let mut names: Vec<String> =
        archive.file_names().filter_map(Result::ok).filter(|name| is_file(name)).map(Into::into).collect();
    names.sort();
    let [name] = names.as_slice() else {
        let listed = names.iter().take(5).map(|name| Invalid::echo(name)).collect::<Vec<_>>().join(", ");
        let words = match names.len() {
            0 => "the ZIP archive contains no file".to_owned(),
            count => format!("the ZIP archive contains {count} files, expected one: {listed}"),
        };
        return Err(FileError::Refused(words));
    };
    let is_empty = || format!("the file {} in the ZIP archive is empty", Invalid::echo(name));
    copied(archive.by_name(name).map_err(zip_error)?, packed, spool, is_empty)
}

/// Unpacks into a temporary file, positioned at its beginning. `is_empty` is the message if there is nothing to unpack.
fn copied(input: impl Read, packed: u64, spool: &Path, is_empty: impl FnOnce() -> String) -> Result<File, FileError> {
    let most = packed.saturating_mul(TIMES).max(UNPACKED_BYTES);
    let mut file = tempfile::tempfile_in(spool)?;
    let mut input = input.take(most + 1);
    let mut chunk = vec![0; 64 << 10];
    let mut copied = 0;
    loop {
        let read = match input.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(FileError::Refused(format!("the packed file is damaged: {error}"))),
        };
        file.write_all(&chunk[..read])?;
        copied += read as u64;
    }
    if copied == 0 {
        return Err(FileError::Refused(is_empty()));
    }
    if copied > most {
        let words =
            format!("the file unpacks to more than {} MiB, expected at most that: send it unpacked", most >> 20);
        return Err(FileError::Refused(words));
    }
    file.rewind()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::workbook::tests::zipped;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        file
    }

    fn text(bytes: &[u8]) -> Result<(String, Packing), String> {
        let unpacked = unpack(file(bytes), None, &std::env::temp_dir()).map_err(|error| error.to_string())?;
        let mut text = String::new();
        { unpacked.text }.read_to_string(&mut text).unwrap();
        Ok((text, unpacked.packing))
    }

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_text_is_the_same_packed_or_not() {
        let csv = "Day,Cost\n2023-08-01,1\n";
        assert_eq!(text(csv.as_bytes()), Ok((csv.to_owned(), Packing::Text)));
        for packed in [
            gzipped(csv.as_bytes()),
            [gzipped(b"Day,Cost\n"), gzipped(b"2023-08-01,1\n")].concat(),
            zipped(&[("a/report.csv", csv.as_bytes())]),
            zipped(&[
                ("a/", b""),
                ("report.csv", csv.as_bytes()),
                ("__MACOSX/._report.csv", b"x"),
                (".DS_Store", b"x"),
            ]),
        ] {
            assert_eq!(text(&packed), Ok((csv.to_owned(), Packing::PackedText)));
        }
    }

    #[test]
    fn what_unpacks_to_no_one_text_is_refused_in_words() {
        let bomb = gzipped(&vec![b'a'; 65 << 20]);
        for (bytes, words) in [
            (zipped(&[("a.csv", b"1"), ("b.csv", b"2")]), "contains 2 files, expected one: \"a.csv\", \"b.csv\""),
            (zipped(&[("a/", b"")]), "the ZIP archive contains no file"),
            (zipped(&[]), "the ZIP archive contains no file"),
            (zipped(&[("a/report.csv", b"")]), "the file \"a/report.csv\" in the ZIP archive is empty"),
            (gzipped(b""), "the packed file is empty"),
            (gzipped(&gzipped(b"a")), "packed twice"),
            (gzipped(b"Day,Cost")[..12].to_vec(), "the packed file is damaged"),
            (b"PK\x03\x04....".to_vec(), "the ZIP archive can't be read"),
            (bomb, "unpacks to more than 64 MiB"),
        ] {
            let error = text(&bytes).unwrap_err();
            assert!(error.contains(words), "{error} for {words}");
        }
        let error = unpack(file(b"a"), Some("Sheet1"), &std::env::temp_dir()).unwrap_err().to_string();
        assert_eq!(error, "the file isn't a workbook, so it has no sheet \"Sheet1\"");
    }
}
