//! Which field of a record belongs to which column.
//!
//! A CSV header and the keys of a JSON item follow the same rules: first a mapped header, exactly or, if only one matches, in
//! another case; then the contract's own names in any case. Conflicts are refused rather than guessed. Only the readers of
//! the formats use it.

use super::cell::{Cell, has_plain_ends};
use super::number::bare;
use super::plan::{ColumnPlan, Plan};
use super::{Column, FileError, Mapping};
use crate::domain::Invalid;

/// The most columns a header may have, or keys an item.
pub(super) const MAX_HEADERS: usize = 1000;

/// How many headers an error lists.
const LISTED: usize = 30;

const IGNORED_CHARS: usize = 200;

#[derive(Debug, Clone, Copy)]
enum Source<'m> {
    Nothing,
    Field(usize),
    Fixed(&'m str),
}

/// The source of each column in records with these headers.
#[derive(Debug)]
pub(super) struct Binding<'m> {
    headers: Vec<String>,
    sources: [Source<'m>; Column::COUNT],
    unmet: Vec<(Column, &'m str)>,
}

/// Two headers for one column.
#[derive(Debug)]
pub(super) struct Clash {
    pub(super) column: Column,
    pub(super) reason: String,
}

impl<'m> Binding<'m> {
    pub(super) fn new<'h>(headers: impl Iterator<Item = &'h str>, mapping: &'m Mapping) -> Result<Self, Clash> {
        let headers: Vec<String> = headers.map(|header| header.trim().to_owned()).collect();
        let mut sources = [Source::Nothing; Column::COUNT];
        let mut unmet = Vec::new();
        let mut claimed = vec![false; headers.len()];
        for (column, value) in &mapping.fixed {
            sources[column.index()] = Source::Fixed(value.trim());
        }
        for (column, wanted) in &mapping.columns {
            let wanted = wanted.trim();
            let lower = wanted.to_lowercase();
            let mut found = find(&headers, *column, |_, header| header == wanted)?;
            if found.is_none() {
                found = find(&headers, *column, |_, header| header.to_lowercase() == lower)?;
            }
            if let Some(index) = found {
                sources[column.index()] = Source::Field(index);
                claimed[index] = true;
            } else {
                unmet.push((*column, wanted));
            }
        }
        for column in Column::ALL {
            let given = mapping.columns.iter().chain(&mapping.fixed).any(|(target, _)| *target == column);
            let named = |index: usize, header: &str| !claimed[index] && header.eq_ignore_ascii_case(column.name());
            if !given && let Some(index) = find(&headers, column, named)? {
                sources[column.index()] = Source::Field(index);
            }
        }
        Ok(Self { headers, sources, unmet })
    }

    /// By position, as a plan says.
    pub(super) fn of_plan<'h>(headers: impl Iterator<Item = &'h str>, plan: &'m Plan) -> Self {
        let headers: Vec<String> = headers.map(|header| bare(header).to_owned()).collect();
        let mut sources = [Source::Nothing; Column::COUNT];
        for (column, value) in &plan.fixed {
            sources[column.index()] = Source::Fixed(value.trim());
        }
        for ColumnPlan { column, place, .. } in &plan.columns {
            sources[column.index()] = Source::Field(*place);
        }
        Self { headers, sources, unmet: Vec::new() }
    }

    /// Whether the binding also applies to records with these headers.
    pub(super) fn fits<'h>(&self, headers: impl Iterator<Item = &'h str>) -> bool {
        self.headers.iter().map(String::as_str).eq(headers.map(str::trim))
    }

    /// Refuses headers in which a mapped or a required column has no source.
    pub(super) fn require_needed(&self) -> Result<(), FileError> {
        if let Some((column, wanted)) = self.unmet.first() {
            return Err(FileError::Refused(format!(
                "the file has no header {} to take {column} from; it has {}",
                Invalid::echo(wanted),
                self.listed()
            )));
        }
        let missing: Vec<String> = NEEDED
            .iter()
            .filter(|choice| choice.iter().all(|column| matches!(self.sources[column.index()], Source::Nothing)))
            .map(|choice| choice.iter().map(|column| column.name()).collect::<Vec<_>>().join(" or "))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let (missing, listed) = (missing.join(", "), self.listed());
        Err(FileError::Missing(format!("the file has no header for {missing}; it has {listed}")))
    }

    fn listed(&self) -> String {
        let mut listed = self.headers.iter().take(LISTED).map(|header| Invalid::echo(header)).collect::<Vec<_>>();
        if let Some(more) = self.headers.len().checked_sub(LISTED).filter(|more| *more > 0) {
            listed.push(format!("and {more} more"));
        }
        listed.join(", ")
    }

    /// The cells of a record whose fields are `field`, trimmed.
    pub(super) fn cells<'a>(&'a self, field: impl Fn(usize) -> Cell<'a>) -> [Cell<'a>; Column::COUNT] {
        self.sources.map(|source| {
            let cell = match source {
                Source::Nothing => Cell::Nothing,
                Source::Field(index) => field(index),
                Source::Fixed(value) => Cell::Text(value),
            };
            match cell {
                Cell::Text(text) => match if has_plain_ends(text) { text } else { text.trim() } {
                    "" => Cell::Nothing,
                    text => Cell::Text(text),
                },
                cell => cell,
            }
        })
    }

    pub(super) fn headers(&self) -> &[String] {
        &self.headers
    }

    /// Whether the field is the source of any column.
    pub(super) fn takes(&self, field: usize) -> bool {
        self.sources.iter().any(|source| matches!(source, Source::Field(index) if *index == field))
    }

    /// The column's name in errors: its own, and the file's header if that differs.
    pub(super) fn label(&self, column: Column) -> String {
        match self.sources[column.index()] {
            Source::Field(index) if self.header(index) != column.name() => {
                format!("{column} (header {})", Invalid::echo(self.header(index)))
            }
            Source::Fixed(_) => format!("{column} (set for every row)"),
            _ => column.to_string(),
        }
    }

    fn header(&self, index: usize) -> &str {
        self.headers.get(index).map_or("", String::as_str)
    }

    /// The same for a field: its column's label, or else its header.
    pub(super) fn label_of_field(&self, field: usize) -> Option<String> {
        let is_fed = |column: &Column| matches!(self.sources[column.index()], Source::Field(index) if index == field);
        let label = Column::ALL.into_iter().find(is_fed).map(|column| self.label(column));
        label.or_else(|| self.headers.get(field).map(|header| Invalid::echo(header)))
    }

    /// Adds the headers that aren't used to `ignored`, each once. Headers without a name can't be listed.
    pub(super) fn note_ignored(&self, ignored: &mut Vec<String>) {
        for (index, header) in self.headers.iter().enumerate() {
            note(header, self.takes(index), ignored);
        }
    }
}

