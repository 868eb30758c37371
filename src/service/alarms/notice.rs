//! The notices of an alarm: when it begins, each day while it lasts, and when it is over.

use chrono::{DateTime, TimeDelta, Utc};

use super::rules::{FoundAlarm, Look};
use crate::domain::phrase;
use crate::store::{AlarmRow, NoticeText, StoreResult, WriteTxn};

/// How often a lasting alarm is repeated.
const REMIND: TimeDelta = TimeDelta::hours(24);

/// A change of an alarm.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    row: AlarmRow,
    is_over: bool,
    /// The notice to send, if any.
    pub(super) notice: Option<NoticeText>,
}

impl Change {
    pub(super) fn write(&self, txn: &WriteTxn<'_>) -> StoreResult<()> {
        if self.is_over { txn.alarm_close(&self.row.name) } else { txn.alarm_put(&self.row) }
    }
}

/// Compares open alarms with the alerts that were found.
pub(super) fn changes(look: &Look, open: &[AlarmRow], now: DateTime<Utc>) -> Vec<Change> {
    let begun = look.found.iter().filter(|found| !open.iter().any(|row| row.name == found.name)).map(|found| {
        let row = AlarmRow { name: found.name.clone(), message: found.message.clone(), opened_at: now, told_at: now };
        let notice = text("opened", &row, found.message.clone(), "");
        Change { row, is_over: false, notice: Some(notice) }
    });
    let known = open.iter().filter_map(|row| match look.found.iter().find(|found| found.name == row.name) {
        Some(found) => reminder(row, found, now),
        None if look.undecided.contains(&row.name) => None,
        None => {
            let mut lasted = format!("It lasted {}.", phrase::span(now - row.opened_at));
            if let Some((_, ending)) = look.endings.iter().find(|(name, _)| *name == row.name) {
                lasted = format!("{ending} {lasted}");
            }
            let notice = text("over", row, format!("Over: {}", row.message), &lasted);
            Some(Change { row: row.clone(), is_over: true, notice: Some(notice) })
        }
    });
    begun.chain(known).collect()
}

fn reminder(row: &AlarmRow, found: &FoundAlarm, now: DateTime<Utc>) -> Option<Change> {
    // A clock that was set back must not silence it.
    if now - row.told_at < REMIND && row.told_at <= now {
        return None;
    }
    let row = AlarmRow { message: found.message.clone(), told_at: now, ..row.clone() };
    let since = format!("It has lasted {}.", phrase::span(now - row.opened_at));
    let notice = text("reminder", &row, format!("Still: {}", found.message), &since);
    Some(Change { row, is_over: false, notice: Some(notice) })
}

fn text(event: &str, row: &AlarmRow, subject: String, more: &str) -> NoticeText {
    let message = if more.is_empty() { subject.clone() } else { format!("{subject}\n{more}") };
    NoticeText { event: event.to_owned(), alarm: row.name.clone(), subject, message }
}

/// The notice of a test.
pub(super) fn test(who: &str) -> NoticeText {
    NoticeText {
        event: "test".to_owned(),
        alarm: "test".to_owned(),
        subject: "This is a test of Pitlane's alarms".to_owned(),
        message: format!("This is a test of Pitlane's alarms. {who} asked for it. Nothing is wrong."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(found: &[(&str, &str)], undecided: &[&str]) -> Look {
        let found =
            found.iter().map(|(name, message)| FoundAlarm { name: (*name).to_owned(), message: (*message).to_owned() });
        Look {
            found: found.collect(),
            endings: Vec::new(),
            undecided: undecided.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    /// The events of the changes, and the alarms that are open after them.
    fn apply(look: &Look, open: &mut Vec<AlarmRow>, now: DateTime<Utc>) -> Vec<String> {
        let changes = changes(look, open, now);
        for change in &changes {
            open.retain(|row| row.name != change.row.name);
            if !change.is_over {
                open.push(change.row.clone());
            }
        }
        changes.into_iter().map(|change| change.notice.unwrap().event).collect()
    }

    #[test]
    fn an_alarm_is_told_once_then_daily_and_once_when_it_is_over() {
        let start: DateTime<Utc> = "2026-11-27T12:00:00Z".parse().unwrap();
        let (mut open, mut told) = (Vec::new(), Vec::new());
        let stopped = look(&[("polling-stopped", "Acme: stopped")], &[]);
        for minute in 0..(60 * 50) {
            told.extend(apply(&stopped, &mut open, start + TimeDelta::minutes(minute)));
        }
        assert_eq!(told, ["opened", "reminder", "reminder"]);
        assert_eq!(apply(&look(&[], &["polling-stopped"]), &mut open, start), ["reminder"; 0]);
        assert_eq!(apply(&look(&[], &[]), &mut open, start + TimeDelta::days(3)), ["over"]);
        assert_eq!(apply(&look(&[], &[]), &mut open, start + TimeDelta::days(3)), ["over"; 0]);
        assert!(open.is_empty());
    }
}
