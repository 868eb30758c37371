//! A request body while it arrives: limits on pauses, on the whole time, and on the speed.

use std::time::{Duration, Instant};

use actix_web::error::PayloadError;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

use super::error::{ClientError, ErrorKind};

/// How long a body may pause, and how long all of it may take.
const PAUSE: Duration = Duration::from_secs(15);
const WHOLE: Duration = Duration::from_mins(10);

/// The slowest average speed, in bytes a second, checked once this time has passed.
const SLOWEST: u64 = 8 * 1024;
const GRACE: Duration = Duration::from_secs(30);

pub(super) struct Incoming<P> {
    payload: P,
    since: Instant,
    /// Bytes received.
    length: u64,
}

impl<P: Stream<Item = Result<Bytes, PayloadError>> + Unpin> Incoming<P> {
    /// A body whose time starts now.
    pub(super) fn new(payload: P) -> Self {
        Self { payload, since: Instant::now(), length: 0 }
    }

    /// The next bytes; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        let next = tokio::time::timeout(PAUSE, self.payload.next()).await.map_err(|_| too_slow())?;
        let Some(chunk) = next else { return Ok(None) };
        let chunk = chunk.map_err(|_| ClientError::new(ErrorKind::ValidationError, "The body broke off."))?;
        self.length += chunk.len() as u64;
        if !is_fast_enough(self.length, self.since.elapsed()) {
            return Err(too_slow());
        }
        Ok(Some(chunk))
    }
}

/// Whether this many bytes in this time are fast enough.
fn is_fast_enough(length: u64, took: Duration) -> bool {
    took <= GRACE || (took <= WHOLE && length >= SLOWEST * took.as_secs())
}

fn too_slow() -> ClientError {
    let message = format!(
        "The body came too slowly: nothing for {} s, under {} KB a second, or not all within {} minutes.",
        PAUSE.as_secs(),
        SLOWEST / 1024,
        WHOLE.as_secs() / 60
    );
    ClientError::new(ErrorKind::RequestTimeout, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_must_arrive_fast_enough() {
        let secs = Duration::from_secs;
        assert!(is_fast_enough(1, secs(30)));
        assert!(!is_fast_enough(31 * SLOWEST - 1, secs(31)) && is_fast_enough(31 * SLOWEST, secs(31)));
        assert!(is_fast_enough(1 << 40, secs(600)) && !is_fast_enough(1 << 40, secs(601)));
    }
}
