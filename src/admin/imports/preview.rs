//! What an upload would change, before it does; then the word to go on, which imports the very same bytes.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, web};
use askama::Template;

use crate::admin::imports::upload::draft;
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::format;
use crate::admin::kit::layout::{Shell, back};
use crate::admin::kit::table::{Cell, Table};
use crate::domain::{Currency, Figures, MicrosSum, Reason};
use crate::http::ClientError;
use crate::import::FileError;
use crate::service::imports::{CellChange, CellName, Created, ImportError, Preview};
use crate::service::pending_uploads::{self, PendingUpload};

#[derive(Template)]
#[template(path = "admin/preview.html")]
struct Page {
    shell: Shell,
    id: String,
    facts: Vec<(&'static str, String)>,
    /// What is wrong, at most a hundred lines, and how many there are.
    problems: Vec<String>,
    problem_count: String,
    /// Whether adding up what is repeated would help.
    may_sum: bool,
    /// Final days that would change; they need a reason.
    final_days: Option<String>,
    reason: String,
    error: Option<String>,
    outliers: Option<Table>,
    outlier_count: String,
    changes: Option<Table>,
    change_count: String,
    inserts: Option<Table>,
    ignored: String,
    button: Option<String>,
}

/// The preview. Runs the import and takes it back, so what it tells is what would happen.
pub async fn show(context: RequestContext, id: web::Path<String>) -> Answer {
    let draft = draft(&context, &id).await?;
    if !draft.settings.answers.given {
        return Ok(context.go(&format!("/admin/imports/drafts/{}", draft.row.id)));
    }
    page(&context, draft, None).await
}

/// One answer changed from the preview: add up what is repeated.
pub async fn adjust(context: RequestContext, id: web::Path<String>) -> Answer {
    let mut draft = draft(&context, &id).await?;
    draft.settings.answers.sum |= context.field("sum") == "on";
    let to = format!("/admin/imports/drafts/{}/preview?advertiser={}", draft.row.id, draft.advertiser.id);
    context.run(move |context| pending_uploads::settle(context.store(), &draft, None, &context.actor())).await?;
    Ok(context.go(&to))
}

/// Imports what was previewed.
pub async fn commit(context: RequestContext, id: web::Path<String>) -> Answer {
    let mut draft = draft(&context, &id).await?;
    if !draft.settings.answers.given {
        return Ok(context.go(&format!("/admin/imports/drafts/{}", draft.row.id)));
    }
    let reason = context.field("reason").trim();
    if !reason.is_empty() {
        reason.clone_into(&mut draft.settings.answers.reason);
    }
    if let Err(error) = Reason::parse_optional(&draft.settings.answers.reason) {
        return page(&context, draft, Some(crate::admin::kit::form::sentence(&error.reason))).await;
    }
    let (store, actor, own) = (context.store().clone(), context.actor(), draft.clone());
    let done = crate::telemetry::blocking(move || pending_uploads::commit(&store, &own, &actor)).await;
    match done {
        Ok(done) => {
            Ok(context.go(&back(&format!("/admin/imports/{}", done.id), Some(draft.advertiser.id), "imported")))
        }
        // What changed since the preview is told by a new one.
        Err(ImportError::Lines(_)) => {
            page(&context, draft, Some("Something changed since the preview.".to_owned())).await
        }
        Err(ImportError::Final(_)) => {
            page(&context, draft, Some("Give the reason why final days change.".to_owned())).await
        }
        Err(ImportError::File(FileError::Refused(message) | FileError::Missing(message))) => {
            page(&context, draft, Some(crate::admin::kit::form::sentence(&message))).await
        }
        Err(error) => Err(error.into()),
    }
}

/// All that is wrong with the file, as CSV.
pub async fn problems(context: RequestContext, id: web::Path<String>) -> Answer {
    let draft = draft(&context, &id).await?;
    let (store, actor) = (context.store().clone(), context.actor());
    let made = crate::telemetry::blocking(move || {
        let mut bytes = Vec::new();
        pending_uploads::preview(&store, &draft, &actor, Some(&mut bytes)).map(|_| bytes)
    });
    let bytes = made.await.map_err(ClientError::from)?;
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"pitlane-problems.csv\""))
        .body(bytes))
}

