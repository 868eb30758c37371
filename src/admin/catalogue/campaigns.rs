//! Campaigns: the advertiser's own name for an offer on one app. Every row of stats belongs to one.

use crate::admin::catalogue::entry::{self, Around, Entry, InTheWay, Labels, Listed, scope, see_stats};
use crate::admin::catalogue::merge::{self, merged_into};
use crate::admin::catalogue::pick;
use crate::admin::catalogue::recent::Recent;
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::format;
use crate::admin::kit::table::{Cell, Column, Table};
use crate::admin::stats::names::offer_in_words;
use crate::domain::{Name, NameKey};
use crate::service::catalogue::{self as changes, Change};
use crate::service::{ServiceError, ServiceResult, names};
use crate::store::{AdvertiserRow, AppRow, CampaignKey, CampaignRow, OfferRow, ReadTxn, StoreResult};

const PATH: &str = "/admin/catalogue/campaigns";

const HINT: &str =
    "Your own name, such as AOS_TEST_2025. Imports find the campaign by it; Singular shows the offer's name.";

/// Why an entry with campaigns can't be deleted, if it has any; `or` is what else one can do.
pub(super) fn in_the_way(owner: &AdvertiserRow, name: &str, campaigns: i64, or: &str) -> Option<InTheWay> {
    if campaigns == 0 {
        return None;
    }
    let first = if campaigns == 1 { "it first, if it has" } else { "those first, if they have" };
    let has = format::plural(campaigns, "campaign");
    let message = format!("{name} has {has}. Delete {first} no stats{or}.");
    Some((message, ("Go to the campaigns", format!("{PATH}{}", scope(owner)))))
}

/// The chosen advertiser's campaigns.
pub async fn list(context: RequestContext) -> Answer {
    entry::list(&context, CampaignRow::WORDS, |context, txn, shell| {
        let cost = shell.advertiser.as_ref().map_or("", |row| row.currency.code());
        let mut table = Table::with_columns(
            "Campaigns",
            vec![
                Column::name("Name"),
                Column::name("Offer").less(),
                Column::name("App").less(),
                Column::text("Campaign id").less(),
                Column::figure(format!("30 days, {cost}")),
                Column::line("Its days"),
            ],
        );
        let Some(advertiser) = &shell.advertiser else { return Ok(Listed { table, total: 0, note: "" }) };
        let page = txn.campaign_page(advertiser.key, &entry::query(context, &mut table, 4))?;
        let keys: Vec<_> = page.rows.iter().map(|row| row.key).collect();
        let recent = Recent::of(txn, advertiser, Some(&keys), |part| Some(part.campaign.get()))?;
        for row in page.rows {
            let id = row.id.to_string();
            let [cost, line] = recent.cells(advertiser, row.key.get(), ("campaign", &id), "day", &row.name);
            table.rows.push(vec![
                Cell::new(&row.name)
                    .to(format!("{PATH}/{id}{}", scope(advertiser)), context.may_change())
                    .narrow(format::short(&row.offer.name)),
                Cell::new(offer_in_words(&row.offer.name, row.offer.cost_reporting)),
                Cell::new(row.app).note(format!("{} {}", row.store.os(), row.store.as_str())),
                Cell::new(id).code(),
                cost,
                line,
            ]);
        }
        Ok(Listed { table, total: page.total, note: "" })
    })
    .await
}

impl Entry for CampaignRow {
    type Owner = AdvertiserRow;
    const WORDS: Labels = Labels {
        noun: "Campaigns",
        lead: "Your own name for an offer on one app. Every stats row belongs to a campaign. Singular receives its id as the network campaign id, so use it as pcid in your tracking link.",
        add: ("Add campaign", "Add a campaign"),
        shared: false,
    };
    const NOUN: &str = "campaign";
    const SAVE: &str = "Save campaign";
    const DELETE: &str = "Delete campaign";

