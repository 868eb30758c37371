//! Locks on a data directory. The system drops a lock with its process, so a kill leaves none behind.
//!
//! There are two lock files. `serve.lock` belongs to the only server and contains its address. `use.lock` is shared by
//! everything that has the database open, and exclusive for an upgrade or a restore.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::store::file::disk;
use crate::store::{StoreError, StoreResult};

/// How long an open waits for another process's first open, and an upgrade for short commands to end.
const PATIENCE: Duration = if cfg!(test) { Duration::from_millis(300) } else { Duration::from_secs(10) };
const PAUSE: Duration = Duration::from_millis(20);
/// How long a server waits for processes that check whether a server is running.
const LOOK: Duration = Duration::from_millis(100);

/// The right to be the only server of a data directory; ends when it is dropped.
#[derive(Debug)]
pub struct Owner {
    file: File,
}

impl Owner {
    const FILE: &'static str = "serve.lock";

    /// Locks the directory, which is created if it is missing. If a server is running, fails and names it.
    pub fn take(data_dir: &Path) -> StoreResult<Self> {
        crate::store::file::open::make_private_dir(data_dir).map_err(|source| disk::refused(data_dir, source))?;
        let path = data_dir.join(Self::FILE);
        let refused = |source| disk::refused(&path, source);
        let mut file = open(&path)?;
        // A process that checks whether a server is running holds the lock for a moment.
        match try_for(LOOK, || file.try_lock()) {
            Ok(()) => {}
            Err(TryLockError::Error(source)) => return Err(refused(source)),
            Err(TryLockError::WouldBlock) => {
                let mut message = String::new();
                file.read_to_string(&mut message).map_err(refused)?;
                let who = if message.is_empty() { "just starting".to_owned() } else { message.trim().to_owned() };
                return Err(StoreError::Served { path: data_dir.to_owned(), who });
            }
        }
        let mut owner = Self { file };
        owner.write(&format!("process {}", std::process::id()));
        Ok(owner)
    }

    /// Notes the server's local address and, if it has one, its public address, for other processes.
    pub fn announce(&mut self, address: &str, public_url: Option<&str>) {
        let known = public_url.map(|url| format!(", known as {url}")).unwrap_or_default();
        self.write(&format!("process {}, at {address}{known}", std::process::id()));
    }

    /// Whether a server once locked the directory and no longer does.
    pub fn is_gone(data_dir: &Path) -> StoreResult<bool> {
        let path = data_dir.join(Self::FILE);
        match File::open(&path) {
            Ok(file) => Ok(file.try_lock_shared().is_ok()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(disk::refused(&path, error)),
        }
    }

    /// The address by which people reach the running server, as it noted it; `None` if no server is running.
    #[must_use]
    pub fn noted(data_dir: &Path) -> Option<String> {
        let (address, public_url) = Self::addresses(data_dir).ok()??;
        Some(public_url.unwrap_or(address))
    }

    /// The public address of the running server; `None` if no server is running, or if it has none.
    #[must_use]
    pub fn public_url(data_dir: &Path) -> Option<String> {
        Self::addresses(data_dir).ok()??.1
    }

    /// The local address of the running server; `None` if none is running, or if it hasn't noted it yet.
    pub fn address(data_dir: &Path) -> StoreResult<Option<String>> {
        Ok(Self::addresses(data_dir)?.map(|(address, _)| address))
    }

    /// What the running server noted by [`Self::announce`].
    fn addresses(data_dir: &Path) -> StoreResult<Option<(String, Option<String>)>> {
        let path = data_dir.join(Self::FILE);
        let refused = |source| disk::refused(&path, source);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(refused(error)),
        };
        // A shared lock succeeds only if no server holds the exclusive one.
        match file.try_lock_shared() {
            Ok(()) => return Ok(None),
            Err(TryLockError::Error(source)) => return Err(refused(source)),
            Err(TryLockError::WouldBlock) => {}
        }
        let mut note = String::new();
        file.read_to_string(&mut note).map_err(refused)?;
        Ok(note.trim().split_once(", at ").map(|(_, said)| match said.split_once(", known as ") {
            Some((address, public_url)) => (address.to_owned(), Some(public_url.to_owned())),
            None => (said.to_owned(), None),
        }))
    }

    /// The lock is what counts. The text only helps, and a full disk must not keep a server from starting.
    fn write(&mut self, message: &str) {
        let file = &mut self.file;
        if let Err(error) = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{message}")) {
            tracing::warn!(%error, "others can't be told who serves this directory");
        }
    }
}

