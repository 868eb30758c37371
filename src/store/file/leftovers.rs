//! Incomplete copies of the database that a killed backup or restore left beside its target. A process that makes a copy
//! locks it, and the system drops the lock with the process.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::store::file::disk;
use crate::store::{Store, StoreResult};

const ENDING: &str = ".part";

/// The beginning of the names of copies for `target`.
pub(super) fn prefix(target: &Path) -> String {
    format!(".{}.", target.file_name().unwrap_or_default().to_string_lossy())
}

pub(super) fn suffix() -> &'static str {
    ENDING
}

/// Leftovers beside `target` with its name, or with one that differs only in digits, such as those of other nights.
pub(super) fn beside(target: &Path) -> StoreResult<Vec<PathBuf>> {
    let dir = disk::dir_of(target);
    let Ok(entries) = std::fs::read_dir(dir) else { return Ok(Vec::new()) };
    let wanted = target.file_name().unwrap_or_default().to_string_lossy();
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|source| disk::refused(dir, source))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let made_for = name.strip_prefix('.').and_then(|name| name.strip_suffix(ENDING)?.rsplit_once('.'));
        if made_for.is_some_and(|(made_for, _)| is_of_series(made_for, &wanted)) && is_dead(&path) {
            found.push(path);
        }
    }
    Ok(found)
}

/// Removes the leftovers beside `target`, and returns them.
pub(super) fn clear(target: &Path) -> StoreResult<Vec<PathBuf>> {
    let found = beside(target)?;
    for path in &found {
        std::fs::remove_file(path).map_err(|source| disk::refused(path, source))?;
        tracing::warn!(path = %path.display(), "removed what a killed backup or restore had left");
    }
    Ok(found)
}

impl Store {
    /// Incomplete copies of the database that a killed restore left in a data directory.
    pub fn leftovers(data_dir: &Path) -> StoreResult<Vec<PathBuf>> {
        beside(&data_dir.join(Self::FILE))
    }

    /// Removes and returns them.
    pub fn clear_leftovers(data_dir: &Path) -> StoreResult<Vec<PathBuf>> {
        clear(&data_dir.join(Self::FILE))
    }
}

fn is_of_series(one: &str, other: &str) -> bool {
    let same = |(one, other): (char, char)| one == other || (one.is_ascii_digit() && other.is_ascii_digit());
    one.chars().count() == other.chars().count() && one.chars().zip(other.chars()).all(same)
}

/// Whether no process is working on it. If that can't be known, the file is kept.
fn is_dead(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_copy_left_is_cleared_and_one_under_way_stays() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("pitlane-2026-11-27.db");
        let under_way =
            tempfile::Builder::new().prefix(&prefix(&target)).suffix(suffix()).tempfile_in(dir.path()).unwrap();
        under_way.as_file().lock().unwrap();
        let left = dir.path().join(".pitlane-2026-11-25.db.Ab12Cd.part");
        let others = [".notes.txt.abcdef.part", ".pitlane-2026-11-25.db.part", "pitlane-2026-11-25.db"];
        for name in others {
            std::fs::write(dir.path().join(name), "x").unwrap();
        }
        std::fs::write(&left, "half").unwrap();
        assert_eq!(clear(&target).unwrap(), std::slice::from_ref(&left));
        assert!(!left.exists() && under_way.path().exists());
        assert!(others.iter().all(|name| dir.path().join(name).exists()));
        assert_eq!(clear(&target).unwrap(), Vec::<PathBuf>::new());
    }
}
