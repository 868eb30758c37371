//! Offers: what users see, and the switch that shows their cost to Singular.

use std::collections::{HashMap, HashSet};

use actix_web::web;

use super::catalogue::{self, NAV, Words, scope};
use super::form::{Form, Kind};
use super::page::FormPage;
use super::shell::back;
use super::show;
use super::table::{Cell, Table};
use super::visit::{Answer, Visit};
use crate::domain::Name;
use crate::http::ClientError;
use crate::service::ServiceError;
use crate::service::catalogue::{self as changes, Change};
use crate::store::{AdvertiserRow, CampaignKey, DaySum, OfferKey, OfferRow, ReadTxn, StatFilter};

const PATH: &str = "/admin/catalogue/offers";

const WORDS: Words = Words {
    noun: "Offers",
    lead: "What users see and publishers promote. Singular is shown the cost of those whose cost reporting is on.",
    add: "Add offer",
    shared: false,
};

const HINT: &str =
    "Users see it, and Singular shows it as the campaign's name. A new name shows in the report of every day.";

/// The last 30 days' sums of each offer.
fn sums(txn: &ReadTxn<'_>, advertiser: &AdvertiserRow) -> Result<HashMap<OfferKey, DaySum>, ServiceError> {
    let offers: HashMap<CampaignKey, OfferKey> =
        txn.campaign_list(advertiser.key)?.into_iter().map(|row| (row.key, row.offer.key)).collect();
    let to = catalogue::today(advertiser.time_zone)?.to_stored();
    let filter = StatFilter { advertiser: advertiser.key, from: to - 29, to, campaign: None, publisher: None };
    let mut sums: HashMap<OfferKey, DaySum> = HashMap::new();
    txn.stat_scan_lines(&filter, |line| {
        if let Some(offer) = offers.get(&line.key.campaign) {
            sums.entry(*offer).or_default().add(&line.figures);
        }
    })?;
    Ok(sums)
}

/// The chosen advertiser's offers.
pub async fn list(visit: Visit) -> Answer {
    catalogue::list(&visit, WORDS, |visit, txn, shell| {
        let Some(advertiser) = &shell.advertiser else { return Ok(Table::default()) };
        let cost = format!("#Cost of 30 days, {}", advertiser.currency.code());
        let mut table = Table::new("Offers", &["Name", "Cost reporting", "#Campaigns", &cost, "#Clicks"]);
        let sums = sums(txn, advertiser)?;
        let campaigns = txn.campaign_list(advertiser.key)?;
        for row in txn.offer_list(advertiser.key)? {
            let link = format!("{PATH}/{}{}", row.id, scope(advertiser));
            let switch = format!("{PATH}/{}/reporting{}", row.id, scope(advertiser));
            let reporting = if row.cost_reporting { ("On", "good") } else { ("Off", "warn") };
            let runs = campaigns.iter().filter(|campaign| campaign.offer.key == row.key).count();
            let runs = i64::try_from(runs).unwrap_or_default();
            let sum = sums.get(&row.key).copied().unwrap_or_default();
            table.rows.push(vec![
                Cell::new(row.name).to(link, visit.may_change()),
                Cell::new(reporting.0).tone(reporting.1).to(switch, visit.may_change()),
                Cell::new(show::count(runs)).rank(runs),
                Cell::new(show::amount(sum.cost, advertiser.currency))
                    .title(sum.cost.to_string())
                    .rank(i128::try_from(sum.cost.rounded(6)).unwrap_or(i128::MAX)),
                Cell::new(show::count(sum.clicks)).rank(sum.clicks),
            ]);
        }
        Ok(table)
    })
    .await
}

fn new_form(advertiser: &AdvertiserRow) -> Form {
    Form::new(format!("{PATH}/new{}", scope(advertiser)), "Add offer")
        .or_back_to(format!("{PATH}{}", scope(advertiser)))
        .field("name", "Name", Kind::Text, HINT)
        .field(
            "cost_reporting",
            "Report its cost to Singular",
            Kind::Tick,
            "While it is off, Singular sees nothing of this offer. It can be turned on later, for all of its days.",
        )
}

