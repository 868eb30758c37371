//! One cell of the stats: the values it has had, and its edit by hand, with the reason: a restatement that the import
//! history and the audit log keep.

use actix_web::http::StatusCode;
use askama::Template;

use crate::admin::catalogue::entry::{self, scope};
use crate::admin::imports::list::what;
use crate::admin::imports::preview;
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::form_page;
use crate::admin::kit::format;
use crate::admin::kit::layout::Shell;
use crate::admin::kit::table::{Cell, Table};
use crate::domain::{CampaignId, Count, Currency, Day, DayState, Figures, Invalid, Micros, PublisherId};
use crate::http::ClientError;
use crate::service::{ServiceError, imports, stats};
use crate::store::{AdvertiserRow, CampaignRow, ImportKind, PublisherRow, ReadTxn, StatKey};

struct Names {
    campaigns: Vec<CampaignRow>,
    publishers: Vec<PublisherRow>,
}

async fn names(context: &RequestContext) -> Result<(AdvertiserRow, Names), ClientError> {
    entry::within(context, |txn, advertiser| {
        Ok(Some(Names { campaigns: txn.campaign_list(advertiser.key)?, publishers: txn.publisher_list()? }))
    })
    .await
}

/// The cell that the given words name.
fn key<'n>(
    advertiser: &AdvertiserRow,
    names: &'n Names,
    word: impl Fn(&str) -> String,
) -> Result<(StatKey, Day, &'n CampaignRow, &'n PublisherRow), Invalid> {
    let day = Day::parse("day", &word("day"))?;
    let campaign = word("campaign").parse::<CampaignId>().ok();
    let campaign = names.campaigns.iter().find(|row| Some(row.id) == campaign);
    let campaign = campaign.ok_or_else(|| Invalid::because("campaign", "choose a campaign"))?;
    let publisher = word("publisher").parse::<PublisherId>().ok();
    let publisher = names.publishers.iter().find(|row| Some(row.id) == publisher);
    let publisher = publisher.ok_or_else(|| Invalid::because("publisher", "choose a publisher"))?;
    let stored = day.to_stored();
    let key = StatKey { advertiser: advertiser.key, day: stored, campaign: campaign.key, publisher: publisher.key };
    Ok((key, day, campaign, publisher))
}

fn form(advertiser: &AdvertiserRow, names: &Names, is_known: bool) -> Form {
    let action = format!("/admin/stats/cell{}", scope(advertiser));
    let back = format!("/admin/stats{}", scope(advertiser));
    let form = Form::new(action, if is_known { "Restate cell" } else { "Save row" }).or_back_to(back);
    let (day, campaign, publisher) = if is_known {
        (Kind::Hidden, Kind::Hidden, Kind::Hidden)
    } else {
        let campaigns = names.campaigns.iter().map(|row| (row.id.to_string(), row.name.clone())).collect();
        let publishers = names.publishers.iter().map(|row| (row.id.to_string(), row.name.clone())).collect();
        (Kind::Date, Kind::Choice(campaigns), Kind::Choice(publishers))
    };
    let reason = "Stays in the history beside the change, such as \"fraud refund of March\".";
    form.field("day", "Day", day, "")
        .field("campaign", "Campaign", campaign, "")
        .field("publisher", "Publisher", publisher, "")
        .field("clicks", "Clicks", Kind::Number, "")
        .field(
            "cost",
            "Cost",
            Kind::Number,
            format!("In {}, such as 12.5; at most 6 decimals.", advertiser.currency.code()),
        )
        .field("views", "Views", Kind::Number, "")
        .optional()
        .field("conversions", "Conversions", Kind::Number, "")
        .optional()
        .field("reason", "Reason", Kind::Text, reason)
        .field("known", "", Kind::Hidden, "")
        .with("known", if is_known { "yes" } else { "" })
}

/// A cell's page: what it is, the form for those who may change it, and its life.
#[derive(Template)]
#[template(path = "admin/cell.html")]
struct Page {
    shell: Shell,
    intro: Vec<String>,
    /// What its day is called.
    mark: Option<String>,
    form: Option<Form>,
    links: Vec<(String, String)>,
    life: Option<Table>,
}

/// A cell that the address or the form names.
struct Known {
    key: StatKey,
    message: String,
}

async fn answer(
    context: &RequestContext,
    advertiser: &AdvertiserRow,
    names: &Names,
    form: Form,
    known: Option<Known>,
) -> Answer {
    let mut links = Vec::new();
    let mut lead_to = |is_missing: bool, message: &str, noun: &str| {
        if is_missing && context.may_change() {
            links.push((message.to_owned(), format!("/admin/catalogue/{noun}/new{}", scope(advertiser))));
        }
    };
    lead_to(names.campaigns.is_empty(), "Add a campaign first", "campaigns");
    lead_to(names.publishers.is_empty(), "Add a publisher first", "publishers");
    let form = (links.is_empty() && context.may_change()).then_some(form);
    let (title, intro) = match (&known, context.may_change()) {
        (Some(known), true) => ("Restate a cell", vec![
            format!("{}.", known.message),
            "What you save replaces the whole cell. Singular asks again for the last 7 days; older ones need a refresh there."
                .to_owned(),
        ]),
        (Some(known), false) => ("A cell", vec![format!("{}.", known.message)]),
        (None, true) => ("Add a row of stats", vec![
            "The figures of one day, one campaign, one publisher. A row that is there already is replaced.".to_owned(),
        ]),
        (None, false) => ("A cell", vec!["Choose one on the stats page to see the values it has had.".to_owned()]),
    };
    context
        .show_as(form.as_ref().map_or(StatusCode::OK, form_page::status), move |context, txn| {
            let shell = Shell::new(context, txn, "Stats", title)?;
            let (mut mark, mut table) = (None, None);
            if let (Some(known), Some(advertiser)) = (&known, &shell.advertiser) {
                table = life(txn, known.key, &shell, advertiser.currency)?;
                let marks = txn.day_marks(known.key.advertiser, known.key.day, known.key.day)?;
                mark = marks.first().map(|mark| match mark.state {
                    DayState::Final => "The day is final: say why it changes.".to_owned(),
                    DayState::Provisional => "The day is provisional.".to_owned(),
                });
            }
            Ok(Page { shell, intro, mark, form, links, life: table })
        })
        .await
}

