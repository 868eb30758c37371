//! The poll history: what Singular and others asked for, and what they received.

use actix_web::web;
use askama::Template;
use chrono::{DateTime, Utc};

use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::format;
use crate::admin::kit::layout::{Shell, back};
use crate::admin::kit::table::{Cell, Table, link_with};
use crate::domain::{Day, DayState, ReportKind, TokenReader, TokenScope, ZoneClock};
use crate::service::{ServiceError, ledger};
use crate::store::{DayStatus, PollFilter, PollSeen, ReadTxn, StoreError};

/// Polls a page shows.
const SHOWN: u32 = 100;

/// Value of the token filter for polls without a token.
const STRANGERS: &str = "none";

#[derive(Template)]
#[template(path = "admin/polls.html")]
struct Page {
    shell: Shell,
    tokens: Vec<(String, String, bool)>,
    strangers: bool,
    answer: String,
    day: String,
    from: String,
    to: String,
    table: Table,
    older: Option<String>,
    is_filtered: bool,
}

#[derive(Template)]
#[template(path = "admin/poll.html")]
struct DetailPage {
    shell: Shell,
    facts: Vec<(&'static str, String)>,
    state: (String, &'static str),
    advice: &'static str,
    /// Address for marking the client as Singular or not, and whether it counts as Singular now; `None` if it can't be
    /// marked.
    reader: Option<(String, bool)>,
}

/// What the poll's result means, and what to do about it.
fn advice(poll: &PollSeen) -> &'static str {
    match poll.status {
        200..=299 if !poll.complete => {
            "The client disconnected, or reading failed midway. The client can't have taken this for a whole report."
        }
        200..=299 => "The client received the full report.",
        304 => "Nothing had changed since it last asked for these days, so nothing was sent again.",
        400 => "A date was missing, malformed, or after the other. The client was told which, and what is expected.",
        401 => {
            "The request had no token, or one that is unknown, revoked or expired. Generate a new one and give it to \
             the connector."
        }
        403 => "The token's scope doesn't allow the report, or its advertiser is disabled.",
        429 => "It asked too often, and was told when to come back.",
        _ => "The server failed; its log says why. The next poll may work again.",
    }
}

/// A poll's result in words, with a colour.
fn state(poll: &PollSeen) -> (String, &'static str) {
    let message = match poll.status {
        304 => "Had it already",
        400 => "Refused: bad dates",
        401 => "Refused: no valid token",
        403 => "Refused: not allowed",
        429 => "Refused: too many",
        200..=299 if !poll.complete => "Broken off",
        200..=299 => "Answered",
        500.. => "Failed",
        _ => "Refused",
    };
    let tone = match poll.status {
        200..=399 if poll.complete => "good",
        500.. => "bad",
        _ => "warn",
    };
    (message.to_owned(), tone)
}

fn report(poll: &PollSeen) -> &'static str {
    match poll.report {
        ReportKind::Singular => "cost report for Singular",
        ReportKind::General => "general cost report",
    }
}

fn range(poll: &PollSeen) -> String {
    match poll.days {
        Some((from, to)) if from == to => format::day(from),
        Some((from, to)) => format!("{} to {}", format::day(from), format::day(to)),
        None => "no valid dates".to_owned(),
    }
}

/// The moment a day begins in the zone.
fn start(day: &str, zone: &ZoneClock, days_later: u64) -> Option<DateTime<Utc>> {
    let date = Day::parse("day", day).ok()?.date().checked_add_days(chrono::Days::new(days_later))?;
    zone.start_of(Day::try_from(date).ok()?)
}

