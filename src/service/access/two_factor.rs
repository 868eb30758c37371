//! Two-step log-in: time-based codes (RFC 6238), and recovery codes in case the phone is lost.
//!
//! The secret is encrypted with a key derived from the person's password, so neither the database nor a backup reveals codes.
//! After a right password, the decrypted secret is kept in memory for a short time, until the code is entered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use totp_rs::{Builder, Totp};

use crate::domain::{AdminId, Invalid, TokenHash};
use crate::service::access::secrets;
use crate::service::{Hasher, Lane, ServiceError, ServiceResult};
use crate::store::{AdminRow, Code, CodeUse, Sealed};

/// Bytes of a secret: what RFC 4226 recommends.
const SECRET: usize = 20;
/// Bytes of a salt and of a nonce.
const SALT: usize = 16;
const NONCE: usize = 12;
/// How many recovery codes there are, and the bytes of one.
const CODES: usize = 10;
const CODE: usize = 10;
/// How long a log-in waits for the code after a right password.
pub const WAIT: Duration = Duration::from_mins(5);
/// How many log-ins can wait; a new one pushes out the oldest.
const WAITING: usize = 256;

/// The secret that phone and server share. It has no `Debug` on purpose.
#[derive(Clone)]
pub struct SharedSecret(totp_rs::Secret);

impl SharedSecret {
    pub fn generate() -> ServiceResult<Self> {
        let mut bytes = [0_u8; SECRET];
        secrets::random(&mut bytes)?;
        Ok(Self(bytes.into()))
    }

    /// Reads [`SharedSecret::text`] again.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let secret = totp_rs::Secret::try_from_base32(text).ok().filter(|secret| secret.as_bytes().len() == SECRET);
        secret.map(Self).ok_or_else(|| Invalid::because("secret", "the page is too old: load it again"))
    }

    /// In the form in which people type it into an app.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.to_base32()
    }

    /// In the form of a QR code.
    #[must_use]
    pub fn uri(&self, email: &str) -> String {
        let email: String = form_urlencoded::byte_serialize(email.as_bytes()).collect();
        format!("otpauth://totp/Pitlane:{email}?secret={}&issuer=Pitlane", self.text())
    }

    /// The time step of the code, at most one step from now.
    pub(in crate::service) fn step_of(&self, code: &str, now: DateTime<Utc>) -> Option<i64> {
        let totp: Totp = Builder::new().with_secret(self.0.clone()).build().ok()?;
        let step = totp.check(&without_spaces(code), now.timestamp().try_into().ok()?)?;
        step.try_into().ok()
    }
}

fn without_spaces(code: &str) -> String {
    code.chars().filter(|c| !c.is_whitespace()).collect()
}

/// A decrypted secret, and the encrypted form it came from.
#[derive(Clone)]
pub(in crate::service) struct Opened {
    pub(in crate::service) secret: SharedSecret,
    sealed: Sealed,
}

impl Opened {
    pub(in crate::service) fn sealed(&self) -> &Sealed {
        &self.sealed
    }
}

/// Encrypts a secret with the person's password.
pub(in crate::service) async fn seal(
    hasher: &Arc<Hasher>,
    secret: &SharedSecret,
    admin: AdminId,
    password: &str,
    lane: Lane,
) -> ServiceResult<Sealed> {
    let (mut salt, mut nonce) = (vec![0_u8; SALT], [0_u8; NONCE]);
    secrets::random(&mut salt)?;
    secrets::random(&mut nonce)?;
    let key = hasher.key(password, &salt, lane).await?;
    let cipher = ChaCha20Poly1305::new(&Key::from(*key.expose_secret()));
    let whose = admin.to_string();
    let sealed = cipher.encrypt(&Nonce::from(nonce), Payload { msg: secret.0.as_bytes(), aad: whose.as_bytes() });
    let sealed = sealed.map_err(|_| ServiceError::Internal("a secret could not be sealed".to_owned()))?;
    Ok(Sealed { salt, bytes: [nonce.as_slice(), &sealed].concat() })
}

