//! Tables: sortable columns, rows of cells, a foot for sums. One template renders them all.

use std::borrow::Cow;

use crate::admin::kit::context::RequestContext;
use crate::admin::kit::format;
use crate::domain::MicrosSum;

/// Bytes that the rows of one table may come to on a page.
const HEAVY: usize = 64_000;

#[derive(Debug, Clone, Default)]
pub struct Table {
    /// The caption for screen readers.
    pub caption: String,
    pub columns: Vec<Column>,
    /// The first cell of each row is its header.
    pub rows: Vec<Vec<Cell>>,
    pub foot: Vec<Cell>,
    /// What was left out or shortened, in sentences.
    pub notes: Vec<String>,
}

/// What a column's cells are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Holds {
    /// Short texts.
    #[default]
    Texts,
    /// Figures, which are aligned right.
    Figures,
    /// Names: they take the remaining width, and long ones are cut off on the screen.
    Names,
    /// Moments: the column is never narrower than a date.
    Moments,
}

#[derive(Debug, Clone, Default)]
pub struct Column {
    pub label: String,
    pub holds: Holds,
    /// Whether it is hidden on narrow screens.
    pub gives_way: bool,
    /// Link of a sortable header.
    pub sort_link: Option<String>,
    /// `ascending`, `descending` or `none`.
    pub sorted: &'static str,
}

/// A sparkline.
#[derive(Debug, Clone, Default)]
pub struct Sparkline {
    pub path: String,
    /// Width of the drawing: the number of points minus one.
    pub width: usize,
}

#[derive(Debug, Clone, Default)]
pub struct Cell {
    pub text: String,
    pub href: Option<String>,
    /// The link's text for screen readers.
    pub label: Option<String>,
    /// The exact value, if the text is rounded.
    pub title: Option<String>,
    /// A quieter second line.
    pub note: Option<String>,
    /// Smaller text beside it.
    pub aside: String,
    /// Smaller text below it on narrow screens, instead of the hidden columns.
    pub narrow: Option<String>,
    /// `good`, `warn`, `bad` or `quiet`.
    pub tone: &'static str,
    /// Whether it is code, such as an id.
    pub code: bool,
    /// The value to sort by, if it isn't the text.
    pub rank: Option<i128>,
    /// Length of the bar behind the text, in thousandths of the cell.
    pub bar: u32,
    /// A sparkline.
    pub line: Option<Sparkline>,
    /// Shows the text as a button that sends this.
    pub press: Option<CellButton>,
    /// Whether it has no tooltip of its own for a long text.
    pub is_bare: bool,
}

/// A button in a cell.
#[derive(Debug, Clone)]
pub struct CellButton {
    pub action: &'static str,
    /// The field that names the row.
    pub name: &'static str,
    pub value: String,
    /// The button's text for screen readers.
    pub label: String,
}

impl Column {
    /// A column of short texts.
    pub fn text(label: impl Into<String>) -> Self {
        Self { label: label.into(), sorted: "none", ..Self::default() }
    }

    /// A column of names.
    pub fn name(label: impl Into<String>) -> Self {
        Self { holds: Holds::Names, ..Self::text(label) }
    }

    /// A column of figures.
    pub fn figure(label: impl Into<String>) -> Self {
        Self { holds: Holds::Figures, ..Self::text(label) }
    }

    /// A column of sparklines.
    pub fn line(label: impl Into<String>) -> Self {
        Self::text(label).less()
    }

    /// Hides it on narrow screens.
    #[must_use]
    pub fn less(self) -> Self {
        Self { gives_way: true, ..self }
    }

    /// Whether it holds figures.
    #[must_use]
    pub fn is_figure(&self) -> bool {
        self.holds == Holds::Figures
    }

    /// The classes of its cells.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match (self.holds, self.gives_way) {
            (Holds::Figures, true) => "figure less",
            (Holds::Figures, false) => "figure",
            (Holds::Names, true) => "name less",
            (Holds::Names, false) => "name",
            (Holds::Moments, true) => "when less",
            (Holds::Moments, false) => "when",
            (Holds::Texts, true) => "less",
            (Holds::Texts, false) => "",
        }
    }
}

