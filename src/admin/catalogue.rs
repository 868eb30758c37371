//! The catalogue's pages: list with search and sort, add, change, delete. What is special about apps, offers, campaigns and
//! publishers stands in their own files, as an [`Entry`].

use actix_web::web;
use askama::Template;
use chrono::Utc;

use super::form::Form;
use super::page::FormPage;
use super::shell::{Shell, back};
use super::show;
use super::table::Table;
use super::visit::{Answer, Visit, missing_is_not_found};
use crate::domain::{AdvertiserId, Day, ReportingZone};
use crate::http::ClientError;
use crate::service::{ServiceError, ServiceResult};
use crate::store::{AdvertiserRow, ReadTxn, StoreError, StoreResult, Usage};

/// The navigation's noun for all of them.
pub(super) const NAV: &str = "Catalogue";

const NOUNS: [(&str, &str); 5] = [
    ("Offers", "offers"),
    ("Campaigns", "campaigns"),
    ("Apps", "apps"),
    ("Publishers", "publishers"),
    ("Advertisers", "advertisers"),
];

/// What pages call a noun.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    /// The noun, as in the navigation; in lower case it is also the path.
    pub noun: &'static str,
    /// What belongs here, and why.
    pub lead: &'static str,
    /// The button that adds one, and the title of its page.
    pub add: (&'static str, &'static str),
    /// Whether it is shared by all advertisers.
    pub shared: bool,
}

impl Words {
    fn path(self) -> String {
        format!("/admin/catalogue/{}", self.noun.to_lowercase())
    }
}

/// Whose an entry is: one advertiser's, or everybody's.
pub trait Owner: Clone + Send + Sync + 'static {
    /// The one the page was asked for.
    fn chosen(visit: &Visit, txn: &ReadTxn<'_>) -> StoreResult<Self>;
    /// Which advertiser it is, if it is one.
    fn id(&self) -> Option<AdvertiserId>;
    /// What a new entry's page says of it.
    fn says(&self) -> Vec<String>;

    /// What keeps a form at the owner it was opened for.
    fn scope(&self) -> String {
        self.id().map(|id| format!("?advertiser={id}")).unwrap_or_default()
    }
}

impl Owner for AdvertiserRow {
    fn chosen(visit: &Visit, txn: &ReadTxn<'_>) -> StoreResult<Self> {
        visit.advertisers(txn)?.1.ok_or_else(|| StoreError::Missing("There is no advertiser yet.".to_owned()))
    }

    fn id(&self) -> Option<AdvertiserId> {
        Some(self.id)
    }

    fn says(&self) -> Vec<String> {
        vec![format!("For {}.", self.name)]
    }
}

impl Owner for () {
    fn chosen(_: &Visit, _: &ReadTxn<'_>) -> StoreResult<Self> {
        Ok(())
    }

    fn id(&self) -> Option<AdvertiserId> {
        None
    }

