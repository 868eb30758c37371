//! Publishers: the partners that promote offers. All advertisers share them.

use std::collections::HashSet;

use crate::admin::catalogue::entry::{self, Around, Entry, InTheWay, Labels, Listed, see_stats};
use crate::admin::catalogue::merge::{self, merged_into};
use crate::admin::catalogue::recent::{LEFT_OUT, Recent};
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::table::{Cell, Column, Table};
use crate::domain::{Name, NameKey, PublisherId};
use crate::service::{ServiceResult, catalogue as changes};
use crate::store::{PublisherRow, ReadTxn, StoreResult};

const PATH: &str = "/admin/catalogue/publishers";

const HINT: &str = "Imports find the publisher by it. Singular uses only the id, as publisher site id.";

pub async fn list(context: RequestContext) -> Answer {
    entry::list(&context, PublisherRow::WORDS, |context, txn, shell| {
        let cost = shell.advertiser.as_ref().map_or("", |row| row.currency.code());
        let mut columns = vec![Column::name("Name"), Column::text("Publisher id").less()];
        if shell.advertiser.is_some() {
            columns.extend([Column::figure(format!("30 days, {cost}")), Column::line("Its days")]);
        }
        let mut table = Table::with_columns("Publishers", columns);
        let page = txn.publisher_page(&entry::query(context, &mut table, 2))?;
        let keys: HashSet<_> = page.rows.iter().map(|row| row.key).collect();
        let recent = match &shell.advertiser {
            Some(advertiser) => Some((
                advertiser,
                Recent::of(txn, advertiser, None, |part| {
                    keys.contains(&part.publisher).then_some(part.publisher.get())
                })?,
            )),
            None => None,
        };
        for row in page.rows {
            let id = row.id.to_string();
            let name = Cell::new(&row.name).to(format!("{PATH}/{id}{}", shell.scope), context.may_change());
            let mut cells = vec![name, Cell::new(&id).code()];
            if let Some((advertiser, recent)) = &recent {
                cells.extend(recent.cells(advertiser, row.key.get(), ("publisher", &id), "campaign", &row.name));
            }
            table.rows.push(cells);
        }
        let is_left_out = recent.is_some_and(|(_, recent)| recent.is_left_out);
        Ok(Listed { table, total: page.total, note: if is_left_out { LEFT_OUT } else { "" } })
    })
    .await
}

impl Entry for PublisherRow {
    type Owner = ();
    const WORDS: Labels = Labels {
        noun: "Publishers",
        lead: "The partners that promote your offers. They are shared by all advertisers, so each publisher has one id everywhere. Use it as psid in your tracking link.",
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
        vec![format!("Its id is {}. This id is permanent.", self.id)]
    }

    fn around(&self, (): &(), txn: &ReadTxn<'_>) -> StoreResult<Around> {
        let (merges, all) = (txn.merges()?, txn.publisher_list()?);
        let row = |key| all.iter().find(|row| row.key == key);
        let page = |row: &Self| format!("{PATH}/{}", row.id);
        if let (Some(import), Some(into)) = (merges.hid_publisher(self.key), row(merges.publisher(self.key))) {
            return merged_into(txn, import, (into.name.as_str(), page(into)), "");
        }
        let mut around = merge::merged_before(
            txn,
            merges
                .into_publisher(self.key)
                .into_iter()
                .filter_map(|(key, import)| Some((row(key)?.name.clone(), import))),
            "",
        )?;
        let looks = NameKey::ignoring_case(&self.name);
        let twins = all.iter().filter(|row| row.key != self.key && merges.hid_publisher(row.key).is_none());
        for twin in twins.filter(|row| NameKey::ignoring_case(&row.name) == looks) {
            around.twin(&twin.name, format!("{}/merge/{}", page(twin), self.id));
        }
        Ok(around)
    }

    fn links(&self, (): &()) -> Vec<(String, String)> {
        let merge = ("Merge it into another publisher".to_owned(), format!("{PATH}/{}/merge", self.id));
        vec![see_stats("publisher", &self.id, ""), merge]
    }

    fn save(&self, (): &(), context: &RequestContext) -> ServiceResult<()> {
        let name = Name::parse("name", context.field("name"))?;
        changes::rename_publisher(context.store(), self, &name, &context.actor())
    }

    fn in_the_way(&self, (): &(), txn: &ReadTxn<'_>) -> StoreResult<Option<InTheWay>> {
        let usage = txn.publisher_usage(self.key)?;
        if usage.is_none() && txn.publisher_has_history(self.key)? {
            let message = format!(
                "{} has no stats any more, but the history of imports still contains those it had. You can keep it; \
                 it does no harm.",
                self.name
            );
            return Ok(Some((message, ("See the imports", "/admin/imports".to_owned()))));
        }
        Ok(usage.map(|usage| {
            let has = entry::has_stats(&usage);
            let message = format!(
                "{} {has}. Deleting it would remove them from past reports. You can keep it; it does no harm if it gets no new stats.",
                self.name
            );
            (message, ("Rename it instead", format!("{PATH}/{}", self.id)))
        }))
    }

    fn delete(&self, (): &(), context: &RequestContext) -> ServiceResult<()> {
        changes::delete_publisher(context.store(), self, &context.actor())
    }
}
