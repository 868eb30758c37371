//! Tables: the interface. Columns that can be sorted by, rows of cells, a foot for sums. One template shows them all.

use crate::admin::kit::context::RequestContext;

/// A table.
#[derive(Debug, Default)]
pub struct Table {
    /// What it holds, for those who don't see it.
    pub caption: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows.
    pub rows: Vec<Vec<Cell>>,
    /// Sums.
    pub foot: Vec<Cell>,
}

/// A column.
#[derive(Debug, Default)]
pub struct Column {
    /// Its head.
    pub label: String,
    /// Whether it holds figures, which stand to the right.
    pub numeric: bool,
    /// Where a click on the head leads.
    pub sort_link: Option<String>,
    /// `ascending`, `descending` or `none`.
    pub sorted: &'static str,
}

/// A cell.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    /// What it says.
    pub text: String,
    /// Where it leads.
    pub href: Option<String>,
    /// The exact value, where the text is shortened.
    pub title: Option<String>,
    /// A quieter second line.
    pub note: Option<String>,
    /// `good`, `warn`, `bad` or `quiet`.
    pub tone: &'static str,
    /// Whether it is for machines.
    pub code: bool,
    /// What it is to be sorted by, where that is not the text.
    pub rank: Option<i128>,
    /// The text is a button that sends this.
    pub press: Option<CellButton>,
}

/// What a button in a cell sends.
#[derive(Debug, Clone)]
pub struct CellButton {
    /// Where to.
    pub action: &'static str,
    /// The field that says which row it is.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// What the button does, for those who don't see its row.
    pub label: String,
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

    /// Has a second line.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
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

    /// Is for machines.
    #[must_use]
    pub fn code(mut self) -> Self {
        self.code = true;
        self
    }

    /// Is a button.
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
}

impl Table {
    /// A table with these columns; those whose label starts with `#` hold figures.
    #[must_use]
    pub fn new(caption: impl Into<String>, columns: &[&str]) -> Self {
        let column = |label: &&str| Column {
            label: label.trim_start_matches('#').to_owned(),
            numeric: label.starts_with('#'),
            sort_link: None,
            sorted: "none",
        };
        Self { caption: caption.into(), columns: columns.iter().map(column).collect(), ..Self::default() }
    }

    /// Keeps the rows that hold the words asked for, and sorts them by the column asked for: `?sort=2`, or `-2` for the
    /// other way round.
    #[must_use]
    pub fn searched_and_sorted(mut self, context: &RequestContext) -> Self {
        let message = context.query("search").to_lowercase();
        if !message.is_empty() {
            let holds = |cell: &Cell| {
                cell.text.to_lowercase().contains(&message)
                    || cell.note.as_ref().is_some_and(|note| note.to_lowercase().contains(&message))
            };
            self.rows.retain(|row| row.iter().any(holds));
        }
        let asked = context.query("sort");
        let (number, down) = asked.strip_prefix('-').map_or((asked, false), |number| (number, true));
        let chosen = number.parse::<usize>().ok().filter(|at| *at < self.columns.len());
        for (at, column) in self.columns.iter_mut().enumerate() {
            let is_chosen = chosen == Some(at);
            if is_chosen {
                column.sorted = if down { "descending" } else { "ascending" };
            }
            let next = if is_chosen && !down { format!("-{at}") } else { at.to_string() };
            column.sort_link = Some(link_with(context, "sort", &next));
        }
        if let Some(at) = chosen {
            let key = |row: &Vec<Cell>| row.get(at).map(|cell| (cell.rank, cell.text.to_lowercase()));
            self.rows.sort_by(|one, other| if down { key(other).cmp(&key(one)) } else { key(one).cmp(&key(other)) });
        }
        self
    }
}

/// This page's address with one parameter changed.
#[must_use]
pub fn link_with(context: &RequestContext, name: &str, value: &str) -> String {
    let kept = context.queries().iter().filter(|(key, value)| key != name && key != "done" && !value.is_empty());
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(kept);
    if !value.is_empty() {
        query.append_pair(name, value);
    }
    let query = query.finish();
    if query.is_empty() { context.path().to_owned() } else { format!("{}?{query}", context.path()) }
}
