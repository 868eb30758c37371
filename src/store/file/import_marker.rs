//! Marker files of running imports. An import locks its file, and the system drops the lock with the process. So an unlocked
//! file means that an import was cut off.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::domain::ImportId;
use crate::store::file::disk;
use crate::store::file::lock;
use crate::store::file::open;
use crate::store::{Store, StoreResult};

/// How many bytes of a file are read; the text is short.
const WORDS: u64 = 4096;

/// Marks an import as running until it is dropped.
#[derive(Debug)]
pub struct ImportMarker {
    path: PathBuf,
    _locked: File,
}

impl Drop for ImportMarker {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the mark of a finished import stays");
        }
    }
}

/// An import that was cut off.
#[derive(Debug)]
pub struct InterruptedImport {
    pub id: ImportId,
    /// Its description from when it began.
    pub message: String,
    /// Its file, which is removed once the import was reported. It stays locked, so that no other process reports it too.
    path: PathBuf,
    _locked: File,
}

impl Store {
    /// The directory inside a data directory for the markers of running imports.
    const RUNNING: &'static str = "imports";

    fn running_dir(&self) -> PathBuf {
        disk::dir_of(self.path()).join(Self::RUNNING)
    }

    /// Marks an import as running; `words` describe it on one line.
    pub fn import_running(&self, id: ImportId, message: &str) -> StoreResult<ImportMarker> {
        let dir = self.running_dir();
        open::make_private_dir(&dir).map_err(|source| disk::refused(&dir, source))?;
        let (made, path) = (dir.join(format!("{id}.new")), dir.join(format!("{id}.running")));
        let mut file = lock::open(&made)?;
        // Only a locked file gets the name that others look for.
        let ready = file.lock().and_then(|()| writeln!(file, "{message}")).and_then(|()| std::fs::rename(&made, &path));
        ready.map_err(|source| disk::refused(&path, source))?;
        Ok(ImportMarker { path, _locked: file })
    }

    /// The imports whose process was killed.
    pub fn imports_cut_off(&self) -> StoreResult<Vec<InterruptedImport>> {
        let dir = self.running_dir();
        let Ok(entries) = std::fs::read_dir(&dir) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(|source| disk::refused(&dir, source))?.path();
            let id = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
            let is_mark = path.extension().is_some_and(|ending| ending == "running");
            if let Some(id) = id.filter(|_| is_mark)
                && let Some((message, locked)) = dead(&path)?
            {
                found.push(InterruptedImport { id, message, path, _locked: locked });
            }
        }
        Ok(found)
    }

    /// Removes the marker of an import that was cut off.
    pub fn import_forget(&self, cut_off: &InterruptedImport) -> StoreResult<()> {
        std::fs::remove_file(&cut_off.path).map_err(|source| disk::refused(&cut_off.path, source))
    }
}

/// The file's text, if no process has it locked. It may be gone by now: then the import is done.
fn dead(path: &Path) -> StoreResult<Option<(String, File)>> {
    let Ok(file) = File::options().read(true).write(true).open(path) else { return Ok(None) };
    match file.try_lock() {
        // Between opening and locking, another process may have locked, reported and removed it.
        Ok(()) if !path.exists() => Ok(None),
        Ok(()) => {
            let mut bytes = Vec::new();
            (&file).take(WORDS).read_to_end(&mut bytes).map_err(|source| disk::refused(path, source))?;
            Ok(Some((String::from_utf8_lossy(&bytes).trim().to_owned(), file)))
        }
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(disk::refused(path, source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_import_that_was_cut_off_is_found_by_one_of_many() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let marks = store.running_dir();
        open::make_private_dir(&marks).unwrap();
        for _ in 0..300 {
            let id = uuid::Uuid::new_v4();
            std::fs::write(marks.join(format!("{id}.running")), "august.csv").unwrap();
        }
        let look = || {
            let found = store.imports_cut_off().unwrap();
            for cut_off in &found {
                store.import_forget(cut_off).unwrap();
            }
            found.len()
        };
        let found: usize = std::thread::scope(|scope| {
            let all: Vec<_> = (0..4).map(|_| scope.spawn(look)).collect();
            all.into_iter().map(|one| one.join().unwrap()).sum()
        });
        assert_eq!((found, store.imports_cut_off().unwrap().len()), (300, 0));
    }
}
