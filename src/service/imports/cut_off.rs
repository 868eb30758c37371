//! Imports that were cut off: the process died, and nothing of them was written. The next start reports them.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::ImportId;
use crate::service::{Actor, ServiceResult};
use crate::store::{AuditRow, CUT_OFF, ImportMarker, ReadTxn, Store, StoreError};

/// How long pages show the notice.
pub const CUT_OFF_NOTICE: TimeDelta = TimeDelta::days(7);

/// Marks the import as running until the result is dropped.
pub(super) fn begin(store: &Store, id: ImportId, source: &str, now: DateTime<Utc>) -> Result<ImportMarker, StoreError> {
    // A name may contain anything; this must be one line.
    let source: String = source.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    store.import_running(id, &format!("{source}, begun {}", now.format("%Y-%m-%d %H:%M:%S UTC")))
}

/// Finds imports whose process was killed, notes them in the audit log, and returns their descriptions.
pub fn note_cut_off(store: &Store) -> ServiceResult<Vec<String>> {
    let mut noted = Vec::new();
    for cut_off in store.imports_cut_off()? {
        // The import was committed; only its marker was left.
        let is_done = store.read(|txn| txn.import_find(cut_off.id))?.is_some();
        if !is_done {
            let program = Actor { name: "pitlane".to_owned(), address: None };
            store.write(|txn| txn.audit_add(&program.did(CUT_OFF, &cut_off.message), Utc::now()))?;
            tracing::warn!(import = %cut_off.message, "an import was cut off; nothing of it was kept");
            noted.push(cut_off.message.clone());
        }
        store.import_forget(&cut_off)?;
    }
    Ok(noted)
}

/// The imports of the last `age` that were cut off, newest first.
pub fn recently_cut_off(txn: &ReadTxn<'_>, age: TimeDelta, now: DateTime<Utc>) -> ServiceResult<Vec<AuditRow>> {
    Ok(txn.audit_cut_off(now - age)?)
}
