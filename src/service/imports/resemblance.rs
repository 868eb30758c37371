//! New names that may be misspelt: "Facebok" beside "Facebook".

use crate::domain::NameKey;

/// How many new names are checked, and how many known names each is compared with.
const NEW: usize = 500;
const KNOWN: usize = 20_000;

/// The known name that each of these new ones resembles, if there is one: it differs in letter case, or in one letter, or in
/// two if the name is long. Names that differ only in digits are meant to differ.
pub(super) fn find<'k>(new: &[String], known: impl Iterator<Item = &'k str>) -> Vec<Option<String>> {
    let known: Vec<(String, &str)> = known.take(KNOWN).map(|name| (folded(name), name)).collect();
    new.iter().take(NEW).map(|name| nearest(&folded(name), &known)).collect()
}

fn folded(name: &str) -> String {
    NameKey::ignoring_case(name).as_str().to_owned()
}

fn nearest(name: &str, known: &[(String, &str)]) -> Option<String> {
    let length = name.chars().count();
    let most = match length {
        0..=3 => 0,
        4..=8 => 1,
        _ => 2,
    };
    let slips = |other: &str| {
        if other.len().abs_diff(name.len()) > most * 4 || bare(other) == bare(name) && other != name {
            return None;
        }
        Some(strsim::osa_distance(name, other)).filter(|slips| *slips <= most)
    };
    let found = known.iter().filter_map(|(other, stored)| Some((slips(other)?, *stored)));
    found.min_by_key(|(slips, _)| *slips).map(|(_, stored)| stored.to_owned())
}

/// The name without its digits.
fn bare(name: &str) -> String {
    name.chars().filter(|c| !c.is_numeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_resembles_the_right_one() {
        for (new, resembles) in [
            ("Facebok", Some("Facebook")),
            ("facebook", Some("Facebook")),
            ("Fcaebook", Some("Facebook")),
            ("TikTok", None),
            ("US_Summer_2024", None),
            ("US_Sumer_2023", Some("US_Summer_2023")),
            ("Aple", Some("Apple")),
            ("X", None),
            ("917", None),
        ] {
            let known = ["Facebook", "US_Summer_2023", "Apple", "Y", "916"];
            assert_eq!(find(&[new.to_owned()], known.into_iter())[0].as_deref(), resembles, "{new}");
        }
    }
}
