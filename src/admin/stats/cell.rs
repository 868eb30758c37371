//! One row of the stats: its history, and the form that edits it. An edit is an import of one row, with an entry in the
//! import history and the audit log.

use actix_web::http::StatusCode;
use askama::Template;
use chrono::Utc;

use crate::admin::catalogue::entry::{self, scope};
use crate::admin::catalogue::pick;
use crate::admin::imports::change_table;
use crate::admin::imports::list::what;
use crate::admin::kit::amount;
use crate::admin::kit::context::{Answer, RequestContext, missing_is_not_found};
use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::form_page;
use crate::admin::kit::format;
use crate::admin::kit::layout::Shell;
use crate::admin::kit::stale::{self, ChangedBy};
use crate::admin::kit::table::{Cell, Table};
use crate::domain::{Count, Currency, Day, DayState, Figures, Invalid, MicrosSum, Reason};
use crate::http::ClientError;
use crate::service::stats::{self, CellEdit, Edited, Seen};
use crate::service::{ServiceError, imports, ledger};
use crate::store::{AdvertiserRow, CampaignRow, ImportKind, PublisherRow, ReadTxn, StatKey};

/// The fields that hold figures.
const FIGURES: [&str; 4] = ["clicks", "cost", "views", "conversions"];

/// The row that the address or the form names.
#[derive(Clone)]
struct Named {
    key: StatKey,
    day: Day,
    campaign: CampaignRow,
    publisher: PublisherRow,
    held: Option<Figures>,
    /// Whether its campaign or publisher was merged, so that it can't be changed.
    is_merged: bool,
}

impl Named {
    fn label(&self) -> String {
        let [campaign, publisher] = [&self.campaign.name, &self.publisher.name].map(|name| format::short(name));
        format!("{} · {} · {}", format::day(self.day), format::isolated(&campaign), format::isolated(&publisher))
    }
}

/// The request's advertiser, row, and empty form.
struct CellPage {
    advertiser: AdvertiserRow,
    named: Result<Named, Invalid>,
    blank: Form,
    has_campaigns: bool,
    has_publishers: bool,
}

async fn page(context: &RequestContext, in_form: bool) -> Result<CellPage, ClientError> {
    let found = context.run(move |context| {
        context.store().read(|txn| {
            let advertiser = <AdvertiserRow as entry::Owner>::chosen(context, txn)?;
            let word = |name: &str| if in_form { context.field(name).trim() } else { context.query(name) };
            let named = named(txn, &advertiser, word)?;
            let form = Form::new(format!("/admin/stats/cell{}", scope(&advertiser)), "Save row")
                .or_back_to(format!("/admin/stats{}", scope(&advertiser)))
                .field("day", "Day", Kind::Date, "");
            let form = pick::field::<CampaignRow>(txn, advertiser.key, form, "campaign", "Campaign", "")?;
            let form = pick::field::<PublisherRow>(txn, advertiser.key, form, "publisher", "Publisher", "")?;
            let is_there =
                |name| form.fields.iter().any(|field| field.name == name && field.kind != Kind::Choice(Vec::new()));
            let (has_campaigns, has_publishers) = (is_there("campaign"), is_there("publisher"));
            Ok(CellPage { advertiser, named, blank: form, has_campaigns, has_publishers })
        })
    });
    found.await.map_err(missing_is_not_found)
}

fn named<'w>(
    txn: &ReadTxn<'_>,
    advertiser: &AdvertiserRow,
    word: impl Fn(&str) -> &'w str,
) -> Result<Result<Named, Invalid>, ServiceError> {
    let Ok(day) = Day::parse("day", word("day")) else {
        return Ok(Err(Invalid::because("day", "choose the day")));
    };
    let (campaign, publisher) = match (
        itself::<CampaignRow>(txn, advertiser, "campaign", word("campaign"))?,
        itself::<PublisherRow>(txn, advertiser, "publisher", word("publisher"))?,
    ) {
        (Ok(campaign), Ok(publisher)) => (campaign, publisher),
        (Err(invalid), _) | (_, Err(invalid)) => return Ok(Err(invalid)),
    };
    let day_key = day.to_stored();
    let key = StatKey { advertiser: advertiser.key, day: day_key, campaign: campaign.key, publisher: publisher.key };
    let held = txn.stat_find(key)?.map(|row| row.figures);
    let is_merged = stats::is_merged(txn, &key)?;
    Ok(Ok(Named { key, day, campaign, publisher, held, is_merged }))
}

