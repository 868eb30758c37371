//! API tokens: issue, check, revoke.
//!
//! A check reads the token's row from the current snapshot, so that a revocation takes effect on the next request. To save
//! Argon2, the SHA-256 of secrets that were right or wrong are remembered in bounded memory. Most wrong secrets don't even
//! get there: 32 bits of the right secret's SHA-256 are stored beside its hash (contract §2). They reveal nothing useful
//! about 256 random bits, and refuse all but one wrong secret in four thousand million.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use ipnet::IpNet;
use quick_cache::sync::Cache;
use sha2::Digest as _;
use subtle::ConstantTimeEq as _;

use crate::domain::{Invalid, Name, PlainToken, TokenHash, TokenId, TokenReader, TokenScope};
use crate::service::access::access_log::{AccessEvent, AccessLog};
use crate::service::access::secrets;
use crate::service::snapshot_cache::SnapshotCache;
use crate::service::status::TokenState;
use crate::service::{Actor, Hasher, Lane, ServiceError, ServiceResult};
use crate::store::{
    AdvertiserRow, NewToken, OrMissing as _, Snapshot, Store, StoreResult, TokenRow, UrgentAct, UrgentNote,
};

/// How many right and how many wrong secrets are remembered. 4,096 of each take about half a megabyte.
const REMEMBERED: usize = 4096;

/// How many rows are remembered while nothing changes, over all connections.
const ROWS: usize = 1024;

type SecretDigest = [u8; 32];

/// The fields of a new token.
#[derive(Debug)]
pub struct TokenRequest {
    /// The advertiser, by name or id.
    pub advertiser: String,
    /// Name of whoever will use it.
    pub name: Name,
    /// What it may do.
    pub scope: TokenScope,
    pub expires_at: Option<DateTime<Utc>>,
    /// Who will use it.
    pub reader: TokenReader,
}

/// What is known about a token before Argon2 runs.
#[derive(Debug)]
pub enum Presented {
    Unknown,
    /// The id exists; the secret is known to be wrong.
    Wrong,
    /// The secret is known to be right; or its check bits are right and the token no longer works anyway. The row is current.
    Right(Arc<TokenRow>),
    /// The id exists; only [`Tokens::prove`] can check the secret.
    Unproven(Arc<TokenRow>),
}

/// Issues, checks and revokes tokens.
pub struct Tokens {
    hasher: Arc<Hasher>,
    log: Arc<AccessLog>,
    right: Cache<TokenId, SecretDigest>,
    wrong: Cache<SecretDigest, TokenId>,
    rows: SnapshotCache<TokenId, Arc<TokenRow>>,
}

impl Tokens {
    /// Checks use `hasher`. Missing check bits are written through `log`.
    #[must_use]
    pub fn new(hasher: Arc<Hasher>, log: Arc<AccessLog>) -> Self {
        let (right, wrong) = (Cache::new(REMEMBERED), Cache::new(REMEMBERED));
        Self { hasher, log, right, wrong, rows: SnapshotCache::new(ROWS) }
    }

    /// What the snapshot tells about a token without Argon2.
    pub fn look_up(&self, token: &PlainToken, snapshot: &Snapshot) -> ServiceResult<Presented> {
        let Some(row) = self.find(snapshot, token.id())? else { return Ok(Presented::Unknown) };
        let digest = digest(token);
        Ok(match self.right.get(token.id()) {
            Some(right) if bool::from(right.ct_eq(&digest)) => Presented::Right(row),
            _ if self.wrong.get(&digest).as_ref() == Some(token.id()) => Presented::Wrong,
            _ => match row.secret_check {
                Some(check) if check != check_bits(&digest) => Presented::Wrong,
                Some(_) if !TokenState::of(&row, Utc::now()).is_live() => Presented::Right(row),
                _ => Presented::Unproven(row),
            },
        })
    }

    /// The token with this id in the snapshot; its secret isn't checked.
    pub fn find(&self, snapshot: &Snapshot, id: &TokenId) -> StoreResult<Option<Arc<TokenRow>>> {
        if snapshot.has_notes() {
            return Ok(snapshot.txn().token_find(id)?.map(Arc::new));
        }
        if let Some(row) = self.rows.get(snapshot.state_id(), id) {
            return Ok(Some(row));
        }
        let row = snapshot.txn().token_find(id)?.map(Arc::new);
        if let Some(row) = &row {
            self.rows.keep(snapshot.state_id(), id.clone(), Arc::clone(row));
        }
        Ok(row)
    }

