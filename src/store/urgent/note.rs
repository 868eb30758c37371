//! Urgent acts: how they are noted, and how a note is carried out.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::{Email, FeedId, TokenHash, TokenId};
use crate::store::{
    AdminRow, AuditEntry, CodeUse, OrMissing as _, ReadTxn, SessionBounds, SessionRow, StoreResult, WriteTxn, from_ms,
    to_ms,
};

/// An urgent act of somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UrgentNote {
    act: UrgentAct,
    /// When it was done, in milliseconds since 1970.
    at: i64,
    #[serde(flatten)]
    entry: Option<Entry>,
}

/// An entry for the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    actor: String,
    action: String,
    subject: String,
    address: Option<String>,
}

/// An urgent act, with what is needed to carry it out later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UrgentAct {
    /// Revoked a token, by its public id.
    RevokeToken(String),
    /// Revoked a feed, by its public id.
    RevokeFeed(String),
    /// Used up a code of two-step log-in.
    UseCode(CodeUse),
    /// Logged in, which starts this session.
    LogIn(NewSession),
    /// Logged out: the session's hash, and the person's id.
    LogOut(String, String),
}

/// The session of a log-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewSession {
    /// SHA-256 of its cookie, in hexadecimal.
    pub id_sha256: String,
    /// The id of the person who logged in.
    pub admin: String,
    /// Their e-mail address.
    pub email: String,
    /// Identifies the password that was checked: the session starts only while it is the current one.
    pub password: [u8; 32],
    /// The address that the browser came from, as sessions are listed with it.
    pub address: String,
    pub user_agent: String,
    /// SHA-256 of the browser's cookie, in hexadecimal.
    pub browser_sha256: String,
    /// All sessions outside of these bounds are deleted when this one starts.
    pub bounds: SessionBounds,
}

impl NewSession {
    /// SHA-256 of a password's hash, which identifies the password.
    #[must_use]
    pub fn password_of(hash: &TokenHash) -> [u8; 32] {
        Sha256::digest(hash.as_str()).into()
    }

    /// The person, if the password is still the current one.
    fn person(&self, txn: &ReadTxn<'_>) -> StoreResult<Option<AdminRow>> {
        let Ok(email) = self.email.parse::<Email>() else { return Ok(None) };
        let found = txn
            .admin_find(&email)?
            .filter(|(admin, hash)| admin.id.to_string() == self.admin && Self::password_of(hash) == self.password);
        Ok(found.map(|(admin, _)| admin))
    }
}

impl UrgentNote {
    /// The act, with its entry for the audit log.
    #[must_use]
    pub fn new(act: UrgentAct, audit: &AuditEntry<'_>, at: DateTime<Utc>) -> Self {
        let [actor, action, subject] = [audit.actor, audit.action, audit.subject].map(str::to_owned);
        let entry = Entry { actor, action, subject, address: audit.address.map(str::to_owned) };
        Self { act, at: to_ms(at), entry: Some(entry) }
    }

    /// The use of a code. The log-in or change that follows has the entry for the audit log.
    #[must_use]
    pub fn of_code(code: CodeUse, at: DateTime<Utc>) -> Self {
        Self { act: UrgentAct::UseCode(code), at: to_ms(at), entry: None }
    }

    /// Whether there is anything left to do. `Missing` if there is no such token or feed.
    pub(super) fn is_due(&self, txn: &ReadTxn<'_>) -> StoreResult<bool> {
        Ok(match &self.act {
            UrgentAct::RevokeToken(id) => {
                let token = id.parse::<TokenId>().ok().map(|id| txn.token_find(&id)).transpose()?.flatten();
                token.or_missing("token", id)?.revoked_at.is_none()
            }
            UrgentAct::RevokeFeed(id) => {
                let feed = id.parse::<FeedId>().ok().map(|id| txn.feed_get(id)).transpose()?;
                feed.or_missing("feed", id)?.revoked_at.is_none()
            }
            UrgentAct::UseCode(code) => txn.code_is_unused(code, Utc::now())?,
            UrgentAct::LogIn(new) => new.person(txn)?.is_some(),
            UrgentAct::LogOut(id, admin) => {
                let session = txn.session_find(id, SessionBounds::ANY)?;
                session.is_some_and(|session| session.admin.id.to_string() == *admin)
            }
        })
    }

