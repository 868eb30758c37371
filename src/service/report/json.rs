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

    /// Each row begins with the comma that separates it from the one before; in the first row the array's bracket replaces
    /// it.
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
