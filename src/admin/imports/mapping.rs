//! The mapping page of an upload: what was recognised, in words; which header feeds which column; what the file leaves open.

use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;

use crate::admin::imports::upload::draft;
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::format;
use crate::admin::kit::layout::Shell;
use crate::domain::{Name, Reason};
use crate::http::ClientError;
use crate::import::{Column, DateFormat, Numbers, Recognised};
use crate::service::pending_uploads::{self, Answers, PendingUpload};

/// A column on the page: what people call it, and what is to be said about it.
type Shown = (Column, &'static str, &'static str);

const NEEDED: [Shown; 4] = [
    (Column::Date, "Day", ""),
    (Column::CampaignName, "Campaign", "The name it has in the catalogue."),
    (Column::Clicks, "Clicks", ""),
    (Column::Cost, "Cost", ""),
];
const PUBLISHER: Shown = (Column::Partner, "Publisher", "Who showed the offer.");
const OPTIONAL: [Shown; 5] = [
    (Column::Views, "Views", ""),
    (Column::Conversions, "Conversions", ""),
    (Column::Currency, "Currency", "Checked against the advertiser's."),
    (Column::CampaignId, "Campaign id", "The UUID of the catalogue, instead of the name."),
    (Column::PartnerId, "Publisher id", "The UUID of the catalogue, instead of the name."),
];
const CREATING: [Shown; 4] = [
    (Column::OfferName, "Offer", ""),
    (Column::App, "App", ""),
    (Column::StoreId, "Store id", "Digits for the App Store, a package name for Google Play."),
    (Column::Os, "System", "IOS, ANDROID or WEB."),
];

/// One column's line of the form.
struct Line {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    /// The place of the chosen header.
    header: Option<usize>,
    /// The value for every row.
    value: String,
    /// Whether such a value makes sense.
    may_be_fixed: bool,
    samples: String,
    error: Option<String>,
}

/// A question that the file leaves open: its choices with a label each.
struct Question {
    choices: Vec<(String, String)>,
    chosen: String,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "admin/draft.html")]
struct Page {
    shell: Shell,
    id: String,
    file_name: String,
    advertiser: String,
    facts: String,
    notes: Vec<String>,
    saved: Option<String>,
    /// The file's headers with their places.
    headers: Vec<(usize, String)>,
    groups: Vec<(&'static str, &'static str, Vec<Line>)>,
    publishers: Vec<String>,
    dates: Option<Question>,
    numbers: Option<Question>,
    answers: Answers,
    save_as: String,
    errors: Vec<(String, String)>,
}

impl Page {
    fn error(&self, field: &str) -> Option<&String> {
        self.errors.iter().find(|(name, _)| name == field).map(|(_, message)| message)
    }
}

/// The page as it stands.
pub async fn edit(context: RequestContext, id: web::Path<String>) -> Answer {
    let draft = draft(&context, &id).await?;
    page(&context, draft, Vec::new()).await
}

/// Keeps the answers and goes on to the preview.
pub async fn save(context: RequestContext, id: web::Path<String>) -> Answer {
    let mut draft = draft(&context, &id).await?;
    let (answers, mut errors) = answers(&context, &draft);
    let given = answers.given;
    draft.settings.answers = answers;
    let save_as = match context.field("save_as").trim() {
        "" => None,
        name => Name::parse("save_as", name).map_err(|error| errors.push(("save_as".to_owned(), error.reason))).ok(),
    };
    if !given || !errors.is_empty() {
        return page(&context, draft, errors).await;
    }
    let to = format!("/admin/imports/drafts/{}/preview?advertiser={}", draft.row.id, draft.advertiser.id);
    context
        .run(move |context| pending_uploads::settle(context.store(), &draft, save_as.as_ref(), &context.actor()))
        .await?;
    Ok(context.go(&to))
}

/// Throws the upload away.
pub async fn cancel(context: RequestContext, id: web::Path<String>) -> Answer {
    let draft = draft(&context, &id).await?;
    let to = crate::admin::kit::layout::back("/admin/imports", Some(draft.advertiser.id), "discarded");
    context
        .run(move |context| pending_uploads::discard(context.store(), draft.row.id))
        .await
        .map_err(ClientError::from)?;
    Ok(context.go(&to))
}

fn columns() -> impl Iterator<Item = Column> {
    let all = NEEDED.iter().chain([&PUBLISHER]).chain(&OPTIONAL).chain(&CREATING);
    all.map(|(column, ..)| *column)
}