/// The history with its filters.
pub async fn list(context: RequestContext) -> Answer {
    context
        .show(|context, txn| {
            let shell = Shell::new(context, txn, "Singular", "Polls")?;
            let zone = shell.zone();
            let (token, answer) = (context.query("token"), context.query("answer"));
            let chosen = shell.advertiser.as_ref();
            let filter = PollFilter {
                advertiser: chosen.map(|row| row.id).filter(|_| token != STRANGERS),
                token: token.parse().ok(),
                strangers: token == STRANGERS || chosen.is_none(),
                answered: match answer {
                    "answered" => Some(true),
                    "refused" => Some(false),
                    _ => None,
                },
                by_singular: false,
                of_day: Day::parse("day", context.query("day")).ok().map(Day::to_stored),
                from: start(context.query("from"), zone, 0),
                until: start(context.query("to"), zone, 1),
                before: context.query("before").parse().ok(),
                limit: SHOWN + 1,
            };
            let mut polls = txn.poll_list(&filter)?;
            let more = polls.len() > SHOWN as usize;
            polls.truncate(SHOWN as usize);
            let older = polls.last().filter(|_| more).map(|last| link_with(context, "before", &last.key.to_string()));
            let own = txn.token_list()?.into_iter().filter(|row| chosen.is_some_and(|it| it.key == row.advertiser));
            Ok(Page {
                tokens: own.map(|row| (row.id.to_string(), row.name, row.id.as_str() == token)).collect(),
                strangers: token == STRANGERS,
                answer: answer.to_owned(),
                day: context.query("day").to_owned(),
                from: context.query("from").to_owned(),
                to: context.query("to").to_owned(),
                is_filtered: ["token", "answer", "day", "from", "to", "before"]
                    .iter()
                    .any(|name| !context.query(name).is_empty()),
                table: table(&shell, &polls),
                older,
                shell,
            })
        })
        .await
}

fn table(shell: &Shell, polls: &[PollSeen]) -> Table {
    let code = shell.advertiser.as_ref().map_or("", |row| row.currency.code());
    let cost = format!("-#Cost, {code}");
    let mut table = Table::new("Polls", &["~When", "@Token", "-Asked for", "Answer", "-#Rows", &cost, "-#Took"]);
    for poll in polls {
        let (message, tone) = state(poll);
        let token = match (&poll.token, &poll.feed) {
            (Some((_, name, _)), _) => Cell::new(name),
            (None, Some(feed)) => Cell::new(feed).note("feed"),
            (None, None) => Cell::new("none").tone("quiet"),
        };
        let (cost, below) = match (&shell.advertiser, poll.cost()) {
            (Some(row), Some(cost)) if poll.status == 200 => {
                let amount = format::amount(cost, row.currency);
                let below = format!("{amount} {code} · {}", range(poll));
                (Cell::new(amount).title(cost.to_string()), below)
            }
            _ => (Cell::new("–"), range(poll)),
        };
        table.rows.push(vec![
            Cell::new(format::moment(poll.at, shell.zone()))
                .to(format!("/admin/polls/{}{}", poll.key, shell.scope), true),
            token.narrow(below),
            Cell::new(range(poll)),
            Cell::new(message).tone(tone).note(poll.status.to_string()),
            Cell::new(if poll.status == 200 { format::count(poll.rows) } else { "–".to_owned() }),
            cost,
            Cell::new(format::duration(poll.duration_us)),
        ]);
    }
    table
}

/// Everything known about one poll.
pub async fn detail(context: RequestContext, key: web::Path<String>) -> Answer {
    context
        .show(move |context, txn| {
            let shell = Shell::new(context, txn, "Singular", "Poll details")?;
            let poll = key.parse().ok().map(|key| txn.poll_find(key)).transpose()?.flatten();
            let poll = poll.ok_or_else(|| StoreError::Missing("There is no such poll.".to_owned()))?;
            let mut facts = facts(&shell, &poll, &currency(txn, &shell, &poll)?);
            if let (Some(advertiser), Some((from, to))) = (&shell.advertiser, poll.days) {
                facts.extend(marked(&txn.day_marks(advertiser.key, from.to_stored(), to.to_stored())?));
            }
            let reader = reader(txn, &shell, &poll)?;
            Ok::<_, ServiceError>(DetailPage { shell, facts, state: state(&poll), advice: advice(&poll), reader })
        })
        .await
}

/// The address for marking a poll's client as Singular or not, and whether it counts as Singular now.
fn reader(txn: &ReadTxn<'_>, shell: &Shell, poll: &PollSeen) -> Result<Option<(String, bool)>, ServiceError> {
    let (Some((token, ..)), Some(advertiser)) = (&poll.token, &shell.advertiser) else { return Ok(None) };
    let is_own = txn.token_find(token)?.is_some_and(|row| {
        row.advertiser == advertiser.key && row.reader == TokenReader::Singular && row.scope == TokenScope::Report
    });
    let others = txn.not_singular_list(advertiser.key)?;
    let is_other = others.iter().any(|other| other.address == poll.address && other.user_agent == poll.user_agent);
    let action = format!("/admin/polls/{}/reader{}", poll.key, shell.scope);
    Ok((is_own && shell.may_change).then_some((action, !is_other)))
}

