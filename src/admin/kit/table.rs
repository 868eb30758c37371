//! Tables: the interface. Columns that can be sorted by, rows of cells, a foot for sums. One template shows them all.

use crate::admin::kit::context::RequestContext;
use crate::domain::MicrosSum;

#[derive(Debug, Default)]
pub struct Table {
    /// What it holds, for those who don't see it.
    pub caption: String,
    pub columns: Vec<Column>,
    /// Its rows. The first cell of each is its head.
    pub rows: Vec<Vec<Cell>>,
    pub foot: Vec<Cell>,
}

#[derive(Debug, Default)]
pub struct Column {
    pub label: String,
    /// Whether it holds figures, which stand to the right.
    pub numeric: bool,
    /// Whether it holds names: it takes the room that others leave, and names that are longer are cut off on the screen.
    pub is_name: bool,
    /// Whether it gives way where there is little room.
    pub gives_way: bool,
    /// Where a click on the head leads.
    pub sort_link: Option<String>,
    /// `ascending`, `descending` or `none`.
    pub sorted: &'static str,
}

/// A small line of figures over time.
#[derive(Debug, Clone, Default)]
pub struct Sparkline {
    pub path: String,
    /// The width of the drawing: one less than the points.
    pub width: usize,
}

#[derive(Debug, Clone, Default)]
pub struct Cell {
    pub text: String,
    pub href: Option<String>,
    /// What the link is called, for those who don't see its row.
    pub label: Option<String>,
    /// The exact value, where the text is shortened.
    pub title: Option<String>,
    /// A quieter second line.
    pub note: Option<String>,
    /// What stands beside the text, smaller.
    pub aside: String,
    /// What stands below the text where other columns gave way.
    pub narrow: Option<String>,
    /// `good`, `warn`, `bad` or `quiet`.
    pub tone: &'static str,
    /// Whether it is for machines.
    pub code: bool,
    /// What it is to be sorted by, where that is not the text.
    pub rank: Option<i128>,
    /// How long the bar behind the text is, in thousandths of the cell.
    pub bar: u32,
    /// A line of figures over time.
    pub line: Option<Sparkline>,
    /// The text is a button that sends this.
    pub press: Option<CellButton>,
}

/// What a button in a cell sends.
#[derive(Debug, Clone)]
pub struct CellButton {
    pub action: &'static str,
    /// The field that says which row it is.
    pub name: &'static str,
    pub value: String,
    /// What the button does, for those who don't see its row.
    pub label: String,
}

impl Column {
    /// A column of short texts.
    pub fn text(label: impl Into<String>) -> Self {
        Self { label: label.into(), sorted: "none", ..Self::default() }
    }

    /// A column of names.
    pub fn name(label: impl Into<String>) -> Self {
        Self { is_name: true, ..Self::text(label) }
    }

    /// A column of figures.
    pub fn figure(label: impl Into<String>) -> Self {
        Self { numeric: true, ..Self::text(label) }
    }

    /// A column of small lines.
    pub fn line(label: impl Into<String>) -> Self {
        Self::text(label).less()
    }

    /// Gives way where there is little room.
    #[must_use]
    pub fn less(self) -> Self {
        Self { gives_way: true, ..self }
    }

    /// Whether it holds figures, which are short.
    #[must_use]
    pub fn is_figure(&self) -> bool {
        self.numeric
    }

    /// The classes of its cells.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match (self.numeric, self.is_name, self.gives_way) {
            (true, _, true) => "figure less",
            (true, _, false) => "figure",
            (_, true, true) => "name less",
            (_, true, false) => "name",
            (_, _, true) => "less",
            _ => "",
        }
    }
}

impl Cell {
    /// A cell that says `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Leads somewhere, if `allowed`.
    #[must_use]
    pub fn to(mut self, href: impl Into<String>, allowed: bool) -> Self {
        self.href = allowed.then(|| href.into());
        self
    }

    /// Gives its link a name of its own.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Has a second line.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// Has something smaller beside its text.
    #[must_use]
    pub fn aside(mut self, aside: impl Into<String>) -> Self {
        self.aside = aside.into();
        self
    }

    /// Says this too where other columns gave way.
    #[must_use]
    pub fn narrow(mut self, text: impl Into<String>) -> Self {
        self.narrow = Some(text.into());
        self
    }

    /// Has the exact value in its title.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Has the colour of a state.
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

    /// Has a bar behind it: as long as `part` of `most`.
    #[must_use]
    pub fn bar(mut self, part: MicrosSum, most: MicrosSum) -> Self {
        self.bar = u32::try_from(part.of(most, 1000).unwrap_or_default().min(1000)).unwrap_or_default();
        self
    }

    /// Shows a line of figures over time.
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

    /// Is sorted by this number.
    #[must_use]
    pub fn rank(mut self, rank: impl Into<i128>) -> Self {
        self.rank = Some(rank.into());
        self
    }

    /// Whether its text wants a second line where names stand.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.text.chars().count() > 36
    }

    /// What is shown when the pointer rests on it: the exact value, or all of a text that may be cut off.
    #[must_use]
    pub fn hover(&self) -> Option<&str> {
        self.title.as_deref().or_else(|| (self.text.len() > 28).then_some(self.text.as_str()))
    }
}

impl Table {
    /// A table with these columns; those whose label starts with `#` hold figures.
    #[must_use]
    pub fn new(caption: impl Into<String>, columns: &[&str]) -> Self {
        let column = |label: &&str| match label.strip_prefix('#') {
            Some(label) => Column::figure(label),
            None => Column::text(*label),
        };
        Self::with_columns(caption, columns.iter().map(column).collect())
    }

    /// A table with these columns.
    #[must_use]
    pub fn with_columns(caption: impl Into<String>, columns: Vec<Column>) -> Self {
        Self { caption: caption.into(), columns, ..Self::default() }
    }

    /// Lets the heads of the first columns sort, as the address says: `?sort=2`, or `-2` for the other way round. Which
    /// column that is, and whether it goes down.
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

/// Another path with this page's parameters, some of them changed; empty ones are left out.
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
