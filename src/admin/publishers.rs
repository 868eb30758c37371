//! Publishers: who shows the offers. All advertisers share them.

use actix_web::web;

use super::catalogue::{self, NAV, Words};
use super::form::{Form, Kind};
use super::page::FormPage;
use super::shell::back;
use super::table::{Cell, Table};
use super::visit::{Answer, Visit, missing_is_not_found};
use crate::domain::{Name, PublisherId};
use crate::http::ClientError;
use crate::service::{ServiceResult, catalogue as changes};
use crate::store::{PublisherRow, Usage};

const PATH: &str = "/admin/catalogue/publishers";

const WORDS: Words = Words {
    noun: "Publishers",
    lead: "Who shows the offers. All advertisers share them, so that a publisher has one id everywhere. Singular gets the id, \
           so the tracking link should carry it too, as psid.",
    add: "Add publisher",
    shared: true,
};

const HINT: &str =
    "People see it here; imports find the publisher by it. Singular reads only the id, as publisher site id.";

/// All publishers.
pub async fn list(visit: Visit) -> Answer {
    catalogue::list(&visit, WORDS, |visit, txn, shell| {
        let mut table = Table::new("Publishers", &["Name", "Publisher id"]);
        let mut rows = txn.publisher_list()?;
        rows.sort_by_key(|row| row.name.to_lowercase());
        for row in rows {
            let id = row.id.to_string();
            let name = Cell::new(row.name).to(format!("{PATH}/{id}{}", shell.scope), visit.may_change());
            table.rows.push(vec![name, Cell::new(id).code()]);
        }
        Ok(table)
    })
    .await
}

fn new_form() -> Form {
    Form::new(format!("{PATH}/new"), "Add publisher").or_back_to(PATH).field("name", "Name", Kind::Text, HINT)
}

/// The form for a new publisher.
pub async fn new(visit: Visit) -> Answer {
    FormPage::answer(&visit, NAV, "Add a publisher", Vec::new(), new_form()).await
}

/// Adds a publisher.
pub async fn create(visit: Visit) -> Answer {
    let made = visit.run(|visit| {
        let name = Name::parse("name", visit.field("name"))?;
        changes::create_publisher(visit.store(), &name, &visit.actor())
    });
    match made.await {
        Ok(()) => Ok(visit.go(&back(PATH, None, "added"))),
        Err(error) => {
            let form = new_form().as_typed(&visit).refused(error)?;
            FormPage::answer(&visit, NAV, "Add a publisher", Vec::new(), form).await
        }
    }
}

async fn found(visit: &Visit, id: String) -> Result<(PublisherRow, Option<Usage>), ClientError> {
    let find = move |visit: &Visit| -> ServiceResult<(PublisherRow, Option<Usage>)> {
        let id: PublisherId = id.parse()?;
        Ok(visit.store().read(|txn| {
            let row = txn.publisher_get(id)?;
            let usage = txn.publisher_usage(row.key)?;
            Ok::<_, crate::store::StoreError>((row, usage))
        })?)
    };
    visit.run(find).await.map_err(missing_is_not_found)
}

fn edit_form(row: &PublisherRow) -> Form {
    Form::new(format!("{PATH}/{}", row.id), "Save publisher")
        .or_back_to(PATH)
        .field("name", "Name", Kind::Text, HINT)
        .with("name", row.name.clone())
}

async fn edit_page(visit: &Visit, row: &PublisherRow, form: Form) -> Answer {
    let intro = vec![format!("Its id is {}; ids never change.", row.id)];
    let delete = ("Delete this publisher".to_owned(), format!("{PATH}/{}/delete", row.id));
    FormPage::answer_with(visit, NAV, row.name.clone(), intro, Some(form), vec![delete]).await
}

/// The form for a publisher.
pub async fn edit(visit: Visit, id: web::Path<String>) -> Answer {
    let (row, _) = found(&visit, id.into_inner()).await?;
    edit_page(&visit, &row, edit_form(&row)).await
}

/// Renames a publisher.
pub async fn save(visit: Visit, id: web::Path<String>) -> Answer {
    let (row, _) = found(&visit, id.into_inner()).await?;
    let old = row.clone();
    let saved = visit.run(move |visit| {
        let name = Name::parse("name", visit.field("name"))?;
        changes::rename_publisher(visit.store(), &old, &name, &visit.actor())
    });
    match saved.await {
        Ok(()) => Ok(visit.go(&back(PATH, None, "saved"))),
        Err(error) => edit_page(&visit, &row, edit_form(&row).as_typed(&visit).refused(error)?).await,
    }
}

/// Asks whether a publisher is to be deleted.
pub async fn ask_delete(visit: Visit, id: web::Path<String>) -> Answer {
    let (row, usage) = found(&visit, id.into_inner()).await?;
    let words = usage.map(|usage| {
        format!(
            "{} {}. Reports would lose them. Keep it: one without new stats is in nobody's way.",
            row.name,
            catalogue::has_stats(&usage)
        )
    });
    let form =
        Form::new(format!("{PATH}/{}/delete", row.id), "Delete publisher").or_back_to(format!("{PATH}/{}", row.id));
    let way_out = ("Rename it instead".to_owned(), format!("{PATH}/{}", row.id));
    catalogue::ask_delete(&visit, format!("Delete {}?", row.name), form, words, way_out).await
}

/// Deletes a publisher.
pub async fn delete(visit: Visit, id: web::Path<String>) -> Answer {
    let (row, _) = found(&visit, id.into_inner()).await?;
    visit.run(move |visit| changes::delete_publisher(visit.store(), &row, &visit.actor())).await?;
    Ok(visit.go(&back(PATH, None, "deleted")))
}
