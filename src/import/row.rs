//! Turns cells into a [`StatLine`]: the one place where cells get their meaning, for all formats.
//!
//! Every cell is checked even after one was refused, so that a person sees all errors of a row at once. A valid row needs no
//! allocation. Only the readers of the formats use it.

use std::ops::ControlFlow;

use super::cell::{Cell, Cells};
use super::currency::{CurrencyClaim, claim};
use super::days::{DateForm, in_years};
use super::decisions::Period;
use super::header::Binding;
use super::number::{NumberForm, bare, is_no_text, is_nothing};
use super::plan::{PeriodLength, PeriodPlan};
use super::{Column, DateFormat, LineError, Mapping, Sink, StatLine, Unit};
use crate::domain::{Count, Day, Invalid};

/// How the cells of an input are written.
#[derive(Clone, Copy)]
pub(super) struct Forms<'m> {
    pub(super) dates: Dates<'m>,
    pub(super) numbers: NumberForm,
    /// Whether words for "no value" count as that, and what spreadsheets add to values is removed.
    pub(super) lenient: bool,
    /// The currency in the cost's header.
    pub(super) header_claim: Option<CurrencyClaim>,
    pub(super) period: Option<PeriodPlan>,
}

/// How days are written.
#[derive(Clone, Copy)]
pub(super) enum Dates<'m> {
    Contract,
    Pattern(&'m DateFormat),
    Form(&'m DateForm),
}

impl<'m> Forms<'m> {
    /// By a mapping for contract §4.
    pub(super) fn of_mapping(mapping: &'m Mapping) -> Self {
        Self {
            dates: mapping.date_format.as_ref().map_or(Dates::Contract, Dates::Pattern),
            numbers: NumberForm::Contract,
            lenient: false,
            header_claim: None,
            period: None,
        }
    }
}

/// Turns cells into rows.
pub(super) struct RowBuilder<'m> {
    unit: Unit,
    forms: Forms<'m>,
    /// Exports are mostly sorted by day, so the next day is usually the one just read.
    last_date: (String, Option<Day>),
    faults: Vec<LineError>,
    /// Texts whose blanks were folded, by column.
    folded: [String; Column::COUNT],
}

impl<'m> RowBuilder<'m> {
    pub(super) fn new(unit: Unit, forms: Forms<'m>) -> Self {
        let (last_date, folded) = ((String::new(), None), Default::default());
        Self { unit, forms, last_date, faults: Vec::new(), folded }
    }

    /// Passes on the row, or each of its errors. `until` is the cell with the last day that the row covers.
    pub(super) fn hand_out(
        &mut self,
        line: u64,
        binding: &Binding<'_>,
        cells: &Cells<'_>,
        until: Option<&str>,
        sink: &mut Sink<'_>,
    ) -> ControlFlow<()> {
        let Self { unit, forms, last_date, faults, folded } = self;
        let mut cells: Cells<'_> = *cells;
        for (cell, folded) in cells.iter_mut().zip(folded) {
            if let Cell::Text(text) = cell {
                *cell = tidied(text, folded, forms.lenient);
            }
        }
        let mut row = Row { line, unit: *unit, binding, cells: &cells, faults };
        if let Some(line) = row.build(*forms, last_date)
            && let Some(last) = row.last_day(&line, *forms, until)
        {
            return spread(line, last, *forms, sink);
        }
        self.faults.drain(..).try_for_each(|fault| sink(Err(fault)))
    }

    /// An error about a row as a whole, or about a column if the row has no cells.
    pub(super) fn fault(&self, line: u64, column: Option<String>, reason: impl Into<String>) -> LineError {
        LineError::new(line, self.unit, column, reason)
    }
}

/// The cell's text: a run of blanks and control characters is one blank (contract §4), and, in a file from a person, without
/// what spreadsheets add to values.
fn tidied<'a>(text: &'a str, folded: &'a mut String, lenient: bool) -> Cell<'a> {
    let text = if lenient { bare(text) } else { text };
    if !needs_folding(text) {
        return if text.is_empty() { Cell::Nothing } else { Cell::Text(text) };
    }
    folded.clear();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.push_str(word);
    }
    if folded.is_empty() { Cell::Nothing } else { Cell::Text(folded) }
}

