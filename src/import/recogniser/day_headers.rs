//! What an unknown header of a column of days means: the day itself, or another event, such as the start of a campaign. In
//! the languages of exports.

use super::header_words::words;

/// Words for a day.
const DAYS: [&str; 22] = [
    "date", "day", "datum", "tag", "fecha", "día", "dia", "data", "jour", "giorno", "dzień", "дата", "день", "tarih",
    "tarihi", "gün", "dato", "dag", "日付", "日期", "일자", "날짜",
];

/// Beginnings of words for something that happened on a day.
const EVENTS: [&str; 58] = [
    "begin",
    "began",
    "creat",
    "updat",
    "launch",
    "modif",
    "install",
    "birth",
    "invoice",
    "payment",
    "paid",
    "join",
    "expir",
    "week",
    "publish",
    "regist",
    "flight",
    "edited",
    "last",
    "anfang",
    "enddat",
    "erstell",
    "angelegt",
    "geänder",
    "änderung",
    "lancement",
    "début",
    "debut",
    "créa",
    "finaliz",
    "inici",
    "iníci",
    "creac",
    "lanzamiento",
    "término",
    "termino",
    "cria",
    "lançamento",
    "inizi",
    "creaz",
    "lancio",
    "rozpocz",
    "począt",
    "zakończ",
    "utworz",
    "uruchom",
    "начал",
    "создан",
    "оконч",
    "заверш",
    "конец",
    "запуск",
    "изменен",
    "обновлен",
    "başla",
    "bitiş",
    "oluştur",
    "güncelle",
];

/// Whole words for the same.
const EVENT_WORDS: [&str; 9] = ["end", "ended", "ends", "ending", "due", "fin", "fim", "fine", "ende"];

/// Parts of words for the same, in scripts without blanks between words and in German compounds.
const EVENT_PARTS: [&str; 14] =
    ["start", "開始", "开始", "終了", "结束", "結束", "作成", "创建", "創建", "建立", "更新", "修改", "시작", "종료"];

/// Whether an unknown header means a day: `Ad_Date`, but not the start, end or birthday of something.
pub(super) fn speaks_of_days(header: &str) -> bool {
    words(header).split(' ').any(|word| DAYS.contains(&word)) && !speaks_of_events(header)
}

/// Whether a header says that something happened on these days.
pub(super) fn speaks_of_events(header: &str) -> bool {
    let words = words(header);
    EVENT_PARTS.iter().any(|part| words.contains(part))
        || words
            .split(' ')
            .any(|word| EVENT_WORDS.contains(&word) || EVENTS.iter().any(|start| word.starts_with(start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_told_from_what_happened_on_it() {
        for header in ["Ad_Date", "Spend date", "Datum", "Stat Day", "Tarihi", "Дата показа"] {
            assert!(speaks_of_days(header) && !speaks_of_events(header), "{header}");
        }
        for header in [
            "Start date",
            "Kampagnenstart",
            "Date de début",
            "Дата начала",
            "Fecha de inicio",
            "Data rozpoczęcia",
            "開始日",
            "创建时间",
            "Erstellt am",
            "Data de início",
            "Başlangıç tarihi",
            "Last edited date",
        ] {
            assert!(!speaks_of_days(header) && speaks_of_events(header), "{header}");
        }
    }
}