    /// Checks by Argon2 whether the secret matches the row, in the queue of this address; remembers the result.
    pub async fn prove(&self, token: &PlainToken, row: &TokenRow, from: IpAddr) -> ServiceResult<bool> {
        // Old tokens have no check bits, so any secret gets here.
        let lane = row.secret_check.map_or(Lane::Strangers(from), |_| Lane::Tokens);
        let proven = self.hasher.matches(token.secret(), &row.hash, lane).await?;
        let digest = digest(token);
        if proven {
            if row.secret_check.is_none() {
                self.log.add(AccessEvent::SecretSeen { token: row.key, check: check_bits(&digest) });
            }
            self.right.insert(row.id.clone(), digest);
        } else {
            self.wrong.insert(digest, row.id.clone());
        }
        Ok(proven)
    }
}

fn digest(token: &PlainToken) -> SecretDigest {
    sha2::Sha256::digest(token.secret()).into()
}

/// The check bits of a secret's digest.
fn check_bits(digest: &SecretDigest) -> u32 {
    let [one, two, three, four, ..] = *digest;
    u32::from_be_bytes([one, two, three, four])
}

/// Makes a token. Only the returned value ever contains the secret.
pub fn issue(store: &Store, request: &TokenRequest, actor: &Actor, now: DateTime<Utc>) -> ServiceResult<PlainToken> {
    make(store, request, Purpose::Plain, actor, now)
}

/// Makes the sandbox token of a packet: it reads made-up days and is in no list. The advertiser's earlier ones are revoked.
pub fn issue_sandbox(
    store: &Store,
    advertiser: &AdvertiserRow,
    life: TimeDelta,
    actor: &Actor,
    now: DateTime<Utc>,
) -> ServiceResult<PlainToken> {
    let request = TokenRequest {
        advertiser: advertiser.id.to_string(),
        name: Name::parse("name", "sandbox of the packet")?,
        scope: TokenScope::Report,
        expires_at: Some(now + life),
        reader: TokenReader::Other,
    };
    make(store, &request, Purpose::Sandbox, actor, now)
}

/// Restricts a token to networks from the next request on; an empty list allows all.
pub fn allow(store: &Store, id: &TokenId, networks: &[IpNet], actor: &Actor, now: DateTime<Utc>) -> ServiceResult<()> {
    store.write(|txn| {
        let token = txn.token_find(id)?.or_missing("token", id.as_str())?;
        txn.token_set_networks(token.key, networks)?;
        let list = networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let list = if list.is_empty() { "anywhere" } else { list.as_str() };
        txn.audit_add(&actor.did("token allow", &format!("{} ({id}) from {list}", token.name)), now)?;
        Ok(())
    })
}

/// Whether a token may be used from this address.
#[must_use]
pub fn is_allowed_from(token: &TokenRow, address: IpAddr) -> bool {
    token.networks.is_empty() || token.networks.iter().any(|network| network.contains(&address))
}

/// Makes a token to replace `old`. Both work until the old one is revoked.
pub fn rotate(
    store: &Store,
    old: &TokenRow,
    name: Name,
    expires_at: Option<DateTime<Utc>>,
    actor: &Actor,
    now: DateTime<Utc>,
) -> ServiceResult<PlainToken> {
    if old.is_sandbox {
        let reason = "belongs to a packet: make the packet again, which makes another and revokes this one";
        return Err(Invalid::because("token", reason).into());
    }
    let request = TokenRequest {
        advertiser: old.advertiser_id.to_string(),
        name,
        scope: old.scope,
        expires_at,
        reader: old.reader,
    };
    make(store, &request, Purpose::Successor(old), actor, now)
}

/// The purpose of a new token.
#[derive(Clone, Copy)]
enum Purpose<'t> {
    Plain,
    /// Replaces this token.
    Successor(&'t TokenRow),
    /// For a packet.
    Sandbox,
}

