//! What an upload would change; the button then imports exactly that.

use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;
use chrono::Utc;

use crate::admin::imports::change_table::{cells, days, money, named};
use crate::admin::imports::name_list::NameList;
use crate::admin::imports::settle::{Item, items};
use crate::admin::imports::upload::draft;
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::form::sentence;
use crate::admin::kit::format;
use crate::admin::kit::layout::{Shell, back};
use crate::admin::kit::table::{Cell, Table};
use crate::admin::singular::words;
use crate::domain::{Day, Reason};
use crate::http::spooled::Spooled;
use crate::http::{ClientError, download};
use crate::import::FileError;
use crate::service::ServiceError;
use crate::service::imports::{ImportError, Preview};
use crate::service::ledger::{self, Calendar};
use crate::service::pending_uploads::{self, PendingUpload};

#[derive(Template)]
#[template(path = "admin/preview.html")]
struct Page {
    shell: Shell,
    id: String,
    lead: String,
    /// Label for the total that can be typed: the platform that shows it.
    platform: String,
    control_total: String,
    control: Option<(&'static str, String)>,
    /// What must be settled first, and what deserves a look.
    items: Vec<Item>,
    open: usize,
    /// The names that would be created, by kind.
    created: Vec<(String, NameList)>,
    notes: Vec<String>,
    days: Option<Table>,
    /// Final days that would change, which need a reason.
    final_days: Option<String>,
    reason: String,
    error: Option<String>,
    moved: Vec<String>,
    outliers: Option<Table>,
    outlier_count: String,
    changes: Option<Table>,
    change_count: String,
    inserts: Option<Table>,
    facts: Vec<(&'static str, String)>,
    ignored: String,
    button: Option<String>,
    seen: String,
    has_problems: bool,
}

/// The preview: the upload as it was read, compared with the stats.
pub async fn show(context: RequestContext, id: web::Path<String>) -> Answer {
    let draft = draft(&context, &id).await?;
    if !draft.settings.answers.given {
        return Ok(context.go(&format!("/admin/imports/drafts/{}", draft.row.id)));
    }
    page(&context, draft, Vec::new(), None).await
}

/// Imports what was previewed.
pub async fn commit(context: RequestContext, id: web::Path<String>) -> Answer {
    let mut upload = draft(&context, &id).await?;
    if !upload.settings.answers.given {
        return Ok(context.go(&format!("/admin/imports/drafts/{}", upload.row.id)));
    }
    let reason = context.field("reason").trim();
    if !reason.is_empty() {
        reason.clone_into(&mut upload.settings.answers.reason);
    }
    if let Err(error) = Reason::parse_optional(&upload.settings.answers.reason) {
        return page(&context, upload, Vec::new(), Some(sentence(&error.reason))).await;
    }
    let (own, seen) = (upload.clone(), context.field("seen").to_owned());
    let done = context
        .run_in_turn(move |context| {
            Ok::<_, ClientError>(pending_uploads::commit(context.store(), &own, &seen, &context.actor()))
        })
        .await?;
    let imported = |id: &str| format!("/admin/imports/{id}");
    match done {
        Ok(done) => Ok(context.go(&back(&imported(&done.id.to_string()), Some(upload.advertiser.id), "imported"))),
        // The button was pressed twice: the first press imported the upload, under the same id.
        Err(ImportError::Taken) => {
            Ok(context.go(&back(&imported(&upload.row.id.to_string()), Some(upload.advertiser.id), "imported")))
        }
        // If anything changed since the preview, a new preview says what.
        Err(ImportError::Moved(moved)) => page(&context, upload, moved, None).await,
        Err(ImportError::Lines(_)) => {
            page(&context, upload, Vec::new(), Some("Something changed since you looked.".to_owned())).await
        }
        Err(ImportError::Final(_)) => {
            page(&context, upload, Vec::new(), Some("Give the reason why final days change.".to_owned())).await
        }
        Err(ImportError::ControlTotal(message)) => page(&context, upload, Vec::new(), Some(sentence(&message))).await,
        Err(ImportError::File(error @ (FileError::Refused(_) | FileError::Missing(_)))) => {
            page(&context, upload, Vec::new(), Some(sentence(&error.to_string()))).await
        }
        Err(error) => Err(error.into()),
    }
}

/// All problems of the file, as CSV.
pub async fn problems(context: RequestContext, id: web::Path<String>) -> Answer {
    let upload = draft(&context, &id).await?;
    let file = context.run_in_turn(move |context| {
        let mut file = Spooled::new(context.store());
        pending_uploads::list_problems(context.store(), &upload, &mut file).map_err(ClientError::from)?;
        Ok::<_, ClientError>(file)
    });
    download::csv(file.await?, "pitlane-problems.csv")
}

/// The page, with what changed meanwhile or what is wrong.
pub(super) async fn page(
    context: &RequestContext,
    upload: PendingUpload,
    moved: Vec<String>,
    error: Option<String>,
) -> Answer {
    let own = upload.clone();
    let found = context
        .run_in_turn(move |context| Ok::<_, ClientError>(pending_uploads::preview(context.store(), &own)))
        .await?;
    let (found, error) = match found {
        Ok(found) => (found, error),
        Err(ImportError::File(refused @ (FileError::Refused(_) | FileError::Missing(_)))) => {
            (Preview::default(), Some(sentence(&refused.to_string())))
        }
        Err(error) => return Err(error.into()),
    };
    let is_refused = error.is_some() || !moved.is_empty();
    let status = if is_refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    context
        .show_as(status, move |context, txn| {
            let currency = upload.advertiser.currency;
            let comes_to = found.reading.cost.as_ref().map(|cost| money(cost, currency)).unwrap_or_default();
            let comes_to = format!("{comes_to} {}", currency.code());
            let title = format!("{} comes to {comes_to}", format::in_heading(&upload.row.file_name));
            let shell = Shell::new(context, txn, "Import", title)?;
            let own = found.shown_days.iter().filter(|(key, _)| *key == upload.advertiser.key).map(|(_, day)| *day);
            let effect = ledger::effect(txn, &upload.advertiser, own, Utc::now())?;
            let mut page = made(shell, &upload, &found, moved, error, effect.reach);
            page.facts.extend(effect.message().filter(|_| page.days.is_some()).map(|message| ("Singular", message)));
            Ok::<_, ServiceError>(page)
        })
        .await
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn made(
    shell: Shell,
    upload: &PendingUpload,
    found: &Preview,
    moved: Vec<String>,
    error: Option<String>,
    reach: Calendar,
) -> Page {
    let (answers, currency) = (&upload.settings.answers, upload.advertiser.currency);
    let items = items(upload, found);
    let open = items.iter().filter(|item| item.is_open).count();
    let has_problems = !found.problems.is_empty() || found.reading.rows == 0;
    let outlook = &found.outlook;
    let is_change = outlook.inserted + outlook.changed > 0 || answers.days.is_some();
    let rows = format::plural(whole(outlook.inserted + outlook.changed + outlook.unchanged - outlook.zeroed), "row");
    let may_import = !has_problems && is_change && found.control_total.is_none();
    Page {
        id: upload.row.id.to_string(),
        lead: lead(found),
        platform: platform(upload),
        control_total: answers.control_total.clone(),
        control: control(upload, found),
        open: open + usize::from(found.control_total.is_some()),
        created: created(found),
        notes: found
            .reading
            .notes
            .iter()
            // These have an item of their own above.
            .filter(|note| !matches!(note.code.as_str(), "unnamed_campaign" | "left_out"))
            .map(|note| note.message.clone())
            .collect(),
        days: (!has_problems).then(|| {
            let way = |day: Day| {
                let is_shown = found.shown_days.contains(&(upload.advertiser.key, day.to_stored()));
                if is_shown { words::way(reach.differing(day)) } else { Cell::new("sees no change").tone("quiet") }
            };
            days(outlook, currency, Some(&way))
        }),
        final_days: (!found.final_days.is_empty()).then(|| found.final_days.to_string()),
        reason: answers.reason.clone(),
        outlier_count: format::plural(whole(found.outliers.total), "figure"),
        outliers: (found.outliers.total > 0).then(|| outliers(found)),
        change_count: format::count(whole(outlook.changed)),
        changes: (!found.changes.is_empty()).then(|| cells("What would change", &found.changes, currency)),
        inserts: (!found.inserts.is_empty()).then(|| cells("The first new rows", &found.inserts, currency)),
        facts: if has_problems { Vec::new() } else { facts(found) },
        ignored: found.reading.ignored.join(", "),
        button: may_import.then(|| format!("Import {rows}")),
        seen: outlook.key(),
        has_problems,
        items,
        moved,
        error,
        shell,
    }
}

/// `38,165 clicks, 1 Aug 2023 to 31 Aug 2023, 1,143 lines become 85 rows.`
fn lead(found: &Preview) -> String {
    let reading = &found.reading;
    let mut parts = vec![format!("{} clicks", format::count(whole(reading.clicks)))];
    if let Some((first, last)) = found.days {
        parts.push(if first == last {
            format::day(first)
        } else {
            format!("{} to {}", format::day(first), format::day(last))
        });
    }
    let lines = format::plural(whole(reading.rows), "line");
    let outlook = &found.outlook;
    let rows = outlook.inserted + outlook.changed + outlook.unchanged - outlook.zeroed;
    parts.push(match rows {
        0 => lines,
        rows if rows == reading.rows => format::plural(whole(rows), "row"),
        rows => format!("{lines} become {}", format::plural(whole(rows), "row")),
    });
    format!("{}.", parts.join(", "))
}

/// The platform that shows the total: the publisher, if all rows have the same one.
fn platform(upload: &PendingUpload) -> String {
    let fixed = &upload.settings.recognition.plan.fixed;
    let publisher = fixed.iter().find(|(column, _)| *column == crate::import::Column::Partner);
    publisher.map_or_else(|| "The platform".to_owned(), |(_, name)| name.clone())
}

/// How the typed total compares with the file's.
fn control(upload: &PendingUpload, found: &Preview) -> Option<(&'static str, String)> {
    if upload.settings.answers.control_total.is_empty() || found.reading.rows == 0 {
        return None;
    }
    Some(match &found.control_total {
        Some(message) => ("bad", sentence(message)),
        None => ("good", "matches to the cent".to_owned()),
    })
}

fn created(found: &Preview) -> Vec<(String, NameList)> {
    let resembles = |name: &String| found.resembling.iter().any(|other| other.name == *name);
    let kinds = found.created.kinds().into_iter().filter(|(_, _, names)| !names.is_empty());
    kinds
        .map(|(one, several, names)| {
            let kind = if names.len() == 1 { one } else { several };
            let (mut first, rest): (Vec<String>, Vec<String>) = names.iter().cloned().partition(resembles);
            first.extend(rest);
            (format!("{} new {kind}", format::count(whole(names.len() as u64))), NameList::new(&first))
        })
        .collect()
}

fn facts(found: &Preview) -> Vec<(&'static str, String)> {
    let outlook = &found.outlook;
    let count = |count: u64| format::count(whole(count));
    let mut facts = vec![("New", count(outlook.inserted))];
    facts.push((
        "Changed",
        match outlook.zeroed {
            0 => count(outlook.changed),
            zeroed => format!("{}, of which {} are set to zero", count(outlook.changed), count(zeroed)),
        },
    ));
    facts.push(("Unchanged", count(outlook.unchanged)));
    if found.reading.repeated > 0 {
        let lines = format::plural(whole(found.reading.repeated), "line");
        facts.push(("Added up", format!("{lines} repeated an earlier line and were added to it")));
    }
    if found.reading.rounded > 0 {
        facts.push(("Rounded", format!("{} to six decimals", format::plural(whole(found.reading.rounded), "cost"))));
    }
    facts
}

fn outliers(found: &Preview) -> Table {
    let mut table =
        Table::new("Worth a look", &["Day", "@Campaign", "-@Publisher", "-Figure", "#Value", "#Usual", "-#Line"]);
    for outlier in &found.outliers.first {
        let mut row = named(&outlier.cell);
        let publisher = format::short(&outlier.cell.publisher);
        let narrow = format!("{publisher} · {}, line {}", outlier.column.name(), outlier.line);
        row[1] = std::mem::take(&mut row[1]).narrow(narrow);
        row.extend([
            Cell::new(outlier.column.name()),
            Cell::new(format::exact(&outlier.value)).tone("warn"),
            Cell::new(format::exact(&outlier.usual)),
            Cell::new(outlier.line.to_string()),
        ]);
        table.rows.push(row);
    }
    table
}