async fn page(context: &RequestContext, draft: PendingUpload, error: Option<String>) -> Answer {
    let (store, actor, own) = (context.store().clone(), context.actor(), draft.clone());
    let found = crate::telemetry::blocking(move || pending_uploads::preview(&store, &own, &actor, None)).await;
    let (found, refused) = match found {
        Ok(found) => (Some(found), None),
        Err(ImportError::File(FileError::Refused(message) | FileError::Missing(message))) => (None, Some(message)),
        Err(error) => return Err(error.into()),
    };
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    context
        .show_as(status, move |context, txn| {
            let title = format!("What {} would change", draft.row.file_name);
            let shell = Shell::new(context, txn, "Import", title)?;
            let mut page = empty(shell, &draft, error);
            match (&found, refused) {
                (Some(found), _) => page.tell(found, &draft),
                (None, refused) => {
                    "The file can't be read this way".clone_into(&mut page.problem_count);
                    page.problems.extend(refused);
                }
            }
            Ok(page)
        })
        .await
}

fn empty(shell: Shell, draft: &PendingUpload, error: Option<String>) -> Page {
    Page {
        shell,
        id: draft.row.id.to_string(),
        facts: Vec::new(),
        problems: Vec::new(),
        problem_count: String::new(),
        may_sum: false,
        final_days: None,
        reason: draft.settings.answers.reason.clone(),
        error,
        outliers: None,
        outlier_count: String::new(),
        changes: None,
        change_count: String::new(),
        inserts: None,
        ignored: String::new(),
        button: None,
    }
}

