//! An answer that is made completely before its first byte is sent: in memory while it is small, else in an unnamed file in
//! the data directory. So its length is known, and a slow client occupies neither memory nor a database connection.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write};

use bytes::Bytes;
use futures_util::{Stream, stream};
use tempfile::SpooledTempFile;

use crate::store::Store;
use crate::telemetry;

/// Answers up to this size stay in memory.
const IN_MEMORY: usize = 64 * 1024;
const CHUNK: usize = 64 * 1024;

/// An answer that is being made.
pub struct Spooled(SpooledTempFile);

impl Spooled {
    /// An empty body, which stays in memory while it is small.
    #[must_use]
    pub fn new(store: &Store) -> Self {
        Self(SpooledTempFile::new_in(IN_MEMORY, store.data_dir()))
    }

    /// Its length, and its bytes piece by piece.
    pub fn finish(self) -> io::Result<(u64, impl Stream<Item = io::Result<Bytes>>)> {
        let Self(mut file) = self;
        let length = file.stream_position()?;
        file.rewind()?;
        let chunks = stream::try_unfold(Source::of(file), |source| async move {
            let (bytes, source) = source.next().await?;
            Ok((!bytes.is_empty()).then_some((bytes, source)))
        });
        Ok((length, chunks))
    }
}

impl Write for Spooled {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

enum Source {
    Memory(Bytes),
    Disk(File),
}

impl Source {
    fn of(file: SpooledTempFile) -> Self {
        match file.into_inner() {
            tempfile::SpooledData::InMemory(cursor) => Self::Memory(cursor.into_inner().into()),
            tempfile::SpooledData::OnDisk(file) => Self::Disk(file),
        }
    }

    async fn next(self) -> io::Result<(Bytes, Self)> {
        match self {
            Self::Memory(bytes) => Ok((bytes, Self::Memory(Bytes::new()))),
            Self::Disk(mut file) => {
                let read = telemetry::blocking(move || {
                    let mut chunk = Vec::with_capacity(CHUNK);
                    (&mut file).take(CHUNK as u64).read_to_end(&mut chunk).map(|_| (Bytes::from(chunk), file))
                });
                read.await.map(|(bytes, file)| (bytes, Self::Disk(file)))
            }
        }
    }
}
