//! Open alarms, and the notices that are still to be sent.

use chrono::{DateTime, Utc};
use rusqlite::Row;

use crate::store::{ReadTxn, Store, StoreResult, WriteTxn, from_ms, to_ms};

/// An open alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmRow {
    /// Its name; at most one alarm of a name is open.
    pub name: String,
    /// The message of its last notice.
    pub message: String,
    /// When the alarm was opened.
    pub opened_at: DateTime<Utc>,
    /// When its last notice was made.
    pub told_at: DateTime<Utc>,
}

/// The text of a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeText {
    /// `opened`, `reminder`, `over` or `test`.
    pub event: String,
    /// The name of the alarm.
    pub alarm: String,
    /// The subject of the e-mail, on one line.
    pub subject: String,
    /// The subject, and more on further lines.
    pub message: String,
}

/// A notice that isn't sent yet.
#[derive(Debug, Clone)]
pub struct NoticeRow {
    /// Increases with every notice.
    pub key: i64,
    /// `mail` or `webhook`.
    pub channel: String,
    pub text: NoticeText,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// How many attempts have failed.
    pub attempts: u32,
}

fn alarm(row: &Row<'_>) -> rusqlite::Result<AlarmRow> {
    Ok(AlarmRow {
        name: row.get(0)?,
        message: row.get(1)?,
        opened_at: from_ms(row.get(2)?),
        told_at: from_ms(row.get(3)?),
    })
}

impl Store {
    /// Free megabytes on the disk, if they are less than four times the floor.
    #[must_use]
    pub fn disk_low(&self) -> Option<u64> {
        let free = super::free_space(self.path())?;
        (free < self.floor.saturating_mul(4)).then_some(free >> 20)
    }
}

impl ReadTxn<'_> {
    /// The open alarms, oldest first.
    pub fn alarm_list(&self) -> StoreResult<Vec<AlarmRow>> {
        let sql = "select name, message, opened_at, told_at from alarms order by opened_at, name";
        self.list("list alarms", sql, (), alarm)
    }

    /// The alarms with unsent notices, each with the notice's channel.
    pub fn alarms_waiting(&self) -> StoreResult<Vec<(String, String)>> {
        let sql = "select distinct alarm, channel from alarm_notices order by channel";
        self.list("list what is to be sent", sql, (), |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// The notices that are due, oldest first. A waiting notice delays the later ones of its channel, so that an end is never
    /// sent before its beginning.
    pub fn notice_list_due(&self, now: DateTime<Utc>) -> StoreResult<Vec<NoticeRow>> {
        let sql = "select notice_key, channel, event, alarm, subject, message, created_at, attempts from alarm_notices
            where next_at <= ?1
                and not exists (
                    select 1
                    from alarm_notices earlier
                    where earlier.channel = alarm_notices.channel
                        and earlier.notice_key < alarm_notices.notice_key
                        and earlier.next_at > ?1
                )
            order by notice_key
            limit 100";
        self.list("list notices", sql, [to_ms(now)], |row| {
            let text =
                NoticeText { event: row.get(2)?, alarm: row.get(3)?, subject: row.get(4)?, message: row.get(5)? };
            Ok(NoticeRow {
                key: row.get(0)?,
                channel: row.get(1)?,
                text,
                created_at: from_ms(row.get(6)?),
                attempts: row.get(7)?,
            })
        })
    }

    /// The channels with a notice that could not be sent at first: since when, and why.
    pub fn notice_failures(&self) -> StoreResult<Vec<(String, DateTime<Utc>, String)>> {
        let sql = "select channel, min(created_at), failure from alarm_notices where attempts > 0 group by channel";
        self.list("look for failing channels", sql, (), |row| Ok((row.get(0)?, from_ms(row.get(1)?), row.get(2)?)))
    }

    /// The hour of the day, in the advertiser's zone, after which missing stats of yesterday raise an alarm.
    pub fn stats_due_hour(&self, advertiser: super::AdvertiserKey) -> StoreResult<u32> {
        let sql = "select stats_due_hour from advertisers where advertiser_key = ?1";
        Ok(self.first("find the hour of stats", sql, [advertiser.0], |row| row.get(0))?.unwrap_or_default())
    }
}

impl WriteTxn<'_> {
    /// Opens an alarm, or updates its message.
    pub fn alarm_put(&self, alarm: &AlarmRow) -> StoreResult<()> {
        let sql = "insert into alarms (name, message, opened_at, told_at) values (?1, ?2, ?3, ?4)
            on conflict (name) do update set message = excluded.message, told_at = excluded.told_at";
        self.run("keep an alarm", sql, (&alarm.name, &alarm.message, to_ms(alarm.opened_at), to_ms(alarm.told_at)))
            .map(drop)
    }

    /// Closes an alarm, so that it counts as new when it opens again.
    pub fn alarm_close(&self, name: &str) -> StoreResult<()> {
        self.run("close an alarm", "delete from alarms where name = ?1", [name]).map(drop)
    }

    /// Adds a notice to be sent now.
    pub fn notice_add(&self, channel: &str, text: &NoticeText, now: DateTime<Utc>) -> StoreResult<()> {
        let sql = "insert into alarm_notices (channel, event, alarm, subject, message, created_at, next_at)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?6)";
        self.run("add a notice", sql, (channel, &text.event, &text.alarm, &text.subject, &text.message, to_ms(now)))
            .map(drop)
    }

    /// Notes a failed attempt, and when to try again.
    pub fn notice_failed(&self, key: i64, next_at: DateTime<Utc>, why: &str) -> StoreResult<()> {
        let sql = "update alarm_notices set attempts = attempts + 1, next_at = ?2, failure = ?3 where notice_key = ?1";
        self.run("put a notice off", sql, (key, to_ms(next_at), why)).map(drop)
    }

    /// Deletes a notice that was sent or given up.
    pub fn notice_forget(&self, key: i64) -> StoreResult<()> {
        self.run("forget a notice", "delete from alarm_notices where notice_key = ?1", [key]).map(drop)
    }

    /// Sets the hour after which an advertiser's missing stats of yesterday raise an alarm.
    pub fn stats_set_due_hour(&self, advertiser: super::AdvertiserKey, hour: u32) -> StoreResult<()> {
        let sql = "update advertisers set stats_due_hour = ?2 where advertiser_key = ?1";
        self.run("set the hour of stats", sql, (advertiser.0, hour)).map(drop)
    }
}
