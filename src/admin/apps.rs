//! Apps: what is advertised.

use actix_web::web;

use super::catalogue::{self, NAV, Words, scope};
use super::form::{Form, Kind};
use super::page::FormPage;
use super::shell::back;
use super::show;
use super::table::{Cell, Table};
use super::visit::{Answer, Visit};
use crate::domain::{Name, Os, StoreId};
use crate::http::ClientError;
use crate::service::ServiceResult;
use crate::service::catalogue::{self as changes, Change};
use crate::store::{AdvertiserRow, AppRow};

const PATH: &str = "/admin/catalogue/apps";

const WORDS: Words = Words {
    noun: "Apps",
    lead: "What is advertised. Singular brings cost and installs together by an app's store id.",
    add: "Add app",
    shared: false,
};

/// The chosen advertiser's apps.
pub async fn list(visit: Visit) -> Answer {
    catalogue::list(&visit, WORDS, |visit, txn, shell| {
        let mut table = Table::new("Apps", &["Name", "System", "Store id", "#Campaigns"]);
        let Some(advertiser) = &shell.advertiser else { return Ok(table) };
        let campaigns = txn.campaign_list(advertiser.key)?;
        for row in txn.app_list(advertiser.key)? {
            let used = campaigns.iter().filter(|campaign| campaign.store == row.store).count();
            let used = i64::try_from(used).unwrap_or_default();
            table.rows.push(vec![
                Cell::new(row.name).to(format!("{PATH}/{}{}", row.id, scope(advertiser)), visit.may_change()),
                Cell::new(row.store.os().as_str()),
                Cell::new(row.store.as_str()).code(),
                Cell::new(show::count(used)).rank(used),
            ]);
        }
        Ok(table)
    })
    .await
}

fn fields(form: Form) -> Form {
    let systems = [(Os::Android, "Android"), (Os::Ios, "iOS"), (Os::Web, "Web")];
    let systems = systems.map(|(os, label)| (os.as_str().to_owned(), label.to_owned())).into();
    form.field("name", "Name", Kind::Text, "It stands in the report, but Singular does not read it.")
        .field("os", "System", Kind::Choice(systems), "Singular reads it as the campaign's OS.")
        .field(
            "store_id",
            "Store id",
            Kind::Text,
            "Singular reads it as the site public id and matches installs by it. Android: the package name, such as \
             com.example.game. iOS: the App Store's digits. Web: the host name.",
        )
}

fn typed(visit: &Visit) -> ServiceResult<(Name, StoreId)> {
    let name = Name::parse("name", visit.field("name"))?;
    let os: Os = visit.field("os").parse()?;
    Ok((name, StoreId::parse(os, visit.field("store_id"))?))
}

fn new_form(advertiser: &AdvertiserRow) -> Form {
    fields(Form::new(format!("{PATH}/new{}", scope(advertiser)), "Add app"))
        .or_back_to(format!("{PATH}{}", scope(advertiser)))
}

async fn new_page(visit: &Visit, advertiser: &AdvertiserRow, form: Form) -> Answer {
    let intro = vec![format!("For {}.", advertiser.name)];
    FormPage::answer(visit, NAV, "Add an app", intro, form).await
}

/// The form for a new app.
pub async fn new(visit: Visit) -> Answer {
    let (advertiser, ()) = catalogue::within(&visit, |_, _| Ok(Some(()))).await?;
    new_page(&visit, &advertiser, new_form(&advertiser)).await
}

/// Adds an app.
pub async fn create(visit: Visit) -> Answer {
    let (advertiser, ()) = catalogue::within(&visit, |_, _| Ok(Some(()))).await?;
    let owner = advertiser.clone();
    let made = visit.run(move |visit| {
        let (name, store) = typed(visit)?;
        changes::change(visit.store(), &owner, &Change::AddApp(&name, &store), &visit.actor())
    });
    match made.await {
        Ok(()) => Ok(visit.go(&back(PATH, Some(advertiser.id), "added"))),
        Err(error) => new_page(&visit, &advertiser, new_form(&advertiser).as_typed(&visit).refused(error)?).await,
    }
}

