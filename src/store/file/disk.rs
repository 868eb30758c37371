//! The disk of a database: free space, kind of file system, owner of the directory.

use std::io;
use std::path::Path;

use crate::store::{StoreError, StoreResult};

/// Whether a kind of file system is safe for a database that several processes open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilesystemKind {
    /// No known problem.
    Local,
    /// It may be a local disk or a network; with its name.
    Suspect(&'static str),
    /// Its locks and shared memory aren't reliable; with its name.
    Network(&'static str),
}

/// The kind of file system that holds `path`.
#[cfg(target_os = "linux")]
#[must_use]
pub fn filesystem_kind(path: &Path) -> FilesystemKind {
    rustix::fs::statfs(path).map_or(FilesystemKind::Local, |found| kind(i128::from(found.f_type)))
}

/// Not implemented on other systems.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn filesystem_kind(_: &Path) -> FilesystemKind {
    FilesystemKind::Local
}

/// Linux's numbers for file systems: `linux/magic.h`, and `statfs(2)`.
#[cfg(any(target_os = "linux", test))]
fn kind(magic: i128) -> FilesystemKind {
    match magic & 0xffff_ffff {
        0x6969 => FilesystemKind::Network("NFS"),
        0xff53_4d42 | 0xfe53_4d42 | 0x517b => FilesystemKind::Network("SMB"),
        0x5346_414f | 0x6b41_4653 => FilesystemKind::Network("AFS"),
        0x00c3_6400 => FilesystemKind::Network("Ceph"),
        0x7375_7245 => FilesystemKind::Network("Coda"),
        0x0bd0_0bd0 => FilesystemKind::Network("Lustre"),
        0x0102_1997 => FilesystemKind::Suspect("9p"),
        0x6573_5546 => FilesystemKind::Suspect("FUSE"),
        _ => FilesystemKind::Local,
    }
}

/// The device and inode of the file at this path. `None` if there is no file.
#[cfg(unix)]
pub(in crate::store) fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

/// Not implemented on other systems.
#[cfg(not(unix))]
pub(in crate::store) fn identity(_: &Path) -> Option<(u64, u64)> {
    None
}

/// Free bytes on the disk of `path`; `None` if the system doesn't say.
#[cfg(unix)]
#[must_use]
pub fn free(path: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(path).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Free bytes on the disk of `path`; `None` if the system doesn't say.
#[cfg(not(unix))]
#[must_use]
pub fn free(_: &Path) -> Option<u64> {
    None
}

/// Fails if fewer than `needed` bytes are free.
pub(in crate::store) fn ensure_free(path: &Path, needed: u64) -> StoreResult<()> {
    match free(path) {
        Some(free) if free < needed => Err(StoreError::DiskFull { path: path.to_owned(), room: Some((free, needed)) }),
        _ => Ok(()),
    }
}

/// The error for a directory or file; if permissions are missing, with its owner and the current user.
pub(in crate::store) fn refused(path: &Path, source: io::Error) -> StoreError {
    let hint = if source.kind() == io::ErrorKind::PermissionDenied { whose(path) } else { None };
    StoreError::Directory { path: path.to_owned(), reason: source, hint: hint.unwrap_or_default() }
}

#[cfg(unix)]
fn whose(path: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    // If it can't be inspected, a directory further up can be.
    let (at, owner) = path.ancestors().find_map(|at| Some((at, at.metadata().ok()?.uid())))?;
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = |uid: u32| {
        let uid = uid.to_string();
        let known = users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (fields.nth(1)? == uid).then(|| name.to_owned())
        });
        known.unwrap_or_else(|| format!("user {uid}"))
    };
    Some(whose_words(at, &name(owner), &name(rustix::process::geteuid().as_raw())))
}

#[cfg(unix)]
fn whose_words(at: &Path, owner: &str, asking: &str) -> String {
    let at = at.display();
    format!(". {at} belongs to {owner}, and pitlane runs as {asking}: run it as {owner}, or: chown -R {asking} {at}")
}

#[cfg(not(unix))]
fn whose(_: &Path) -> Option<String> {
    None
}

/// Flushes a directory's entries to the disk, so that a new name survives a power cut.
pub(in crate::store) fn sync_dir(dir: &Path) -> io::Result<()> {
    if cfg!(unix) { std::fs::File::open(dir)?.sync_all() } else { Ok(()) }
}

/// The directory of a file, also for a bare file name.
pub(in crate::store) fn dir_of(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_by_their_numbers() {
        assert_eq!(kind(0x6969), FilesystemKind::Network("NFS"));
        assert_eq!(kind(-11_317_950), FilesystemKind::Network("SMB"));
        assert_eq!(kind(0x6573_5546), FilesystemKind::Suspect("FUSE"));
        assert_eq!(kind(0xef53), FilesystemKind::Local);
    }

    #[test]
    #[cfg(unix)]
    fn missing_rights_are_told_with_owner_and_user() {
        let dir = tempfile::tempdir().unwrap();
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let message = refused(&dir.path().join("deep/down"), denied()).to_string();
        let told = format!("{} belongs to ", dir.path().display());
        assert!(message.contains(&told) && message.contains("pitlane runs as"), "{message}");
    }

    #[test]
    fn a_full_disk_is_told_with_both_figures() {
        let dir = tempfile::tempdir().unwrap();
        ensure_free(dir.path(), 1).unwrap();
        let message = ensure_free(dir.path(), u64::MAX).unwrap_err().to_string();
        assert!(message.contains("free"), "{message}");
    }
}
