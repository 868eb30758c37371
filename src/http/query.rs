//! Parses the query of a report: names in any case, unknown ones ignored, repeated ones refused (contract §1).

use crate::domain::{Invalid, RawReport, ReportKind};

/// Parses the parameters of this kind of report.
pub fn report(kind: ReportKind, query: &str) -> Result<RawReport, Invalid> {
    let mut raw = RawReport::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let (field, slot) = match name.to_ascii_lowercase().as_str() {
            "date_from" => ("date_from", &mut raw.date_from),
            "date_to" => ("date_to", &mut raw.date_to),
            "offerid" if kind == ReportKind::General => ("offerId", &mut raw.offer_id),
            _ => continue,
        };
        if let Some(first) = slot.replace(value.into_owned()) {
            let (first, second) = (Invalid::echo(&first), Invalid::echo(slot.as_deref().unwrap_or_default()));
            return Err(Invalid::because(field, format!("got {first} and {second}, expected it once")));
        }
    }
    Ok(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_in_any_case_and_others_are_ignored() {
        let raw = report(
            ReportKind::General,
            "DATE_FROM=2024-01-01&utm=x&Date_To=2024-01-31T00%3A00%3A00%2B02%3A00&OFFERID=a",
        )
        .unwrap();
        assert_eq!(raw.date_from.as_deref(), Some("2024-01-01"));
        assert_eq!(raw.date_to.as_deref(), Some("2024-01-31T00:00:00+02:00"));
        assert_eq!(raw.offer_id.as_deref(), Some("a"));
    }

    #[test]
    fn the_singular_report_knows_no_offer() {
        let raw = report(ReportKind::Singular, "offerId=a&offerId=b").unwrap();
        assert_eq!(raw, RawReport::default());
    }

    #[test]
    fn a_repeated_parameter_is_refused_with_both_values() {
        let error = report(ReportKind::General, "date_from=2024-01-01&Date_From=2024-01-02").unwrap_err().to_string();
        assert_eq!(error, "date_from: got \"2024-01-01\" and \"2024-01-02\", expected it once");
    }
}
