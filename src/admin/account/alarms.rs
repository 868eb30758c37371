//! The alarms page: the channels, the open alarms, a test message, and the hour by which yesterday's stats must be there.

use askama::Template;

use crate::admin::account::settings;
use crate::admin::catalogue::entry;
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::format;
use crate::admin::kit::layout::{Shell, back};
use crate::admin::kit::table::{Cell, Table};
use crate::domain::Invalid;
use crate::service::ServiceError;
use crate::service::alarms;
use crate::store::{AdvertiserRow, ReadTxn};

const PATH: &str = "/admin/settings/alarms";

#[derive(Template)]
#[template(path = "admin/alarms.html")]
struct Page {
    shell: Shell,
    pages: Vec<(&'static str, String, bool)>,
    /// The channels and whether their messages arrive.
    channels: Table,
    /// The result of a test per channel: its colour and its message.
    sent: Vec<(&'static str, String)>,
    open: Table,
    /// The stats-due hour of the chosen advertiser.
    hour: Option<(String, Form)>,
}

/// A channel's label.
fn label(channel: &str) -> &'static str {
    if channel == "mail" { "E-mail" } else { "Webhook" }
}

/// Shows the channels, the open alarms and the hour by which stats must be there.
pub async fn show(context: RequestContext) -> Answer {
    page(&context, Vec::new()).await
}

async fn page(context: &RequestContext, sent: Vec<(&'static str, String)>) -> Answer {
    context
        .show(|context, txn| {
            let shell = Shell::new(context, txn, "Settings", "Alarms")?;
            let hour = match &shell.advertiser {
                Some(advertiser) if shell.may_change => Some((advertiser.name.clone(), hour_form(txn, advertiser)?)),
                _ => None,
            };
            Ok::<_, ServiceError>(Page {
                pages: settings::pages(&shell, PATH),
                channels: channels(context, &shell),
                open: open(context, txn, &shell)?,
                sent,
                hour,
                shell,
            })
        })
        .await
}

fn channels(context: &RequestContext, shell: &Shell) -> Table {
    let failing = context.state().alarms.failing();
    let mut table = Table::new("Channels", &["Channel", "Goes to", "State"]);
    for (channel, target) in context.state().alarms.targets() {
        let state = match failing.iter().find(|failing| failing.channel == channel) {
            Some(failing) => {
                let since = format::moment(failing.since, shell.zone());
                Cell::new(format!("Failing since {since}")).tone("bad").note(failing.why.clone())
            }
            None => Cell::new("No failure known").tone("good"),
        };
        table.rows.push(vec![Cell::new(label(channel)), Cell::new(target), state]);
    }
    table
}

fn open(context: &RequestContext, txn: &ReadTxn<'_>, shell: &Shell) -> Result<Table, ServiceError> {
    let mut table = Table::new("Open alarms", &["Alarm", "Since", "Last told"]);
    let (count, waiting) = (context.state().alarms.targets().len(), txn.alarms_waiting()?);
    for alarm in txn.alarm_list()? {
        let told = format::moment(alarm.told_at, shell.zone());
        let waiting = waiting.iter().filter(|(name, _)| *name == alarm.name).map(|(_, channel)| label(channel));
        let waiting: Vec<_> = waiting.collect();
        let told = match waiting.as_slice() {
            [] => Cell::new(told),
            all if all.len() >= count => Cell::new("not sent yet").tone("bad"),
            some => Cell::new(told).note(format!("not yet by {}", some.join(" and ").to_lowercase())),
        };
        let since = format::moment(alarm.opened_at, shell.zone());
        table.rows.push(vec![Cell::new(alarm.message), Cell::new(since), told]);
    }
    Ok(table)
}

fn hour_form(txn: &ReadTxn<'_>, advertiser: &AdvertiserRow) -> Result<Form, ServiceError> {
    let hours = (0..24).map(|hour: u32| (hour.to_string(), format!("{hour:02}:00"))).collect();
    let hint = format!("In {}, the zone in which its days are counted.", advertiser.time_zone.name());
    let form = Form::new(format!("{PATH}/due{}", entry::scope(advertiser)), "Save hour");
    let form = form.field("hour", "Stats of yesterday must be there by", Kind::Choice(hours), hint);
    Ok(form.with("hour", txn.stats_due_hour(advertiser.key)?.to_string()))
}

/// Sends a test to every channel and shows the results.
pub async fn test(context: RequestContext) -> Answer {
    let sent = context.run(|context| Ok(context.state().alarms.test(&context.actor().name))).await?;
    let said = sent.into_iter().map(|(channel, result)| match result {
        Ok(()) => ("good", format!("{}: the test was sent.", label(&channel))),
        Err(why) => ("bad", format!("{}: the test could not be sent: {why}.", label(&channel))),
    });
    page(&context, said.collect()).await
}

/// Sets the hour after which missing stats of yesterday raise an alarm.
pub async fn set_due(context: RequestContext) -> Answer {
    let (advertiser, ()): (AdvertiserRow, ()) = entry::within(&context, |_, _| Ok(Some(()))).await?;
    let hour = context.field("hour").parse();
    let hour: u32 = hour.map_err(|_| Invalid::value("hour", context.field("hour"), "an hour from 0 to 23"))?;
    let id = advertiser.id;
    context.run(move |context| alarms::set_stats_due(context.store(), &id.to_string(), hour, &context.actor())).await?;
    Ok(context.go(&back(PATH, Some(id), "hour")))
}
