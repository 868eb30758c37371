//! One cell edited by hand: an import of one row, with a reason.

use chrono::Utc;
use uuid::Uuid;

use crate::domain::{Figures, Reason};
use crate::service::imports::{CellWriter, Written};
use crate::service::{Actor, ServiceResult};
use crate::store::{ImportKind, ImportRow, NewImport, StatCell, StatKey, Store};

/// Restates one cell; whether that changed anything. `what` names the cell for people.
pub fn edit(
    store: &Store,
    key: StatKey,
    figures: Figures,
    reason: &Reason,
    what: &str,
    actor: &Actor,
) -> ServiceResult<bool> {
    let now = Utc::now();
    store.write(|txn| {
        let import = txn.import_begin(&NewImport {
            id: Uuid::new_v4().into(),
            kind: ImportKind::Edit,
            source: what,
            actor: &actor.name,
            reason: Some(reason),
            token: None,
            undoes: None,
            now,
        })?;
        let mut writer = CellWriter::new(txn, import, false, None)?;
        writer.put(StatCell { key, figures }, 1, &mut |_| {})?;
        let Written { counts, .. } = writer.finish(&mut |_| {})?;
        let changed = counts.unchanged == 0;
        txn.import_finish(import, &ImportRow { rows: 1, ..counts })?;
        let to = format!("{what}: {} clicks, cost {} ({reason})", figures.clicks, figures.cost);
        txn.audit_add(&actor.did("stats edit", &to), now)?;
        Ok(changed)
    })
}