/// The entry with this id, even if it was merged, or the entry with this name.
fn itself<P: pick::Pickable>(
    txn: &ReadTxn<'_>,
    advertiser: &AdvertiserRow,
    field: &'static str,
    word: &str,
) -> Result<Result<P, Invalid>, ServiceError> {
    match P::itself(txn, advertiser.key, word)? {
        Some(found) => Ok(Ok(found)),
        None => Ok(pick::find(txn, advertiser.key, field, word)?),
    }
}

/// The form's fields for figures.
fn figure_fields(form: Form, advertiser: &AdvertiserRow, is_reason_needed: bool) -> Form {
    let code = advertiser.currency.code();
    let reason = if is_reason_needed {
        "Saved in the history, e.g. “March fraud refund”."
    } else {
        "Saved in the history. Needed only where figures change or the day is final."
    };
    let form = form
        .field("clicks", "Clicks", Kind::Number, "")
        .field("cost", "Cost", Kind::Number, format!("In {code}, e.g. 12.50; at most 6 decimals."))
        .field("views", "Views", Kind::Number, "")
        .optional()
        .field("conversions", "Conversions", Kind::Number, "")
        .optional()
        .field("reason", "Reason", Kind::Text, reason);
    if is_reason_needed { form } else { form.optional() }
}

/// The form for an existing row, with its current values, which it also carries.
fn known_form(page: &CellPage, named: &Named) -> Form {
    let form = Form::new(page.blank.action.clone(), "Save changes")
        .or_back_to(format!("/admin/stats{}", scope(&page.advertiser)))
        .field("day", "Day", Kind::Hidden, "")
        .field("campaign", "Campaign", Kind::Hidden, "")
        .field("publisher", "Publisher", Kind::Hidden, "");
    let held = |figure: fn(&Figures) -> String| named.held.as_ref().map(figure).unwrap_or_default();
    let form = figure_fields(form, &page.advertiser, named.held.is_some())
        .with("clicks", held(|held| held.clicks.to_string()))
        .with("cost", held(|held| held.cost.to_string()))
        .with("views", held(|held| held.views.to_string()))
        .with("conversions", held(|held| held.conversions.to_string()));
    let mut form = form.based_on_now();
    for field in &mut form.fields {
        if !FIGURES.contains(&field.name) {
            field.base = None;
        }
    }
    form.with("day", named.day.to_string())
        .with("campaign", named.campaign.id.to_string())
        .with("publisher", named.publisher.id.to_string())
        .field("known", "", Kind::Hidden, "")
        .with("known", "yes")
}

fn new_form(page: &CellPage) -> Form {
    figure_fields(page.blank.clone(), &page.advertiser, false).field("known", "", Kind::Hidden, "")
}

/// A row's page: its names, the form for those who may edit it, and its history.
#[derive(Template)]
#[template(path = "admin/cell.html")]
struct Page {
    shell: Shell,
    intro: Vec<String>,
    /// Whether its day is provisional or final.
    mark: Option<&'static str>,
    form: Option<Form>,
    links: Vec<(String, String)>,
    life: Option<Table>,
}

async fn answer(context: &RequestContext, page: &CellPage, form: Form, named: Option<Named>) -> Answer {
    let mut links = Vec::new();
    let mut lead_to = |is_missing: bool, message: &str, noun: &str| {
        if is_missing && context.may_change() {
            links.push((message.to_owned(), format!("/admin/catalogue/{noun}/new{}", scope(&page.advertiser))));
        }
    };
    lead_to(!page.has_campaigns, "Add a campaign first", "campaigns");
    lead_to(!page.has_publishers, "Add a publisher first", "publishers");
    let is_merged = named.as_ref().is_some_and(|named| named.is_merged);
    let form = (links.is_empty() && context.may_change() && !is_merged).then_some(form);
    let (title, intro) = match (&named, context.may_change()) {
        (Some(named), _) if is_merged => ("Figures", vec![named.label(), stats::MERGED.to_owned()]),
        (Some(named), true) => ("Edit figures", vec![named.label(), "Saving overwrites all four figures.".to_owned()]),
        (Some(named), false) => ("Figures", vec![named.label()]),
        (None, true) => (
            "Add a row of stats",
            vec![
                "The figures of one day, campaign and publisher. If the row exists already, you are asked first."
                    .to_owned(),
            ],
        ),
        (None, false) => ("Figures", vec!["Open a row on the Stats page to see its history.".to_owned()]),
    };
    let advertiser = page.advertiser.clone();
    context
        .show_as(form.as_ref().map_or(StatusCode::OK, form_page::status), move |context, txn| {
            let mut shell = Shell::new(context, txn, "Stats", title)?;
            let intro = if form.is_some() {
                intro.into_iter().chain(effect(txn, &advertiser, named.as_ref())?).collect()
            } else {
                intro
            };
            shell.is_refused = form.as_ref().is_some_and(Form::is_refused);
            let (mut mark, mut table) = (None, None);
            if let (Some(named), Some(advertiser)) = (&named, &shell.advertiser) {
                table = life(txn, named.key, &shell, advertiser.currency)?;
                let marks = txn.day_marks(named.key.advertiser, named.key.day, named.key.day)?;
                mark = marks.first().map(|mark| match mark.state {
                    DayState::Final => "This day is marked final. Give a reason for the change.",
                    DayState::Provisional => "This day is provisional.",
                });
            }
            Ok(Page { shell, intro, mark, form, links, life: table })
        })
        .await
}

