//! API tokens: `plt_<id>_<secret><check>` (contract §2).
//!
//! [`PlainToken`] is shown once, [`TokenHash`] is stored. They are two types so that one can't be used as the other, and
//! neither shows its secret in `Debug`.

use std::fmt;
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};

use super::Invalid;

const PREFIX: &str = "plt_";
const ID_CHARS: usize = 16;
const SECRET_CHARS: usize = 43;
const CHECK_CHARS: usize = 6;
const TOKEN_CHARS: usize = PREFIX.len() + ID_CHARS + 1 + SECRET_CHARS + CHECK_CHARS;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The public half of a token: names it in lists, logs and the database. 16 base62 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenId(String);

impl TokenId {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for TokenId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.len() == ID_CHARS && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Ok(Self(text.to_owned()));
        }
        // Somebody may paste a secret instead of an id, so the error must not repeat it.
        let (got, expected) = (text.chars().count(), "the 16 letters and digits after plt_");
        Err(Invalid::because("token id", format!("got {got} characters, expected {expected}")))
    }
}

/// A whole token in plain text. It exists only until it has been shown, or checked.
pub struct PlainToken {
    id: TokenId,
    text: SecretString,
}

impl PlainToken {
    /// Makes a token from `random`, which must fill the given slice from the system's random source.
    pub fn generate<E>(mut random: impl FnMut(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut chars = String::with_capacity(ID_CHARS + SECRET_CHARS);
        let mut bytes = [0_u8; 64];
        while chars.len() < ID_CHARS + SECRET_CHARS {
            random(&mut bytes)?;
            // Takes only the lowest 4 × 62 of 256 values, so that every character is equally likely.
            let fair = bytes.iter().filter(|byte| **byte < 248).map(|byte| char::from(BASE62[usize::from(byte % 62)]));
            chars.extend(fair.take(ID_CHARS + SECRET_CHARS - chars.len()));
        }
        let (id, secret) = chars.split_at(ID_CHARS);
        let body = format!("{PREFIX}{id}_{secret}");
        let text = format!("{body}{}", check(&body));
        Ok(Self { id: TokenId(id.to_owned()), text: text.into() })
    }

    /// Parses a token from a header. Returns `None` for a wrong shape and for a wrong checksum alike.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != TOKEN_CHARS || !text.is_ascii() {
            return None;
        }
        let (body, sum) = text.split_at(TOKEN_CHARS - CHECK_CHARS);
        let (id, secret) = body.strip_prefix(PREFIX)?.split_once('_')?;
        let id = id.parse().ok()?;
        let whole = secret.bytes().all(|byte| byte.is_ascii_alphanumeric()) && check(body) == sum;
        whole.then(|| Self { id, text: text.to_owned().into() })
    }

    #[must_use]
    pub fn id(&self) -> &TokenId {
        &self.id
    }

    /// The secret part, which is hashed and compared.
    #[must_use]
    pub fn secret(&self) -> &str {
        let start = PREFIX.len() + ID_CHARS + 1;
        &self.text.expose_secret()[start..start + SECRET_CHARS]
    }

    /// The whole token, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.text.expose_secret()
    }
}

impl fmt::Debug for PlainToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlainToken({}, [secret])", self.id)
    }
}

/// CRC-32 of `body` as six base62 digits, most significant first.
fn check(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut digits = [b'0'; CHECK_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits.iter().copied().map(char::from).collect()
}

/// The Argon2id PHC string of a token's or a password's secret, as stored.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenHash(String);

impl TokenHash {
    /// Wraps a PHC string.
    #[must_use]
    pub fn new(phc: String) -> Self {
        Self(phc)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash([secret])")
    }
}

/// Who uses a token that reads reports (contract §8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenReader {
    /// Singular: its polls count as handed to Singular.
    #[default]
    Singular,
    /// Another program, or a test.
    Other,
}

impl TokenReader {
    /// As stored and as written on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Singular => "singular",
            Self::Other => "other",
        }
    }
}

impl FromStr for TokenReader {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "singular" => Ok(Self::Singular),
            "other" => Ok(Self::Other),
            _ => Err(Invalid::value("reader", text, "singular or other")),
        }
    }
}

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenScope {
    Report,
    Ingest,
}

impl TokenScope {
    /// As stored and as written on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Ingest => "ingest",
        }
    }
}

impl FromStr for TokenScope {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "report" => Ok(Self::Report),
            "ingest" => Ok(Self::Ingest),
            _ => Err(Invalid::value("scope", text, "report or ingest")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(seed: u64) -> PlainToken {
        let mut state = seed;
        PlainToken::generate(|bytes| {
            for byte in bytes {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *byte = (state >> 56) as u8;
            }
            Ok::<_, std::convert::Infallible>(())
        })
        .unwrap()
    }

    #[test]
    fn a_token_has_the_shape_of_the_contract() {
        let token = token(1);
        let text = token.reveal();
        assert_eq!(text.len(), 70);
        assert!(text.starts_with(&format!("plt_{}_{}", token.id(), token.secret())));
        assert_eq!(token.secret().len(), 43);
    }

    #[test]
    fn the_checksum_is_crc_32_in_base_62() {
        // CRC-32 of "123456789" is 0xCBF43926 by definition of the algorithm.
        assert_eq!(check("123456789"), "3jZRME");
    }

    #[test]
    fn debug_shows_no_secret() {
        let token = token(2);
        let shown = format!("{token:?} {:?}", TokenHash::new("$argon2id$…".into()));
        assert!(!shown.contains(token.secret()) && !shown.contains("argon2"));
    }

    #[test]
    fn a_pasted_token_is_not_repeated_in_an_error() {
        let token = token(3);
        let error = token.reveal().parse::<TokenId>().unwrap_err().to_string();
        assert!(!error.contains(token.secret()), "{error}");
    }

    proptest! {
        #[test]
        fn every_token_is_read_back(seed: u64) {
            let made = token(seed);
            let read = PlainToken::parse(made.reveal()).unwrap();
            prop_assert_eq!((read.id(), read.secret()), (made.id(), made.secret()));
        }

        #[test]
        fn one_wrong_character_is_noticed(seed: u64, at in 0_usize..70, to in "[0-9A-Za-z_]") {
            let text = token(seed).reveal().to_owned();
            let mut wrong = text.clone();
            wrong.replace_range(at..=at, &to);
            prop_assert_eq!(PlainToken::parse(&wrong).is_some(), wrong == text);
        }

        #[test]
        fn any_text_is_refused_without_a_panic(text in "\\PC*") {
            prop_assert!(PlainToken::parse(&text).is_none());
        }
    }
}
