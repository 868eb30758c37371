//! The check from outside: a button, and what the last check found.

use askama::Template;
use chrono::Utc;

use crate::admin::catalogue::entry;
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::format;
use crate::admin::kit::layout::{Shell, back};
use crate::service::ServiceError;
use crate::service::connect::check::{self, Checked};
use crate::store::AdvertiserRow;

const PATH: &str = "/admin/singular/check";

#[derive(Template)]
#[template(path = "admin/check.html")]
struct Page {
    shell: Shell,
    url: String,
    checked: Option<Checked>,
    when: String,
}

/// The result of a check in a few words.
pub(super) fn outcome(checked: &Checked) -> String {
    let all = checked.findings.len();
    match checked.findings.iter().filter(|finding| !finding.ok).count() {
        0 => format!("all {all} checks passed"),
        failed => format!("{failed} of {all} checks failed"),
    }
}

/// Shows the last check of the advertiser.
pub async fn page(context: RequestContext) -> Answer {
    context
        .show(|context, txn| {
            let mut shell = Shell::new(context, txn, "Singular", "Check from outside")?;
            let checked = match &shell.advertiser {
                Some(advertiser) => check::last(txn, advertiser.key)?,
                None => None,
            };
            let when = checked.as_ref().map_or_else(String::new, |checked| {
                format!("{}, at {}", format::ago(Utc::now() - checked.at), format::moment(checked.at, shell.zone()))
            });
            if let Some(checked) = &checked {
                shell.title = format!("Check from outside: {}", outcome(checked));
            }
            Ok::<_, ServiceError>(Page { url: context.origin().to_owned(), checked, when, shell })
        })
        .await
}

/// Runs the check against the public address and shows its result.
pub async fn run(context: RequestContext) -> Answer {
    let (advertiser, ()): (AdvertiserRow, ()) = entry::within(&context, |_, _| Ok(Some(()))).await?;
    let id = advertiser.id;
    context
        .run(move |context| check::run(context.store(), context.origin(), &advertiser, None, &context.actor()))
        .await?;
    Ok(context.go(&back(PATH, Some(id), "checked")))
}
