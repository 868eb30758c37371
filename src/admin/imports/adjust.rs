//! The buttons of the preview: each changes one answer, and the preview is shown again.

use actix_web::web;

use crate::admin::imports::preview;
use crate::admin::imports::upload::draft;
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::form::sentence;
use crate::domain::{Invalid, Name};
use crate::import::{Column, Decisions, LineSet};
use crate::service::catalogue::{self, Change};
use crate::service::imports::{Alias, ControlTotal};
use crate::service::pending_uploads;
use crate::store::StoreError;

/// Applies one answer from the preview and shows the preview again.
pub async fn adjust(context: RequestContext, id: web::Path<String>) -> Answer {
    let upload = draft(&context, &id).await?;
    let to = format!("/admin/imports/drafts/{}/preview?advertiser={}", upload.row.id, upload.advertiser.id);
    let (mut decisions, mut answers) = (upload.settings.decisions.clone(), upload.settings.answers.clone());
    let is_on = |field: &str| context.field(field) == "on";
    answers.sum |= is_on("sum");
    answers.create_missing |= is_on("create");
    answers.replace |= is_on("replace");
    let Sent { control_total, keep, leave_out, alias, rename } = match sent(&context, &decisions) {
        Ok(sent) => sent,
        Err(error) => return preview::page(&context, upload, Vec::new(), Some(sentence(&error.reason))).await,
    };
    if let Some(typed) = control_total {
        answers.control_total = typed;
    }
    for column in [Column::OfferName, Column::App, Column::StoreId, Column::Os] {
        let value = context.field(&format!("set-{column}")).trim();
        if !value.is_empty() {
            answers.new_campaigns.retain(|(other, _)| *other != column);
            answers.new_campaigns.push((column, value.to_owned()));
        }
    }
    (decisions.keep, decisions.leave_out) = (keep, leave_out);
    if let Some(Alias { column, name, known }) = alias {
        match decisions.fixed.iter_mut().find(|(other, value)| *other == column && *value == name) {
            Some((_, value)) => *value = known,
            None => answers.aliases.push(Alias { column, name, known }),
        }
    }
    let (store, actor) = (context.store().clone(), context.actor());
    crate::telemetry::blocking(move || {
        let mut upload = upload;
        if let Some((key, name)) = rename {
            let known = store.read(|txn| txn.campaign_list(upload.advertiser.key))?;
            let campaign = known.into_iter().find(|row| row.key.get() == key).ok_or_else(|| {
                StoreError::Missing(format!(
                    "the campaign to be renamed to {} isn't there",
                    Invalid::echo(name.as_str())
                ))
            })?;
            let change = Change::RenameCampaign(&campaign, &name);
            catalogue::change(&store, &upload.advertiser, &change, &actor)?;
        }
        pending_uploads::decide(&store, &mut upload, decisions, answers)
    })
    .await?;
    Ok(context.go(&to))
}

/// The fields that a button sent.
struct Sent {
    control_total: Option<String>,
    keep: LineSet,
    leave_out: LineSet,
    alias: Option<Alias>,
    /// A campaign's key, and its new name.
    rename: Option<(i64, Name)>,
}

/// Reads the fields; one that can't be read refuses the whole form.
fn sent(context: &RequestContext, decisions: &Decisions) -> Result<Sent, Invalid> {
    let control_total = context.sent("control_total").map(|typed| typed.trim().to_owned());
    if let Some(typed) = control_total.as_deref().filter(|typed| !typed.is_empty()) {
        typed.parse::<ControlTotal>()?;
    }
    let (back, out): (LineSet, LineSet) = (context.field("back").parse()?, context.field("leave_out").parse()?);
    let both = |set: &LineSet, more: &LineSet| {
        format!("{},{}", String::from(set.clone()), String::from(more.clone())).parse::<LineSet>()
    };
    // What is put back was left out, and the other way round.
    let keep = both(&decisions.keep, &back)?.without(&out);
    let leave_out = both(&decisions.leave_out, &out)?.without(&back);
    let alias = match context.field("alias_column") {
        "" => None,
        column => {
            let (name, known) = (context.field("alias_name").to_owned(), context.field("alias_known").to_owned());
            Some(Alias { column: column.parse()?, name, known })
        }
    };
    let rename = match context.field("rename") {
        "" => None,
        key => {
            let number = key.parse().map_err(|_| Invalid::value("rename", key, "the number of a campaign"))?;
            Some((number, Name::parse("new name", context.field("rename_to"))?))
        }
    };
    Ok(Sent { control_total, keep, leave_out, alias, rename })
}
