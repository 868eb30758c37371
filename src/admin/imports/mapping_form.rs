//! Reads the mapping page's form: which column is which, how the file is read, and what to do with its rows.

use std::str::FromStr;

use crate::admin::imports::mapping_questions::LINES;
use crate::admin::kit::context::RequestContext;
use crate::admin::kit::form::sentence;
use crate::domain::{Invalid, Name, Reason};
use crate::import::{Column, Decisions, LineSet, Recognition};
use crate::service::imports::ControlTotal;
use crate::service::pending_uploads::{Answers, KeptDayState, PendingUpload};

/// The columns that the page asks about.
pub(super) const COLUMNS: [Column; 15] = [
    Column::Date,
    Column::CampaignName,
    Column::Partner,
    Column::Clicks,
    Column::Cost,
    Column::Views,
    Column::Conversions,
    Column::Currency,
    Column::CampaignId,
    Column::NetworkCampaignId,
    Column::PartnerId,
    Column::OfferName,
    Column::App,
    Column::StoreId,
    Column::Os,
];

/// The answers, and the errors by field.
pub(super) struct Said {
    pub(super) decisions: Decisions,
    pub(super) answers: Answers,
    pub(super) save_as: Option<Name>,
    pub(super) errors: Vec<(String, String)>,
}

struct Reader<'c> {
    context: &'c RequestContext,
    errors: Vec<(String, String)>,
}

impl Reader<'_> {
    fn refuse(&mut self, field: &str, message: impl Into<String>) {
        self.errors.push((field.to_owned(), message.into()));
    }

    /// A field that may be empty.
    fn optional<T: FromStr<Err = Invalid>>(&mut self, field: &str) -> Option<T> {
        match self.context.field(field).trim() {
            "" => None,
            text => match text.parse() {
                Ok(value) => Some(value),
                Err(error) => {
                    self.refuse(field, sentence(&error.reason));
                    None
                }
            },
        }
    }
}

impl<'c> Reader<'c> {
    /// Line numbers that were typed, and those that were ticked.
    fn lines(&mut self, field: &str, ticked: impl Iterator<Item = &'c str>) -> LineSet {
        let ticked = ticked.collect::<Vec<_>>().join(",");
        format!("{},{ticked}", self.context.field(field)).parse().unwrap_or_else(|_| {
            self.refuse(field, "Enter lines and ranges of lines, such as 14,20-22.");
            LineSet::default()
        })
    }
}

pub(super) fn read(context: &RequestContext, upload: &PendingUpload) -> Said {
    let mut form = Reader { context, errors: Vec::new() };
    let seen = &upload.settings.recognition;
    let mut decisions = Decisions { only_given: true, ..Decisions::default() };
    for column in COLUMNS {
        let source = context.field(&format!("from-{column}"));
        let is_there = seen.headers.iter().any(|header| header.source == source);
        match (is_there, context.field(&format!("set-{column}")).trim()) {
            (true, "") => decisions.columns.push((column, source.to_owned())),
            (false, "") => {}
            (false, value) => decisions.fixed.push((column, value.to_owned())),
            (true, _) => form.refuse(column.name(), "Choose a column or enter a value, not both."),
        }
    }
    decisions.sheet = Some(context.field("sheet").to_owned()).filter(|sheet| !sheet.is_empty());
    decisions.encoding = form.optional("encoding");
    decisions.date_format = form.optional("date_format");
    decisions.dates = form.optional("dates");
    decisions.numbers = form.optional("numbers");
    decisions.money_unit = form.optional("money_unit");
    decisions.period = form.optional("period");
    decisions.header_line = match context.field("header_line").trim() {
        "" => None,
        text => match text.parse::<u64>() {
            Ok(line) if line > 0 => Some(line),
            _ => {
                form.refuse("header_line", "Enter the number of a line; the first line is 1.");
                None
            }
        },
    };
    // A radio button for lines sends their numbers to leave them out, or the numbers with a minus to keep them as rows.
    let (out, rows): (Vec<&str>, Vec<&str>) = context.beginning_with(LINES).partition(|lines| !lines.starts_with('-'));
    let ticked: LineSet = context.all("back").filter_map(|line| line.parse::<u64>().ok()).collect();
    let back = context.all("back").chain(rows.into_iter().map(|line| line.trim_start_matches('-')));
    decisions.keep = form.lines("keep", back);
    // A line that is ticked to be put back may still be in the field of those that are left out.
    decisions.leave_out = form.lines("leave_out", out.into_iter()).without(&ticked);
    let answers = answers(&mut form, upload);
    let save_as = match context.field("save_as").trim() {
        "" => None,
        name => match Name::parse("save_as", name) {
            Ok(name) => Some(name),
            Err(error) => {
                form.refuse("save_as", sentence(&error.reason));
                None
            }
        },
    };
    Said { decisions, answers, save_as, errors: form.errors }
}

fn answers(form: &mut Reader<'_>, upload: &PendingUpload) -> Answers {
    let context = form.context;
    let reason = context.field("reason").trim().to_owned();
    if let Err(error) = Reason::parse_optional(&reason) {
        form.refuse("reason", sentence(&error.reason));
    }
    let control_total = context.field("control_total").trim().to_owned();
    form.optional::<ControlTotal>("control_total");
    let is = |field: &str| context.field(field) == "on";
    Answers {
        sum: context.field("duplicates") == "sum",
        create_missing: is("create_missing"),
        replace: is("replace"),
        days: form.optional("days").map(KeptDayState),
        reason,
        control_total,
        aliases: upload.settings.answers.aliases.clone(),
        new_campaigns: upload.settings.answers.new_campaigns.clone(),
        given: false,
    }
}

/// The index of the header for a column, or the value for all rows.
pub(super) fn source(seen: &Recognition, column: Column) -> (Option<usize>, Option<String>) {
    let fixed = seen.plan.fixed.iter().find(|(other, _)| *other == column).map(|(_, value)| value.clone());
    (seen.plan.place(column), fixed)
}
