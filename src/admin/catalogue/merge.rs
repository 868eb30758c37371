//! Merging two publishers or two campaigns: choosing the other one, showing what would change, and the merge itself.

use actix_web::web;
use chrono::Utc;

use crate::admin::catalogue::entry::{Around, Entry, NAV, Owner, address, found};
use crate::admin::catalogue::pick::{self, Pickable};
use crate::admin::kit::context::{Answer, RequestContext, missing_is_not_found};
use crate::admin::kit::form::{Form, Kind, sentence};
use crate::admin::kit::form_page::FormPage;
use crate::admin::kit::format;
use crate::admin::kit::layout::back;
use crate::admin::kit::stale;
use crate::domain::Reason;
use crate::http::ClientError;
use crate::service::imports::{self, ImportError, MergeOutlook, MergePair};
use crate::service::{ServiceError, ledger};
use crate::store::{AdvertiserRow, CampaignRow, ImportKey, PublisherRow, ReadTxn, StoreError, StoreResult};

/// What can be merged.
pub trait Mergeable: Entry + Pickable {
    /// The button that merges.
    const MERGE: &'static str;
    /// Orders two entries: the first is merged into the second.
    fn pair(owner: &Self::Owner, from: Self, into: Self) -> MergePair;
}

impl Mergeable for PublisherRow {
    const MERGE: &str = "Merge publishers";

    fn pair((): &(), from: Self, into: Self) -> MergePair {
        MergePair::Publishers(from, into)
    }
}

impl Mergeable for CampaignRow {
    const MERGE: &str = "Merge campaigns";

    fn pair(owner: &AdvertiserRow, from: Self, into: Self) -> MergePair {
        MergePair::Campaigns(owner.clone(), from, into)
    }
}

/// What the page of a merged entry says instead of its form.
pub(in crate::admin::catalogue) fn merged_into(
    txn: &ReadTxn<'_>,
    import: ImportKey,
    (name, page): (&str, String),
    scope: &str,
) -> StoreResult<Around> {
    let entry = txn.import_by_key(import)?;
    let (by, id) = (&entry.actor, entry.id);
    Ok(Around {
        says: vec![
            format!("It was merged into “{name}” by {by}, so its name and its id stand for that one."),
            "Its rows stay in the report, with zeros. Undo the merge to have it back.".to_owned(),
        ],
        links: vec![
            (format!("Go to {name}"), page),
            ("See the merge, which can be undone".to_owned(), format!("/admin/imports/{id}{scope}")),
        ],
        is_merged: true,
    })
}

/// Lists on an entry's page what was merged into it.
pub(in crate::admin::catalogue) fn merged_before(
    txn: &ReadTxn<'_>,
    before: impl Iterator<Item = (String, ImportKey)>,
    scope: &str,
) -> StoreResult<Around> {
    let mut around = Around::default();
    for (name, import) in before {
        let id = txn.import_by_key(import)?.id;
        around.says.push(format!("“{name}” was merged into it; its name and its id stand for this one."));
        around.links.push((format!("See the merge of {name}"), format!("/admin/imports/{id}{scope}")));
    }
    Ok(around)
}

impl Around {
    /// Another entry whose name differs only in spelling that look-ups ignore.
    pub(in crate::admin::catalogue) fn twin(&mut self, name: &str, merge: String) {
        self.says.push(format!("“{name}” looks the same: files must spell one of the two exactly as it is stored."));
        self.links.push((format!("Merge {name} into this one"), merge));
    }
}

fn path<E: Mergeable>(owner: &E::Owner, from: &E, below: &str) -> String {
    address::<E>(owner, &format!("/{}/merge{below}", Entry::id(from)))
}

fn back_to<E: Mergeable>(owner: &E::Owner, from: &E) -> String {
    address::<E>(owner, &format!("/{}", Entry::id(from)))
}