async fn new_page(visit: &Visit, advertiser: &AdvertiserRow, form: Form) -> Answer {
    FormPage::answer(visit, NAV, "Add an offer", vec![format!("For {}.", advertiser.name)], form).await
}

/// The form for a new offer.
pub async fn new(visit: Visit) -> Answer {
    let (advertiser, ()) = catalogue::within(&visit, |_, _| Ok(Some(()))).await?;
    new_page(&visit, &advertiser, new_form(&advertiser)).await
}

/// Adds an offer.
pub async fn create(visit: Visit) -> Answer {
    let (advertiser, ()) = catalogue::within(&visit, |_, _| Ok(Some(()))).await?;
    let owner = advertiser.clone();
    let made = visit.run(move |visit| {
        let name = Name::parse("name", visit.field("name"))?;
        let on = visit.field("cost_reporting") == "on";
        changes::change(visit.store(), &owner, &Change::AddOffer(&name, on), &visit.actor())
    });
    match made.await {
        Ok(()) => Ok(visit.go(&back(PATH, Some(advertiser.id), "added"))),
        Err(error) => new_page(&visit, &advertiser, new_form(&advertiser).as_typed(&visit).refused(error)?).await,
    }
}

async fn found(visit: &Visit, id: String) -> Result<(AdvertiserRow, OfferRow), ClientError> {
    catalogue::within(visit, move |txn, advertiser| {
        Ok(txn.offer_list(advertiser.key)?.into_iter().find(|row| row.id.to_string() == id))
    })
    .await
}

fn edit_form(advertiser: &AdvertiserRow, row: &OfferRow) -> Form {
    Form::new(format!("{PATH}/{}{}", row.id, scope(advertiser)), "Save offer")
        .or_back_to(format!("{PATH}{}", scope(advertiser)))
        .field("name", "Name", Kind::Text, HINT)
        .with("name", row.name.clone())
}

async fn edit_page(visit: &Visit, advertiser: &AdvertiserRow, row: &OfferRow, form: Form) -> Answer {
    let intro = vec![format!("Its id is {}; ids never change.", row.id)];
    let switch = if row.cost_reporting { "Turn cost reporting off" } else { "Turn cost reporting on" };
    let links = vec![
        (switch.to_owned(), format!("{PATH}/{}/reporting{}", row.id, scope(advertiser))),
        ("Delete this offer".to_owned(), format!("{PATH}/{}/delete{}", row.id, scope(advertiser))),
    ];
    FormPage::answer_with(visit, NAV, row.name.clone(), intro, Some(form), links).await
}

/// The form for an offer.
pub async fn edit(visit: Visit, id: web::Path<String>) -> Answer {
    let (advertiser, row) = found(&visit, id.into_inner()).await?;
    edit_page(&visit, &advertiser, &row, edit_form(&advertiser, &row)).await
}

/// Renames an offer.
pub async fn save(visit: Visit, id: web::Path<String>) -> Answer {
    let (advertiser, row) = found(&visit, id.into_inner()).await?;
    let (owner, old) = (advertiser.clone(), row.clone());
    let saved = visit.run(move |visit| {
        let name = Name::parse("name", visit.field("name"))?;
        changes::change(visit.store(), &owner, &Change::RenameOffer(&old, &name), &visit.actor())
    });
    match saved.await {
        Ok(()) => Ok(visit.go(&back(PATH, Some(advertiser.id), "saved"))),
        Err(error) => {
            let form = edit_form(&advertiser, &row).as_typed(&visit).refused(error)?;
            edit_page(&visit, &advertiser, &row, form).await
        }
    }
}

