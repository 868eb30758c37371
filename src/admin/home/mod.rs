//! The start page: what was spent in the last days, whether Singular gets it, what needs attention. Until everything is set
//! up it shows the steps to the first report instead.

pub mod figures;
pub mod handed;

use askama::Template;
use chrono::{DateTime, Utc};

use crate::admin::attention::AlertItem;
use crate::admin::home::figures::{Figure, RecentDays};
use crate::admin::home::handed::Handed;
use crate::admin::kit::chart::Chart;
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::format;
use crate::admin::kit::layout::Shell;
use crate::admin::kit::table::Table;
use crate::domain::phrase;
use crate::service::ledger::{Detail, Ledger};
use crate::service::status::{self, ApplianceStatus, CatalogueEntry, PollingState, PollingStatus, Setup};
use crate::store::AdvertiserRow;

/// Whether Singular polls, as the page says it.
struct Polling {
    headline: String,
    tone: &'static str,
    detail: String,
    link: Option<(&'static str, String)>,
}

/// A step on the way to the first report.
struct Step {
    title: &'static str,
    message: &'static str,
    links: Vec<(&'static str, String)>,
    is_done: bool,
}

#[derive(Template)]
#[template(path = "admin/home.html")]
struct Page {
    shell: Shell,
    steps: Vec<Step>,
    polling: Option<Polling>,
    figures: Vec<Figure>,
    handed: Option<Handed>,
    chart: Option<Chart>,
    chart_table: Table,
    table: Table,
    alerts: Vec<AlertItem>,
    backup: String,
}

pub async fn page(context: RequestContext) -> Answer {
    context
        .show(|context, txn| {
            let mut shell = Shell::new(context, txn, "Home", "Home")?;
            let now = Utc::now();
            let appliance = context.state().appliance();
            let backup = upkeep(&appliance, context.state().config.backup_at.0.is_some(), now);
            let mut alerts = status::of_appliance(&appliance, now);
            let Some(advertiser) = shell.advertiser.clone() else {
                let steps = steps(&Setup::of(txn, None, now)?, &shell);
                let alerts = alerts.iter().map(|alert| AlertItem::new(alert, &shell, None)).collect();
                let (figures, chart_table, table) = (Vec::new(), Table::default(), Table::default());
                return Ok(Page {
                    shell,
                    steps,
                    polling: None,
                    figures,
                    handed: None,
                    chart: None,
                    chart_table,
                    table,
                    alerts,
                    backup,
                });
            };
            let setup = Setup::of(txn, Some(&advertiser), now)?;
            let polling = PollingStatus::of(txn, advertiser.id, now)?;
            // Once a report was polled, a step that isn't done is a problem, not a first step.
            let (mut first_steps, mut ledger) = (Vec::new(), None);
            if polling.last.is_some() || setup.is_done() {
                let days = ledger.insert(Ledger::of(txn, &advertiser, None, Detail::States, now)?);
                alerts.extend(status::of_advertiser(txn, &advertiser, now)?);
                alerts.extend(status::of_ledger(txn, days)?);
                alerts.sort_by_key(|alert| std::cmp::Reverse(alert.severity));
            } else {
                first_steps = steps(&setup, &shell);
            }
            let days = RecentDays::read(txn, &advertiser)?;
            let polling = describe(&polling, &shell, &advertiser, now);
            if first_steps.is_empty() {
                shell.title.clone_from(&polling.headline);
            }
            let has_stats = setup.has_stats;
            Ok(Page {
                alerts: alerts.iter().map(|alert| AlertItem::new(alert, &shell, Some(&advertiser))).collect(),
                figures: if has_stats { days.figures(&advertiser) } else { Vec::new() },
                handed: ledger.filter(|_| has_stats).and_then(|ledger| Handed::of(&ledger, &shell)),
                chart: if has_stats { days.chart(&advertiser) } else { None },
                chart_table: days.table(&advertiser),
                table: if has_stats { days.top(txn, &advertiser)? } else { Table::default() },
                polling: Some(polling),
                steps: first_steps,
                backup,
                shell,
            })
        })
        .await
}

/// The age of the last verified backup and of its last copy elsewhere, and how long the certificate is valid.
fn upkeep(appliance: &ApplianceStatus, are_on: bool, now: DateTime<Utc>) -> String {
    let mut sentences = vec![match appliance.backups.age(now) {
        Some(age) => format!("Last verified backup: {}.", format::ago(age)),
        None if are_on => "No backup has been made and verified yet.".to_owned(),
        None => "The server makes no backups: it was started with --backup-at off.".to_owned(),
    }];
    if let Some(age) = appliance.copy.as_ref().and_then(|copy| copy.age(now)) {
        sentences.push(format!("Last copy elsewhere: {}.", format::ago(age)));
    }
    let days = appliance.certificate.as_ref().and_then(|certificate| certificate.days_left(now));
    if let Some(days) = days.filter(|days| *days >= 0) {
        sentences.push(format!("The certificate expires in {}.", phrase::plural(days, "day")));
    }
    sentences.join(" ")
}

fn steps(setup: &Setup, shell: &Shell) -> Vec<Step> {
    let scope = &shell.scope;
    let import = |label| (label, format!("/admin/imports/new{scope}"));
    let by_hand = setup.missing.map(|entry| match entry {
        CatalogueEntry::Advertiser => ("Add an advertiser", format!("/admin/catalogue/advertisers/new{scope}")),
        CatalogueEntry::App => ("or add an app by hand", format!("/admin/catalogue/apps/new{scope}")),
        CatalogueEntry::Offer => ("or add an offer by hand", format!("/admin/catalogue/offers/new{scope}")),
        CatalogueEntry::Campaign => ("or add a campaign by hand", format!("/admin/catalogue/campaigns/new{scope}")),
        CatalogueEntry::Publisher => ("or add a publisher by hand", format!("/admin/catalogue/publishers/new{scope}")),
    });
    let catalogue = std::iter::once(import("Import a file")).chain(by_hand).collect();
    vec![
        Step {
            title: "Set up your campaigns",
            message: "Import a file: it creates the advertiser, app, offer, campaigns and publishers for you. Or add them by hand.",
            links: catalogue,
            is_done: setup.missing.is_none(),
        },
        Step {
            title: "Add your first stats",
            message: "Upload a CSV of clicks and cost, or type in one day to try it out.",
            links: vec![import("Import a file"), ("or add a row of stats", format!("/admin/stats/cell{scope}"))],
            is_done: setup.has_stats,
        },
        Step {
            title: "Turn cost reporting on",
            message: "Singular sees only offers that have cost reporting switched on.",
            links: vec![("Go to the offers", format!("/admin/catalogue/offers{scope}"))],
            is_done: setup.offers_on > 0,
        },
        Step {
            title: "Give Singular a token",
            message: "Singular's connector sends this token with every request. You'll see it only once, so copy it.",
            links: vec![
                ("Connect Singular", format!("/admin/singular/connect{scope}")),
                ("or generate a token alone", format!("/admin/tokens/new{scope}")),
            ],
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
            link: Some(("Connect Singular", format!("/admin/singular/connect{}", shell.scope))),
        };
    };
    let age = now - last.at;
    let (headline, tone) = match status.state {
        PollingState::Stopped => (format!("No polls for {}.", format::span(age)), "bad"),
        PollingState::Refused => (format!("Polls are refused. Last polled {}.", format::ago(age)), "bad"),
        PollingState::Alive | PollingState::Never => (format!("Last polled {}.", format::ago(age)), "good"),
    };
    let token = last.token.as_ref().map_or_else(String::new, |(_, name, _)| format!("“{}”", format::short(name)));
    let range = last.days.map_or_else(String::new, |(from, to)| {
        let days = if from == to { format::day(from) } else { format!("{} to {}", format::day(from), format::day(to)) };
        format!(" asked for {days}")
    });
    let got = match (last.status, last.cost()) {
        (304, _) => "had it already: nothing has changed since".to_owned(),
        (_, Some(cost)) => {
            let cost = format::amount(cost, advertiser.currency);
            format!("got {} with a cost of {cost} {}", format::plural(last.rows, "row"), advertiser.currency.code())
        }
        _ => format!("got {}", format::plural(last.rows, "row")),
    };
    let at = format::moment(last.at, shell.zone());
    let detail = format!("On {at} {token}{range} and {got}.");
    Polling {
        headline,
        tone,
        detail,
        link: Some(("See this poll", format!("/admin/polls/{}{}", last.key, shell.scope))),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::service::backups::{BackupStatus, CopyStatus};
    use crate::service::certificates::CertificateStatus;

    #[test]
    fn the_foot_tells_of_backup_copy_and_certificate() {
        let now = Utc::now();
        let hours = |hours| now - TimeDelta::hours(hours);
        let backups = BackupStatus { proven_at: Some(hours(3)), ..BackupStatus::default() };
        let copy = Some(CopyStatus { copied_at: hours(2), backup: String::new() });
        let certificate = Some(CertificateStatus { not_after: Some(hours(-50)), ..CertificateStatus::default() });
        let appliance = ApplianceStatus { backups, certificate, copy, ..ApplianceStatus::default() };
        let told = upkeep(&appliance, true, now);
        let expected =
            "Last verified backup: 3 hours ago. Last copy elsewhere: 2 hours ago. The certificate expires in 2 days.";
        assert_eq!(told, expected);
        assert_eq!(upkeep(&ApplianceStatus::default(), true, now), "No backup has been made and verified yet.");
    }
}
