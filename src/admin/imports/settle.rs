//! What the preview asks to settle: problems grouped by cause, each with a button that solves it, and what deserves a look. A
//! button changes one answer and shows the preview again.

use crate::admin::imports::name_list::{NameList, short};
use crate::admin::kit::form::sentence;
use crate::admin::kit::format;
use crate::import::Column;
use crate::service::imports::{Cause, LeftOutLine, Preview, Unnamed};
use crate::service::pending_uploads::PendingUpload;

/// New names of which one can be chosen from a list.
const CHOICES: usize = 50;

/// Up to this many lines can be left out at once, or are listed one by one.
const LINES: usize = 20;
const LEFT_OUT: usize = 6;

/// Something to settle or to look at.
#[derive(Default)]
pub(super) struct Item {
    pub(super) title: String,
    pub(super) text: String,
    pub(super) hint: String,
    /// The problem of each line, or names that are too long for the title.
    pub(super) lines: Vec<String>,
    is_names: bool,
    pub(super) actions: Vec<Action>,
    /// Whether it blocks the import.
    pub(super) is_open: bool,
}

/// A button and the fields it sends.
#[derive(Default)]
pub(super) struct Action {
    pub(super) label: String,
    pub(super) hidden: Vec<(&'static str, String)>,
    pub(super) inputs: Vec<Input>,
}

/// A field beside a button.
#[derive(Default)]
pub(super) struct Input {
    pub(super) name: String,
    pub(super) label: &'static str,
    pub(super) choices: Vec<String>,
    pub(super) is_optional: bool,
}

fn action(label: impl Into<String>, hidden: Vec<(&'static str, String)>) -> Action {
    Action { label: label.into(), hidden, inputs: Vec::new() }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Item {
    /// What opens `lines`.
    pub(super) fn summary(&self) -> &'static str {
        if self.is_names { "See the names in full" } else { "See the lines" }
    }

    /// An item about names, which stand below it in full where its title can't hold them.
    fn of_names(names: &[String]) -> Self {
        let list = NameList::new(names);
        let lines = if list.whole.is_empty() { Vec::new() } else { vec![list.whole] };
        Self { lines, is_names: true, ..Self::default() }
    }
}

fn listed(names: &[String]) -> String {
    NameList::new(names).short
}

pub(super) fn items(upload: &PendingUpload, found: &Preview) -> Vec<Item> {
    let mut items: Vec<Item> = found.problems.causes.iter().map(|cause| of_cause(upload, found, cause)).collect();
    let is_publisher_open = found.problems.causes.iter().any(|cause| cause.code == "unknown_publisher");
    for found in found.resembling.iter().filter(|found| !(is_publisher_open && found.kind == "publisher")) {
        let column = match found.kind {
            "publisher" => Column::Partner,
            "offer" => Column::OfferName,
            _ => Column::CampaignName,
        };
        items.push(Item {
            title: format!("“{}” is a new {}.", short(&found.name), found.kind),
            text: format!("There is a “{}”.", short(&found.known)),
            actions: vec![use_known(column, &found.name, &found.known)],
            ..Item::of_names(&[found.name.clone(), found.known.clone()])
        });
    }
    items.extend(
        found.unnamed.iter().filter(|_| !upload.settings.answers.replace).map(|unnamed| of_unnamed(unnamed, found)),
    );
    items.extend(of_outliers(found));
    items.extend(of_left_out(found));
    items
}

fn use_known(column: Column, name: &str, known: &str) -> Action {
    let hidden = vec![
        ("alias_column", column.name().to_owned()),
        ("alias_name", name.to_owned()),
        ("alias_known", known.to_owned()),
    ];
    action(format!("Use {}", short(known)), hidden)
}

fn of_cause(upload: &PendingUpload, found: &Preview, cause: &Cause) -> Item {
    let names: Vec<String> = cause.names.iter().map(|(name, _)| name.clone()).collect();
    let count = i64::try_from(cause.count).unwrap_or(i64::MAX);
    let create =
        |label: String| Action { inputs: missing(upload, found), ..action(label, vec![("create", "on".to_owned())]) };
    let item = match (cause.code.as_str(), names.as_slice()) {
        ("unknown_campaign" | "incomplete_campaign", names) if !names.is_empty() => Item {
            title: match names {
                [name] => format!("“{}” is a new campaign", short(name)),
                names => format!("{} are new: {}", format::plural(whole(names.len()), "campaign"), listed(names)),
            },
            hint: "Offers that an import creates are shown to Singular at once.".to_owned(),
            actions: vec![create(if names.len() == 1 {
                "Create it".to_owned()
            } else {
                format!("Create these {} campaigns", names.len())
            })],
            ..Item::of_names(names)
        },
        ("unknown_publisher", [name]) => {
            let known = found.resembling.iter().find(|found| found.kind == "publisher" && found.name == *name);
            let mut actions: Vec<Action> =
                known.iter().map(|found| use_known(Column::Partner, name, &found.known)).collect();
            actions.push(action(format!("Create {}", short(name)), vec![("create", "on".to_owned())]));
            Item {
                title: format!("“{}” is a new publisher.", short(name)),
                text: known.map(|found| format!("There is a “{}”.", short(&found.known))).unwrap_or_default(),
                actions,
                ..Item::of_names(
                    &std::iter::once(name).chain(known.map(|found| &found.known)).cloned().collect::<Vec<_>>(),
                )
            }
        }
        ("unknown_publisher", names) if !names.is_empty() => Item {
            title: format!("{} are new: {}", format::plural(whole(names.len()), "publisher"), listed(names)),
            actions: vec![action(
                format!("Create these {} publishers", names.len()),
                vec![("create", "on".to_owned())],
            )],
            ..Item::of_names(names)
        },
        ("duplicate", _) => Item {
            title: format!("{} repeat a day, campaign and publisher", format::plural(count, "line")),
            text: "This is usual if a file has one line per ad.".to_owned(),
            actions: vec![action("Add them up", vec![("sum", "on".to_owned())])],
            lines: lines(cause),
            ..Item::default()
        },
        ("too_many_new", _) => Item {
            title: format!("{} would create too much", format::plural(count, "line")),
            text: cause.lines.first().map(|(_, reason)| sentence(reason)).unwrap_or_default(),
            ..Item::default()
        },
        _ => Item {
            title: match &cause.column {
                Some(column) => format!("{} can't be read, column {column}", format::plural(count, "line")),
                None => format!("{} can't be read", format::plural(count, "line")),
            },
            hint: "Fix them in the file, choose other columns, or leave the lines out.".to_owned(),
            actions: leave_out(cause),
            lines: lines(cause),
            ..Item::default()
        },
    };
    Item { is_open: true, ..item }
}

fn lines(cause: &Cause) -> Vec<String> {
    let more = cause.count.saturating_sub(cause.lines.len() as u64);
    let mut lines: Vec<String> = cause.lines.iter().map(|(line, message)| format!("line {line}: {message}")).collect();
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines
}

fn leave_out(cause: &Cause) -> Vec<Action> {
    if cause.lines.len() as u64 != cause.count || cause.lines.len() > LINES {
        return Vec::new();
    }
    let lines = cause.lines.iter().map(|(line, _)| line.to_string()).collect::<Vec<_>>().join(",");
    let label =
        if cause.lines.len() == 1 { "Leave this line out".to_owned() } else { "Leave these lines out".to_owned() };
    vec![action(label, vec![("leave_out", lines)])]
}

/// The fields that new campaigns need and the file does not have.
fn missing(upload: &PendingUpload, found: &Preview) -> Vec<Input> {
    let plan = &upload.settings.recognition.plan;
    let has = |column: Column| plan.place(column).is_some() || plan.fixed.iter().any(|(other, _)| *other == column);
    let lacks = |column: Column| !has(column) && found.reading.lacking.contains(&column);
    // A store id that is typed may be of a known app, which has a name.
    let is_typed = lacks(Column::StoreId);
    let all = [
        (Column::OfferName, "Offer"),
        (Column::App, if is_typed { "App, if its store id is new" } else { "App" }),
        (Column::StoreId, "Store id"),
        (Column::Os, "System"),
    ];
    let input = |(column, label): (Column, &'static str)| Input {
        name: format!("set-{column}"),
        label,
        choices: match column {
            Column::Os => ["IOS", "ANDROID", "WEB"].map(str::to_owned).to_vec(),
            _ => Vec::new(),
        },
        is_optional: column == Column::App && is_typed,
    };
    all.into_iter().filter(|(column, _)| lacks(*column)).map(input).collect()
}

fn of_unnamed(unnamed: &Unnamed, found: &Preview) -> Item {
    let Unnamed { campaign, key, publisher, days: (first, last), cost, clicks } = unnamed;
    let days =
        if first == last { format::day(*first) } else { format!("{} to {}", format::day(*first), format::day(*last)) };
    let rename = |name: &String| {
        action(
            format!("Rename it to {}", short(name)),
            vec![("rename", key.get().to_string()), ("rename_to", name.clone())],
        )
    };
    // A list of thousands doesn't help, so the name is typed.
    let choices = if found.created.campaigns.len() > CHOICES { Vec::new() } else { found.created.campaigns.clone() };
    let mut actions: Vec<Action> = match found.created.campaigns.as_slice() {
        names if names.len() <= 3 => names.iter().map(rename).collect(),
        _ => vec![Action {
            inputs: vec![Input { name: "rename_to".to_owned(), label: "New name", choices, is_optional: false }],
            ..action("Rename it", vec![("rename", key.get().to_string())])
        }],
    };
    actions.push(action("Replace these days", vec![("replace", "on".to_owned())]));
    let clicks = format::count(i64::try_from(*clicks).unwrap_or(i64::MAX));
    Item {
        title: format!("“{}” at {} is not in the file", short(campaign), short(publisher)),
        text: format!("and holds {cost} and {clicks} clicks on its days ({days})."),
        hint: "If the network renamed it, rename it here too; otherwise its cost is counted twice. \
            “Replace these days” sets to zero what the file leaves out."
            .to_owned(),
        actions,
        ..Item::of_names(&[campaign.clone(), publisher.clone()])
    }
}

/// Figures far above the usual; the page lists them below.
fn of_outliers(found: &Preview) -> Option<Item> {
    let total = i64::try_from(found.outliers.total).unwrap_or(i64::MAX);
    let verb = if total == 1 { "is" } else { "are" };
    (total > 0).then(|| Item {
        title: format!("{} {verb} at least ten times the usual.", format::plural(total, "figure")),
        text: "They are listed below, each with what is usual.".to_owned(),
        hint: "A decimal sign in the wrong place looks like this.".to_owned(),
        ..Item::default()
    })
}

fn of_left_out(found: &Preview) -> Vec<Item> {
    let reading = &found.reading;
    let what = |line: &LeftOutLine| {
        let cost = line.cost.as_ref().map(|cost| format!(", {cost}")).unwrap_or_default();
        format!("“{}”{cost}: {}", line.text, line.reason)
    };
    let described = |line: &LeftOutLine| format!("line {}, {}", line.line, what(line));
    let (titles, others): (Vec<_>, Vec<_>) = reading.left_out.iter().partition(|line| line.is_title);
    if others.len() > LEFT_OUT {
        let total = i64::try_from(reading.left_out_total).unwrap_or(i64::MAX);
        return vec![Item {
            title: format!("{} are left out", format::plural(total, "line")),
            hint: "You can put each back on the page of the columns.".to_owned(),
            lines: reading.left_out.iter().map(described).collect(),
            ..Item::default()
        }];
    }
    let above = (!titles.is_empty()).then(|| Item {
        title: format!("{} above the header", format::plural(whole(titles.len()), "line")),
        text: "will not be read.".to_owned(),
        lines: titles.into_iter().map(described).collect(),
        ..Item::default()
    });
    let item = |line: &LeftOutLine| Item {
        title: format!("Line {} is left out", line.line),
        text: what(line),
        actions: vec![action("Put it back", vec![("back", line.line.to_string())])],
        ..Item::default()
    };
    others.into_iter().map(item).chain(above).collect()
}