async fn choice<E: Mergeable>(context: &RequestContext, owner: &E::Owner, from: &E) -> Result<Form, ClientError> {
    let (owner, from) = (owner.clone(), from.clone());
    let form = context.run(move |context| {
        context.store().read(|txn| {
            let form = Form::new(path(&owner, &from, ""), "See what would change").or_back_to(back_to(&owner, &from));
            let hint = format!("The one to keep. {} is merged into it.", from.name());
            let mut form = pick::field::<E>(txn, owner.key(), form, "into", "Merge into", &hint)?;
            for field in &mut form.fields {
                if let Kind::Choice(choices) = &mut field.kind {
                    choices.retain(|(id, _)| *id != Entry::id(&from));
                }
            }
            Ok::<_, ServiceError>(form)
        })
    });
    Ok(form.await?)
}

async fn choice_page<E: Mergeable>(context: &RequestContext, from: &E, form: Form) -> Answer {
    let noun = <E as Entry>::NOUN;
    let title = format!("Merge {} into another {noun}", format::in_heading(from.name()));
    if form.fields.iter().any(|field| field.is_choice() && field.choices().is_empty()) {
        return FormPage::answer_with(context, NAV, title, vec![format!("There is no other {noun}.")], None, vec![])
            .await;
    }
    let intro = format!("Two {noun}s become one. You see what changes before anything does, and it can be undone.");
    FormPage::answer(context, NAV, title, vec![intro], form).await
}

/// Asks which entry to merge it into.
pub async fn ask<E: Mergeable>(context: RequestContext, id: web::Path<String>) -> Answer {
    let (owner, from, _) = found::<E>(&context, id.into_inner()).await?;
    let form = choice(&context, &owner, &from).await?;
    choice_page(&context, &from, form).await
}

/// Continues with the chosen entry.
pub async fn choose<E: Mergeable>(context: RequestContext, id: web::Path<String>) -> Answer {
    let (owner, from, _) = found::<E>(&context, id.into_inner()).await?;
    let key = owner.key();
    let chosen = context
        .run(move |context| {
            context.store().read(|txn| Ok::<_, ServiceError>(pick::find::<E>(txn, key, "into", context.field("into"))?))
        })
        .await?;
    match chosen {
        Ok(into) => Ok(context.go(&path(&owner, &from, &format!("/{}", Entry::id(&into))))),
        Err(invalid) => {
            let form = choice(&context, &owner, &from).await?.as_typed(&context).refused(invalid.into())?;
            choice_page(&context, &from, form).await
        }
    }
}

/// Two entries to merge, what the merge changes, and what it means for Singular.
struct ProposedMerge<E: Mergeable> {
    owner: E::Owner,
    from: E,
    into_id: String,
    pair: MergePair,
    /// What the merge changes, or why it isn't possible.
    outlook: Result<MergeOutlook, String>,
    effects: Vec<String>,
}

async fn proposed<E: Mergeable>(
    context: &RequestContext,
    ids: (String, String),
) -> Result<ProposedMerge<E>, ClientError> {
    let (owner, from, _) = found::<E>(context, ids.0).await?;
    let (_, into, _) = found::<E>(context, ids.1).await?;
    let into_id = Entry::id(&into);
    let pair = E::pair(&owner, from.clone(), into);
    let proposed = context.run(move |context| {
        context.store().read(|txn| {
            let outlook = match imports::merge_outlook(txn, &pair) {
                Ok(found) => Ok(found),
                Err(ServiceError::Store(StoreError::Conflict(message))) => Err(message),
                Err(ServiceError::Invalid(invalid)) => Err(invalid.reason),
                Err(error) => return Err(error),
            };
            let days = outlook.as_ref().map(MergeOutlook::shown_days).unwrap_or_default();
            let effects = ledger::effects(txn, &days, Utc::now())?;
            Ok(ProposedMerge { owner, from, into_id, pair, outlook, effects })
        })
    });
    proposed.await.map_err(missing_is_not_found)
}

