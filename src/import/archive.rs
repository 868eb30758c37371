//! ZIP archives: what workbooks are, and what other files come in.

use std::io::{self, Read, Seek};

use zip::ZipArchive;
use zip::result::ZipError;

use super::FileError;

/// The archive, or that it is damaged.
pub(super) fn archive<R: Read + Seek>(file: R) -> Result<ZipArchive<R>, FileError> {
    ZipArchive::new(file).map_err(zip_error)
}

pub(super) fn zip_error(error: ZipError) -> FileError {
    match error {
        ZipError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => error.into(),
        error => FileError::Refused(format!("the ZIP archive can't be read: {error}")),
    }
}
