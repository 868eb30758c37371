//! The start page: is Singular polling, what did the last 30 days cost, what needs attention. An appliance that is not set
//! up yet shows the four steps to the first report instead.

use askama::Template;
use chrono::{DateTime, TimeDelta, Utc};

use crate::admin::attention::{self, Alarm};
use crate::admin::catalogue::entry::today;
use crate::admin::kit::chart::{self, Chart};
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::format;
use crate::admin::kit::layout::Shell;
use crate::admin::kit::table::{Cell, Table};
use crate::domain::{Day, MicrosSum};
use crate::service::ServiceError;
use crate::service::backups::BackupStatus;
use crate::store::{AdvertiserRow, DaySum, PollFilter, ReadTxn, StatFilter};

/// Days the charts show.
const DAYS: i64 = 30;

/// Singular polls twice a day; after this long without a poll something is wrong.
const SILENCE: TimeDelta = TimeDelta::hours(26);

/// Whether Singular polls.
struct PollingStatus {
    headline: String,
    tone: &'static str,
    detail: String,
    link: Option<String>,
}

/// One of the four steps to the first report.
struct Step {
    title: &'static str,
    message: &'static str,
    link: (&'static str, String),
    is_done: bool,
}

#[derive(Template)]
#[template(path = "admin/home.html")]
struct Page {
    shell: Shell,
    steps: Vec<Step>,
    pulse: Option<PollingStatus>,
    charts: Vec<Chart>,
    table: Table,
    matters: Vec<Alarm>,
    backup: String,
}

/// The start page.
pub async fn page(context: RequestContext) -> Answer {
    context
        .show(|context, txn| {
            let shell = Shell::new(context, txn, "Home", "Home")?;
            let now = Utc::now();
            let status = context.state().backups.status();
            let backup = backup(&status, context.state().config.backup_at.0.is_some(), now);
            let mut matters: Vec<_> = attention::of_backups(&status, now).into_iter().collect();
            let Some(advertiser) = shell.advertiser.clone() else {
                let steps = steps(txn, &shell, None)?;
                let (charts, table) = (Vec::new(), Table::default());
                return Ok(Page { shell, steps, pulse: None, charts, table, matters, backup });
            };
            let mut steps = steps(txn, &shell, Some(&advertiser))?;
            let pulse = pulse(txn, &shell, &advertiser, now)?;
            // Once a report went out, what is undone is trouble and no first step any more.
            if pulse.link.is_some() || steps.iter().all(|step| step.is_done) {
                steps.clear();
                matters.extend(attention::matters(txn, &shell, &advertiser, now)?);
            }
            let last = today(advertiser.time_zone)?;
            let days = days(txn, &advertiser, last)?;
            let is_empty = days.iter().all(|(_, sum)| sum.rows == 0);
            let charts = if is_empty { Vec::new() } else { charts(&advertiser, &days) };
            Ok(Page { table: table(&advertiser, &days), shell, steps, pulse: Some(pulse), charts, matters, backup })
        })
        .await
}

/// How old the last proven backup is.
fn backup(status: &BackupStatus, are_on: bool, now: DateTime<Utc>) -> String {
    match status.age(now) {
        Some(age) => format!("The last proven backup was made {}.", format::ago(age)),
        None if are_on => "No backup was made and proven yet.".to_owned(),
        None => "The server makes no backups: it was started with --backup-at off.".to_owned(),
    }
}

fn steps(txn: &ReadTxn<'_>, shell: &Shell, advertiser: Option<&AdvertiserRow>) -> Result<Vec<Step>, ServiceError> {
    let scope = &shell.scope;
    let (apps, offers, campaigns, stats, tokens) = match advertiser {
        Some(row) => (
            txn.app_list(row.key)?.len(),
            txn.offer_list(row.key)?,
            txn.campaign_list(row.key)?.len(),
            txn.stat_span(row.key)?.is_some(),
            txn.token_list()?.iter().any(|token| token.advertiser == row.key && token.revoked_at.is_none()),
        ),
        None => (0, Vec::new(), 0, false, false),
    };
    let publishers = txn.publisher_list()?.len();
    let missing = [
        (advertiser.is_none(), "Add an advertiser", "advertisers"),
        (apps == 0, "Add an app", "apps"),
        (offers.is_empty(), "Add an offer", "offers"),
        (campaigns == 0, "Add a campaign", "campaigns"),
        (publishers == 0, "Add a publisher", "publishers"),
    ];
    let next = missing.into_iter().find(|(is_missing, ..)| *is_missing);
    let catalogue_link = next.map_or_else(
        || ("See the catalogue", format!("/admin/catalogue/offers{scope}")),
        |(_, label, path)| (label, format!("/admin/catalogue/{path}/new{scope}")),
    );
    Ok(vec![
        Step {
            title: "Describe what runs",
            message: "An advertiser, its app, the offer, the campaign that runs it, and a publisher that shows it.",
            link: catalogue_link,
            is_done: next.is_none(),
        },
        Step {
            title: "Put a day's stats in",
            message: "Clicks and cost of a day. By hand for a first try; later with pitlane import, or by your own script.",
            link: ("Add a row of stats", format!("/admin/stats/cell{scope}")),
            is_done: stats,
        },
        Step {
            title: "Turn cost reporting on",
            message: "Singular is shown only the offers whose cost reporting is on.",
            link: ("Go to the offers", format!("/admin/catalogue/offers{scope}")),
            is_done: offers.iter().any(|row| row.cost_reporting),
        },
        Step {
            title: "Give Singular a token",
            message: "Its connector shows the token with every poll. It is shown to you once.",
            link: ("Generate token", format!("/admin/tokens/new{scope}")),
            is_done: tokens,
        },
    ])
}

fn pulse(
    txn: &ReadTxn<'_>,
    shell: &Shell,
    advertiser: &AdvertiserRow,
    now: DateTime<Utc>,
) -> Result<PollingStatus, ServiceError> {
    let filter =
        PollFilter { advertiser: Some(advertiser.id), answered: Some(true), limit: 1, ..PollFilter::default() };
    let Some(last) = txn.poll_list(&filter)?.into_iter().next() else {
        return Ok(PollingStatus {
            headline: "Singular has not polled yet.".to_owned(),
            tone: "quiet",
            detail: "Once its connector has a token it polls twice a day.".to_owned(),
            link: None,
        });
    };
    let age = now - last.at;
    let (headline, tone) = if age > SILENCE {
        (format!("Nobody has polled for {}.", format::span(age)), "bad")
    } else {
        (format!("Last polled {} ago.", format::span(age)), "good")
    };
    let token = last.token.map_or_else(String::new, |(_, name, _)| format!("“{name}”"));
    let range = last.days.map_or_else(String::new, |(from, to)| {
        let days = if from == to { format::day(from) } else { format!("{} to {}", format::day(from), format::day(to)) };
        format!(" asked for {days}")
    });
    let got = match (last.status, last.cost) {
        (304, _) => "had it already: nothing has changed since".to_owned(),
        (_, Some(micros)) => {
            let cost = crate::domain::Micros::new(micros).map(MicrosSum::from).unwrap_or_default();
            let cost = format::amount(cost, advertiser.currency);
            format!("got {} with a cost of {cost} {}", format::plural(last.rows, "row"), advertiser.currency.code())
        }
        _ => format!("got {}", format::plural(last.rows, "row")),
    };
    let at = format::moment(last.at, shell.zone());
    let detail = format!("On {at} {token}{range} and {got}.");
    Ok(PollingStatus { headline, tone, detail, link: Some(format!("/admin/polls/{}{}", last.key, shell.scope)) })
}

/// The last days' sums, oldest first; days without stats are there too.
fn days(txn: &ReadTxn<'_>, advertiser: &AdvertiserRow, last: Day) -> Result<Vec<(i64, DaySum)>, ServiceError> {
    let to = last.to_stored();
    let from = to - DAYS + 1;
    let mut days: Vec<_> = (from..=to).map(|day| (day, DaySum::default())).collect();
    let filter = StatFilter { advertiser: advertiser.key, from, to, campaign: None, publisher: None };
    txn.stat_scan_lines(&filter, |line| {
        let at = usize::try_from(line.key.day - from).unwrap_or_default();
        if let Some((_, sum)) = days.get_mut(at) {
            sum.add(&line.figures);
        }
    })?;
    Ok(days)
}

fn charts(advertiser: &AdvertiserRow, days: &[(i64, DaySum)]) -> Vec<Chart> {
    let code = advertiser.currency.code();
    let cost = |sum: MicrosSum| format::amount(sum, advertiser.currency);
    let mut all = MicrosSum::default();
    let mut clicks = 0_i64;
    for (_, sum) in days {
        all += sum.cost;
        clicks = clicks.saturating_add(sum.clicks);
    }
    let ends = || {
        let end = |day: Option<&(i64, DaySum)>| day.map(|(day, _)| format::stored_day(*day)).unwrap_or_default();
        (end(days.first()), end(days.last()))
    };
    let costs: Vec<_> = days
        .iter()
        .map(|(day, sum)| (sum.cost.rounded(6), format!("{}: {} {code}", format::stored_day(*day), cost(sum.cost))))
        .collect();
    let counts: Vec<_> = days
        .iter()
        .map(|(day, sum)| {
            let message = format!("{}: {}", format::stored_day(*day), format::plural(sum.clicks, "click"));
            (u128::from(sum.clicks.unsigned_abs()), message)
        })
        .collect();
    let whole = |micros: u128| format::count(i64::try_from(micros / 1_000_000).unwrap_or(i64::MAX));
    let count = |number: u128| format::count(i64::try_from(number).unwrap_or(i64::MAX));
    let ((cost_bars, cost_top), (click_bars, click_top)) = (chart::bars(&costs), chart::bars(&counts));
    vec![
        Chart {
            title: format!("Cost per day, {code}"),
            total: format!("{} {code} in {DAYS} days", cost(all)),
            top: whole(cost_top),
            middle: whole(cost_top / 2),
            ends: ends(),
            bars: cost_bars,
        },
        Chart {
            title: "Clicks per day".to_owned(),
            total: format!("{} in {DAYS} days", format::plural(clicks, "click")),
            top: count(click_top),
            middle: count(click_top / 2),
            ends: ends(),
            bars: click_bars,
        },
    ]
}

fn table(advertiser: &AdvertiserRow, days: &[(i64, DaySum)]) -> Table {
    let cost = format!("#Cost, {}", advertiser.currency.code());
    let mut table = Table::new("Cost and clicks per day", &["Day", &cost, "#Clicks"]);
    for (day, sum) in days.iter().rev() {
        table.rows.push(vec![
            Cell::new(format::stored_day(*day)),
            Cell::new(format::amount(sum.cost, advertiser.currency)).title(sum.cost.to_string()),
            Cell::new(format::count(sum.clicks)),
        ]);
    }
    table
}
