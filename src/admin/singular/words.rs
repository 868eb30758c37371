//! Labels and colours for the states of days.

use crate::admin::kit::format;
use crate::admin::kit::table::Cell;
use crate::domain::{Currency, MicrosDifference};
use crate::service::ledger::{HandoverState, LedgerDay};

/// A state's label.
pub(in crate::admin) fn state(state: HandoverState) -> &'static str {
    match state {
        HandoverState::InStep => "in step",
        HandoverState::NextPoll => "comes with the next poll",
        HandoverState::Refresh => "needs a refresh request",
        HandoverState::OutOfReach => "out of Singular’s reach",
        HandoverState::NeverServed => "never asked for",
    }
}

/// How a changed day with this state gets to Singular.
pub(in crate::admin) fn way(state: HandoverState) -> Cell {
    let text = match state {
        HandoverState::NextPoll | HandoverState::InStep | HandoverState::NeverServed => "by itself",
        HandoverState::Refresh => "by a refresh request",
        HandoverState::OutOfReach => "not any more",
    };
    Cell::new(text).tone(tone(state)).title(self::state(state))
}

pub(in crate::admin) fn tone(state: HandoverState) -> &'static str {
    match state {
        HandoverState::InStep => "good",
        HandoverState::NextPoll => "",
        HandoverState::Refresh | HandoverState::NeverServed => "warn",
        HandoverState::OutOfReach => "bad",
    }
}

/// The new cost minus the one Singular received, in millionths; `None` if that is unknown.
pub(super) fn cost_difference(day: &LedgerDay) -> Option<i128> {
    let held = day.difference.held.cost.micros();
    match (&day.difference.served, day.state) {
        (Some(served), _) => Some(held - served.cost.micros()),
        (None, HandoverState::NeverServed) => Some(held),
        (None, _) => None,
    }
}

/// `+61.20`, `−84.10`, `0.00`
pub(super) fn signed(micros: i128, currency: Currency) -> String {
    let difference = MicrosDifference::new(micros);
    let sign = match micros {
        0 => "",
        1.. => "+",
        _ => "−",
    };
    format!("{sign}{}", format::amount(difference.amount(), currency))
}
