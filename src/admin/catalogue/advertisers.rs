//! Advertisers: the accounts that pay. They are disabled, never deleted, so that their history is kept.

use actix_web::web;

use crate::admin::catalogue::entry::{self, Labels, Listed, NAV};
use crate::admin::kit::context::{Answer, RequestContext, missing_is_not_found};
use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::form_page::FormPage;
use crate::admin::kit::layout::back;
use crate::admin::kit::stale;
use crate::admin::kit::table::{Cell, Column, Table};
use crate::domain::{AdvertiserId, Currency, Name, ReportingZone};
use crate::http::ClientError;
use crate::service::{ServiceResult, catalogue as changes};
use crate::store::AdvertiserRow;

const PATH: &str = "/admin/catalogue/advertisers";

const WORDS: Labels = Labels {
    noun: "Advertisers",
    lead: "The accounts that pay. Apps, offers, campaigns and tokens belong to one; each token gives access to one advertiser only.",
    add: ("Add advertiser", "Add an advertiser"),
    shared: true,
};

pub async fn list(context: RequestContext) -> Answer {
    entry::list(&context, WORDS, |context, txn, _| {
        let mut table = Table::with_columns(
            "Advertisers",
            vec![
                Column::name("Name"),
                Column::text("State"),
                Column::text("Currency"),
                Column::text("Days are counted in").less(),
                Column::text("Stats"),
            ],
        );
        let search = context.query("search").to_lowercase();
        let mut rows = txn.advertiser_list()?;
        rows.retain(|row| row.name.to_lowercase().contains(&search) || row.id.to_string() == search);
        let query = entry::query(context, &mut table, 1);
        if query.down {
            rows.reverse();
        }
        let total = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        for row in rows.into_iter().skip(query.offset as usize).take(query.limit as usize) {
            let state = match row.disabled_at {
                Some(_) => Cell::new("Disabled").tone("quiet"),
                None => Cell::new("Active").tone("good"),
            };
            let rows_link = format!("/admin/stats?advertiser={}", row.id);
            table.rows.push(vec![
                Cell::new(&row.name).to(format!("{PATH}/{}?advertiser={}", row.id, row.id), context.may_change()),
                state,
                Cell::new(row.currency.code()),
                Cell::new(row.time_zone.name()),
                Cell::new("See").to(rows_link, true).label(format!("See the stats of {}", row.name)),
            ]);
        }
        Ok(Listed { table, total, note: "" })
    })
    .await
}

fn zone_field(form: Form) -> Form {
    let zones = ReportingZone::names().map(str::to_owned).collect();
    let hint = "An IANA name such as Europe/Berlin. Decides when a day ends. Changing it doesn't alter stored data. Choose the same zone in Singular.";
    form.field("time_zone", "Time zone", Kind::Suggest(zones), hint)
}

fn new_form() -> Form {
    let form = Form::new(format!("{PATH}/new"), "Add advertiser").or_back_to(PATH).field(
        "name",
        "Name",
        Kind::Text,
        "Shown only in Pitlane. Singular doesn't use it.",
    );
    let currencies = ["USD", "EUR", "GBP", "JPY", "CAD", "AUD", "BRL", "INR", "KRW"].map(str::to_owned).into();
    let hint = "Three-letter code. It can't be changed later. Choose the same currency in Singular; the report itself doesn't state one.";
    zone_field(form.field("currency", "Currency", Kind::Suggest(currencies), hint))
}

async fn new_page(context: &RequestContext, form: Form) -> Answer {
    FormPage::answer(context, NAV, "Add an advertiser", Vec::new(), form).await
}

/// The form for a new advertiser.
pub async fn new(context: RequestContext) -> Answer {
    new_page(&context, new_form().with("currency", "USD").with("time_zone", "UTC")).await
}

pub async fn create(context: RequestContext) -> Answer {
    let made = context.run(|context| {
        let name = Name::parse("name", context.field("name"))?;
        let (currency, zone) = (Currency::parse(context.field("currency"))?, context.field("time_zone").parse()?);
        changes::create_advertiser(context.store(), &name, currency, zone, &context.actor())
    });
    match made.await {
        Ok(row) => Ok(context.go(&back("/admin/catalogue/apps", Some(row.id), "added"))),
        Err(error) => new_page(&context, new_form().as_typed(&context).refused(error)?).await,
    }
}

