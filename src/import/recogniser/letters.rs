//! Whether bytes, read in an encoding, make plausible words: letters of one script, capitals where they belong, and no
//! sequences of letters that only a wrong encoding makes.

use super::headers::Headers;
use crate::import::Encoding;

/// Some lines in one encoding.
pub(super) struct Reading {
    pub(super) encoding: Encoding,
    pub(super) lines: Vec<String>,
    /// Words that are possible but rare.
    pub(super) odd: usize,
    /// How many of the first lines' cells are known headers.
    pub(super) known: usize,
}

impl Reading {
    /// `None` if the bytes are invalid in it, or make impossible words.
    pub(super) fn of(label: &str, lines: &[Vec<u8>], headers: &Headers) -> Option<Self> {
        let encoding: Encoding = label.parse().ok()?;
        let lines = lines.iter().map(|line| encoding.decode(line)).collect::<Option<Vec<_>>>()?;
        let is_half_wide =
            |word: &str| label == "shift_jis" && word.chars().filter(|c| is_half_wide_kana(*c)).count() > 1;
        if !lines.iter().all(|line| words(line).all(|word| is_plausible(word) || is_half_wide(word))) {
            return None;
        }
        let is_odd: fn(&str) -> bool = match label {
            "gbk" | "big5" => |word| word.contains(is_kana) || is_odd(word),
            "euc-kr" => |word| word.contains(is_ideograph) || word.contains(is_kana) || is_odd(word),
            _ => is_odd,
        };
        let mut odd = lines.iter().flat_map(|line| words(line)).filter(|word| is_odd(word)).count();
        // Japanese text always has kana.
        odd += usize::from(label == "euc-jp" && !lines.iter().any(|line| line.contains(is_kana)));
        let cells = lines.iter().take(40).flat_map(|line| line.split([',', ';', '\t', '|']));
        let known = cells.filter(|cell| headers.knows(cell.trim_matches(['"', ' ']))).count();
        Some(Self { encoding, lines, odd, known })
    }
}

/// The words with characters beyond ASCII.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let is_between = |c: char| c.is_ascii() && !c.is_ascii_alphabetic() || c.is_whitespace();
    line.split(is_between).filter(|word| !word.is_ascii())
}

/// Whether it is a plausible word: letters of one script, no capital after a small letter (English letters don't count, as in
/// `iPhone`), no impossible sequence of letters.
fn is_plausible(word: &str) -> bool {
    let odd: Vec<char> = word.chars().filter(|c| !c.is_ascii()).collect();
    if odd.iter().all(|c| is_sign(*c)) {
        return !has_sign_within(word);
    }
    if odd.iter().any(|c| c.is_control() || matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{fffd}')) {
        return false;
    }
    // A single letter is a short word rather than another encoding's currency sign.
    if let Some(only) = lone(word).filter(|only| !script_is_asian(*only)) {
        return "àâéèêíîóòôöúùûáäåæñøýавикосуяыіїєАВИКОСУЯІЇЄÀÂÉÈÊÍÎÓÒÔÖÚÙÛÁÄÅÆÑØÝ".contains(only);
    }
    let scripts: [fn(char) -> bool; 7] = [
        script_is_latin,
        script_is_cyrillic,
        script_is_greek,
        script_is_hebrew,
        script_is_arabic,
        script_is_thai,
        script_is_asian,
    ];
    let found: Vec<usize> = (0..scripts.len()).filter(|at| word.chars().any(scripts[*at])).collect();
    let is_letter = |c: &char| c.is_alphabetic() || is_sign(*c);
    match found.as_slice() {
        [0] => {
            let is_polish = |c: char| "ąćęłńóśźż".contains(c);
            let mut runs = word.split(|c: char| c.is_ascii());
            let is_usual = |run: &str| run.chars().count() < 3 || run.chars().all(is_polish);
            let is_own = |c: &char| script_is_latin(*c) || is_sign(*c);
            runs.all(is_usual) && odd.iter().all(is_own) && is_cased(word) && !has_sign_within(word)
        }
        [1] => odd.iter().all(is_letter) && is_cased(word) && !has_sign_within(word),
        [2] => odd.iter().all(is_letter) && is_cased(word) && is_greek(word),
        [3] => odd.iter().all(|c| matches!(c, '\u{5d0}'..='\u{5ea}') || is_sign(*c)) && is_hebrew(word),
        [4] => odd.iter().all(|c| script_is_arabic(*c) || is_sign(*c)),
        [5] => odd.iter().all(|c| script_is_thai(*c)) && is_thai(word),
        // Chinese and Japanese names can contain Latin words.
        [6] | [0, 6] => odd.iter().all(|c| script_is_asian(*c) || is_sign(*c) || is_wide(*c)),
        _ => false,
    }
}

/// Currency signs, quotation marks and dashes can be anywhere.
fn is_sign(c: char) -> bool {
    "€£¥§°–—’‘“”„…•·®™©²№".contains(c)
}