/// Decrypts a person's secret with the right password.
pub(in crate::service) async fn open(
    hasher: &Arc<Hasher>,
    sealed: Sealed,
    admin: AdminId,
    password: &str,
    lane: Lane,
) -> ServiceResult<Opened> {
    let key = hasher.key(password, &sealed.salt, lane).await?;
    let cipher = ChaCha20Poly1305::new(&Key::from(*key.expose_secret()));
    let whose = admin.to_string();
    let opened = sealed.bytes.split_first_chunk::<NONCE>().and_then(|(nonce, bytes)| {
        let opened = cipher.decrypt(&Nonce::from(*nonce), Payload { msg: bytes, aad: whose.as_bytes() }).ok()?;
        <[u8; SECRET]>::try_from(opened).ok()
    });
    let secret = opened.ok_or_else(|| ServiceError::Internal(format!("the second step of {admin} can't be opened")))?;
    Ok(Opened { secret: SharedSecret(secret.into()), sealed })
}

/// The use of a code, from the phone or for recovery. It only counts for the secret it belongs to: one decrypted before a
/// change of password is no longer valid after it.
pub(in crate::service) fn use_of(admin: AdminId, opened: &Opened, code: &str, now: DateTime<Utc>) -> CodeUse {
    let code = match opened.secret.step_of(code, now) {
        Some(step) => Code::OfStep(step),
        None => Code::Recovery(hash_of(code)),
    };
    CodeUse { admin: admin.to_string(), salt: opened.sealed.salt.clone(), code }
}

/// New recovery codes, and the hashes that are stored.
pub(in crate::service) fn mint() -> ServiceResult<(Vec<String>, Vec<String>)> {
    let mut codes = Vec::with_capacity(CODES);
    for _ in 0..CODES {
        let mut bytes = [0_u8; CODE];
        secrets::random(&mut bytes)?;
        codes.push(bytes.chunks(2).map(secrets::hex).collect::<Vec<_>>().join("-"));
    }
    let hashes = codes.iter().map(|code| hash_of(code)).collect();
    Ok((codes, hashes))
}

/// Grouping in a code is ignored.
fn hash_of(code: &str) -> String {
    let digits: String = code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    secrets::sha256_hex(digits.as_bytes())
}

#[derive(Clone)]
pub(in crate::service) struct Wait {
    pub(in crate::service) person: Person,
    pub(in crate::service) opened: Opened,
    since: Instant,
}

/// A person whose password was right, and the hash of that password.
#[derive(Clone)]
pub(in crate::service) struct Person {
    pub(in crate::service) admin: AdminRow,
    pub(in crate::service) hash: TokenHash,
}

/// Log-ins that wait for a code, by the hash of the handle in their browser's cookie.
#[derive(Default)]
pub(in crate::service) struct Waiting(Mutex<HashMap<String, Wait>>);

impl Waiting {
    /// Adds a log-in that waits, and returns its handle.
    pub(in crate::service) fn add(&self, person: Person, opened: Opened, now: Instant) -> ServiceResult<SecretString> {
        let handle = crate::service::access::sessions::secret()?;
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.retain(|_, wait| now.saturating_duration_since(wait.since) < WAIT);
        if table.len() >= WAITING
            && let Some(oldest) = table.iter().min_by_key(|(_, wait)| wait.since).map(|(name, _)| name.clone())
        {
            table.remove(&oldest);
        }
        table.insert(secrets::sha256_hex(handle.expose_secret().as_bytes()), Wait { person, opened, since: now });
        Ok(handle)
    }

    /// The log-in with this handle, if it isn't too late.
    pub(in crate::service) fn find(&self, handle: &str, now: Instant) -> Option<Wait> {
        let table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = table.get(&secrets::sha256_hex(handle.as_bytes()))?;
        (now.saturating_duration_since(wait.since) < WAIT).then(|| wait.clone())
    }

