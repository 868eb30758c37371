//! Feeds: create, show the link once, list with last use, revoke.

use std::collections::HashMap;

use actix_web::web;
use askama::Template;
use chrono::{DateTime, Utc};

use crate::admin::catalogue::{entry, pick};
use crate::admin::kit::context::{Answer, RequestContext, missing_is_not_found};
use crate::admin::kit::form::{Field, Form, Kind};
use crate::admin::kit::form_page::FormPage;
use crate::admin::kit::format;
use crate::admin::kit::layout::{Shell, back};
use crate::admin::kit::life::expiry;
use crate::admin::kit::table::{Cell, Column, Table};
use crate::domain::{Day, DayRange, FeedId, Invalid, Name};
use crate::http::ClientError;
use crate::service::ServiceError;
use crate::service::connect::feeds::{self, FORMATS, FeedRequest, Format, USUAL_DAYS};
use crate::store::{AdvertiserRow, FeedDays, FeedRow, PublisherKey, PublisherRow, ReadTxn, StoreResult};

const NAV: &str = "Singular";
const PATH: &str = "/admin/singular/feeds";

/// Choices for how long a feed works, in days; the empty one never ends.
const LIVES: [(&str, &str); 3] = [("", "never, until it is revoked"), ("365", "1 year"), ("90", "90 days")];

#[derive(Template)]
#[template(path = "admin/feeds.html")]
struct ListPage {
    shell: Shell,
    table: Table,
    formats: [&'static dyn Format; 4],
}

#[derive(Template)]
#[template(path = "admin/feed_once.html")]
struct OncePage {
    shell: Shell,
    name: String,
    link: String,
    is_generic: bool,
    reader: &'static str,
    notes: &'static [&'static str],
    warnings: Vec<String>,
}

/// The chosen advertiser's feeds, live ones first.
pub async fn list(context: RequestContext) -> Answer {
    context
        .show(|context, txn| {
            let shell = Shell::new(context, txn, NAV, "Feeds")?;
            let now = Utc::now();
            let chosen = shell.advertiser.as_ref().map(|row| row.key);
            let mut rows: Vec<_> = txn.feed_list()?.into_iter().filter(|row| Some(row.advertiser) == chosen).collect();
            rows.sort_by_key(|row| (!feeds::is_live(row, now), std::cmp::Reverse(row.created_at)));
            let publishers = txn.publisher_list()?.into_iter().map(|row| (row.key, row.name)).collect();
            let columns = vec![
                Column::name("Feed"),
                Column::text("Days").less(),
                Column::text("State"),
                Column::text("Last read").less(),
                Column::text("Change"),
            ];
            let mut table = Table::with_columns("Feeds", columns);
            table.rows = rows.iter().map(|row| line(row, &shell, &publishers, now)).collect();
            Ok::<_, ServiceError>(ListPage { shell, table, formats: FORMATS })
        })
        .await
}

fn line(row: &FeedRow, shell: &Shell, publishers: &HashMap<PublisherKey, String>, now: DateTime<Utc>) -> Vec<Cell> {
    let reader = feeds::format(&row.format).map_or(row.format.as_str(), |format| format.reader());
    let publisher = row.publisher.and_then(|key| publishers.get(&key));
    let days = match row.days {
        FeedDays::Last(count) => format!("the last {}", format::plural(i64::from(count), "day")),
        FeedDays::Fixed(range) => format!("{} to {}", format::day(range.from()), format::day(range.to())),
    };
    let state = match (row.revoked_at, row.expires_at) {
        (Some(at), _) => Cell::new(format!("Revoked {}", format::moment_day(at, shell.zone()))).tone("quiet"),
        (None, Some(at)) if at <= now => {
            Cell::new(format!("Expired {}", format::moment_day(at, shell.zone()))).tone("bad")
        }
        (None, Some(at)) => Cell::new(format!("Live until {}", format::moment_day(at, shell.zone()))).tone("good"),
        (None, None) => Cell::new("Live").tone("good"),
    };
    let used = match row.last_used_at {
        Some(at) => Cell::new(format::ago(now - at))
            .note(row.last_used_address.clone().unwrap_or_default())
            .title(format::moment(at, shell.zone())),
        None => Cell::new("never").tone("quiet"),
    };
    let may_revoke = shell.may_change && feeds::is_live(row, now);
    let revoke = if may_revoke { "Revoke" } else { "" };
    vec![
        Cell::new(row.name.clone()).narrow(format!("{days}; read {}", used.text)).note(match publisher {
            Some(publisher) => format!("for {reader}, only {publisher}"),
            None => format!("for {reader}"),
        }),
        Cell::new(days),
        state,
        used,
        Cell::new(revoke)
            .to(format!("{PATH}/{}/revoke{}", row.id, shell.scope), may_revoke)
            .label(format!("Revoke “{}”", row.name)),
    ]
}

