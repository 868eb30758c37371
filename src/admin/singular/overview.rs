//! The page "Singular": polling, the calendar, refresh requests, days that differ, sums by month.

use std::collections::BTreeMap;

use askama::Template;
use chrono::{Datelike as _, TimeDelta, Utc};

use super::calendar::{self, Month};
use super::words;
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::format;
use crate::admin::kit::layout::Shell;
use crate::admin::kit::pages::Pages;
use crate::admin::kit::table::{Cell, Table};
use crate::domain::{Currency, Day};
use crate::service::ServiceError;
use crate::service::ledger::{Detail, HandoverState, Ledger, LedgerDay, PollTimes, RefreshRequest};
use crate::service::status::PollingState;
use crate::store::{ReadTxn, SentRequest};

/// Differing days per page.
const SHOWN: usize = 15;

/// How long refresh requests stay on the page after they were sent.
const SENT: TimeDelta = TimeDelta::days(30);

#[derive(Template)]
#[template(path = "admin/singular.html")]
struct Page {
    shell: Shell,
    polling: String,
    polling_tone: &'static str,
    months: Vec<Month>,
    has_older: bool,
    legend: Vec<(&'static str, &'static str)>,
    requests: Vec<Request>,
    sent: Vec<String>,
    differing: Table,
    pages: Option<Pages>,
    counted: String,
    sums: Table,
    /// Days that differ for good and were not accepted yet.
    unreached: String,
    /// The cost of those days.
    unreached_cost: String,
}

struct Request {
    title: String,
    brings: String,
    text: String,
    /// When and by whom the request was sent, if its days haven't been polled since.
    asked: String,
    from: String,
    to: String,
}

pub async fn page(context: RequestContext) -> Answer {
    context
        .show(|context, txn| {
            let mut shell = Shell::new(context, txn, "Singular", "Singular")?;
            let Some(advertiser) = shell.advertiser.clone() else { return Ok(Page::empty(shell)) };
            let now = Utc::now();
            let ledger = Ledger::of(txn, &advertiser, None, Detail::Sums, now)?;
            let page = context.query("page").parse().ok().filter(|page| *page > 0).unwrap_or(1);
            let has_all = context.query("months") == "all";
            let (months, has_older) = calendar::of(&ledger, has_all);
            shell.title = headline(&ledger);
            let (polling, polling_tone) = polling(txn, &shell, &ledger)?;
            let all = ledger.refresh_requests();
            let count = all.len();
            let sent = txn.refresh_request_list(advertiser.key, now - SENT)?;
            let requests = all.iter().enumerate().map(|(at, one)| Request {
                asked: asked(&shell, one, &sent),
                ..request(at + 1, count, one, advertiser.currency)
            });
            let requests: Vec<_> = requests.collect();
            let unreached: Vec<_> = ledger.days.iter().filter(|day| ledger.is_lasting(day)).collect();
            Ok::<_, ServiceError>(Page {
                polling,
                polling_tone,
                months,
                has_older,
                legend: calendar::legend(),
                requests,
                sent: sent.iter().map(|one| arrival(&shell, &ledger, one)).collect(),
                counted: counted(&ledger),
                differing: differing(&shell, &ledger, advertiser.currency, page),
                pages: Pages::new(context, page, SHOWN, ledger.days.iter().filter(|day| is_listed(day)).count(), "day"),
                sums: sums(&ledger, advertiser.currency, if has_all { usize::MAX } else { calendar::MONTHS }),
                unreached_cost: sum_of(&unreached, advertiser.currency),
                unreached: if unreached.is_empty() { String::new() } else { days(unreached.len()) },
                shell,
            })
        })
        .await
}

impl Page {
    fn empty(shell: Shell) -> Self {
        Self {
            shell,
            polling: "Add an advertiser first: Singular gets the report of one.".to_owned(),
            polling_tone: "",
            months: Vec::new(),
            has_older: false,
            legend: Vec::new(),
            requests: Vec::new(),
            sent: Vec::new(),
            differing: Table::default(),
            pages: None,
            counted: String::new(),
            sums: Table::default(),
            unreached: String::new(),
            unreached_cost: String::new(),
        }
    }
}

fn days(count: usize) -> String {
    format::plural(i64::try_from(count).unwrap_or(i64::MAX), "day")
}

