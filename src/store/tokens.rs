//! API tokens. Only the hash of the secret is stored.

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use rusqlite::Row;

use crate::domain::{AdvertiserId, Invalid, Name, TokenHash, TokenId, TokenReader, TokenScope};
use crate::store::{AdvertiserKey, ReadTxn, StoreResult, TokenKey, WriteTxn, foreign_value, from_ms, parsed, to_ms};

/// A stored token.
#[derive(Debug, Clone)]
pub struct TokenRow {
    pub key: TokenKey,
    pub id: TokenId,
    /// Name of whoever uses it.
    pub name: String,
    /// What it may do.
    pub scope: TokenScope,
    /// The hash of its secret.
    pub hash: TokenHash,
    /// Some bits of its secret's SHA-256 (contract §2); `None` for an old token without them.
    pub secret_check: Option<u32>,
    pub advertiser: AdvertiserKey,
    /// The advertiser's public id.
    pub advertiser_id: AdvertiserId,
    pub advertiser_name: String,
    /// When the advertiser was disabled, if it is.
    pub advertiser_disabled_at: Option<DateTime<Utc>>,
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used. Written in batches, so it lags a little.
    pub last_used_at: Option<DateTime<Utc>>,
    /// The token that it replaces.
    pub replaces: Option<TokenKey>,
    /// The address that last used it.
    pub last_used_address: Option<String>,
    /// The user agent that last used it.
    pub last_used_agent: Option<String>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    pub reader: TokenReader,
    /// The networks it may be used from; empty for all.
    pub networks: Vec<IpNet>,
    /// Whether it is a packet's sandbox token, which reads made-up days.
    pub is_sandbox: bool,
}

/// A new token.
#[derive(Debug)]
pub struct NewToken<'a> {
    pub id: &'a TokenId,
    pub advertiser: AdvertiserKey,
    /// Name of whoever uses it.
    pub name: &'a Name,
    /// What it may do.
    pub scope: TokenScope,
    /// The hash of its secret.
    pub hash: &'a TokenHash,
    /// Bits of its secret's SHA-256.
    pub secret_check: u32,
    pub expires_at: Option<DateTime<Utc>>,
    /// The token that it replaces.
    pub replaces: Option<TokenKey>,
    pub reader: TokenReader,
}

fn networks(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<IpNet>> {
    let text: Option<String> = row.get(column)?;
    let networks = text.as_deref().unwrap_or_default().split_whitespace().map(str::parse);
    networks
        .collect::<Result<_, _>>()
        .map_err(|_| foreign_value(column, Invalid::because("network", "is not in CIDR notation")))
}

fn token(row: &Row<'_>) -> rusqlite::Result<TokenRow> {
    let moment = |column| row.get::<_, Option<i64>>(column).map(|ms| ms.map(from_ms));
    Ok(TokenRow {
        key: TokenKey(row.get(0)?),
        id: parsed(row, 1)?,
        name: row.get(2)?,
        scope: parsed(row, 3)?,
        hash: TokenHash::new(row.get(4)?),
        advertiser: AdvertiserKey(row.get(5)?),
        advertiser_id: parsed(row, 6)?,
        advertiser_name: row.get(7)?,
        advertiser_disabled_at: moment(8)?,
        expires_at: moment(9)?,
        revoked_at: moment(10)?,
        last_used_at: moment(11)?,
        created_at: from_ms(row.get(12)?),
        last_used_address: row.get(13)?,
        last_used_agent: row.get(14)?,
        replaces: row.get::<_, Option<i64>>(15)?.map(TokenKey),
        secret_check: row.get(16)?,
        reader: parsed(row, 17)?,
        networks: networks(row, 18)?,
        is_sandbox: row.get(19)?,
    })
}

impl ReadTxn<'_> {
    /// The token with this public id, live or not.
    pub fn token_find(&self, id: &TokenId) -> StoreResult<Option<TokenRow>> {
        const BY_ID: &str = concat!(include_str!("sql/token_select.sql"), "where api_tokens.id = ?1");
        Ok(self.first("find a token", BY_ID, [id.as_str()], token)?.map(|row| self.token_as_noted(row)))
    }

    /// All tokens except sandbox tokens, by advertiser and age.
    pub fn token_list(&self) -> StoreResult<Vec<TokenRow>> {
        const ALL: &str = concat!(
            include_str!("sql/token_select.sql"),
            "where token_key not in (select token_key from sandbox_tokens) order by advertisers.name, token_key"
        );
        Ok(self.tokens_as_noted(self.list("list tokens", ALL, (), token)?))
    }

    /// The sandbox tokens of an advertiser, newest first.
    pub fn sandbox_list(&self, advertiser: AdvertiserKey) -> StoreResult<Vec<TokenRow>> {
        const OF_PACKETS: &str = concat!(
            include_str!("sql/token_select.sql"),
            "where advertiser_key = ?1 and token_key in (select token_key from sandbox_tokens) order by token_key desc"
        );
        Ok(self.tokens_as_noted(self.list("list the tokens of packets", OF_PACKETS, [advertiser.0], token)?))
    }

    fn tokens_as_noted(&self, rows: Vec<TokenRow>) -> Vec<TokenRow> {
        rows.into_iter().map(|row| self.token_as_noted(row)).collect()
    }

    fn token_as_noted(&self, row: TokenRow) -> TokenRow {
        TokenRow { revoked_at: row.revoked_at.or_else(|| self.noted_revocation(row.id.as_str())), ..row }
    }
}

