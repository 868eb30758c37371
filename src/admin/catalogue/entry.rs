//! The catalogue's pages: list with search and sort, add, change, delete. Apps, offers, campaigns and publishers implement
//! [`Entry`] in their own files.

use std::fmt::Display;

use actix_web::web;
use askama::Template;
use chrono::Utc;

pub use crate::admin::catalogue::owner::Owner;
use crate::admin::kit::context::{Answer, RequestContext, missing_is_not_found};
use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::form_page::FormPage;
use crate::admin::kit::format;
use crate::admin::kit::layout::{Shell, back};
use crate::admin::kit::pages::Pages;
use crate::admin::kit::stale;
use crate::admin::kit::table::Table;
use crate::domain::{Day, Invalid, Name, ReportingZone, phrase};
use crate::http::ClientError;
use crate::service::{ServiceError, ServiceResult};
use crate::store::{AdvertiserRow, ListQuery, ReadTxn, StoreError, StoreResult, Usage};

/// The navigation item of all of them.
pub(in crate::admin) const NAV: &str = "Catalogue";

const NOUNS: [(&str, &str); 5] = [
    ("Offers", "offers"),
    ("Campaigns", "campaigns"),
    ("Apps", "apps"),
    ("Publishers", "publishers"),
    ("Advertisers", "advertisers"),
];

/// The words by which pages name a kind of entry.
#[derive(Debug, Clone, Copy)]
pub struct Labels {
    /// Its plural, as in the navigation; in lower case it is also the path.
    pub noun: &'static str,
    /// The first sentence of the list: what is in it, and why.
    pub lead: &'static str,
    /// The button that adds one, and the title of its page.
    pub add: (&'static str, &'static str),
    /// Whether it is shared by all advertisers.
    pub shared: bool,
}

impl Labels {
    fn path(self) -> String {
        format!("/admin/catalogue/{}", self.noun.to_lowercase())
    }
}

