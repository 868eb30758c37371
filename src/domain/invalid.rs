//! The only error of `domain`: which value was refused, what came and what was expected.

/// A value that was refused.
///
/// `field` is the name that the caller used (a query parameter, a CSV column, a flag). `reason` continues the sentence: what
/// came and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct Invalid {
    /// The parameter, column or flag of the value.
    pub field: &'static str,
    /// What came and what was expected.
    pub reason: String,
}

/// How much of a refused value is repeated to the caller.
const ECHO_CHARS: usize = 80;

impl Invalid {
    /// `got` was refused because `expected` was asked for.
    #[must_use]
    pub fn value(field: &'static str, got: &str, expected: &str) -> Self {
        Self::because(field, format!("got {}, expected {expected}", Self::echo(got)))
    }

    /// Refused for any other reason.
    #[must_use]
    pub fn because(field: &'static str, reason: impl Into<String>) -> Self {
        Self { field, reason: reason.into() }
    }

    /// `got` in quotes, made safe for a log line or a terminal: control characters escaped, long text cut.
    #[must_use]
    pub fn echo(got: &str) -> String {
        if got.is_empty() {
            return "nothing".to_owned();
        }
        let mut shown: String = got.chars().take(ECHO_CHARS).flat_map(char::escape_debug).collect();
        if got.chars().nth(ECHO_CHARS).is_some() {
            shown.push('…');
        }
        format!("\"{shown}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::Invalid;

    #[test]
    fn an_echo_is_safe_to_print_and_bounded() {
        assert_eq!(Invalid::echo("a\u{1b}[2J\nb"), "\"a\\u{1b}[2J\\nb\"");
        assert_eq!(Invalid::echo(""), "nothing");
        assert!(Invalid::echo(&"x".repeat(1_000_000)).len() < 100);
    }
}
