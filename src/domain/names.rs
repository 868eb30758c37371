//! Names, reasons, e-mail addresses and roles.

use std::fmt;
use std::str::FromStr;

use icu_normalizer::ComposingNormalizerBorrowed;

use super::Invalid;

/// The longest name, in characters.
const NAME_CHARS: usize = 500;

/// A trimmed name of 1 to 500 characters without control characters.
///
/// Characters that change the direction of text count as control characters: they can make one name look like another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    /// Trims and checks `text`; `field` names it in the error.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, Invalid> {
        let trimmed = text.trim();
        let refuse = || Invalid::value(field, text, "1 to 500 characters without control characters");
        if trimmed.is_empty() || trimmed.chars().nth(NAME_CHARS).is_some() || trimmed.chars().any(is_hidden) {
            return Err(refuse());
        }
        Ok(Self(trimmed.to_owned()))
    }

    /// Parses a name from a file, where a run of blanks, line breaks and control characters counts as one blank (contract
    /// §4). Characters that only change the direction of text are dropped.
    pub fn parse_in_file(field: &'static str, text: &str) -> Result<Self, Invalid> {
        Self::parse(field, &one_line(text))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether the character controls a terminal or reverses text. No name may contain one.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control() || turns_text(c)
}

/// Whether the character only changes the direction of text, or marks the beginning of a file.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Whether the character is invisible, so that two names that differ in it look the same.
fn has_no_width(c: char) -> bool {
    turns_text(c) || matches!(c, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}')
}

/// The text with one blank for each run of blanks and control characters, trimmed.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !turns_text(*c)) {
        if !c.is_whitespace() && !c.is_control() {
            line.push(c);
        } else if !line.is_empty() && !line.ends_with(' ') {
            line.push(' ');
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// A name in the form in which look-ups compare it (contract §4): composed (NFC), on one line, without invisible characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NameKey(String);

impl NameKey {
    /// For names that differ by letter case: those of advertisers, apps, offers and campaigns.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let visible: String = name.chars().filter(|c| !has_no_width(*c)).collect();
        Self(ComposingNormalizerBorrowed::new_nfc().normalize(&one_line(&visible)).into_owned())
    }

    /// For names that don't differ by letter case: those of publishers.
    #[must_use]
    pub fn ignoring_case(name: &str) -> Self {
        Self::new(name).without_case()
    }

    /// The same without regard to letter case.
    #[must_use]
    pub fn without_case(&self) -> Self {
        // Via upper case, so that `ß` equals `SS` and both forms of the small sigma are equal.
        let folded = self.0.to_uppercase().to_lowercase();
        Self(ComposingNormalizerBorrowed::new_nfc().normalize(&folded).into_owned())
    }

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

/// Why figures are changed: 1 to 500 characters, trimmed, without control characters except line breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// The longest, in characters.
    const CHARS: usize = 500;

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `None` if the text is blank.
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
/// No e-mail is sent to it, so only its shape is checked: text on both sides of one `@`, no blanks, at most 254 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
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

/// What a logged-in person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Admin,
    /// Can view everything, but change nothing.
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
    fn the_words_for_a_role_are_read_back() {
        for (role, word) in [(Role::Admin, "admin"), (Role::Viewer, "viewer")] {
            assert_eq!((role.as_str(), word.parse::<Role>().unwrap()), (word, role));
        }
        assert!("Admin".parse::<Role>().is_err() && "".parse::<Role>().is_err());
    }

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(Name::parse("name", "  Coin Game\u{a0}").unwrap().as_str(), "Coin Game");
        assert!(Name::parse("name", &"é".repeat(500)).is_ok());
        for text in [String::new(), " ".into(), "a\tb".into(), "a\0".into(), "abc\u{202e}fdp".into(), "é".repeat(501)]
        {
            assert!(Name::parse("name", &text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn in_a_file_a_run_of_blanks_and_control_characters_is_one_blank() {
        let read = |text: &str| Name::parse_in_file("name", text).map(|name| name.to_string());
        assert_eq!(read("Brand\r\nSpring").unwrap(), "Brand Spring");
        assert_eq!(read(" \u{feff}Brand \t\u{a0} Spring\0 ").unwrap(), "Brand Spring");
        assert_eq!(read("a\u{202e}b").unwrap(), "ab");
        assert_eq!(read(&format!("{}\n{}", "é".repeat(250), "é".repeat(249))).unwrap().chars().count(), 500);
        assert!(read(&"é".repeat(501)).is_err() && read("\n\u{feff}\t").is_err());
    }

    #[test]
    fn names_that_look_the_same_are_the_same() {
        for (one, other) in [
            ("Caf\u{e9}", "Cafe\u{301}"),
            ("Brand Spring", "Brand  \nSpring"),
            ("Brand", "\u{feff}Br\u{200b}and\u{ad}"),
        ] {
            assert_eq!(NameKey::new(one), NameKey::new(other), "{one:?} {other:?}");
        }
        for (one, other) in [("facebook", "FaceBook"), ("STRASSE", "straße"), ("ΟΔΟΣ", "οδος"), ("É", "e\u{301}")]
        {
            assert_eq!(NameKey::ignoring_case(one), NameKey::ignoring_case(other), "{one:?} {other:?}");
            assert_ne!(NameKey::new(one), NameKey::new(other), "{one:?} {other:?}");
        }
        assert_ne!(NameKey::ignoring_case("Facebok"), NameKey::ignoring_case("Facebook"));
    }

    #[test]
    fn an_address_needs_two_sides() {
        assert_eq!("Ada@Example.com ".parse::<Email>().unwrap().as_str(), "ada@example.com");
        for text in ["", "ada", "@x", "x@", "a@b@c", "a b@c", "a@.b"] {
            assert!(text.parse::<Email>().is_err(), "{text:?} was accepted");
        }
    }
}