/// Adds `header` to `ignored`, unless it is used, has no name, is listed already, or the list is full.
pub(super) fn note(header: &str, taken: bool, ignored: &mut Vec<String>) {
    if taken || header.is_empty() || ignored.len() == MAX_HEADERS {
        return;
    }
    let header = header.char_indices().nth(IGNORED_CHARS).map_or(header, |(end, _)| &header[..end]);
    if !ignored.iter().any(|known| known == header) {
        ignored.push(header.to_owned());
    }
}

/// The required columns; of each choice at least one.
const NEEDED: [&[Column]; 5] = [
    &[Column::Date],
    &[Column::CampaignId, Column::CampaignName],
    &[Column::PartnerId, Column::Partner],
    &[Column::Clicks],
    &[Column::Cost],
];

fn find(headers: &[String], column: Column, fits: impl Fn(usize, &str) -> bool) -> Result<Option<usize>, Clash> {
    let mut fitting = headers.iter().enumerate().filter(|(index, header)| fits(*index, header));
    match (fitting.next(), fitting.next()) {
        (Some((_, first)), Some((_, second))) => {
            let (first, second) = (Invalid::echo(first), Invalid::echo(second));
            Err(Clash { column, reason: format!("{column} is named twice, as {first} and as {second}") })
        }
        (first, _) => Ok(first.map(|(index, _)| index)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(columns: &[(Column, &str)], fixed: &[(Column, &str)]) -> Mapping {
        let owned =
            |pairs: &[(Column, &str)]| pairs.iter().map(|(column, text)| (*column, (*text).to_owned())).collect();
        Mapping { columns: owned(columns), fixed: owned(fixed), ..Mapping::default() }
    }

    /// The source of each column in a record whose fields are its own headers.
    fn taken(headers: &[&str], mapping: &Mapping) -> Vec<(Column, String)> {
        let binding = Binding::new(headers.iter().copied(), mapping).unwrap();
        let cells = binding.cells(|index| Cell::Text(headers[index]));
        let texts = Column::ALL.into_iter().zip(cells).filter_map(|(column, cell)| match cell {
            Cell::Text(text) => Some((column, text.to_owned())),
            _ => None,
        });
        texts.collect()
    }

    fn pairs(pairs: &[(Column, &str)]) -> Vec<(Column, String)> {
        mapping(pairs, &[]).columns
    }

    #[test]
    fn the_contracts_names_are_found_in_any_case() {
        let found = taken(&[" Date ", "COST", "Spent"], &Mapping::default());
        assert_eq!(found, pairs(&[(Column::Date, "Date"), (Column::Cost, "COST")]));
    }

    #[test]
    fn a_mapped_header_is_preferred_exactly_and_found_in_another_case() {
        let exact = taken(&["spent", "Spent"], &mapping(&[(Column::Cost, "Spent")], &[]));
        assert_eq!(exact, pairs(&[(Column::Cost, "Spent")]));
        let other = taken(&["SPENT"], &mapping(&[(Column::Cost, "Spent")], &[]));
        assert_eq!(other, pairs(&[(Column::Cost, "SPENT")]));
        assert!(Binding::new(["SPENT", "spent"].into_iter(), &mapping(&[(Column::Cost, "Spent")], &[])).is_err());
    }

    #[test]
    fn a_claimed_header_feeds_only_what_it_is_mapped_to() {
        let found =
            taken(&["partner", "cost"], &mapping(&[(Column::App, "partner"), (Column::OfferName, "partner")], &[]));
        let expected = pairs(&[(Column::Cost, "cost"), (Column::OfferName, "partner"), (Column::App, "partner")]);
        assert_eq!(found, expected);
    }

    #[test]
    fn a_set_value_wins_over_the_file_whose_header_is_then_ignored() {
        let mapping = mapping(&[], &[(Column::Cost, "7")]);
        assert_eq!(taken(&["cost", "Cost"], &mapping), pairs(&[(Column::Cost, "7")]));
        let mut ignored = Vec::new();
        Binding::new(["cost", "x", "", "x"].into_iter(), &mapping).unwrap().note_ignored(&mut ignored);
        assert_eq!(ignored, ["cost", "x"]);
    }

    #[test]
    fn a_mapping_overrides_the_columns_own_name() {
        let found = taken(&["cost", "Spent"], &mapping(&[(Column::Cost, "Spent")], &[]));
        assert_eq!(found, pairs(&[(Column::Cost, "Spent")]));
    }

    #[test]
    fn all_missing_columns_are_named_together_with_the_headers_there_are() {
        let mapping = mapping(&[(Column::Cost, "Spent")], &[]);
        let binding = Binding::new(["Date", "Spent"].into_iter(), &mapping).unwrap();
        let error = binding.require_needed().unwrap_err().to_string();
        assert!(error.contains("for campaign_id or campaign_name, partner_id or partner, clicks; it has"), "{error}");
        assert!(error.contains("\"Date\", \"Spent\""), "{error}");
    }

    #[test]
    fn a_mapped_header_that_is_not_there_is_named() {
        let mapping = mapping(&[(Column::Cost, "Spend")], &[]);
        let binding = Binding::new(["Date", "cost"].into_iter(), &mapping).unwrap();
        let error = binding.require_needed().unwrap_err().to_string();
        assert_eq!(error, "the file has no header \"Spend\" to take cost from; it has \"Date\", \"cost\"");
    }

    #[test]
    fn a_list_of_headers_is_bounded() {
        let headers: Vec<String> = (0..1000).map(|n| format!("{n}{}", "x".repeat(1000))).collect();
        let mapping = Mapping::default();
        let binding = Binding::new(headers.iter().map(String::as_str), &mapping).unwrap();
        let error = binding.require_needed().unwrap_err().to_string();
        assert!(error.len() < 5000 && error.contains("and 970 more"), "{error}");
    }

    #[test]
    fn the_list_of_ignored_headers_is_bounded() {
        let mut ignored = Vec::new();
        for n in 0..2000 {
            note(&format!("{n} {}", "é".repeat(1000)), false, &mut ignored);
        }
        assert_eq!(ignored.len(), MAX_HEADERS);
        assert!(ignored.iter().all(|header| header.chars().count() == IGNORED_CHARS));
    }
}
