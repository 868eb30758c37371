//! A cache of results that are valid for one state of the database, for as long as a connection sees that state.
//!
//! The state is read in the request's own transaction, so no result outlives a change by any process. Results that depend on
//! the time must not be cached, only the times they depend on.

use std::hash::Hash;

use quick_cache::sync::Cache;

use crate::store::StateId;

/// Results by key, a bounded number of them.
pub(super) struct SnapshotCache<K, V>(Cache<(u64, K), (StateId, V)>);

impl<K: Clone + Eq + Hash, V: Clone> SnapshotCache<K, V> {
    pub(super) fn new(entries: usize) -> Self {
        Self(Cache::new(entries))
    }

    /// The cached result for this state.
    pub(super) fn get(&self, state_id: StateId, key: &K) -> Option<V> {
        let (seen, found) = self.0.get(&(state_id.connection(), key.clone()))?;
        (seen == state_id).then_some(found)
    }

    /// Each connection has its own entries: it can't compare another connection's states with its own.
    pub(super) fn keep(&self, state_id: StateId, key: K, found: V) {
        self.0.insert((state_id.connection(), key), (state_id, found));
    }
}
