//! Cells to a [`StatLine`]: the one place where a row gets its meaning, whatever format it came in.
//!
//! Every cell is read even after one was refused, so that a person sees all faults of a row at once. On the good path
//! nothing is allocated. The readers of the formats may call; nobody outside this room.

use std::ops::ControlFlow;

use super::cell::{Cell, Cells};
use super::currency::claim;
use super::days::in_years;
use super::header::Binding;
use super::number::NumberForm;
use super::{Column, DateFormat, LineError, Mapping, Sink, StatLine, Unit};
use crate::domain::{Day, Invalid};

/// Turns cells into lines.
pub(super) struct RowBuilder<'m> {
    unit: Unit,
    date_format: Option<&'m DateFormat>,
    numbers: NumberForm,
    /// Exports are mostly sorted by day, so the day just read is usually the next one too.
    last_date: (String, Option<Day>),
    faults: Vec<LineError>,
}

impl<'m> RowBuilder<'m> {
    pub(super) fn new(unit: Unit, mapping: &'m Mapping) -> Self {
        let date_format = mapping.date_format.as_ref();
        Self {
            unit,
            date_format,
            numbers: mapping.numbers.form(),
            last_date: (String::new(), None),
            faults: Vec::new(),
        }
    }

    /// Hands out the row, or each of its faults.
    pub(super) fn hand_out(
        &mut self,
        line: u64,
        binding: &Binding<'_>,
        cells: &Cells<'_>,
        sink: &mut Sink<'_>,
    ) -> ControlFlow<()> {
        match self.build(line, binding, cells) {
            Some(line) => sink(Ok(line)),
            None => self.faults.drain(..).try_for_each(|fault| sink(Err(fault))),
        }
    }

    /// An error about a row as a whole, or about a column when there are no cells to speak of.
    pub(super) fn fault(&self, line: u64, column: Option<String>, reason: impl Into<String>) -> LineError {
        LineError::new(line, self.unit, column, reason)
    }

    fn build<'a>(&mut self, line: u64, binding: &Binding<'_>, cells: &Cells<'a>) -> Option<StatLine<'a>> {
        let Self { unit, date_format, numbers, last_date, faults } = self;
        let numbers = *numbers;
        let mut row = Row { line, unit: *unit, binding, cells, faults };

        let day = row.needed(Column::Date, |text| read_day(text, *date_format, last_date));
        let clicks = row.needed(Column::Clicks, |text| numbers.count("clicks", text));
        let cost = row.needed(Column::Cost, |text| numbers.cost(text));
        let views = row.optional(Column::Views, |text| numbers.count("views", text));
        let conversions = row.optional(Column::Conversions, |text| numbers.count("conversions", text));
        let campaign_id = row.optional(Column::CampaignId, str::parse);
        let partner_id = row.optional(Column::PartnerId, str::parse);
        let campaign_name = row.text(Column::CampaignName);
        let network_campaign_id = row.text(Column::NetworkCampaignId);
        let partner = row.text(Column::Partner);
        row.any_of(&[Column::CampaignId, Column::CampaignName]);
        row.any_of(&[Column::PartnerId, Column::Partner]);
        let currency = row.optional(Column::Currency, |text| {
            claim(text).ok_or_else(|| Invalid::value("currency", text, "an ISO 4217 code such as USD"))
        });
        let advertiser = row.text(Column::Advertiser);
        let offer_name = row.text(Column::OfferName);
        let app = row.text(Column::App);
        let store_id = row.text(Column::StoreId);
        let os = row.text(Column::Os);

        if !self.faults.is_empty() {
            return None;
        }
        let (cost, beside) = cost?;
        Some(StatLine {
            line,
            day: day?,
            clicks: clicks?,
            cost,
            views: views.unwrap_or_default(),
            conversions: conversions.unwrap_or_default(),
            campaign_id,
            campaign_name,
            network_campaign_id,
            partner_id,
            partner,
            currency: currency.or(beside),
            advertiser,
            offer_name,
            app,
            store_id,
            os,
        })
    }
}

/// One row on its way to a line. What its methods can't read they leave out and put among the faults.
struct Row<'r, 'a> {
    line: u64,
    unit: Unit,
    binding: &'r Binding<'r>,
    cells: &'r Cells<'a>,
    faults: &'r mut Vec<LineError>,
}