/// Whether it has two blanks in a row, or other whitespace than blanks.
fn needs_folding(text: &str) -> bool {
    let mut before = 0;
    for byte in text.bytes() {
        match byte {
            0x00..0x20 | 0x7f => return true,
            b' ' if before == b' ' => return true,
            0x80.. => {
                return text.contains("  ") || text.contains(|c: char| c.is_whitespace() && c != ' ' || c.is_control());
            }
            _ => before = byte,
        }
    }
    false
}

/// Passes on the row for its first day, or a part of it for each of its days.
fn spread(line: StatLine<'_>, last: Day, forms: Forms<'_>, sink: &mut Sink<'_>) -> ControlFlow<()> {
    let days = u32::try_from(last.to_stored() - line.day.to_stored() + 1).unwrap_or(1);
    if days == 1 || forms.period.is_none_or(|period| period.how == Period::FirstDay) {
        return sink(Ok(line));
    }
    let count = |count: Count, part: u32| {
        let (each, left) = (count.get() / i64::from(days), count.get() % i64::from(days));
        Count::new("count", each + i64::from(i64::from(part) < left)).unwrap_or_default()
    };
    let mut day = line.day;
    for (part, cost) in (0..).zip(line.cost.spread(days)) {
        let [clicks, views, conversions] = [line.clicks, line.views, line.conversions].map(|whole| count(whole, part));
        sink(Ok(StatLine { day, clicks, cost, views, conversions, ..line.clone() }))?;
        day = day.next().unwrap_or(day);
    }
    ControlFlow::Continue(())
}

/// A row that is being read. Invalid cells are left out and added to the errors.
struct Row<'r, 'a> {
    line: u64,
    unit: Unit,
    binding: &'r Binding<'r>,
    cells: &'r Cells<'a>,
    faults: &'r mut Vec<LineError>,
}

