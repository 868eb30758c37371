//! Alarms: e-mails and webhook calls about alerts, once when an alert begins, once a day while it lasts, and once when it is
//! over.
//!
//! Open alarms and unsent notices are stored in the database in one transaction, so that a kill neither forgets an alarm nor
//! opens it twice; a notice that was being sent during a kill is sent again. If no channel is set up, nothing is sent.

mod mail;
mod notice;
mod rules;
mod smtp;
mod webhook;

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{AlarmChannels, Invalid};
use crate::service::status::{ApplianceStatus, ChannelStatus};
use crate::service::{Actor, ServiceError, ServiceResult};
use crate::store::{NoticeRow, NoticeText, Store, StoreResult, WriteTxn};

/// How often the queue of notices is checked.
const LOOK: Duration = Duration::from_secs(2);
/// How often the rules are evaluated, and how often those about days that Singular has. Measured by the time of day, so that
/// a machine that was asleep checks at once.
const RULES_EVERY: TimeDelta = TimeDelta::seconds(30);
const LEDGER_EVERY: TimeDelta = TimeDelta::minutes(10);
/// How long the first retry waits; three times as long after each failure, up to an hour.
const AGAIN: TimeDelta = TimeDelta::seconds(2);
const AGAIN_AT_MOST: TimeDelta = TimeDelta::hours(1);
/// After this long, an unsent notice is dropped.
const GIVE_UP: TimeDelta = TimeDelta::days(3);

const MAIL: &str = "mail";
const WEBHOOK: &str = "webhook";

/// Runs the alarms of the server.
pub struct Alarms {
    store: Store,
    channels: AlarmChannels,
    /// Address of the pages for links, if it is known.
    origin: Option<String>,
    appliance: Box<dyn Fn() -> ApplianceStatus + Send + Sync>,
    failing: Mutex<Vec<ChannelStatus>>,
    stop: SyncSender<()>,
}

impl Alarms {
    /// Starts the thread, if there is a channel.
    pub fn start(
        store: Store,
        channels: AlarmChannels,
        origin: Option<String>,
        appliance: impl Fn() -> ApplianceStatus + Send + Sync + 'static,
    ) -> std::io::Result<Arc<Self>> {
        let (stop, stopped) = sync_channel(1);
        let (failing, appliance) = (Mutex::default(), Box::new(appliance));
        let alarms = Arc::new(Self { store, channels, origin, appliance, failing, stop });
        if !alarms.names().is_empty() {
            let looker = Arc::clone(&alarms);
            std::thread::Builder::new().name("alarms".to_owned()).spawn(move || looker.keep_looking(&stopped))?;
        }
        Ok(alarms)
    }

    /// The channels that failed recently.
    #[must_use]
    pub fn failing(&self) -> Vec<ChannelStatus> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stops the thread. Unsent notices are sent after the next start.
    pub fn stop(&self) {
        let _ = self.stop.try_send(());
    }

