//! Refresh requests for Singular: which days they ask for, what they change, and in which order to send them.

use super::{HandoverState, Ledger, LedgerDay};
use crate::domain::Day;

/// The most days per request.
const DAYS: u64 = 14;

/// A request to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshRequest {
    pub from: Day,
    pub to: Day,
    /// By how much it changes the cost, in millionths; unknown days count as zero.
    pub cost_difference: i128,
    /// The text for Singular.
    pub text: String,
}

/// A day that needs a request, and by how much its cost changes.
struct Needed {
    day: Day,
    cost: i128,
}

fn needed(ledger: &Ledger, day: &LedgerDay) -> Option<Needed> {
    if !ledger.needs_person(day) {
        return None;
    }
    let held = day.difference.held.cost.micros();
    let cost = match (&day.difference.served, day.state) {
        (Some(served), _) => held - served.cost.micros(),
        (None, HandoverState::NeverServed) => held,
        (None, _) => 0,
    };
    Some(Needed { day: day.day, cost })
}

/// The fewest requests that cover all days which need one: the largest difference in cost first, unknown ones last.
pub(super) fn requests(ledger: &Ledger) -> Vec<RefreshRequest> {
    let needed: Vec<Needed> = ledger.days.iter().filter_map(|day| needed(ledger, day)).collect();
    let mut rest = needed.as_slice();
    let mut requests = Vec::new();
    while let Some(first) = rest.first() {
        let last = first.day.to_stored() + i64::try_from(DAYS).unwrap_or_default() - 1;
        let (own, others) = rest.split_at(rest.partition_point(|needed| needed.day.to_stored() <= last));
        rest = others;
        let cost: i128 = own.iter().map(|needed| needed.cost).sum();
        let moved: u128 = own.iter().map(|needed| needed.cost.unsigned_abs()).sum();
        let to = own.last().map_or(first.day, |needed| needed.day);
        requests.push((cost.unsigned_abs(), moved, request(ledger, first.day, to, cost, moved)));
    }
    requests.sort_by_key(|(cost, moved, request)| (std::cmp::Reverse((*cost, *moved)), request.from));
    requests.into_iter().map(|(.., request)| request).collect()
}

fn request(ledger: &Ledger, from: Day, to: Day, cost: i128, moved: u128) -> RefreshRequest {
    let name = &ledger.advertiser.name;
    let why =
        if moved > 0 { "cost was corrected after it was last pulled" } else { "data changed after it was last pulled" };
    let days = if from == to { from.to_string() } else { format!("{from} to {to}") };
    let text = format!("Please refresh the data of the GoKart connector of “{name}” for {days}: {why}.");
    RefreshRequest { from, to, cost_difference: cost, text }
}