async fn found(visit: &Visit, id: String) -> Result<(AdvertiserRow, AppRow), ClientError> {
    catalogue::within(visit, move |txn, advertiser| {
        Ok(txn.app_list(advertiser.key)?.into_iter().find(|row| row.id.to_string() == id))
    })
    .await
}

fn edit_form(advertiser: &AdvertiserRow, row: &AppRow) -> Form {
    fields(Form::new(format!("{PATH}/{}{}", row.id, scope(advertiser)), "Save app"))
        .or_back_to(format!("{PATH}{}", scope(advertiser)))
        .with("name", row.name.clone())
        .with("os", row.store.os().as_str())
        .with("store_id", row.store.as_str())
}

async fn edit_page(visit: &Visit, advertiser: &AdvertiserRow, row: &AppRow, form: Form) -> Answer {
    let intro = vec![
        "A change shows in the report of every day, past ones too. Singular asks for past days again only for a \
                      week, or when it is told to."
            .to_owned(),
    ];
    let delete = ("Delete this app".to_owned(), format!("{PATH}/{}/delete{}", row.id, scope(advertiser)));
    FormPage::answer_with(visit, NAV, row.name.clone(), intro, Some(form), vec![delete]).await
}

/// The form for an app.
pub async fn edit(visit: Visit, id: web::Path<String>) -> Answer {
    let (advertiser, row) = found(&visit, id.into_inner()).await?;
    edit_page(&visit, &advertiser, &row, edit_form(&advertiser, &row)).await
}

/// Changes an app.
pub async fn save(visit: Visit, id: web::Path<String>) -> Answer {
    let (advertiser, row) = found(&visit, id.into_inner()).await?;
    let (owner, old) = (advertiser.clone(), row.clone());
    let saved = visit.run(move |visit| {
        let (name, store) = typed(visit)?;
        changes::change(visit.store(), &owner, &Change::UpdateApp(&old, &name, &store), &visit.actor())
    });
    match saved.await {
        Ok(()) => Ok(visit.go(&back(PATH, Some(advertiser.id), "saved"))),
        Err(error) => {
            let form = edit_form(&advertiser, &row).as_typed(&visit).refused(error)?;
            edit_page(&visit, &advertiser, &row, form).await
        }
    }
}

/// Asks whether an app is to be deleted.
pub async fn ask_delete(visit: Visit, id: web::Path<String>) -> Answer {
    let (advertiser, row) = found(&visit, id.into_inner()).await?;
    let store = row.store.clone();
    let (_, campaigns) = catalogue::within(&visit, move |txn, advertiser| {
        Ok(Some(txn.campaign_list(advertiser.key)?.iter().filter(|campaign| campaign.store == store).count()))
    })
    .await?;
    let campaigns = i64::try_from(campaigns).unwrap_or_default();
    let words = format!(
        "{} runs in {}. Delete those first, if they have no stats.",
        row.name,
        show::plural(campaigns, "campaign")
    );
    let action = format!("{PATH}/{}/delete{}", row.id, scope(&advertiser));
    let form = Form::new(action, "Delete app").or_back_to(format!("{PATH}/{}{}", row.id, scope(&advertiser)));
    let way_out = ("Go to the campaigns".to_owned(), format!("/admin/catalogue/campaigns{}", scope(&advertiser)));
    catalogue::ask_delete(&visit, format!("Delete {}?", row.name), form, (campaigns > 0).then_some(words), way_out)
        .await
}

/// Deletes an app.
pub async fn delete(visit: Visit, id: web::Path<String>) -> Answer {
    let (advertiser, row) = found(&visit, id.into_inner()).await?;
    let id = advertiser.id;
    visit
        .run(move |visit| changes::change(visit.store(), &advertiser, &Change::DeleteApp(&row), &visit.actor()))
        .await?;
    Ok(visit.go(&back(PATH, Some(id), "deleted")))
}
