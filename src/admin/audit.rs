//! Who did what, when, from where. The log is append-only; this page reads it.

use askama::Template;

use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::format;
use crate::admin::kit::layout::Shell;
use crate::admin::kit::table::{Cell, Table, link_with};

/// Entries a page shows.
const SHOWN: u32 = 100;

#[derive(Template)]
#[template(path = "admin/audit.html")]
struct Page {
    shell: Shell,
    search: String,
    table: Table,
    older: Option<String>,
}

/// The log, newest first, with a search.
pub async fn list(context: RequestContext) -> Answer {
    context
        .show(|context, txn| {
            let shell = Shell::new(context, txn, "Audit", "Audit")?;
            let search = context.query("search").to_owned();
            let mut entries = txn.audit_list(&search, context.query("before").parse().ok(), SHOWN + 1)?;
            let more = entries.len() > SHOWN as usize;
            entries.truncate(SHOWN as usize);
            let before = context.query("before").parse().ok();
            let older = match entries.last().filter(|_| more) {
                Some(last) => Some(last.key),
                None if search.is_empty() => None,
                None => txn.audit_searched_to(before)?,
            };
            let older = older.map(|key| link_with(context, "before", &key.to_string()));
            let mut table = Table::new("Audit log", &["~When", "-Who", "Did", "@What", "-From"]);
            for entry in entries {
                let what = Cell::new(entry.subject).narrow(format!("by {}", entry.actor));
                table.rows.push(vec![
                    Cell::new(format::moment(entry.at, shell.zone())),
                    Cell::new(entry.actor),
                    Cell::new(entry.action),
                    what,
                    Cell::new(entry.address.unwrap_or_else(|| "this machine".to_owned())),
                ]);
            }
            Ok(Page { shell, search, table, older })
        })
        .await
}