/// Says what turning cost reporting on or off changes.
pub async fn ask_reporting(visit: Visit, id: web::Path<String>) -> Answer {
    let (advertiser, row) = found(&visit, id.into_inner()).await?;
    let (owner, key) = (advertiser.clone(), row.key);
    let sum = visit
        .run(move |visit| visit.store().read(|txn| Ok(sums(txn, &owner)?.get(&key).copied().unwrap_or_default())))
        .await?;
    let rows = show::plural(sum.rows, "row");
    let cost = format!("{} {}", show::amount(sum.cost, advertiser.currency), advertiser.currency.code());
    let (title, words, submit) = if row.cost_reporting {
        let words = format!(
            "{rows} of the last 30 days, with a cost of {cost}, disappear from the report, and all earlier ones. Singular \
             keeps what it has received, and gets nothing new."
        );
        (format!("Turn cost reporting off for {}?", row.name), words, "Turn cost reporting off")
    } else {
        let words = format!(
            "{rows} of the last 30 days, with a cost of {cost}, become visible to Singular, and all earlier ones."
        );
        (format!("Turn cost reporting on for {}?", row.name), words, "Turn cost reporting on")
    };
    let hidden = if row.cost_reporting { "off" } else { "on" };
    let form = Form::new(format!("{PATH}/{}/reporting{}", row.id, scope(&advertiser)), submit)
        .field("to", "", Kind::Hidden, "")
        .with("to", hidden)
        .or_back_to(format!("{PATH}{}", scope(&advertiser)));
    let form = if row.cost_reporting { form.dangerous() } else { form };
    FormPage::answer(&visit, NAV, title, vec![words], form).await
}

/// Turns cost reporting on or off, as the form said; sending it twice changes nothing more.
pub async fn switch_reporting(visit: Visit, id: web::Path<String>) -> Answer {
    let (advertiser, row) = found(&visit, id.into_inner()).await?;
    let on = visit.field("to") == "on";
    let to = back(PATH, Some(advertiser.id), if on { "reporting-on" } else { "reporting-off" });
    visit
        .run(move |visit| {
            let (whose, which) = (advertiser.id.to_string(), row.id.to_string());
            changes::switch_offer(visit.store(), &whose, &which, on, &visit.actor())
        })
        .await?;
    Ok(visit.go(&to))
}

/// Asks whether an offer is to be deleted.
pub async fn ask_delete(visit: Visit, id: web::Path<String>) -> Answer {
    let (advertiser, row) = found(&visit, id.into_inner()).await?;
    let key = row.key;
    let (_, runs): (_, HashSet<String>) = catalogue::within(&visit, move |txn, advertiser| {
        let campaigns = txn.campaign_list(advertiser.key)?;
        Ok(Some(campaigns.into_iter().filter(|campaign| campaign.offer.key == key).map(|row| row.name).collect()))
    })
    .await?;
    let count = i64::try_from(runs.len()).unwrap_or_default();
    let words = format!(
        "{} has {}. Delete those first, if they have no stats; or turn its cost reporting off.",
        row.name,
        show::plural(count, "campaign")
    );
    let action = format!("{PATH}/{}/delete{}", row.id, scope(&advertiser));
    let form = Form::new(action, "Delete offer").or_back_to(format!("{PATH}/{}{}", row.id, scope(&advertiser)));
    let way_out = ("Go to the campaigns".to_owned(), format!("/admin/catalogue/campaigns{}", scope(&advertiser)));
    catalogue::ask_delete(&visit, format!("Delete {}?", row.name), form, (count > 0).then_some(words), way_out).await
}

/// Deletes an offer.
pub async fn delete(visit: Visit, id: web::Path<String>) -> Answer {
    let (advertiser, row) = found(&visit, id.into_inner()).await?;
    let id = advertiser.id;
    visit
        .run(move |visit| changes::change(visit.store(), &advertiser, &Change::DeleteOffer(&row), &visit.actor()))
        .await?;
    Ok(visit.go(&back(PATH, Some(id), "deleted")))
}
