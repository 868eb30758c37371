//! Which column of the file is which column of the contract: as decided, else by its header, if its cells agree.

use uuid::Uuid;

use super::day_headers::speaks_of_days;
use super::findings::{Findings, choice, problem};
use super::headers::{Headers, Known, speaks_of_campaigns};
use super::sample::Sample;
use super::table::listed;
use crate::domain::{Currency, Invalid};
use crate::import::currency::of_header;
use crate::import::plan::ColumnPlan;
use crate::import::recognition::{NoteCode, ProblemCode};
use crate::import::{Catalogue, Column, Context, Decisions, Problem};

/// The columns chosen so far.
pub(super) struct Columns<'a> {
    headers: &'a Headers,
    sample: &'a Sample,
    decisions: &'a Decisions,
    catalogue: &'a dyn Catalogue,
    currency: Option<Currency>,
    found: &'a mut Findings,
    pub(super) plans: Vec<ColumnPlan>,
}

/// Required columns; of each choice at least one, with its label.
const NEEDED: [(&[Column], &str); 5] = [
    (&[Column::Date], "the day"),
    (&[Column::CampaignId, Column::CampaignName], "the campaign"),
    (&[Column::PartnerId, Column::Partner], "the publisher"),
    (&[Column::Clicks], "clicks"),
    (&[Column::Cost], "the cost"),
];

/// Chooses the columns, and reports what is missing.
pub(super) fn choose(
    sample: &Sample,
    headers: &Headers,
    decisions: &Decisions,
    context: &Context<'_>,
    found: &mut Findings,
) -> Vec<ColumnPlan> {
    let Context { catalogue, currency, .. } = *context;
    let mut columns = Columns { headers, sample, decisions, catalogue, currency, found, plans: Vec::new() };
    for (column, source) in &decisions.columns {
        columns.take_given(*column, source);
    }
    if !decisions.only_given {
        for column in Column::ALL {
            columns.propose(column);
        }
        columns.propose_campaign();
        columns.propose_day();
    }
    columns.tell_missing();
    columns.plans
}

