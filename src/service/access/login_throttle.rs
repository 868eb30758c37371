//! Slows down guessing: after a few wrong passwords or codes the caller must wait, longer each time.
//!
//! What counts against whom decides who can be locked out. A browser that the person has logged in with before is counted by
//! itself, so strangers' guesses never lock it out. A stranger's guesses at an account count against the stranger's network,
//! so people at other addresses aren't locked out either. Only if an account is attacked from many networks does each further
//! network get fewer free tries. Strangers' wrong codes count for the whole account: whoever gets that far has the password.
//!
//! An attempt counts as wrong from its start until it proves right, so that parallel attempts gain nothing. Attempts during a
//! pause are refused without checking the password and don't extend the pause. Wrong attempts are stored in the database a
//! moment later, so that a restart forgets only the last ones.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use sha2::Digest as _;

use crate::domain::{client_network, client_site};
use crate::store::LoginPause;

/// Free wrong tries of one browser or network at one account, and the longest pause after them.
const ACCOUNT: Backoff = Backoff { free: 5, longest: Duration::from_mins(5) };

/// The same for a network over all accounts; several people may share it.
const NETWORK: Backoff = Backoff { free: 10, longest: Duration::from_mins(15) };

/// The same for all networks of one site.
const SITE: Backoff = Backoff { free: 40, longest: Duration::from_mins(15) };

/// Wrong codes of strangers for one account.
const CODES: Backoff = Backoff { free: 5, longest: Duration::from_mins(5) };

/// From this many wrong tries of strangers on, an account counts as attacked from many networks, and a network gets one free
/// try.
const MANY: u32 = 50;
const ACCOUNT_UNDER_ATTACK: Backoff = Backoff { free: 0, longest: ACCOUNT.longest };

/// Without a wrong try for this long, everything is forgotten.
pub(in crate::service) const FORGOTTEN: TimeDelta = TimeDelta::hours(1);

/// How many subjects are remembered; more push out the quietest.
pub(in crate::service) const TABLE: usize = 20_000;

struct Backoff {
    free: u32,
    longest: Duration,
}

/// Who tries to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum Caller<'a> {
    /// A browser that the person has logged in with before, or is logged in with; by the hash of its cookie.
    Known(&'a str),
    Stranger(IpAddr),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum Guess {
    Password,
    /// A code of two-step log-in.
    Code,
}

type Subject = [u8; 32];

struct Tally {
    wrong: u32,
    last: Instant,
    held_until: Instant,
}

/// An attempt that is being checked.
#[derive(Debug)]
#[must_use]
pub(in crate::service) struct Attempt(Vec<Subject>);

/// Counts wrong attempts.
#[derive(Default)]
pub(in crate::service) struct LoginThrottle(Mutex<HashMap<Subject, Tally>>);

impl LoginThrottle {
    /// Restores what was stored.
    pub(in crate::service) fn load(kept: &[LoginPause], now: Instant, clock: DateTime<Utc>) -> Self {
        let tallies = kept.iter().map(|pause| {
            let past = |at: DateTime<Utc>| (clock - at).to_std().ok().and_then(|ago| now.checked_sub(ago));
            // The clock may have been set back: nobody waits longer than the longest pause.
            let wait = (pause.held_until - clock).to_std().unwrap_or_default().min(NETWORK.longest);
            let tally = Tally { wrong: pause.wrong, last: past(pause.last_at).unwrap_or(now), held_until: now + wait };
            (pause.subject, tally)
        });
        Self(Mutex::new(tallies.collect()))
    }

    /// Counts an attempt, or returns how long to wait before the next one.
    pub(in crate::service) fn begin(
        &self,
        account: &str,
        caller: Caller<'_>,
        guess: Guess,
        now: Instant,
    ) -> Result<Attempt, Duration> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let account = account.trim().to_lowercase();
        let attacked = subject("attacked", &account, "");
        let is_attacked = table.get(&attacked).is_some_and(|tally| tally.is_fresh(now) && tally.wrong >= MANY);
        let subjects = subjects(&account, caller, guess, is_attacked);
        let wait = subjects.iter().filter_map(|(subject, _)| table.get(subject)).map(|tally| tally.held_until);
        let wait = wait.map(|until| until.saturating_duration_since(now)).max().unwrap_or_default();
        if !wait.is_zero() {
            return Err(wait);
        }
        if table.len() >= TABLE {
            make_room(&mut table, now);
        }
        let mut counted = Vec::with_capacity(subjects.len() + 1);
        for (subject, backoff) in subjects {
            let tally = count(&mut table, subject, now);
            tally.held_until = now + backoff.pause(tally.wrong);
            counted.push(subject);
        }
        if matches!(caller, Caller::Stranger(_)) {
            count(&mut table, attacked, now);
            counted.push(attacked);
        }
        Ok(Attempt(counted))
    }

    /// The attempt was right and doesn't count. Earlier wrong ones still do, so that knowing a password gives no extra
    /// guesses at the codes.
    pub(in crate::service) fn was_right(&self, attempt: Attempt, now: Instant) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for subject in attempt.0 {
            if let Some(tally) = table.get_mut(&subject) {
                tally.wrong = tally.wrong.saturating_sub(1);
                tally.held_until = now;
            }
        }
    }

    /// The attempt was wrong. Returns the new state of its subjects, to be stored.
    pub(in crate::service) fn was_wrong(
        &self,
        attempt: Attempt,
        now: Instant,
        clock: DateTime<Utc>,
    ) -> Vec<LoginPause> {
        let table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = |subject: Subject| {
            let tally = table.get(&subject)?;
            let wait = TimeDelta::from_std(tally.held_until.saturating_duration_since(now)).unwrap_or_default();
            Some(LoginPause { subject, wrong: tally.wrong, last_at: clock, held_until: clock + wait })
        };
        attempt.0.into_iter().filter_map(pause).collect()
    }

    /// The person has logged in: this browser or network starts again from zero with the account. Returns what to delete.
    pub(in crate::service) fn forget(&self, account: &str, caller: Caller<'_>) -> Vec<Subject> {
        let forgotten = vec![own(&account.trim().to_lowercase(), caller)];
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for subject in &forgotten {
            table.remove(subject);
        }
        forgotten
    }
}

