//! Lists names in a sentence: long ones are shortened there and listed below it in full.

use crate::admin::kit::format;

/// How many names a sentence has, and that are listed below it.
const IN_SENTENCE: usize = 20;
const BELOW: usize = 300;

/// The most bytes of names below a sentence, so that a page stays small with names of 500 characters.
const BYTES_BELOW: usize = 12_000;

/// How many characters of a name a sentence has.
const SHORT: usize = 60;

/// A list of names for a page.
pub(super) struct NameList {
    pub(super) short: String,
    /// All names in full, as many as fit; empty if the sentence already has them in full.
    pub(super) whole: String,
}

/// A name, shortened if it is too long for a sentence.
pub(super) fn short(name: &str) -> String {
    if name.chars().count() <= SHORT {
        return name.to_owned();
    }
    let kept: String = name.chars().take(SHORT - 1).collect();
    format!("{}…", kept.trim_end())
}

impl NameList {
    pub(super) fn new(names: &[String]) -> Self {
        let in_sentence = if names.len() > IN_SENTENCE { 2 } else { names.len() };
        let shortened: Vec<String> = names.iter().take(in_sentence).map(|name| short(name)).collect();
        let is_cut = shortened.iter().zip(names).any(|(short, name)| short != name);
        let mut room = BYTES_BELOW;
        let fits = |name: &&String| {
            let left = room.checked_sub(name.len());
            room = left.unwrap_or_default();
            left.is_some()
        };
        let below: Vec<String> = names.iter().take(BELOW).take_while(fits).cloned().collect();
        let whole = if is_cut || in_sentence < names.len() { told(&below, names.len()) } else { String::new() };
        Self { short: told(&shortened, names.len()), whole }
    }
}

/// `a, b and 4 more`
fn told(shown: &[String], all: usize) -> String {
    match all - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {} more", shown.join(", "), format::count(i64::try_from(more).unwrap_or(i64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize, length: usize) -> Vec<String> {
        (0..count).map(|number| format!("{number:0>length$}")).collect()
    }

    #[test]
    fn a_few_short_names_stand_in_the_sentence() {
        let list = NameList::new(&names(2, 3));
        assert_eq!((list.short.as_str(), list.whole.as_str()), ("000, 001", ""));
    }

    #[test]
    fn many_or_long_names_stand_below_as_far_as_a_page_holds_them() {
        let list = NameList::new(&names(5_000, 10));
        assert_eq!(list.short, "0000000000, 0000000001 and 4,998 more");
        assert!(list.whole.ends_with(", 0000000299 and 4,700 more"), "{}", list.whole);
        let list = NameList::new(&names(100, 500));
        assert!(list.whole.ends_with(" and 76 more") && list.whole.len() < 13_000, "{}", list.whole);
        let list = NameList::new(&["Ü".repeat(500)]);
        assert_eq!((list.short.chars().count(), list.whole), (60, "Ü".repeat(500)));
    }
}
