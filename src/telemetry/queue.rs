//! Log records of a server on their way to stderr: a thread writes them, so that a reader who stops reading stops only the log.
//! Records that find the queue full are dropped, and counted in a record of their own as soon as there is room.

use std::io::{self, Write, stderr};
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

/// How many bytes of records wait at most.
const LIMIT: usize = 256 << 10;

/// How long the end of the program waits for the records that are still in the queue.
const PATIENCE: Duration = Duration::from_secs(1);

static QUEUE: LazyLock<Queue> = LazyLock::new(Queue::default);

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    /// Whole records, one after the other.
    records: Vec<u8>,
    dropped: u64,
    is_writing: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes records for ever.
    fn write(&self) {
        loop {
            let mut waiting = self.lock();
            waiting.is_writing = false;
            self.changed.notify_all();
            let idle = |waiting: &mut Waiting| waiting.records.is_empty() && waiting.dropped == 0;
            let mut waiting = self.changed.wait_while(waiting, idle).unwrap_or_else(PoisonError::into_inner);
            waiting.is_writing = true;
            let records = std::mem::take(&mut waiting.records);
            let dropped = std::mem::take(&mut waiting.dropped);
            drop(waiting);
            // If nobody can read the log any more, nobody can be told.
            let _ = stderr().write_all(&records);
            if dropped > 0 {
                tracing::warn!(dropped, "log records were dropped, because the log's reader was too slow");
            }
        }
    }
}

/// Writes what is still in the queue when it is dropped, unless nobody reads it.
#[derive(Debug)]
pub struct Flush(());

impl Drop for Flush {
    fn drop(&mut self) {
        let busy = |waiting: &mut Waiting| waiting.is_writing || !waiting.records.is_empty() || waiting.dropped > 0;
        drop(QUEUE.changed.wait_timeout_while(QUEUE.lock(), PATIENCE, busy));
    }
}

/// Starts the thread that writes.
pub(super) fn start() -> io::Result<Flush> {
    std::thread::Builder::new().name("log".to_owned()).spawn(|| QUEUE.write())?;
    Ok(Flush(()))
}

/// Makes a writer for each record.
pub(super) struct Queued;

/// A record that goes into the queue.
pub(super) struct Record {
    /// How many bytes may wait together with it.
    limit: usize,
}

impl<'a> MakeWriter<'a> for Queued {
    type Writer = Record;

    fn make_writer(&'a self) -> Record {
        Record { limit: LIMIT }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Record {
        // How many were dropped is said even if the queue is full again.
        Record { limit: if meta.target() == module_path!() { usize::MAX } else { LIMIT } }
    }
}

impl Write for Record {
    /// Takes a whole record: the layer writes each in one piece.
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        let mut waiting = QUEUE.lock();
        if waiting.records.len().saturating_add(record.len()) <= self.limit {
            waiting.records.extend_from_slice(record);
        } else {
            waiting.dropped += 1;
        }
        QUEUE.changed.notify_all();
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
