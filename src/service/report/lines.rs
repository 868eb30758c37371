//! A campaign's rows as a template: their common text, with gaps for what differs.
//!
//! Day and publisher have a fixed length, so they are written into a text that is copied as a whole. What follows the first
//! figure is written piece by piece, because figures vary in length.

use std::collections::HashSet;
use std::sync::Arc;

use super::columns::{Column, Daily};
use super::format::Format;
use crate::domain::{Micros, ShortText, write_whole};
use crate::store::{CampaignRow, ReportRow};

/// `YYYY-MM-DD`.
pub(super) type DateText = [u8; 10];
pub(super) type PublisherText = [u8; uuid::fmt::Hyphenated::LENGTH];

const NO_DATE: &str = "----------";
const NO_PUBLISHER: &str = "------------------------------------";

/// The rows of a campaign.
pub(super) struct Line {
    /// The text before the first figure, and space for what follows.
    text: Box<[u8]>,
    /// Where that space begins.
    room_at: usize,
    date_at: Option<usize>,
    publisher_at: Option<usize>,
    /// Shared, because most campaigns have the same.
    tail: Arc<[Piece]>,
}

/// A value and the text after it, as much as fits into a piece.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Piece {
    value: Value,
    length: u8,
    text: [u8; PIECE],
}

/// Text is copied in pieces of this size, which takes a move or two and no call.
const PIECE: usize = 16;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Value {
    Nothing,
    Date,
    PublisherId,
    Cost,
    Clicks,
}

impl Piece {
    /// The space it needs while it is written. Numbers are stored in groups of eight digits, even if fewer are kept.
    fn room(&self) -> usize {
        let value = match self.value {
            Value::Nothing => 0,
            Value::Date => size_of::<DateText>(),
            Value::PublisherId => size_of::<PublisherText>(),
            Value::Cost => 33,
            Value::Clicks => 24,
        };
        value + PIECE
    }
}

/// Makes an advertiser's lines.
pub(super) struct LineMaker {
    columns: &'static [Column<Daily>],
    format: &'static dyn Format,
    tails: HashSet<Arc<[Piece]>>,
    longest: usize,
}

impl LineMaker {
    pub(super) fn new(columns: &'static [Column<Daily>], format: &'static dyn Format) -> Self {
        Self { columns, format, tails: HashSet::new(), longest: 0 }
    }

    /// The length of the longest line.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    pub(super) fn line(&mut self, row: &CampaignRow) -> Line {
        let (format, mut draft) = (self.format, Draft::default());
        for (place, column) in self.columns.iter().enumerate() {
            draft.text(&format.before(place, column.name));
            match column.source {
                Daily::Day => draft.fixed(Value::Date, &format.text(NO_DATE), NO_DATE),
                Daily::PublisherId => draft.fixed(Value::PublisherId, &format.text(NO_PUBLISHER), NO_PUBLISHER),
                Daily::OfferName => draft.text(&format.text(&row.offer.name)),
                Daily::App => draft.text(&format.text(&row.app)),
                Daily::StoreId => draft.text(&format.text(row.store.as_str())),
                Daily::Os => draft.text(&format.text(row.store.os().as_str())),
                Daily::CampaignName => draft.text(&format.text(&row.name)),
                Daily::CampaignId => draft.text(&format.text(&row.id.to_string())),
                Daily::Cost => draft.value(Value::Cost),
                Daily::Clicks => draft.value(Value::Clicks),
            }
        }
        draft.text(format.row_end());
        let Draft { mut text, date_at, publisher_at, tail } = draft;
        let room_at = text.len();
        text.resize(room_at + tail.iter().map(Piece::room).sum::<usize>(), 0);
        self.longest = self.longest.max(text.len());
        let tail = if let Some(known) = self.tails.get(tail.as_slice()) {
            Arc::clone(known)
        } else {
            let tail: Arc<[Piece]> = tail.into();
            self.tails.insert(Arc::clone(&tail));
            tail
        };
        Line { text: text.into(), room_at, date_at, publisher_at, tail }
    }
}

/// A line that is being made.
#[derive(Default)]
struct Draft {
    text: Vec<u8>,
    date_at: Option<usize>,
    publisher_at: Option<usize>,
    tail: Vec<Piece>,
}

impl Draft {
    fn text(&mut self, text: &str) {
        let mut rest = text.as_bytes();
        if self.tail.is_empty() {
            return self.text.extend_from_slice(rest);
        }
        while !rest.is_empty() {
            if self.tail.last().is_none_or(|last| usize::from(last.length) == PIECE) {
                self.value(Value::Nothing);
            }
            if let Some(last) = self.tail.last_mut() {
                let (at, taken) = (usize::from(last.length), rest.len().min(PIECE - usize::from(last.length)));
                last.text[at..at + taken].copy_from_slice(&rest[..taken]);
                last.length += u8::try_from(taken).unwrap_or_default();
                rest = &rest[taken..];
            }
        }
    }

    fn value(&mut self, value: Value) {
        self.tail.push(Piece { value, length: 0, text: [0; PIECE] });
    }

    /// A value of fixed length: `written` is how the format writes `blank`, its placeholder.
    fn fixed(&mut self, value: Value, written: &str, blank: &str) {
        let (before, after) = written.split_once(blank).unwrap_or((written, ""));
        self.text(before);
        let place = match value {
            Value::Date => Some(&mut self.date_at),
            Value::PublisherId => Some(&mut self.publisher_at),
            Value::Nothing | Value::Cost | Value::Clicks => None,
        };
        match place.filter(|place| place.is_none() && self.tail.is_empty()) {
            Some(place) => {
                *place = Some(self.text.len());
                self.text.extend_from_slice(blank.as_bytes());
            }
            None => self.value(value),
        }
        self.text(after);
    }
}

impl Line {
    pub(super) fn write(&self, date: &DateText, publisher: &PublisherText, row: &ReportRow, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.text);
        put(date, start, self.date_at, out);
        put(publisher, start, self.publisher_at, out);
        let end_at = start + self.room_at;
        let mut end = ShortText::new(out.get_mut(end_at..).unwrap_or_default());
        for Piece { value, length, text } in &*self.tail {
            match value {
                Value::Nothing => {}
                Value::Date => end.push(date, date.len()),
                Value::PublisherId => end.push(publisher, publisher.len()),
                Value::Cost => Micros::write_to(row.cost, &mut end),
                // It was checked when it was read, so the cast keeps its value.
                Value::Clicks => write_whole(row.clicks.unsigned_abs(), &mut end),
            }
            end.push(text, usize::from(*length));
        }
        let length = end.length();
        out.truncate(end_at + length);
    }
}

/// Overwrites a part of the line. The length is a compile-time constant, so it takes a few moves and no call.
#[inline]
fn put<const N: usize>(piece: &[u8; N], start: usize, at: Option<usize>, out: &mut [u8]) {
    if let Some(place) = at.and_then(|at| out.get_mut(start + at..)?.first_chunk_mut::<N>()) {
        *place = *piece;
    }
}
