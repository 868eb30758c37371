//! Offers: what users see, and the switch that shows their cost to Singular.

use std::collections::{HashMap, HashSet};

use actix_web::web;
use chrono::Utc;

use crate::admin::catalogue::campaigns;
use crate::admin::catalogue::entry::{self, Entry, InTheWay, Labels, Listed, NAV, scope, see_stats};
use crate::admin::catalogue::recent::{LEFT_OUT, Recent};
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::form_page::FormPage;
use crate::admin::kit::format;
use crate::admin::kit::layout::back;
use crate::admin::kit::stale;
use crate::admin::kit::table::{Cell, Column, Table};
use crate::domain::Name;
use crate::http::ClientError;
use crate::service::catalogue::{self as changes, Change};
use crate::service::ledger::{self, SwitchOutlook};
use crate::service::{ServiceError, ServiceResult};
use crate::store::{AdvertiserRow, CampaignKey, OfferKey, OfferRow, ReadTxn, StoreResult};

const PATH: &str = "/admin/catalogue/offers";

const HINT: &str = "What users see; Singular shows it as the campaign name. Renaming changes it on past days too.";

/// The last 30 days of some offers.
fn recent(txn: &ReadTxn<'_>, advertiser: &AdvertiserRow, offers: &[OfferKey]) -> Result<Recent, ServiceError> {
    let offers: HashSet<_> = offers.iter().collect();
    let own = txn.campaign_owners(advertiser.key)?.into_iter().filter(|(_, offer, _)| offers.contains(offer));
    let own: HashMap<CampaignKey, OfferKey> = own.map(|(campaign, offer, _)| (campaign, offer)).collect();
    let mut campaigns: Vec<_> = own.keys().copied().collect();
    campaigns.sort_unstable();
    Recent::of(txn, advertiser, Some(&campaigns), |part| own.get(&part.campaign).map(|offer| offer.get()))
}

/// The chosen advertiser's offers.
pub async fn list(context: RequestContext) -> Answer {
    entry::list(&context, OfferRow::WORDS, |context, txn, shell| {
        let code = shell.advertiser.as_ref().map_or("", |row| row.currency.code());
        let mut columns = vec![
            Column::name("Name"),
            Column::text("Cost reporting"),
            Column::figure("Campaigns").less(),
            Column::figure(format!("30 days, {code}")).less(),
            Column::line("Its days"),
        ];
        if context.may_change() {
            columns.push(Column::text("Change"));
        }
        let mut table = Table::with_columns("Offers", columns);
        let Some(advertiser) = &shell.advertiser else { return Ok(Listed { table, total: 0, note: "" }) };
        let page = txn.offer_page(advertiser.key, &entry::query(context, &mut table, 3))?;
        let keys: Vec<_> = page.rows.iter().map(|(row, _)| row.key).collect();
        let recent = recent(txn, advertiser, &keys)?;
        for (row, campaigns) in page.rows {
            let link = format!("{PATH}/{}{}", row.id, scope(advertiser));
            let switch = format!("{PATH}/{}/reporting{}", row.id, scope(advertiser));
            let (state, tone, verb) =
                if row.cost_reporting { ("On", "good", "Turn off") } else { ("Off", "warn", "Turn on") };
            let id = row.id.to_string();
            let [cost, days] = recent.cells(advertiser, row.key.get(), ("offer", &id), "campaign", &row.name);
            let mut cells = vec![
                Cell::new(&row.name).to(link, context.may_change()),
                Cell::new(state).tone(tone),
                Cell::new(format::count(campaigns)),
                cost,
                days,
            ];
            if context.may_change() {
                let label = format!("{verb} cost reporting of {}", row.name);
                cells.push(Cell::new(verb).to(switch, true).label(label));
            }
            table.rows.push(cells);
        }
        Ok(Listed { table, total: page.total, note: if recent.is_left_out { LEFT_OUT } else { "" } })
    })
    .await
}

impl Entry for OfferRow {
    type Owner = AdvertiserRow;
    const WORDS: Labels = Labels {
        noun: "Offers",
        lead: "The promotions your publishers run. Singular receives cost only for offers with cost reporting on.",
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
        let hint = "Offers start with cost reporting on, whether an import or a form creates them. While it is off, Singular \
                    receives nothing of the offer; you can turn it on later, for all of its days.";
        let form = form.field("name", "Name", Kind::Text, HINT);
        Ok(form.field("cost_reporting", "Report its cost to Singular", Kind::Tick, hint).with("cost_reporting", "on"))
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
        let state = if self.cost_reporting {
            "Cost reporting is on: Singular receives its cost."
        } else {
            "Cost reporting is off: Singular receives nothing of this offer."
        };
        vec![state.to_owned(), format!("Its id is {}. This id is permanent.", self.id)]
    }

    fn links(&self, owner: &AdvertiserRow) -> Vec<(String, String)> {
        let switch = if self.cost_reporting { "Turn cost reporting off" } else { "Turn cost reporting on" };
        let switch = (switch.to_owned(), format!("{PATH}/{}/reporting{}", self.id, scope(owner)));
        vec![see_stats("offer", &self.id, &scope(owner)), switch]
    }

    fn save(&self, owner: &AdvertiserRow, context: &RequestContext) -> ServiceResult<()> {
        let name = Name::parse("name", context.field("name"))?;
        changes::change(context.store(), owner, &Change::RenameOffer(self, &name), &context.actor())
    }

    fn effect(&self, owner: &AdvertiserRow, txn: &ReadTxn<'_>) -> ServiceResult<Option<String>> {
        if !self.cost_reporting {
            return Ok(None);
        }
        let effect = ledger::effect_on_campaigns(txn, owner, |row| row.offer.key == self.key, Utc::now())?;
        Ok(effect.message().map(|message| format!("If you change its name: {message}")))
    }

    fn in_the_way(&self, owner: &AdvertiserRow, txn: &ReadTxn<'_>) -> StoreResult<Option<InTheWay>> {
        let runs = txn.offer_with_campaigns(owner.key, &self.id.to_string())?.map_or(0, |(_, runs)| runs);
        Ok(campaigns::in_the_way(owner, &self.name, runs, "; or turn its cost reporting off"))
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

/// Shows what turning cost reporting on or off changes, and asks for confirmation.
pub async fn ask_reporting(context: RequestContext, id: web::Path<String>) -> Answer {
    let (advertiser, row) = found(&context, id.into_inner()).await?;
    let form = reporting_form(&advertiser, &row);
    reporting_page(&context, advertiser, row, form).await
}

async fn reporting_page(context: &RequestContext, advertiser: AdvertiserRow, row: OfferRow, form: Form) -> Answer {
    let (owner, offer) = (advertiser.clone(), row.clone());
    let outlook = context
        .run(move |context| context.store().read(|txn| SwitchOutlook::of(txn, &owner, &offer, Utc::now())))
        .await?;
    let cost = format!("{} {}", format::amount(outlook.recent.cost, advertiser.currency), advertiser.currency.code());
    let title = format!("Turn cost reporting {} for {}?", if row.cost_reporting { "off" } else { "on" }, row.name);
    let intro = outlook.sentences(&cost);
    FormPage::answer(context, NAV, title, intro, form).await
}

/// Turns cost reporting on or off as the form says; sending it twice changes nothing more.
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
