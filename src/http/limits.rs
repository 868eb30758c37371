//! Rate limits per token and per address. On by default, generous enough for a first connect.
//!
//! The `RateLimit` headers follow draft-ietf-httpapi-ratelimit-headers.

use std::net::IpAddr;
use std::num::NonZeroU32;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::{StateInformationMiddleware, StateSnapshot};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::error::ClientError;
use crate::domain::client_network;
use crate::store::{FeedKey, TokenKey};

/// A first connect asks for months day by day: the budget of this many seconds can be used at once.
const BURST_SECONDS: u32 = 50;

/// One address may have the connectors of several advertisers.
const TOKENS_AN_ADDRESS: u32 = 5;

/// How many addresses are remembered before idle ones are dropped.
const TABLE: usize = 10_000;

/// What a token may use, and what is left of it.
static RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
static RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

type Limiter<K> = DefaultKeyedRateLimiter<K, StateInformationMiddleware>;

/// The rate limits; `None` if they are turned off.
pub struct Limits(Option<On>);

struct On {
    addresses: Limiter<IpAddr>,
    tokens: Limiter<TokenKey>,
    clock: DefaultClock,
    /// Requests a second per token in the long run.
    per_second: u32,
    policy: HeaderValue,
}

/// What a token may use, and what is left once that is less than half. Above half the headers don't change from request to
/// request.
pub struct Allowance {
    policy: HeaderValue,
    left: Option<HeaderValue>,
}

impl Allowance {
    /// Adds the `RateLimit` headers.
    pub fn tell(self, headers: &mut HeaderMap) {
        headers.insert(RATE_LIMIT_POLICY.clone(), self.policy);
        if let Some(left) = self.left {
            headers.insert(RATE_LIMIT.clone(), left);
        }
    }
}

impl Limits {
    /// `per_second` requests a second per token in the long run; 0 turns limits off.
    #[must_use]
    pub fn new(per_second: u32) -> Self {
        let quota = |per_second: u32| {
            let rate = NonZeroU32::new(per_second)?;
            Some(Quota::per_second(rate).allow_burst(rate.saturating_mul(NonZeroU32::new(BURST_SECONDS)?)))
        };
        let on = quota(per_second).zip(quota(per_second.saturating_mul(TOKENS_AN_ADDRESS)));
        Self(on.map(|(token, address)| On {
            addresses: RateLimiter::keyed(address).with_middleware(),
            tokens: RateLimiter::keyed(token).with_middleware(),
            clock: DefaultClock::default(),
            per_second,
            policy: text(policy("token", token.burst_size().get())),
        }))
    }

    /// Counts a request from this address.
    pub fn address(&self, address: IpAddr) -> Result<(), ClientError> {
        self.check("address", |on| {
            if on.addresses.len() > TABLE {
                on.addresses.retain_recent();
            }
            on.addresses.check_key(&client_network(address))
        })
        .map(drop)
    }

    /// Counts a request with this token, and returns what is left; `None` if limits are off.
    pub fn token(&self, token: TokenKey) -> Result<Option<Allowance>, ClientError> {
        let state = self.check("token", |on| on.tokens.check_key(&token))?;
        Ok(self.0.as_ref().zip(state).map(|(on, state)| {
            let (left, limit) = (state.remaining_burst_capacity(), state.quota().burst_size().get());
            let seconds = limit.saturating_sub(left).div_ceil(on.per_second);
            let left = (left < limit / 2).then(|| text(remaining("token", left, seconds.into())));
            Allowance { policy: on.policy.clone(), left }
        }))
    }

    /// Counts a request for this feed. Feeds have the same limits as tokens; they use negative keys, which no token has.
    pub fn feed(&self, feed: FeedKey) -> Result<(), ClientError> {
        self.check("feed", |on| on.tokens.check_key(&TokenKey::from(-feed.get()))).map(drop)
    }

    fn check(
        &self,
        whose: &str,
        check: impl FnOnce(&On) -> Result<StateSnapshot, governor::NotUntil<governor::clock::QuantaInstant>>,
    ) -> Result<Option<StateSnapshot>, ClientError> {
        let Some(on) = &self.0 else { return Ok(None) };
        let until = match check(on) {
            Ok(state) => return Ok(Some(state)),
            Err(until) => until,
        };
        let seconds = until.wait_time_from(on.clock.now()).as_secs() + 1;
        let message = format!("Too many requests from this {whose}. Ask again in {seconds} s.");
        let limit = until.quota().burst_size().get();
        Err(ClientError::over_limit(limit, seconds, message)
            .with(RATE_LIMIT_POLICY.clone(), policy(whose, limit))
            .with(RATE_LIMIT.clone(), remaining(whose, 0, seconds)))
    }
}

/// `limit` requests, within the time in which a used-up budget is full again.
fn policy(whose: &str, limit: u32) -> String {
    format!("\"{whose}\";q={limit};w={BURST_SECONDS}")
}

/// What is left, and the seconds until there is more: until the budget is full, or until the next request if it is used up.
fn remaining(whose: &str, left: u32, seconds: u64) -> String {
    format!("\"{whose}\";r={left};t={seconds}")
}

fn text(value: String) -> HeaderValue {
    HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static(""))
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
    fn what_is_left_is_told_once_it_is_less_than_half() {
        let limits = Limits::new(20);
        let told = || {
            let mut headers = HeaderMap::new();
            limits.token(1.into()).unwrap().unwrap().tell(&mut headers);
            ["ratelimit-policy", "ratelimit"].map(|name| Some(headers.get(name)?.to_str().unwrap().to_owned()))
        };
        assert_eq!(told(), [Some("\"token\";q=1000;w=50".to_owned()), None]);
        let left = (0..600).find_map(|_| told()[1].take()).unwrap();
        assert_eq!(left, "\"token\";r=499;t=26");
        assert!(Limits::new(0).token(1.into()).unwrap().is_none());
    }

    #[test]
    fn zero_turns_limits_off() {
        let limits = Limits::new(0);
        assert!((0..100_000).all(|_| limits.token(1.into()).is_ok()));
    }
}