impl Cell {
    /// A cell that says `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Links to an address, if `allowed`.
    #[must_use]
    pub fn to(mut self, href: impl Into<String>, allowed: bool) -> Self {
        self.href = allowed.then(|| href.into());
        self
    }

    /// Sets the link's text for screen readers.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Adds a second line.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// Adds smaller text beside it.
    #[must_use]
    pub fn aside(mut self, aside: impl Into<String>) -> Self {
        self.aside = aside.into();
        self
    }

    /// Adds the text for narrow screens.
    #[must_use]
    pub fn narrow(mut self, text: impl Into<String>) -> Self {
        self.narrow = Some(text.into());
        self
    }

    /// Sets the exact value.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets the colour.
    #[must_use]
    pub fn tone(mut self, tone: &'static str) -> Self {
        self.tone = tone;
        self
    }

    #[must_use]
    pub fn code(mut self) -> Self {
        self.code = true;
        self
    }

    /// Adds a bar of length `part` out of `most`.
    #[must_use]
    pub fn bar(mut self, part: MicrosSum, most: MicrosSum) -> Self {
        self.bar = u32::try_from(part.of(most, 1000).unwrap_or_default().min(1000)).unwrap_or_default();
        self
    }

    /// Adds a sparkline.
    #[must_use]
    pub fn line(mut self, values: &[i64]) -> Self {
        let path = crate::admin::kit::chart::line(values);
        self.line = Some(Sparkline { path, width: values.len().saturating_sub(1) });
        self
    }

    #[must_use]
    pub fn press(mut self, press: CellButton) -> Self {
        self.press = Some(press);
        self
    }

    /// Sets the value to sort by.
    #[must_use]
    pub fn rank(mut self, rank: impl Into<i128>) -> Self {
        self.rank = Some(rank.into());
        self
    }

    /// Whether a name is so long that it needs a second line.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.text.chars().count() > 28
    }

    /// The tooltip: the exact value, or the whole of a text that may be cut off.
    #[must_use]
    pub fn hover(&self) -> Option<&str> {
        self.title.as_deref().or_else(|| (self.text.len() > 28 && !self.is_bare).then_some(self.text.as_str()))
    }

    /// About how many bytes it takes on a page.
    fn weight(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let shown = self.text.len() + self.aside.len() + length(&self.note) + length(&self.narrow);
        45 + shown + length(&self.href) + length(&self.label) + self.hover().map_or(0, str::len)
    }

    /// Shortens the names beside the text, and leaves the tooltip out.
    fn shorten(&mut self) {
        self.is_bare = true;
        self.aside = format::short(&self.aside).into_owned();
        self.label = self.label.as_deref().map(|label| format::short(label).into_owned());
    }
}

impl Table {
    /// A table with these columns; a label that begins with `#` is a column of figures, with `@` of names, with `~` of
    /// moments. With `-` before that the column is hidden where there is little room.
    #[must_use]
    pub fn new(caption: impl Into<String>, columns: &[&str]) -> Self {
        let column = |label: &&str| {
            let (rest, gives_way) = label.strip_prefix('-').map_or((*label, false), |rest| (rest, true));
            let column = match rest.split_at_checked(1) {
                Some(("#", label)) => Column::figure(label),
                Some(("@", label)) => Column::name(label),
                Some(("~", label)) => Column { holds: Holds::Moments, ..Column::text(label) },
                _ => Column::text(rest),
            };
            Column { gives_way, ..column }
        };
        Self::with_columns(caption, columns.iter().map(column).collect())
    }

    /// A table with these columns.
    #[must_use]
    pub fn with_columns(caption: impl Into<String>, columns: Vec<Column>) -> Self {
        Self { caption: caption.into(), columns, ..Self::default() }
    }

    /// Leaves out the last rows where all of them would make a page too heavy.
    pub fn lighten(&mut self) {
        let mut weight = 0;
        let fits = |row: &&Vec<Cell>| {
            weight += row.iter().map(Cell::weight).sum::<usize>();
            weight <= HEAVY
        };
        let light = self.rows.iter().take_while(fits).count();
        self.rows.truncate(light);
    }