/// The newest value first.
fn life(txn: &ReadTxn<'_>, key: StatKey, shell: &Shell, currency: Currency) -> Result<Option<Table>, ServiceError> {
    let steps = imports::life(txn, key)?;
    let cost = format!("#Cost, {}", currency.code());
    let mut table = Table::new("The values it has had", &["Since", "From", "#Clicks", &cost, "#Views", "#Conversions"]);
    for step in steps.iter().rev() {
        let from =
            Cell::new(what(&step.brought_by)).to(format!("/admin/imports/{}{}", step.brought_by.id, shell.scope), true);
        let note = match (&step.stated_by, step.brought_by.kind) {
            (_, ImportKind::Edit) => step.brought_by.reason.clone(),
            (Some((_, 0)), _) => Some("left out of the file, so set to zero".to_owned()),
            (Some((by, line)), _) if by.id == step.brought_by.id => Some(format!("line {line}")),
            (Some((by, line)), _) => Some(format!("back to line {line} of {}", what(by))),
            (None, _) => Some("taken away".to_owned()),
        };
        let from = note.into_iter().fold(from, Cell::note);
        let who = format!("by {}", step.brought_by.actor);
        let mut row = vec![Cell::new(format::moment(step.at, shell.zone())).note(who), from];
        row.extend(preview::figures(None, step.figures, currency));
        table.rows.push(row);
    }
    Ok((!steps.is_empty()).then_some(table))
}

fn named(day: Day, campaign: &CampaignRow, publisher: &PublisherRow) -> String {
    format!("{}, {} at {}", format::day(day), campaign.name, publisher.name)
}

/// The form for a cell: the one the address names, or a new one.
pub async fn edit(context: RequestContext) -> Answer {
    let (advertiser, names) = names(&context).await?;
    let Ok((key, day, campaign, publisher)) = key(&advertiser, &names, |name| context.query(name).to_owned()) else {
        let today = entry::today(advertiser.time_zone)?;
        let yesterday = today.earlier(1).unwrap_or(today);
        let form = form(&advertiser, &names, false).with("day", yesterday.to_string());
        return answer(&context, &advertiser, &names, form, None).await;
    };
    let held = context
        .run(move |context| Ok(context.store().read(|txn| txn.stat_find(key))?))
        .await?
        .map_or_else(Figures::default, |held| held.figures);
    let form = form(&advertiser, &names, true)
        .with("day", day.to_string())
        .with("campaign", campaign.id.to_string())
        .with("publisher", publisher.id.to_string())
        .with("clicks", held.clicks.to_string())
        .with("cost", held.cost.to_string())
        .with("views", held.views.to_string())
        .with("conversions", held.conversions.to_string());
    let known = Known { key, message: named(day, campaign, publisher) };
    answer(&context, &advertiser, &names, form, Some(known)).await
}

fn figures(context: &RequestContext) -> Result<Figures, Invalid> {
    let count = |name: &'static str| Count::parse(name, context.field(name).trim());
    let or_none = |name| if context.field(name).trim().is_empty() { Ok(Count::default()) } else { count(name) };
    let (cost, rounded) = Micros::parse(context.field("cost").trim())?;
    if rounded {
        return Err(Invalid::value("cost", context.field("cost"), "at most 6 decimals"));
    }
    let (views, conversions) = (or_none("views")?, or_none("conversions")?);
    Ok(Figures { clicks: count("clicks")?, cost, views, conversions })
}

/// Restates a cell.
pub async fn save(context: RequestContext) -> Answer {
    let (advertiser, names) = names(&context).await?;
    let found = key(&advertiser, &names, |name| context.field(name).to_owned());
    let known = found.as_ref().ok();
    let known =
        known.map(|(key, day, campaign, publisher)| Known { key: *key, message: named(*day, campaign, publisher) });
    let wanted = found.and_then(|(key, day, ..)| Ok((key, day, figures(&context)?)));
    let done = match wanted {
        Err(invalid) => Err(ServiceError::from(invalid)),
        Ok((key, day, figures)) => {
            let what = known.as_ref().map(|known| known.message.clone()).unwrap_or_default();
            context
                .run(move |context| {
                    let reason = context.field("reason").parse()?;
                    let changed = stats::edit(context.store(), key, figures, &reason, &what, &context.actor())?;
                    Ok((changed, day))
                })
                .await
        }
    };
    match done {
        Ok((changed, day)) => {
            let done = if changed { "saved" } else { "unchanged" };
            Ok(context.go(&format!("/admin/stats{}&from={day}&to={day}&done={done}", scope(&advertiser))))
        }
        Err(error) => {
            let is_known = context.field("known") == "yes";
            let form = form(&advertiser, &names, is_known).as_typed(&context).refused(error)?;
            answer(&context, &advertiser, &names, form, known.filter(|_| is_known)).await
        }
    }
}