/// Marks the address and agent of a poll as not Singular, or as Singular again.
pub async fn mark(context: RequestContext, key: web::Path<String>) -> Answer {
    let is_singular = context.field("reader") == TokenReader::Singular.as_str();
    let found = context.run(move |context| {
        context.store().read(|txn| {
            let missing = || StoreError::Missing("There is no such poll.".to_owned());
            let poll = key.parse().ok().map(|key| txn.poll_find(key)).transpose()?.flatten().ok_or_else(missing)?;
            let token = poll.token.as_ref().map(|(id, ..)| txn.token_find(id)).transpose()?.flatten();
            let advertiser = txn.advertiser_by_key(token.ok_or_else(missing)?.advertiser)?;
            Ok::<_, ServiceError>((poll, advertiser))
        })
    });
    let (poll, advertiser) = found.await.map_err(crate::admin::kit::context::missing_is_not_found)?;
    let (path, id) = (format!("/admin/polls/{}", poll.key), advertiser.id);
    context
        .run(move |context| {
            let client = (poll.address.as_str(), poll.user_agent.as_str());
            ledger::mark_reader(context.store(), &advertiser, client, is_singular, &context.actor(), Utc::now())
        })
        .await?;
    Ok(context.go(&back(&path, Some(id), if is_singular { "is-singular" } else { "not-singular" })))
}

/// How the requested days are marked now.
fn marked(marks: &[DayStatus]) -> Option<(&'static str, String)> {
    let of = |state| {
        let days = marks.iter().filter(|mark| mark.state == state).count();
        (days > 0).then(|| format!("{} {state}", format::count(i64::try_from(days).unwrap_or(i64::MAX))))
    };
    let message: Vec<String> = [DayState::Provisional, DayState::Final].into_iter().filter_map(of).collect();
    (!message.is_empty()).then(|| ("Of these days", message.join(", ")))
}

/// The currency of the advertiser of the token; a feed's is on its own advertiser's page.
fn currency(txn: &ReadTxn<'_>, shell: &Shell, poll: &PollSeen) -> Result<String, ServiceError> {
    let token = poll.token.as_ref().map(|(id, ..)| txn.token_find(id)).transpose()?.flatten();
    let code = match (token, &shell.advertiser) {
        (Some(token), _) => txn.advertiser_by_key(token.advertiser)?.currency.code().to_owned(),
        (None, Some(advertiser)) if poll.feed.is_some() => advertiser.currency.code().to_owned(),
        (None, _) => String::new(),
    };
    Ok(code)
}

fn facts(shell: &Shell, poll: &PollSeen, currency: &str) -> Vec<(&'static str, String)> {
    let whose = match (&poll.token, &poll.feed) {
        (Some((id, name, advertiser)), _) => format!("{name} ({id}) of {advertiser}"),
        (None, Some(feed)) => format!("none, but the link of the feed {feed}"),
        (None, None) => "unknown token".to_owned(),
    };
    let mut facts = vec![
        ("When", format::moment(poll.at, shell.zone())),
        ("Token", whose),
        ("Report", format!("{}, as {}", report(poll), poll.format.as_str().to_uppercase())),
        ("Asked for", range(poll)),
        ("Status", poll.status.to_string()),
    ];
    if poll.status == 200 {
        facts.push(("Rows", format::count(poll.rows)));
        if let Some(cost) = poll.cost() {
            facts.push(("Cost", format!("{} {currency}", format::exact(&cost.to_string()))));
        }
        facts.push(("Length before compression", format::bytes(poll.bytes)));
    }
    facts.extend([
        ("Took", format::duration(poll.duration_us)),
        ("From", poll.address.clone()),
        ("Client", if poll.user_agent.is_empty() { "unnamed".to_owned() } else { poll.user_agent.clone() }),
    ]);
    facts
}
