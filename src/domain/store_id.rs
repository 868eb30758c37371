//! An app's operating system and its public id in the app store.

use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// An app's operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Os {
    Ios,
    Android,
    Web,
}

impl Os {
    /// Its name in reports and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ios => "IOS",
            Self::Android => "ANDROID",
            Self::Web => "WEB",
        }
    }
}

impl FromStr for Os {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.trim().to_ascii_uppercase().as_str() {
            "IOS" => Ok(Self::Ios),
            "ANDROID" => Ok(Self::Android),
            "WEB" => Ok(Self::Web),
            _ => Err(Invalid::value("os", text, "IOS, ANDROID or WEB")),
        }
    }
}

impl fmt::Display for Os {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An app's public id in its store: digits for iOS, a package name for Android, a host name for the web.
///
/// Singular matches cost to installs by it ("site public id"), so anything that can't be a store id is refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StoreId {
    os: Os,
    id: String,
}

impl StoreId {
    /// Checks `text` by the rule of the operating system.
    pub fn parse(os: Os, text: &str) -> Result<Self, Invalid> {
        let id = text.trim();
        let (fits, expected) = match os {
            Os::Ios => (is_app_store_id(id), "the App Store's digits, such as 1234567890 (without \"id\")"),
            Os::Android => (is_package_name(id), "a Google Play package name, such as com.example.game"),
            Os::Web => {
                (is_host_name(&id.to_ascii_lowercase()), "a host name, such as www.example.com (without https://)")
            }
        };
        if !fits {
            return Err(Invalid::value("store_id", text, expected));
        }
        let id = if os == Os::Web { id.to_ascii_lowercase() } else { id.to_owned() };
        Ok(Self { os, id })
    }

    #[must_use]
    pub fn os(&self) -> Os {
        self.os
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.id
    }
}

fn is_app_store_id(id: &str) -> bool {
    (1..=20).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit())
}

/// At least two parts, each a letter followed by letters, digits and underscores.
fn is_package_name(id: &str) -> bool {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    id.len() <= 255 && id.contains('.') && id.split('.').all(part)
}

/// At least two labels by RFC 1123, the last one not a number, so that an IP address isn't taken for a name.
fn is_host_name(id: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    id.len() <= 253
        && id.split('.').all(label)
        && id.rsplit_once('.').is_some_and(|(_, last)| last.bytes().any(|b| !b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_system_has_its_own_kind_of_id() {
        for (os, good) in [
            (Os::Ios, "1234567890"),
            (Os::Android, "com.example.coin_game"),
            (Os::Web, "www.example.com"),
            (Os::Web, "xn--bcher-kva.example"),
        ] {
            assert_eq!(StoreId::parse(os, good).unwrap().as_str(), good);
        }
        assert_eq!(StoreId::parse(Os::Web, "WWW.Example.com").unwrap().as_str(), "www.example.com");
        for (os, bad) in [
            (Os::Ios, "id1234567890"),
            (Os::Ios, "com.example.game"),
            (Os::Ios, ""),
            (Os::Android, "game"),
            (Os::Android, "com.1example"),
            (Os::Android, "com..game"),
            (Os::Android, "123456"),
            (Os::Web, "https://example.com"),
            (Os::Web, "example"),
            (Os::Web, "10.0.0.1"),
            (Os::Web, "-a.example"),
        ] {
            assert!(StoreId::parse(os, bad).is_err(), "{os} {bad:?} was accepted");
        }
    }
}
