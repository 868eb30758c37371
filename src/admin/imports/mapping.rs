//! The mapping page of an upload: what was recognised, which header is which column, and questions that the file leaves open.

use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;

use crate::admin::catalogue::pick::CHOICES;
use crate::admin::imports::change_table::money;
use crate::admin::imports::mapping_form::{self, Said, source};
use crate::admin::imports::mapping_questions::{Question, Setting, open, settings};
use crate::admin::imports::upload::draft;
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::form::sentence;
use crate::admin::kit::format;
use crate::admin::kit::layout::Shell;
use crate::domain::DayState;
use crate::http::ClientError;
use crate::import::{Column, LeftOutCode, NoteCode, Packing, Recognition};
use crate::service::imports::ImportError;
use crate::service::pending_uploads::{self, Answers, KeptDayState, PendingUpload};

/// A column on the page: its label and its hint.
type Shown = (Column, &'static str, &'static str);

const NEEDED: [Shown; 5] = [
    (Column::Date, "Day", ""),
    (Column::CampaignName, "Campaign", "The advertiser's own name for it."),
    (Column::Partner, "Publisher", "Who showed the offer."),
    (Column::Clicks, "Clicks", ""),
    (Column::Cost, "Cost", ""),
];
const OPTIONAL: [Shown; 6] = [
    (Column::Views, "Views", ""),
    (Column::Conversions, "Conversions", ""),
    (Column::Currency, "Currency", "Checked against the advertiser's."),
    (Column::NetworkCampaignId, "Network's campaign id", "Finds a campaign again after it was renamed."),
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
    /// The value of the chosen header in the form.
    header: String,
    /// The value for every row.
    value: String,
    /// Whether one value for all rows makes sense.
    may_be_fixed: bool,
    samples: String,
    error: Option<String>,
}

/// A line that will not be read.
struct LeftOutRow {
    line: u64,
    text: String,
    reason: String,
    cost: String,
    /// Whether it could be a row after all.
    may_be_back: bool,
}

#[derive(Template)]
#[template(path = "admin/draft.html")]
struct Page {
    shell: Shell,
    id: String,
    file_name: String,
    advertiser: String,
    comes_to: String,
    facts: String,
    notes: Vec<String>,
    saved: String,
    /// The file's headers: form value and label.
    headers: Vec<(String, String)>,
    groups: Vec<(&'static str, &'static str, Vec<Line>)>,
    publishers: Vec<String>,
    questions: Vec<Question>,
    /// Problems of the file that belong to no field.
    obstacles: Vec<String>,
    settings: Vec<Setting>,
    are_settings_open: bool,
    left_out: Vec<LeftOutRow>,
    left_out_total: String,
    answers: Answers,
    days: String,
    save_as: String,
    errors: Vec<(String, String)>,
}

impl Page {
    fn error(&self, field: &str) -> Option<&String> {
        error_of(&self.errors, field)
    }
}

fn error_of<'e>(errors: &'e [(String, String)], field: &str) -> Option<&'e String> {
    errors.iter().find(|(name, _)| name == field).map(|(_, message)| message)
}

/// Shows the mapping page.
pub async fn edit(context: RequestContext, id: web::Path<String>) -> Answer {
    let draft = draft(&context, &id).await?;
    page(&context, draft, Vec::new(), false).await
}

/// Saves the answers and goes on to the preview, unless a question is open.
pub async fn save(context: RequestContext, id: web::Path<String>) -> Answer {
    let mut upload = draft(&context, &id).await?;
    let Said { decisions, mut answers, save_as, errors } = mapping_form::read(&context, &upload);
    let (store, own) = (context.store().clone(), upload.clone());
    answers.given = errors.is_empty();
    let decided = crate::telemetry::blocking(move || {
        let mut upload = own;
        pending_uploads::decide(&store, &mut upload, decisions, answers).map(|()| upload)
    });
    upload = match decided.await {
        Ok(upload) => upload,
        Err(ImportError::File(error)) => {
            let errors = vec![("file".to_owned(), sentence(&error.to_string()))];
            return page(&context, upload, errors, true).await;
        }
        Err(error) => return Err(error.into()),
    };
    if !errors.is_empty() || !upload.settings.recognition.problems.is_empty() {
        return page(&context, upload, errors, true).await;
    }
    let to = format!("/admin/imports/drafts/{}/preview?advertiser={}", upload.row.id, upload.advertiser.id);
    if let Some(name) = save_as {
        context
            .run(move |context| pending_uploads::save_mapping(context.store(), &upload, &name, &context.actor()))
            .await?;
    }
    Ok(context.go(&to))
}

/// Discards the upload.
pub async fn cancel(context: RequestContext, id: web::Path<String>) -> Answer {
    let draft = draft(&context, &id).await?;
    let to = crate::admin::kit::layout::back("/admin/imports", Some(draft.advertiser.id), "discarded");
    context
        .run(move |context| pending_uploads::discard(context.store(), draft.row.id))
        .await
        .map_err(ClientError::from)?;
    Ok(context.go(&to))
}

