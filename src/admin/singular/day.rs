//! Why a day differs: what Singular received and when, what the report says now, and which import or edit made the
//! difference.

use std::collections::HashMap;

use askama::Template;
use chrono::{DateTime, Utc};

use super::words;
use crate::admin::imports::list::what;
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::format;
use crate::admin::kit::layout::Shell;
use crate::admin::kit::table::{Cell, Table};
use crate::domain::{Currency, Day, DayRange};
use crate::service::ServiceError;
use crate::service::ledger::{Cause, Detail, HandoverState, Ledger, LedgerDay, Shown, causes};
use crate::store::{AdvertiserKey, AuditRow, ReadTxn, StoreError};

/// Items that are shown.
const SHOWN: usize = 150;

#[derive(Template)]
#[template(path = "admin/singular_day.html")]
struct Page {
    shell: Shell,
    advice: String,
    facts: Vec<(&'static str, String)>,
    causes: Table,
    items: Table,
    counted: String,
    polls: String,
    earlier: Option<String>,
    later: Option<String>,
}

/// The address of a day's page.
#[must_use]
pub fn address(shell: &Shell, day: Day) -> String {
    let scope = shell.scope.strip_prefix('?').map_or_else(String::new, |scope| format!("&{scope}"));
    format!("/admin/singular/day?day={day}{scope}")
}

pub async fn page(context: RequestContext) -> Answer {
    context
        .show(|context, txn| {
            let missing = || ServiceError::Store(StoreError::Missing("This day doesn't exist.".to_owned()));
            let day = Day::parse("day", context.query("day")).map_err(|_| missing())?;
            let mut shell = Shell::new(context, txn, "Singular", format::day(day))?;
            let advertiser = shell.advertiser.clone().ok_or_else(missing)?;
            let now = Utc::now();
            let range = DayRange::new(day, day)?;
            let ledger = Ledger::of(txn, &advertiser, Some(range), Detail::Cells, now)?;
            let found = ledger.days.first();
            shell.title = match found {
                Some(day) => format!("{}: {}", format::day(day.day), words::state(day.state)),
                None => format!("{}: no stats", format::day(day)),
            };
            let scope = format!("&advertiser={}", advertiser.id);
            let (causes, items) = match found {
                Some(found) => (
                    caused(txn, &shell, advertiser.key, found)?,
                    items(txn, advertiser.key, found, advertiser.currency)?,
                ),
                None => (Table::default(), Table::default()),
            };
            let counted = found.map_or(0, |day| day.difference.cells.len());
            Ok::<_, ServiceError>(Page {
                advice: match found {
                    Some(day) => advice(txn, &ledger, day, now)?,
                    None => String::new(),
                },
                facts: found.map_or_else(Vec::new, |day| facts(&shell, day, advertiser.currency)),
                counted: if counted > items.rows.len() {
                    format!("The first {} of {counted}.", items.rows.len())
                } else {
                    String::new()
                },
                causes,
                items,
                polls: format!("/admin/polls?day={day}{scope}"),
                earlier: day.earlier(1).map(|day| address(&shell, day)),
                later: day.next().map(|day| address(&shell, day)),
                shell,
            })
        })
        .await
}

fn advice(txn: &ReadTxn<'_>, ledger: &Ledger, day: &LedgerDay, now: DateTime<Utc>) -> Result<String, ServiceError> {
    let message = match day.state {
        HandoverState::InStep => "What was last handed to Singular is what the report says now.",
        HandoverState::NextPoll => {
            let back = ledger.look_back.days;
            let next = words::next_poll(txn, ledger, now)?;
            return Ok(format!("Nothing to do: polls look back {back} days, so the next one asks for this day.{next}"));
        }
        HandoverState::Refresh => {
            "Polls don’t ask for this day any more. Ask Singular for a refresh: the text to paste is on the Singular page."
        }
        HandoverState::OutOfReach => {
            "Singular refreshes nothing older than 6 months, so it keeps what it was handed. You can accept the day on the Singular page."
        }
        HandoverState::NeverServed if ledger.needs_person(day) => {
            "No poll ever asked for this day, and polls don’t reach back so far. Ask Singular for a refresh: the text to paste is on the Singular page."
        }
        HandoverState::NeverServed if ledger.calendar.is_beyond_polls(day.day) => {
            "No poll ever asked for this day, and Singular refreshes nothing older than 6 months."
        }
        HandoverState::NeverServed => {
            let next = words::next_poll(txn, ledger, now)?;
            return Ok(format!("No poll has asked for this day yet; the next one does.{next}"));
        }
    };
    Ok(message.to_owned())
}

fn facts(shell: &Shell, day: &LedgerDay, currency: Currency) -> Vec<(&'static str, String)> {
    let sums = |rows: u64, clicks: i128, cost: String| {
        let rows = format::plural(i64::try_from(rows).unwrap_or(i64::MAX), "item");
        format!(
            "{rows}, {}, {cost} {}",
            format::plural(i64::try_from(clicks).unwrap_or(i64::MAX), "click"),
            currency.code()
        )
    };
    let mut facts = Vec::new();
    let served = match (&day.served, &day.difference.served) {
        (Some((at, _)), Some(served)) => {
            facts.push(("Last handed to Singular", format::moment(*at, shell.zone())));
            sums(served.rows, served.clicks, format::amount(served.cost, currency))
        }
        _ if day.state == HandoverState::NeverServed => "nothing: no poll ever asked for it".to_owned(),
        _ => "not known: the server was killed, or a copy of the database was put in its place, and an answer may have been lost".to_owned(),
    };
    facts.push(("It was handed", served));
    let held = &day.difference.held;
    facts.push(("Now it is", sums(held.rows, held.clicks, format::amount(held.cost, currency))));
    if let Some(cost) = words::cost_difference(day).filter(|cost| *cost != 0) {
        facts.push(("Difference", format!("{} {}", words::signed(cost, currency), currency.code())));
    }
    facts
}

fn caused(txn: &ReadTxn<'_>, shell: &Shell, advertiser: AdvertiserKey, day: &LedgerDay) -> Result<Table, ServiceError> {
    let mut table = Table::new("What changed it since", &["~When", "@What", "-Who", "#Rows"]);
    if !day.difference.is_any() {
        return Ok(table);
    }
    for cause in causes(txn, advertiser, day)? {
        table.rows.push(match cause {
            Cause::Import(entry, cells) => {
                let what = Cell::new(what(&entry)).to(format!("/admin/imports/{}{}", entry.id, shell.scope), true);
                vec![
                    Cell::new(format::moment(entry.at, shell.zone())),
                    match &entry.reason {
                        Some(reason) => what.note(reason.clone()),
                        None => what,
                    },
                    Cell::new(entry.actor.clone()),
                    Cell::new(format::count(i64::try_from(cells).unwrap_or(i64::MAX))),
                ]
            }
            Cause::Offer { name, was_on, at, entry } => {
                let switch = if was_on { "on" } else { "off" };
                let was = format!("It was called “{name}”, with cost reporting {switch}");
                said_anew(shell, at, entry, "An offer changed", Some(was))
            }
            Cause::Catalogue { at, entry } => {
                said_anew(shell, at, entry, "A campaign moved, or an app’s store id changed", None)
            }
        });
    }
    Ok(table)
}

/// A change of the catalogue, in the audit log's words if it has an entry.
fn said_anew(
    shell: &Shell,
    at: DateTime<Utc>,
    entry: Option<AuditRow>,
    otherwise: &str,
    was: Option<String>,
) -> Vec<Cell> {
    let (what, who) = match entry {
        Some(entry) => (format!("{}: {}", entry.action, entry.subject), entry.actor),
        None => (otherwise.to_owned(), "not known".to_owned()),
    };
    let mut what = Cell::new(what);
    what.note = was;
    vec![Cell::new(format::moment(at, shell.zone())), what, Cell::new(who), Cell::default()]
}

fn items(
    txn: &ReadTxn<'_>,
    advertiser: AdvertiserKey,
    day: &LedgerDay,
    currency: Currency,
) -> Result<Table, ServiceError> {
    let code = currency.code();
    let columns = [
        "@Campaign",
        "-@Publisher",
        "-Differs",
        "-#Clicks handed over",
        "-#Clicks now",
        &format!("-#Cost handed over, {code}"),
        &format!("#Cost now, {code}"),
    ];
    let mut table = Table::new("Items that differ", &columns);
    let campaigns: HashMap<_, _> = txn.campaign_list(advertiser)?.into_iter().map(|row| (row.key, row.name)).collect();
    let publishers: HashMap<_, _> = txn.publisher_list()?.into_iter().map(|row| (row.key, row.name)).collect();
    let clicks = |shown: &Option<Shown>| shown.map_or_else(|| "–".to_owned(), |shown| format::count(shown.clicks));
    let cost = |shown: &Option<Shown>| match shown {
        None => Cell::new("–"),
        Some(shown) => Cell::new(format::amount(shown.cost.into(), currency)).title(shown.cost.to_string()),
    };
    for cell in day.difference.cells.iter().take(SHOWN) {
        let names: Vec<&str> = cell.differs.iter().map(|key| word(key)).collect();
        let differs = match (&cell.served, &cell.held) {
            (None, Some(_)) => "new".to_owned(),
            (Some(_), None) => "gone".to_owned(),
            _ => names.join(", "),
        };
        let (clicks_then, clicks_now) = (clicks(&cell.served), clicks(&cell.held));
        let (cost_then, cost_now) = (cost(&cell.served), cost(&cell.held));
        let publisher = publishers.get(&cell.publisher).cloned().unwrap_or_default();
        let narrow = format!(
            "{}: {differs}; clicks {clicks_then}, now {clicks_now}; cost was {}",
            format::short(&publisher),
            cost_then.text
        );
        table.rows.push(vec![
            Cell::new(campaigns.get(&cell.campaign).cloned().unwrap_or_default()).narrow(narrow),
            Cell::new(publisher),
            Cell::new(differs),
            Cell::new(clicks_then),
            Cell::new(clicks_now),
            cost_then,
            cost_now,
        ]);
    }
    table.lighten();
    Ok(table)
}

fn word(key: &str) -> &str {
    match key {
        "offer_name" => "offer name",
        "store_id" => "store id",
        other => other,
    }
}
