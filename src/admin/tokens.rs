//! API tokens: generate, show once, list with their state, rotate, revoke.

use actix_web::web;
use askama::Template;
use chrono::{DateTime, Utc};

use crate::admin::kit::context::{Answer, RequestContext, missing_is_not_found};
use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::form_page::FormPage;
use crate::admin::kit::format;
use crate::admin::kit::layout::{Shell, back};
use crate::admin::kit::life::expiry;
use crate::admin::kit::stale;
use crate::domain::{Name, PlainToken, TokenId, TokenScope, ZoneClock};
use crate::service::ServiceResult;
use crate::service::access::tokens::{self, TokenRequest};
use crate::service::status::{self, Rotation, TokenState};
use crate::store::{OrMissing as _, TokenRow};

const NAV: &str = "Tokens";

/// Choices for how long a token works, in days; the empty one never ends.
const LIVES: [(&str, &str); 5] =
    [("365", "1 year"), ("90", "90 days"), ("180", "180 days"), ("730", "2 years"), ("", "never, until it is revoked")];

/// A token's row.
struct Line {
    id: String,
    name: String,
    scope: &'static str,
    state: String,
    tone: &'static str,
    created: String,
    expires: String,
    used: String,
    used_exactly: String,
    used_by: String,
    /// A note on the rotation it is part of, and whether the old token can be revoked.
    rotation: Option<(String, bool)>,
    is_live: bool,
}

#[derive(Template)]
#[template(path = "admin/tokens.html")]
struct ListPage {
    shell: Shell,
    lines: Vec<Line>,
}

#[derive(Template)]
#[template(path = "admin/token_once.html")]
struct OncePage {
    shell: Shell,
    token: PlainToken,
    name: String,
    curl: String,
    old: Option<String>,
    is_report: bool,
}

/// A token's state in words, with a colour.
fn state(state: TokenState, now: DateTime<Utc>, zone: &ZoneClock) -> (String, &'static str) {
    match state {
        TokenState::Revoked(at) => (format!("Revoked {}", format::moment_day(at, zone)), "quiet"),
        TokenState::Expired(at) => (format!("Expired {}", format::moment_day(at, zone)), "bad"),
        TokenState::Disabled(_) => ("Advertiser disabled".to_owned(), "bad"),
        TokenState::Ending(at) => (format!("Expires in {}", format::span(at - now)), "warn"),
        TokenState::Live(_) => ("Live".to_owned(), "good"),
    }
}

/// A note on a rotation, and whether the old token can be revoked.
fn rotation_note(rotation: Rotation<'_>, row: &TokenRow, now: DateTime<Utc>) -> (String, bool) {
    let seen = |at| format!("was seen {}", format::ago(now - at));
    match rotation {
        Rotation::Replaces(old) => {
            let then = row.last_used_at.map_or_else(
                || "It hasn't been used yet: keep the old one until it has.".to_owned(),
                |at| format!("It {}, so you can revoke the old one.", seen(at)),
            );
            (format!("Replaces “{}”. {then}", old.name), false)
        }
        Rotation::ReplacedBy(new) => {
            let then = new.last_used_at.map_or_else(
                || "hasn't been used yet. Keep this token until it has.".to_owned(),
                |at| format!("{}. You can revoke this one.", seen(at)),
            );
            (format!("Its successor “{}” {then}", new.name), new.last_used_at.is_some())
        }
    }
}

fn line(row: &TokenRow, all: &[TokenRow], now: DateTime<Utc>, zone: &ZoneClock) -> Line {
    let token = TokenState::of(row, now);
    let (state, tone) = state(token, now, zone);
    Line {
        id: row.id.to_string(),
        name: row.name.clone(),
        scope: row.scope.as_str(),
        state,
        tone,
        created: format::moment_day(row.created_at, zone),
        expires: row.expires_at.map_or_else(|| "never".to_owned(), |at| format::moment_day(at, zone)),
        used: row.last_used_at.map_or_else(|| "never".to_owned(), |at| format::ago(now - at)),
        used_exactly: row.last_used_at.map(|at| format::moment(at, zone)).unwrap_or_default(),
        used_by: [row.last_used_address.as_deref(), row.last_used_agent.as_deref()]
            .into_iter()
            .flatten()
            .filter(|message| !message.is_empty())
            .collect::<Vec<_>>()
            .join(", "),
        rotation: status::rotation(row, all, now).map(|rotation| rotation_note(rotation, row, now)),
        is_live: token.is_live(),
    }
}