/// What saving the row means for Singular.
fn effect(
    txn: &ReadTxn<'_>,
    advertiser: &AdvertiserRow,
    named: Option<&Named>,
) -> Result<Option<String>, ServiceError> {
    let Some(named) = named else {
        return Ok(None);
    };
    if !named.campaign.offer.cost_reporting {
        return Ok(Some("Singular sees no change: cost reporting of its offer is off.".to_owned()));
    }
    Ok(ledger::effect(txn, advertiser, [named.key.day], Utc::now())?.message())
}

/// Newest value first.
fn life(txn: &ReadTxn<'_>, key: StatKey, shell: &Shell, currency: Currency) -> Result<Option<Table>, ServiceError> {
    let steps = imports::life(txn, key)?;
    let cost = format!("#Cost, {}", currency.code());
    let mut table = Table::new("History", &["~Since", "@From", "-#Clicks", &cost, "-#Views", "-#Conversions"]);
    for step in steps.iter().rev() {
        let from =
            Cell::new(what(&step.brought_by)).to(format!("/admin/imports/{}{}", step.brought_by.id, shell.scope), true);
        let note = match (&step.stated_by, step.brought_by.kind) {
            (_, ImportKind::Edit | ImportKind::Merge) => step.brought_by.reason.clone(),
            (Some((_, 0)), _) => Some("not in the file, so set to zero".to_owned()),
            (Some((by, line)), _) if by.id == step.brought_by.id => Some(format!("line {line}")),
            (Some((by, line)), _) => Some(format!("back to line {line} of {}", what(by))),
            (None, _) => Some("removed".to_owned()),
        };
        let from = note.into_iter().fold(from, Cell::note);
        let since = Cell::new(format::moment(step.at, shell.zone())).note(format!("by {}", step.brought_by.actor));
        let figures = change_table::figures(None, step.figures, currency);
        let mut row = vec![since, from.narrow(format!("clicks {}", figures[0].text))];
        row.extend(figures);
        table.rows.push(row);
    }
    Ok((!steps.is_empty()).then_some(table))
}

/// The form for a row: the one the address names, or a new one.
pub async fn edit(context: RequestContext) -> Answer {
    let page = page(&context, false).await?;
    if let Ok(named) = page.named.clone() {
        let form = known_form(&page, &named);
        return answer(&context, &page, form, Some(named)).await;
    }
    let today = entry::today(page.advertiser.time_zone)?;
    let yesterday = today.earlier(1).unwrap_or(today);
    let mut form = new_form(&page).with("day", yesterday.to_string());
    for name in ["day", "campaign", "publisher"] {
        if !context.query(name).is_empty() {
            form = form.with(name, context.query(name));
        }
    }
    answer(&context, &page, form, None).await
}

/// The figures that were typed; with a prefix, those that the form carried.
fn figures(context: &RequestContext, currency: Currency) -> Result<Figures, Invalid> {
    let count = |name: &'static str| amount::count(name, context.field(name));
    let or_none = |name| if context.field(name).trim().is_empty() { Ok(Count::default()) } else { count(name) };
    let (views, conversions) = (or_none("views")?, or_none("conversions")?);
    let cost = amount::cost("cost", context.field("cost"), currency)?;
    Ok(Figures { clicks: count("clicks")?, cost, views, conversions })
}

/// The row's values when the form was made.
fn seen(context: &RequestContext) -> Seen {
    let base = |name: &str| context.sent(&stale::base_name(name));
    if base("cost").is_none() {
        return Seen::Unknown;
    }
    let count = |name: &'static str| Count::parse(name, base(name).unwrap_or_default()).ok();
    let figures = || {
        let cost = crate::domain::Micros::parse(base("cost")?).ok()?.0;
        Some(Figures { clicks: count("clicks")?, cost, views: count("views")?, conversions: count("conversions")? })
    };
    figures().map_or(Seen::Nothing, Seen::Figures)
}

