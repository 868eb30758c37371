//! Bounded words: names of things, e-mail addresses, roles.

use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// The longest name, in characters.
const NAME_CHARS: usize = 200;

/// A trimmed name of 1 to 200 characters without control characters.
///
/// Characters that turn the direction of text around count as control characters: they make one name look like another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    /// Trims and checks `text`; `field` names it in the error.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, Invalid> {
        let trimmed = text.trim();
        let refuse = || Invalid::value(field, text, "1 to 200 characters without control characters");
        let hidden =
            |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if trimmed.is_empty() || trimmed.chars().nth(NAME_CHARS).is_some() || trimmed.chars().any(hidden) {
            return Err(refuse());
        }
        Ok(Self(trimmed.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Why somebody changes figures: 1 to 500 characters, trimmed, without control characters but line ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// The longest, in characters.
    const CHARS: usize = 500;

    /// The reason.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `None` where nothing but blanks was said.
    pub fn parse_optional(text: &str) -> Result<Option<Self>, Invalid> {
        if text.trim().is_empty() { Ok(None) } else { text.parse().map(Some) }
    }
}

impl FromStr for Reason {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let trimmed = text.trim();
        let hidden = trimmed.chars().any(|c| c.is_control() && !matches!(c, '\r' | '\n'));
        if trimmed.is_empty() || hidden || trimmed.chars().nth(Self::CHARS).is_some() {
            return Err(Invalid::because("reason", format!("expected 1 to {} characters", Self::CHARS)));
        }
        Ok(Self(trimmed.to_owned()))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// An e-mail address a person logs in with, in lower case.
///
/// Pitlane sends no mail, so only the shape is checked: something on both sides of one `@`, no blanks, at most 254 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let address = text.trim().to_lowercase();
        let shaped = address.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty()
                && !host.is_empty()
                && !host.contains('@')
                && !host.starts_with('.')
                && !host.ends_with('.')
        });
        let plain = !address.chars().any(|c| c.is_whitespace() || c.is_control());
        if shaped && plain && address.len() <= 254 {
            Ok(Self(address))
        } else {
            Err(Invalid::value("email", text, "an address such as ada@example.com"))
        }
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a person who logs in may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Changes everything.
    Admin,
    /// Sees everything, changes nothing.
    Viewer,
}

impl Role {
    /// As stored and as written on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Viewer => "viewer",
        }
    }
}

impl FromStr for Role {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "admin" => Ok(Self::Admin),
            "viewer" => Ok(Self::Viewer),
            _ => Err(Invalid::value("role", text, "admin or viewer")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(Name::parse("name", "  Coin Game\u{a0}").unwrap().as_str(), "Coin Game");
        assert!(Name::parse("name", &"é".repeat(200)).is_ok());
        for text in [String::new(), " ".into(), "a\tb".into(), "a\0".into(), "abc\u{202e}fdp".into(), "é".repeat(201)]
        {
            assert!(Name::parse("name", &text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn an_address_needs_two_sides() {
        assert_eq!("Ada@Example.com ".parse::<Email>().unwrap().as_str(), "ada@example.com");
        for text in ["", "ada", "@x", "x@", "a@b@c", "a b@c", "a@.b"] {
            assert!(text.parse::<Email>().is_err(), "{text:?} was accepted");
        }
    }
}