    /// The table, with its long texts shortened if all of them would make a page too heavy: first those that repeat or
    /// explain others, then the names.
    #[must_use]
    pub fn fitted(&self) -> Cow<'_, Self> {
        let is_heavy = |table: &Self| table.rows.iter().flatten().map(Cell::weight).sum::<usize>() > HEAVY;
        if !is_heavy(self) {
            return Cow::Borrowed(self);
        }
        let mut fitted = self.clone();
        fitted.rows.iter_mut().flatten().for_each(Cell::shorten);
        if is_heavy(&fitted) {
            for cell in fitted.rows.iter_mut().flatten() {
                cell.text = format::short(&cell.text).into_owned();
            }
            let note = "Names of more than 100 characters are shortened here, or the page would be too heavy; their own \
                pages and the CSV have all of them.";
            fitted.notes.push(note.to_owned());
        }
        Cow::Owned(fitted)
    }

    /// Leaves a column out, and says why.
    pub fn leave_out(&mut self, label: &str, why: impl Into<String>) {
        let Some(at) = self.columns.iter().position(|column| column.label == label) else { return };
        self.columns.remove(at);
        for row in self.rows.iter_mut().chain([&mut self.foot]).filter(|row| at < row.len()) {
            row.remove(at);
        }
        self.notes.push(why.into());
    }

    /// Makes the first columns sortable by `?sort=2`, or `-2` for descending. Returns the chosen column, and whether it is
    /// descending.
    pub fn sortable(&mut self, context: &RequestContext, columns: usize) -> (usize, bool) {
        let asked = context.query("sort");
        let (number, down) = asked.strip_prefix('-').map_or((asked, false), |number| (number, true));
        let chosen = number.parse::<usize>().ok().filter(|at| *at < columns);
        for (at, column) in self.columns.iter_mut().take(columns).enumerate() {
            let is_chosen = chosen == Some(at);
            if is_chosen {
                column.sorted = if down { "descending" } else { "ascending" };
            }
            let next = if is_chosen && !down { format!("-{at}") } else { at.to_string() };
            column.sort_link = Some(link_to(context, context.path(), &[("sort", &next), ("page", "")]));
        }
        (chosen.unwrap_or_default(), chosen.is_some() && down)
    }
}

/// This page's address with one parameter changed.
#[must_use]
pub fn link_with(context: &RequestContext, name: &str, value: &str) -> String {
    link_to(context, context.path(), &[(name, value)])
}

/// Another path with this page's query, some parameters changed; empty ones are left out.
#[must_use]
pub fn link_to(context: &RequestContext, path: &str, changed: &[(&str, &str)]) -> String {
    let is_kept = |(name, value): &&(String, String)| {
        name != "done" && !value.is_empty() && !changed.iter().any(|(changed, _)| changed == name)
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(context.queries().iter().filter(is_kept));
    query.extend_pairs(changed.iter().filter(|(_, value)| !value.is_empty()));
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_heavy_tables_are_shortened_and_say_so() {
        let mut table = Table::new("Names", &["@Name", "#Cost"]);
        let name = format!("{}{}", "n".repeat(499), 7);
        let row = || vec![Cell::new(&name).label(format!("{name} of {name}")), Cell::new("12.50")];
        table.rows = (0..30).map(|_| row()).collect();
        assert!(matches!(table.fitted(), Cow::Borrowed(_)));
        table.rows = (0..60).map(|_| row()).collect();
        let fitted = table.fitted();
        assert_eq!((fitted.rows[0][0].text.len(), fitted.rows[0][0].hover()), (500, None));
        assert!(fitted.notes.is_empty() && fitted.rows[0][1].text == "12.50");
        table.rows = (0..200).map(|_| row()).collect();
        let fitted = table.fitted();
        assert!(fitted.rows[199][0].text.ends_with("n7") && fitted.rows[199][0].text.chars().count() == 100);
        assert_eq!(fitted.notes.len(), 1);
    }
}
