//! Guessing made slow: after a few wrong passwords or codes an account, or an address, must wait, and longer each time.
//!
//! An attempt counts as wrong from its start until it is seen to be right, so that many at once gain nothing. What comes
//! during a pause is refused without a look at the password and does not make the pause longer: after it, the right
//! password works. Kept in memory, per process; other accounts are not held.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wrong passwords that cost an account nothing, and its longest pause. Short enough that nobody is kept out for long.
const ACCOUNT: Backoff = Backoff { free: 5, longest: Duration::from_mins(5) };

/// The same for an address, behind which several people may sit.
const ADDRESS: Backoff = Backoff { free: 10, longest: Duration::from_mins(15) };

/// After this long without a wrong password all is forgotten.
const FORGOTTEN: Duration = Duration::from_hours(1);

/// Subjects that are remembered before the quietest are forgotten early.
const TABLE: usize = 20_000;

struct Backoff {
    free: u32,
    longest: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Subject {
    Account(String),
    Address(IpAddr),
}

struct Tally {
    wrong: u32,
    last: Instant,
    held_until: Instant,
}

/// Who guessed how often.
#[derive(Default)]
pub(in crate::service) struct LoginThrottle(Mutex<HashMap<Subject, Tally>>);

impl LoginThrottle {
    /// Counts an attempt, or says how long to wait before the next one.
    pub(in crate::service) fn begin(&self, account: &str, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let subjects = subjects(account, address);
        let wait = subjects.iter().filter_map(|subject| table.get(subject)).map(|tally| tally.held_until);
        let wait = wait.map(|until| until.saturating_duration_since(now)).max().unwrap_or_default();
        if !wait.is_zero() {
            return Err(wait);
        }
        if table.len() >= TABLE {
            make_room(&mut table, now);
        }
        for subject in subjects {
            let patience = if matches!(subject, Subject::Account(_)) { &ACCOUNT } else { &ADDRESS };
            let tally = table.entry(subject).or_insert(Tally { wrong: 0, last: now, held_until: now });
            if now.saturating_duration_since(tally.last) > FORGOTTEN {
                tally.wrong = 0;
            }
            tally.wrong = tally.wrong.saturating_add(1);
            tally.last = now;
            tally.held_until = now + patience.pause(tally.wrong);
        }
        Ok(())
    }

    /// The attempt that was begun last was right: account and address get this one back. Earlier wrong ones still count, so
    /// that whoever knows a password gains no guesses at the codes of the second step.
    pub(in crate::service) fn was_right(&self, account: &str, address: IpAddr, now: Instant) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for subject in subjects(account, address) {
            if let Some(tally) = table.get_mut(&subject) {
                tally.wrong = tally.wrong.saturating_sub(1);
                tally.held_until = now;
            }
        }
    }

    /// The person has logged in: the account starts afresh.
    pub(in crate::service) fn forget(&self, account: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&subject(account));
    }
}

impl Backoff {
    /// One second after the first wrong password too many, then twice as long each time.
    fn pause(&self, wrong: u32) -> Duration {
        match wrong.checked_sub(self.free) {
            None | Some(0) => Duration::ZERO,
            Some(over) => Duration::from_secs(1_u64 << (over - 1).min(30)).min(self.longest),
        }
    }
}

fn subjects(account: &str, address: IpAddr) -> [Subject; 2] {
    // Whoever has an IPv6 address has the other 2^64 of its network too.
    let address = match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    };
    [subject(account), Subject::Address(address)]
}

fn subject(account: &str) -> Subject {
    Subject::Account(account.trim().to_lowercase().chars().take(254).collect())
}

fn make_room(table: &mut HashMap<Subject, Tally>, now: Instant) {
    table.retain(|_, tally| now.saturating_duration_since(tally.last) <= FORGOTTEN);
    // Under a flood of made-up accounts those that were hardly tried go first; the ones under attack stay.
    let mut floor = 1;
    while table.len() >= TABLE {
        table.retain(|_, tally| tally.wrong > floor);
        floor *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        [198, 51, 100, last].into()
    }

    #[test]
    fn twenty_wrong_passwords_are_slowed_then_held_and_the_right_one_works_after_the_pause() {
        let (attempts, start) = (LoginThrottle::default(), Instant::now());
        let tries = (0..20).filter(|_| attempts.begin("ada@example.com", address(1), start).is_ok()).count();
        assert_eq!(tries, 6);
        let wait = attempts.begin("ada@example.com", address(2), start).unwrap_err();
        assert_eq!(wait, Duration::from_secs(1));
        attempts.begin("grace@example.com", address(2), start).unwrap();
        let later = start + wait;
        attempts.begin("Ada@example.com ", address(1), later).unwrap();
        attempts.was_right("ada@example.com", address(1), later);
        attempts.begin("ada@example.com", address(1), later).unwrap();
        assert!(attempts.begin("ada@example.com", address(2), later).is_err());
        attempts.forget("ada@example.com");
        attempts.begin("ada@example.com", address(2), later).unwrap();
    }

    #[test]
    fn right_passwords_in_between_give_no_more_guesses_at_the_codes() {
        let (attempts, now) = (LoginThrottle::default(), Instant::now());
        let mut codes = 0;
        while attempts.begin("ada@example.com", address(1), now).is_ok() {
            attempts.was_right("ada@example.com", address(1), now);
            codes += usize::from(attempts.begin("ada@example.com", address(1), now).is_ok());
        }
        assert_eq!(codes, 6);
    }

    #[test]
    fn many_addresses_are_held_by_the_account_and_many_accounts_by_the_address() {
        let (attempts, now) = (LoginThrottle::default(), Instant::now());
        let by_account = (0..20).filter(|last| attempts.begin("ada@example.com", address(*last), now).is_ok()).count();
        assert_eq!(by_account, 6);
        let by_address =
            (0..30).filter(|n| attempts.begin(&format!("{n}@example.com"), address(99), now).is_ok()).count();
        assert_eq!(by_address, 11);
    }

    #[test]
    fn pauses_grow_to_a_bound_and_all_is_forgotten_in_time() {
        let (attempts, mut now) = (LoginThrottle::default(), Instant::now());
        let mut longest = Duration::ZERO;
        for _ in 0..40 {
            if let Err(wait) = attempts.begin("ada@example.com", address(1), now) {
                assert!(wait >= longest);
                longest = wait;
                now += wait;
            }
        }
        assert!(longest >= ACCOUNT.longest && longest <= ADDRESS.longest, "{longest:?}");
        now += FORGOTTEN + ADDRESS.longest;
        assert!((0..5).all(|_| attempts.begin("ada@example.com", address(1), now).is_ok()));
    }

    #[test]
    fn a_flood_of_made_up_accounts_does_not_free_the_one_under_attack() {
        let (attempts, now) = (LoginThrottle::default(), Instant::now());
        while attempts.begin("ada@example.com", address(1), now).is_ok() {}
        for n in 0..(TABLE + 10) {
            let from = IpAddr::V4(u32::try_from(n).unwrap().into());
            attempts.begin(&format!("{n}@example.com"), from, now).unwrap();
        }
        assert!(attempts.0.lock().unwrap().len() <= TABLE + 2);
        assert!(attempts.begin("ada@example.com", address(2), now).is_err());
    }
}
