//! Campaigns: the advertiser's own name for an offer on one app. Stats hang on them.

use actix_web::web;

use super::catalogue::{self, NAV, Words, scope};
use super::form::{Form, Kind};
use super::page::FormPage;
use super::shell::back;
use super::table::{Cell, Table};
use super::visit::{Answer, Visit};
use crate::domain::{Invalid, Name};
use crate::http::ClientError;
use crate::service::catalogue::{self as changes, Change};
use crate::store::{AdvertiserRow, CampaignRow};

const PATH: &str = "/admin/catalogue/campaigns";

const WORDS: Words = Words {
    noun: "Campaigns",
    lead: "The advertiser's own name for an offer on one app. Stats hang on campaigns. Singular gets the id as network campaign \
           id, so the tracking link should carry it too, as pcid.",
    add: "Add campaign",
    shared: false,
};

const HINT: &str =
    "Your own name, such as AOS_TEST_2025. Imports find the campaign by it; Singular shows the offer's name.";

/// The chosen advertiser's campaigns.
pub async fn list(visit: Visit) -> Answer {
    catalogue::list(&visit, WORDS, |visit, txn, shell| {
        let mut table = Table::new("Campaigns", &["Name", "Offer", "App", "Campaign id"]);
        let Some(advertiser) = &shell.advertiser else { return Ok(table) };
        let mut rows = txn.campaign_list(advertiser.key)?;
        rows.sort_by_key(|row| row.name.to_lowercase());
        for row in rows {
            let id = row.id.to_string();
            table.rows.push(vec![
                Cell::new(row.name).to(format!("{PATH}/{id}{}", scope(advertiser)), visit.may_change()),
                Cell::new(row.offer.name),
                Cell::new(row.app).note(format!("{} {}", row.store.os(), row.store.as_str())),
                Cell::new(id).code(),
            ]);
        }
        Ok(table)
    })
    .await
}

async fn new_form(visit: &Visit) -> Result<(AdvertiserRow, Form), ClientError> {
    let (advertiser, (offers, apps)) = catalogue::within(visit, |txn, advertiser| {
        Ok(Some((txn.offer_list(advertiser.key)?, txn.app_list(advertiser.key)?)))
    })
    .await?;
    let offers: Vec<_> = offers.into_iter().map(|row| (row.id.to_string(), row.name)).collect();
    let label = |row: crate::store::AppRow| {
        (row.id.to_string(), format!("{} ({} {})", row.name, row.store.os(), row.store.as_str()))
    };
    let apps: Vec<_> = apps.into_iter().map(label).collect();
    let form = Form::new(format!("{PATH}/new{}", scope(&advertiser)), "Add campaign")
        .or_back_to(format!("{PATH}{}", scope(&advertiser)))
        .field("name", "Name", Kind::Text, HINT)
        .field("offer", "Offer", Kind::Choice(offers), "An offer's first campaign takes the offer's own id.")
        .field("app", "App", Kind::Choice(apps), "Singular gets its store id and system.");
    Ok((advertiser, form))
}

async fn new_page(visit: &Visit, advertiser: &AdvertiserRow, form: Form) -> Answer {
    let lacks = |name: &str| form.fields.iter().any(|field| field.name == name && field.choices().is_empty());
    let missing = [("offer", "Add an offer first", "offers"), ("app", "Add an app first", "apps")];
    let missing: Vec<_> = missing
        .into_iter()
        .filter(|(name, ..)| lacks(name))
        .map(|(_, label, path)| (label.to_owned(), format!("/admin/catalogue/{path}/new{}", scope(advertiser))))
        .collect();
    let form = missing.is_empty().then_some(form);
    let intro = if form.is_some() {
        format!("For {}.", advertiser.name)
    } else {
        "A campaign runs an offer on an app.".to_owned()
    };
    FormPage::answer_with(visit, NAV, "Add a campaign", vec![intro], form, missing).await
}

/// The form for a new campaign.
pub async fn new(visit: Visit) -> Answer {
    let (advertiser, form) = new_form(&visit).await?;
    new_page(&visit, &advertiser, form).await
}