    /// Whether it can be done only once, so that nobody may note the same meanwhile.
    pub(super) fn is_code(&self) -> bool {
        matches!(self.act, UrgentAct::UseCode(_))
    }

    /// Carries out what was noted. A noted code was judged before, and its secret may have been encrypted again since.
    pub(super) fn carry_out_noted(&self, txn: &WriteTxn<'_>) -> StoreResult<()> {
        match &self.act {
            UrgentAct::UseCode(code) => txn.code_use(code, from_ms(self.at)),
            _ => self.carry_out(txn).map(drop),
        }
    }

    /// Carries it out; returns whether there was anything to do.
    pub fn carry_out(&self, txn: &WriteTxn<'_>) -> StoreResult<bool> {
        if !self.is_due(txn)? {
            return Ok(false);
        }
        let at = from_ms(self.at);
        match &self.act {
            UrgentAct::RevokeToken(id) => txn.token_revoke(id, at)?,
            UrgentAct::RevokeFeed(id) => txn.feed_revoke(id, at)?,
            UrgentAct::UseCode(code) => txn.code_use(code, at)?,
            UrgentAct::LogIn(new) => {
                let Some(admin) = new.person(txn)?.map(|admin| admin.id) else { return Ok(false) };
                txn.session_forget(new.bounds)?;
                if !txn.session_create(&new.id_sha256, admin, &new.address, &new.user_agent, at)? {
                    return Ok(true);
                }
                txn.browser_know(&new.browser_sha256, admin, at)?;
            }
            UrgentAct::LogOut(id, _) => txn.session_end(id)?,
        }
        if let Some(Entry { actor, action, subject, address }) = &self.entry {
            txn.audit_add(&AuditEntry { actor, action, subject, address: address.as_deref() }, at)?;
        }
        Ok(true)
    }
}

impl ReadTxn<'_> {
    /// When a token or feed was revoked, according to a note that isn't carried out yet.
    pub(in crate::store) fn noted_revocation(&self, id: &str) -> Option<DateTime<Utc>> {
        let found = self.notes.iter().find(|note| match &note.act {
            UrgentAct::RevokeToken(revoked) | UrgentAct::RevokeFeed(revoked) => revoked == id,
            _ => false,
        });
        found.map(|note| from_ms(note.at))
    }

    /// The codes that were used according to notes that aren't carried out yet, in this order.
    pub(in crate::store) fn noted_codes(&self) -> impl Iterator<Item = &CodeUse> {
        self.notes.iter().filter_map(|note| match &note.act {
            UrgentAct::UseCode(code) => Some(code),
            _ => None,
        })
    }

    /// The session of a log-in, according to a note that isn't carried out yet.
    pub(in crate::store) fn noted_session(
        &self,
        id_sha256: &str,
        bounds: SessionBounds,
    ) -> StoreResult<Option<SessionRow>> {
        for UrgentNote { act, at, .. } in self.notes {
            if let UrgentAct::LogIn(new) = act
                && new.id_sha256 == id_sha256
                && let Some(admin) = new.person(self)?
            {
                let at = from_ms(*at);
                let (address, user_agent) = (new.address.clone(), new.user_agent.clone());
                let id_sha256 = id_sha256.to_owned();
                let row = SessionRow { id_sha256, admin, address, user_agent, created_at: at, last_seen_at: at };
                return Ok(Some(row).filter(|_| bounds.has(at)));
            }
        }
        Ok(None)
    }

    /// Whether a session was ended, according to a note that isn't carried out yet.
    pub(in crate::store) fn is_noted_ended(&self, id_sha256: &str) -> bool {
        self.notes.iter().any(|note| matches!(&note.act, UrgentAct::LogOut(id, _) if id == id_sha256))
    }
}
