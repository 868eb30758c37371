//! An alarm that begins and ends: once its receiver has heard of it, it is in the database; and each time, the receiver hears.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::common::program::text;
use crate::process::Process;
use crate::{Run, disk};

/// Longer than it takes to notice and send an alarm.
const PATIENCE: Duration = Duration::from_secs(30);
/// An advertiser that Singular polled once.
const ROWS: &str = "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n\
     2026-01-01,Late,Lumen,1,1,Late,Late,com.example.late,ANDROID\n";

/// The alarm that Singular polls no longer.
pub(crate) struct Alarm {
    /// Which alarms were sent: the event and the alarm's name.
    sent: Receiver<(String, String)>,
    is_open: bool,
    /// Whether its receiver heard of the last change.
    is_told: bool,
}

/// Receives alarms; returns its address too.
pub(crate) fn receiver() -> (String, Alarm) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/alarms", listener.local_addr().unwrap());
    let (sender, sent) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut length, mut line) = (0, String::new());
            while stream.read_line(&mut line).is_ok_and(|read| read > 2) {
                let header = line.to_ascii_lowercase();
                length = header.strip_prefix("content-length: ").map_or(length, |text| text.trim().parse().unwrap());
                line.clear();
            }
            let mut body = vec![0; length];
            // A killed server sends no whole request.
            if length == 0 || stream.read_exact(&mut body).is_err() {
                continue;
            }
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            let of = |key: &str| body["pitlane"][key].as_str().unwrap().to_owned();
            if sender.send((of("event"), of("alarm"))).is_err() {
                return;
            }
            drop(stream.get_mut().write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"));
        }
    });
    (url, Alarm { sent, is_open: false, is_told: true })
}

/// Adds the advertiser and its poll.
pub(crate) fn found(process: &Process, scratch: &Path) -> Result<(), String> {
    let file = scratch.join("late.csv");
    std::fs::write(&file, ROWS).unwrap();
    process.must(&["import", text(&file), "--advertiser", "Late", "--create-missing"])?;
    process.must(&["token", "create", "--advertiser", "Late", "--name", "late"])?;
    let sql = "insert into polls (at, token_key, report, format, date_from, date_to, status, complete, rows, bytes,
            duration_us, address, user_agent)
        select unixepoch() * 1000, token_key, 'singular', 'json', 20000, 20001, 200, 1, 1, 100, 1, '192.0.2.1', 'Singular'
        from api_tokens
        where name = 'late'";
    assert_eq!(Connection::open(process.data_dir.join("pitlane.db")).unwrap().execute(sql, ()).unwrap(), 1);
    Ok(())
}

impl Run {
    /// Makes the last poll of the advertiser old or new, while no process runs: the next server begins or ends the alarm.
    pub(crate) fn turn_alarm(&mut self) {
        let mut alarm = self.alarm.lock().unwrap();
        (alarm.is_open, alarm.is_told) = (!alarm.is_open, false);
        let hours = if alarm.is_open { 30 } else { 0 };
        let sql = "update polls set at = (unixepoch() - ?1 * 3600) * 1000
            where token_key in (select token_key from api_tokens where name = 'late')";
        // What a test writes counts as flushed, and what was written before as well.
        disk::forget(&self.process.undo).unwrap();
        let database = Connection::open(self.process.data_dir.join("pitlane.db")).unwrap();
        assert!(database.execute(sql, [hours]).unwrap() > 0);
    }

    /// After a kill, before anything else opens the database: what the receiver heard of must be there.
    pub(crate) fn check_told_alarm(&self) -> Result<(), String> {
        let mut alarm = self.alarm.lock().unwrap();
        let event = if alarm.is_open { "opened" } else { "over" };
        if alarm.sent.try_iter().any(|sent| sent.0 == event && is_late(&sent.1)) && !alarm.is_told {
            alarm.is_told = true;
            self.counts.alarms_told.fetch_add(1, Ordering::Relaxed);
        }
        let copy = self.copy_of(&self.process.data_dir.join("pitlane.db"));
        let is_there = is_open(&Connection::open(copy.path().join("pitlane.db")).unwrap())?;
        if alarm.is_told && is_there != alarm.is_open {
            return Err(format!("an alarm was told as {event:?}, and after the kill it is open: {is_there}"));
        }
        Ok(())
    }

    /// While a server runs: it tells what was not told yet.
    pub(crate) fn check_alarm(&self) -> Result<(), String> {
        let database = self.process.data_dir.join("pitlane.db");
        let database = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let hour = "select stats_due_hour from advertisers where name = 'Acme'";
        let hour = database.query_row(hour, (), |row| row.get(0)).map_err(|error| error.to_string())?;
        self.alarm_hour.lock().unwrap().settle("the alarm's hour", hour)?;
        let mut alarm = self.alarm.lock().unwrap();
        let event = if alarm.is_open { "opened" } else { "over" };
        if !alarm.is_told {
            while let (sent, name) =
                alarm.sent.recv_timeout(PATIENCE).map_err(|_| format!("no alarm {event:?} came"))?
                && !(sent == event && is_late(&name))
            {}
            alarm.is_told = true;
            self.counts.alarms_told.fetch_add(1, Ordering::Relaxed);
        }
        let is_there = is_open(&database)?;
        if is_there == alarm.is_open {
            Ok(())
        } else {
            Err(format!("the alarm {event:?} was told, and is open: {is_there}"))
        }
    }
}

/// Whether an alarm's name is that of the one that is watched: no other advertiser's polls are old.
fn is_late(name: &str) -> bool {
    name.ends_with(" polling-stopped")
}

fn is_open(database: &Connection) -> Result<bool, String> {
    let sql = "select exists (select 1 from alarms where name like '% polling-stopped')";
    database.query_row(sql, (), |row| row.get(0)).map_err(|error| error.to_string())
}
