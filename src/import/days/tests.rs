//! Which texts are days, and in which order.

use proptest::prelude::*;

use super::*;

const ORDERS: [DayOrder; 3] = [DayOrder::DayFirst, DayOrder::MonthFirst, DayOrder::YearFirst];

/// The days in each order, or `-`.
fn read(text: &str) -> String {
    let readings = DayReadings::of(text).unwrap_or_default();
    let days = ORDERS.map(|order| readings.day(order).map_or("-".to_owned(), |day| day.to_string()));
    if days.iter().all(|day| *day == days[0]) { days[0].clone() } else { days.join(" ") }
}

#[test]
fn a_day_is_the_same_however_it_is_written() {
    for text in [
        "1 Aug 2023",
        "1-Aug-23",
        "01-Aug-2023",
        "Aug 1 2023",
        "Aug 1, 2023",
        "Aug. 1st, 2023",
        "August 1, 2023",
        "Tue, Aug 1, 2023",
        "Tuesday, August 1, 2023",
        "Tue, 1 Aug 2023",
        "2023 Aug 1",
        "2023-Aug-01",
        "1. August 2023",
        "Di., 1. Aug. 2023",
        "1 août 2023",
        "mar. 1 août 2023",
        "mardi 1er août 2023",
        "1 de agosto de 2023",
        "mar, 1 ago 2023",
        "1 ago. 2023",
        "1 sierpnia 2023",
        "1 sie 2023",
        "1 августа 2023 г.",
        "1 авг. 2023",
        "1 Ağustos 2023",
        "01 AĞU 2023",
        "1 agosto 2023",
        "2023年8月1日",
        "2023年08月01日(火)",
        "2023年8月1日 火曜日",
        "2023년 8월 1일",
        "45139",
        "45139.0",
        "Aug 1, 2023, 12:00:00 AM",
        "1 Aug 2023 00:00 UTC",
    ] {
        let expected = if text == "1-Aug-23" { "2023-08-01 2023-08-01 2001-08-23" } else { "2023-08-01" };
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn numbers_alone_leave_the_order_open() {
    for (text, expected) in [
        ("2023-08-01", "- - 2023-08-01"),
        ("2023/8/1", "- - 2023-08-01"),
        ("2023.08.01", "- - 2023-08-01"),
        ("20230801", "- - 2023-08-01"),
        ("01082023", "2023-08-01 2023-01-08 -"),
        ("01/08/2023", "2023-08-01 2023-01-08 -"),
        ("31.08.2023", "2023-08-31 - -"),
        ("8-31-2023", "- 2023-08-31 -"),
        ("01/01/24", "2024-01-01 2024-01-01 2001-01-24"),
        ("19/01/24", "2024-01-19 - 2019-01-24"),
        ("08/08/2023", "2023-08-08 2023-08-08 -"),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn times_and_zones_do_not_move_the_day() {
    for text in [
        "2023-08-01T00:00:00Z",
        "2023-08-01T23:59:59.999+02:00",
        "2023-08-01T00:00Z",
        "2023-08-01 00:00:00 UTC",
        "2023-08-01 00:00:00+00",
        "2023-08-01 00:00:00+00:00",
        "2023-08-01 00:00:00 +0000 UTC",
        "2023-08-01 00:00:00.000000",
        "2023/8/1 0:00",
        "2023-08-01 12:00 a.m.",
        "2023-08-01T00:00:00+02:00[Europe/Berlin]",
        "2023-08-01 00:00 (GMT+2)",
        "2023-08-01 00:00 America/New_York",
    ] {
        assert_eq!(read(text), "- - 2023-08-01", "{text}");
    }
    for text in ["31.08.2023 00:00", "31/8/2023 12:00:00 AM", "31/08/2023 00:00:00", "31/08/2023, 9 PM"] {
        assert_eq!(read(text), "2023-08-31 - -", "{text}");
    }
}

#[test]
fn what_is_no_day_has_no_reading() {
    for text in [
        "",
        "Brand",
        "Brand 2023",
        "2023",
        "2023-08",
        "Aug 2023",
        "14.5",
        "1,234.56",
        "12:30",
        "2023-13-01",
        "2023-02-30",
        "1/2-2023",
        "1899-12-31",
        "Week 31 2023",
        "-1-2-2023x",
        "1 2",
        "123/08/2023",
        "2023-08-01 25:00",
        "2023-08-01 10:61",
        "199999",
        "12",
        "$1.2.2023",
        "2023-08-01 - 2023-08-31",
        "Aug 1 - Aug 31, 2023",
    ] {
        assert_eq!(read(text), "-", "{text}");
    }
}

#[test]
fn the_form_of_numbers_is_kept() {
    let shape = |text: &str| DayReadings::of(text).unwrap().shape.map(|shape| (shape.separator, shape.padded));
    assert_eq!(shape("01/8/2023"), Some(('/', [Some(true), Some(false)])));
    assert_eq!(shape("2023-12-1"), Some(('-', [None, Some(false)])));
    assert_eq!(shape("1 Aug 2023"), None);
}

proptest! {
    #[test]
    fn plain_numbers_mean_what_they_mean_among_words(text in "[0-9]{1,5}([-/. ][0-9]{1,5}){0,3}[-/.]?") {
        prop_assert_eq!(DayReadings::of(&text), DayReadings::of_parts(&text));
    }

    #[test]
    fn plain_dates_mean_what_they_mean_among_words(text in "(20[0-9]{2}|[0-9]{1,2})([-/.][0-3]?[0-9]){2}([-/.]20[0-9]{2})?") {
        prop_assert_eq!(DayReadings::of(&text), DayReadings::of_parts(&text));
    }

    #[test]
    fn any_text_is_read_or_refused_without_a_panic(text in "([0-9]{1,8}|[-/., :TZ+]|Aug|年|月|mar|\\PC){0,10}") {
        let _ = DayReadings::of(&text);
        for order in ORDERS {
            let _ = DateForm::Parts(order).parse(&text);
        }
    }

    #[test]
    fn every_day_is_read_in_its_own_order(stored in 10_957_i64..84_005) {
        let day = Day::from_stored(stored).unwrap();
        for (order, pattern) in [
            (DayOrder::DayFirst, "%d/%m/%Y"), (DayOrder::MonthFirst, "%m-%d-%Y"), (DayOrder::YearFirst, "%Y.%m.%d"),
            (DayOrder::YearFirst, "%Y%m%d"), (DayOrder::DayFirst, "%a, %B %e, %Y"), (DayOrder::MonthFirst, "%d-%b-%Y"),
        ] {
            let text = day.date().format(pattern).to_string();
            prop_assert_eq!(DateForm::Parts(order).parse(&text).unwrap(), day, "{}", text);
        }
    }
}