/// Adds a campaign.
pub async fn create(visit: Visit) -> Answer {
    let (advertiser, form) = new_form(&visit).await?;
    let owner = advertiser.clone();
    let made = visit.run(move |visit| {
        let name = Name::parse("name", visit.field("name"))?;
        let (offer, app) = visit.store().read(|txn| {
            let apps = txn.app_list(owner.key)?;
            let app = apps.into_iter().find(|row| row.id.to_string() == visit.field("app"));
            let offers = txn.offer_list(owner.key)?;
            let offer = offers.into_iter().find(|row| row.id.to_string() == visit.field("offer"));
            let offer = offer.ok_or_else(|| Invalid::because("offer", "choose an offer"))?;
            Ok::<_, crate::service::ServiceError>((offer, app.ok_or_else(|| Invalid::because("app", "choose an app"))?))
        })?;
        changes::change(visit.store(), &owner, &Change::AddCampaign(&name, &offer, &app), &visit.actor())
    });
    match made.await {
        Ok(()) => Ok(visit.go(&back(PATH, Some(advertiser.id), "added"))),
        Err(error) => new_page(&visit, &advertiser, form.as_typed(&visit).refused(error)?).await,
    }
}

async fn found(visit: &Visit, id: String) -> Result<(AdvertiserRow, CampaignRow), ClientError> {
    catalogue::within(visit, move |txn, advertiser| {
        Ok(txn.campaign_list(advertiser.key)?.into_iter().find(|row| row.id.to_string() == id))
    })
    .await
}

fn edit_form(advertiser: &AdvertiserRow, row: &CampaignRow) -> Form {
    Form::new(format!("{PATH}/{}{}", row.id, scope(advertiser)), "Save campaign")
        .or_back_to(format!("{PATH}{}", scope(advertiser)))
        .field("name", "Name", Kind::Text, HINT)
        .with("name", row.name.clone())
}

async fn edit_page(visit: &Visit, advertiser: &AdvertiserRow, row: &CampaignRow, form: Form) -> Answer {
    let intro = vec![
        format!("Runs the offer \"{}\" on {} ({} {}).", row.offer.name, row.app, row.store.os(), row.store.as_str()),
        format!("Its id is {}; ids never change.", row.id),
    ];
    let delete = ("Delete this campaign".to_owned(), format!("{PATH}/{}/delete{}", row.id, scope(advertiser)));
    FormPage::answer_with(visit, NAV, row.name.clone(), intro, Some(form), vec![delete]).await
}

/// The form for a campaign.
pub async fn edit(visit: Visit, id: web::Path<String>) -> Answer {
    let (advertiser, row) = found(&visit, id.into_inner()).await?;
    edit_page(&visit, &advertiser, &row, edit_form(&advertiser, &row)).await
}

/// Renames a campaign.
pub async fn save(visit: Visit, id: web::Path<String>) -> Answer {
    let (advertiser, row) = found(&visit, id.into_inner()).await?;
    let (owner, old) = (advertiser.clone(), row.clone());
    let saved = visit.run(move |visit| {
        let name = Name::parse("name", visit.field("name"))?;
        changes::change(visit.store(), &owner, &Change::RenameCampaign(&old, &name), &visit.actor())
    });
    match saved.await {
        Ok(()) => Ok(visit.go(&back(PATH, Some(advertiser.id), "saved"))),
        Err(error) => {
            let form = edit_form(&advertiser, &row).as_typed(&visit).refused(error)?;
            edit_page(&visit, &advertiser, &row, form).await
        }
    }
}

/// Asks whether a campaign is to be deleted.
pub async fn ask_delete(visit: Visit, id: web::Path<String>) -> Answer {
    let (advertiser, row) = found(&visit, id.into_inner()).await?;
    let key = row.key;
    let (_, usage) =
        catalogue::within(&visit, move |txn, advertiser| Ok(Some(txn.campaign_usage(advertiser.key, key)?))).await?;
    let words = usage.map(|usage| {
        let has = catalogue::has_stats(&usage);
        format!(
            "{} {has}. Reports would lose them. To hide it from Singular, turn its offer's cost reporting off.",
            row.name
        )
    });
    let action = format!("{PATH}/{}/delete{}", row.id, scope(&advertiser));
    let form = Form::new(action, "Delete campaign").or_back_to(format!("{PATH}/{}{}", row.id, scope(&advertiser)));
    let way_out = (
        "Go to its offer's cost reporting".to_owned(),
        format!("/admin/catalogue/offers/{}/reporting{}", row.offer.id, scope(&advertiser)),
    );
    catalogue::ask_delete(&visit, format!("Delete {}?", row.name), form, words, way_out).await
}

/// Deletes a campaign.
pub async fn delete(visit: Visit, id: web::Path<String>) -> Answer {
    let (advertiser, row) = found(&visit, id.into_inner()).await?;
    let id = advertiser.id;
    visit
        .run(move |visit| changes::change(visit.store(), &advertiser, &Change::DeleteCampaign(&row), &visit.actor()))
        .await?;
    Ok(visit.go(&back(PATH, Some(id), "deleted")))
}