fn chosen_format(context: &RequestContext) -> Result<&'static dyn Format, Invalid> {
    let named = context.sent("format").unwrap_or_else(|| context.query("format"));
    feeds::format(if named.is_empty() { "generic" } else { named })
}

fn form(txn: &ReadTxn<'_>, format: &dyn Format, advertiser: &AdvertiserRow) -> StoreResult<Form> {
    let scope = format!("?advertiser={}", advertiser.id);
    let form = Form::new(format!("{PATH}/new{scope}"), "Make feed").or_back_to(format!("{PATH}{scope}")).field(
        "name",
        "Name",
        Kind::Text,
        "Who reads it, such as “Media team’s sheet”. Give each reader one of its own.",
    );
    let mut form = pick::field::<PublisherRow>(txn, advertiser.key, form, "partner", "Publisher", "")?;
    if !format.needs_publisher() {
        form = form.optional();
        if let Some(Field { kind: Kind::Choice(choices), .. }) = form.fields.last_mut() {
            choices.insert(0, (String::new(), "all of them".to_owned()));
        }
    }
    Ok(form
        .field("days", "Last days", Kind::Number, "How many days up to today it shows, each time it is read.")
        .optional()
        .field("from", "Or always the same days: from", Kind::Date, "Leave both empty for the last days.")
        .optional()
        .field("to", "to", Kind::Date, "")
        .optional()
        .field("life", "Expires after", Kind::choices(&LIVES), "")
        .field("format", "", Kind::Hidden, "")
        .with("format", format.name()))
}

async fn page(context: &RequestContext, format: &'static dyn Format, form: Form) -> Answer {
    let mut intro: Vec<String> = format.notes().iter().map(|note| (*note).to_owned()).collect();
    intro.push(format!("Columns: {}.", format.columns().join(", ")));
    FormPage::answer(context, NAV, format!("Make a feed for {}", format.reader()), intro, form).await
}

async fn blank(context: &RequestContext, format: &'static dyn Format) -> Result<(AdvertiserRow, Form), ClientError> {
    entry::within(context, move |txn, advertiser| form(txn, format, advertiser).map(Some)).await
}

async fn owner(context: &RequestContext) -> Result<AdvertiserRow, ClientError> {
    Ok(entry::within(context, |_, _| Ok(Some(()))).await?.0)
}

/// The form for a feed of one format, with notes about that format.
pub async fn new(context: RequestContext) -> Answer {
    let format = chosen_format(&context)?;
    let (_, form) = blank(&context, format).await?;
    let days = if format.adds_up() { 1 } else { USUAL_DAYS };
    page(&context, format, form.with("days", days.to_string()).sent_once()).await
}

