//! Collects a report's bytes into chunks.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes};

use super::ReportTotals;
use super::dimensions::{DayWriter, Dimensions};
use super::format::Format;
use super::segments::Segment;
use crate::domain::MicrosSum;
use crate::service::ServiceResult;
use crate::store::{ReadTxn, StatScan};

/// The size of a chunk. Rows come in batches, so chunks of many rows are about 10 KiB larger.
const CHUNK: usize = 48 * 1024;

/// From this size on, a rendered day is passed on as it is instead of being copied into a chunk.
const COPY_LIMIT: usize = 16 * 1024;

/// Collects bytes into chunks, and adds the format's text between rows.
pub(super) struct Output {
    format: &'static dyn Format,
    pub(super) totals: ReportTotals,
    buffer: Vec<u8>,
    chunks: VecDeque<Bytes>,
    spare: Vec<u8>,
}

impl Output {
    pub(super) fn new(format: &'static dyn Format) -> Self {
        let totals = ReportTotals::default();
        Self { format, totals, buffer: Vec::new(), chunks: VecDeque::new(), spare: Vec::new() }
    }

    /// The next chunk, if there is one.
    pub(super) fn take(&mut self) -> Option<Bytes> {
        self.chunks.pop_front()
    }

    /// How many bytes are ready.
    pub(super) fn waiting(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.len() as u64).sum()
    }

    /// Whether no bytes are ready.
    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub(super) fn reuse(&mut self, memory: Vec<u8>) {
        self.spare = memory;
    }

    pub(super) fn format(&self) -> &'static dyn Format {
        self.format
    }

    /// The text before all rows.
    pub(super) fn header(&mut self, names: &[&str]) {
        self.buffer.extend_from_slice(self.format.header(names).as_bytes());
    }

    /// The length of `bytes` bytes of rendered days, together with what is there already and the end.
    pub(super) fn length_around(&self, bytes: u64) -> u64 {
        let end = if bytes == 0 { self.format.nothing() } else { self.format.end() };
        self.buffer.len() as u64 + bytes + end.len() as u64
    }

    /// A row as the format writes it.
    pub(super) fn row(&mut self, row: &[u8], cost: MicrosSum) {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(row);
        self.begin_rows(start);
        self.totals.rows += 1;
        self.totals.cost += cost;
        self.flush_full();
    }

    /// Replaces the first byte of the first row, which is at `start`.
    fn begin_rows(&mut self, start: usize) {
        if self.totals.rows == 0
            && let Some(first) = self.format.first_byte()
            && let Some(place) = self.buffer.get_mut(start)
        {
            *place = first;
        }
    }

    pub(super) fn segment(&mut self, segment: &Segment) {
        if segment.rows == 0 {
            return;
        }
        let mut bytes = segment.bytes.clone();
        if self.totals.rows == 0
            && let Some(first) = self.format.first_byte()
        {
            self.buffer.push(first);
            bytes.advance(1);
        }
        self.totals.rows += segment.rows;
        self.totals.cost += segment.cost;
        if bytes.len() < COPY_LIMIT {
            self.make_room();
            self.buffer.extend_from_slice(&bytes);
            return self.flush_full();
        }
        self.flush();
        // In pieces, so that the sender need not hold a whole day at once.
        while bytes.len() > CHUNK + COPY_LIMIT {
            self.chunks.push_back(bytes.split_to(CHUNK));
        }
        self.chunks.push_back(bytes);
    }

    /// Rows directly from the store, until a chunk is full; returns whether there may be more.
    pub(super) fn rows(
        &mut self,
        txn: &ReadTxn<'_>,
        scan: &mut StatScan,
        dimensions: &Dimensions,
    ) -> ServiceResult<bool> {
        self.make_room();
        let mut day = None;
        while self.buffer.len() < CHUNK {
            let rows = scan.next(txn)?;
            if rows.is_empty() {
                return Ok(false);
            }
            for row in rows {
                let writer = match &mut day {
                    Some((of, writer)) if *of == row.day => writer,
                    day => &mut day.insert((row.day, dimensions.day(row.day)?)).1,
                };
                let Some(campaign) = DayWriter::campaign(writer, row)? else { continue };
                let start = self.buffer.len();
                writer.write(campaign, row, &mut self.buffer)?;
                if self.totals.rows == 0 {
                    self.begin_rows(start);
                }
                self.totals.rows += 1;
                self.totals.cost += row.cost.into();
            }
        }
        self.flush();
        Ok(true)
    }

    /// Allocates the buffer. Rows come in batches and can exceed a chunk, hence the extra space.
    fn make_room(&mut self) {
        if self.buffer.capacity() < CHUNK {
            let mut buffer = std::mem::take(&mut self.spare);
            buffer.clear();
            buffer.reserve(CHUNK + 16 * 1024);
            buffer.extend_from_slice(&self.buffer);
            self.buffer = buffer;
        }
    }

    fn flush_full(&mut self) {
        if self.buffer.len() >= CHUNK {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if !self.buffer.is_empty() {
            self.chunks.push_back(std::mem::take(&mut self.buffer).into());
        }
    }

    /// Adds the format's text after all rows.
    pub(super) fn finish(&mut self) {
        let end = if self.totals.rows == 0 { self.format.nothing() } else { self.format.end() };
        self.buffer.extend_from_slice(end.as_bytes());
        self.flush();
    }
}
