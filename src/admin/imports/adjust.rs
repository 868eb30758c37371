//! The buttons of the preview: each changes one answer, and the preview is shown again.

use actix_web::web;

use crate::admin::imports::preview;
use crate::admin::imports::upload::draft;
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::form::sentence;
use crate::domain::Name;
use crate::import::{Column, LineSet};
use crate::service::catalogue::{self, Change};
use crate::service::imports::{Alias, ControlTotal};
use crate::service::pending_uploads;

/// Applies one answer from the preview and shows the preview again.
pub async fn adjust(context: RequestContext, id: web::Path<String>) -> Answer {
    let upload = draft(&context, &id).await?;
    let to = format!("/admin/imports/drafts/{}/preview?advertiser={}", upload.row.id, upload.advertiser.id);
    let (mut decisions, mut answers) = (upload.settings.decisions.clone(), upload.settings.answers.clone());
    let is_on = |field: &str| context.field(field) == "on";
    answers.sum |= is_on("sum");
    answers.create_missing |= is_on("create");
    answers.replace |= is_on("replace");
    if let Some(typed) = context.sent("control_total") {
        typed.trim().clone_into(&mut answers.control_total);
        let read = if answers.control_total.is_empty() {
            Ok(())
        } else {
            answers.control_total.parse::<ControlTotal>().map(drop)
        };
        if let Err(error) = read {
            return preview::page(&context, upload, Vec::new(), Some(sentence(&error.reason))).await;
        }
    }
    for column in [Column::OfferName, Column::App, Column::StoreId, Column::Os] {
        let value = context.field(&format!("set-{column}")).trim();
        if !value.is_empty() {
            decisions.fixed.retain(|(other, _)| *other != column);
            decisions.fixed.push((column, value.to_owned()));
        }
    }
    let with = |set: &LineSet, field: &str| {
        format!("{},{}", String::from(set.clone()), context.field(field))
            .parse::<LineSet>()
            .unwrap_or_else(|_| set.clone())
    };
    let (kept, out) = (with(&decisions.keep, "back"), with(&decisions.leave_out, "leave_out"));
    // What is put back was left out, and the other way round.
    let asked = |field: &str| with(&LineSet::default(), field);
    decisions.keep = kept.without(&asked("leave_out"));
    decisions.leave_out = out.without(&asked("back"));
    if let (Ok(column), name, known) =
        (context.field("alias_column").parse(), context.field("alias_name"), context.field("alias_known"))
    {
        let (name, known) = (name.to_owned(), known.to_owned());
        match decisions.fixed.iter_mut().find(|(other, value)| *other == column && *value == name) {
            Some((_, value)) => *value = known,
            None => answers.aliases.push(Alias { column, name, known }),
        }
    }
    let rename = context.field("rename").parse::<i64>().ok().zip(Name::parse("name", context.field("rename_to")).ok());
    let (store, actor) = (context.store().clone(), context.actor());
    crate::telemetry::blocking(move || {
        let mut upload = upload;
        if let Some((key, name)) = rename {
            let known = store.read(|txn| txn.campaign_list(upload.advertiser.key))?;
            if let Some(campaign) = known.into_iter().find(|row| row.key.get() == key) {
                let change = Change::RenameCampaign(&campaign, &name);
                catalogue::change(&store, &upload.advertiser, &change, &actor)?;
            }
        }
        pending_uploads::decide(&store, &mut upload, decisions, answers)
    })
    .await?;
    Ok(context.go(&to))
}
