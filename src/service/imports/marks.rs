//! Marks days as provisional or final without importing rows. A mark is an entry of its own in the history, and can be
//! undone.

use chrono::Utc;
use uuid::Uuid;

use super::{FinalDay, FinalDays, ImportError};
use crate::domain::{Day, DayRange, DayState, ImportId, Invalid, Reason};
use crate::service::Actor;
use crate::store::{AdvertiserRow, ImportKind, ImportSpan, NewImport, Store};

/// The most days per call: ten years.
const MOST: i64 = 3660;

/// Marks the days of the range as `state`. Reopening final days needs a reason.
pub fn mark_days(
    store: &Store,
    advertiser: &AdvertiserRow,
    days: DayRange,
    state: DayState,
    reason: Option<&Reason>,
    actor: &Actor,
) -> Result<ImportId, ImportError> {
    let (now, id) = (Utc::now(), ImportId::from(Uuid::new_v4()));
    let span = ImportSpan { advertiser: advertiser.key, first: days.from().to_stored(), last: days.to().to_stored() };
    if span.last - span.first >= MOST {
        return Err(invalid(Invalid::because("days", format!("expected a range of at most {MOST} days"))));
    }
    store.write(|txn| {
        let mut final_days = FinalDays::default();
        for mark in txn.day_marks(span.advertiser, span.first, span.last)? {
            if mark.state == DayState::Final && state == DayState::Provisional {
                let day = Day::from_stored(mark.day).map_err(invalid)?;
                final_days.0.push(FinalDay { advertiser: span.advertiser, day, rows: 0 });
            }
        }
        if !final_days.is_empty() && reason.is_none() {
            return Err(ImportError::Final(final_days));
        }
        let what = format!("{} to {}: {state}", days.from(), days.to());
        let import = txn.import_begin(&NewImport {
            id,
            kind: ImportKind::Mark,
            source: &what,
            actor: &actor.name,
            reason,
            token: None,
            undoes: None,
            now,
        })?;
        for day in span.first..=span.last {
            txn.day_mark(span.advertiser, day, import, state)?;
        }
        txn.import_span_add(import, span)?;
        txn.audit_add(&actor.did("days mark", &format!("{what}, of {}", advertiser.name)), now)?;
        Ok(id)
    })
}

fn invalid(invalid: Invalid) -> ImportError {
    ImportError::Service(invalid.into())
}
