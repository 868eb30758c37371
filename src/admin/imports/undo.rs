//! Undoing an import: the confirmation, what prevents it, and the undo itself.

use actix_web::web;
use chrono::Utc;

use crate::admin::imports::list::{entry, what};
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::form::{Form, Kind, sentence};
use crate::admin::kit::form_page::FormPage;
use crate::admin::kit::format;
use crate::domain::Reason;
use crate::http::ClientError;
use crate::service::imports::{self, FinalDays, LaterChange, UndoError};
use crate::service::{ServiceError, ledger};
use crate::store::ImportEntry;

struct UndoRequest {
    entry: ImportEntry,
    later: Vec<LaterChange>,
    final_days: FinalDays,
    /// What it means for Singular and, for a merge, for names.
    effects: Vec<String>,
}

async fn asked(context: &RequestContext, id: String) -> Result<UndoRequest, ClientError> {
    let found = context.run(move |context| {
        context.store().read(|txn| {
            let entry = entry(txn, &id)?;
            let (later, final_days) = (imports::later_changes(txn, entry.key)?, imports::final_days(txn, entry.key)?);
            let mut effects = Vec::new();
            if later.is_empty() && entry.undone.is_none() {
                effects = imports::unmerged(txn, &entry)?;
                effects.extend(ledger::effects(txn, &imports::undo_days(txn, entry.key)?, Utc::now())?);
            }
            Ok::<_, ServiceError>(UndoRequest { entry, later, final_days, effects })
        })
    });
    found.await.map_err(crate::admin::kit::context::missing_is_not_found)
}

fn scope(context: &RequestContext) -> String {
    match context.query("advertiser") {
        "" => String::new(),
        id => format!("?{}", form_urlencoded::Serializer::new(String::new()).append_pair("advertiser", id).finish()),
    }
}

async fn page(context: &RequestContext, asked: &UndoRequest, error: Option<String>) -> Answer {
    let UndoRequest { entry, later, final_days, effects } = asked;
    let (scope, name) = (scope(context), what(entry));
    let mut links = Vec::new();
    let mut intro = Vec::new();
    for LaterChange { import, cells } in later {
        let cells = format::plural(i64::try_from(*cells).unwrap_or(i64::MAX), "row");
        links.push((format!("{} ({cells} of it)", what(import)), format!("/admin/imports/{}{scope}", import.id)));
    }
    links.push(("Back to the import".to_owned(), format!("/admin/imports/{}{scope}", entry.id)));
    let is_free = later.is_empty() && entry.undone.is_none();
    if entry.undone.is_some() {
        intro.push("This import has already been undone.".to_owned());
    } else if later.is_empty() {
        intro.push("Changed values go back to what they were, except where another import gives the same value; added rows are removed. Campaigns, offers, apps and publishers it created are kept.".to_owned());
        intro.push("The undo will appear in the import list.".to_owned());
    } else {
        intro.push("Newer changes affect the same rows. Undo these first, newest first:".to_owned());
    }
    intro.extend(effects.iter().cloned());
    let mut form = Form::new(format!("/admin/imports/{}/undo{scope}", entry.id), "Undo import").dangerous();
    form.error = error;
    if final_days.is_empty() {
        form = form.field("reason", "Reason", Kind::Text, "Saved in the history with the undo.").optional();
    } else {
        intro.push(format!("Days that are final would change: {final_days}."));
        form = form.field(
            "reason",
            "Reason",
            Kind::Text,
            "These days are marked final (already invoiced), so a reason is required.",
        );
    }
    let form = is_free.then(|| form.as_typed(context));
    FormPage::answer_with(context, "Import", format!("Undo {name}?"), intro, form, links).await
}

pub async fn ask(context: RequestContext, id: web::Path<String>) -> Answer {
    let asked = asked(&context, id.into_inner()).await?;
    page(&context, &asked, None).await
}

pub async fn undo(context: RequestContext, id: web::Path<String>) -> Answer {
    let asked = asked(&context, id.into_inner()).await?;
    let reason = match Reason::parse_optional(context.field("reason")) {
        Ok(reason) => reason,
        Err(error) => return page(&context, &asked, Some(sentence(&error.reason))).await,
    };
    let (store, actor, import) = (context.store().clone(), context.actor(), asked.entry.id);
    let done = crate::telemetry::blocking(move || imports::undo(&store, import, reason.as_ref(), &actor)).await;
    match done {
        Ok(undone) => {
            let advertiser = context.query("advertiser").parse().ok();
            Ok(context.go(&crate::admin::kit::layout::back(
                &format!("/admin/imports/{}", undone.id),
                advertiser,
                "undone",
            )))
        }
        Err(error @ (UndoError::Stands(_) | UndoError::Final(_))) => {
            page(&context, &asked, Some(sentence(&error.to_string()))).await
        }
        Err(UndoError::Service(error)) => Err(error.into()),
    }
}
