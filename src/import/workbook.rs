//! A sheet of a workbook as CSV: one line per row, so that line and row numbers are equal.
//!
//! A cell is written as Excel shows it: days as `YYYY-MM-DD`, numbers with the fifteen digits that Excel keeps, and with the
//! currency of its number format. Cells are read one by one; only the workbook's shared texts are kept in memory, so their
//! size is limited.

mod sheet_xml;
mod size;

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};

use calamine::{DataRef, Reader as _, SheetType, SheetVisible, Style, Xlsx, XlsxError};

use self::sheet_xml::SheetXml;
use super::header::MAX_HEADERS;
use super::{FileError, LineSet, currency};
use crate::domain::Invalid;

/// The longest sheet: what Excel itself allows.
const ROWS: u32 = 1_048_576;

/// How many rows are checked to find the sheet with the table.
const PEEKED_ROWS: u32 = 200;

/// The fewest rows of a table. Of two sheets, the one with more filled cells per row is taken: two cells per row may be a
/// list of settings.
const TABLE_ROWS: usize = 2;
const FILLED: [usize; 2] = [3, 2];

/// Written for a formula without a computed value.
const WITHOUT_VALUE: &str = "(formula without a value: open the workbook in a spreadsheet and save it)";

/// A sheet that was written.
pub(super) struct Written {
    /// The names of all sheets, and of the one that was written.
    pub(super) sheets: Vec<String>,
    pub(super) sheet: String,
    /// Its hidden rows.
    pub(super) hidden_rows: LineSet,
    /// Whether the workbook counts days from 1904.
    pub(super) from_1904: bool,
}

/// Writes a sheet to `out`: the wanted one, or the first with a table.
pub(super) fn write_csv(mut file: File, wanted: Option<&str>, out: &mut File) -> Result<Written, FileError> {
    size::check(&mut file)?;
    let mut book: Book = calamine::open_workbook_from_rs(BufReader::new(file.try_clone()?)).map_err(refused)?;
    let all = book.sheets_metadata().to_vec();
    let sheets: Vec<_> = all.iter().filter(|sheet| sheet.typ == SheetType::WorkSheet).collect();
    let names: Vec<String> = sheets.iter().map(|sheet| sheet.name.clone()).collect();
    let listed = || names.iter().map(|name| Invalid::echo(name)).collect::<Vec<_>>().join(", ");
    let is_shown = |sheet: &&&calamine::Sheet| sheet.visible == SheetVisible::Visible;
    let sheet = if let Some(wanted) = wanted {
        let found = names.iter().find(|name| name.eq_ignore_ascii_case(wanted)).cloned();
        let wanted = Invalid::echo(wanted);
        found.ok_or_else(|| FileError::Refused(format!("the workbook has no sheet {wanted}; it has {}", listed())))?
    } else {
        let mut rows = Vec::new();
        for sheet in sheets.iter().filter(is_shown) {
            rows.push((&sheet.name, filled_cells(&mut book, &sheet.name)?));
        }
        let is_table =
            |filled: usize, rows: &[usize]| rows.iter().filter(|cells| **cells >= filled).count() >= TABLE_ROWS;
        let found = FILLED.iter().find_map(|filled| rows.iter().find(|(_, rows)| is_table(*filled, rows)));
        let (name, _) = found.ok_or_else(|| {
            let reason = if rows.iter().all(|(_, filled)| filled.is_empty()) {
                "all sheets of the workbook are empty"
            } else {
                "no sheet of the workbook contains a table, which is a header and rows below it"
            };
            FileError::Refused(format!("{reason}; it has {}", listed()))
        })?;
        (*name).clone()
    };
    let place = all.iter().position(|other| other.name == sheet).unwrap_or(0);
    let SheetXml { hidden_rows, without_value, from_1904 } = SheetXml::read(&mut file, place)?;
    let mut writer = SheetWriter::new(BufWriter::new(&mut *out));
    let mut cells = book.worksheet_cells_reader(&sheet).map_err(refused)?;
    while let Some((cell, style)) = cells.next_cell_with_style_id().map_err(refused)? {
        let style = cells.styles().get(style);
        let text = if !without_value.is_empty() && without_value.contains(&cell.get_position()) {
            WITHOUT_VALUE.to_owned()
        } else {
            text(cell.get_value(), style)
        };
        writer.write(cell.get_position(), text)?;
    }
    if writer.is_empty() {
        let reason = format!("the sheet {} is empty; the workbook has {}", Invalid::echo(&sheet), listed());
        return Err(FileError::Refused(reason));
    }
    writer.finish()?;
    Ok(Written { sheets: names, sheet, hidden_rows, from_1904 })
}

type Book = Xlsx<BufReader<File>>;