/// Whether a quotation mark or other sign is between two letters, where another encoding has a letter.
fn has_sign_within(word: &str) -> bool {
    let letters: Vec<char> = word.chars().collect();
    let is_sign = |c: char| "“”„‘§№·•®©".contains(c);
    // The Catalan `l·l` is part of a word.
    let is_within = |three: &[char]| {
        three[0].is_alphabetic()
            && is_sign(three[1])
            && three[2].is_alphabetic()
            && !matches!(three, ['l' | 'L', '·', 'l' | 'L'])
    };
    letters.windows(3).any(is_within)
}

/// All small, all capitals, or only the first letter capital; English letters don't count.
fn is_cased(word: &str) -> bool {
    let mut before: Option<char> = None;
    for c in word.chars().filter(|c| c.is_alphabetic()) {
        if before
            .is_some_and(|before| before.is_lowercase() && c.is_uppercase() && !(before.is_ascii() && c.is_ascii()))
        {
            return false;
        }
        before = Some(c);
    }
    true
}

/// The one letter of a word.
fn lone(word: &str) -> Option<char> {
    let mut letters = word.chars();
    letters.next().filter(|only| letters.next().is_none() && only.is_alphabetic())
}

/// Letters of few languages, single letters, small letters after several capitals, or one character of another script between
/// Latin letters.
fn is_odd(word: &str) -> bool {
    const RARE: &str = "ЂЃЉЊЌЋЏЅЈђѓљњќћџѕјŸþÞ";
    let starts: Vec<bool> = word.chars().take(3).map(char::is_uppercase).collect();
    let letters: Vec<char> = word.chars().collect();
    let is_between =
        |three: &[char]| three[0].is_ascii_alphabetic() && script_is_asian(three[1]) && three[2].is_ascii_alphabetic();
    word.contains(|c| RARE.contains(c))
        || lone(word).is_some()
        || word.starts_with(['Ь', 'Ъ', 'Ы'])
        || letters.windows(3).any(is_between)
        || !word.contains(|c: char| c.is_ascii_alphabetic())
            && starts == [true, true, false]
            && word.chars().nth(2).is_some_and(char::is_lowercase)
}

/// A Greek word of several syllables has one accent, unless it is in capitals, and a final sigma at its end.
fn is_greek(word: &str) -> bool {
    let is_accent = |c: char| "άέήίόύώΐΰΆΈΉΊΌΎΏ".contains(c);
    let vowels = word.chars().filter(|c| "αεηιουωϊϋ".contains(*c) || is_accent(*c)).count();
    let accents = word.chars().filter(|c| is_accent(*c)).count();
    let ends = word.trim_end_matches(|c: char| !c.is_alphabetic());
    let sigmas = !ends.ends_with('σ') && !ends.trim_end_matches('ς').contains('ς');
    let is_small = word.chars().skip(1).any(char::is_lowercase);
    sigmas && accents <= 1 && (vowels < 3 || accents == 1 || !is_small)
}

/// Hebrew letters with a final form use it at the end of words.
fn is_hebrew(word: &str) -> bool {
    let inner: Vec<char> = word.chars().filter(|c| c.is_alphabetic()).collect();
    inner.split_last().is_none_or(|(_, before)| !before.iter().any(|c| "ךםןףץ".contains(*c)))
}

/// Thai vowels and tones above and below follow a consonant; vowels that are written first precede one.
fn is_thai(word: &str) -> bool {
    let mut before = ' ';
    for c in word.chars() {
        let is_mark = matches!(c, '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}');
        let is_consonant = |c: char| matches!(c, '\u{e01}'..='\u{e2e}');
        let follows =
            is_consonant(before) || matches!(before, '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}');
        if is_mark && !follows || matches!(before, '\u{e40}'..='\u{e44}') && !is_consonant(c) {
            return false;
        }
        before = c;
    }
    !matches!(before, '\u{e40}'..='\u{e44}')
}

fn script_is_latin(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '\u{aa}' | '\u{ba}' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}')
}

fn script_is_cyrillic(c: char) -> bool {
    matches!(c, '\u{400}'..='\u{52f}')
}

fn script_is_greek(c: char) -> bool {
    matches!(c, '\u{370}'..='\u{3ff}')
}

fn script_is_hebrew(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{5ff}')
}

fn script_is_arabic(c: char) -> bool {
    matches!(c, '\u{600}'..='\u{6ff}')
}

fn script_is_thai(c: char) -> bool {
    matches!(c, '\u{e01}'..='\u{e5b}')
}

fn script_is_asian(c: char) -> bool {
    is_kana(c) || is_ideograph(c) || matches!(c, '\u{3100}'..='\u{312f}' | '\u{ac00}'..='\u{d7af}' | '々')
}

fn is_kana(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}')
}

fn is_half_wide_kana(c: char) -> bool {
    matches!(c, '\u{ff61}'..='\u{ff9f}')
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Punctuation and digits of Asian texts. Half-wide katakana are not among them: they are what other encodings read as.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ff5e}' | '・' | 'ー')
}
