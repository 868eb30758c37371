//! JSON, as one document or as one object a line.
//!
//! Items are read one by one and never collected. A number is parsed from its text, so cost never becomes a float. The keys
//! of an item are bound like a CSV header, again whenever they differ from the item before. [`super::read`] calls this.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read};
use std::ops::ControlFlow;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::cell::Cell;
use super::guard::{LineRules, Lines, Meter, Metered};
use super::header::{Binding, MAX_HEADERS, note};
use super::row::{Forms, RowBuilder};
use super::{EMPTY, FileError, Mapping, Sink, Summary, Unit};

pub(super) fn read_document(input: impl Read, mapping: &Mapping, sink: &mut Sink<'_>) -> Result<Summary, FileError> {
    let meter = Meter::default();
    let mut deserializer = serde_json::Deserializer::from_reader(Metered::buffered(input, &meter));
    let mut walk = Walk {
        items: Items::new(Unit::Item, mapping),
        meter: &meter,
        sink,
        listed: false,
        open: false,
        count: 0,
        stopped: None,
    };
    let read = Document(&mut walk).deserialize(&mut deserializer).and_then(|()| deserializer.end());
    let Walk { items, listed, open, count, stopped, .. } = walk;
    if let Some(end) = stopped {
        return end.map(|()| items.summary);
    }
    let refuse = |reason: String| Err(FileError::Refused(reason));
    match read {
        Ok(()) if !listed => refuse(format!("the file has no \"items\", expected {SHAPE}")),
        Ok(()) if count == 0 => refuse("\"items\" is empty, expected at least one".to_owned()),
        Ok(()) => Ok(items.summary),
        Err(_) if meter.overflowed() && open => refuse(format!("item {} is longer than 1 MiB", count + 1)),
        Err(_) if meter.overflowed() => {
            refuse(format!("more than 1 MiB stands outside of \"items\", expected {SHAPE}"))
        }
        Err(error) => Err(meter.nul().unwrap_or_else(|| file_error(error))),
    }
}

const SHAPE: &str = "{\"items\":[{…}]}";

fn file_error(error: serde_json::Error) -> FileError {
    if error.is_io() {
        return FileError::Io(io::Error::from(error));
    }
    FileError::Refused(if error.is_data() {
        // Serde's message about a value of the wrong type may repeat the value, however long it is.
        let (line, column) = (error.line(), error.column());
        format!("the file is JSON of another shape at line {line} column {column}: expected {SHAPE}")
    } else {
        format!("the file is not JSON: {error}")
    })
}

pub(super) fn read_lines(input: impl Read, mapping: &Mapping, sink: &mut Sink<'_>) -> Result<Summary, FileError> {
    let mut lines = Lines::new(input, LineRules::default());
    let mut items = Items::new(Unit::Line, mapping);
    let mut any = false;
    while lines.advance_to_record()? {
        any = true;
        let flow = if let Ok(text) = std::str::from_utf8(lines.line()) {
            items.hand_out(lines.number(), text.trim(), sink)
        } else {
            let reason = "got bytes that are not UTF-8, expected UTF-8 text";
            sink(Err(items.rows.fault(lines.number(), None, reason)))
        };
        if flow == ControlFlow::Break(()) {
            return Ok(items.summary);
        }
    }
    if any { Ok(items.summary) } else { Err(FileError::Refused(EMPTY.to_owned())) }
}

/// What the items of a file share.
struct Items<'m> {
    mapping: &'m Mapping,
    rows: RowBuilder<'m>,
    binding: Option<Binding<'m>>,
    summary: Summary,
}

impl<'m> Items<'m> {
    fn new(unit: Unit, mapping: &'m Mapping) -> Self {
        Self {
            mapping,
            rows: RowBuilder::new(unit, Forms::of_mapping(mapping)),
            binding: None,
            summary: Summary::default(),
        }
    }