/// What the form says, and what is wrong with it, each with its field.
fn answers(context: &RequestContext, draft: &PendingUpload) -> (Answers, Vec<(String, String)>) {
    let seen = &draft.settings.recognised;
    let mut mapping = seen.mapping();
    (mapping.columns, mapping.fixed) = (Vec::new(), Vec::new());
    let mut errors: Vec<(String, String)> = Vec::new();
    let mut refuse = |field: &str, message: &str| errors.push((field.to_owned(), message.to_owned()));
    for column in columns() {
        let header = context.field(&format!("from-{column}")).parse::<usize>().ok().and_then(|at| seen.headers.get(at));
        match (header, context.field(&format!("set-{column}")).trim()) {
            (Some(header), "") => mapping.columns.push((column, header.name.clone())),
            (None, "") => {}
            (None, value) => mapping.fixed.push((column, value.to_owned())),
            (Some(_), _) => refuse(column.name(), "Choose a header or type a value, not both."),
        }
    }
    let has =
        |wanted: &[Column]| mapping.columns.iter().chain(&mapping.fixed).any(|(column, _)| wanted.contains(column));
    for wanted in [
        &[Column::Date][..],
        &[Column::CampaignName, Column::CampaignId],
        &[Column::Partner, Column::PartnerId],
        &[Column::Clicks],
        &[Column::Cost],
    ] {
        if !has(wanted)
            && let Some(first) = wanted.first()
        {
            refuse(first.name(), "Choose the header, or type what holds for every row.");
        }
    }
    let of =
        |wanted: Column| mapping.columns.iter().find(|(column, _)| *column == wanted).map(|(_, name)| name.as_str());
    let own = draft.advertiser.currency.code();
    if let Some(found) = seen.currency.as_deref().filter(|found| *found != own)
        && of(Column::Cost)
            .is_some_and(|cost| seen.columns.iter().any(|(column, name)| *column == Column::Cost && name == cost))
    {
        refuse(
            "cost",
            &format!(
                "The amounts are in {found}, but {} pays in {own}. Pitlane does not convert money.",
                draft.advertiser.name
            ),
        );
    }
    if let Some(header) = of(Column::Date) {
        let open = seen.date_formats(header);
        let chosen = context.field("dates");
        match open.as_slice() {
            [] => refuse("date", "No cell below this header can be read as a day."),
            [only] => mapping.date_format = Some(only.clone()),
            _ => match open.iter().find(|format| format.to_string() == chosen) {
                Some(format) => mapping.date_format = Some(format.clone()),
                None => {
                    refuse("dates", "The file leaves open which is the day and which the month. Choose what it means.");
                }
            },
        }
        mapping.date_format = mapping.date_format.filter(|format| format.to_string() != DateFormat::CONTRACT);
    }
    let figures: Vec<&str> = Column::FIGURES.into_iter().filter_map(of).collect();
    let open = open_numbers(seen, &figures);
    match open.as_slice() {
        [only] => mapping.numbers = *only,
        _ => match open.iter().find(|numbers| numbers.example() == context.field("numbers")) {
            Some(numbers) => mapping.numbers = *numbers,
            None => refuse("numbers", "The file leaves open which mark stands before decimals. Choose what it means."),
        },
    }
    let reason = context.field("reason").trim().to_owned();
    if let Err(error) = Reason::parse_optional(&reason) {
        refuse("reason", &crate::admin::kit::form::sentence(&error.reason));
    }
    let is = |field: &str| context.field(field) == "on";
    let days = match context.field("days") {
        days @ ("provisional" | "final") => days.to_owned(),
        _ => String::new(),
    };
    let sum = context.field("duplicates") == "sum";
    let (create_missing, replace, given) = (is("create_missing"), is("replace"), errors.is_empty());
    (Answers { mapping, sum, create_missing, replace, days, reason, given }, errors)
}

/// The ways to read the figures below these headers; both with marks where none fits all of them.
fn open_numbers(seen: &Recognised, figures: &[&str]) -> Vec<Numbers> {
    match seen.number_formats(figures) {
        open if open.is_empty() => vec![Numbers::Point, Numbers::Comma],
        open => open,
    }
}