fn make(
    store: &Store,
    request: &TokenRequest,
    purpose: Purpose<'_>,
    actor: &Actor,
    now: DateTime<Utc>,
) -> ServiceResult<PlainToken> {
    let token = PlainToken::generate(secrets::random)?;
    let hash: TokenHash = Hasher::hash(token.secret())?;
    let old = if let Purpose::Successor(old) = purpose { Some(old) } else { None };
    store.write(|txn| {
        let advertiser = txn.advertiser_get(&request.advertiser)?;
        let new = NewToken {
            id: token.id(),
            advertiser: advertiser.key,
            name: &request.name,
            scope: request.scope,
            hash: &hash,
            secret_check: check_bits(&digest(&token)),
            expires_at: request.expires_at,
            replaces: old.map(|old| old.key),
            reader: request.reader,
        };
        let key = txn.token_create(&new, now)?;
        if let Some(old) = old {
            txn.token_set_networks(key, &old.networks)?;
        }
        if matches!(purpose, Purpose::Sandbox) {
            for before in txn.sandbox_list(advertiser.key)? {
                revocation(&before.id, actor, now).carry_out(txn)?;
            }
            txn.token_set_sandbox(key)?;
        }
        let subject = format!("{} {} ({}) for {}", request.scope.as_str(), request.name, token.id(), advertiser.name);
        match old {
            None => txn.audit_add(&actor.did("token create", &subject), now)?,
            Some(old) => txn.audit_add(&actor.did("token rotate", &format!("{subject}, after {}", old.id)), now)?,
        }
        Ok::<_, ServiceError>(())
    })?;
    Ok(token)
}

/// Revokes a token from the next request on; returns whether it was live.
pub fn revoke(store: &Store, id: &TokenId, actor: &Actor, now: DateTime<Utc>) -> ServiceResult<bool> {
    Ok(store.write_urgently(&revocation(id, actor, now))?)
}

fn revocation(id: &TokenId, actor: &Actor, now: DateTime<Utc>) -> UrgentNote {
    UrgentNote::new(UrgentAct::RevokeToken(id.to_string()), &actor.did("token revoke", id.as_str()), now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Currency, ReportingZone};
    use crate::service::catalogue;

    struct Fixture {
        _dir: tempfile::TempDir,
        store: Store,
        tokens: Tokens,
        token: PlainToken,
    }

    fn fixture() -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let actor = Actor::command_line();
        let name = |text| Name::parse("name", text).unwrap();
        let (usd, utc) = (Currency::parse("USD").unwrap(), ReportingZone::UTC);
        catalogue::create_advertiser(&store, &name("Acme"), usd, utc, &actor).unwrap();
        let request = TokenRequest {
            advertiser: "Acme".to_owned(),
            name: name("Singular"),
            scope: TokenScope::Report,
            expires_at: None,
            reader: TokenReader::Singular,
        };
        let token = issue(&store, &request, &actor, Utc::now()).unwrap();
        let log = Arc::new(AccessLog::start(store.clone()).unwrap());
        Fixture { _dir: dir, tokens: Tokens::new(Hasher::new(), log), store, token }
    }

    impl Fixture {
        fn look_up(&self, token: &PlainToken) -> Presented {
            self.tokens.look_up(token, &self.store.snapshot().unwrap()).unwrap()
        }
    }

    /// A token with the same id and another secret.
    fn wrong(token: &PlainToken) -> PlainToken {
        let mut chars = token.id().as_str().bytes();
        let id: Vec<_> = chars.by_ref().collect();
        let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let at = |byte: u8| u8::try_from(digits.iter().position(|digit| *digit == byte).unwrap()).unwrap();
        PlainToken::generate(|bytes| {
            for (byte, id) in bytes.iter_mut().zip(&id) {
                *byte = at(*id);
            }
            Ok::<_, ServiceError>(())
        })
        .unwrap()
    }

    #[test]
    fn wrong_secrets_and_dead_tokens_never_reach_argon2() {
        let fixture = fixture();
        let wrong = wrong(&fixture.token);
        assert_eq!(wrong.id(), fixture.token.id());
        assert!(matches!(fixture.look_up(&wrong), Presented::Wrong));
        assert!(matches!(fixture.look_up(&fixture.token), Presented::Unproven(_)));
        revoke(&fixture.store, fixture.token.id(), &Actor::command_line(), Utc::now()).unwrap();
        assert!(matches!(fixture.look_up(&wrong), Presented::Wrong));
        let Presented::Right(row) = fixture.look_up(&fixture.token) else { panic!("it is told that it is revoked") };
        assert!(row.revoked_at.is_some());
    }
}