impl WriteTxn<'_> {
    pub fn token_create(&self, new: &NewToken<'_>, now: DateTime<Utc>) -> StoreResult<TokenKey> {
        let sql = "insert into api_tokens
                (id, advertiser_key, name, scope, hash, secret_check, replaces_key, expires_at, created_at, reader)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        let params = (
            new.id.as_str(),
            new.advertiser.0,
            new.name.as_str(),
            new.scope.as_str(),
            new.hash.as_str(),
            new.secret_check,
            new.replaces.map(|key| key.0),
            new.expires_at.map(to_ms),
            to_ms(now),
            new.reader.as_str(),
        );
        self.insert("create a token", sql, params).map(TokenKey)
    }

    /// Makes a token a sandbox token.
    pub fn token_set_sandbox(&self, key: TokenKey) -> StoreResult<()> {
        self.run("mark a token", "insert into sandbox_tokens (token_key) values (?1)", [key.0]).map(drop)
    }

    /// Stores the check bits of a token without them.
    pub fn token_set_check(&self, key: TokenKey, check: u32) -> StoreResult<()> {
        let sql = "update api_tokens set secret_check = ?2 where token_key = ?1 and secret_check is null";
        self.run("store a token's check bits", sql, (key.0, check)).map(drop)
    }

    /// Sets the networks from which a token may be used; empty for all.
    pub fn token_set_networks(&self, token: TokenKey, networks: &[IpNet]) -> StoreResult<()> {
        self.run("forget a token's networks", "delete from token_networks where token_key = ?1", [token.0])?;
        let sql = "insert or ignore into token_networks (token_key, network) values (?1, ?2)";
        networks.iter().try_for_each(|network| {
            self.run("bind a token to a network", sql, (token.0, network.trunc().to_string())).map(drop)
        })
    }

    /// Revokes a token from the next request on.
    pub(super) fn token_revoke(&self, id: &str, now: DateTime<Utc>) -> StoreResult<()> {
        let sql = "update api_tokens set revoked_at = ?2 where id = ?1 and revoked_at is null";
        self.run("revoke a token", sql, (id, to_ms(now))).map(drop)
    }

    /// Notes when and from where a token was used.
    pub fn token_seen(&self, key: TokenKey, at: DateTime<Utc>, address: &str, agent: &str) -> StoreResult<()> {
        let sql = "update api_tokens
            set last_used_at = ?2, last_used_address = ?3, last_used_agent = ?4
            where token_key = ?1 and coalesce(last_used_at, 0) <= ?2";
        self.run("note a token's use", sql, (key.0, to_ms(at), address, agent)).map(drop)
    }
}
