//! A field that chooses one of many entries: a list while there are few, else a text field that takes a name, an id or part
//! of a name.

use std::fmt::Display;

use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::format;
use crate::domain::Invalid;
use crate::service::names::{self, Named};
use crate::store::{
    AdvertiserKey, AppRow, CampaignRow, ListPage, ListQuery, OfferRow, PublisherRow, ReadTxn, StoreResult,
};

/// The longest list that is shown.
pub(in crate::admin) const CHOICES: u32 = 100;

/// How many similar entries an error names.
const NAMED: u32 = 8;

/// An entry that can be chosen.
pub trait Pickable: Sized {
    /// What people call one of them.
    const NOUN: &'static str;
    /// Entries whose names contain the text.
    fn page(txn: &ReadTxn<'_>, advertiser: AdvertiserKey, query: &ListQuery) -> StoreResult<ListPage<Self>>;
    /// The entry with this name or id, as look-ups understand it.
    fn named(txn: &ReadTxn<'_>, advertiser: AdvertiserKey, text: &str) -> StoreResult<Named<Self>>;
    /// The entry with exactly this id, even if it was merged into another.
    fn itself(_txn: &ReadTxn<'_>, _advertiser: AdvertiserKey, _id: &str) -> StoreResult<Option<Self>> {
        Ok(None)
    }
    fn id(&self) -> impl Display;
    /// What it is shown as.
    fn label(&self) -> String;
}

/// Adds a field that chooses one.
pub fn field<P: Pickable>(
    txn: &ReadTxn<'_>,
    advertiser: AdvertiserKey,
    form: Form,
    name: &'static str,
    label: &'static str,
    hint: &str,
) -> StoreResult<Form> {
    let query = ListQuery { limit: CHOICES, ..ListQuery::default() };
    let page = P::page(txn, advertiser, &query)?;
    Ok(if page.total > CHOICES {
        let hint =
            format!("{hint} There are {}: enter a name, a part of one, or an id.", format::count(page.total.into()));
        form.field(name, label, Kind::Text, hint.trim_start().to_owned())
    } else {
        let choices = page.rows.iter().map(|row| (row.id().to_string(), row.label())).collect();
        form.field(name, label, Kind::Choice(choices), hint)
    })
}

/// The one that was chosen or typed.
pub fn find<P: Pickable>(
    txn: &ReadTxn<'_>,
    advertiser: AdvertiserKey,
    field: &'static str,
    text: &str,
) -> StoreResult<Result<P, Invalid>> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Err(Invalid::because(field, format!("choose the {}", P::NOUN))));
    }
    if let Named::One(found) = P::named(txn, advertiser, text)? {
        return Ok(Ok(found));
    }
    let query = ListQuery { search: text.to_owned(), limit: NAMED, ..ListQuery::default() };
    let mut page = P::page(txn, advertiser, &query)?;
    Ok(match (page.total, page.rows.pop()) {
        (1, Some(only)) => Ok(only),
        (0, _) | (_, None) => Err(Invalid::because(field, format!("there is no {} “{text}”", P::NOUN))),
        (total, Some(last)) => {
            page.rows.push(last);
            let names: Vec<_> = page.rows.iter().map(|row| format!("“{}”", row.label())).collect();
            let more = if total > NAMED { " and more" } else { "" };
            let message =
                format!("“{text}” matches {total}: {}{more}. Enter the whole name or the id", names.join(", "));
            Err(Invalid::because(field, message))
        }
    })
}

impl Pickable for CampaignRow {
    const NOUN: &'static str = "campaign";

    fn page(txn: &ReadTxn<'_>, advertiser: AdvertiserKey, query: &ListQuery) -> StoreResult<ListPage<Self>> {
        txn.campaign_page(advertiser, query)
    }

    fn named(txn: &ReadTxn<'_>, advertiser: AdvertiserKey, text: &str) -> StoreResult<Named<Self>> {
        names::campaign(txn, advertiser, text)
    }

    fn itself(txn: &ReadTxn<'_>, advertiser: AdvertiserKey, id: &str) -> StoreResult<Option<Self>> {
        Ok(id.parse().ok().map(|id| txn.campaign_find(advertiser, id)).transpose()?.flatten())
    }

    fn id(&self) -> impl Display {
        self.id
    }

    fn label(&self) -> String {
        self.name.clone()
    }
}

impl Pickable for PublisherRow {
    const NOUN: &'static str = "publisher";

    fn page(txn: &ReadTxn<'_>, _: AdvertiserKey, query: &ListQuery) -> StoreResult<ListPage<Self>> {
        txn.publisher_page(query)
    }

    fn named(txn: &ReadTxn<'_>, _: AdvertiserKey, text: &str) -> StoreResult<Named<Self>> {
        names::publisher(txn, text)
    }

    fn itself(txn: &ReadTxn<'_>, _: AdvertiserKey, id: &str) -> StoreResult<Option<Self>> {
        Ok(id.parse().ok().map(|id| txn.publisher_find(id)).transpose()?.flatten())
    }

    fn id(&self) -> impl Display {
        self.id
    }

    fn label(&self) -> String {
        self.name.clone()
    }
}

impl Pickable for OfferRow {
    const NOUN: &'static str = "offer";

    fn page(txn: &ReadTxn<'_>, advertiser: AdvertiserKey, query: &ListQuery) -> StoreResult<ListPage<Self>> {
        let ListPage { rows, total } = txn.offer_page(advertiser, query)?;
        Ok(ListPage { rows: rows.into_iter().map(|(row, _)| row).collect(), total })
    }

    fn named(txn: &ReadTxn<'_>, advertiser: AdvertiserKey, text: &str) -> StoreResult<Named<Self>> {
        names::offer(txn, advertiser, text)
    }

    fn id(&self) -> impl Display {
        self.id
    }

    fn label(&self) -> String {
        self.name.clone()
    }
}

impl Pickable for AppRow {
    const NOUN: &'static str = "app";

    fn page(txn: &ReadTxn<'_>, advertiser: AdvertiserKey, query: &ListQuery) -> StoreResult<ListPage<Self>> {
        let ListPage { rows, total } = txn.app_page(advertiser, query)?;
        Ok(ListPage { rows: rows.into_iter().map(|(row, _)| row).collect(), total })
    }

    fn named(txn: &ReadTxn<'_>, advertiser: AdvertiserKey, text: &str) -> StoreResult<Named<Self>> {
        let found = txn.app_with_campaigns(advertiser, &text.to_lowercase())?;
        Ok(found.map_or(Named::Nothing, |(row, _)| Named::One(row)))
    }

    fn id(&self) -> impl Display {
        self.id
    }

    fn label(&self) -> String {
        format!("{} ({} {})", self.name, self.store.os(), self.store.as_str())
    }
}