/// Why an entry can't be deleted, with a link to what to do instead: text and address.
pub type InTheWay = (String, (&'static str, String));

/// How an entry relates to others: those with a similar name, those merged into it, and the one it was merged into.
#[derive(Debug, Default)]
pub struct Around {
    /// Paragraphs for its page.
    pub says: Vec<String>,
    /// Links for its page: text and address.
    pub links: Vec<(String, String)>,
    /// Whether it was merged, so that it can't be changed.
    pub is_merged: bool,
}

/// A kind of catalogue entry: its forms, and what they do.
pub trait Entry: Clone + Send + Sync + 'static {
    type Owner: Owner;
    /// The words by which pages name it.
    const WORDS: Labels;
    /// Its noun in the audit log.
    const NOUN: &'static str;
    /// The button that saves it.
    const SAVE: &'static str;
    /// The button that deletes it.
    const DELETE: &'static str;

    /// The entry with this id.
    fn find(txn: &ReadTxn<'_>, owner: &Self::Owner, id: &str) -> StoreResult<Option<Self>>;
    /// Its id in addresses.
    fn id(&self) -> String;
    fn name(&self) -> &str;
    /// The form for a new entry.
    fn blank(txn: &ReadTxn<'_>, owner: &Self::Owner, form: Form) -> StoreResult<Form>;
    /// Adds the entry that was typed.
    fn add(owner: &Self::Owner, context: &RequestContext) -> ServiceResult<()>;
    /// The form for this entry, filled in.
    fn fields(&self, form: Form) -> Form;
    /// Paragraphs above the form.
    fn says(&self) -> Vec<String>;
    /// Links of its page.
    fn links(&self, _owner: &Self::Owner) -> Vec<(String, String)> {
        Vec::new()
    }
    /// A sentence about what a change means for Singular.
    fn effect(&self, _owner: &Self::Owner, _txn: &ReadTxn<'_>) -> ServiceResult<Option<String>> {
        Ok(None)
    }
    /// How other entries relate to it.
    fn around(&self, _owner: &Self::Owner, _txn: &ReadTxn<'_>) -> StoreResult<Around> {
        Ok(Around::default())
    }
    /// Changes it to what was typed.
    fn save(&self, owner: &Self::Owner, context: &RequestContext) -> ServiceResult<()>;
    /// Why it can't be deleted, if it can't.
    fn in_the_way(&self, owner: &Self::Owner, txn: &ReadTxn<'_>) -> StoreResult<Option<InTheWay>>;
    fn delete(&self, owner: &Self::Owner, context: &RequestContext) -> ServiceResult<()>;
}

#[derive(Template)]
#[template(path = "admin/catalogue.html")]
struct Page {
    shell: Shell,
    message: Labels,
    nouns: Vec<(&'static str, String, bool)>,
    table: Table,
    pages: Option<Pages>,
    search: String,
    is_empty: bool,
    note: &'static str,
    add_link: Option<String>,
}

/// Rows per page of a list.
const SHOWN: u32 = 50;

/// One page of a list, and the number of rows on all pages.
pub(in crate::admin) struct Listed {
    /// The rows of this page.
    pub(in crate::admin) table: Table,
    /// Rows of all pages.
    pub(in crate::admin) total: u32,
    /// A note about the figures; mostly empty.
    pub(in crate::admin) note: &'static str,
}

/// The search, sort and page that the address asks for; the first `sortable` columns can be sorted.
pub(in crate::admin) fn query(context: &RequestContext, table: &mut Table, sortable: usize) -> ListQuery {
    let (sort, down) = table.sortable(context, sortable);
    let offset = (page(context) - 1).saturating_mul(SHOWN);
    ListQuery { search: context.query("search").to_owned(), sort, down, offset, limit: SHOWN }
}

fn page(context: &RequestContext) -> u32 {
    context.query("page").parse().ok().filter(|page| *page > 0).unwrap_or(1)
}

/// Answers with a list; `listed` makes its rows.
pub(in crate::admin) async fn list(
    context: &RequestContext,
    message: Labels,
    listed: impl FnOnce(&RequestContext, &ReadTxn<'_>, &Shell) -> Result<Listed, ServiceError> + Send + 'static,
) -> Answer {
    context
        .show(move |context, txn| {
            let shell = Shell::new(context, txn, NAV, message.noun)?;
            let Listed { table, total, note } = listed(context, txn, &shell)?;
            let is_empty = total == 0 && context.query("search").is_empty();
            let nouns = NOUNS
                .map(|(label, path)| (label, format!("/admin/catalogue/{path}{}", shell.scope), label == message.noun));
            let may_add = shell.may_change && (message.shared || shell.advertiser.is_some());
            let add_link = may_add.then(|| format!("{}/new{}", message.path(), shell.scope));
            let noun = message.noun.to_lowercase();
            let noun = noun.strip_suffix('s').unwrap_or(&noun);
            Ok(Page {
                pages: Pages::new(context, page(context) as usize, SHOWN as usize, total as usize, noun),
                table,
                search: context.query("search").to_owned(),
                nouns: nouns.into(),
                shell,
                message,
                is_empty,
                note,
                add_link,
            })
        })
        .await
}

/// The chosen advertiser, and what `find` returns for it.
pub(in crate::admin) async fn within<T: Send + 'static>(
    context: &RequestContext,
    find: impl FnOnce(&ReadTxn<'_>, &AdvertiserRow) -> StoreResult<Option<T>> + Send + 'static,
) -> Result<(AdvertiserRow, T), ClientError> {
    let found = context.run(move |context| {
        context.store().read(|txn| {
            let advertiser = AdvertiserRow::chosen(context, txn)?;
            let item = find(txn, &advertiser)?.ok_or_else(missing)?;
            Ok((advertiser, item))
        })
    });
    found.await.map_err(missing_is_not_found)
}

fn missing() -> StoreError {
    StoreError::Missing("This entry doesn't exist.".to_owned())
}

/// `?advertiser=…`, so that a form stays with the advertiser it was opened for.
pub(in crate::admin) fn scope(advertiser: &AdvertiserRow) -> String {
    format!("?advertiser={}", advertiser.id)
}

/// Today in the advertiser's zone.
pub(in crate::admin) fn today(zone: ReportingZone) -> Result<Day, ServiceError> {
    Ok(zone.today(Utc::now())?)
}

/// "has 1,143 rows of stats from 1 Aug 2023 to 31 Aug 2023"
pub(in crate::admin) fn has_stats(usage: &Usage) -> String {
    let (first, last) = (format::stored_day(usage.days.0), format::stored_day(usage.days.1));
    format!("has {} of stats, from {first} to {last}", format::plural(usage.rows, "row"))
}

/// Where an entry's list, or a page of its own, is.
pub(in crate::admin::catalogue) fn address<E: Entry>(owner: &E::Owner, below: &str) -> String {
    format!("{}{below}{}", E::WORDS.path(), owner.scope())
}

/// A link to an entry's stats.
pub(in crate::admin::catalogue) fn see_stats(kind: &str, id: &impl Display, scope: &str) -> (String, String) {
    let sign = if scope.is_empty() { '?' } else { '&' };
    ("See its stats".to_owned(), format!("/admin/stats{scope}{sign}{kind}={id}&by=day"))
}

async fn blank<E: Entry>(context: &RequestContext) -> Result<(E::Owner, Form), ClientError> {
    let made = context.run(|context| {
        context.store().read(|txn| {
            let owner = E::Owner::chosen(context, txn)?;
            let form = Form::new(address::<E>(&owner, "/new"), E::WORDS.add.0).or_back_to(address::<E>(&owner, ""));
            let form = E::blank(txn, &owner, form)?;
            Ok((owner, form))
        })
    });
    made.await.map_err(missing_is_not_found)
}

/// The form for a new entry, or links to what must be added first.
async fn new_page<E: Entry>(context: &RequestContext, owner: &E::Owner, form: Form) -> Answer {
    let first: Vec<_> = form
        .fields
        .iter()
        .filter(|field| field.is_choice() && field.choices().is_empty())
        .map(|field| {
            let href = format!("/admin/catalogue/{}s/new{}", field.name, owner.scope());
            (format!("Add {} first", phrase::with_article(field.name)), href)
        })
        .collect();
    let form = first.is_empty().then_some(form);
    FormPage::answer_with(context, NAV, E::WORDS.add.1, owner.says(), form, first).await
}

/// The field for a name that the person wants although it resembles another.
const SURE_OF: &str = "sure_of";

/// Warns once if a name resembles another.
pub(in crate::admin::catalogue) fn point_out(
    context: &RequestContext,
    name: &Name,
    other: Option<String>,
) -> ServiceResult<()> {
    match other.filter(|_| context.field(SURE_OF) != name.as_str()) {
        None => Ok(()),
        Some(other) => {
            let message = format!("“{other}” differs from it only in letter case; save it again to have both");
            Err(Invalid::because(SURE_OF, message).into())
        }
    }
}

/// The form with what was typed and what is wrong. A warning is shown once; sending the form again accepts it.
fn asked_again(context: &RequestContext, form: Form, error: ServiceError) -> Result<Form, ClientError> {
    let is_pointed_out = matches!(&error, ServiceError::Invalid(invalid) if invalid.field == SURE_OF);
    let form = form.as_typed(context).field(SURE_OF, "", Kind::Hidden, "").refused(error)?;
    Ok(if is_pointed_out { form.with(SURE_OF, context.field("name").trim()) } else { form })
}

/// The form for a new entry.
pub async fn new<E: Entry>(context: RequestContext) -> Answer {
    let (owner, form) = blank::<E>(&context).await?;
    new_page::<E>(&context, &owner, form).await
}

pub async fn create<E: Entry>(context: RequestContext) -> Answer {
    let (owner, form) = blank::<E>(&context).await?;
    let whose = owner.clone();
    match context.run(move |context| E::add(&whose, context)).await {
        Ok(()) => Ok(context.go(&back(&E::WORDS.path(), owner.id(), "added"))),
        Err(error) => new_page::<E>(&context, &owner, asked_again(&context, form, error)?).await,
    }
}

/// The entry's owner, the entry with this id, and the reason why it can't be deleted.
pub(in crate::admin::catalogue) async fn found<E: Entry>(
    context: &RequestContext,
    id: String,
) -> Result<(E::Owner, E, Option<InTheWay>), ClientError> {
    let found = context.run(move |context| {
        context.store().read(|txn| {
            let owner = E::Owner::chosen(context, txn)?;
            let entry = E::find(txn, &owner, &id)?.ok_or_else(missing)?;
            let in_the_way = entry.in_the_way(&owner, txn)?;
            Ok((owner, entry, in_the_way))
        })
    });
    found.await.map_err(missing_is_not_found)
}

fn edit_form<E: Entry>(owner: &E::Owner, entry: &E) -> Form {
    let form = Form::new(address::<E>(owner, &format!("/{}", entry.id())), E::SAVE);
    entry.fields(form.or_back_to(address::<E>(owner, ""))).based_on_now()
}

async fn edit_page<E: Entry>(context: &RequestContext, owner: &E::Owner, entry: &E, form: Form) -> Answer {
    let (whose, of) = (owner.clone(), entry.clone());
    let (around, effect) = context
        .run(move |context| {
            context.store().read(|txn| Ok::<_, ServiceError>((of.around(&whose, txn)?, of.effect(&whose, txn)?)))
        })
        .await?;
    let Around { says, mut links, is_merged } = around;
    if is_merged {
        return FormPage::answer_with(context, NAV, entry.name(), says, None, links).await;
    }
    let intro = entry.says().into_iter().chain(effect).chain(says).collect();
    links.extend(entry.links(owner));
    links.push((E::DELETE.to_owned(), address::<E>(owner, &format!("/{}/delete", entry.id()))));
    FormPage::answer_with(context, NAV, entry.name(), intro, Some(form), links).await
}

/// The form for an entry.
pub async fn edit<E: Entry>(context: RequestContext, id: web::Path<String>) -> Answer {
    let (owner, entry, _) = found::<E>(&context, id.into_inner()).await?;
    edit_page(&context, &owner, &entry, edit_form(&owner, &entry)).await
}

pub async fn save<E: Entry>(context: RequestContext, id: web::Path<String>) -> Answer {
    let (owner, entry, _) = found::<E>(&context, id.into_inner()).await?;
    let form = edit_form(&owner, &entry);
    if let Some(form) = stale::refused(&context, &form, E::NOUN, entry.name().to_owned()).await? {
        return edit_page(&context, &owner, &entry, form).await;
    }
    let (whose, old) = (owner.clone(), entry.clone());
    match context.run(move |context| old.save(&whose, context)).await {
        Ok(()) => Ok(context.go(&back(&E::WORDS.path(), owner.id(), "saved"))),
        Err(error) => {
            let form = asked_again(&context, edit_form(&owner, &entry), error)?;
            edit_page(&context, &owner, &entry, form).await
        }
    }
}

/// Asks whether an entry is to be deleted, or says why it can't be and what to do instead.
pub async fn ask_delete<E: Entry>(context: RequestContext, id: web::Path<String>) -> Answer {
    let (owner, entry, in_the_way) = found::<E>(&context, id.into_inner()).await?;
    if let Some((message, (label, href))) = in_the_way {
        let title = format!("{} can't be deleted", format::in_heading(entry.name()));
        return FormPage::answer_with(&context, NAV, title, vec![message], None, vec![(label.to_owned(), href)]).await;
    }
    delete_page(&context, &entry, delete_form(&owner, &entry)).await
}

/// The form for deleting; it carries the name that the person saw.
fn delete_form<E: Entry>(owner: &E::Owner, entry: &E) -> Form {
    let page = address::<E>(owner, &format!("/{}", entry.id()));
    let action = address::<E>(owner, &format!("/{}/delete", entry.id()));
    let form = Form::new(action, E::DELETE).dangerous().or_back_to(page).field("name", "Name", Kind::Hidden, "");
    form.with("name", entry.name()).based_on_now()
}

async fn delete_page<E: Entry>(context: &RequestContext, entry: &E, form: Form) -> Answer {
    let intro = vec!["It has no stats. This can't be undone, and its id won't be reused.".to_owned()];
    FormPage::answer(context, NAV, format!("Delete {}?", entry.name()), intro, form).await
}

pub async fn delete<E: Entry>(context: RequestContext, id: web::Path<String>) -> Answer {
    let (owner, entry, _) = found::<E>(&context, id.into_inner()).await?;
    let form = delete_form(&owner, &entry);
    if let Some(form) = stale::refused(&context, &form, E::NOUN, entry.name().to_owned()).await? {
        return delete_page(&context, &entry, form).await;
    }
    let id = owner.id();
    context.run(move |context| entry.delete(&owner, context)).await?;
    Ok(context.go(&back(&E::WORDS.path(), id, "deleted")))
}