impl Tally {
    fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) <= FORGOTTEN.to_std().unwrap_or_default()
    }
}

impl Backoff {
    /// One second after the first wrong try over the limit, then twice as long each time.
    fn pause(&self, wrong: u32) -> Duration {
        match wrong.checked_sub(self.free) {
            None | Some(0) => Duration::ZERO,
            Some(over) => Duration::from_secs(1_u64 << (over - 1).min(30)).min(self.longest),
        }
    }
}

fn count(table: &mut HashMap<Subject, Tally>, subject: Subject, now: Instant) -> &mut Tally {
    let tally = table.entry(subject).or_insert(Tally { wrong: 0, last: now, held_until: now });
    if !tally.is_fresh(now) {
        tally.wrong = 0;
    }
    tally.wrong = tally.wrong.saturating_add(1);
    tally.last = now;
    tally
}

/// Everything that an attempt counts against.
fn subjects(account: &str, caller: Caller<'_>, guess: Guess, is_attacked: bool) -> Vec<(Subject, &'static Backoff)> {
    let own = own(account, caller);
    let Caller::Stranger(address) = caller else { return vec![(own, &ACCOUNT)] };
    let mut subjects = vec![
        (own, if is_attacked { &ACCOUNT_UNDER_ATTACK } else { &ACCOUNT }),
        (subject("network", "", &client_network(address).to_string()), &NETWORK),
    ];
    if address.to_canonical().is_ipv6() {
        subjects.push((subject("site", "", &client_site(address).to_string()), &SITE));
    }
    if guess == Guess::Code {
        subjects.push((subject("codes", account, ""), &CODES));
    }
    subjects
}

/// The account together with this caller.
fn own(account: &str, caller: Caller<'_>) -> Subject {
    match caller {
        Caller::Known(browser) => subject("known", account, browser),
        Caller::Stranger(address) => subject("stranger", account, &client_network(address).to_string()),
    }
}

fn subject(kind: &str, account: &str, caller: &str) -> Subject {
    sha2::Sha256::digest(format!("{kind}\n{caller}\n{account}")).into()
}

