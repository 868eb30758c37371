//! The history of changes to the stats: who, when, from which file, how much, and each value before.

use std::collections::HashMap;

use actix_web::body::BodyStream;
use actix_web::http::header;
use actix_web::{HttpResponse, web};
use askama::Template;
use bytes::Bytes;
use chrono::Utc;
use futures_util::stream;

use crate::admin::imports::change_table::{days, figures, figures_table, line, money, row};
use crate::admin::imports::name_list::NameList;
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::format;
use crate::admin::kit::layout::Shell;
use crate::admin::kit::table::{Cell, Table, link_with};
use crate::domain::{Currency, Day, Figures, ImportId};
use crate::service::ServiceError;
use crate::service::imports::{self, ChangedCell, Told};
use crate::store::{ImportEntry, ImportKind, Lane, ReadTxn, StatKey, StoreError};

/// Entries a page shows.
const SHOWN: u32 = 50;
/// Changed cells a page shows.
const CELLS: u32 = 200;
/// Rows of a download that are read in one go.
const DOWNLOADED_AT_ONCE: u32 = 10_000;
/// The columns of a download.
const DOWNLOADED: [&str; 13] = [
    "line",
    "advertiser",
    "date",
    "campaign_name",
    "partner",
    "clicks_before",
    "cost_before",
    "views_before",
    "conversions_before",
    "clicks",
    "cost",
    "views",
    "conversions",
];

#[derive(Template)]
#[template(path = "admin/imports.html")]
struct Page {
    shell: Shell,
    cut_off: Vec<String>,
    table: Table,
    older: Option<String>,
    is_first: bool,
}