/// Refuses a day that hasn't begun in any time zone.
fn not_in_future(advertiser: &AdvertiserRow, day: Day) -> Result<(), ServiceError> {
    if day > imports::last_day(advertiser.time_zone, chrono::Utc::now())? {
        let zone = advertiser.time_zone.name();
        let message = format!("{} is later than tomorrow, counted in {zone}", format::day(day));
        return Err(Invalid::because("day", message).into());
    }
    Ok(())
}

/// Shows the form again because the row exists already or was changed since: both values, and whether to overwrite it.
fn exists_already(form: Form, context: &RequestContext, old: &Figures, new: &Figures, currency: Currency) -> Form {
    let cost = |figures: &Figures| format::amount(MicrosSum::from(figures.cost), currency);
    let mut form = form.as_typed(context).with("known", "yes");
    let changes = [
        ("cost", format!("{} → {} {}", cost(old), cost(new), currency.code()), old.cost != new.cost),
        ("clicks", format!("{} → {}", old.clicks, new.clicks), old.clicks != new.clicks),
        ("views", format!("{} → {}", old.views, new.views), old.views != new.views),
        ("conversions", format!("{} → {}", old.conversions, new.conversions), old.conversions != new.conversions),
    ];
    let changes: Vec<_> =
        changes.iter().filter(|(.., differs)| *differs).map(|(name, text, _)| format!("{name} {text}")).collect();
    form.error =
        Some(format!("This row exists already: {}. Give a reason and save again to replace it.", changes.join(", ")));
    form
}

/// Saves a row, unless that would overwrite values the person hasn't seen.
pub async fn save(context: RequestContext) -> Answer {
    let page = page(&context, true).await?;
    let currency = page.advertiser.currency;
    let is_known = context.field("known") == "yes";
    let wanted = page.named.clone().map_err(ServiceError::from).and_then(|named| {
        not_in_future(&page.advertiser, named.day)?;
        Ok((figures(&context, currency)?, Reason::parse_optional(context.field("reason"))?, named))
    });
    let (figures, reason, named) = match wanted {
        Ok(wanted) => wanted,
        Err(error) => return refused(&context, &page, is_known, error).await,
    };
    let is_new_form = context.sent("known") == Some("");
    if let Some(held) = named.held.filter(|held| is_new_form && *held != figures) {
        let form = exists_already(known_form(&page, &named), &context, &held, &figures, currency);
        return answer(&context, &page, form, Some(named)).await;
    }
    if is_known && let Some(form) = out_of_date(&context, &page, &named).await? {
        return answer(&context, &page, form, Some(named)).await;
    }
    let seen = if is_new_form { Seen::of(named.held) } else { seen(&context) };
    let (key, what) = (named.key, named.label());
    let done = context
        .run(move |context| {
            let edit = CellEdit { key, figures, seen, reason: reason.as_ref(), what: &what };
            stats::edit_seen(context.store(), &edit, &context.actor())
        })
        .await;
    let done = match done {
        Ok(Edited::Changed) => "saved",
        Ok(Edited::Unchanged) => "unchanged",
        // Another person saved between the check and the write.
        Ok(Edited::Moved(held)) => {
            let named = Named { held, ..named };
            let form = match out_of_date(&context, &page, &named).await? {
                Some(form) => form,
                None => {
                    exists_already(known_form(&page, &named), &context, &held.unwrap_or_default(), &figures, currency)
                }
            };
            return answer(&context, &page, form, Some(named)).await;
        }
        Err(error) => return refused(&context, &page, is_known, error).await,
    };
    let day = named.day;
    Ok(context.go(&format!("/admin/stats{}&by=rows&from={day}&to={day}&done={done}", scope(&page.advertiser))))
}

/// The form again, with its error.
async fn refused(context: &RequestContext, page: &CellPage, is_known: bool, error: ServiceError) -> Answer {
    let named = page.named.clone().ok().filter(|_| is_known);
    let form = named.as_ref().map_or_else(|| new_form(page), |named| known_form(page, named));
    // The carried values stay: the person hasn't seen newer ones.
    let mut form = form.as_typed(context).refused(error)?;
    for field in &mut form.fields {
        if let (Some(base), Some(was)) = (&mut field.base, context.sent(&stale::base_name(field.name))) {
            was.clone_into(base);
        }
    }
    answer(context, page, form, named).await
}

/// The form to show again if the row's values have changed since the form was made.
async fn out_of_date(context: &RequestContext, page: &CellPage, named: &Named) -> Result<Option<Form>, ClientError> {
    let (form, key) = (known_form(page, named), named.key);
    let steps = context.run(move |context| context.store().read(|txn| imports::life(txn, key))).await?;
    let by = steps.last().map(|step| ChangedBy { actor: step.brought_by.actor.clone(), at: step.at });
    Ok(form.stale(context, by.as_ref(), &page.advertiser.time_zone.clock()))
}