impl<'a> Row<'_, 'a> {
    fn build(&mut self, forms: Forms<'_>, last_date: &mut (String, Option<Day>)) -> Option<StatLine<'a>> {
        let row = self;
        let Forms { numbers, .. } = forms;
        let day = row.needed(Column::Date, |text| read_day(text, forms.dates, last_date));
        let clicks = row.needed(Column::Clicks, |text| numbers.count("clicks", text));
        let cost = row.needed(Column::Cost, |text| numbers.cost(text));
        let views = row.optional(Column::Views, |text| numbers.count("views", text));
        let conversions = row.optional(Column::Conversions, |text| numbers.count("conversions", text));
        let campaign_id = row.optional(Column::CampaignId, str::parse);
        let partner_id = row.optional(Column::PartnerId, str::parse);
        let lenient = forms.lenient;
        let mut text = |column| row.text(column).filter(|text| !lenient || !is_no_text(text));
        let [campaign_name, network_campaign_id, partner] =
            [Column::CampaignName, Column::NetworkCampaignId, Column::Partner].map(&mut text);
        let [advertiser, offer_name, app, store_id, os] =
            [Column::Advertiser, Column::OfferName, Column::App, Column::StoreId, Column::Os].map(&mut text);
        row.any_of(&[Column::CampaignId, Column::CampaignName], lenient);
        row.any_of(&[Column::PartnerId, Column::Partner], lenient);
        let beside = cost.and_then(|(_, claim)| claim);
        let currency = row.currency(forms, beside);
        if !row.faults.is_empty() {
            return None;
        }
        Some(StatLine {
            line: row.line,
            day: day?,
            clicks: clicks?,
            cost: cost?.0,
            views: views.unwrap_or_default(),
            conversions: conversions.unwrap_or_default(),
            campaign_id,
            campaign_name,
            network_campaign_id,
            partner_id,
            partner,
            currency,
            advertiser,
            offer_name,
            app,
            store_id,
            os,
        })
    }

    /// The currency of the amount, according to the sign beside it, the header and the currency column.
    fn currency(&mut self, forms: Forms<'_>, beside: Option<CurrencyClaim>) -> Option<CurrencyClaim> {
        let stated = self.optional(Column::Currency, |text| match claim(text) {
            Some(claim) => Ok(Some(claim)),
            None if forms.lenient && is_nothing(text) => Ok(None),
            None => Err(Invalid::value("currency", text, "an ISO 4217 code such as USD")),
        });
        let mut all = None;
        for claim in [beside, forms.header_claim, stated.flatten()].into_iter().flatten() {
            all = match all {
                None => Some(claim),
                Some(before) => {
                    let both = CurrencyClaim::both(before, claim);
                    if both.is_none() {
                        let reason = format!("got an amount in {before} and in {claim}, expected one currency");
                        self.refuse_as("currency", Column::Cost, reason);
                    }
                    both
                }
            };
        }
        all
    }

    /// The last day that the row covers.
    fn last_day(&mut self, line: &StatLine<'_>, forms: Forms<'_>, until: Option<&str>) -> Option<Day> {
        let Some(PeriodPlan { how: Period::Spread, length }) = forms.period else { return Some(line.day) };
        let last = match length {
            PeriodLength::Day => Ok(line.day),
            PeriodLength::Week => line.day.later(6),
            PeriodLength::Month => line.day.end_of_month(),
            PeriodLength::Until(_) => read_day(until.unwrap_or_default(), forms.dates, &mut (String::new(), None)),
        };
        let reason = match last {
            Ok(last) if last < line.day => format!("got a row from {} to {last}, expected its days in order", line.day),
            Ok(last) if last.to_stored() - line.day.to_stored() > LONGEST_PERIOD => {
                format!("got a row from {} to {last}, expected at most {LONGEST_PERIOD} days", line.day)
            }
            Ok(last) => return Some(last),
            Err(invalid) => format!("the last day of the row: {}", invalid.reason),
        };
        self.refuse(self.binding.label(Column::Date), reason);
        None
    }

    fn needed<T>(&mut self, column: Column, parse: impl FnOnce(&str) -> Result<T, Invalid>) -> Option<T> {
        match self.cells[column.index()] {
            // The parser's own error for an empty text says what was expected.
            Cell::Nothing => self.keep(column, parse("")),
            Cell::Text(text) => self.keep(column, parse(text)),
            Cell::Wrong(what) => self.refuse_kind(column, what),
        }
    }

    fn optional<T>(&mut self, column: Column, parse: impl FnOnce(&'a str) -> Result<T, Invalid>) -> Option<T> {
        match self.cells[column.index()] {
            Cell::Nothing => None,
            Cell::Text(text) => self.keep(column, parse(text)),
            Cell::Wrong(what) => self.refuse_kind(column, what),
        }
    }

    fn text(&mut self, column: Column) -> Option<&'a str> {
        self.optional(column, Ok)
    }

    fn any_of(&mut self, columns: &[Column], lenient: bool) {
        let is_blank = |column: &Column| match self.cells[column.index()] {
            Cell::Nothing => true,
            Cell::Text(text) => lenient && is_no_text(text),
            Cell::Wrong(_) => false,
        };
        if columns.iter().all(is_blank) {
            let names = columns.iter().map(|column| column.name()).collect::<Vec<_>>().join(" or ");
            let labels: Vec<String> = columns.iter().map(|column| self.binding.label(*column)).collect();
            self.refuse(labels.join(" or "), format!("got nothing, expected {names}"));
        }
    }

    fn refuse_as(&mut self, code: &'static str, column: Column, reason: String) {
        let label = self.binding.label(column);
        self.faults.push(LineError { code, ..LineError::new(self.line, self.unit, Some(label), reason) });
    }

    fn keep<T>(&mut self, column: Column, read: Result<T, Invalid>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(invalid) => {
                self.refuse(self.binding.label(column), invalid.reason);
                None
            }
        }
    }

    fn refuse_kind<T>(&mut self, column: Column, what: &str) -> Option<T> {
        self.refuse(self.binding.label(column), format!("got {what}, expected text or a number"));
        None
    }

    fn refuse(&mut self, column: String, reason: String) {
        self.faults.push(LineError::new(self.line, self.unit, Some(column), reason));
    }
}

/// The longest row that is spread over its days.
const LONGEST_PERIOD: i64 = 400;

fn read_day(text: &str, dates: Dates<'_>, last: &mut (String, Option<Day>)) -> Result<Day, Invalid> {
    if let Some(day) = last.1
        && last.0 == text
    {
        return Ok(day);
    }
    let day = match dates {
        Dates::Form(form) => form.parse(text)?,
        Dates::Pattern(format) => format.parse(text)?,
        Dates::Contract => Day::parse("date", text)?,
    };
    let day = in_years(text, day)?;
    last.0.clear();
    last.0.push_str(text);
    last.1 = Some(day);
    Ok(day)
}

#[cfg(test)]
mod tests;