fn headline(ledger: &Ledger) -> String {
    let differing = ledger.days.iter().filter(|day| is_listed(day)).count();
    match (ledger.polling.state, ledger.days.len(), differing) {
        (_, 0, _) => "Nothing to hand over yet".to_owned(),
        (PollingState::Never, ..) => "Singular has not polled yet".to_owned(),
        (_, _, 0) => "Singular was handed everything".to_owned(),
        (_, all, differing) if all == differing => "Singular was handed none of this as it is now".to_owned(),
        (.., differing) => format!("Singular was handed everything but {}", days(differing)),
    }
}

fn polling(txn: &ReadTxn<'_>, shell: &Shell, ledger: &Ledger) -> Result<(String, &'static str), ServiceError> {
    let times = PollTimes::of(txn, &ledger.advertiser, Utc::now())?;
    let back = format::plural(i64::try_from(ledger.look_back.days).unwrap_or(i64::MAX), "day");
    let back = if ledger.look_back.is_observed {
        format!("Polls look back {back}, as seen on the last 14 dates.")
    } else {
        format!("Polls are assumed to look back {back}, until three dates have shown it.")
    };
    let last = ledger.polling.last_at().map(|at| format::moment(at, shell.zone()));
    let (state, tone) = match (ledger.polling.state, last) {
        (PollingState::Never, _) | (_, None) => {
            return Ok((
                "Once Singular’s connector has a token it polls twice a day; the first time it asks for three months."
                    .to_owned(),
                "",
            ));
        }
        (PollingState::Alive, Some(at)) => (format!("Last polled {at}."), ""),
        (PollingState::Stopped, Some(at)) => (format!("Singular has stopped polling: the last poll was {at}."), "bad"),
        (PollingState::Refused, Some(at)) => (format!("Polls are refused; the last one answered was {at}."), "bad"),
    };
    let usual: Vec<String> = times.times.iter().map(|time| time.format("%H:%M").to_string()).collect();
    let usual = match usual.as_slice() {
        [] => String::new(),
        [one] => format!(" Polls arrive around {one}."),
        [others @ .., last] => format!(" Polls arrive around {} and {last}.", others.join(", ")),
    };
    let next = if usual.is_empty() { String::new() } else { words::next_poll(txn, ledger, Utc::now())? };
    Ok((format!("{state}{usual}{next} {back}"), tone))
}

fn request(number: usize, of: usize, request: &RefreshRequest, currency: Currency) -> Request {
    let range = if request.from == request.to {
        format::day(request.from)
    } else {
        format!("{} to {}", format::day(request.from), format::day(request.to))
    };
    let brings = match request.cost_difference {
        0 => "brings what changed besides cost".to_owned(),
        cost => format!("brings {} {}", words::signed(cost, currency), currency.code()),
    };
    Request {
        title: format!("Refresh request {number} of {of}: {range}"),
        brings,
        text: request.text.clone(),
        asked: String::new(),
        from: request.from.to_string(),
        to: request.to.to_string(),
    }
}

/// When and by whom the request's days were already asked for.
fn asked(shell: &Shell, request: &RefreshRequest, sent: &[SentRequest]) -> String {
    let (from, to) = (request.from.to_stored(), request.to.to_stored());
    let last = sent.iter().find(|sent| sent.first <= from && sent.last >= to);
    last.map_or_else(String::new, |sent| {
        format!(
            "Asked for on {} by {}; Singular takes up to 24 hours.",
            format::moment(sent.at, shell.zone()),
            sent.actor
        )
    })
}

/// The cost of these days in the report minus what Singular received.
fn sum_of(lasting: &[&LedgerDay], currency: Currency) -> String {
    let known: Vec<i128> = lasting.iter().filter_map(|day| words::cost_difference(day)).collect();
    let unknown = lasting.len() - known.len();
    let sum = match known.iter().sum::<i128>() {
        0 if known.is_empty() => return String::new(),
        sum => format!("They differ by {} {} in all", words::signed(sum, currency), currency.code()),
    };
    match unknown {
        0 => format!("{sum}."),
        unknown => format!("{sum}, without {}, of which it is not known.", days(unknown)),
    }
}

/// A sent request, and whether its days were polled since.
fn arrival(shell: &Shell, ledger: &Ledger, sent: &SentRequest) -> String {
    let (from, to) = (format::stored_day(sent.first), format::stored_day(sent.last));
    let asked = format!("{from} to {to}, asked for on {} by {}", format::moment(sent.at, shell.zone()), sent.actor);
    let within = ledger.days.iter().filter(|day| (sent.first..=sent.last).contains(&day.day.to_stored()));
    let (mut all, mut came, mut last) = (0, 0, None);
    for day in within {
        all += 1;
        if let Some((at, _)) = day.served.filter(|(at, _)| *at >= sent.at) {
            came += 1;
            last = last.max(Some(at));
        }
    }
    match (came, last) {
        (0, _) | (_, None) => format!("{asked}: not asked for since. Singular takes up to 24 hours."),
        (came, Some(at)) if came == all => format!("{asked}: arrived {}.", format::moment(at, shell.zone())),
        (came, Some(_)) => format!("{asked}: {came} of {} arrived.", days(all)),
    }
}