impl<E: Mergeable> ProposedMerge<E> {
    /// The form that confirms; it carries the names and effects that the person saw.
    fn form(&self, outlook: &MergeOutlook) -> Form {
        let (name, into) = self.pair.names();
        let form = Form::new(path(&self.owner, &self.from, &format!("/{}", self.into_id)), E::MERGE)
            .dangerous()
            .or_back_to(path(&self.owner, &self.from, ""))
            .field("name", "Name", Kind::Hidden, "")
            .with("name", name)
            .field("into_name", "Name of the other", Kind::Hidden, "")
            .with("into_name", into)
            .based_on_now()
            .field("seen", "", Kind::Hidden, "")
            .with("seen", outlook.key.as_str());
        if outlook.final_days.is_empty() {
            form.field("reason", "Reason", Kind::Text, "Saved in the history with the merge.").optional()
        } else {
            let hint = "These days are marked final (already invoiced), so a reason is required.";
            form.field("reason", "Reason", Kind::Text, hint)
        }
    }

    /// Shows what would change above a form, or why it isn't possible.
    async fn page(&self, context: &RequestContext, form: Option<Form>) -> Answer {
        let (from, other) = self.pair.names();
        let (says, form) = match &self.outlook {
            Err(message) => (vec![sentence(message)], None),
            Ok(outlook) => {
                let mut says = outlook.sentences.clone();
                says.extend(self.effects.iter().cloned());
                if !outlook.final_days.is_empty() {
                    says.push(format!("Days that are final would change: {}.", outlook.final_days));
                }
                says.push("It will appear in the import list, where you can undo it.".to_owned());
                (says, Some(form.unwrap_or_else(|| self.form(outlook))))
            }
        };
        let links = match form {
            Some(_) => Vec::new(),
            None => vec![("Choose another one".to_owned(), path(&self.owner, &self.from, ""))],
        };
        let title = format!("Merge {} into {}?", format::in_heading(from), format::in_heading(other));
        FormPage::answer_with(context, NAV, title, says, form, links).await
    }
}

/// Shows what merging the two would change.
pub async fn confirm<E: Mergeable>(context: RequestContext, ids: web::Path<(String, String)>) -> Answer {
    proposed::<E>(&context, ids.into_inner()).await?.page(&context, None).await
}

/// Merges the two if the effects are those the person saw.
pub async fn merge<E: Mergeable>(context: RequestContext, ids: web::Path<(String, String)>) -> Answer {
    let proposed = proposed::<E>(&context, ids.into_inner()).await?;
    let Ok(outlook) = &proposed.outlook else { return proposed.page(&context, None).await };
    let form = proposed.form(outlook);
    if let Some(form) = stale::refused(&context, &form, <E as Entry>::NOUN, proposed.from.name().to_owned()).await? {
        return proposed.page(&context, Some(form)).await;
    }
    let again = |form: Form, message: String| Form { error: Some(message), ..form };
    let reason = match Reason::parse_optional(context.field("reason")) {
        Ok(reason) => reason,
        Err(invalid) => return proposed.page(&context, Some(form.refused(invalid.into())?)).await,
    };
    let typed = form.with("reason", context.field("reason"));
    let (store, actor, pair) = (context.store().clone(), context.actor(), proposed.pair.clone());
    // A program's request doesn't carry the names and effects: it states what it wants.
    let seen = context.sent("seen").map(str::to_owned);
    let done =
        crate::telemetry::blocking(move || imports::merge(&store, &pair, seen.as_deref(), reason.as_ref(), &actor));
    match done.await {
        Ok(done) => {
            let to = back(&format!("/admin/imports/{}", done.id), proposed.owner.id(), "merged");
            Ok(context.go(&to))
        }
        Err(ImportError::Moved(_)) => {
            let message = "Figures were changed while you had the page open, so nothing was merged. See below what \
                would change now; merge again if you still want to.";
            proposed.page(&context, Some(again(typed, message.to_owned()))).await
        }
        Err(error @ ImportError::Final(_)) => {
            proposed.page(&context, Some(again(typed, sentence(&error.to_string())))).await
        }
        Err(ImportError::Service(ServiceError::Store(StoreError::Conflict(message)))) => {
            proposed.page(&context, Some(again(typed, sentence(&message)))).await
        }
        Err(error) => Err(error.into()),
    }
}