/// How many cells are filled in each of a sheet's first rows.
fn filled_cells(book: &mut Book, sheet: &str) -> Result<Vec<usize>, FileError> {
    let mut cells = book.worksheet_cells_reader(sheet).map_err(refused)?;
    let mut rows: Vec<usize> = Vec::new();
    let mut last = None;
    while let Some(cell) = cells.next_cell().map_err(refused)? {
        let (row, _) = cell.get_position();
        if row >= PEEKED_ROWS && rows.len() >= TABLE_ROWS {
            break;
        }
        if text(cell.get_value(), None).is_empty() {
            continue;
        }
        if last != Some(row) {
            rows.push(0);
            last = Some(row);
        }
        if let Some(filled) = rows.last_mut() {
            *filled += 1;
        }
    }
    Ok(rows)
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn refused(error: XlsxError) -> FileError {
    FileError::Refused(format!("the workbook can't be read: {error}; save the sheet as CSV UTF-8"))
}

/// Writes cells, row by row, as lines of CSV.
struct SheetWriter<W: Write> {
    out: csv::Writer<W>,
    /// Finished lines.
    lines: u32,
    row: Vec<String>,
}

impl<W: Write> SheetWriter<W> {
    fn new(out: W) -> Self {
        let out = csv::WriterBuilder::new().flexible(true).from_writer(out);
        Self { out, lines: 0, row: Vec::new() }
    }

    fn write(&mut self, (row, column): (u32, u32), text: String) -> Result<(), FileError> {
        if text.is_empty() {
            return Ok(());
        }
        if column as usize >= MAX_HEADERS || row >= ROWS {
            let words = format!(
                "the sheet has a cell in column {} of row {}, expected at most {MAX_HEADERS} columns",
                column + 1,
                row + 1
            );
            return Err(FileError::Refused(words));
        }
        if row < self.lines {
            return Err(FileError::Refused(format!("the workbook is damaged: row {} comes twice", row + 1)));
        }
        while self.lines < row {
            self.finish_line()?;
        }
        let column = column as usize;
        if self.row.len() <= column {
            self.row.resize(column + 1, String::new());
        }
        self.row[column] = text;
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.lines == 0 && self.row.is_empty()
    }

    fn finish_line(&mut self) -> Result<(), FileError> {
        // An empty record would be skipped, or written as `""`.
        let record = if self.row.is_empty() {
            [" "].iter().map(|cell| (*cell).to_owned()).collect()
        } else {
            std::mem::take(&mut self.row)
        };
        self.out.write_record(&record).map_err(|error| FileError::Io(error.into()))?;
        self.lines += 1;
        Ok(())
    }

    fn finish(mut self) -> Result<(), FileError> {
        if !self.row.is_empty() {
            self.finish_line()?;
        }
        self.out.flush()?;
        Ok(())
    }
}

/// A cell as text, in one line.
fn text(value: &DataRef<'_>, style: Option<&Style>) -> String {
    let one_line = |text: &str| text.replace(['\r', '\n'], " ").trim().to_owned();
    match value {
        DataRef::Empty => String::new(),
        DataRef::Int(number) => with_currency(number.to_string(), style),
        DataRef::Float(number) => {
            let mut number = fifteen_digits(*number);
            // `1.234` could be taken for a thousand; with a fourth decimal it can't.
            if number.split_once('.').is_some_and(|(_, decimals)| decimals.len() == 3) {
                number.push('0');
            }
            with_currency(number, style)
        }
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => one_line(text),
        DataRef::SharedString(text) => one_line(text),
        DataRef::Bool(value) => value.to_string(),
        DataRef::Error(error) => error.to_string(),
        DataRef::DateTime(moment) if moment.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
            if (hour, minute, second) == (0, 0, 0) {
                format!("{year:04}-{month:02}-{day:02}")
            } else {
                format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
            }
        }
        DataRef::DateTime(duration) => fifteen_digits(duration.as_f64()),
    }
}

/// The number with the fifteen digits that Excel keeps; further digits only come from binary fractions.
fn fifteen_digits(number: f64) -> String {
    let written = format!("{number:.14e}");
    // What isn't a number, such as infinity, is kept as it is and refused when it is read.
    let Some((mantissa, exponent)) = written.split_once('e') else { return written };
    let Ok(exponent) = exponent.parse::<i32>() else { return written };
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits = mantissa.replace('.', "");
    let digits = digits.trim_end_matches('0');
    let length = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let repeated = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0).min(400));
    match exponent + 1 {
        _ if digits.is_empty() => "0".to_owned(),
        point if point <= 0 => format!("{sign}0.{}{digits}", repeated(-point)),
        point if point >= length => format!("{sign}{digits}{}", repeated(point - length)),
        point => {
            let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
            format!("{sign}{whole}.{fraction}")
        }
    }
}

/// The number after the currency of its format.
fn with_currency(number: String, style: Option<&Style>) -> String {
    let Some(format) = style.and_then(|style| style.number_format.as_ref()) else { return number };
    // Built-in formats show the currency of the viewer's system.
    if format.format_id.is_some_and(|id| id < 164) {
        return number;
    }
    match currency_of(&format.format_code) {
        Some(mark) => format!("{mark} {number}"),
        None => number,
    }
}

/// The currency in a number format such as `[$€-407]#,##0.00` or `#,##0.00 "zł"`.
fn currency_of(format: &str) -> Option<String> {
    let positive = format.split(';').next().unwrap_or_default();
    let bracketed = positive.split_once("[$").and_then(|(_, rest)| rest.split(['-', ']']).next());
    let quoted = positive.split('"').skip(1).step_by(2);
    let bracket = positive
        .find("[$")
        .map_or(positive.len()..positive.len(), |at| at..positive.find(']').unwrap_or(positive.len()));
    let outside = positive.char_indices().filter(|(at, _)| !bracket.contains(at));
    let bare = outside.filter(|(_, c)| currency::is_sign(*c)).map(|(_, c)| String::from(c));
    let marks = bracketed.into_iter().map(str::to_owned).chain(quoted.map(str::to_owned)).chain(bare);
    marks.map(|mark| mark.trim().to_owned()).find(|mark| currency::claim(mark).is_some())
}

#[cfg(test)]
pub(super) mod tests;
