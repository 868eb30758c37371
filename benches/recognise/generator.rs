//! Generates files in the many forms of exports, with known contents, and checks what recognition makes of each.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Seek as _, Write as _};
use std::ops::ControlFlow;

use pitlane::domain::{Currency, Day, ExactCost};
use pitlane::import::{
    Column, Context, Decisions, EmptyCatalogue, Headers, Memory, Packing, ProblemCode, Unpacked, read_file,
    recognise_file,
};

/// The result for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The figures are right, without any decision; or amounts in another currency were refused.
    Right,
    /// A question was asked.
    Asked,
    /// The file or some of its lines were refused, though nothing is wrong with it.
    Refused,
    /// Wrong figures would have been imported.
    Wrong,
}

/// A pseudo-random generator with the same numbers on every machine.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % most
    }

    fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let at = usize::try_from(self.below(choices.len() as u64)).unwrap_or(0);
        &choices[at]
    }

    fn one_in(&mut self, chance: u64) -> bool {
        self.below(chance) == 0
    }
}

/// Day, campaign, impressions, clicks, cost, and a campaign name, in one language.
struct Language {
    headers: [&'static str; 5],
    months: [&'static str; 12],
    campaign: &'static str,
    total: &'static str,
    /// Another encoding than Unicode for its texts.
    legacy: Option<&'static encoding_rs::Encoding>,
}

const ENGLISH: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn languages() -> Vec<Language> {
    let language = |headers, months, campaign, total, legacy| Language { headers, months, campaign, total, legacy };
    vec![
        language(["Day", "Campaign", "Impr.", "Clicks", "Cost"], ENGLISH, "Brand", "Total", None),
        language(
            ["Date", "Campaign name", "Impressions", "Link clicks", "Amount spent"],
            ENGLISH,
            "Total Wireless",
            "Grand total",
            None,
        ),
        language(
            ["Tag", "Kampagne", "Impressionen", "Klicks", "Kosten"],
            [
                "Januar",
                "Februar",
                "März",
                "April",
                "Mai",
                "Juni",
                "Juli",
                "August",
                "September",
                "Oktober",
                "November",
                "Dezember",
            ],
            "Münzspiel",
            "Gesamt",
            Some(encoding_rs::WINDOWS_1252),
        ),
        language(
            ["Jour", "Campagne", "Impressions", "Clics", "Coût"],
            ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."],
            "Été",
            "Total général",
            Some(encoding_rs::WINDOWS_1252),
        ),
        language(
            ["Día", "Campaña", "Impresiones", "Clics", "Coste"],
            ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"],
            "Otoño",
            "Totales",
            Some(encoding_rs::WINDOWS_1252),
        ),
        language(
            ["Dzień", "Kampania", "Wyświetlenia", "Kliknięcia", "Koszt"],
            ["sty", "lut", "mar", "kwi", "maj", "cze", "lip", "sie", "wrz", "paź", "lis", "gru"],
            "Wiosna",
            "Razem",
            Some(encoding_rs::WINDOWS_1250),
        ),
        language(
            ["Дата", "Кампания", "Показы", "Клики", "Расход"],
            ["янв.", "февр.", "мар.", "апр.", "мая", "июн.", "июл.", "авг.", "сент.", "окт.", "нояб.", "дек."],
            "Бренд",
            "Итого",
            Some(encoding_rs::WINDOWS_1251),
        ),
        language(
            ["Gün", "Kampanya", "Gösterimler", "Tıklamalar", "Maliyet"],
            ["Oca", "Şub", "Mar", "Nis", "May", "Haz", "Tem", "Ağu", "Eyl", "Eki", "Kas", "Ara"],
            "Marka",
            "Toplam",
            None,
        ),
        language(
            ["日付", "キャンペーン", "表示回数", "クリック数", "費用"],
            ["1月", "2月", "3月", "4月", "5月", "6月", "7月", "8月", "9月", "10月", "11月", "12月"],
            "ブランド",
            "合計",
            Some(encoding_rs::SHIFT_JIS),
        ),
    ]
}

#[derive(Clone)]
struct Row {
    day: Day,
    campaign: String,
    clicks: u64,
    cents: u64,
}

/// A file and its truth.
pub struct Generated {
    pub bytes: Vec<u8>,
    truth: BTreeMap<(String, String), (u64, u64)>,
    /// Whether its amounts are in another currency than dollars and say so.
    foreign: bool,
}

/// The form of one file.
struct Style {
    language: Language,
    date: u64,
    comma: bool,
    grouped: bool,
    separator: char,
    end: &'static str,
    mark: &'static str,
    mark_behind: bool,
    unit: u64,
    total: u64,
}

pub fn generate(seed: u64) -> Generated {
    let mut random = Random::new(seed);
    let mut languages = languages();
    let at = usize::try_from(random.below(languages.len() as u64)).unwrap_or(0);
    let language = languages.swap_remove(at);
    let (mark, foreign) = *random.pick(&[
        ("", false),
        ("", false),
        ("", false),
        ("$", false),
        ("US$", false),
        ("€", true),
        ("CA$", true),
        ("zł", true),
    ]);
    let style = Style {
        date: random.below(14),
        comma: random.one_in(2),
        grouped: random.one_in(2),
        separator: *random.pick(&[',', ';', '\t', '|']),
        end: match random.below(12) {
            0 => "\r",
            1..=6 => "\n",
            _ => "\r\n",
        },
        mark,
        mark_behind: random.one_in(2),
        unit: if mark.is_empty() { random.below(8) } else { 0 },
        total: random.below(6),
        language,
    };
    let days = 1 + random.below(40);
    let first = 19_000 + i64::try_from(random.below(700)).unwrap_or(0);
    let campaigns = 1 + random.below(4);
    let mut rows = Vec::new();
    for at in 0..days {
        for campaign in 0..campaigns {
            rows.push(Row {
                day: Day::from_stored(first + i64::try_from(at).unwrap_or(0)).expect("a day of our time"),
                campaign: format!("{} {}", style.language.campaign, campaign + 1),
                clicks: 1 + random.below(2500),
                cents: 1 + random.below(400_000),
            });
        }
    }
    let text = written(&rows, &style, &mut random);
    let bytes = encoded(&text, &style, &mut random);
    let mut truth = BTreeMap::new();
    for row in rows {
        truth.insert((row.day.to_string(), row.campaign), (row.clicks, row.cents));
    }
    Generated { bytes, truth, foreign }
}

fn encoded(text: &str, style: &Style, random: &mut Random) -> Vec<u8> {
    match (random.below(6), style.language.legacy) {
        (0, _) => [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
        (1, _) => [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect(),
        (2, _) => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        // Characters that the encoding lacks are left out.
        (3 | 4, Some(legacy)) if !legacy.encode(text).2 => legacy.encode(text).0.into_owned(),
        _ => text.as_bytes().to_vec(),
    }
}

fn written(rows: &[Row], style: &Style, random: &mut Random) -> String {
    let mut lines: Vec<Vec<String>> = Vec::new();
    for line in 0..[0, 0, 1, 2, 25][usize::try_from(random.below(5)).unwrap_or(0)] {
        lines.push(vec![format!("Report line {line}")]);
    }
    let [day, campaign, views, clicks, cost] = style.language.headers;
    let cost = match style.unit {
        0 => "cost_micros".to_owned(),
        _ if style.unit == 1 && style.mark.is_empty() => cost.to_owned(),
        _ if random.one_in(4) && style.mark.is_empty() => format!("{cost} (USD)"),
        _ => cost.to_owned(),
    };
    let is_micros = style.unit == 0 && style.mark.is_empty();
    let cost =
        if is_micros || style.mark.is_empty() && style.unit != 0 { cost } else { style.language.headers[4].to_owned() };
    lines.push([day, campaign, views, clicks, &cost].map(str::to_owned).into());
    let amount = |cents: u64| {
        if is_micros || style.unit == 1 { (cents * 10_000).to_string() } else { money(cents, style) }
    };
    let line = |row: &Row| {
        vec![
            date(row.day, style),
            row.campaign.clone(),
            count(row.clicks * 7, style),
            count(row.clicks, style),
            amount(row.cents),
        ]
    };
    let sum = |rows: &[&Row], first: String, campaign: String| {
        let clicks: u64 = rows.iter().map(|row| row.clicks).sum();
        let cents: u64 = rows.iter().map(|row| row.cents).sum();
        vec![first, campaign, count(clicks * 7, style), count(clicks, style), amount(cents)]
    };
    let all: Vec<&Row> = rows.iter().collect();
    let total = style.language.total.to_owned();
    if style.total == 1 {
        lines.push(sum(&all, String::new(), String::new()));
    }
    for (at, row) in rows.iter().enumerate() {
        lines.push(line(row));
        let ends_day = rows.get(at + 1).is_none_or(|next| next.day != row.day);
        if style.total == 2 && ends_day {
            let of_day: Vec<&Row> = rows.iter().filter(|other| other.day == row.day).collect();
            lines.push(sum(&of_day, date(row.day, style), total.clone()));
        }
    }
    match style.total {
        3 => lines.push(sum(&all, total, "--".to_owned())),
        4 => lines.push(sum(&all, String::new(), total)),
        5 => lines.push(vec![format!("{total}: 1"), String::new()]),
        _ => {}
    }
    let mut text = String::new();
    for cells in lines {
        let cells: Vec<String> = cells.iter().map(|cell| quoted(cell, style.separator)).collect();
        write!(text, "{}{}", cells.join(&style.separator.to_string()), style.end).expect("a string takes all");
    }
    text
}

fn quoted(cell: &str, separator: char) -> String {
    if cell.contains([separator, '"']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

fn grouped(digits: &str, mark: &str) -> String {
    let mut written = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            written.push_str(mark);
        }
        written.push(digit);
    }
    written
}

fn count(count: u64, style: &Style) -> String {
    let digits = count.to_string();
    if style.grouped { grouped(&digits, if style.comma { "." } else { "," }) } else { digits }
}

fn money(cents: u64, style: &Style) -> String {
    let whole = count(cents / 100, style);
    let number = format!("{whole}{}{:02}", if style.comma { ',' } else { '.' }, cents % 100);
    match (style.mark, style.mark_behind) {
        ("", _) => number,
        (mark, true) => format!("{number} {mark}"),
        (mark, false) => format!("{mark}{number}"),
    }
}

fn date(day: Day, style: &Style) -> String {
    use chrono::Datelike as _;
    let date = day.date();
    let month = style.language.months[date.month0() as usize];
    let plain = |pattern: &str| date.format(pattern).to_string();
    match style.date {
        0 | 1 => plain("%Y-%m-%d"),
        2 => plain("%d/%m/%Y"),
        3 => plain("%m/%d/%Y"),
        4 => plain("%d.%m.%Y"),
        5 => plain("%Y/%m/%d"),
        6 => plain("%Y%m%d"),
        7 => plain("%d-%m-%y"),
        8 => plain("%m/%d/%y"),
        9 => plain("%Y-%m-%dT00:00:00Z"),
        10 => plain("%-m/%-d/%Y 12:00:00 AM"),
        11 if month.ends_with('月') => format!("{}年{month}{}日", date.year(), date.day()),
        11 => format!("{} {month} {}", date.day(), date.year()),
        12 => plain("%a, %d %b %Y"),
        _ => (day.to_stored() + 25_569).to_string(),
    }
}

/// What recognition makes of it.
pub fn outcome(file: &Generated) -> (Outcome, String) {
    let mut text = tempfile::tempfile().expect("a temporary file");
    text.write_all(&file.bytes).expect("room for it");
    text.rewind().expect("a file can be rewound");
    let mut unpacked = Unpacked::of_text(text, Packing::Text);
    let decisions = Decisions { fixed: vec![(Column::Partner, "P".to_owned())], ..Decisions::default() };
    let context = Context {
        currency: Some(Currency::USD),
        last_day: Day::parse("day", "2026-11-28").expect("a day"),
        catalogue: &EmptyCatalogue,
        headers: Headers::built_in(),
        memory: &Memory::default(),
    };
    let recognition = match recognise_file(&mut unpacked, &decisions, &context) {
        Ok(recognition) => recognition,
        Err(error) => return (Outcome::Refused, error.to_string()),
    };
    if let Some(problem) = recognition.problems.first() {
        let told = format!("{}: {}", problem.code.as_str(), problem.message);
        let is_foreign = recognition.problems.iter().any(|problem| problem.code == ProblemCode::Currency);
        let outcome = match (
            file.foreign && is_foreign,
            recognition.problems.iter().all(|problem| !problem.choices.is_empty()),
        ) {
            (true, _) => Outcome::Right,
            (false, true) => Outcome::Asked,
            (false, false) => Outcome::Refused,
        };
        return (outcome, told);
    }
    let mut read: BTreeMap<(String, String), (u64, ExactCost)> = BTreeMap::new();
    let mut refused = None;
    let end = read_file(file.bytes.as_slice(), &recognition.plan, &mut |line| {
        match line {
            Ok(line) => {
                let campaign = line.campaign_name.unwrap_or_default().to_owned();
                let cell = read.entry((line.day.to_string(), campaign)).or_default();
                let clicks = line.clicks.get().unsigned_abs();
                *cell = (cell.0 + clicks, cell.1.checked_add(line.cost).unwrap_or_default());
            }
            Err(fault) => refused = refused.take().or(Some(fault.to_string())),
        }
        ControlFlow::Continue(())
    });
    if let Some(words) = refused.or(end.err().map(|error| error.to_string())) {
        return (Outcome::Refused, words);
    }
    let truth = file.truth.iter().map(|(key, (clicks, cents))| {
        let cost = ExactCost::parse_in(&cents.to_string(), 2).expect("an amount");
        (key.clone(), (*clicks, cost))
    });
    let truth: BTreeMap<_, _> = truth.collect();
    if file.foreign || truth != read {
        let differs = read.iter().find(|(key, value)| truth.get(*key) != Some(*value));
        return (Outcome::Wrong, format!("{differs:?}, {} cells of {}", read.len(), truth.len()));
    }
    (Outcome::Right, String::new())
}
