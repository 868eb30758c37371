//! What was found in one state of the database, remembered for as long as a connection sees that same state.
//!
//! The state is asked for in the request's own transaction, so nothing here outlives a change by anybody, in this process or
//! another. What depends on the time must not be remembered, only the times it depends on.

use std::hash::Hash;

use quick_cache::sync::Cache;

use crate::store::Sight;

/// Findings by what was looked for, a bounded number of them.
pub(super) struct Memo<K, V>(Cache<(u64, K), (Sight, V)>);

impl<K: Clone + Eq + Hash, V: Clone> Memo<K, V> {
    pub(super) fn new(entries: usize) -> Self {
        Self(Cache::new(entries))
    }

    /// What was found in this state.
    pub(super) fn get(&self, sight: Sight, key: &K) -> Option<V> {
        let (seen, found) = self.0.get(&(sight.connection(), key.clone()))?;
        (seen == sight).then_some(found)
    }

    /// Each connection's findings have places of their own: it can't tell another's states from its own.
    pub(super) fn keep(&self, sight: Sight, key: K, found: V) {
        self.0.insert((sight.connection(), key), (sight, found));
    }
}
