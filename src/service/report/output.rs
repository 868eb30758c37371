//! Gathers a report's bytes into chunks for the sink.

use bytes::Buf as _;

use super::dimensions::Dimensions;
use super::segments::Segment;
use super::{ReportSink, ReportTotals};
use crate::domain::{MicrosSum, ReportFormat};
use crate::service::{ServiceError, ServiceResult};
use crate::store::DayReader;

/// How much is gathered before it goes to the sink.
const CHUNK: usize = 64 * 1024;

/// A rendered day from this size on is handed over as it is instead of being copied into a chunk.
const COPY_LIMIT: usize = 16 * 1024;

/// Gathers bytes into chunks for the sink, and puts between the rows what the format wants there.
pub(super) struct Output<'s> {
    pub(super) format: ReportFormat,
    sink: &'s mut dyn ReportSink,
    buffer: Vec<u8>,
    totals: ReportTotals,
}

impl<'s> Output<'s> {
    pub(super) fn new(format: ReportFormat, sink: &'s mut dyn ReportSink) -> Self {
        Self { format, sink, buffer: Vec::new(), totals: ReportTotals::default() }
    }

    pub(super) fn header(&mut self, csv: &str) {
        if self.format == ReportFormat::Csv {
            self.buffer.extend_from_slice(csv.as_bytes());
        }
    }

    /// Room for the next row, behind what JSON wants before it.
    pub(super) fn row(&mut self, cost: impl Into<MicrosSum>) -> &mut Vec<u8> {
        if self.format == ReportFormat::Json {
            self.buffer.push(if self.totals.rows == 0 { b'[' } else { b',' });
        }
        self.totals.rows += 1;
        self.totals.cost += cost.into();
        &mut self.buffer
    }

    /// A rendered day.
    pub(super) fn segment(&mut self, segment: &Segment) -> ServiceResult<()> {
        if segment.rows == 0 {
            return Ok(());
        }
        let mut bytes = segment.bytes.clone();
        if self.format == ReportFormat::Json && self.totals.rows == 0 {
            self.buffer.push(b'[');
            bytes.advance(1);
        }
        self.totals.rows += segment.rows;
        self.totals.cost += segment.cost;
        if bytes.len() < COPY_LIMIT {
            self.make_room();
            self.buffer.extend_from_slice(&bytes);
            return self.flush_full();
        }
        self.flush()?;
        self.totals.bytes += bytes.len() as u64;
        // In pieces, so that what sends them need not hold a whole day at once.
        while bytes.len() > CHUNK + COPY_LIMIT {
            self.sink.chunk(bytes.split_to(CHUNK))?;
        }
        self.sink.chunk(bytes)
    }

    /// A day straight from the store, where nothing is kept.
    pub(super) fn day(&mut self, reader: &mut DayReader<'_>, dimensions: &Dimensions, day: i64) -> ServiceResult<()> {
        let mut writer = dimensions.day(day)?;
        let mut read = 0;
        self.make_room();
        reader.scan(day, |row| {
            read += 1;
            if let Some(campaign) = writer.campaign(&row)? {
                let start = self.buffer.len();
                writer.write(campaign, &row, &mut self.buffer)?;
                if self.totals.rows == 0 && self.format == ReportFormat::Json {
                    // The comma that each row brings is the bracket of the first.
                    self.buffer[start] = b'[';
                }
                self.totals.rows += 1;
                self.totals.cost += row.cost.into();
                if self.buffer.len() >= CHUNK {
                    self.flush()?;
                    self.make_room();
                }
            }
            Ok::<_, ServiceError>(())
        })?;
        dimensions.note_day(read);
        Ok(())
    }

    /// Gets the buffer its memory. Rows overshoot a chunk by less than a row, which is what the extra room is for.
    fn make_room(&mut self) {
        if self.buffer.capacity() < CHUNK {
            let mut buffer = self.sink.spare().unwrap_or_default();
            buffer.clear();
            buffer.reserve(CHUNK + 4096);
            buffer.extend_from_slice(&self.buffer);
            self.buffer = buffer;
        }
    }

    pub(super) fn flush_full(&mut self) -> ServiceResult<()> {
        if self.buffer.len() >= CHUNK { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> ServiceResult<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let full = std::mem::take(&mut self.buffer);
        self.totals.bytes += full.len() as u64;
        self.sink.chunk(full.into())
    }

    pub(super) fn finish(mut self) -> ServiceResult<ReportTotals> {
        if self.format == ReportFormat::Json {
            self.buffer.extend_from_slice(if self.totals.rows == 0 { b"[]" } else { b"]" });
        }
        self.flush()?;
        Ok(self.totals)
    }
}