impl Page {
    fn tell(&mut self, found: &Preview, draft: &PendingUpload) {
        let counts = &found.done.counts;
        let currency = draft.advertiser.currency;
        if !found.problems.is_empty() {
            self.problem_count = format::plural(whole(found.problems.total()), "problem");
            self.problems = found.problems.messages();
            // The last line counts them, which the heading does.
            self.problems.pop();
            self.may_sum = found.repeated > 0 && !draft.settings.answers.sum;
            self.facts.push(("Rows", format::count(whole(counts.rows))));
            return;
        }
        self.facts = facts(found);
        self.ignored = found.done.ignored.join(", ");
        self.final_days = (!found.final_days.is_empty()).then(|| found.final_days.to_string());
        self.outlier_count = format::plural(whole(found.outliers.total), "figure");
        self.outliers = (found.outliers.total > 0).then(|| outliers(found));
        self.change_count = format::count(whole(counts.changed));
        self.changes = (!found.changes.is_empty()).then(|| cells("What would change", &found.changes, currency));
        self.inserts = (!found.inserts.is_empty()).then(|| cells("The first new rows", &found.inserts, currency));
        let changes = counts.inserted + counts.changed > 0 || !draft.settings.answers.days.is_empty();
        self.button = changes.then(|| format!("Import {}", format::plural(whole(counts.rows), "row")));
    }
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn facts(found: &Preview) -> Vec<(&'static str, String)> {
    let counts = &found.done.counts;
    let count = |count: u64| format::count(whole(count));
    let mut facts = vec![("Rows", count(counts.rows))];
    if let Some((first, last)) = found.done.days {
        facts.push(("Days", format!("{} to {}", format::day(first), format::day(last))));
    }
    facts.push(("New", count(counts.inserted)));
    let changed = match counts.zeroed {
        0 => count(counts.changed),
        zeroed => format!("{}, of which {} are set to zero", count(counts.changed), count(zeroed)),
    };
    facts.push(("Changed", changed));
    facts.push(("Unchanged", count(counts.unchanged)));
    if found.repeated > 0 {
        facts.push((
            "Added up",
            format!("{} state what an earlier line states", format::plural(whole(found.repeated), "line")),
        ));
    }
    if counts.rounded > 0 {
        facts.push(("Rounded", format!("{} to six decimals", format::plural(whole(counts.rounded), "cost"))));
    }
    let created = created(&found.done.created);
    if !created.is_empty() {
        facts.push(("Created", created));
    }
    facts
}

/// `1 offer, 3 campaigns`
fn created(created: &Created) -> String {
    let nouns = [
        (created.apps, "app"),
        (created.offers, "offer"),
        (created.campaigns, "campaign"),
        (created.publishers, "publisher"),
    ];
    let made =
        nouns.into_iter().filter(|(count, _)| *count > 0).map(|(count, noun)| format::plural(whole(count), noun));
    made.collect::<Vec<_>>().join(", ")
}

fn outliers(found: &Preview) -> Table {
    let mut table =
        Table::new("Worth a look", &["Day", "Campaign", "Publisher", "Figure", "#Value", "#Usual", "#Line"]);
    for outlier in &found.outliers.first {
        let mut row = named(&outlier.cell);
        row.extend([
            Cell::new(outlier.column.name()),
            Cell::new(outlier.value.clone()).tone("warn"),
            Cell::new(outlier.usual.clone()),
            Cell::new(outlier.line.to_string()),
        ]);
        table.rows.push(row);
    }
    table
}

/// The first three cells of a row about a cell.
pub(in crate::admin) fn named(cell: &CellName) -> Vec<Cell> {
    vec![Cell::new(format::day(cell.day)), Cell::new(cell.campaign.clone()), Cell::new(cell.publisher.clone())]
}

fn cells(caption: &str, changes: &[CellChange], currency: Currency) -> Table {
    let mut table = figures_table(caption, currency);
    for change in changes {
        let mut row = named(&change.cell);
        row.extend(figures(change.old, Some(change.new), currency));
        row.push(Cell::new(line(change.line)));
        table.rows.push(row);
    }
    table
}

/// A table of cells that changed.
pub(in crate::admin) fn figures_table(caption: &str, currency: Currency) -> Table {
    let cost = format!("#Cost, {}", currency.code());
    Table::new(caption, &["Day", "Campaign", "Publisher", "#Clicks", &cost, "#Views", "#Conversions", "#Line"])
}

/// What an import's line is called.
pub(in crate::admin) fn line(line: u64) -> String {
    if line == 0 { "left out".to_owned() } else { line.to_string() }
}

/// Four figures, each with what it was before where that differs.
pub(in crate::admin) fn figures(old: Option<Figures>, new: Option<Figures>, currency: Currency) -> [Cell; 4] {
    let cost = |figures: Figures| {
        let sum = MicrosSum::from(figures.cost);
        (format::amount(sum, currency), sum.to_string())
    };
    let count = |count: crate::domain::Count| (format::count(count.get()), count.to_string());
    let cell = |read: &dyn Fn(Figures) -> (String, String)| {
        let (was, is) = (old.map(read), new.map(read));
        let shown = match &is {
            Some((shown, exact)) => Cell::new(shown.clone()).title(exact.clone()),
            None => Cell::new("–"),
        };
        match was {
            // Amounts that are written alike may differ in what is not shown.
            Some((was, exact)) if is.as_ref().is_none_or(|(_, now)| *now != exact) => {
                let same = is.as_ref().is_some_and(|(shown, _)| *shown == was);
                shown.note(format!("was {}", if same { exact } else { was }))
            }
            _ => shown,
        }
    };
    [
        cell(&|figures| count(figures.clicks)),
        cell(&cost),
        cell(&|figures| count(figures.views)),
        cell(&|figures| count(figures.conversions)),
    ]
}
