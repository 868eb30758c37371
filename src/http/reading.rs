//! What a long report's body needs to continue: a turn and a snapshot.

use std::pin::Pin;

use super::turns::{Claim, Turn, Turns};
use crate::store::{Lane, Snapshot, Store, StoreResult};
use crate::telemetry;

/// A turn, or the means to get one.
pub(super) struct Reading {
    pub(super) store: Store,
    pub(super) turns: Turns,
    pub(super) claim: Claim,
    /// The current turn; the report has a snapshot with it.
    pub(super) turn: Option<Turn>,
}

/// The wait for both.
pub(super) type Waiting = Pin<Box<dyn Future<Output = StoreResult<(Turn, Snapshot)>>>>;

impl Reading {
    /// Waits for the next turn and a snapshot of that time.
    pub(super) fn wait(&self) -> Waiting {
        let (store, turns, claim) = (self.store.clone(), self.turns.clone(), self.claim);
        Box::pin(async move {
            let turn = turns.take(claim).await;
            if let Some(snapshot) = store.snapshot_now(Lane::Long)? {
                return Ok((turn, snapshot));
            }
            let snapshot = telemetry::blocking(move || store.snapshot_in(Lane::Long)).await?;
            Ok((turn, snapshot))
        })
    }
}
