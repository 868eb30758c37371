//! Which backups are kept: the newest of each of the last days, and of each of the weeks before.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike as _, NaiveDateTime, Utc};

/// How many days keep a backup.
const DAYS: usize = 7;
/// How many weeks keep a backup.
const WEEKS: usize = 4;

const FORM: &str = "pitlane-%Y%m%dT%H%M%SZ.db";

/// The name of a backup made now.
pub(super) fn name(at: DateTime<Utc>) -> String {
    at.format(FORM).to_string()
}

/// When the backup with this name was made; `None` for other files, such as the backup before an upgrade.
pub(super) fn made_at(name: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(name, FORM).ok().map(|at| at.and_utc())
}

/// The backups to delete. The newest is never among them.
///
/// A name from the future was given while the clock was wrong, or the clock is wrong now. Such a backup replaces none and is
/// not deleted.
pub(super) fn outlived(made: &BTreeSet<DateTime<Utc>>, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let (mut days, mut weeks) = (BTreeSet::new(), BTreeSet::new());
    let mut outlived = Vec::new();
    for at in made.range(..=now).rev() {
        let (day, week) = (at.date_naive(), at.iso_week());
        let first_of_day = days.len() < DAYS && days.insert(day);
        let first_of_week = weeks.len() < WEEKS && weeks.insert((week.year(), week.week()));
        if !first_of_day && !first_of_week {
            outlived.push(*at);
        }
    }
    outlived
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn names_and_moments_belong_together() {
        let at = "2026-11-22T03:00:07Z".parse().unwrap();
        assert_eq!(name(at), "pitlane-20261122T030007Z.db");
        assert_eq!(made_at(&name(at)), Some(at));
        assert_eq!(made_at("before-schema-2-20261122T030007000Z.db"), None);
        assert_eq!(made_at(".pitlane-20261122T030007Z.db.x.part"), None);
    }

    #[test]
    fn seven_days_and_four_weeks_are_kept() {
        let last: DateTime<Utc> = "2026-11-22T03:00:00Z".parse().unwrap(); // a Sunday
        let mut made = BTreeSet::new();
        // A year of nights, thinned every night as the server does it.
        for night in (0..365).rev() {
            made.insert(last - TimeDelta::days(night));
            for old in outlived(&made, last) {
                made.remove(&old);
            }
        }
        let kept: Vec<_> = made.iter().rev().map(|at| (last - *at).num_days()).collect();
        // Seven days fill one week; the other three weeks keep their Sundays.
        assert_eq!(kept, [0, 1, 2, 3, 4, 5, 6, 7, 14, 21]);
    }

    #[test]
    fn backups_from_the_future_replace_none_and_stay() {
        let now: DateTime<Utc> = "2026-11-22T03:00:00Z".parse().unwrap();
        let wrong: BTreeSet<_> = (0..40).map(|day| now + TimeDelta::days(365 + day)).collect();
        let mut made = wrong.clone();
        for night in (0..60).rev() {
            let night = now - TimeDelta::days(night);
            made.insert(night);
            for old in outlived(&made, night) {
                assert!(!wrong.contains(&old) && old != night);
                made.remove(&old);
            }
        }
        assert_eq!(made.len(), wrong.len() + 10);
    }

    #[test]
    fn a_burst_of_backups_on_one_day_takes_nothing_from_the_days_before() {
        let last: DateTime<Utc> = "2026-11-22T03:00:00Z".parse().unwrap();
        let mut made: BTreeSet<_> = (0..7).map(|day| last - TimeDelta::days(day)).collect();
        made.extend((1..100).map(|minute| last + TimeDelta::minutes(minute)));
        let outlived = outlived(&made, last + TimeDelta::days(1));
        assert_eq!(made.len() - outlived.len(), 7);
        assert!(!outlived.contains(made.last().unwrap()));
    }
}
