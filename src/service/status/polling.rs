//! Whether Singular polls an advertiser's report, according to the poll history.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::AdvertiserId;
use crate::service::ServiceResult;
use crate::store::{PollSeen, ReadTxn};

/// Singular polls twice a day; after this long without an answered poll, polling has stopped.
const SILENCE: TimeDelta = TimeDelta::hours(26);

/// The usual interval between polls is learned from this long a time, from at most this many polls, and from at least this
/// many gaps longer than one visit.
const RHYTHM: TimeDelta = TimeDelta::days(30);
const LOOKED_AT: u32 = 500;
const GAPS: usize = 3;
const VISIT: TimeDelta = TimeDelta::hours(1);

/// The polling state of an advertiser's report (contract §8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PollingState {
    /// No poll with one of its tokens was ever answered or refused.
    Never,
    /// A poll was answered recently.
    Alive,
    /// No poll has been answered for too long.
    Stopped,
    /// Polls are refused.
    Refused,
}

impl PollingState {
    pub const ALL: [Self; 4] = [Self::Never, Self::Alive, Self::Stopped, Self::Refused];

    /// Its name in JSON and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Alive => "alive",
            Self::Stopped => "stopped",
            Self::Refused => "refused",
        }
    }
}

/// The polling status of one advertiser.
#[derive(Debug)]
pub struct PollingStatus {
    pub state: PollingState,
    /// The last answered poll.
    pub last: Option<PollSeen>,
    /// The last refused poll since then.
    pub refused: Option<PollSeen>,
}

impl PollingStatus {
    /// The status of an advertiser's polling at `now`.
    pub fn of(txn: &ReadTxn<'_>, advertiser: AdvertiserId, now: DateTime<Utc>) -> ServiceResult<Self> {
        let last = txn.poll_last_answered(advertiser)?;
        let since = last.as_ref().map(|poll| poll.at + TimeDelta::milliseconds(1));
        let refused = txn.poll_last_refused(advertiser, since)?;
        let silence = silence(txn, advertiser, now)?;
        Ok(Self::judge(last, refused, silence, now))
    }

    fn judge(last: Option<PollSeen>, refused: Option<PollSeen>, silence: TimeDelta, now: DateTime<Utc>) -> Self {
        let is_recent = |poll: &PollSeen| now - poll.at <= silence;
        let refused_lately = refused.as_ref().is_some_and(is_recent);
        // A mistyped date or a rate limit says nothing about the next poll; a refused token does.
        let token_refused = refused.as_ref().is_some_and(|poll| matches!(poll.status, 401 | 403));
        let state = match &last {
            None if refused.is_none() => PollingState::Never,
            None => PollingState::Refused,
            Some(_) if token_refused => PollingState::Refused,
            Some(last) if is_recent(last) => PollingState::Alive,
            Some(_) if refused_lately => PollingState::Refused,
            Some(_) => PollingState::Stopped,
        };
        Self { state, last, refused }
    }

    /// When a poll was last answered.
    #[must_use]
    pub fn last_at(&self) -> Option<DateTime<Utc>> {
        self.last.as_ref().map(|poll| poll.at)
    }
}

/// After how long without an answered poll polling has stopped: one and a half times the usual interval, if that is known,
/// but never less than for polls that come twice a day.
fn silence(txn: &ReadTxn<'_>, advertiser: AdvertiserId, now: DateTime<Utc>) -> ServiceResult<TimeDelta> {
    let polls = txn.poll_times(advertiser, now - RHYTHM, LOOKED_AT)?;
    Ok(learned(&polls).map_or(SILENCE, |usual| (usual + usual / 2).clamp(SILENCE, RHYTHM / 2)))
}

/// The usual time between two polls, newest first. Polls of one visit, which ask for many ranges in a row, count as one.
fn learned(polls: &[DateTime<Utc>]) -> Option<TimeDelta> {
    let gaps = polls.windows(2).filter_map(|pair| match pair {
        [newer, older] => Some(*newer - *older).filter(|gap| *gap > VISIT),
        _ => None,
    });
    let mut gaps: Vec<_> = gaps.collect();
    gaps.sort_unstable();
    (gaps.len() >= GAPS).then(|| gaps.get(gaps.len() / 2).copied()).flatten()
}

/// The state of each advertiser that is not disabled.
pub fn polling_states(txn: &ReadTxn<'_>, now: DateTime<Utc>) -> ServiceResult<Vec<PollingState>> {
    let advertisers = txn.advertiser_list()?.into_iter().filter(|row| row.disabled_at.is_none());
    advertisers.map(|row| Ok(PollingStatus::of(txn, row.id, now)?.state)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(at: DateTime<Utc>, status: u16) -> PollSeen {
        PollSeen {
            key: 1,
            at,
            feed: None,
            token: None,
            report: crate::domain::ReportKind::Singular,
            format: crate::domain::ReportFormat::Json,
            days: None,
            status,
            complete: true,
            rows: 0,
            cost: None,
            bytes: 0,
            duration_us: 0,
            address: String::new(),
            user_agent: String::new(),
        }
    }

    #[test]
    fn polling_stops_after_26_hours_and_is_refused_while_its_token_is() {
        let now: DateTime<Utc> = "2026-11-27T12:00:00Z".parse().unwrap();
        let ago = |hours| now - TimeDelta::hours(hours);
        let judge = |last: Option<i64>, refused: Option<(i64, u16)>| {
            let refused = refused.map(|(hours, status)| poll(ago(hours), status));
            PollingStatus::judge(last.map(|hours| poll(ago(hours), 200)), refused, SILENCE, now).state
        };
        assert_eq!(judge(None, None), PollingState::Never);
        assert_eq!(judge(None, Some((100, 400))), PollingState::Refused);
        assert_eq!(judge(Some(26), None), PollingState::Alive);
        assert_eq!(judge(Some(27), None), PollingState::Stopped);
        assert_eq!(judge(Some(1), Some((0, 401))), PollingState::Refused, "its token is not accepted any more");
        assert_eq!(judge(Some(1), Some((0, 400))), PollingState::Alive, "somebody mistyped a date");
        assert_eq!(judge(Some(27), Some((1, 400))), PollingState::Refused);
        assert_eq!(judge(Some(60), Some((27, 400))), PollingState::Stopped);
        // A clock that was set back must not make a poll look old.
        assert_eq!(judge(Some(-48), None), PollingState::Alive);
    }

    #[test]
    fn a_slow_rhythm_is_learned_and_an_outage_does_not_change_it() {
        let now: DateTime<Utc> = "2026-11-27T12:00:00Z".parse().unwrap();
        let polls = |hours: &[i64]| hours.iter().map(|hours| now - TimeDelta::hours(*hours)).collect::<Vec<_>>();
        assert_eq!(learned(&polls(&[0, 12])), None);
        assert_eq!(learned(&polls(&[0, 12, 24, 36])), Some(TimeDelta::hours(12)));
        // A visit asks for many days in a row, and two days were missed.
        let visits = [0, 0, 0, 24, 24, 72, 72, 96, 96, 120];
        assert_eq!(learned(&polls(&visits)), Some(TimeDelta::hours(24)));
    }
}