    fn names(&self) -> Vec<&'static str> {
        let mail = self.channels.mail.as_ref().map(|_| MAIL);
        mail.into_iter().chain(self.channels.webhook.as_ref().map(|_| WEBHOOK)).collect()
    }

    fn keep_looking(&self, stopped: &Receiver<()>) {
        let (mut rules, mut ledger) = (None, None);
        loop {
            let now = Utc::now();
            let with_ledger = is_due(ledger, LEDGER_EVERY, now);
            let judged = if with_ledger || is_due(rules, RULES_EVERY, now) {
                rules = Some(now);
                ledger = if with_ledger { rules } else { ledger };
                self.look(now, with_ledger)
            } else {
                Ok(())
            };
            if let Err(error) = judged.and_then(|()| self.send(now)) {
                tracing::error!(%error, "alarms could not be looked after");
            }
            if !matches!(stopped.recv_timeout(LOOK), Err(RecvTimeoutError::Timeout)) {
                return;
            }
        }
    }

    /// Opens and closes alarms according to the rules.
    fn look(&self, now: DateTime<Utc>, with_ledger: bool) -> ServiceResult<()> {
        let (appliance, names) = ((self.appliance)(), self.names());
        let (found, open) = self
            .store
            .read(|txn| Ok::<_, ServiceError>((rules::look(txn, &appliance, with_ledger, now)?, txn.alarm_list()?)))?;
        let changes = notice::changes(&found, &open, now);
        if !changes.is_empty() {
            self.write(|txn| {
                for change in &changes {
                    change.write(txn)?;
                    if let Some(text) = &change.notice {
                        names.iter().try_for_each(|channel| txn.notice_add(channel, text, now))?;
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Sends the notices that are due.
    fn send(&self, now: DateTime<Utc>) -> ServiceResult<()> {
        let due: Vec<NoticeRow> = self.store.read(|txn| txn.notice_list_due(now))?;
        let mut down: Vec<&str> = Vec::new();
        for notice in &due {
            // After a failure the channel's other notices wait, so that they arrive in order.
            if down.contains(&notice.channel.as_str()) {
                continue;
            }
            let sent = self.deliver(&notice.channel, &notice.text);
            let now = Utc::now();
            let is_given_up = now - notice.created_at > GIVE_UP;
            if let Err(why) = &sent {
                let subject = &notice.text.subject;
                tracing::warn!(
                    channel = notice.channel,
                    is_given_up,
                    subject,
                    error = why,
                    "an alarm could not be sent"
                );
                down.push(&notice.channel);
            }
            self.write(|txn| match &sent {
                Err(why) if !is_given_up => txn.notice_failed(notice.key, now + pause(notice.attempts), why),
                _ => txn.notice_forget(notice.key),
            })?;
        }
        let failing = self.store.read(|txn| txn.notice_failures())?.into_iter();
        let failing = failing.map(|(channel, since, why)| ChannelStatus { channel, since, why }).collect();
        *self.failing.lock().unwrap_or_else(PoisonError::into_inner) = failing;
        Ok(())
    }

    /// Writes even if the disk is nearly full, since that is one of the alarms.
    fn write(&self, work: impl FnOnce(&WriteTxn<'_>) -> StoreResult<()>) -> StoreResult<()> {
        let _kept = self.store.write_regardless(|txn| work(txn).map(ControlFlow::<(), ()>::Continue))?;
        Ok(())
    }

    fn deliver(&self, channel: &str, text: &NoticeText) -> Result<(), String> {
        match (channel, &self.channels.mail, &self.channels.webhook) {
            (MAIL, Some(mail), _) => mail::send(mail, text, self.origin.as_deref()),
            (WEBHOOK, _, Some(hook)) => webhook::send(hook, text, self.origin.as_deref()),
            // Its channel is no longer set up.
            _ => Ok(()),
        }
    }
}

impl Alarms {
    /// The channels, and in words where each sends to.
    #[must_use]
    pub fn targets(&self) -> Vec<(&'static str, String)> {
        let mail = self.channels.mail.as_ref().map(|mail| {
            let to: Vec<&str> = mail.to.iter().map(crate::domain::Email::as_str).collect();
            (MAIL, format!("{} by {}:{}", to.join(", "), mail.server.host, mail.server.port))
        });
        let webhook = self.channels.webhook.as_ref().map(|hook| (WEBHOOK, hook.host().to_owned()));
        mail.into_iter().chain(webhook).collect()
    }

    /// Sends a test to each channel at once and returns the results. Blocks.
    #[must_use]
    pub fn test(&self, who: &str) -> Vec<(String, Result<(), String>)> {
        send_test(&self.channels, who)
    }
}

/// Whether a periodic task is due. A clock that was set back must not delay it.
fn is_due(last: Option<DateTime<Utc>>, every: TimeDelta, now: DateTime<Utc>) -> bool {
    last.is_none_or(|last| now - last >= every || now < last)
}

/// Sends a test to each channel at once and returns the results.
#[must_use]
pub fn send_test(channels: &AlarmChannels, who: &str) -> Vec<(String, Result<(), String>)> {
    let text = notice::test(who);
    let mail = channels.mail.as_ref().map(|mail| (MAIL.to_owned(), mail::send(mail, &text, None)));
    let webhook = channels.webhook.as_ref().map(|hook| (WEBHOOK.to_owned(), webhook::send(hook, &text, None)));
    mail.into_iter().chain(webhook).collect()
}

/// Sets the hour, in the advertiser's zone, after which missing stats of yesterday raise an alarm.
pub fn set_stats_due(store: &Store, advertiser: &str, hour: u32, actor: &Actor) -> ServiceResult<()> {
    if hour > 23 {
        return Err(Invalid::because("hour", "expected an hour from 0 to 23").into());
    }
    store.write(|txn| {
        let row = txn.advertiser_get(advertiser)?;
        txn.stats_set_due_hour(row.key, hour)?;
        let subject = format!("{} from {hour}:00 on", row.name);
        txn.audit_add(&actor.did("advertiser stats-due", &subject), Utc::now())?;
        Ok(())
    })
}

fn pause(attempts: u32) -> TimeDelta {
    let times = 3_i32.saturating_pow(attempts.min(10));
    AGAIN.checked_mul(times).map_or(AGAIN_AT_MOST, |pause| pause.min(AGAIN_AT_MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_hour() {
        let pauses: Vec<_> = (0..8).map(|attempts| pause(attempts).num_seconds()).collect();
        assert_eq!(pauses, [2, 6, 18, 54, 162, 486, 1458, 3600]);
    }
}
