//! Saved mappings, by the file's headers. They are made on the mapping page or on the command line; this page lists and
//! deletes them.

use actix_web::web;
use askama::Template;

use crate::admin::kit::context::{Answer, RequestContext, missing_is_not_found};
use crate::admin::kit::form::Form;
use crate::admin::kit::form_page::FormPage;
use crate::admin::kit::format;
use crate::admin::kit::layout::{Shell, back};
use crate::admin::kit::table::{Cell, Table};
use crate::service::imports::{self, SavedMapping};

const NAV: &str = "Import";
const PATH: &str = "/admin/imports/mappings";

#[derive(Template)]
#[template(path = "admin/mappings.html")]
struct Page {
    shell: Shell,
    table: Table,
}

pub async fn list(context: RequestContext) -> Answer {
    context
        .show(|context, txn| {
            let shell = Shell::new(context, txn, NAV, "Saved mappings")?;
            let mut columns = vec!["@Name", "@Reads", "Saved", "Last used"];
            if context.may_change() {
                columns.push("Change");
            }
            let mut table = Table::new("Saved mappings", &columns);
            for row in txn.mapping_list()? {
                let used = row.used_at.map(|at| Cell::new(format::moment_day(at, shell.zone())));
                let saved = Cell::new(format::moment_day(row.created_at, shell.zone()));
                let SavedMapping { name, kept, .. } = row.try_into()?;
                let delete = context.may_change().then(|| Cell::new("Delete").to(to_delete(&name), true));
                let used = used.unwrap_or_else(|| Cell::new("never").tone("quiet"));
                table.rows.push(
                    [Cell::new(name), Cell::new(kept.describe()), saved, used].into_iter().chain(delete).collect(),
                );
            }
            Ok(Page { shell, table })
        })
        .await
}

fn to_delete(name: &str) -> String {
    // In a path, `+` isn't a space.
    let name = form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20");
    format!("{PATH}/{name}/delete")
}

pub async fn ask_delete(context: RequestContext, name: web::Path<String>) -> Answer {
    let find = context.run(move |context| context.store().read(|txn| imports::saved_mapping(txn, &name)));
    let SavedMapping { name, .. } = find.await.map_err(missing_is_not_found)?;
    let intro =
        vec!["Files with its headers will be asked about again. What was imported by it stays as it is.".to_owned()];
    let form = Form::new(to_delete(&name), "Delete mapping").dangerous().or_back_to(PATH);
    FormPage::answer(&context, NAV, format!("Delete the mapping {name}?"), intro, form).await
}

pub async fn delete(context: RequestContext, name: web::Path<String>) -> Answer {
    let deleted = context.run(move |context| imports::delete_mapping(context.store(), &name, &context.actor()));
    deleted.await.map_err(missing_is_not_found)?;
    Ok(context.go(&back(PATH, None, "deleted")))
}