async fn found(context: &RequestContext, id: String) -> Result<AdvertiserRow, ClientError> {
    let find = move |context: &RequestContext| -> ServiceResult<AdvertiserRow> {
        let id: AdvertiserId = id.parse()?;
        Ok(context.store().read(|txn| txn.advertiser_get(&id.to_string()))?)
    };
    context.run(find).await.map_err(missing_is_not_found)
}

fn edit_form(row: &AdvertiserRow) -> Form {
    let form = Form::new(format!("{PATH}/{}?advertiser={}", row.id, row.id), "Save advertiser").or_back_to(PATH);
    zone_field(form.field("name", "Name", Kind::Text, "Shown only in Pitlane. Singular doesn't use it."))
        .with("name", row.name.clone())
        .with("time_zone", row.time_zone.name())
        .based_on_now()
}

async fn edit_page(context: &RequestContext, row: &AdvertiserRow, form: Form) -> Answer {
    let intro = vec![format!("Its cost is in {}. Its id is {}. This id is permanent.", row.currency.code(), row.id)];
    let message = if row.disabled_at.is_some() { "Enable this advertiser" } else { "Disable this advertiser" };
    let switch = (message.to_owned(), format!("{PATH}/{}/switch?advertiser={}", row.id, row.id));
    FormPage::answer_with(context, NAV, row.name.clone(), intro, Some(form), vec![switch]).await
}

/// The form for an advertiser.
pub async fn edit(context: RequestContext, id: web::Path<String>) -> Answer {
    let row = found(&context, id.into_inner()).await?;
    edit_page(&context, &row, edit_form(&row)).await
}

pub async fn save(context: RequestContext, id: web::Path<String>) -> Answer {
    let row = found(&context, id.into_inner()).await?;
    if let Some(form) = stale::refused(&context, &edit_form(&row), "advertiser", row.name.clone()).await? {
        return edit_page(&context, &row, form).await;
    }
    let old = row.clone();
    let saved = context.run(move |context| {
        let name = Name::parse("name", context.field("name"))?;
        let zone: ReportingZone = context.field("time_zone").parse()?;
        changes::update_advertiser(context.store(), &old, &name, zone, &context.actor())
    });
    match saved.await {
        Ok(()) => Ok(context.go(&back(PATH, Some(row.id), "saved"))),
        Err(error) => edit_page(&context, &row, edit_form(&row).as_typed(&context).refused(error)?).await,
    }
}

/// Asks for confirmation before an advertiser is enabled or disabled.
pub async fn ask_switch(context: RequestContext, id: web::Path<String>) -> Answer {
    let row = found(&context, id.into_inner()).await?;
    let action = format!("{PATH}/{}/switch?advertiser={}", row.id, row.id);
    let (title, message, form) = if row.disabled_at.is_some() {
        let message = "Its tokens work again from the next request on, unless they are revoked or expired.";
        (format!("Enable {}?", row.name), message, Form::new(action, "Enable advertiser"))
    } else {
        let message = "Its tokens are refused from the next request on, so Singular gets no cost. Nothing is deleted, and it \
                     can be enabled again.";
        (format!("Disable {}?", row.name), message, Form::new(action, "Disable advertiser").dangerous())
    };
    let to = if row.disabled_at.is_some() { "on" } else { "off" };
    let form = form.field("to", "", Kind::Hidden, "").with("to", to);
    FormPage::answer(&context, NAV, title, vec![message.to_owned()], form.or_back_to(PATH)).await
}

/// Enables or disables an advertiser as the form says; sending it twice changes nothing more.
pub async fn switch(context: RequestContext, id: web::Path<String>) -> Answer {
    let row = found(&context, id.into_inner()).await?;
    let on = match context.sent("to") {
        Some(to) => to == "on",
        None => row.disabled_at.is_some(),
    };
    let id = row.id;
    if on != row.disabled_at.is_some() {
        return Ok(context.go(&back(PATH, Some(id), if on { "enabled" } else { "disabled" })));
    }
    context.run(move |context| changes::switch_advertiser(context.store(), &row, on, &context.actor())).await?;
    Ok(context.go(&back(PATH, Some(id), if on { "enabled" } else { "disabled" })))
}