    pub(in crate::service) fn remove(&self, handle: &str) {
        let name = secrets::sha256_hex(handle.as_bytes());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Role;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    /// RFC 6238, appendix B, SHA-1, cut to the six digits that phones show.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let secret = SharedSecret(totp_rs::Secret::from(*b"12345678901234567890"));
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret.step_of(code, at(seconds)), Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_code_is_right_one_step_around_its_own_and_no_further() {
        let secret = SharedSecret(totp_rs::Secret::from(*b"12345678901234567890"));
        let right = |seconds| secret.step_of(" 287 082 ", at(seconds)) == Some(1);
        assert_eq!([0, 30, 60, 89, 90].map(right), [true, true, true, true, false]);
        for wrong in ["", "287083", "28708", "2870820", "+87082", "２８７０８２"] {
            assert_eq!(secret.step_of(wrong, at(59)), None, "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_opened_by_its_own_person_and_password_only() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (hasher, ada, grace) =
                (Hasher::new(), AdminId::from(uuid::Uuid::new_v4()), uuid::Uuid::new_v4().into());
            let secret = SharedSecret::generate().unwrap();
            let sealed = seal(&hasher, &secret, ada, "a sentence is easier", Lane::Tokens).await.unwrap();
            let again = seal(&hasher, &secret, ada, "a sentence is easier", Lane::Tokens).await.unwrap();
            assert_ne!(sealed, again);
            assert!(!sealed.bytes.windows(SECRET).any(|window| window == secret.0.as_bytes()));
            let opened = open(&hasher, sealed.clone(), ada, "a sentence is easier", Lane::Tokens).await.unwrap();
            assert_eq!(opened.secret.text(), secret.text());
            assert!(open(&hasher, sealed.clone(), ada, "a sentence is harder", Lane::Tokens).await.is_err());
            assert!(open(&hasher, sealed.clone(), grace, "a sentence is easier", Lane::Tokens).await.is_err());
            let mut bent = sealed;
            bent.bytes[NONCE] ^= 1;
            assert!(open(&hasher, bent, ada, "a sentence is easier", Lane::Tokens).await.is_err());
        });
    }

    #[test]
    fn recovery_codes_are_many_long_and_read_however_they_are_typed() {
        let (codes, hashes) = mint().unwrap();
        assert_eq!((codes.len(), hashes.len()), (10, 10));
        assert!(codes.iter().all(|code| code.len() == 24), "{codes:?}");
        assert_eq!(hash_of(&codes[3].to_uppercase().replace('-', " ")), hashes[3]);
        assert_eq!(codes.iter().collect::<std::collections::HashSet<_>>().len(), 10);
    }

    #[test]
    fn a_log_in_waits_for_a_while_and_only_so_many_do() {
        let (waiting, start) = (Waiting::default(), Instant::now());
        let admin = AdminRow {
            id: uuid::Uuid::new_v4().into(),
            email: "ada@example.com".to_owned(),
            role: Role::Admin,
            created_at: Utc::now(),
        };
        let sealed = Sealed { salt: Vec::new(), bytes: Vec::new() };
        let opened = Opened { secret: SharedSecret::generate().unwrap(), sealed };
        let person = Person { admin, hash: TokenHash::new(String::new()) };
        let add = |now| waiting.add(person.clone(), opened.clone(), now).unwrap();
        let first = add(start);
        assert!(waiting.find(first.expose_secret(), start + WAIT / 2).is_some());
        assert!(waiting.find(first.expose_secret(), start + WAIT).is_none());
        assert!(waiting.find("another", start).is_none());
        for _ in 0..WAITING {
            add(start + WAIT / 2);
        }
        assert!(waiting.find(first.expose_secret(), start).is_none());
        assert_eq!(waiting.0.lock().unwrap().len(), WAITING);
        add(start + WAIT * 2);
        assert_eq!(waiting.0.lock().unwrap().len(), 1);
    }
}
