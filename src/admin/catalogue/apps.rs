//! Apps: what is advertised.

use std::collections::HashSet;

use chrono::Utc;

use crate::admin::catalogue::campaigns;
use crate::admin::catalogue::entry::{self, Entry, InTheWay, Labels, Listed, scope, see_stats};
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::format;
use crate::admin::kit::table::{Cell, Column, Table};
use crate::domain::{Name, Os, StoreId};
use crate::service::catalogue::{self as changes, Change};
use crate::service::{ServiceResult, ledger};
use crate::store::{AdvertiserRow, AppRow, CampaignKey, CampaignRow, ReadTxn, StoreResult};

const PATH: &str = "/admin/catalogue/apps";

/// The chosen advertiser's apps.
pub async fn list(context: RequestContext) -> Answer {
    entry::list(&context, AppRow::WORDS, |context, txn, shell| {
        let mut table = Table::with_columns(
            "Apps",
            vec![
                Column::name("Name"),
                Column::text("System"),
                Column::text("Store id").less(),
                Column::figure("Campaigns"),
            ],
        );
        let Some(advertiser) = &shell.advertiser else { return Ok(Listed { table, total: 0, note: "" }) };
        let page = txn.app_page(advertiser.key, &entry::query(context, &mut table, 4))?;
        for (row, campaigns) in page.rows {
            let stats = format!("/admin/stats{}&range=30d&by=campaign&app={}", scope(advertiser), row.id);
            table.rows.push(vec![
                Cell::new(&row.name)
                    .to(format!("{PATH}/{}{}", row.id, scope(advertiser)), context.may_change())
                    .label(format!("{}, {} {}", row.name, row.store.os(), row.store.as_str()))
                    .narrow(row.store.as_str()),
                Cell::new(row.store.os().as_str()),
                Cell::new(row.store.as_str()),
                Cell::new(format::count(campaigns)).to(stats, true).label(format!(
                    "{}: stats of the campaigns of {}, {}",
                    format::count(campaigns),
                    row.name,
                    row.store.os()
                )),
            ]);
        }
        Ok(Listed { table, total: page.total, note: "" })
    })
    .await
}

fn fields(form: Form) -> Form {
    let systems = [(Os::Android, "Android"), (Os::Ios, "iOS"), (Os::Web, "Web")];
    let systems = systems.map(|(os, label)| (os.as_str().to_owned(), label.to_owned())).into();
    form.field("name", "Name", Kind::Text, "Included in the report; Singular ignores it.")
        .field("os", "System", Kind::Choice(systems), "Singular uses it as the campaign's OS.")
        .field(
            "store_id",
            "Store id",
            Kind::Text,
            "Singular uses it as the site public id and matches installs by it. Android: the package name, such as \
             com.example.game. iOS: the App Store's digits. Web: the host name.",
        )
}

fn typed(context: &RequestContext) -> ServiceResult<(Name, StoreId)> {
    let name = Name::parse("name", context.field("name"))?;
    let os: Os = context.field("os").parse()?;
    Ok((name, StoreId::parse(os, context.field("store_id"))?))
}

impl Entry for AppRow {
    type Owner = AdvertiserRow;
    const WORDS: Labels = Labels {
        noun: "Apps",
        lead: "The apps you advertise. Singular matches cost to installs by store id.",
        add: ("Add app", "Add an app"),
        shared: false,
    };
    const NOUN: &str = "app";
    const SAVE: &str = "Save app";
    const DELETE: &str = "Delete app";

    fn find(txn: &ReadTxn<'_>, owner: &AdvertiserRow, id: &str) -> StoreResult<Option<Self>> {
        Ok(txn.app_with_campaigns(owner.key, id)?.map(|(row, _)| row))
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn blank(_: &ReadTxn<'_>, _: &AdvertiserRow, form: Form) -> StoreResult<Form> {
        Ok(fields(form))
    }

    fn add(owner: &AdvertiserRow, context: &RequestContext) -> ServiceResult<()> {
        let (name, store) = typed(context)?;
        changes::change(context.store(), owner, &Change::AddApp(&name, &store), &context.actor())
    }

    fn fields(&self, form: Form) -> Form {
        let (name, os, id) = (self.name.clone(), self.store.os().as_str(), self.store.as_str());
        fields(form).with("name", name).with("os", os).with("store_id", id)
    }

    fn says(&self) -> Vec<String> {
        vec!["A change shows in the report of every day, past ones too.".to_owned()]
    }

    fn links(&self, owner: &AdvertiserRow) -> Vec<(String, String)> {
        vec![see_stats("app", &self.id, &scope(owner))]
    }

    fn effect(&self, owner: &AdvertiserRow, txn: &ReadTxn<'_>) -> ServiceResult<Option<String>> {
        let places = txn.campaign_owners(owner.key)?.into_iter().filter(|(_, _, app)| *app == self.key);
        let own: HashSet<CampaignKey> = places.map(|(campaign, ..)| campaign).collect();
        if own.is_empty() {
            return Ok(None);
        }
        let is_shown = |row: &CampaignRow| own.contains(&row.key) && row.offer.cost_reporting;
        let effect = ledger::effect_on_campaigns(txn, owner, is_shown, Utc::now())?;
        let runs = format::plural(i64::try_from(own.len()).unwrap_or(i64::MAX), "campaign");
        let follow = format!("A new system or store id is reported for all of its {runs}.");
        Ok(Some(
            effect
                .message()
                .map_or_else(|| follow.clone(), |message| format!("{follow} If you change them: {message}")),
        ))
    }

    fn save(&self, owner: &AdvertiserRow, context: &RequestContext) -> ServiceResult<()> {
        let (name, store) = typed(context)?;
        changes::change(context.store(), owner, &Change::UpdateApp(self, &name, &store), &context.actor())
    }

    fn in_the_way(&self, owner: &AdvertiserRow, txn: &ReadTxn<'_>) -> StoreResult<Option<InTheWay>> {
        let runs = txn.app_with_campaigns(owner.key, &self.id.to_string())?.map_or(0, |(_, runs)| runs);
        Ok(campaigns::in_the_way(owner, &self.name, runs, ""))
    }

    fn delete(&self, owner: &AdvertiserRow, context: &RequestContext) -> ServiceResult<()> {
        changes::change(context.store(), owner, &Change::DeleteApp(self), &context.actor())
    }
}
