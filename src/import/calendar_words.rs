//! The names of months and weekdays, and the little words of dates, in the languages that exports come in: English, German,
//! French, Spanish, Portuguese, Italian, Polish, Russian, Turkish, Dutch, Chinese, Japanese and Korean.

use std::collections::HashMap;
use std::sync::LazyLock;

/// What a word within a date says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DateWord {
    /// A month, from 1.
    Month(u8),
    /// A name that is a month in one language and a weekday in another: `mar.` is mardi and März.
    MonthOrWeekday(u8),
    /// A weekday, which says nothing new.
    Weekday,
    /// A word such as the Spanish `de`, or the ending of an ordinal number.
    Filler,
    /// The mark behind a year, a month or a day in Chinese, Japanese and Korean.
    Mark(Part),
}

/// A part of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Year,
    Month,
    Day,
}

/// Month by month: how it is called, and what it is cut to.
const MONTHS: [&str; 12] = [
    "january jan januar jän jänner janvier janv enero ene janeiro gennaio gen stycznia styczeń sty января январь янв ocak oca januari",
    "february feb februar février fevrier févr fév fevr febrero fevereiro fev febbraio febb lutego luty lut февраля февраль фев февр \
     şubat şub subat sub februari",
    "march mar märz maerz mär mrz mars marzo março marco marca marzec марта март мар mart maart mrt",
    "april apr avril avr abril abr aprile kwietnia kwiecień kwi апреля апрель апр nisan nis",
    "may mai mayo maio maggio mag maja maj мая май mayıs mayis mei",
    "june jun juni juin junio junho giugno giu czerwca czerwiec cze июня июнь июн haziran haz",
    "july jul juli juillet juil julio julho luglio lug lipca lipiec lip июля июль июл temmuz tem",
    "august aug août aout agosto ago sierpnia sierpień sie августа август авг ağustos ağu agustos agu augustus",
    "september sep sept septembre septiembre setiembre setembro set settembre sett września wrzesień wrz сентября сентябрь сен сент \
     eylül eyl eylul",
    "october oct oktober okt octobre octubre outubro out ottobre ott października październik paź paz октября октябрь окт ekim eki",
    "november nov novembre noviembre novembro listopada listopad lis ноября ноябрь ноя нояб kasım kas kasim",
    "december dec dezember dez décembre decembre déc diciembre dic dezembro dicembre grudnia grudzień gru декабря декабрь дек \
     aralık ara aralik",
];

const WEEKDAYS: &str = "monday mon tuesday tue tues wednesday wed thursday thu thur thurs friday fri saturday sat sunday sun \
    montag mo dienstag di mittwoch mi donnerstag do freitag fr samstag sonnabend sa sonntag so \
    lundi lun mardi mercredi mer jeudi jeu vendredi ven samedi sam dimanche dim \
    lunes martes miércoles miercoles mié mie jueves jue viernes vie sábado sabado sáb sab domingo dom \
    segunda feira seg terça terca ter quarta qua quinta qui sexta sex \
    lunedì lunedi martedì martedi mercoledì mercoledi giovedì giovedi gio venerdì venerdi sabato domenica \
    poniedziałek pon wtorek wt środa śr czwartek czw piątek pt sobota sob niedziela nd niedz \
    понедельник пн вторник вт среда ср четверг чт пятница пт суббота сб воскресенье вс \
    pazartesi pzt salı sal çarşamba çar perşembe per cuma cum cumartesi cmt pazar \
    maandag ma dinsdag woensdag wo donderdag vrijdag vr zaterdag za zondag zo \
    月 火 水 木 金 土 月曜日 火曜日 水曜日 木曜日 金曜日 土曜日 日曜日 星期一 星期二 星期三 星期四 星期五 星期六 星期日 星期天 \
    周一 周二 周三 周四 周五 周六 周日 週一 週二 週三 週四 週五 週六 週日 월 화 수 목 금 토 월요일 화요일 수요일 목요일 금요일 토요일 일요일";

/// Months whose name is a weekday too.
const BOTH: &str = "mar lun";

const FILLERS: &str = "de del of di du den the le el al st nd rd th er ro г года r";

/// All of them. A word of several lists counts as a mark, a month, a weekday, in this order.
static WORDS: LazyLock<HashMap<&str, DateWord>> = LazyLock::new(|| {
    let fillers = FILLERS.split_whitespace().map(|word| (word, DateWord::Filler));
    let weekdays = WEEKDAYS.split_whitespace().map(|word| (word, DateWord::Weekday));
    let mut words: HashMap<&str, DateWord> = fillers.chain(weekdays).collect();
    for (month, names) in (1..=12).zip(MONTHS).rev() {
        for name in names.split_whitespace() {
            let is_both = BOTH.split_whitespace().any(|both| both == name);
            words.insert(name, if is_both { DateWord::MonthOrWeekday(month) } else { DateWord::Month(month) });
        }
    }
    let marks = [(Part::Year, "年 년"), (Part::Month, "月 월"), (Part::Day, "日 일 号 號")];
    for (part, names) in marks {
        words.extend(names.split_whitespace().map(|name| (name, DateWord::Mark(part))));
    }
    words
});

/// What a word says; `None` for one that does not belong into a date.
pub(super) fn date_word(word: &str) -> Option<DateWord> {
    // The capital dotted I of Turkish leaves its dot behind.
    WORDS.get(word.to_lowercase().replace('\u{307}', "").as_str()).copied()
}
