//! Who waits for Argon2 with whom. Each lane has its own turns and its own queue of limited length; if that is full, the
//! client is asked at once to come back later.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::domain::client_network;

/// The length of a queue: in all, and per network. A check takes about 15 ms.
#[derive(Debug, Clone, Copy)]
struct Length {
    all: usize,
    from_one: usize,
}

/// A lane in front of Argon2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Token secrets with the right check bits, which a stranger can't guess.
    Tokens,
    /// People in browsers that they have logged in with before.
    KnownPeople,
    /// Everybody else.
    Strangers(IpAddr),
}

/// The lanes of one process.
pub(super) struct Lanes {
    tokens: Line,
    known: Line,
    strangers: Line,
}

pub(super) struct Turn<'l> {
    _permit: Option<SemaphorePermit<'l>>,
    _place: Place<'l>,
}

impl Lanes {
    /// Strangers never hash on more than half the cores, so that the other half can go on answering.
    pub(super) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let half = (cores / 2).max(1);
        Self {
            // A first connect may use many tokens from one address.
            tokens: Line::new(half, Length { all: 512, from_one: 512 }),
            known: Line::new(half, Length { all: 64, from_one: 64 }),
            strangers: Line::new(half, Length { all: 64, from_one: 8 }),
        }
    }

    /// Waits for a turn; `None` if the queue is full.
    pub(super) async fn turn(&self, lane: Lane) -> Option<Turn<'_>> {
        let (queue, from) = match lane {
            Lane::Tokens => (&self.tokens, None),
            Lane::KnownPeople => (&self.known, None),
            Lane::Strangers(address) => (&self.strangers, Some(client_network(address))),
        };
        let place = queue.enter(from)?;
        // The semaphore is never closed.
        let permit = queue.turns.acquire().await.ok();
        Some(Turn { _permit: permit, _place: place })
    }
}

struct Line {
    turns: Semaphore,
    waiting: Mutex<HashMap<Option<IpAddr>, usize>>,
    length: Length,
}

/// A place in a queue; those whose turn it is count too.
struct Place<'l> {
    line: &'l Line,
    from: Option<IpAddr>,
}

impl Line {
    fn new(turns: usize, length: Length) -> Self {
        Self { turns: Semaphore::new(turns), waiting: Mutex::default(), length }
    }

    fn enter(&self, from: Option<IpAddr>) -> Option<Place<'_>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let own = waiting.get(&from).copied().unwrap_or_default();
        if own >= self.length.from_one || waiting.values().sum::<usize>() >= self.length.all {
            return None;
        }
        waiting.insert(from, own + 1);
        Some(Place { line: self, from })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut waiting = self.line.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = waiting.get_mut(&self.from) {
            *own -= 1;
            if *own == 0 {
                waiting.remove(&self.from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_fills_only_its_share_of_the_strangers_queue() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let lanes = Lanes::new();
            let stranger = |last: u8| Lane::Strangers([198, 51, 100, last].into());
            let mut held = Vec::new();
            while let Some(place) = lanes.strangers.enter(Some([198, 51, 100, 1].into())) {
                held.push(place);
            }
            assert_eq!(held.len(), 8);
            assert!(lanes.turn(stranger(1)).await.is_none());
            drop(lanes.turn(stranger(2)).await.unwrap());
            for last in 2..=8 {
                held.extend(std::iter::from_fn(|| lanes.strangers.enter(Some([198, 51, 100, last].into()))));
            }
            assert!(lanes.turn(stranger(9)).await.is_none(), "the line is full");
            drop(lanes.turn(Lane::KnownPeople).await.unwrap());
            drop(lanes.turn(Lane::Tokens).await.unwrap());
            held.clear();
            drop(lanes.turn(stranger(1)).await.unwrap());
            assert!(lanes.strangers.waiting.lock().unwrap().is_empty());
        });
    }
}
