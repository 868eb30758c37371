//! Publishers: who shows the offers. All advertisers share them.

use crate::admin::catalogue::entry::{self, Entry, InTheWay, Labels};
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::table::{Cell, Table};
use crate::domain::{Name, PublisherId};
use crate::service::{ServiceResult, catalogue as changes};
use crate::store::{PublisherRow, ReadTxn, StoreResult};

const PATH: &str = "/admin/catalogue/publishers";

const HINT: &str =
    "People see it here; imports find the publisher by it. Singular reads only the id, as publisher site id.";

/// All publishers.
pub async fn list(context: RequestContext) -> Answer {
    entry::list(&context, PublisherRow::WORDS, |context, txn, shell| {
        let mut table = Table::new("Publishers", &["Name", "Publisher id"]);
        let mut rows = txn.publisher_list()?;
        rows.sort_by_key(|row| row.name.to_lowercase());
        for row in rows {
            let id = row.id.to_string();
            let name = Cell::new(row.name).to(format!("{PATH}/{id}{}", shell.scope), context.may_change());
            table.rows.push(vec![name, Cell::new(id).code()]);
        }
        Ok(table)
    })
    .await
}

impl Entry for PublisherRow {
    type Owner = ();
    const WORDS: Labels = Labels {
        noun: "Publishers",
        lead: "Who shows the offers. All advertisers share them, so that a publisher has one id everywhere. Singular gets the \
               id, so the tracking link should carry it too, as psid.",
        add: ("Add publisher", "Add a publisher"),
        shared: true,
    };
    const NOUN: &str = "publisher";
    const SAVE: &str = "Save publisher";
    const DELETE: &str = "Delete publisher";

    fn find(txn: &ReadTxn<'_>, (): &(), id: &str) -> StoreResult<Option<Self>> {
        id.parse::<PublisherId>().ok().map(|id| txn.publisher_get(id)).transpose()
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn blank(_: &ReadTxn<'_>, (): &(), form: Form) -> StoreResult<Form> {
        Ok(form.field("name", "Name", Kind::Text, HINT))
    }

    fn add((): &(), context: &RequestContext) -> ServiceResult<()> {
        let name = Name::parse("name", context.field("name"))?;
        changes::create_publisher(context.store(), &name, &context.actor())
    }

    fn fields(&self, form: Form) -> Form {
        form.field("name", "Name", Kind::Text, HINT).with("name", self.name.clone())
    }

    fn says(&self) -> Vec<String> {
        vec![format!("Its id is {}; ids never change.", self.id)]
    }

    fn save(&self, (): &(), context: &RequestContext) -> ServiceResult<()> {
        let name = Name::parse("name", context.field("name"))?;
        changes::rename_publisher(context.store(), self, &name, &context.actor())
    }

    fn in_the_way(&self, (): &(), txn: &ReadTxn<'_>) -> StoreResult<Option<InTheWay>> {
        Ok(txn.publisher_usage(self.key)?.map(|usage| {
            let has = entry::has_stats(&usage);
            let message = format!(
                "{} {has}. Reports would lose them. Keep it: one without new stats is in nobody's way.",
                self.name
            );
            (message, ("Rename it instead", format!("{PATH}/{}", self.id)))
        }))
    }

    fn delete(&self, (): &(), context: &RequestContext) -> ServiceResult<()> {
        changes::delete_publisher(context.store(), self, &context.actor())
    }
}
