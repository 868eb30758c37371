//! An item as it was handed over, compared with what it is now.

use super::catalogue::Said;
use super::then::Shown;
use crate::domain::Micros;

/// What a report says about a cell, if Singular's report has it.
pub(super) type Item<'c> = Option<(Shown, Said<'c>)>;

/// Whether an item differs.
pub(super) fn is_other(served: &Item<'_>, held: &Item<'_>) -> bool {
    compared(served, held).iter().any(|(is_other, _)| *is_other)
}

/// The keys of an item that differ.
pub(super) fn differing_keys(served: &Item<'_>, held: &Item<'_>) -> Vec<&'static str> {
    compared(served, held).into_iter().filter_map(|(is_other, key)| is_other.then_some(key)).collect()
}

/// Whether each key of an item differs. If the item is new or gone, all its keys with a value do.
fn compared(served: &Item<'_>, held: &Item<'_>) -> [(bool, &'static str); 5] {
    let [cost, clicks, offer, store, os] = match (served, held) {
        (None, None) => [false; 5],
        (Some((then, said_then)), Some((now, said))) => [
            then.cost != now.cost,
            then.clicks != now.clicks,
            said_then.offer != said.offer,
            said_then.store.as_str() != said.store.as_str(),
            said_then.store.os() != said.store.os(),
        ],
        (Some((one, _)), None) | (None, Some((one, _))) => {
            [one.cost != Micros::default(), one.clicks != 0, true, true, true]
        }
    };
    [(cost, "cost"), (clicks, "clicks"), (offer, "offer_name"), (store, "store_id"), (os, "os")]
}
