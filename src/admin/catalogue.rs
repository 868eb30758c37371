//! What the catalogue's pages share: the list with search and sort, the way to one of the chosen advertiser's things, the
//! words of a refused deletion.

use askama::Template;
use chrono::Utc;

use super::form::Form;
use super::page::FormPage;
use super::shell::Shell;
use super::show;
use super::table::Table;
use super::visit::{Answer, Visit, missing_is_not_found};
use crate::domain::{Day, ReportingZone};
use crate::http::ClientError;
use crate::service::ServiceError;
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

/// What a list says about itself.
pub(super) struct Words {
    /// Its noun, as in the navigation.
    pub(super) noun: &'static str,
    /// What belongs here, and why.
    pub(super) lead: &'static str,
    /// The button that adds one.
    pub(super) add: &'static str,
    /// Whether it is shared by all advertisers.
    pub(super) shared: bool,
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
            let path = words.noun.to_lowercase();
            let add_link = may_add.then(|| format!("/admin/catalogue/{path}/new{}", shell.scope));
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
            let missing = |what: &str| StoreError::Missing(format!("There is no such {what}."));
            let advertiser = visit.advertisers(txn)?.1.ok_or_else(|| missing("advertiser"))?;
            let item = find(txn, &advertiser)?.ok_or_else(|| missing("entry in this advertiser's catalogue"))?;
            Ok((advertiser, item))
        })
    });
    found.await.map_err(missing_is_not_found)
}

/// `?advertiser=…`, which keeps a form at the advertiser it was opened for.
pub(super) fn scope(advertiser: &AdvertiserRow) -> String {
    format!("?advertiser={}", advertiser.id)
}

/// Today, where the advertiser counts days.
pub(super) fn today(zone: ReportingZone) -> Result<Day, ServiceError> {
    Ok(Day::try_from(Utc::now().with_timezone(&zone.tz()).date_naive())?)
}

/// Says why something with stats can't be deleted, and what to do instead; or asks whether it is to be deleted.
pub(super) async fn ask_delete(
    visit: &Visit,
    title: String,
    form: Form,
    in_the_way: Option<String>,
    way_out: (String, String),
) -> Answer {
    if let Some(words) = in_the_way {
        let title = title.replace("Delete", "Can't delete").trim_end_matches('?').to_owned();
        return FormPage::answer_with(visit, NAV, title, vec![words], None, vec![way_out]).await;
    }
    let intro = vec!["No stats belong to it. Its id is gone with it and is not given out again.".to_owned()];
    FormPage::answer(visit, NAV, title, intro, form.dangerous()).await
}

/// "has 1,143 rows of stats from 1 Aug 2023 to 31 Aug 2023"
pub(super) fn has_stats(usage: &Usage) -> String {
    let (first, last) = (show::stored_day(usage.days.0), show::stored_day(usage.days.1));
    format!("has {} of stats, from {first} to {last}", show::plural(usage.rows, "row"))
}