async fn page(context: &RequestContext, draft: PendingUpload, errors: Vec<(String, String)>) -> Answer {
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let save_as = context.field("save_as").to_owned();
    context
        .show_as(status, move |context, txn| {
            let shell = Shell::new(context, txn, "Import", format!("How to read {}", draft.row.file_name))?;
            let seen = &draft.settings.recognised;
            let answers = draft.settings.answers.clone();
            let line = |shown: &Shown| line(shown, &answers, seen, &errors);
            let [day, campaign, clicks, cost] = NEEDED.each_ref().map(line);
            let needed = vec![day, campaign, line(&PUBLISHER), clicks, cost];
            let groups = vec![
                ("What every row needs", "", needed),
                ("What it may have besides", "", OPTIONAL.iter().map(line).collect()),
                (
                    "Only to create what is missing",
                    "A campaign that is not in the catalogue yet needs all four.",
                    CREATING.iter().map(line).collect(),
                ),
            ];
            let of = |wanted: Column| {
                answers.mapping.columns.iter().find(|(column, _)| *column == wanted).map(|(_, name)| name.as_str())
            };
            let figures: Vec<&str> = Column::FIGURES.into_iter().filter_map(of).collect();
            let said = said(context, &draft);
            let error = |field: &str| errors.iter().find(|(name, _)| name == field).map(|(_, message)| message.clone());
            let mut publishers: Vec<String> = txn.publisher_list()?.into_iter().map(|row| row.name).collect();
            publishers.sort();
            Ok(Page {
                id: draft.row.id.to_string(),
                file_name: draft.row.file_name.clone(),
                advertiser: draft.advertiser.name.clone(),
                facts: facts(seen),
                notes: seen.notes.clone(),
                saved: draft.settings.saved.clone(),
                headers: seen.headers.iter().map(|header| header.name.clone()).enumerate().collect(),
                dates: of(Column::Date).and_then(|header| date_question(seen, header, &said.0, error("dates"))),
                numbers: number_question(seen, &figures, &said.1, error("numbers")),
                groups,
                publishers,
                answers: answers.clone(),
                save_as,
                errors: errors.clone(),
                shell,
            })
        })
        .await
}

fn facts(seen: &Recognised) -> String {
    let rows = format::plural(i64::try_from(seen.rows).unwrap_or(i64::MAX), "row");
    let columns = format::plural(i64::try_from(seen.headers.len()).unwrap_or(i64::MAX), "column");
    let separator = seen.layout.separator.map_or("comma", |separator| separator.name());
    let (line, encoding) = (seen.header_line, seen.layout.encoding.name());
    format!("{rows} and {columns}, the header on line {line}; {encoding}, separated by {separator}s.")
}

fn line(shown: &Shown, answers: &Answers, seen: &Recognised, errors: &[(String, String)]) -> Line {
    let (column, label, hint) = *shown;
    let source =
        |pairs: &[(Column, String)]| pairs.iter().find(|(other, _)| *other == column).map(|(_, source)| source.clone());
    let header = source(&answers.mapping.columns)
        .and_then(|name| seen.headers.iter().position(|header| header.name.eq_ignore_ascii_case(&name)));
    let samples = header.and_then(|at| seen.headers.get(at)).map(|header| header.samples.join(" · "));
    Line {
        name: column.name(),
        label,
        hint,
        header,
        value: source(&answers.mapping.fixed).unwrap_or_default(),
        may_be_fixed: !matches!(column, Column::Date | Column::CampaignId | Column::PartnerId),
        samples: samples.unwrap_or_default(),
        error: errors.iter().find(|(name, _)| name == column.name()).map(|(_, message)| message.clone()),
    }
}

/// How dates and numbers are written, as somebody said: in this form, before, or in the saved mapping.
fn said(context: &RequestContext, draft: &PendingUpload) -> (String, String) {
    let answers = &draft.settings.answers;
    let before = answers.given || draft.settings.saved.is_some();
    let (mut dates, mut numbers) = (context.field("dates").to_owned(), context.field("numbers").to_owned());
    if before && dates.is_empty() {
        dates = answers.mapping.date_format.as_ref().map(ToString::to_string).unwrap_or_default();
    }
    if before && numbers.is_empty() {
        answers.mapping.numbers.example().clone_into(&mut numbers);
    }
    (dates, numbers)
}

fn date_question(seen: &Recognised, header: &str, chosen: &str, error: Option<String>) -> Option<Question> {
    let open = seen.date_formats(header);
    if open.len() < 2 {
        return None;
    }
    let samples = &seen.headers.iter().find(|other| other.name == header)?.samples;
    let read = |sample: &String| open.iter().map(|format| format.parse(sample).ok()).collect::<Vec<_>>();
    let telling = samples.iter().find(|sample| {
        let days = read(sample);
        days.first() != days.last()
    });
    let sample = telling.or(samples.first())?;
    let label = |format: &DateFormat| {
        let day = format.parse(sample).map(format::day).unwrap_or_default();
        (format.to_string(), format!("{sample} is {day}"))
    };
    Some(Question { choices: open.iter().map(label).collect(), chosen: chosen.to_owned(), error })
}

fn number_question(seen: &Recognised, figures: &[&str], chosen: &str, error: Option<String>) -> Option<Question> {
    let open = open_numbers(seen, figures);
    if open.len() < 2 {
        return None;
    }
    let label = |numbers: &Numbers| {
        let message = if *numbers == Numbers::Comma { "a comma before decimals" } else { "a point before decimals" };
        (numbers.example().to_owned(), format!("{}: {message}", numbers.example()))
    };
    Some(Question { choices: open.iter().map(label).collect(), chosen: chosen.to_owned(), error })
}
