//! The page "Connect": every step until Singular polls an advertiser's report. A step is ticked when Pitlane has evidence
//! that it is done.

use askama::Template;
use chrono::Utc;

use super::check;
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::format;
use crate::admin::kit::layout::Shell;
use crate::domain::Day;
use crate::service::connect::fields::FIELDS;
use crate::service::connect::packet;
use crate::service::connect::progress::Progress;
use crate::service::{ServiceError, ServiceResult};
use crate::store::{AdvertiserRow, ReadTxn};

#[derive(Template)]
#[template(path = "admin/connect.html")]
struct Page {
    shell: Shell,
    connect: Option<Connect>,
}

/// What the page says of an advertiser.
struct Connect {
    url: String,
    warnings: Vec<String>,
    currency: &'static str,
    zone: &'static str,
    contact: String,
    form_id: String,
    report: Step,
    reach: Step,
    token: Step,
    packet: Step,
    polled: Step,
    history: Step,
    look_back: String,
    why_look_back: String,
    fields: Vec<FieldLine>,
}

/// A step: whether it is done, and the evidence.
struct Step {
    is_done: bool,
    seen: String,
}

/// A field of the report, its name in Singular, and its newest value.
struct FieldLine {
    key: &'static str,
    singular: Option<&'static str>,
    example: String,
}

/// Shows the steps and which of them are done.
pub async fn page(context: RequestContext) -> Answer {
    context
        .show(|context, txn| {
            let mut shell = Shell::new(context, txn, "Singular", "Connect Singular")?;
            let Some(advertiser) = shell.advertiser.clone() else {
                return Ok(Page { shell, connect: None });
            };
            let connect = connect(context, txn, &shell, &advertiser)?;
            let steps = connect.steps();
            shell.title = match steps.iter().filter(|step| step.is_done).count() {
                done if done == steps.len() => {
                    format!("{} is connected with Singular", format::in_heading(&advertiser.name))
                }
                done => format!("Connect Singular: {done} of {} steps done", steps.len()),
            };
            Ok::<_, ServiceError>(Page { shell, connect: Some(connect) })
        })
        .await
}

impl Connect {
    fn steps(&self) -> [&Step; 6] {
        [&self.report, &self.reach, &self.token, &self.packet, &self.polled, &self.history]
    }
}

fn connect(
    context: &RequestContext,
    txn: &ReadTxn<'_>,
    shell: &Shell,
    advertiser: &AdvertiserRow,
) -> ServiceResult<Connect> {
    let now = Utc::now();
    let progress = Progress::of(txn, advertiser, now)?;
    let url = context.origin().to_owned();
    let look_back = format::plural(i64::try_from(progress.look_back()).unwrap_or(i64::MAX), "day");
    let why_look_back = if progress.changed_back > 7 {
        format!(
            "Imports of the last 90 days changed figures up to {} back.",
            format::plural(i64::try_from(progress.changed_back).unwrap_or(i64::MAX), "day")
        )
    } else {
        "That is what Singular does by itself; your imports of the last 90 days changed nothing older.".to_owned()
    };
    Ok(Connect {
        warnings: packet::warnings(&url),
        currency: advertiser.currency.code(),
        zone: advertiser.time_zone.name(),
        contact: context.session().map(|session| session.admin.email.clone()).unwrap_or_default(),
        form_id: uuid::Uuid::new_v4().to_string(),
        report: Step { is_done: progress.has_report(), seen: report(&progress) },
        reach: Step { is_done: progress.is_reached(&url), seen: reach(&progress, shell) },
        token: Step {
            is_done: progress.token.is_some(),
            seen: progress.token.as_ref().map_or_else(String::new, |row| {
                let ends = row.expires_at.map(|at| format!(", works until {}", format::moment_day(at, shell.zone())));
                let made = format::moment_day(row.created_at, shell.zone());
                format!("“{}”, made {made}{}.", format::short(&row.name), ends.unwrap_or_default())
            }),
        },
        packet: Step {
            is_done: progress.packet.is_some() || progress.was_polled(),
            seen: packet_seen(&progress, shell),
        },
        polled: Step {
            is_done: progress.was_polled(),
            seen: progress.polling.last.as_ref().map_or_else(String::new, |poll| {
                let agent = if poll.user_agent.is_empty() { "no name" } else { poll.user_agent.as_str() };
                format!("Last polled {} from {} by “{agent}”.", format::moment(poll.at, shell.zone()), poll.address)
            }),
        },
        history: Step { is_done: progress.has_history(), seen: history(&progress) },
        look_back,
        why_look_back,
        fields: fields(txn, advertiser)?,
        url,
    })
}