/// The chosen advertiser's tokens, live ones first.
pub async fn list(context: RequestContext) -> Answer {
    context
        .show(|context, txn| {
            let shell = Shell::new(context, txn, NAV, "Tokens")?;
            let now = Utc::now();
            let chosen = shell.advertiser.as_ref().map(|row| row.key);
            let mut rows: Vec<_> = txn.token_list()?.into_iter().filter(|row| Some(row.advertiser) == chosen).collect();
            rows.sort_by_key(|row| (!TokenState::of(row, now).is_live(), std::cmp::Reverse(row.created_at)));
            let lines = rows.iter().map(|row| line(row, &rows, now, shell.zone())).collect();
            Ok(ListPage { shell, lines })
        })
        .await
}

/// The form for a new token.
pub async fn new(context: RequestContext) -> Answer {
    let asked = context.query("advertiser").to_owned();
    let form = new_form(&context).await?.with("advertiser", asked).with("scope", "report").with("life", "365");
    let form = form.sent_once();
    new_page(&context, form).await
}

async fn new_form(context: &RequestContext) -> Result<Form, crate::http::ClientError> {
    let all = context.run(|context| Ok(context.store().read(|txn| txn.advertiser_list())?)).await?;
    let advertisers = all.into_iter().filter(|row| row.disabled_at.is_none()).map(|row| (row.id.to_string(), row.name));
    let scopes = [
        ("report", "report: reads the cost report (Singular needs this)"),
        ("ingest", "ingest: writes daily stats (for your own scripts)"),
    ];
    Ok(Form::new("/admin/tokens/new", "Generate token")
        .or_back_to("/admin/tokens")
        .field(
            "name",
            "Name",
            Kind::Text,
            "Who or what will use it, such as “Singular connector”. Give each its own token.",
        )
        .field(
            "advertiser",
            "Advertiser",
            Kind::Choice(advertisers.collect()),
            "The token gives access to this advertiser's figures only.",
        )
        .field("scope", "Scope", Kind::choices(&scopes), "")
        .field(
            "life",
            "Expires after",
            Kind::choices(&LIVES),
            "It stops working after that. You'll see a warning on the home page 30 days before.",
        ))
}

async fn new_page(context: &RequestContext, form: Form) -> Answer {
    FormPage::answer(context, NAV, "Generate a token", Vec::new(), form).await
}

/// Makes the token and leads to the page that shows it once.
pub async fn create(context: RequestContext) -> Answer {
    if let Some(shown) = context.shown_once(context.field("form_id")).await? {
        return Ok(shown);
    }
    let made = context
        .run(|context| {
            let now = Utc::now();
            let request = TokenRequest {
                advertiser: context.field("advertiser").to_owned(),
                name: Name::parse("name", context.field("name"))?,
                scope: context.field("scope").parse::<TokenScope>()?,
                expires_at: expiry(context, &LIVES, now)?,
                reader: context.field("reader").parse().unwrap_or_default(),
            };
            let token = tokens::issue(context.store(), &request, &context.actor(), now)?;
            Ok((token, request.name, request.scope))
        })
        .await;
    match made {
        Ok((token, name, scope)) => once(&context, token, name, scope, None).await,
        Err(error) => {
            context.made_nothing(context.field("form_id"))?;
            let form = new_form(&context).await?.as_typed(&context).refused(error)?.sent_once();
            new_page(&context, form).await
        }
    }
}

async fn once(
    context: &RequestContext,
    token: PlainToken,
    name: Name,
    scope: TokenScope,
    old: Option<String>,
) -> Answer {
    context
        .show_once(context.field("form_id"), move |context, txn| {
            let shell = Shell::new(context, txn, NAV, "Copy the token now")?;
            let (origin, header) = (context.origin(), format!("-H 'Authorization: ApiToken {}'", token.reveal()));
            let is_report = scope == TokenScope::Report;
            let today = shell.zone().at(Utc::now()).0.date();
            let month_ago = today.checked_sub_days(chrono::Days::new(30)).unwrap_or(today);
            let curl = if is_report {
                format!(
                    "curl {header} \\\n  '{origin}/api/v1/integrations/cost-report/singular/json?date_from={month_ago}&date_to={today}'"
                )
            } else {
                format!("curl {header} \\\n  -H 'Content-Type: text/csv' --data-binary @stats.csv \\\n  '{origin}/api/v1/daily-stats'")
            };
            Ok(OncePage { shell, token, name: name.to_string(), curl, old, is_report })
        })
        .await
}

fn find(context: &RequestContext, id: &str) -> ServiceResult<TokenRow> {
    let id: TokenId = id.parse()?;
    Ok(context.store().read(|txn| txn.token_find(&id)?.or_missing("token", id.as_str()))?)
}

async fn found(context: &RequestContext, id: String) -> Result<TokenRow, crate::http::ClientError> {
    context.run(move |context| find(context, &id)).await.map_err(missing_is_not_found)
}