fn counted(ledger: &Ledger) -> String {
    let parts = ledger.counts().into_iter().filter(|(state, count)| *state != HandoverState::InStep && *count > 0);
    let parts: Vec<String> = parts.map(|(state, count)| format!("{}: {}", words::state(state), days(count))).collect();
    parts.join(" · ")
}

/// Whether the day is in the list of differing days.
fn is_listed(day: &LedgerDay) -> bool {
    day.state != HandoverState::InStep && !day.is_accepted
}

fn differing(shell: &Shell, ledger: &Ledger, currency: Currency, page: usize) -> Table {
    let code = currency.code();
    let columns = ["Day", "State", &format!("#Handed over, {code}"), &format!("#Now, {code}"), "#Difference", "#Items"];
    let mut table = Table::new("What differs", &columns);
    table.columns[1..4].iter_mut().for_each(|column| column.gives_way = true);
    let days = ledger.days.iter().filter(|day| is_listed(day));
    // Newest first.
    for day in days.rev().skip((page - 1).saturating_mul(SHOWN)).take(SHOWN) {
        let served = match &day.difference.served {
            Some(served) => Cell::new(format::amount(served.cost, currency)).title(served.cost.to_string()),
            None if day.state == HandoverState::NeverServed => Cell::new("–"),
            None => Cell::new("not known"),
        };
        let held = day.difference.held.cost;
        let now = format::amount(held, currency);
        let narrow = format!("{}: {}, now {now}", words::state(day.state), served.text);
        let change = words::cost_difference(day).map_or_else(String::new, |cost| words::signed(cost, currency));
        table.rows.push(vec![
            Cell::new(format::day(day.day)).to(super::day::address(shell, day.day), true).narrow(narrow),
            Cell::new(words::state(day.state)).tone(words::tone(day.state)),
            served,
            Cell::new(now).title(held.to_string()),
            Cell::new(change),
            Cell::new(format::count(i64::try_from(day.difference.differing).unwrap_or(i64::MAX))),
        ]);
    }
    table
}

/// The cost of each of the newest months in the report, and as Singular received it.
fn sums(ledger: &Ledger, currency: Currency, shown: usize) -> Table {
    let mut months: BTreeMap<(i32, u32), (Option<i128>, i128, usize)> = BTreeMap::new();
    for day in &ledger.days {
        let date = day.day.date();
        let (served, held, differing) = months.entry((date.year(), date.month())).or_insert((Some(0), 0, 0));
        *held += day.difference.held.cost.micros();
        // A day that was never polled adds nothing; a month with an unknown day is unknown.
        let cost = match (&day.difference.served, day.state) {
            (Some(sums), _) => Some(sums.cost.micros()),
            (None, HandoverState::NeverServed) => Some(0),
            (None, _) => None,
        };
        *served = served.zip(cost).map(|(sum, cost)| sum + cost);
        *differing += usize::from(day.state != HandoverState::InStep);
    }
    let code = currency.code();
    let columns =
        ["Month", &format!("-#Handed over, {code}"), &format!("#Now, {code}"), "#Difference", "-#Days that differ"];
    let mut table = Table::new("Sums by month", &columns);
    let plain = |micros: i128| words::signed(micros, currency).trim_start_matches('+').to_owned();
    for ((year, month), (served, held, differing)) in months.into_iter().rev().take(shown) {
        let name = chrono::NaiveDate::from_ymd_opt(year, month, 1).map(|date| date.format("%b %Y").to_string());
        let handed = served.map_or_else(|| "not known".to_owned(), plain);
        let narrow = format!("handed over: {handed}; {differing} differ");
        table.rows.push(vec![
            Cell::new(name.unwrap_or_default()).narrow(narrow),
            Cell::new(handed),
            Cell::new(plain(held)),
            Cell::new(served.map_or_else(String::new, |served| words::signed(held - served, currency))),
            Cell::new(differing.to_string()),
        ]);
    }
    table
}

/// The days that will differ for good and that nobody accepted.
pub(super) fn lasting(ledger: &Ledger) -> impl Iterator<Item = Day> {
    ledger.days.iter().filter(|day| ledger.is_lasting(day)).map(|day| day.day)
}
