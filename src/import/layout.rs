//! The layout of a table's text: its encoding and separator. [`Decoded`] converts it to UTF-8 while it is read.

use std::io::{self, BufRead as _, BufReader, Read};
use std::str::FromStr;

use encoding_rs::{Decoder, DecoderResult, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::Invalid;

/// A text encoding: one that the web knows by a label (WHATWG).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding(&'static encoding_rs::Encoding);

impl Encoding {
    /// With a byte order mark or without.
    pub const UTF_8: Self = Self(UTF_8);
    /// Two bytes a character, the lower first.
    pub const UTF_16LE: Self = Self(UTF_16LE);
    /// Two bytes a character, the upper first.
    pub const UTF_16BE: Self = Self(UTF_16BE);
    /// Excel for Windows writes this as plain "CSV" in Western Europe.
    pub const WINDOWS_1252: Self = Self(WINDOWS_1252);

    /// Its WHATWG name, such as `UTF-8` or `windows-1251`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The text, if all bytes are valid.
    pub(super) fn decode(self, bytes: &[u8]) -> Option<String> {
        self.0.decode_without_bom_handling_and_without_replacement(bytes).map(Into::into)
    }

    /// `None` for UTF-8, which needs none.
    pub(super) fn decoder(self) -> Option<Decoder> {
        if self == Self::UTF_8 {
            None
        } else if self == Self::UTF_16LE || self == Self::UTF_16BE {
            Some(self.0.new_decoder_with_bom_removal())
        } else {
            Some(self.0.new_decoder_without_bom_handling())
        }
    }
}

impl Default for Encoding {
    fn default() -> Self {
        Self::UTF_8
    }
}

impl FromStr for Encoding {
    type Err = Invalid;

    fn from_str(label: &str) -> Result<Self, Invalid> {
        encoding_rs::Encoding::for_label_no_replacement(label.as_bytes())
            .map(Self)
            .ok_or_else(|| Invalid::value("encoding", label, "a WHATWG label such as utf-8, windows-1251 or shift_jis"))
    }
}

/// In lower case.
impl Serialize for Encoding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name().to_ascii_lowercase())
    }
}

impl<'de> Deserialize<'de> for Encoding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The separator of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Separator {
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    Tab,
    /// `|`
    Pipe,
}

impl Separator {
    pub(super) const ALL: [Self; 4] = [Self::Comma, Self::Semicolon, Self::Tab, Self::Pipe];

    /// Its byte in the file.
    pub(super) fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Pipe => b'|',
        }
    }

    /// As people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Comma => "comma",
            Self::Semicolon => "semicolon",
            Self::Tab => "tab",
            Self::Pipe => "vertical bar",
        }
    }
}

/// Reads bytes as UTF-8. Bytes that are UTF-8 already are passed through.
pub(super) struct Decoded<R> {
    input: BufReader<R>,
    decoder: Option<Decoder>,
    ended: bool,
    /// What was decoded and didn't fit into the reader's buffer.
    rest: Vec<u8>,
    handed: usize,
}

impl<R: Read> Decoded<R> {
    pub(super) fn new(input: R, encoding: Encoding) -> Self {
        let decoder = encoding.decoder();
        Self { input: BufReader::new(input), decoder, ended: false, rest: Vec::new(), handed: 0 }
    }

    /// Decodes what the input has ready into `rest`.
    fn decode(&mut self, decoder: &mut Decoder) -> io::Result<()> {
        let bytes = self.input.fill_buf()?;
        let last = bytes.is_empty();
        let most = decoder.max_utf8_buffer_length_without_replacement(bytes.len());
        self.rest.resize(most.unwrap_or(bytes.len() * 3), 0);
        let (result, read, written) = decoder.decode_to_utf8_without_replacement(bytes, &mut self.rest, last);
        self.input.consume(read);
        self.rest.truncate(written);
        self.handed = 0;
        self.ended = last;
        match result {
            DecoderResult::Malformed(..) => Err(io::Error::new(io::ErrorKind::InvalidData, Torn)),
            _ => Ok(()),
        }
    }
}

/// The bytes aren't valid in the assumed encoding.
#[derive(Debug, thiserror::Error)]
#[error("the file holds characters that are cut in half: save it again as UTF-8 CSV")]
pub(super) struct Torn;

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(mut decoder) = self.decoder.take() else { return self.input.read(buffer) };
        let mut outcome = Ok(());
        while outcome.is_ok() && self.handed == self.rest.len() && !self.ended {
            outcome = self.decode(&mut decoder);
        }
        self.decoder = Some(decoder);
        outcome?;
        let rest = &self.rest[self.handed..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.handed += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns at most this many bytes at a time.
    struct Slowly<'a>(&'a [u8], usize);

    impl Read for Slowly<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = buffer.len().min(self.1);
            self.0.read(&mut buffer[..most])
        }
    }

    proptest! {
        #[test]
        fn text_is_the_same_in_every_encoding(text in "\\PC{0,40}", step in 1_usize..9, mark in any::<bool>()) {
            // A byte order mark that belongs to the text must not be taken for the file's.
            let text = text.trim_start_matches('\u{feff}');
            let units: Vec<u16> = mark.then_some(0xFEFF).into_iter().chain(text.encode_utf16()).collect();
            let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
            for (encoding, bytes) in
                [(Encoding::UTF_8, text.as_bytes()), (Encoding::UTF_16LE, &little), (Encoding::UTF_16BE, &big)]
            {
                let mut read = String::new();
                Decoded::new(Slowly(bytes, step), encoding).read_to_string(&mut read).unwrap();
                prop_assert_eq!(&read, text, "{:?}", encoding);
            }
        }
    }

    #[test]
    fn windows_1252_and_half_a_character() {
        let mut read = String::new();
        Decoded::new(&b"Caf\xE9 \x80"[..], Encoding::WINDOWS_1252).read_to_string(&mut read).unwrap();
        assert_eq!(read, "Café €");
        let error = Decoded::new(&b"d\0a"[..], Encoding::UTF_16LE).read_to_string(&mut read).unwrap_err();
        assert!(error.to_string().contains("cut in half"), "{error}");
    }
}
