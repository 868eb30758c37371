//! The start page: is Singular polling, what did the last 30 days cost, what needs attention. An appliance that is not set
//! up yet shows the four steps to the first report instead.

use askama::Template;
use chrono::{DateTime, Utc};

use crate::admin::attention::AlertItem;
use crate::admin::catalogue::entry::today;
use crate::admin::kit::chart::{self, Chart};
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::format;
use crate::admin::kit::layout::Shell;
use crate::admin::kit::table::{Cell, Table};
use crate::domain::{Day, MicrosSum};
use crate::service::ServiceError;
use crate::service::backups::BackupStatus;
use crate::service::status::{self, CatalogueEntry, PollingState, PollingStatus, Setup};
use crate::store::{AdvertiserRow, DaySum, ReadTxn, StatFilter};

/// Days the charts show.
const DAYS: i64 = 30;

/// Whether Singular polls, as the page says it.
struct Polling {
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
    polling: Option<Polling>,
    charts: Vec<Chart>,
    table: Table,
    alerts: Vec<AlertItem>,
    backup: String,
}

/// The start page.
pub async fn page(context: RequestContext) -> Answer {
    context
        .show(|context, txn| {
            let shell = Shell::new(context, txn, "Home", "Home")?;
            let now = Utc::now();
            let appliance = context.state().appliance();
            let backup = backup(&appliance.backups, context.state().config.backup_at.0.is_some(), now);
            let mut alerts = status::of_appliance(&appliance, now);
            let Some(advertiser) = shell.advertiser.clone() else {
                let steps = steps(&Setup::of(txn, None, now)?, &shell);
                let alerts = alerts.iter().map(|alert| AlertItem::new(alert, &shell, None)).collect();
                let (charts, table) = (Vec::new(), Table::default());
                return Ok(Page { shell, steps, polling: None, charts, table, alerts, backup });
            };
            let setup = Setup::of(txn, Some(&advertiser), now)?;
            let polling = PollingStatus::of(txn, advertiser.id, now)?;
            // Once a report went out, what is undone is trouble and no first step any more.
            let steps = if polling.last.is_some() || setup.is_done() {
                alerts.extend(status::of_advertiser(txn, &advertiser, now)?);
                Vec::new()
            } else {
                steps(&setup, &shell)
            };
            let last = today(advertiser.time_zone)?;
            let days = days(txn, &advertiser, last)?;
            let is_empty = days.iter().all(|(_, sum)| sum.rows == 0);
            let charts = if is_empty { Vec::new() } else { charts(&advertiser, &days) };
            let alerts = alerts.iter().map(|alert| AlertItem::new(alert, &shell, Some(&advertiser))).collect();
            let polling = Some(describe(&polling, &shell, &advertiser, now));
            Ok(Page { table: table(&advertiser, &days), shell, steps, polling, charts, alerts, backup })
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

fn steps(setup: &Setup, shell: &Shell) -> Vec<Step> {
    let scope = &shell.scope;
    let next = setup.missing.map(|entry| match entry {
        CatalogueEntry::Advertiser => ("Add an advertiser", "advertisers"),
        CatalogueEntry::App => ("Add an app", "apps"),
        CatalogueEntry::Offer => ("Add an offer", "offers"),
        CatalogueEntry::Campaign => ("Add a campaign", "campaigns"),
        CatalogueEntry::Publisher => ("Add a publisher", "publishers"),
    });
    let catalogue_link = next.map_or_else(
        || ("See the catalogue", format!("/admin/catalogue/offers{scope}")),
        |(label, path)| (label, format!("/admin/catalogue/{path}/new{scope}")),
    );
    vec![
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
            is_done: setup.has_stats,
        },
        Step {
            title: "Turn cost reporting on",
            message: "Singular is shown only the offers whose cost reporting is on.",
            link: ("Go to the offers", format!("/admin/catalogue/offers{scope}")),
            is_done: setup.offers_on > 0,
        },
        Step {
            title: "Give Singular a token",
            message: "Its connector shows the token with every poll. It is shown to you once.",
            link: ("Generate token", format!("/admin/tokens/new{scope}")),
            is_done: setup.has_token,
        },
    ]
}

fn describe(status: &PollingStatus, shell: &Shell, advertiser: &AdvertiserRow, now: DateTime<Utc>) -> Polling {
    let Some(last) = &status.last else {
        return Polling {
            headline: "Singular has not polled yet.".to_owned(),
            tone: "quiet",
            detail: "Once its connector has a token it polls twice a day.".to_owned(),
            link: None,
        };
    };
    let age = now - last.at;
    let (headline, tone) = match status.state {
        PollingState::Stopped => (format!("No polls for {}.", format::span(age)), "bad"),
        PollingState::Refused => (format!("Polls are refused. Last polled {}.", format::ago(age)), "bad"),
        PollingState::Alive | PollingState::Never => (format!("Last polled {}.", format::ago(age)), "good"),
    };
    let token = last.token.as_ref().map_or_else(String::new, |(_, name, _)| format!("“{name}”"));
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
    Polling { headline, tone, detail, link: Some(format!("/admin/polls/{}{}", last.key, shell.scope)) }
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
