//! Rows as an array of JSON objects.

use super::format::Format;

pub(super) struct Json;

impl Format for Json {
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn has_envelope(&self) -> bool {
        true
    }

    fn header(&self, _: &[&str]) -> String {
        String::new()
    }

    /// Each row brings the comma that parts it from the one before; the first has the array's bracket in its place.
    fn before(&self, place: usize, name: &str) -> String {
        format!("{}{}:", if place == 0 { ",{" } else { "," }, self.text(name))
    }

    fn text(&self, text: &str) -> String {
        serde_json::Value::from(text).to_string()
    }

    fn row_end(&self) -> &'static str {
        "}"
    }

    fn first_byte(&self) -> Option<u8> {
        Some(b'[')
    }

    fn end(&self) -> &'static str {
        "]"
    }

    fn nothing(&self) -> &'static str {
        "[]"
    }
}