/// Asks for confirmation before a token is revoked.
pub async fn ask_revoke(context: RequestContext, id: web::Path<String>) -> Answer {
    let row = found(&context, id.into_inner()).await?;
    let used = match (row.last_used_at, &row.last_used_address) {
        (Some(at), Some(from)) => format!("It was last used {} ago from {from}.", format::span(Utc::now() - at)),
        (Some(at), None) => format!("It was last used {} ago.", format::span(Utc::now() - at)),
        (None, _) => "It hasn't been used yet.".to_owned(),
    };
    let used = format!("{used} Everyone who uses it is refused from the next request on. This can't be undone.");
    let form = Form::new(format!("/admin/tokens/{}/revoke", row.id), "Revoke token")
        .dangerous()
        .or_back_to(format!("/admin/tokens?advertiser={}", row.advertiser_id));
    let title = format!("Revoke “{}”?", row.name);
    FormPage::answer(&context, NAV, title, vec![format!("Token {} of {}.", row.id, row.advertiser_name), used], form)
        .await
}

pub async fn revoke(context: RequestContext, id: web::Path<String>) -> Answer {
    let row = found(&context, id.into_inner()).await?;
    let (id, advertiser) = (row.id, row.advertiser_id);
    context.run(move |context| tokens::revoke(context.store(), &id, &context.actor(), Utc::now())).await?;
    Ok(context.go(&back("/admin/tokens", Some(advertiser), "revoked")))
}

fn rotate_form(row: &TokenRow) -> Form {
    Form::new(format!("/admin/tokens/{}/rotate", row.id), "Generate successor")
        .or_back_to(format!("/admin/tokens?advertiser={}", row.advertiser_id))
        .field("name", "Name of the new token", Kind::Text, "")
        .field("life", "Expires after", Kind::choices(&LIVES), "")
        .with("name", next_name(&row.name))
        .with("life", "365")
}

/// “Singular”, “Singular 2”, “Singular 3”, …
fn next_name(name: &str) -> String {
    match name.rsplit_once(' ').and_then(|(stem, number)| Some((stem, number.parse::<u32>().ok()?))) {
        Some((stem, number)) if number < 1000 => format!("{stem} {}", number + 1),
        _ => format!("{name} 2"),
    }
}

async fn rotate_page(context: &RequestContext, row: &TokenRow, form: Form) -> Answer {
    let intro = vec![
        "You get a second token for the same advertiser and scope. Both work.".to_owned(),
        "Give the new one to whoever uses it. When the token list shows it in use, revoke the old one.".to_owned(),
    ];
    FormPage::answer(context, NAV, format!("Rotate “{}”", row.name), intro, form).await
}

/// The form for a token's successor.
pub async fn ask_rotate(context: RequestContext, id: web::Path<String>) -> Answer {
    let row = found(&context, id.into_inner()).await?;
    let form = with_successor(&context, &row, rotate_form(&row)).await?.sent_once();
    rotate_page(&context, &row, form).await
}

/// The form carries the id of the token's current successor, so that two people can't rotate the same token without noticing.
async fn with_successor(
    context: &RequestContext,
    row: &TokenRow,
    form: Form,
) -> Result<Form, crate::http::ClientError> {
    let (key, now) = (row.key, Utc::now());
    let all = context.run(|context| Ok(context.store().read(|txn| txn.token_list())?)).await?;
    let newest = all
        .iter()
        .filter(|new| new.replaces == Some(key) && TokenState::of(new, now).is_live())
        .max_by_key(|new| new.created_at);
    let newest = newest.map(|new| format!("{} ({})", new.name, new.id)).unwrap_or_default();
    let form = form.field("successor", "Its new token", Kind::Hidden, "").with("successor", newest);
    Ok(form.based_on("successor"))
}

/// Makes a token's successor and leads to the page that shows it once.
pub async fn rotate(context: RequestContext, id: web::Path<String>) -> Answer {
    let row = found(&context, id.into_inner()).await?;
    if let Some(shown) = context.shown_once(context.field("form_id")).await? {
        return Ok(shown);
    }
    let form = with_successor(&context, &row, rotate_form(&row)).await?;
    if let Some(form) = stale::refused(&context, &form, "token", row.id.to_string()).await? {
        context.made_nothing(context.field("form_id"))?;
        return rotate_page(&context, &row, form.sent_once()).await;
    }
    let old = row.clone();
    let made = context
        .run(move |context| {
            let now = Utc::now();
            let name = Name::parse("name", context.field("name"))?;
            let expires_at = expiry(context, &LIVES, now)?;
            let token = tokens::rotate(context.store(), &old, name.clone(), expires_at, &context.actor(), now)?;
            Ok((token, name))
        })
        .await;
    match made {
        Ok((token, name)) => once(&context, token, name, row.scope, Some(row.name)).await,
        Err(error) => {
            context.made_nothing(context.field("form_id"))?;
            let form = with_successor(&context, &row, rotate_form(&row).as_typed(&context).refused(error)?).await?;
            let form = form.sent_once();
            rotate_page(&context, &row, form).await
        }
    }
}