async fn page(
    context: &RequestContext,
    upload: PendingUpload,
    mut errors: Vec<(String, String)>,
    was_sent: bool,
) -> Answer {
    let status = if was_sent { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let save_as = context.field("save_as").to_owned();
    context
        .show_as(status, move |context, txn| {
            let shell = Shell::new(context, txn, "Import", format!("Columns of {}", upload.row.file_name))?;
            let seen = &upload.settings.recognition;
            let (questions, obstacles) = open(seen, &mut errors, was_sent);
            let line = |shown: &Shown| line(shown, seen, context, was_sent, &errors);
            let groups = vec![
                ("Required columns", "", NEEDED.iter().map(line).collect()),
                ("Optional columns", "", OPTIONAL.iter().map(line).collect()),
                (
                    "For creating new campaigns",
                    "Needed only for campaigns that don't exist yet: fill in all four.",
                    CREATING.iter().map(line).collect(),
                ),
            ];
            let mut publishers: Vec<String> = txn.publishers_shown()?.into_iter().map(|row| row.name).collect();
            publishers.sort();
            // As many would make the page too heavy. The check says which names are new.
            if publishers.len() > CHOICES as usize {
                publishers.clear();
            }
            let asked: Vec<&str> = questions.iter().map(|question| question.field.as_str()).collect();
            let settings = settings(seen, &upload.settings.decisions, &asked, &errors);
            let answers = upload.settings.answers.clone();
            let days = match answers.days {
                Some(KeptDayState(DayState::Final)) => "final",
                Some(KeptDayState(DayState::Provisional)) => "provisional",
                None => "",
            }
            .to_owned();
            Ok(Page {
                id: upload.row.id.to_string(),
                file_name: upload.row.file_name.clone(),
                advertiser: upload.advertiser.name.clone(),
                comes_to: comes_to(&upload),
                facts: facts(seen),
                // Left-out lines are listed further down.
                notes: seen
                    .notes
                    .iter()
                    .filter(|note| note.code != NoteCode::LeftOut)
                    .map(|note| note.message.clone())
                    .collect(),
                saved: saved(&upload),
                headers: headers(seen),
                are_settings_open: settings.iter().any(|setting| setting.error.is_some()),
                questions,
                obstacles,
                settings,
                groups,
                publishers,
                left_out: left_out(seen, upload.advertiser.currency.code()),
                left_out_total: format::plural(i64::try_from(seen.left_out_total).unwrap_or(i64::MAX), "line"),
                days,
                answers,
                save_as,
                errors,
                shell,
            })
        })
        .await
}

fn saved(upload: &PendingUpload) -> String {
    match (&upload.settings.saved, upload.settings.is_remembered) {
        (Some(name), _) => format!("It matches your saved mapping “{name}”, so that is filled in."),
        (None, true) => "A file with these columns was imported before; the same answers are filled in.".to_owned(),
        (None, false) => String::new(),
    }
}

/// What the file's cost adds up to, in the currency of the import.
fn comes_to(upload: &PendingUpload) -> String {
    let seen = &upload.settings.recognition;
    let currency = upload.advertiser.currency;
    let money = format!("{} {}", money(&seen.sums.cost, currency), currency.code());
    let clicks = format::count(i64::try_from(seen.sums.clicks).unwrap_or(i64::MAX));
    format!("{money} and {clicks} clicks")
}

fn facts(seen: &Recognition) -> String {
    let rows = format::plural(i64::try_from(seen.rows).unwrap_or(i64::MAX), "row");
    let columns = format::plural(i64::try_from(seen.headers.len()).unwrap_or(i64::MAX), "column");
    let line = seen.plan.table.header_line;
    let kind = match seen.packing {
        Packing::Workbook => seen
            .sheet
            .as_ref()
            .map_or_else(|| "a workbook".to_owned(), |sheet| format!("sheet “{sheet}” of a workbook")),
        Packing::Text | Packing::PackedText => {
            format!("{}, separated by {}s", seen.plan.table.encoding.name(), seen.plan.table.separator.name())
        }
    };
    format!("{rows} and {columns}, the header on line {line}; {kind}.")
}

fn headers(seen: &Recognition) -> Vec<(String, String)> {
    let all = seen.headers.iter().enumerate().map(|(place, header)| {
        let name = if header.name.is_empty() { format!("Column {}", place + 1) } else { header.name.clone() };
        let is_twin = seen.headers.iter().filter(|other| other.name == header.name).count() > 1;
        (header.source.clone(), if is_twin { format!("{name} (column {})", place + 1) } else { name })
    });
    all.collect()
}

fn line(
    shown: &Shown,
    seen: &Recognition,
    context: &RequestContext,
    was_sent: bool,
    errors: &[(String, String)],
) -> Line {
    let (column, label, hint) = *shown;
    let (place, fixed) = source(seen, column);
    let header = place.and_then(|place| seen.headers.get(place));
    let typed = |kind: &str| context.field(&format!("{kind}-{column}")).to_owned();
    Line {
        name: column.name(),
        label,
        hint,
        header: if was_sent { typed("from") } else { header.map(|header| header.source.clone()).unwrap_or_default() },
        value: if was_sent { typed("set") } else { fixed.unwrap_or_default() },
        may_be_fixed: !matches!(
            column,
            Column::Date | Column::CampaignId | Column::PartnerId | Column::NetworkCampaignId
        ),
        samples: header.map(|header| header.samples.join(" · ")).unwrap_or_default(),
        error: error_of(errors, column.name()).cloned(),
    }
}

fn left_out(seen: &Recognition, currency: &str) -> Vec<LeftOutRow> {
    let row = |line: &crate::import::LeftOut| LeftOutRow {
        line: line.line,
        text: line.text.clone(),
        reason: line.reason.clone(),
        cost: line.cost.as_ref().map(|cost| format!("{cost} {currency}")).unwrap_or_default(),
        may_be_back: line.code != LeftOutCode::Title,
    };
    seen.left_out.iter().map(row).collect()
}