#[derive(Template)]
#[template(path = "admin/import.html")]
struct DetailPage {
    shell: Shell,
    id: String,
    facts: Vec<(&'static str, String)>,
    /// What it created, by kind.
    created: Vec<(&'static str, NameList)>,
    /// Links to the undo of this import, or to the import it undid: text and address.
    links: Vec<(String, String)>,
    may_undo: bool,
    /// Link to the stats of its days.
    stats: Option<String>,
    notes: Vec<String>,
    days: Option<Table>,
    table: Table,
    counted: String,
}

/// What kind of import an entry is, in words.
pub(in crate::admin) fn what(entry: &ImportEntry) -> String {
    match entry.kind {
        ImportKind::File => entry.source.clone(),
        ImportKind::Api => entry.token.as_ref().map_or("By a token".to_owned(), |(_, name)| format!("By token {name}")),
        ImportKind::Demo => "The demo's sample".to_owned(),
        ImportKind::Edit => format!("Edit of {}", entry.source),
        ImportKind::Undo => format!("Undo of {}", entry.source),
        ImportKind::Mark => format!("Days marked: {}", entry.source),
        ImportKind::Merge => format!("Merge of {}", entry.source),
    }
}

pub async fn list(context: RequestContext) -> Answer {
    context
        .show(|context, txn| {
            let shell = Shell::new(context, txn, "Import", "Imports")?;
            let advertiser = shell.advertiser.as_ref().map(|row| row.key);
            let before = match context.query("before").parse::<ImportId>() {
                Ok(id) => txn.import_find(id)?.map(|entry| entry.key),
                Err(_) => None,
            };
            let mut entries = txn.import_list(advertiser, before, SHOWN + 1)?;
            let more = entries.len() > SHOWN as usize;
            entries.truncate(SHOWN as usize);
            let older = entries.last().filter(|_| more).map(|last| link_with(context, "before", &last.id.to_string()));
            let zone = shell.zone();
            let cut_off = imports::recently_cut_off(txn, imports::CUT_OFF_NOTICE, Utc::now())?.into_iter();
            Ok(Page {
                cut_off: cut_off
                    .map(|row| format!("{} (noticed {})", row.subject, format::moment(row.at, zone)))
                    .collect(),
                table: table(&shell, &entries),
                older,
                is_first: before.is_none(),
                shell,
            })
        })
        .await
}

fn table(shell: &Shell, entries: &[ImportEntry]) -> Table {
    let currency = shell.advertiser.as_ref().map_or(Currency::USD, |row| row.currency);
    let cost = format!("#Cost, {}", currency.code());
    let mut table =
        Table::new("Imports", &["~When", "@What", "-Who", "-#Rows", &cost, "-#Clicks", "-#New", "-#Changed", "State"]);
    for entry in entries {
        let (state, tone) = state(entry);
        let count = |count: u64| Cell::new(format::count(i64::try_from(count).unwrap_or(i64::MAX)));
        let rows = format::plural(i64::try_from(entry.counts.rows).unwrap_or(i64::MAX), "row");
        let (when, what) = (format::moment(entry.at, shell.zone()), what(entry));
        let label = format!("{what}, {when}");
        let what = Cell::new(what)
            .to(format!("/admin/imports/{}{}", entry.id, shell.scope), true)
            .label(label)
            .narrow(format!("{rows}, by {}", entry.actor));
        table.rows.push(vec![
            Cell::new(when),
            match &entry.reason {
                Some(reason) => what.note(reason.clone()),
                None => what,
            },
            Cell::new(entry.actor.clone()),
            count(entry.counts.rows),
            entry.cost.as_ref().map_or_else(Cell::default, |cost| Cell::new(money(cost, currency)).title(cost.clone())),
            entry.clicks.map_or_else(Cell::default, count),
            count(entry.counts.inserted),
            count(entry.counts.changed),
            Cell::new(state).tone(tone),
        ]);
    }
    table
}

fn state(entry: &ImportEntry) -> (String, &'static str) {
    match (&entry.undone, entry.days) {
        (Some(_), _) => ("Undone".to_owned(), "quiet"),
        (None, Some(days)) => {
            (format::day_state(days).to_owned(), if days == crate::domain::DayState::Final { "good" } else { "warn" })
        }
        (None, None) => (String::new(), ""),
    }
}

/// The entry an address names.
pub(in crate::admin) fn entry(txn: &ReadTxn<'_>, id: &str) -> Result<ImportEntry, ServiceError> {
    let missing = || StoreError::Missing("This import doesn't exist.".to_owned());
    Ok(txn.import_get(id.parse().map_err(|_| missing())?)?)
}

/// One entry, with what it changed.
pub async fn detail(context: RequestContext, id: web::Path<String>) -> Answer {
    context
        .show(move |context, txn| {
            let entry = entry(txn, &id)?;
            let shell = Shell::new(context, txn, "Import", what(&entry))?;
            let currency = shell.advertiser.as_ref().map_or(Currency::USD, |row| row.currency);
            let mut cells = imports::changes(txn, &entry, None, false, CELLS)?;
            let with_new = cells.is_empty();
            if with_new {
                cells = imports::changes(txn, &entry, None, true, CELLS)?;
            }
            let mut table = cells_table(txn, &entry, &cells, currency)?;
            table.lighten();
            let is_whole = table.rows.len() == cells.len() && table.rows.len() < CELLS as usize;
            let shown = format::count(i64::try_from(table.rows.len()).unwrap_or(i64::MAX));
            let counted = match (with_new, is_whole) {
                (true, true) if entry.undoes.is_some() => "What it removed".to_owned(),
                (true, false) if entry.undoes.is_some() => format!("What it removed: the first {shown}"),
                (true, true) => "What it added".to_owned(),
                (true, false) => format!("What it added: the first {shown}"),
                (false, true) => "What each value was before".to_owned(),
                (false, false) => format!("What each value was before: the first {shown}"),
            };
            let mut links = Vec::new();
            if let Some((undo, at)) = &entry.undone {
                let message = format!("Undone {}", format::moment(*at, shell.zone()));
                links.push((message, format!("/admin/imports/{undo}{}", shell.scope)));
            }
            if let Some(undoes) = entry.undoes {
                links.push((
                    "See the import that it undid".to_owned(),
                    format!("/admin/imports/{undoes}{}", shell.scope),
                ));
            }
            let told: Told = entry.told.as_deref().and_then(|told| serde_json::from_str(told).ok()).unwrap_or_default();
            let days = (told.outlook.day_count > 0).then(|| days(&told.outlook, currency, None));
            Ok::<_, ServiceError>(DetailPage {
                id: entry.id.to_string(),
                stats: stats_link(txn, &entry, &shell)?,
                facts: facts(&shell, &entry, &told, currency),
                created: created(&told),
                notes: told.notes.into_iter().map(|note| note.message).collect(),
                days,
                links,
                may_undo: shell.may_change && entry.undone.is_none() && entry.kind != ImportKind::Undo,
                table,
                counted,
                shell,
            })
        })
        .await
}

/// Link to the stats of the days in the import.
fn stats_link(txn: &ReadTxn<'_>, entry: &ImportEntry, shell: &Shell) -> Result<Option<String>, ServiceError> {
    let spans = txn.import_spans(entry.key)?;
    let own = shell.advertiser.as_ref().and_then(|row| spans.iter().find(|span| span.advertiser == row.key));
    let Some(span) = own else { return Ok(None) };
    let (first, last) = (Day::from_stored(span.first)?, Day::from_stored(span.last)?);
    Ok(Some(format!("/admin/stats?advertiser={}&from={first}&to={last}", shell.advertiser_id())))
}

/// An entry's cells. If it covers several advertisers, each row names its advertiser and currency.
fn cells_table(
    txn: &ReadTxn<'_>,
    entry: &ImportEntry,
    cells: &[ChangedCell],
    chosen: Currency,
) -> Result<Table, ServiceError> {
    let spans = txn.import_spans(entry.key)?;
    let owners: HashMap<_, _> = txn.advertiser_list()?.into_iter().map(|row| (row.key, row.currency)).collect();
    let currency = |key| owners.get(&key).copied().unwrap_or(chosen);
    let is_one = spans.len() < 2;
    let mut table = figures_table("Cells", spans.first().map_or(chosen, |span| currency(span.advertiser)));
    if !is_one {
        let columns = [
            "Advertiser",
            "Day",
            "@Campaign",
            "-@Publisher",
            "-#Clicks",
            "#Cost",
            "-#Views",
            "-#Conversions",
            "-#Line",
        ];
        table = Table::new("Cells", &columns);
    }
    for (change, cell) in imports::named(txn, cells)?.into_iter().zip(cells) {
        let own = currency(cell.key.advertiser);
        let mut figures = figures(change.old, change.new, own);
        let mut owner = Vec::new();
        if !is_one {
            owner.push(Cell::new(change.cell.advertiser.clone()));
            let cost = &mut figures[1];
            cost.text = format!("{} {}", cost.text, own.code());
        }
        let mut row = [owner, row(&change.cell, figures)].concat();
        row.push(if entry.kind == ImportKind::Merge { Cell::default() } else { Cell::new(line(change.line)) });
        table.rows.push(row);
    }
    Ok(table)
}

/// The names that an import created, by kind.
fn created(told: &Told) -> Vec<(&'static str, NameList)> {
    let kinds = told.created.kinds().into_iter().filter(|(_, _, names)| !names.is_empty());
    kinds
        .map(|(_, several, names)| {
            let label = match several {
                "advertisers" => "New advertisers",
                "apps" => "New apps",
                "offers" => "New offers",
                "campaigns" => "New campaigns",
                _ => "New publishers",
            };
            (label, NameList::new(names))
        })
        .collect()
}

fn facts(shell: &Shell, entry: &ImportEntry, told: &Told, currency: Currency) -> Vec<(&'static str, String)> {
    let count = |count: u64| format::count(i64::try_from(count).unwrap_or(i64::MAX));
    let mut facts = vec![("When", format::moment(entry.at, shell.zone())), ("Who", entry.actor.clone())];
    if let Some((id, name)) = &entry.token {
        facts.push(("Token", format!("{name} ({id})")));
    }
    if let Some(reason) = &entry.reason {
        facts.push(("Reason", reason.clone()));
    }
    if let Some(days) = entry.days {
        facts.push(("Its days are", format::day_state(days).to_owned()));
    }
    if let Some(cost) = &entry.cost {
        let (cost_of, clicks_of) = match entry.kind {
            ImportKind::Merge => ("Cost that moved", "Clicks that moved"),
            _ => ("Cost of the file", "Clicks of the file"),
        };
        facts.push((cost_of, format!("{} {}", money(cost, currency), currency.code())));
        facts.push((clicks_of, count(entry.clicks.unwrap_or_default())));
    }
    if told.left_out_total > 0 {
        let lines = told.left_out.iter().map(|line| line.line.to_string()).collect::<Vec<_>>().join(", ");
        facts.push(("Lines left out", format!("{}: {lines}", count(told.left_out_total))));
    }
    if entry.kind != ImportKind::Mark {
        facts.push(("Rows", count(entry.counts.rows)));
        facts.push(("New", count(entry.counts.inserted)));
        let changed = match entry.counts.zeroed {
            0 => count(entry.counts.changed),
            zeroed => format!("{}, of which {} were set to zero", count(entry.counts.changed), count(zeroed)),
        };
        facts.push(("Changed", changed));
        facts.push(("Unchanged", count(entry.counts.unchanged)));
    }
    if entry.counts.rounded > 0 {
        facts.push(("Rounded to six decimals", count(entry.counts.rounded)));
    }
    if let Some(sha256) = &entry.counts.sha256 {
        facts.push(("SHA-256 of the file", sha256.clone()));
    }
    facts.push(("Import id", entry.id.to_string()));
    facts
}

/// All cells that an import changed or added, as CSV. Each page of rows is read when the client can take more.
pub async fn download(context: RequestContext, id: web::Path<String>) -> Answer {
    let found = context.run(move |context| context.store().read(|txn| entry(txn, &id))).await;
    let entry = found.map_err(crate::admin::kit::context::missing_is_not_found)?;
    let pages = stream::try_unfold((context, entry, None, true), |(context, entry, after, is_first)| async move {
        let read = context
            .run(move |context| {
                context.store().read_in(Lane::Page, |txn| Ok((csv_page(txn, &entry, after, is_first)?, entry)))
            })
            .await;
        let ((bytes, last), entry) = read.map_err(std::io::Error::other)?;
        Ok::<_, std::io::Error>((!bytes.is_empty()).then_some((Bytes::from(bytes), (context, entry, last, false))))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"pitlane-import.csv\""))
        .body(BodyStream::new(Box::pin(pages))))
}

/// The next rows as CSV and the last cell among them; no bytes at the end.
fn csv_page(
    txn: &ReadTxn<'_>,
    entry: &ImportEntry,
    after: Option<StatKey>,
    is_first: bool,
) -> Result<(Vec<u8>, Option<StatKey>), ServiceError> {
    let failed = |error: csv::Error| ServiceError::Internal(format!("a download could not be made: {error}"));
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    if is_first {
        writer.write_record(DOWNLOADED).map_err(failed)?;
    }
    let cells = imports::changes(txn, entry, after, true, DOWNLOADED_AT_ONCE)?;
    for change in imports::named(txn, &cells)? {
        let texts = [&change.cell.advertiser, &change.cell.campaign, &change.cell.publisher]
            .map(|text| format::unformulaic(text));
        let [advertiser, campaign, publisher] = texts;
        let mut record = vec![line(change.line), advertiser, change.cell.day.to_string(), campaign, publisher];
        record.extend(plain(change.old));
        record.extend(plain(change.new));
        writer.write_record(&record).map_err(failed)?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(error.into_error().into()))?;
    Ok((bytes, cells.last().map(|cell| cell.key)))
}

fn plain(figures: Option<Figures>) -> [String; 4] {
    figures.map_or_else(Default::default, |figures| {
        [
            figures.clicks.to_string(),
            figures.cost.to_string(),
            figures.views.to_string(),
            figures.conversions.to_string(),
        ]
    })
}