/// A shared or exclusive lock on the database.
#[derive(Debug)]
pub(in crate::store) struct Use {
    file: File,
    data_dir: PathBuf,
}

impl Use {
    const FILE: &'static str = "use.lock";

    /// Takes the shared lock. Waits for an upgrade or a restore to end.
    pub(in crate::store) fn share(data_dir: &Path) -> StoreResult<Self> {
        let used = Self { file: open(&data_dir.join(Self::FILE))?, data_dir: data_dir.to_owned() };
        used.wait(File::try_lock_shared)?;
        Ok(used)
    }

    /// Takes the exclusive lock. Waits for some time for the others to end.
    pub(in crate::store) fn alone(data_dir: &Path) -> StoreResult<Self> {
        let used = Self { file: open(&data_dir.join(Self::FILE))?, data_dir: data_dir.to_owned() };
        used.wait(File::try_lock)?;
        Ok(used)
    }

    /// Replaces the shared lock by the exclusive one, and back. Another process may take it in between.
    pub(in crate::store) fn alone_for<T>(&self, work: impl FnOnce() -> StoreResult<T>) -> StoreResult<T> {
        // Two processes that both upgrade a shared lock would wait for each other.
        self.file.unlock().map_err(|source| disk::refused(&self.data_dir, source))?;
        self.wait(File::try_lock)?;
        let done = work();
        self.wait(File::try_lock_shared)?;
        done
    }

    fn wait(&self, attempt: fn(&File) -> Result<(), TryLockError>) -> StoreResult<()> {
        try_for(PATIENCE, || attempt(&self.file)).map_err(|error| match error {
            TryLockError::Error(source) => disk::refused(&self.data_dir, source),
            TryLockError::WouldBlock => StoreError::InUse { path: self.data_dir.clone() },
        })
    }
}

/// Tries to lock until that succeeds, fails for good, or has taken this long.
pub(in crate::store) fn try_for(
    patience: Duration,
    attempt: impl Fn() -> Result<(), TryLockError>,
) -> Result<(), TryLockError> {
    let until = Instant::now() + patience;
    loop {
        match attempt() {
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(PAUSE),
            done => return done,
        }
    }
}

/// Opens a file that only its owner can read; creates it if it is missing.
pub(in crate::store) fn open(path: &Path) -> StoreResult<File> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.read(true).write(true).create(true).truncate(false).open(path).map_err(|source| disk::refused(path, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_is_refused_and_names_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = Owner::take(dir.path()).unwrap();
        first.announce("http://127.0.0.1:8080", None);
        let message = Owner::take(dir.path()).unwrap_err().to_string();
        assert!(message.contains(&format!("process {}, at http://127.0.0.1:8080", std::process::id())), "{message}");
        first.announce("http://127.0.0.1:8080", Some("https://costs.example"));
        assert_eq!(Owner::address(dir.path()).unwrap().as_deref(), Some("http://127.0.0.1:8080"));
        assert_eq!(Owner::public_url(dir.path()).as_deref(), Some("https://costs.example"));
        assert_eq!(Owner::noted(dir.path()).as_deref(), Some("https://costs.example"));
        drop(first);
        assert_eq!(Owner::address(dir.path()).unwrap(), None);
        Owner::take(dir.path()).unwrap();
    }

    #[test]
    fn being_alone_means_that_nobody_shares() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (Use::share(dir.path()).unwrap(), Use::share(dir.path()).unwrap());
        assert!(matches!(two.file.try_lock(), Err(TryLockError::WouldBlock)));
        drop(one);
        two.alone_for(|| {
            let third = open(&dir.path().join(Use::FILE)).unwrap();
            assert!(matches!(third.try_lock_shared(), Err(TryLockError::WouldBlock)));
            Ok(())
        })
        .unwrap();
        Use::share(dir.path()).unwrap();
    }

    #[test]
    fn what_must_be_done_alone_is_refused_while_others_have_the_database_open() {
        let dir = tempfile::tempdir().unwrap();
        let (one, _two) = (Use::share(dir.path()).unwrap(), Use::share(dir.path()).unwrap());
        let message = Use::alone(dir.path()).unwrap_err().to_string();
        assert!(message.contains("other Pitlane processes"), "{message}");
        assert!(matches!(one.alone_for(|| Ok(())), Err(StoreError::InUse { .. })));
    }
}