    fn find(txn: &ReadTxn<'_>, owner: &AdvertiserRow, id: &str) -> StoreResult<Option<Self>> {
        Ok(id.parse().ok().map(|id| txn.campaign_find(owner.key, id)).transpose()?.flatten())
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn blank(txn: &ReadTxn<'_>, owner: &AdvertiserRow, form: Form) -> StoreResult<Form> {
        let form = form.field("name", "Name", Kind::Text, HINT);
        let hint = "The first campaign of an offer gets the same id as the offer.";
        let form = pick::field::<OfferRow>(txn, owner.key, form, "offer", "Offer", hint)?;
        pick::field::<AppRow>(txn, owner.key, form, "app", "App", "Singular receives its store id and system.")
    }

    fn add(owner: &AdvertiserRow, context: &RequestContext) -> ServiceResult<()> {
        let name = Name::parse("name", context.field("name"))?;
        let (offer, app) = context.store().read(|txn| {
            let offer: OfferRow = pick::find(txn, owner.key, "offer", context.field("offer"))??;
            let app: AppRow = pick::find(txn, owner.key, "app", context.field("app"))??;
            Ok::<_, ServiceError>((offer, app))
        })?;
        let other = context.store().read(|txn| names::differs_in_case(txn, owner.key, &name, None))?;
        entry::point_out(context, &name, other)?;
        changes::change(context.store(), owner, &Change::AddCampaign(&name, &offer, &app), &context.actor())
    }

    fn fields(&self, form: Form) -> Form {
        form.field("name", "Name", Kind::Text, HINT).with("name", self.name.clone())
    }

    fn says(&self) -> Vec<String> {
        let (os, store) = (self.store.os(), self.store.as_str());
        vec![
            format!("Runs the offer “{}” on {} ({os} {store}).", self.offer.name, self.app),
            format!("Its id is {}. This id is permanent.", self.id),
            "Singular ignores its name, so a new one changes nothing there.".to_owned(),
        ]
    }

    fn around(&self, owner: &AdvertiserRow, txn: &ReadTxn<'_>) -> StoreResult<Around> {
        let (merges, scope) = (txn.merges()?, scope(owner));
        if let Some(import) = merges.hid_campaign(self.key) {
            let into = txn.campaigns_by_key(owner.key, &[merges.campaign(self.key)])?.pop();
            let into = into.map_or_else(Default::default, |row| (row.name, format!("{PATH}/{}{scope}", row.id)));
            return merged_into(txn, import, (into.0.as_str(), into.1), &scope);
        }
        let names = txn.campaign_names(owner.key)?;
        let before = merges.into_campaign(self.key).into_iter();
        let before = before.filter_map(|(key, import)| Some((names.get(&key.get())?.clone(), import)));
        let mut around = merge::merged_before(txn, before, &scope)?;
        let looks = NameKey::new(&self.name);
        let is_twin = |key: &CampaignKey, name: &str| {
            *key != self.key && merges.hid_campaign(*key).is_none() && NameKey::new(name) == looks
        };
        let twins = names.iter().map(|(key, name)| (CampaignKey::from(*key), name.as_str()));
        let twins: Vec<_> = twins.filter(|(key, name)| is_twin(key, name)).map(|(key, _)| key).collect();
        for twin in txn.campaigns_by_key(owner.key, &twins)? {
            around.twin(&twin.name, format!("{PATH}/{}/merge/{}{scope}", twin.id, self.id));
        }
        Ok(around)
    }

    fn links(&self, owner: &AdvertiserRow) -> Vec<(String, String)> {
        let way = |words: &str, below: &str| (words.to_owned(), format!("{PATH}/{}/{below}{}", self.id, scope(owner)));
        vec![
            see_stats("campaign", &self.id, &scope(owner)),
            way("Move it to another offer or app", "move"),
            way("Merge it into another campaign", "merge"),
        ]
    }

    fn save(&self, owner: &AdvertiserRow, context: &RequestContext) -> ServiceResult<()> {
        let name = Name::parse("name", context.field("name"))?;
        let (store, own) = (context.store(), Some(self.key));
        if name.as_str() != self.name {
            let other = store.read(|txn| names::differs_in_case(txn, owner.key, &name, own))?;
            entry::point_out(context, &name, other)?;
        }
        changes::change(context.store(), owner, &Change::RenameCampaign(self, &name), &context.actor())
    }

    fn in_the_way(&self, owner: &AdvertiserRow, txn: &ReadTxn<'_>) -> StoreResult<Option<InTheWay>> {
        let usage = txn.campaign_usage(owner.key, self.key)?;
        if usage.is_none() && txn.campaign_has_history(owner.key, self.key)? {
            let message = format!(
                "{} has no stats any more, but the history of imports still contains those it had. You can keep it; \
                 it does no harm.",
                self.name
            );
            return Ok(Some((message, ("See the imports", format!("/admin/imports{}", scope(owner))))));
        }
        Ok(usage.map(|usage| {
            let has = entry::has_stats(&usage);
            let message = format!(
                "{} {has}. Deleting it would remove them from past reports. To hide it from Singular, turn its offer's cost reporting off.",
                self.name
            );
            let href = format!("/admin/catalogue/offers/{}/reporting{}", self.offer.id, scope(owner));
            (message, ("Go to its offer's cost reporting", href))
        }))
    }

    fn delete(&self, owner: &AdvertiserRow, context: &RequestContext) -> ServiceResult<()> {
        changes::change(context.store(), owner, &Change::DeleteCampaign(self), &context.actor())
    }
}
