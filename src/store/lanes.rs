//! There are few reading connections. Each kind of work has its own share of them, so that none takes those of others.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::store::{StoreError, StoreResult};

/// A kind of work that reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Work of milliseconds that must always be possible: polls, health, log-in.
    Short,
    Page,
    /// Work that reads a large part of the database: long reports, totals, downloads.
    Long,
}

impl Lane {
    /// How many connections it has.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::Short => 8,
            Self::Page | Self::Long => 4,
        }
    }

    /// How many connections all lanes have together.
    pub(in crate::store) const ALL: u32 = 16;
}

/// The places of all lanes.
#[derive(Default)]
pub(in crate::store) struct Lanes {
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    /// Places in use, by lane.
    taken: [usize; 3],
    /// Threads that wait for a place. Notifying without need costs a system call, which a poll need not pay.
    waiting: usize,
}

/// The right to use one connection, until it is dropped.
pub(in crate::store) struct Place {
    lanes: Arc<Lanes>,
    lane: Lane,
}

impl Lanes {
    /// Waits for a place; an error if none becomes free in this time.
    pub(in crate::store) fn take(self: &Arc<Self>, lane: Lane, wait: Duration) -> StoreResult<Place> {
        let until = Instant::now() + wait;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(count) = state.taken.get_mut(lane as usize).filter(|count| **count < lane.size()) {
                *count += 1;
                return Ok(Place { lanes: Arc::clone(self), lane });
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(StoreError::Busy { doing: "wait for a connection" });
            }
            state.waiting += 1;
            state = self.freed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            state.waiting -= 1;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.lanes.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = state.taken.get_mut(self.lane as usize) {
            *count -= 1;
        }
        let is_awaited = state.waiting > 0;
        drop(state);
        if is_awaited {
            self.lanes.freed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_lane_leaves_the_others_alone() {
        let lanes = Arc::new(Lanes::default());
        let none = Duration::ZERO;
        let held: Vec<_> = (0..Lane::Long.size()).map(|_| lanes.take(Lane::Long, none).unwrap()).collect();
        assert!(matches!(lanes.take(Lane::Long, none), Err(StoreError::Busy { .. })));
        let others: Vec<_> = [Lane::Short, Lane::Page].into_iter().flat_map(|lane| vec![lane; lane.size()]).collect();
        let others: Vec<_> = others.into_iter().map(|lane| lanes.take(lane, none).unwrap()).collect();
        assert_eq!(held.len() + others.len(), Lane::ALL as usize);
        drop(held);
        assert!(lanes.take(Lane::Long, none).is_ok());
    }

    #[test]
    fn who_waits_gets_the_next_free_place() {
        let lanes = Arc::new(Lanes::default());
        let mut held: Vec<_> =
            (0..Lane::Page.size()).map(|_| lanes.take(Lane::Page, Duration::ZERO).unwrap()).collect();
        let waiting = Arc::clone(&lanes);
        let waiter = std::thread::spawn(move || waiting.take(Lane::Page, Duration::from_mins(1)).is_ok());
        held.pop();
        assert!(waiter.join().unwrap());
    }
}