fn make_room(table: &mut HashMap<Subject, Tally>, now: Instant) {
    table.retain(|_, tally| tally.is_fresh(now));
    // In a flood of made-up accounts, those with few tries are dropped first; accounts under attack stay.
    let mut floor = 1;
    while table.len() >= TABLE {
        table.retain(|_, tally| tally.wrong > floor);
        floor *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: &str = "ada@example.com";

    fn from(last: u32) -> Caller<'static> {
        Caller::Stranger(std::net::Ipv4Addr::from_bits(0xc633_6400 + last).into())
    }

    fn passes(throttle: &LoginThrottle, account: &str, caller: Caller<'_>, now: Instant) -> bool {
        throttle.begin(account, caller, Guess::Password, now).is_ok()
    }

    #[test]
    fn wrong_passwords_are_slowed_then_held_and_the_right_one_works_after_the_pause() {
        let (throttle, start) = (LoginThrottle::default(), Instant::now());
        let tries = (0..20).filter(|_| passes(&throttle, ADA, from(1), start)).count();
        assert_eq!(tries, 6);
        let wait = throttle.begin("Ada@example.com ", from(1), Guess::Password, start).unwrap_err();
        assert_eq!(wait, Duration::from_secs(1));
        let later = start + wait;
        let attempt = throttle.begin(ADA, from(1), Guess::Password, later).unwrap();
        throttle.was_right(attempt, later);
        assert!(passes(&throttle, ADA, from(1), later));
        assert!(!passes(&throttle, ADA, from(1), later));
        throttle.forget(ADA, from(1));
        assert!(passes(&throttle, ADA, from(1), later));
    }

    #[test]
    fn four_addresses_do_not_keep_the_person_out_at_another_nor_in_a_known_browser() {
        let (throttle, mut now) = (LoginThrottle::default(), Instant::now());
        for _ in 0..90 {
            for _ in 0..20 {
                (1..=4).for_each(|address| drop(throttle.begin(ADA, from(address), Guess::Password, now)));
            }
            for owner in [from(5), Caller::Known("a browser")] {
                let attempt = throttle.begin(ADA, owner, Guess::Password, now).unwrap();
                throttle.was_right(attempt, now);
            }
            now += Duration::from_secs(30);
        }
    }

    #[test]
    fn an_account_that_is_guessed_at_from_many_sides_gives_each_side_one_try() {
        let (throttle, now) = (LoginThrottle::default(), Instant::now());
        let tries = |address| (0..20).filter(|_| passes(&throttle, ADA, from(address), now)).count();
        assert_eq!((1..=10).map(tries).sum::<usize>(), 8 * 6 + 3 + 1);
        assert_eq!(tries(11), 1);
        assert!(passes(&throttle, "grace@example.com", from(200), now));
    }

    #[test]
    fn right_passwords_in_between_give_no_more_guesses_at_the_codes() {
        let (throttle, now) = (LoginThrottle::default(), Instant::now());
        let mut codes = 0;
        // A botnet that knows the password.
        for address in 0..1000 {
            let Ok(attempt) = throttle.begin(ADA, from(address), Guess::Password, now) else { continue };
            throttle.was_right(attempt, now);
            codes += usize::from(throttle.begin(ADA, from(address), Guess::Code, now).is_ok());
        }
        assert_eq!(codes, 6);
        assert!(throttle.begin(ADA, Caller::Known("a browser"), Guess::Code, now).is_ok());
    }

    #[test]
    fn many_accounts_are_held_by_the_network_and_many_networks_by_their_site() {
        let (throttle, now) = (LoginThrottle::default(), Instant::now());
        let by_network = (0..30).filter(|n| passes(&throttle, &format!("{n}@example.com"), from(99), now)).count();
        assert_eq!(by_network, 11);
        let site = |n: u128| Caller::Stranger(std::net::Ipv6Addr::from_bits((0x2001_0db8 << 96) | (n << 64)).into());
        let by_site = (0..100).filter(|n| passes(&throttle, &format!("{n}@example.org"), site(*n), now)).count();
        assert_eq!(by_site, 41);
    }

    #[test]
    fn pauses_grow_to_a_bound_and_all_is_forgotten_in_time() {
        let (throttle, mut now) = (LoginThrottle::default(), Instant::now());
        let mut longest = Duration::ZERO;
        for _ in 0..40 {
            if let Err(wait) = throttle.begin(ADA, from(1), Guess::Password, now) {
                assert!(wait >= longest);
                longest = wait;
                now += wait;
            }
        }
        assert!(longest >= ACCOUNT.longest && longest <= NETWORK.longest, "{longest:?}");
        now += FORGOTTEN.to_std().unwrap() + NETWORK.longest;
        assert!((0..5).all(|_| passes(&throttle, ADA, from(1), now)));
    }

    #[test]
    fn a_restart_forgets_nothing_and_a_clock_set_back_holds_nobody_for_long() {
        let (throttle, now, clock) = (LoginThrottle::default(), Instant::now(), Utc::now());
        let mut kept = Vec::new();
        while let Ok(attempt) = throttle.begin(ADA, from(1), Guess::Password, now) {
            kept = throttle.was_wrong(attempt, now, clock);
        }
        let again = LoginThrottle::load(&kept, now, clock);
        assert_eq!(again.begin(ADA, from(1), Guess::Password, now).unwrap_err(), Duration::from_secs(1));
        let later = now + Duration::from_secs(1);
        assert!(passes(&again, ADA, from(1), later));
        assert_eq!(again.begin(ADA, from(1), Guess::Password, later).unwrap_err(), Duration::from_secs(2));
        let set_back = LoginThrottle::load(&kept, now, clock - TimeDelta::days(1));
        assert!(set_back.begin(ADA, from(1), Guess::Password, now).unwrap_err() <= NETWORK.longest);
    }

    #[test]
    fn a_flood_of_made_up_accounts_does_not_free_the_one_under_attack() {
        let (throttle, now) = (LoginThrottle::default(), Instant::now());
        while passes(&throttle, ADA, from(1), now) {}
        for n in 0..u32::try_from(TABLE + 10).unwrap() {
            let stranger = Caller::Stranger(IpAddr::V4(n.into()));
            assert!(passes(&throttle, &format!("{n}@example.com"), stranger, now));
        }
        assert!(throttle.0.lock().unwrap().len() <= TABLE + 3);
        assert!(!passes(&throttle, ADA, from(1), now));
    }
}