    /// Passes on the item in `text`, or its errors.
    fn hand_out(&mut self, number: u64, text: &str, sink: &mut Sink<'_>) -> ControlFlow<()> {
        if let Some(kind) = kind_but_object(text) {
            return sink(Err(self.rows.fault(number, None, format!("got {kind}, expected an object {{…}}"))));
        }
        let Item(fields) = match serde_json::from_str(text) {
            Ok(item) => item,
            Err(error) => {
                let column = error.column();
                let words = error.to_string();
                let words = words.split(" at line ").next().unwrap_or_default();
                let reason = format!("not JSON at character {column}: {words}");
                return sink(Err(self.rows.fault(number, None, reason)));
            }
        };
        if fields.len() > MAX_HEADERS {
            let reason = format!("got {} keys, expected at most {MAX_HEADERS}", fields.len());
            return sink(Err(self.rows.fault(number, None, reason)));
        }
        let keys = || fields.iter().map(|(key, _)| key.as_str());
        if !self.binding.as_ref().is_some_and(|binding| binding.fits(keys())) {
            match Binding::new(keys(), self.mapping) {
                Ok(binding) => {
                    binding.note_ignored(&mut self.summary.ignored);
                    if self.summary.headers.is_empty() {
                        self.summary.headers = binding.headers().to_vec();
                    }
                    self.binding = Some(binding);
                }
                Err(clash) => {
                    return sink(Err(self.rows.fault(number, Some(clash.column.to_string()), clash.reason)));
                }
            }
        }
        let Some(binding) = &self.binding else { return ControlFlow::Continue(()) };
        let values: Vec<Value<'_>> = fields
            .iter()
            .enumerate()
            .map(|(index, (_, raw))| if binding.takes(index) { value(raw.get()) } else { Value::Nothing })
            .collect();
        let cells = binding.cells(|index| match &values[index] {
            Value::Nothing => Cell::Nothing,
            Value::Text(text) => Cell::Text(text),
            Value::Wrong(what) => Cell::Wrong(what),
        });
        self.rows.hand_out(number, binding, &cells, None, sink)
    }
}

/// What a JSON text is, if it isn't an object; malformed JSON is left to the parser's error.
fn kind_but_object(text: &str) -> Option<&'static str> {
    match text.bytes().next()? {
        b'[' => Some("a list"),
        b'"' => Some("text"),
        b'-' | b'0'..=b'9' => Some("a number"),
        _ => match text {
            "null" | "true" | "false" => Some("no object"),
            _ => None,
        },
    }
}

enum Value<'a> {
    Nothing,
    Text(Cow<'a, str>),
    Wrong(&'static str),
}

/// The value in `raw`, which is one JSON value.
fn value(raw: &str) -> Value<'_> {
    match raw.as_bytes() {
        [b'"', .., b'"'] if !raw.contains('\\') => Value::Text(Cow::Borrowed(&raw[1..raw.len() - 1])),
        [b'"', ..] => match serde_json::from_str(raw) {
            Ok(text) => Value::Text(Cow::Owned(text)),
            Err(_) => Value::Wrong("text with a \\u that names no character"),
        },
        [b'n', ..] => Value::Nothing,
        [b't', ..] => Value::Wrong("true"),
        [b'f', ..] => Value::Wrong("false"),
        [b'[', ..] => Value::Wrong("a list"),
        [b'{', ..] => Value::Wrong("an object"),
        _ => Value::Text(Cow::Borrowed(raw)),
    }
}

/// Keys and values of one item, each value as it was written, repeated keys included.
struct Item<'a>(Vec<(String, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Item<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Item<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Item(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// The state of reading a document.
struct Walk<'w, 'm, 's> {
    items: Items<'m>,
    meter: &'w Meter,
    sink: &'w mut Sink<'s>,
    /// Whether `items` has begun, and whether it has ended.
    listed: bool,
    open: bool,
    count: u64,
    /// The result, if reading was stopped inside of an item.
    stopped: Option<Result<(), FileError>>,
}

/// The object around the items, or the bare array of them (contract §4).
struct Document<'d, 'w, 'm, 's>(&'d mut Walk<'w, 'm, 's>);

impl<'de> DeserializeSeed<'de> for Document<'_, '_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHAPE)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        self.0.listed = true;
        List(self.0).visit_seq(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key != "items" {
                note(&key, false, &mut self.0.items.summary.ignored);
                map.next_value::<IgnoredAny>()?;
            } else if self.0.listed {
                self.0.stopped = Some(Err(FileError::Refused("\"items\" comes twice, expected it once".to_owned())));
                return Err(A::Error::custom("stopped"));
            } else {
                self.0.listed = true;
                map.next_value_seed(List(self.0))?;
            }
        }
        Ok(())
    }
}

/// The array of items.
struct List<'d, 'w, 'm, 's>(&'d mut Walk<'w, 'm, 's>);

impl<'de> DeserializeSeed<'de> for List<'_, '_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_, '_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self(walk) = self;
        walk.meter.reset();
        walk.open = true;
        while let Some(item) = list.next_element::<Box<RawValue>>()? {
            walk.count += 1;
            if walk.items.hand_out(walk.count, item.get(), walk.sink) == ControlFlow::Break(()) {
                walk.stopped = Some(Ok(()));
                return Err(A::Error::custom("stopped"));
            }
            walk.meter.reset();
        }
        walk.open = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
