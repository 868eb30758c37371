//! Rows as CSV by RFC 4180.

use super::format::Format;

pub(super) struct Csv;

impl Format for Csv {
    fn content_type(&self) -> &'static str {
        "text/csv; charset=utf-8"
    }

    fn has_envelope(&self) -> bool {
        false
    }

    fn header(&self, names: &[&str]) -> String {
        format!("{}{}", names.join(","), self.row_end())
    }

    fn before(&self, place: usize, _: &str) -> String {
        if place == 0 { String::new() } else { ",".to_owned() }
    }

    fn text(&self, text: &str) -> String {
        if text.contains([',', '"', '\r', '\n']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    }

    fn row_end(&self) -> &'static str {
        "\r\n"
    }

    fn first_byte(&self) -> Option<u8> {
        None
    }

    fn end(&self) -> &'static str {
        ""
    }

    fn nothing(&self) -> &'static str {
        ""
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_are_quoted_as_the_csv_crate_quotes_them(text in r#"[a-zé=;,"\r\n \t]{1,8}"#) {
            let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
            writer.write_record(["", &text]).unwrap();
            let written = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            prop_assert_eq!(format!(",{}\r\n", Csv.text(&text)), written);
        }
    }
}
