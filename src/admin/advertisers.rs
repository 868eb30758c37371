//! Advertisers: the accounts that pay. They are disabled rather than deleted: their history stays.

use actix_web::web;

use super::catalogue::{self, NAV, Words};
use super::form::{Form, Kind};
use super::page::FormPage;
use super::shell::back;
use super::table::{Cell, Table};
use super::visit::{Answer, Visit, missing_is_not_found};
use crate::domain::{AdvertiserId, Currency, Name, ReportingZone};
use crate::http::ClientError;
use crate::service::{ServiceResult, catalogue as changes};
use crate::store::AdvertiserRow;

const PATH: &str = "/admin/catalogue/advertisers";

const WORDS: Words = Words {
    noun: "Advertisers",
    lead: "The accounts that pay. Apps, offers, campaigns and tokens belong to one; a token shows one's figures and no others'.",
    add: ("Add advertiser", "Add an advertiser"),
    shared: true,
};

/// All advertisers.
pub async fn list(visit: Visit) -> Answer {
    catalogue::list(&visit, WORDS, |visit, txn, _| {
        let mut table = Table::new("Advertisers", &["Name", "State", "Currency", "Days are counted in"]);
        for row in txn.advertiser_list()? {
            let state = match row.disabled_at {
                Some(_) => Cell::new("Disabled").tone("quiet"),
                None => Cell::new("Active").tone("good"),
            };
            table.rows.push(vec![
                Cell::new(row.name).to(format!("{PATH}/{}?advertiser={}", row.id, row.id), visit.may_change()),
                state,
                Cell::new(row.currency.code()),
                Cell::new(row.time_zone.name()),
            ]);
        }
        Ok(table)
    })
    .await
}

fn zone_field(form: Form) -> Form {
    let zones = ReportingZone::names().map(str::to_owned).collect();
    let hint = "An IANA name such as Europe/Berlin. It says when \"yesterday\" is over; no stored day is ever converted. \
                Singular should be told the same zone.";
    form.field("time_zone", "Time zone", Kind::Suggest(zones), hint)
}

fn new_form() -> Form {
    let form = Form::new(format!("{PATH}/new"), "Add advertiser").or_back_to(PATH).field(
        "name",
        "Name",
        Kind::Text,
        "People see it here. Singular does not read it.",
    );
    let currencies = ["USD", "EUR", "GBP", "JPY", "CAD", "AUD", "BRL", "INR", "KRW"].map(str::to_owned).into();
    let hint = "Three letters. All of the advertiser's cost is in it, for good. The report names no currency: tell Singular \
                the same one.";
    zone_field(form.field("currency", "Currency", Kind::Suggest(currencies), hint))
}

async fn new_page(visit: &Visit, form: Form) -> Answer {
    FormPage::answer(visit, NAV, "Add an advertiser", Vec::new(), form).await
}

/// The form for a new advertiser.
pub async fn new(visit: Visit) -> Answer {
    new_page(&visit, new_form().with("currency", "USD").with("time_zone", "UTC")).await
}

/// Adds an advertiser.
pub async fn create(visit: Visit) -> Answer {
    let made = visit.run(|visit| {
        let name = Name::parse("name", visit.field("name"))?;
        let (currency, zone) = (Currency::parse(visit.field("currency"))?, visit.field("time_zone").parse()?);
        changes::create_advertiser(visit.store(), &name, currency, zone, &visit.actor())
    });
    match made.await {
        Ok(row) => Ok(visit.go(&back("/admin/catalogue/apps", Some(row.id), "added"))),
        Err(error) => new_page(&visit, new_form().as_typed(&visit).refused(error)?).await,
    }
}

async fn found(visit: &Visit, id: String) -> Result<AdvertiserRow, ClientError> {
    let find = move |visit: &Visit| -> ServiceResult<AdvertiserRow> {
        let id: AdvertiserId = id.parse()?;
        Ok(visit.store().read(|txn| txn.advertiser_get(&id.to_string()))?)
    };
    visit.run(find).await.map_err(missing_is_not_found)
}

fn edit_form(row: &AdvertiserRow) -> Form {
    let form = Form::new(format!("{PATH}/{}?advertiser={}", row.id, row.id), "Save advertiser").or_back_to(PATH);
    zone_field(form.field("name", "Name", Kind::Text, "People see it here. Singular does not read it."))
        .with("name", row.name.clone())
        .with("time_zone", row.time_zone.name())
}

async fn edit_page(visit: &Visit, row: &AdvertiserRow, form: Form) -> Answer {
    let intro = vec![format!("Its cost is in {}. Its id is {}; ids never change.", row.currency.code(), row.id)];
    let words = if row.disabled_at.is_some() { "Enable this advertiser" } else { "Disable this advertiser" };
    let switch = (words.to_owned(), format!("{PATH}/{}/switch?advertiser={}", row.id, row.id));
    FormPage::answer_with(visit, NAV, row.name.clone(), intro, Some(form), vec![switch]).await
}

/// The form for an advertiser.
pub async fn edit(visit: Visit, id: web::Path<String>) -> Answer {
    let row = found(&visit, id.into_inner()).await?;
    edit_page(&visit, &row, edit_form(&row)).await
}

/// Changes an advertiser.
pub async fn save(visit: Visit, id: web::Path<String>) -> Answer {
    let row = found(&visit, id.into_inner()).await?;
    let old = row.clone();
    let saved = visit.run(move |visit| {
        let name = Name::parse("name", visit.field("name"))?;
        let zone: ReportingZone = visit.field("time_zone").parse()?;
        changes::update_advertiser(visit.store(), &old, &name, zone, &visit.actor())
    });
    match saved.await {
        Ok(()) => Ok(visit.go(&back(PATH, Some(row.id), "saved"))),
        Err(error) => edit_page(&visit, &row, edit_form(&row).as_typed(&visit).refused(error)?).await,
    }
}

/// Asks whether an advertiser is to be switched.
pub async fn ask_switch(visit: Visit, id: web::Path<String>) -> Answer {
    let row = found(&visit, id.into_inner()).await?;
    let action = format!("{PATH}/{}/switch?advertiser={}", row.id, row.id);
    let (title, words, form) = if row.disabled_at.is_some() {
        let words = "Its tokens that are neither revoked nor expired work again from the next request on.";
        (format!("Enable {}?", row.name), words, Form::new(action, "Enable advertiser"))
    } else {
        let words = "Its tokens are refused from the next request on, so Singular gets no cost. Nothing is deleted, and it \
                     can be enabled again.";
        (format!("Disable {}?", row.name), words, Form::new(action, "Disable advertiser").dangerous())
    };
    FormPage::answer(&visit, NAV, title, vec![words.to_owned()], form.or_back_to(PATH)).await
}

/// Switches an advertiser.
pub async fn switch(visit: Visit, id: web::Path<String>) -> Answer {
    let row = found(&visit, id.into_inner()).await?;
    let (on, id) = (row.disabled_at.is_some(), row.id);
    visit.run(move |visit| changes::switch_advertiser(visit.store(), &row, on, &visit.actor())).await?;
    Ok(visit.go(&back(PATH, Some(id), if on { "enabled" } else { "disabled" })))
}
