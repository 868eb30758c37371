//! What was found in one state of the database, remembered for as long as a connection sees that same state.
//!
//! The state is asked for in the request's own transaction, so nothing here outlives a change by anybody, in this process or
//! another. What depends on the time must not be remembered, only the times it depends on.

use std::hash::Hash;

use quick_cache::sync::Cache;

use crate::store::StateId;

/// Findings by what was looked for, a bounded number of them.
pub(super) struct SnapshotCache<K, V>(Cache<(u64, K), (StateId, V)>);

impl<K: Clone + Eq + Hash, V: Clone> SnapshotCache<K, V> {
    pub(super) fn new(entries: usize) -> Self {
        Self(Cache::new(entries))
    }

    /// What was found in this state.
    pub(super) fn get(&self, state_id: StateId, key: &K) -> Option<V> {
        let (seen, found) = self.0.get(&(state_id.connection(), key.clone()))?;
        (seen == state_id).then_some(found)
    }

    /// Each connection's findings have places of their own: it can't tell another's states from its own.
    pub(super) fn keep(&self, state_id: StateId, key: K, found: V) {
        self.0.insert((state_id.connection(), key), (state_id, found));
    }
}