impl<'a> Row<'_, 'a> {
    fn needed<T>(&mut self, column: Column, parse: impl FnOnce(&str) -> Result<T, Invalid>) -> Option<T> {
        match self.cells[column.index()] {
            // The parser's own refusal of nothing says what was expected.
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

    fn any_of(&mut self, columns: &[Column]) {
        if columns.iter().all(|column| self.cells[column.index()] == Cell::Nothing) {
            let names = columns.iter().map(|column| column.name()).collect::<Vec<_>>().join(" or ");
            let labels: Vec<String> = columns.iter().map(|column| self.binding.label(*column)).collect();
            self.refuse(labels.join(" or "), format!("got nothing, expected {names}"));
        }
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

fn read_day(text: &str, format: Option<&DateFormat>, last: &mut (String, Option<Day>)) -> Result<Day, Invalid> {
    if let Some(day) = last.1
        && last.0 == text
    {
        return Ok(day);
    }
    let day = match format {
        Some(format) => format.parse(text)?,
        None => Day::parse("date", text).map_err(|mut invalid| {
            if !text.is_empty() {
                invalid.reason.push_str("; for another form, give the date format");
            }
            invalid
        })?,
    };
    let day = in_years(text, day)?;
    last.0.clear();
    last.0.push_str(text);
    last.1 = Some(day);
    Ok(day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Count, ExactCost};
    use crate::import::Format;
    use crate::import::tests::{Reading, read_text};

    const ID: &str = "7df30136-ff83-4551-b877-fa0f0d8b8f72";

    fn csv(text: &str) -> Reading {
        read_text(Format::Csv, text, &Mapping::default())
    }

    /// The one error of a file with this row.
    fn fault(header: &str, row: &str) -> String {
        let reading = csv(&format!("{header}\n{row}\n"));
        assert_eq!((reading.lines.len(), reading.faults.len()), (0, 1), "{:?}", reading.faults);
        reading.faults[0].to_string()
    }

    const SHORT: &str = "date,campaign_name,partner,clicks,cost";

    #[test]
    fn every_column_reaches_its_place() {
        let header = "date,campaign_id,campaign_name,network_campaign_id,partner_id,partner,clicks,cost,views,conversions,currency,advertiser,\
                      offer_name,app,store_id,os";
        let text = format!("{header}\n2025-05-28,{ID},c,n,{ID},p,100,69.0000001,7,8,USD,a,o,x,s,IOS\n");
        let [line] = csv(&text).lines.try_into().unwrap();
        let expected = StatLine {
            line: 2,
            day: Day::parse("date", "2025-05-28").unwrap(),
            clicks: Count::new("clicks", 100).unwrap(),
            cost: ExactCost::parse("69.0000001").unwrap(),
            views: Count::new("views", 7).unwrap(),
            conversions: Count::new("conversions", 8).unwrap(),
            campaign_id: Some(ID.parse().unwrap()),
            campaign_name: Some("c"),
            network_campaign_id: Some("n"),
            partner_id: Some(ID.parse().unwrap()),
            partner: Some("p"),
            currency: claim("USD"),
            advertiser: Some("a"),
            offer_name: Some("o"),
            app: Some("x"),
            store_id: Some("s"),
            os: Some("IOS"),
        };
        assert_eq!(line, expected);
    }

    #[test]
    fn what_may_be_left_out_is_nothing_or_zero() {
        let [line] = csv(&format!("{SHORT},views,os\n2025-05-28, c ,p,1,2, ,\n")).lines.try_into().unwrap();
        assert_eq!((line.views, line.conversions), (Count::default(), Count::default()));
        assert_eq!((line.campaign_name, line.campaign_id, line.os), (Some("c"), None, None));
    }

    #[test]
    fn all_faults_of_a_row_are_told_at_once() {
        let reading = csv(&format!("{SHORT}\n2025-02-30,,p,-1,x\n2025-05-28,c,p,1,2\n"));
        let faults: Vec<_> = reading.faults.iter().map(|fault| fault.column.as_deref().unwrap()).collect();
        assert_eq!(faults, ["date", "clicks", "cost", "campaign_id or campaign_name"]);
        assert_eq!(reading.lines.len(), 1);
        let cost = reading.faults[2].to_string();
        assert!(cost.starts_with("line 2, column cost: got \"x\", expected a decimal number"), "{cost}");
    }

    #[test]
    fn an_empty_cell_that_is_needed_is_told_as_nothing() {
        for (row, column) in [
            (",c,p,1,2", "date"),
            ("2025-05-28,c,p,,2", "clicks"),
            ("2025-05-28,c,p,1,", "cost"),
            ("2025-05-28,,p,1,2", "campaign_id or campaign_name"),
            ("2025-05-28,c,,1,2", "partner_id or partner"),
        ] {
            let error = fault(SHORT, row);
            assert!(error.starts_with(&format!("line 2, column {column}: got nothing, expected")), "{error}");
        }
    }

    #[test]
    fn an_id_must_be_one_even_beside_a_name() {
        let error = fault("date,campaign_name,campaign_id,partner,clicks,cost", "2025-05-28,c,916,p,1,2");
        assert!(error.starts_with("line 2, column campaign_id: got \"916\", expected a UUID"), "{error}");
    }

    #[test]
    fn the_files_own_header_is_told_where_it_differs() {
        let mapping = Mapping { columns: vec![Mapping::parse_map("cost=Spent").unwrap()], ..Mapping::default() };
        let reading = read_text(Format::Csv, "Date,campaign_name,partner,clicks,Spent\nx,c,p,1,x\n", &mapping);
        let columns: Vec<_> = reading.faults.iter().map(|fault| fault.column.as_deref().unwrap()).collect();
        assert_eq!(columns, ["date (header \"Date\")", "cost (header \"Spent\")"]);
        let hint = reading.faults[0].to_string();
        assert!(hint.ends_with("as YYYY-MM-DD; for another form, give the date format"), "{hint}");
    }

    #[test]
    fn a_year_that_was_misread_is_refused() {
        for date in ["1999-12-31", "2200-01-01", "0023-08-31"] {
            let error = fault(SHORT, &format!("{date},c,p,1,2"));
            assert!(
                error.ends_with(&format!("read as {date}, expected a day from 2000-01-01 to 2199-12-31")),
                "{error}"
            );
        }
        let reading = csv(&format!("{SHORT}\n2000-01-01,c,p,1,2\n2199-12-31,c,p,1,2\n"));
        assert_eq!(reading.lines.len(), 2);
    }

    #[test]
    fn a_bad_date_after_a_good_one_is_not_taken_for_it() {
        let reading = csv(&format!("{SHORT}\n2025-05-28,c,p,1,2\n2025-05-2,c,p,1,2\n2025-05-29,c,p,1,2\n"));
        let days: Vec<_> = reading.lines.iter().map(|line| (line.line, line.day.to_string())).collect();
        assert_eq!(days, [(2, "2025-05-28".to_owned()), (4, "2025-05-29".to_owned())]);
        assert_eq!(reading.faults.len(), 1);
    }
}
