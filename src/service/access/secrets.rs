//! Argon2id for tokens and passwords, and for keys derived from passwords.
//!
//! A check takes about 15 ms and 19 MiB by design. So a [`Hasher`] limits how many run at once and reuses their memory; with
//! memory allocated per check, 64 clients with bad tokens would take the machine down. Under load, requests queue. Strangers
//! queue separately from known clients.

use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::TokenHash;
use crate::service::access::lanes::{Lane, Lanes, Turn};
use crate::service::{ServiceError, ServiceResult};
use crate::telemetry;
use argon2::password_hash::PasswordHasher as _;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, Block, Params, Version};
use secrecy::{ExposeSecret as _, ExposeSecretMut as _, SecretBox, SecretString};
use subtle::ConstantTimeEq as _;

/// Hashes secrets and checks them.
pub struct Hasher {
    lanes: Lanes,
    buffers: Mutex<Vec<Vec<Block>>>,
}

impl Hasher {
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self { lanes: Lanes::new(), buffers: Mutex::default() })
    }

    async fn turn(&self, lane: Lane) -> ServiceResult<Turn<'_>> {
        self.lanes.turn(lane).await.ok_or(ServiceError::Overloaded)
    }

    /// Hashes a secret with a new salt. Blocks.
    pub fn hash(secret: &str) -> ServiceResult<TokenHash> {
        let mut salt = [0_u8; 16];
        random(&mut salt)?;
        let phc = Argon2::default()
            .hash_password_with_salt(secret.as_bytes(), &salt)
            .map_err(|error| ServiceError::Internal(format!("could not hash a secret: {error}")))?;
        Ok(TokenHash::new(phc.to_string()))
    }

    /// Waits for its turn, then checks whether `secret` matches `hash`.
    pub async fn matches(self: &Arc<Self>, secret: &str, hash: &TokenHash, lane: Lane) -> ServiceResult<bool> {
        let _turn = self.turn(lane).await?;
        let (hasher, secret, hash) = (Arc::clone(self), SecretString::from(secret), hash.clone());
        telemetry::blocking(move || hasher.compare(secret.expose_secret(), &hash)).await
    }

    fn compare(&self, secret: &str, hash: &TokenHash) -> ServiceResult<bool> {
        let unreadable =
            |error: &dyn std::fmt::Display| ServiceError::Internal(format!("a stored hash is unreadable: {error}"));
        let phc = PasswordHash::new(hash.as_str()).map_err(|error| unreadable(&error))?;
        let params = Params::try_from(&phc).map_err(|error| unreadable(&error))?;
        let (Some(salt), Some(expected)) = (phc.salt, phc.hash) else { return Err(unreadable(&"no salt or no hash")) };
        let mut found = vec![0_u8; expected.len()];
        self.hash_into(secret, salt.as_ref(), params, &mut found).map_err(|error| unreadable(&error))?;
        Ok(found.ct_eq(expected.as_bytes()).into())
    }

    /// Waits for its turn, then derives a key from `secret`. The salt must not be that of a hash.
    pub(in crate::service) async fn key(
        self: &Arc<Self>,
        secret: &str,
        salt: &[u8],
        lane: Lane,
    ) -> ServiceResult<SecretBox<[u8; 32]>> {
        let _turn = self.turn(lane).await?;
        let (hasher, secret, salt) = (Arc::clone(self), SecretString::from(secret), salt.to_vec());
        telemetry::blocking(move || {
            let mut key = SecretBox::new(Box::new([0_u8; 32]));
            hasher
                .hash_into(secret.expose_secret(), &salt, Params::default(), key.expose_secret_mut())
                .map_err(|error| ServiceError::Internal(format!("could not make a key: {error}")))?;
            Ok(key)
        })
        .await
    }

    fn hash_into(&self, secret: &str, salt: &[u8], params: Params, out: &mut [u8]) -> argon2::Result<()> {
        let mut memory = self.buffers.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        memory.resize(params.block_count(), Block::default());
        let hashed = Argon2::new(argon2::Algorithm::Argon2id, Version::V0x13, params).hash_password_into_with_memory(
            secret.as_bytes(),
            salt,
            out,
            &mut memory,
        );
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
        hashed
    }
}

/// Fills the slice from the system's random source.
pub(in crate::service) fn random(bytes: &mut [u8]) -> ServiceResult<()> {
    getrandom::fill(bytes)
        .map_err(|error| ServiceError::Internal(format!("the system gives no random numbers: {error}")))
}

/// SHA-256 in hexadecimal, for random secrets that need no slow hash.
pub(in crate::service) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&<sha2::Sha256 as sha2::Digest>::digest(bytes))
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_matches_its_own_hash_only() {
        let hasher = Hasher::new();
        let hash = Hasher::hash("correct horse").unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(hasher.compare("correct horse", &hash).unwrap());
        assert!(!hasher.compare("correct hors", &hash).unwrap());
        assert_ne!(hash.as_str(), Hasher::hash("correct horse").unwrap().as_str());
    }

    #[test]
    fn the_memory_of_a_check_is_reused() {
        let hasher = Hasher::new();
        let hash = Hasher::hash("x").unwrap();
        for _ in 0..3 {
            hasher.compare("x", &hash).unwrap();
        }
        assert_eq!(hasher.buffers.lock().unwrap().len(), 1);
    }
}
