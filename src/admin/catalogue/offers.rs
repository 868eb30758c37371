//! Offers: what users see, and the switch that shows their cost to Singular.

use std::collections::HashMap;

use actix_web::web;

use crate::admin::catalogue::entry::{self, Entry, InTheWay, Labels, NAV, scope};
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::form_page::FormPage;
use crate::admin::kit::format;
use crate::admin::kit::layout::back;
use crate::admin::kit::stale;
use crate::admin::kit::table::{Cell, Table};
use crate::domain::Name;
use crate::http::ClientError;
use crate::service::catalogue::{self as changes, Change};
use crate::service::{ServiceError, ServiceResult};
use crate::store::{AdvertiserRow, CampaignKey, DaySum, OfferKey, OfferRow, ReadTxn, StatFilter, StoreResult};

const PATH: &str = "/admin/catalogue/offers";

const HINT: &str =
    "Users see it, and Singular shows it as the campaign's name. A new name shows in the report of every day.";

/// The last 30 days' sums of each offer.
fn sums(txn: &ReadTxn<'_>, advertiser: &AdvertiserRow) -> Result<HashMap<OfferKey, DaySum>, ServiceError> {
    let offers: HashMap<CampaignKey, OfferKey> =
        txn.campaign_list(advertiser.key)?.into_iter().map(|row| (row.key, row.offer.key)).collect();
    let to = entry::today(advertiser.time_zone)?.to_stored();
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
pub async fn list(context: RequestContext) -> Answer {
    entry::list(&context, OfferRow::WORDS, |context, txn, shell| {
        let Some(advertiser) = &shell.advertiser else { return Ok(Table::default()) };
        let cost = format!("#Cost of 30 days, {}", advertiser.currency.code());
        let mut columns = vec!["Name", "Cost reporting", "#Campaigns", &cost, "#Clicks"];
        if context.may_change() {
            columns.push("Change");
        }
        let mut table = Table::new("Offers", &columns);
        let sums = sums(txn, advertiser)?;
        let campaigns = txn.campaign_list(advertiser.key)?;
        for row in txn.offer_list(advertiser.key)? {
            let link = format!("{PATH}/{}{}", row.id, scope(advertiser));
            let switch = format!("{PATH}/{}/reporting{}", row.id, scope(advertiser));
            let (state, tone, verb) =
                if row.cost_reporting { ("On", "good", "Turn off") } else { ("Off", "warn", "Turn on") };
            let runs = campaigns.iter().filter(|campaign| campaign.offer.key == row.key).count();
            let runs = i64::try_from(runs).unwrap_or_default();
            let sum = sums.get(&row.key).copied().unwrap_or_default();
            table.rows.push(vec![
                Cell::new(row.name).to(link, context.may_change()),
                Cell::new(state).tone(tone),
                Cell::new(format::count(runs)).rank(runs),
                Cell::new(format::amount(sum.cost, advertiser.currency))
                    .title(sum.cost.to_string())
                    .rank(i128::try_from(sum.cost.rounded(6)).unwrap_or(i128::MAX)),
                Cell::new(format::count(sum.clicks)).rank(sum.clicks),
                Cell::new(verb).to(switch, true),
            ]);
        }
        table.rows.iter_mut().for_each(|row| row.truncate(columns.len()));
        Ok(table)
    })
    .await
}

impl Entry for OfferRow {
    type Owner = AdvertiserRow;
    const WORDS: Labels = Labels {
        noun: "Offers",
        lead: "What users see and publishers promote. Singular is shown the cost of those whose cost reporting is on.",
        add: ("Add offer", "Add an offer"),
        shared: false,
    };
    const NOUN: &str = "offer";
    const SAVE: &str = "Save offer";
    const DELETE: &str = "Delete offer";

    fn find(txn: &ReadTxn<'_>, owner: &AdvertiserRow, id: &str) -> StoreResult<Option<Self>> {
        Ok(txn.offer_with_campaigns(owner.key, id)?.map(|(row, _)| row))
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn blank(_: &ReadTxn<'_>, _: &AdvertiserRow, form: Form) -> StoreResult<Form> {
        Ok(form.field("name", "Name", Kind::Text, HINT).field(
            "cost_reporting",
            "Report its cost to Singular",
            Kind::Tick,
            "While it is off, Singular sees nothing of this offer. It can be turned on later, for all of its days.",
        ))
    }

    fn add(owner: &AdvertiserRow, context: &RequestContext) -> ServiceResult<()> {
        let name = Name::parse("name", context.field("name"))?;
        let on = context.field("cost_reporting") == "on";
        changes::change(context.store(), owner, &Change::AddOffer(&name, on), &context.actor())
    }

    fn fields(&self, form: Form) -> Form {
        form.field("name", "Name", Kind::Text, HINT).with("name", self.name.clone())
    }

    fn says(&self) -> Vec<String> {
        vec![format!("Its id is {}; ids never change.", self.id)]
    }

    fn links(&self, owner: &AdvertiserRow) -> Vec<(String, String)> {
        let switch = if self.cost_reporting { "Turn cost reporting off" } else { "Turn cost reporting on" };
        vec![(switch.to_owned(), format!("{PATH}/{}/reporting{}", self.id, scope(owner)))]
    }

    fn save(&self, owner: &AdvertiserRow, context: &RequestContext) -> ServiceResult<()> {
        let name = Name::parse("name", context.field("name"))?;
        changes::change(context.store(), owner, &Change::RenameOffer(self, &name), &context.actor())
    }

    fn in_the_way(&self, owner: &AdvertiserRow, txn: &ReadTxn<'_>) -> StoreResult<Option<InTheWay>> {
        let runs = txn.offer_with_campaigns(owner.key, &self.id.to_string())?.map_or(0, |(_, runs)| runs);
        if runs == 0 {
            return Ok(None);
        }
        let runs = format::plural(runs, "campaign");
        let message = format!(
            "{} has {runs}. Delete those first, if they have no stats; or turn its cost reporting off.",
            self.name
        );
        let href = format!("/admin/catalogue/campaigns{}", scope(owner));
        Ok(Some((message, ("Go to the campaigns", href))))
    }

    fn delete(&self, owner: &AdvertiserRow, context: &RequestContext) -> ServiceResult<()> {
        changes::change(context.store(), owner, &Change::DeleteOffer(self), &context.actor())
    }
}

fn reporting_form(advertiser: &AdvertiserRow, row: &OfferRow) -> Form {
    let (submit, to) =
        if row.cost_reporting { ("Turn cost reporting off", "off") } else { ("Turn cost reporting on", "on") };
    let form = Form::new(format!("{PATH}/{}/reporting{}", row.id, scope(advertiser)), submit)
        .field("name", "Name", Kind::Hidden, "")
        .with("name", row.name.clone())
        .based_on_now()
        .field("to", "", Kind::Hidden, "")
        .with("to", to)
        .or_back_to(format!("{PATH}{}", scope(advertiser)));
    if row.cost_reporting { form.dangerous() } else { form }
}

async fn found(context: &RequestContext, id: String) -> Result<(AdvertiserRow, OfferRow), ClientError> {
    entry::within(context, move |txn, advertiser| OfferRow::find(txn, advertiser, &id)).await
}

/// Says what turning cost reporting on or off changes.
pub async fn ask_reporting(context: RequestContext, id: web::Path<String>) -> Answer {
    let (advertiser, row) = found(&context, id.into_inner()).await?;
    let form = reporting_form(&advertiser, &row);
    reporting_page(&context, advertiser, row, form).await
}

async fn reporting_page(context: &RequestContext, advertiser: AdvertiserRow, row: OfferRow, form: Form) -> Answer {
    let (owner, key) = (advertiser.clone(), row.key);
    let sum = context
        .run(move |context| context.store().read(|txn| Ok(sums(txn, &owner)?.get(&key).copied().unwrap_or_default())))
        .await?;
    let rows = format::plural(sum.rows, "row");
    let cost = format!("{} {}", format::amount(sum.cost, advertiser.currency), advertiser.currency.code());
    let (title, message) = if row.cost_reporting {
        let message = format!(
            "{rows} of the last 30 days, with a cost of {cost}, disappear from the report, and all earlier ones. Singular \
             keeps what it has received, and gets nothing new."
        );
        (format!("Turn cost reporting off for {}?", row.name), message)
    } else {
        let message = format!(
            "{rows} of the last 30 days, with a cost of {cost}, become visible to Singular, and all earlier ones."
        );
        (format!("Turn cost reporting on for {}?", row.name), message)
    };
    FormPage::answer(context, NAV, title, vec![message], form).await
}

/// Turns cost reporting on or off, as the form said; sending it twice changes nothing more.
pub async fn switch_reporting(context: RequestContext, id: web::Path<String>) -> Answer {
    let (advertiser, row) = found(&context, id.into_inner()).await?;
    let on = context.field("to") == "on";
    let form = reporting_form(&advertiser, &row);
    if let Some(form) = stale::refused(&context, &form, "offer", row.name.clone()).await? {
        return reporting_page(&context, advertiser, row, form).await;
    }
    let to = back(PATH, Some(advertiser.id), if on { "reporting-on" } else { "reporting-off" });
    context
        .run(move |context| {
            let (whose, which) = (advertiser.id.to_string(), row.id.to_string());
            changes::switch_offer(context.store(), &whose, &which, on, &context.actor())
        })
        .await?;
    Ok(context.go(&to))
}
