//! The state of a token. Authentication, pages and commands all use it.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::TokenScope;
use crate::store::TokenRow;

/// How long before a token expires a notice begins.
pub const EXPIRY_NOTICE: TimeDelta = TimeDelta::days(30);

/// Whether a token is accepted, or the first reason why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenState {
    Revoked(DateTime<Utc>),
    /// It has expired.
    Expired(DateTime<Utc>),
    /// Its advertiser is disabled.
    Disabled(DateTime<Utc>),
    /// Accepted, but expires soon.
    Ending(DateTime<Utc>),
    /// Accepted; until when, if it expires.
    Live(Option<DateTime<Utc>>),
}

impl TokenState {
    /// The state of the token in `row` at `now`.
    #[must_use]
    pub fn of(row: &TokenRow, now: DateTime<Utc>) -> Self {
        match (row.revoked_at, row.expires_at, row.advertiser_disabled_at) {
            (Some(at), ..) => Self::Revoked(at),
            (None, Some(at), _) if at <= now => Self::Expired(at),
            (None, _, Some(at)) => Self::Disabled(at),
            (None, Some(at), None) if at - now < EXPIRY_NOTICE => Self::Ending(at),
            (None, until, None) => Self::Live(until),
        }
    }

    /// Whether requests with the token are accepted.
    #[must_use]
    pub fn is_live(self) -> bool {
        matches!(self, Self::Live(_) | Self::Ending(_))
    }
}

/// Whether Singular can read the advertiser's report with this token now.
pub(super) fn reads_reports(row: &TokenRow, now: DateTime<Utc>) -> bool {
    row.scope == TokenScope::Report && TokenState::of(row, now).is_live()
}

/// The other token of an unfinished rotation: both are live.
#[derive(Debug, Clone, Copy)]
pub enum Rotation<'a> {
    /// This token replaces that one.
    Replaces(&'a TokenRow),
    /// That token replaces this one.
    ReplacedBy(&'a TokenRow),
}

/// The rotation that `row` is part of, if there is one; `all` has the advertiser's other tokens.
#[must_use]
pub fn rotation<'a>(row: &TokenRow, all: &'a [TokenRow], now: DateTime<Utc>) -> Option<Rotation<'a>> {
    let is_live = |row: &TokenRow| TokenState::of(row, now).is_live();
    if !is_live(row) {
        return None;
    }
    let live = || all.iter().filter(|other| is_live(other));
    let old = live().find(|old| Some(old.key) == row.replaces).map(Rotation::Replaces);
    old.or_else(|| live().find(|new| new.replaces == Some(row.key)).map(Rotation::ReplacedBy))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::TokenHash;
    use crate::store::{AdvertiserKey, TokenKey};

    /// A token that doesn't expire.
    pub(in crate::service::status) fn row(key: i64) -> TokenRow {
        TokenRow {
            key: TokenKey::from(key),
            id: "a".repeat(16).parse().unwrap(),
            name: format!("token {key}"),
            scope: TokenScope::Report,
            hash: TokenHash::new(String::new()),
            secret_check: None,
            advertiser: AdvertiserKey::from(1),
            advertiser_id: uuid::Uuid::nil().into(),
            advertiser_name: "Acme".to_owned(),
            advertiser_disabled_at: None,
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
            replaces: None,
            last_used_address: None,
            last_used_agent: None,
            created_at: DateTime::UNIX_EPOCH,
            reader: crate::domain::TokenReader::Singular,
            networks: Vec::new(),
            is_sandbox: false,
        }
    }

    #[test]
    fn a_token_is_live_until_it_is_revoked_expires_or_its_advertiser_is_disabled() {
        let now: DateTime<Utc> = "2026-11-27T12:00:00Z".parse().unwrap();
        let second = TimeDelta::seconds(1);
        let with = |change: fn(&mut TokenRow, DateTime<Utc>), at| {
            let mut row = row(1);
            change(&mut row, at);
            TokenState::of(&row, now)
        };
        let expires = |at| with(|row, at| row.expires_at = Some(at), at);
        assert_eq!(TokenState::of(&row(1), now), TokenState::Live(None));
        assert_eq!(expires(now), TokenState::Expired(now));
        assert_eq!(expires(now + second), TokenState::Ending(now + second));
        assert_eq!(expires(now + EXPIRY_NOTICE), TokenState::Live(Some(now + EXPIRY_NOTICE)));
        assert_eq!(with(|row, at| row.revoked_at = Some(at), now), TokenState::Revoked(now));
        // A revocation counts as soon as it is written, whatever the clocks say.
        let ahead = now + EXPIRY_NOTICE;
        assert_eq!(with(|row, at| row.revoked_at = Some(at), ahead), TokenState::Revoked(ahead));
        assert_eq!(with(|row, at| row.advertiser_disabled_at = Some(at), now), TokenState::Disabled(now));
        let live = [TokenState::Live(None), expires(now + second)];
        assert!(live.into_iter().all(TokenState::is_live));
        let refused = [TokenState::Revoked(now), TokenState::Expired(now), TokenState::Disabled(now)];
        assert!(!refused.into_iter().any(TokenState::is_live));
    }

    #[test]
    fn a_rotation_is_over_once_either_token_is_not_live() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let (old, mut new) = (row(1), row(2));
        new.replaces = Some(old.key);
        let mut all = [old.clone(), new.clone()];
        assert!(matches!(rotation(&old, &all, now), Some(Rotation::ReplacedBy(found)) if found.key == new.key));
        assert!(matches!(rotation(&new, &all, now), Some(Rotation::Replaces(found)) if found.key == old.key));
        all[1].expires_at = Some(now);
        assert!(rotation(&old, &all, now).is_none());
        assert!(rotation(&all[1], &all, now).is_none());
    }
}
