//! The words of a header, and those that say the unit of its money, in the languages of exports.

use crate::import::MoneyUnit;

const MILLIONTHS: [&str; 20] = [
    "micro",
    "micros",
    "microcurrency",
    "microamount",
    "microdollar",
    "microdollars",
    "microunits",
    "millionths",
    "mikro",
    "mikros",
    "millionstel",
    "microunidades",
    "microunités",
    "микро",
    "микроединицы",
    "マイクロ",
    "マイクロ単位",
    "微",
    "微单位",
    "마이크로",
];

const HUNDREDTHS: [&str; 38] = [
    "cents",
    "cent",
    "hundredths",
    "pence",
    "kopecks",
    "kopeks",
    "centimes",
    "centime",
    "céntimos",
    "centimos",
    "céntimo",
    "centavos",
    "centavo",
    "centesimi",
    "centesimo",
    "cêntimos",
    "grosz",
    "grosze",
    "groszy",
    "groszach",
    "коп",
    "копейки",
    "копейках",
    "копеек",
    "kuruş",
    "kurus",
    "øre",
    "öre",
    "haléře",
    "haléř",
    "bani",
    "paise",
    "paisa",
    "fen",
    "分",
    "セント",
    "美分",
    "копійки",
];

/// Words for thousands and more, which aren't units that can be imported.
const THOUSANDS: [&str; 40] = [
    "thousand",
    "thousands",
    "k",
    "000",
    "000s",
    "tsd",
    "tausend",
    "tausender",
    "mio",
    "mln",
    "million",
    "millions",
    "millionen",
    "milliers",
    "miles",
    "millones",
    "milhares",
    "milhões",
    "migliaia",
    "milioni",
    "tys",
    "tysiące",
    "тыс",
    "тысяч",
    "млн",
    "bin",
    "milyon",
    "千",
    "千円",
    "万",
    "万円",
    "百万円",
    "千元",
    "万元",
    "천원",
    "만원",
    "lakh",
    "lakhs",
    "crore",
    "crores",
];

/// `costMicros` as `cost Micros`.
pub(super) fn split_words(header: &str) -> String {
    let mut split = String::with_capacity(header.len() + 4);
    for c in header.chars() {
        if c.is_uppercase() && split.ends_with(char::is_lowercase) {
            split.push(' ');
        }
        split.push(c);
    }
    split
}

/// A header as names are compared: lower case, with one blank between words.
pub(super) fn words(header: &str) -> String {
    let lower = header.to_lowercase().replace('\u{307}', "");
    let parts = lower.split(|c: char| !c.is_alphanumeric() && !matches!(c, '%' | '#' | '№'));
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Whether one of the header's words is among these.
fn has(header: &str, wanted: &[&str]) -> bool {
    words(&split_words(header)).split(' ').any(|word| wanted.contains(&word))
}

/// The unit of the money below a header, if the header says it.
pub(super) fn money_unit(header: &str) -> Option<MoneyUnit> {
    if has(header, &MILLIONTHS) || words(&split_words(header)).ends_with("micros") {
        Some(MoneyUnit::Millionths)
    } else if has(header, &HUNDREDTHS) {
        Some(MoneyUnit::Hundredths)
    } else {
        None
    }
}

/// Whether a header of amounts says that they are in thousands or more.
pub(super) fn says_thousands(header: &str) -> bool {
    has(header, &THOUSANDS)
}

/// The header without the words for its unit.
pub(super) fn without_unit(header: &str) -> String {
    let words = words(header);
    let is_unit = |word: &&str| {
        MILLIONTHS.contains(word)
            || HUNDREDTHS.contains(word)
            || matches!(*word, "units" | "in" | "dollar" | "dollars" | "currency" | "local" | "utc" | "gross" | "net")
    };
    words.split(' ').filter(|word| !is_unit(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_say_their_unit_in_many_languages() {
        for header in [
            "cost_micros",
            "costMicros",
            "Kosten (Mikros)",
            "費用（マイクロ）",
            "Расход (микро)",
            "spend_in_micro_dollar",
        ] {
            assert_eq!(money_unit(header), Some(MoneyUnit::Millionths), "{header}");
        }
        for header in [
            "Coût (centimes)",
            "Custo (centavos)",
            "Koszt (grosze)",
            "Расход (коп.)",
            "Maliyet (kuruş)",
            "费用(分)",
            "spend_cents",
        ] {
            assert_eq!(money_unit(header), Some(MoneyUnit::Hundredths), "{header}");
        }
        for header in
            ["Cost (k)", "Spend ($000)", "Cost (000s)", "Kosten (Tsd. €)", "Расход, тыс. руб.", "費用（千円）"]
        {
            assert!(says_thousands(header), "{header}");
        }
        for header in ["Cost", "Kosten", "Amount spent (USD)", "Spend (UK)", "Centro de custo"] {
            assert!(money_unit(header).is_none() && !says_thousands(header), "{header}");
        }
    }
}
