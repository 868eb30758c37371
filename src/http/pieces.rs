//! The bounded channel between the making of a report and its sending.
//!
//! A body that ends without being told so was cut off, by whatever cause: the receiver then fails, and the server aborts the
//! connection. So no failure, no panic and no lost patience can make a cut report look like a whole one.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::sync::mpsc as returns;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::service::{ServiceError, ServiceResult};

/// Chunks of about 64 KiB that may wait for a client.
const WAITING: usize = 4;
/// How long a client may take nothing. A slow one with large socket buffers looks like that for half a minute at a time.
const PATIENCE: Duration = Duration::from_mins(1);
/// How slowly a client may take a report on the whole, in bytes a second.
const SLOWEST: u64 = 32 * 1024;
/// Chunks from this size on are given back when they were sent.
const WORTH_RETURNING: usize = 32 * 1024;

enum Piece {
    Bytes(Bytes),
    End,
}

/// A channel for one body.
pub(super) fn channel() -> (Sender, Receiver) {
    let (pieces, receiver) = mpsc::channel(WAITING);
    let (returned, spares) = returns::sync_channel(WAITING);
    (
        Sender { pieces, spares, since: Instant::now(), sent: Cell::new(0) },
        Receiver { pieces: receiver, returned, sent: None, over: false },
    )
}

/// The end that makes the body.
pub(super) struct Sender {
    pieces: mpsc::Sender<Piece>,
    spares: returns::Receiver<Bytes>,
    since: Instant,
    /// Bytes that were taken, in buffers on the way included.
    sent: Cell<u64>,
}

impl Sender {
    /// Sends the next bytes, waiting while the client has enough to do. Fails once nobody wants them.
    pub(super) async fn send(&self, bytes: Bytes) -> ServiceResult<()> {
        self.sent.set(self.sent.get() + bytes.len() as u64);
        self.put(Piece::Bytes(bytes)).await
    }

    /// Says that the body is whole.
    pub(super) async fn end(self) -> ServiceResult<()> {
        self.put(Piece::End).await
    }

    /// Bytes that were sent, those that still wait included.
    pub(super) fn sent(&self) -> u64 {
        self.sent.get()
    }

    /// The memory of a chunk that was sent.
    pub(super) fn spare(&self) -> Option<Vec<u8>> {
        self.spares.try_recv().ok().map(Vec::from)
    }

    async fn put(&self, piece: Piece) -> ServiceResult<()> {
        let latest = self.since + PATIENCE + Duration::from_secs(self.sent.get() / SLOWEST);
        let patience = latest.saturating_duration_since(Instant::now()).min(PATIENCE);
        match timeout(patience, self.pieces.send(piece)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(left()),
            Err(_) => Err(ServiceError::Abandoned("the client took the report too slowly")),
        }
    }
}

fn left() -> ServiceError {
    ServiceError::Abandoned("the client left")
}

/// The end that is the body.
pub(super) struct Receiver {
    pieces: mpsc::Receiver<Piece>,
    returned: returns::SyncSender<Bytes>,
    /// What was handed out last; when the next is asked for, it was copied to where it goes.
    sent: Option<Bytes>,
    over: bool,
}

impl Stream for Receiver {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(sent) = self.sent.take().filter(|sent| sent.len() >= WORTH_RETURNING && sent.is_unique()) {
            // Where nobody takes it, it is freed.
            let _ = self.returned.try_send(sent);
        }
        if self.over {
            return Poll::Ready(None);
        }
        let piece = ready!(self.pieces.poll_recv(cx));
        Poll::Ready(match piece {
            Some(Piece::Bytes(bytes)) => {
                self.sent = Some(bytes.clone());
                Some(Ok(bytes))
            }
            Some(Piece::End) => {
                self.over = true;
                None
            }
            None => {
                self.over = true;
                Some(Err(io::Error::other("the report was cut off")))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::*;

    #[tokio::test]
    async fn a_body_without_its_end_fails() {
        let (sender, receiver) = channel();
        sender.send(Bytes::from_static(b"half")).await.unwrap();
        drop(sender);
        let pieces: Vec<_> = receiver.collect().await;
        assert!(matches!(&pieces[..], [Ok(half), Err(_)] if half == "half"), "{pieces:?}");
    }

    #[tokio::test]
    async fn a_whole_body_ends() {
        let (sender, receiver) = channel();
        sender.send(Bytes::from_static(b"whole")).await.unwrap();
        sender.end().await.unwrap();
        let pieces: Vec<_> = receiver.collect().await;
        assert!(matches!(&pieces[..], [Ok(whole)] if whole == "whole"), "{pieces:?}");
    }

    #[tokio::test]
    async fn the_memory_of_a_sent_chunk_comes_back() {
        let (sender, mut receiver) = channel();
        sender.send(vec![0; WORTH_RETURNING].into()).await.unwrap();
        sender.send(Bytes::from_static(b"next")).await.unwrap();
        drop(receiver.next().await);
        assert!(sender.spare().is_none());
        drop(receiver.next().await);
        assert!(sender.spare().is_some_and(|spare| spare.capacity() >= WORTH_RETURNING));
    }

    #[tokio::test]
    async fn a_client_that_left_is_noticed() {
        let (sender, receiver) = channel();
        drop(receiver);
        assert!(matches!(sender.send(Bytes::new()).await, Err(ServiceError::Abandoned(_))));
    }
}