    fn says(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Why something can't be deleted, and the way out: words and address.
pub type InTheWay = (String, (&'static str, String));

/// Something the catalogue keeps: its forms, and what they do.
pub trait Entry: Clone + Send + Sync + 'static {
    /// Whose it is.
    type Owner: Owner;
    /// What pages call it.
    const WORDS: Words;
    /// The button that saves it.
    const SAVE: &'static str;
    /// The button that deletes it.
    const DELETE: &'static str;

    /// The one with this id.
    fn find(txn: &ReadTxn<'_>, owner: &Self::Owner, id: &str) -> StoreResult<Option<Self>>;
    /// Its id, as addresses have it.
    fn id(&self) -> String;
    /// Its name.
    fn name(&self) -> &str;
    /// The fields of a new one.
    fn blank(txn: &ReadTxn<'_>, owner: &Self::Owner, form: Form) -> StoreResult<Form>;
    /// Adds what was typed.
    fn add(owner: &Self::Owner, visit: &Visit) -> ServiceResult<()>;
    /// The fields that can be changed, with what they hold.
    fn fields(&self, form: Form) -> Form;
    /// What its page says above the fields.
    fn says(&self) -> Vec<String>;
    /// Ways onward from its page.
    fn links(&self, _owner: &Self::Owner) -> Vec<(String, String)> {
        Vec::new()
    }
    /// Changes it to what was typed.
    fn save(&self, owner: &Self::Owner, visit: &Visit) -> ServiceResult<()>;
    /// What keeps it from being deleted.
    fn in_the_way(&self, owner: &Self::Owner, txn: &ReadTxn<'_>) -> StoreResult<Option<InTheWay>>;
    /// Takes it away.
    fn delete(&self, owner: &Self::Owner, visit: &Visit) -> ServiceResult<()>;
}

#[derive(Template)]
#[template(path = "admin/catalogue.html")]
struct Page {
    shell: Shell,
    words: Words,
    nouns: Vec<(&'static str, String, bool)>,
    table: Table,
    search: String,
    is_empty: bool,
    add_link: Option<String>,
}

/// Answers with a list; `table` makes its rows.
pub(super) async fn list(
    visit: &Visit,
    words: Words,
    table: impl FnOnce(&Visit, &ReadTxn<'_>, &Shell) -> Result<Table, ServiceError> + Send + 'static,
) -> Answer {
    visit
        .show(move |visit, txn| {
            let shell = Shell::new(visit, txn, NAV, words.noun)?;
            let all = table(visit, txn, &shell)?;
            let is_empty = all.rows.is_empty();
            let nouns = NOUNS
                .map(|(label, path)| (label, format!("/admin/catalogue/{path}{}", shell.scope), label == words.noun));
            let may_add = shell.may_change && (words.shared || shell.advertiser.is_some());
            let add_link = may_add.then(|| format!("{}/new{}", words.path(), shell.scope));
            Ok(Page {
                table: all.searched_and_sorted(visit),
                search: visit.query("search").to_owned(),
                nouns: nouns.into(),
                shell,
                words,
                is_empty,
                add_link,
            })
        })
        .await
}

/// The chosen advertiser, and what `find` finds with it.
pub(super) async fn within<T: Send + 'static>(
    visit: &Visit,
    find: impl FnOnce(&ReadTxn<'_>, &AdvertiserRow) -> StoreResult<Option<T>> + Send + 'static,
) -> Result<(AdvertiserRow, T), ClientError> {
    let found = visit.run(move |visit| {
        visit.store().read(|txn| {
            let advertiser = AdvertiserRow::chosen(visit, txn)?;
            let item = find(txn, &advertiser)?.ok_or_else(missing)?;
            Ok((advertiser, item))
        })
    });
    found.await.map_err(missing_is_not_found)
}

fn missing() -> StoreError {
    StoreError::Missing("There is no such entry in this catalogue.".to_owned())
}

/// `?advertiser=…`, which keeps a form at the advertiser it was opened for.
pub(super) fn scope(advertiser: &AdvertiserRow) -> String {
    format!("?advertiser={}", advertiser.id)
}

/// Today, where the advertiser counts days.
pub(super) fn today(zone: ReportingZone) -> Result<Day, ServiceError> {
    Ok(Day::try_from(zone.clock().at(Utc::now()).0.date())?)
}

/// "has 1,143 rows of stats from 1 Aug 2023 to 31 Aug 2023"
pub(super) fn has_stats(usage: &Usage) -> String {
    let (first, last) = (show::stored_day(usage.days.0), show::stored_day(usage.days.1));
    format!("has {} of stats, from {first} to {last}", show::plural(usage.rows, "row"))
}

/// Where an entry's list, or a page of its own, is.
fn address<E: Entry>(owner: &E::Owner, below: &str) -> String {
    format!("{}{below}{}", E::WORDS.path(), owner.scope())
}

async fn blank<E: Entry>(visit: &Visit) -> Result<(E::Owner, Form), ClientError> {
    let made = visit.run(|visit| {
        visit.store().read(|txn| {
            let owner = E::Owner::chosen(visit, txn)?;
            let form = Form::new(address::<E>(&owner, "/new"), E::WORDS.add.0).or_back_to(address::<E>(&owner, ""));
            let form = E::blank(txn, &owner, form)?;
            Ok((owner, form))
        })
    });
    made.await.map_err(missing_is_not_found)
}

/// A form whose choices are all there, or the ways to what must be added first.
async fn new_page<E: Entry>(visit: &Visit, owner: &E::Owner, form: Form) -> Answer {
    let first: Vec<_> = form
        .fields
        .iter()
        .filter(|field| field.is_choice() && field.choices().is_empty())
        .map(|field| {
            let href = format!("/admin/catalogue/{}s/new{}", field.name, owner.scope());
            (format!("Add an {} first", field.name), href)
        })
        .collect();
    let form = first.is_empty().then_some(form);
    FormPage::answer_with(visit, NAV, E::WORDS.add.1, owner.says(), form, first).await
}

/// The form for a new entry.
pub async fn new<E: Entry>(visit: Visit) -> Answer {
    let (owner, form) = blank::<E>(&visit).await?;
    new_page::<E>(&visit, &owner, form).await
}

/// Adds an entry.
pub async fn create<E: Entry>(visit: Visit) -> Answer {
    let (owner, form) = blank::<E>(&visit).await?;
    let whose = owner.clone();
    match visit.run(move |visit| E::add(&whose, visit)).await {
        Ok(()) => Ok(visit.go(&back(&E::WORDS.path(), owner.id(), "added"))),
        Err(error) => new_page::<E>(&visit, &owner, form.as_typed(&visit).refused(error)?).await,
    }
}

async fn found<E: Entry>(visit: &Visit, id: String) -> Result<(E::Owner, E, Option<InTheWay>), ClientError> {
    let found = visit.run(move |visit| {
        visit.store().read(|txn| {
            let owner = E::Owner::chosen(visit, txn)?;
            let entry = E::find(txn, &owner, &id)?.ok_or_else(missing)?;
            let in_the_way = entry.in_the_way(&owner, txn)?;
            Ok((owner, entry, in_the_way))
        })
    });
    found.await.map_err(missing_is_not_found)
}

fn edit_form<E: Entry>(owner: &E::Owner, entry: &E) -> Form {
    let form = Form::new(address::<E>(owner, &format!("/{}", entry.id())), E::SAVE);
    entry.fields(form.or_back_to(address::<E>(owner, "")))
}

async fn edit_page<E: Entry>(visit: &Visit, owner: &E::Owner, entry: &E, form: Form) -> Answer {
    let mut links = entry.links(owner);
    links.push((E::DELETE.to_owned(), address::<E>(owner, &format!("/{}/delete", entry.id()))));
    FormPage::answer_with(visit, NAV, entry.name(), entry.says(), Some(form), links).await
}

/// The form for an entry.
pub async fn edit<E: Entry>(visit: Visit, id: web::Path<String>) -> Answer {
    let (owner, entry, _) = found::<E>(&visit, id.into_inner()).await?;
    edit_page(&visit, &owner, &entry, edit_form(&owner, &entry)).await
}

/// Changes an entry.
pub async fn save<E: Entry>(visit: Visit, id: web::Path<String>) -> Answer {
    let (owner, entry, _) = found::<E>(&visit, id.into_inner()).await?;
    let (whose, old) = (owner.clone(), entry.clone());
    match visit.run(move |visit| old.save(&whose, visit)).await {
        Ok(()) => Ok(visit.go(&back(&E::WORDS.path(), owner.id(), "saved"))),
        Err(error) => {
            let form = edit_form(&owner, &entry).as_typed(&visit).refused(error)?;
            edit_page(&visit, &owner, &entry, form).await
        }
    }
}

/// Asks whether an entry is to be deleted, or says why it can't be and what to do instead.
pub async fn ask_delete<E: Entry>(visit: Visit, id: web::Path<String>) -> Answer {
    let (owner, entry, in_the_way) = found::<E>(&visit, id.into_inner()).await?;
    if let Some((words, (label, href))) = in_the_way {
        let title = format!("{} can't be deleted", entry.name());
        return FormPage::answer_with(&visit, NAV, title, vec![words], None, vec![(label.to_owned(), href)]).await;
    }
    let page = address::<E>(&owner, &format!("/{}", entry.id()));
    let action = address::<E>(&owner, &format!("/{}/delete", entry.id()));
    let form = Form::new(action, E::DELETE).dangerous().or_back_to(page);
    let intro = vec!["No stats belong to it. Its id is gone with it and is not given out again.".to_owned()];
    FormPage::answer(&visit, NAV, format!("Delete {}?", entry.name()), intro, form).await
}

/// Deletes an entry.
pub async fn delete<E: Entry>(visit: Visit, id: web::Path<String>) -> Answer {
    let (owner, entry, _) = found::<E>(&visit, id.into_inner()).await?;
    let id = owner.id();
    visit.run(move |visit| entry.delete(&owner, visit)).await?;
    Ok(visit.go(&back(&E::WORDS.path(), id, "deleted")))
}