fn days(context: &RequestContext) -> Result<FeedDays, Invalid> {
    let (from, to, days) = (context.field("from").trim(), context.field("to").trim(), context.field("days").trim());
    if from.is_empty() && to.is_empty() {
        let count = days.parse().ok().filter(|count| (1..=36_525).contains(count));
        return count.map(FeedDays::Last).ok_or_else(|| Invalid::value("days", days, "a number from 1 to 36525"));
    }
    DayRange::new(Day::parse("from", from)?, Day::parse("to", to)?)
        .map(FeedDays::Fixed)
        .map_err(|invalid| Invalid::because("to", invalid.reason))
}

/// Makes the feed and leads to the page that shows its link once.
pub async fn create(context: RequestContext) -> Answer {
    let format = chosen_format(&context)?;
    if let Some(shown) = context.shown_once(context.field("form_id")).await? {
        return Ok(shown);
    }
    let (advertiser, form) = blank(&context, format).await?;
    let made = context
        .run(move |context| {
            let now = Utc::now();
            let publisher = match context.field("partner") {
                "" => None,
                text => {
                    let found =
                        context.store().read(|txn| pick::find::<PublisherRow>(txn, advertiser.key, "partner", text))?;
                    Some(found?.id.to_string())
                }
            };
            let request = FeedRequest {
                advertiser: advertiser.id.to_string(),
                name: Name::parse("name", context.field("name"))?,
                format,
                days: days(context)?,
                publisher,
                expires_at: expiry(context, &LIVES, now)?,
            };
            let made = feeds::create(context.store(), &request, &context.actor(), now)?;
            Ok((made, request.name))
        })
        .await;
    match made {
        Ok((made, name)) => {
            context
                .show_once(context.field("form_id"), move |context, txn| {
                    let shell = Shell::new(context, txn, NAV, "Copy the link now")?;
                    let link = format!("{}{}", context.origin(), made.path());
                    let is_generic = format.name() == "generic";
                    let (reader, notes) = (format.reader(), format.notes());
                    Ok(OncePage {
                        shell,
                        name: name.to_string(),
                        link,
                        is_generic,
                        reader,
                        notes,
                        warnings: made.warnings,
                    })
                })
                .await
        }
        Err(error) => {
            context.made_nothing(context.field("form_id"))?;
            let form = form.as_typed(&context).refused(error)?.sent_once();
            page(&context, format, form.with("format", format.name())).await
        }
    }
}

async fn found(context: &RequestContext, id: String) -> Result<FeedRow, ClientError> {
    let found = context.run(move |context| {
        let id: FeedId = id.parse()?;
        Ok(context.store().read(|txn| txn.feed_get(id))?)
    });
    found.await.map_err(missing_is_not_found)
}

/// Asks for confirmation before a feed is revoked.
pub async fn ask_revoke(context: RequestContext, id: web::Path<String>) -> Answer {
    let advertiser = owner(&context).await?;
    let row = found(&context, id.into_inner()).await?;
    let used = match (row.last_used_at, &row.last_used_address) {
        (Some(at), Some(from)) => format!("It was last read {} from {from}.", format::ago(Utc::now() - at)),
        _ => "Nobody has read it yet.".to_owned(),
    };
    let scope = format!("?advertiser={}", advertiser.id);
    let form = Form::new(format!("{PATH}/{}/revoke{scope}", row.id), "Revoke feed")
        .dangerous()
        .or_back_to(format!("{PATH}{scope}"));
    let intro =
        vec![format!("{used} Everyone who uses the link gets 404 from the next request on. This can't be undone.")];
    FormPage::answer(&context, NAV, format!("Revoke “{}”?", row.name), intro, form).await
}

/// Revokes a feed: its next request gets 404.
pub async fn revoke(context: RequestContext, id: web::Path<String>) -> Answer {
    let advertiser = owner(&context).await?;
    let row = found(&context, id.into_inner()).await?;
    context.run(move |context| feeds::revoke(context.store(), row.id, &context.actor(), Utc::now())).await?;
    Ok(context.go(&back(PATH, Some(advertiser.id), "revoked")))
}
