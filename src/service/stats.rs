//! One cell edited by hand: an import of one row, with a reason.

use chrono::Utc;
use uuid::Uuid;

use super::{Actor, ServiceResult};
use crate::domain::{Figures, Invalid};
use crate::store::{ImportKind, ImportRow, StatCell, StatKey, Store, Stored};

/// Longest reason, in characters.
const REASON_CHARS: usize = 500;

/// Restates one cell; whether that changed anything. `what` names the cell for people.
pub fn edit(
    store: &Store,
    key: StatKey,
    figures: Figures,
    reason: &str,
    what: &str,
    actor: &Actor,
) -> ServiceResult<bool> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_CHARS {
        return Err(Invalid::because("reason", format!("expected 1 to {REASON_CHARS} characters")).into());
    }
    let now = Utc::now();
    store.write(|txn| {
        let import = txn.import_begin(Uuid::new_v4().into(), ImportKind::Edit, "one cell", &actor.name, None, now)?;
        txn.import_set_reason(import, reason)?;
        let stored = txn.stat_writer(import)?.put(StatCell { key, figures }, 1)?;
        let mut counts = ImportRow { rows: 1, ..ImportRow::default() };
        match stored {
            Stored::Inserted => counts.inserted = 1,
            Stored::Changed => counts.changed = 1,
            Stored::Unchanged => counts.unchanged = 1,
        }
        txn.import_finish(import, &counts)?;
        let changed = stored != Stored::Unchanged;
        if changed {
            txn.day_touch(key.advertiser, key.day, txn.version_take()?)?;
        }
        let to = format!("{what}: {} clicks, cost {} ({reason})", figures.clicks, figures.cost);
        txn.audit_add(&actor.did("stats edit", &to), now)?;
        Ok(changed)
    })
}
