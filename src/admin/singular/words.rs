//! Labels and colours for the states of days.

use chrono::{DateTime, Utc};

use crate::admin::kit::format;
use crate::admin::kit::table::Cell;
use crate::domain::{Currency, MicrosDifference};
use crate::service::ServiceError;
use crate::service::ledger::{HandoverState, Ledger, LedgerDay, PollTimes};
use crate::service::status::PollingState;
use crate::store::ReadTxn;

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

/// When the next poll is to be expected, after a blank, or what keeps it away.
pub(super) fn next_poll(txn: &ReadTxn<'_>, ledger: &Ledger, now: DateTime<Utc>) -> Result<String, ServiceError> {
    Ok(match ledger.polling.state {
        PollingState::Never => String::new(),
        PollingState::Stopped => " But Singular has stopped polling.".to_owned(),
        PollingState::Refused => " But polls are refused.".to_owned(),
        PollingState::Alive => {
            let here = ledger.advertiser.time_zone.clock().at(now).0;
            match PollTimes::of(txn, &ledger.advertiser, now)?.next_after(here) {
                Some(at) => {
                    let date = if at.date() == here.date() { "today" } else { "tomorrow" };
                    format!(" The next poll is expected {date} around {}.", at.format("%H:%M"))
                }
                None => {
                    " The next one can be predicted once polls have arrived at the same time on three dates.".to_owned()
                }
            }
        }
    })
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