fn report(progress: &Progress) -> String {
    let setup = &progress.setup;
    let offers = |count: usize| format::plural(i64::try_from(count).unwrap_or(i64::MAX), "offer");
    match (setup.missing.is_none(), setup.has_stats, setup.offers_on) {
        (true, true, on) if on > 0 => format!("Cost reporting is on for {} of {}.", on, offers(setup.offers)),
        (true, true, _) => "Cost reporting is off for all offers.".to_owned(),
        _ => "Home has the steps to the first report.".to_owned(),
    }
}

fn reach(progress: &Progress, shell: &Shell) -> String {
    match &progress.check {
        Some(checked) => {
            let at = format::moment(checked.at, shell.zone());
            format!("Checked {at} at {}: {}.", checked.url, check::outcome(checked))
        }
        None if progress.was_polled() => "Singular reached it.".to_owned(),
        None => "Not checked yet.".to_owned(),
    }
}

fn packet_seen(progress: &Progress, shell: &Shell) -> String {
    let Some(row) = &progress.packet else {
        return if progress.was_polled() { "Not needed any more: Singular polls.".to_owned() } else { String::new() };
    };
    let made = format::moment(row.created_at, shell.zone());
    let used = match (row.revoked_at, row.last_used_at, &row.last_used_address) {
        (Some(_), ..) => "Its sandbox token was revoked.".to_owned(),
        (None, Some(at), Some(from)) => {
            format!("Its sandbox was last read {} from {from}.", format::moment(at, shell.zone()))
        }
        _ => "Nobody has read its sandbox yet.".to_owned(),
    };
    format!("Made {made}. {used}")
}

fn history(progress: &Progress) -> String {
    let (asked, all) = progress.history;
    let days = format::plural(i64::try_from(all).unwrap_or(i64::MAX), "day");
    match (progress.was_polled(), all) {
        (false, _) => String::new(),
        (true, 0) => "There are no stats in the last three months.".to_owned(),
        (true, _) => format!("Singular has polled {asked} of {days} with stats."),
    }
}

/// The report's fields with the values of the newest item that Singular gets.
fn fields(txn: &ReadTxn<'_>, advertiser: &AdvertiserRow) -> ServiceResult<Vec<FieldLine>> {
    let item = newest_item(txn, advertiser)?.unwrap_or_default();
    let mut values = item.into_iter();
    let lines = FIELDS.iter().map(|field| FieldLine {
        key: field.key,
        singular: field.singular,
        example: values.next().unwrap_or_else(|| field.about.to_owned()),
    });
    Ok(lines.collect())
}

fn newest_item(txn: &ReadTxn<'_>, advertiser: &AdvertiserRow) -> ServiceResult<Option<Vec<String>>> {
    let Some((_, last)) = txn.stat_span(advertiser.key)? else { return Ok(None) };
    let campaigns = txn.campaign_list(advertiser.key)?;
    let mut scan = txn.stat_scan(advertiser.key, last, last);
    loop {
        let rows = scan.next(txn)?;
        if rows.is_empty() {
            return Ok(None);
        }
        for row in rows {
            let campaign = campaigns.iter().find(|campaign| campaign.key == row.campaign);
            let Some(campaign) = campaign.filter(|campaign| campaign.offer.cost_reporting) else { continue };
            let publisher = txn.publisher_list()?.into_iter().find(|publisher| publisher.key == row.publisher);
            return Ok(publisher.map(|publisher| {
                vec![
                    Day::from_stored(row.day).map(|day| day.to_string()).unwrap_or_default(),
                    campaign.offer.name.clone(),
                    format!("{} ({})", publisher.id, publisher.name),
                    campaign.app.clone(),
                    campaign.store.as_str().to_owned(),
                    campaign.store.os().to_string(),
                    campaign.name.clone(),
                    campaign.id.to_string(),
                    row.cost.to_string(),
                    row.clicks.to_string(),
                ]
            }));
        }
    }
}
