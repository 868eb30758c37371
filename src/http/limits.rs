//! How often one token, and one address, may ask. On by default, generous enough for a first connect.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::error::ClientError;
use crate::domain::client_network;
use crate::store::{FeedKey, TokenKey};

/// A first connect asks for months day by day: this many seconds' worth may come at once.
const BURST_SECONDS: u32 = 50;

/// One address may hold several advertisers' connectors.
const TOKENS_AN_ADDRESS: u32 = 5;

/// Addresses that are remembered before the ones that have been quiet are forgotten.
const TABLE: usize = 10_000;

/// The limits; none where they are turned off.
pub struct Limits(Option<On>);

struct On {
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    tokens: DefaultKeyedRateLimiter<TokenKey>,
    clock: DefaultClock,
    /// What one token may ask at once.
    limit: u32,
}

impl Limits {
    /// So many requests a second for each token in the long run; 0 for no limits.
    #[must_use]
    pub fn new(per_second: u32) -> Self {
        let quota = |per_second: u32| {
            let rate = NonZeroU32::new(per_second)?;
            Some(Quota::per_second(rate).allow_burst(rate.saturating_mul(NonZeroU32::new(BURST_SECONDS)?)))
        };
        let on = quota(per_second).zip(quota(per_second.saturating_mul(TOKENS_AN_ADDRESS)));
        Self(on.map(|(token, address)| On {
            addresses: RateLimiter::keyed(address),
            tokens: RateLimiter::keyed(token),
            clock: DefaultClock::default(),
            limit: per_second.saturating_mul(BURST_SECONDS),
        }))
    }

    /// Counts a request of this address.
    pub fn address(&self, address: IpAddr) -> Result<(), ClientError> {
        self.check("address", |on| {
            if on.addresses.len() > TABLE {
                on.addresses.retain_recent();
            }
            on.addresses.check_key(&client_network(address))
        })
    }

    /// Counts a request with this token.
    pub fn token(&self, token: TokenKey) -> Result<(), ClientError> {
        self.check("token", |on| on.tokens.check_key(&token))
    }

    /// Counts a request for this feed. Feeds share the tokens' limits; no token's key is below zero.
    pub fn feed(&self, feed: FeedKey) -> Result<(), ClientError> {
        self.check("feed", |on| on.tokens.check_key(&TokenKey::from(-feed.get())))
    }

    fn check<T>(
        &self,
        whose: &str,
        check: impl FnOnce(&On) -> Result<T, governor::NotUntil<governor::clock::QuantaInstant>>,
    ) -> Result<(), ClientError> {
        let Some(on) = &self.0 else { return Ok(()) };
        let Err(until) = check(on) else { return Ok(()) };
        let seconds = until.wait_time_from(on.clock.now()).as_secs() + 1;
        let message = format!("Too many requests from this {whose}. Ask again in {seconds} s.");
        let limit = if whose == "address" { on.limit.saturating_mul(TOKENS_AN_ADDRESS) } else { on.limit };
        Err(ClientError::over_limit(limit, seconds, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_hundred_single_days_in_a_row_pass_and_a_flood_does_not() {
        let limits = Limits::new(20);
        let address = "198.51.100.1".parse().unwrap();
        for _ in 0..400 {
            limits.address(address).unwrap();
            limits.token(1.into()).unwrap();
        }
        let refused = (0..2000).filter(|_| limits.token(1.into()).is_err()).count();
        assert!(refused > 1000, "only {refused} of 2000 were refused");
        limits.token(2.into()).unwrap();
    }

    #[test]
    fn zero_turns_limits_off() {
        let limits = Limits::new(0);
        assert!((0..100_000).all(|_| limits.token(1.into()).is_ok()));
    }
}