impl Columns<'_> {
    fn is_given(&self, column: Column) -> bool {
        self.decisions.columns.iter().chain(&self.decisions.fixed).any(|(given, _)| *given == column)
    }

    fn has(&self, column: Column) -> bool {
        self.is_given(column) || self.plans.iter().any(|plan| plan.column == column)
    }

    fn take(&mut self, column: Column, place: usize) {
        let header = self.sample.names[place].clone();
        self.plans.push(ColumnPlan { column, place, header });
    }

    fn take_given(&mut self, column: Column, source: &str) {
        match self.sample.resolve(source).as_slice() {
            [place] => self.take(column, *place),
            [] => {
                let names = listed(self.sample.names.iter().map(String::as_str));
                let message =
                    format!("The file has no header {} to take {column} from; it has {names}.", Invalid::echo(source));
                self.refuse_source(column, message, &[]);
            }
            several => {
                let places = several.to_vec();
                let message = format!(
                    "{} columns are called {}; say which of them is {column}.",
                    places.len(),
                    Invalid::echo(source)
                );
                self.refuse_source(column, message, &places);
            }
        }
    }

    fn refuse_source(&mut self, column: Column, message: String, places: &[usize]) {
        let label = |place: usize| {
            let samples = self.sample.columns[place].samples.join(", ");
            choice(self.sample.source(place), format!("column {}: {samples}", place + 1))
        };
        let choices = places.iter().map(|place| label(*place)).collect();
        let flag = Some(format!("--map {column}=HEADER"));
        self.found.problems.push(Problem {
            column: Some(column),
            flag,
            choices,
            ..problem(ProblemCode::Column, message)
        });
    }

    /// The column whose header is the best name; several if their headers are equal.
    fn best(&self, known: Known) -> Vec<usize> {
        let names = &self.sample.names;
        let rank = |place: &usize| self.headers.rank(&names[*place], known);
        let Some(best) = (0..names.len()).filter_map(|place| rank(&place)).min() else { return Vec::new() };
        (0..names.len()).filter(|place| rank(place) == Some(best)).collect()
    }

    fn propose(&mut self, column: Column) {
        if self.has(column) {
            return;
        }
        let named = |name: &String| name == column.name();
        let exact: Vec<usize> = (0..self.sample.names.len()).filter(|at| named(&self.sample.names[*at])).collect();
        let places = if exact.is_empty() { self.best(Known::Column(column)) } else { exact.clone() };
        let Some(place) = self.one_of(column, &places) else { return };
        let fits = match column {
            Column::CampaignId => self.is_in_catalogue(place, |id| self.catalogue.has_campaign(id.into())),
            Column::PartnerId => self.is_in_catalogue(place, |id| self.catalogue.has_publisher(id.into())),
            Column::Conversions => !self.is_cut(place),
            Column::Currency => {
                let has_digits = |cell: &String| cell.bytes().any(|byte| byte.is_ascii_digit());
                !self.sample.columns[place].samples.iter().any(has_digits)
            }
            // Trackers use this header for the visitor's system; here it must be the app's.
            Column::Os | Column::App | Column::StoreId | Column::OfferName => {
                let has =
                    |column: &Column| self.sample.names.iter().any(|name| name.eq_ignore_ascii_case(column.name()));
                !exact.is_empty() || [Column::App, Column::StoreId, Column::Os].iter().all(has)
            }
            Column::Advertiser | Column::CampaignName if !exact.is_empty() => true,
            Column::Advertiser => false,
            _ => true,
        };
        if fits {
            self.take(column, place);
        }
    }

    /// The one column among those with equally good headers; a question if they differ and the column is required.
    fn one_of(&mut self, column: Column, places: &[usize]) -> Option<usize> {
        let [first, rest @ ..] = places else { return None };
        let columns = &self.sample.columns;
        if rest.iter().all(|place| columns[*place].cells == columns[*first].cells) {
            return Some(*first);
        }
        if let Some(place) = self.in_own_currency(column, places) {
            return Some(place);
        }
        let mut names: Vec<String> = places.iter().map(|place| Invalid::echo(&self.sample.names[*place])).collect();
        names.dedup();
        let called = match names.as_slice() {
            [name] => format!("{} columns are called {name}", places.len()),
            names => format!("{} may each be {column}", names.join(" and ")),
        };
        if matches!(column, Column::Views | Column::Conversions | Column::NetworkCampaignId) {
            let source = self.sample.source(*first);
            let message =
                format!("{called}, so {column} is left out. Choose one of them, such as {source}, if it is needed.");
            self.found.note(NoteCode::Column, None, message);
        } else {
            self.refuse_source(column, format!("{called}; say which of them is {column}."), places);
        }
        None
    }

    /// The one column of amounts in the advertiser's currency, if all others name another currency.
    fn in_own_currency(&self, column: Column, places: &[usize]) -> Option<usize> {
        let currency = self.currency.filter(|_| column == Column::Cost)?;
        let fits = |place: &usize| of_header(&self.sample.names[*place]).1.map(|claim| claim.fits(currency));
        let own: Vec<usize> = places.iter().copied().filter(|place| fits(place) == Some(true)).collect();
        let foreign = places.iter().filter(|place| fits(place) == Some(false)).count();
        matches!(own.as_slice(), [_] if foreign + 1 == places.len()).then(|| own[0])
    }

    /// Whether the ids below a header are ids of the catalogue.
    fn is_in_catalogue(&self, place: usize, has: impl Fn(Uuid) -> bool) -> bool {
        let ids = self.sample.columns[place].cells.iter().filter_map(|cell| Uuid::try_parse(cell).ok());
        ids.take(1000).any(has)
    }

    /// Whether a column of counts has fractions, which a note then reports.
    fn is_cut(&mut self, place: usize) -> bool {
        let Some(line) = self.sample.columns[place].fraction else { return false };
        let message = format!(
            "{} holds fractions (line {line}), so conversions are left out. Singular doesn't use them.",
            Invalid::echo(&self.sample.names[place])
        );
        self.found.note(NoteCode::Column, Some(line), message);
        true
    }

    /// Whether a spreadsheet rounded ids to fifteen digits, which a note then reports.
    fn are_cut(&mut self, place: usize) -> bool {
        let cells = &self.sample.columns[place].cells;
        let Some(cell) = cells.iter().find(|cell| is_cut_id(cell)) else { return false };
        let message = format!(
            "A spreadsheet rounded the ids in {}, as in {}: they are left out, and campaigns are found by their names.",
            Invalid::echo(&self.sample.names[place]),
            Invalid::echo(cell)
        );
        self.found.note(NoteCode::Column, None, message);
        true
    }

    /// The campaign's name if no header is known for it: an id that isn't the catalogue's, or a header that contains
    /// "campaign".
    fn propose_campaign(&mut self) {
        let ids = [self.best(Known::Column(Column::CampaignId)), self.best(Known::CampaignNumber)].concat();
        let ids: Vec<usize> = ids.into_iter().filter(|place| !self.feeds(Column::CampaignId, *place)).collect();
        if !self.has(Column::NetworkCampaignId)
            && let [place] = ids.as_slice()
            && !self.are_cut(*place)
        {
            self.take(Column::NetworkCampaignId, *place);
        }
        if self.has(Column::CampaignId) || self.has(Column::CampaignName) {
            return;
        }
        if let Some(place) = ids.first() {
            self.take(Column::CampaignName, *place);
            return;
        }
        let names = &self.sample.names;
        let mut speaking: Vec<usize> = (0..names.len()).filter(|at| speaks_of_campaigns(&names[*at])).collect();
        if speaking.is_empty() {
            // Some networks call their campaigns offers.
            speaking = self.best(Known::Column(Column::OfferName));
            speaking.retain(|place| !self.feeds(Column::OfferName, *place));
        }
        let Some(first) = speaking.first() else { return };
        let listed: Vec<String> = speaking.iter().map(|at| Invalid::echo(&names[*at])).collect();
        self.take(Column::CampaignName, *first);
        if listed.len() > 1 {
            let message = format!(
                "{} look like campaign columns. The first was taken as the campaign name; please check.",
                listed.join(" and ")
            );
            self.found.note(NoteCode::Column, None, message);
        }
    }

    fn feeds(&self, column: Column, place: usize) -> bool {
        self.plans.iter().any(|plan| plan.column == column && plan.place == place)
    }

    /// The day if no header is known for it: the start of a period that has an end, or the only possible column of days.
    fn propose_day(&mut self) {
        if self.has(Column::Date) {
            return;
        }
        let holds_days = |place: &usize| self.sample.columns[*place].is_days();
        let periods = [Known::Week, Known::Month].map(|known| self.best(known)).concat();
        let starts = if self.best(Known::LastDay).is_empty() { Vec::new() } else { self.best(Known::FirstDay) };
        let is = |place: usize, known| self.headers.rank(&self.sample.names[place], known).is_some();
        let speaking = (0..self.sample.names.len()).filter(|place| {
            speaks_of_days(&self.sample.names[*place])
                && ![Known::OtherDay, Known::FirstDay, Known::LastDay].iter().any(|known| is(*place, *known))
        });
        let speaking: Vec<usize> = speaking.filter(holds_days).collect();
        let only = if let [only] = speaking.as_slice() { vec![*only] } else { Vec::new() };
        if let Some(place) = [only, starts, periods].concat().into_iter().find(holds_days) {
            self.take(Column::Date, place);
        }
    }

    fn tell_missing(&mut self) {
        for (columns, called) in NEEDED {
            let refused = self
                .found
                .problems
                .iter()
                .any(|problem| problem.column.is_some_and(|column| columns.contains(&column)));
            if refused || columns.iter().any(|column| self.has(*column)) {
                continue;
            }
            let column = columns[columns.len() - 1];
            let names = listed(self.sample.names.iter().map(String::as_str));
            let (code, message) = if column == Column::Date {
                let message = format!(
                    "The file has no days: export it with a Day column, or say which column has them; it has {names}."
                );
                (ProblemCode::NoDays, message)
            } else {
                let message = format!("No header was recognised for {called} ({column}); the file has {names}.");
                (ProblemCode::MissingColumn, message)
            };
            let flag = if column == Column::Date {
                "--map date=HEADER".to_owned()
            } else {
                format!("--map {column}=HEADER or --set {column}=VALUE")
            };
            self.found.problems.push(Problem { column: Some(column), flag: Some(flag), ..problem(code, message) });
        }
    }
}

/// `1.2021E+17`, or more than fifteen digits of which all after the fifteenth are zero.
fn is_cut_id(cell: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((mantissa, exponent)) = cell.split_once(['e', 'E']) {
        return is_digits(&mantissa.replacen(['.', ','], "", 1)) && exponent.strip_prefix('+').is_some_and(is_digits);
    }
    is_digits(cell) && cell.len() > 15 && cell[15..].bytes().all(|byte| byte == b'0')
}
