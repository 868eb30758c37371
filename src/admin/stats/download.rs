//! The Stats page as CSV: all rows of the view, for programs or for spreadsheets.

use std::collections::HashMap;
use std::io::Write as _;

use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::format;
use crate::admin::stats::groups::{self, Group};
use crate::admin::stats::names::{self, Label};
use crate::admin::stats::view::{By, View};
use crate::domain::{Day, MicrosSum};
use crate::http::ClientError;
use crate::http::download;
use crate::http::error::ErrorKind;
use crate::http::spooled::Spooled;
use crate::service::ServiceError;
use crate::store::{Lane, ReadTxn, StatSum};

/// A flavour of CSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// For programs: comma as separator, decimal point.
    Plain,
    /// The same with a byte order mark, so that spreadsheets read it as UTF-8.
    Sheet,
    /// For spreadsheets with decimal commas: semicolon as separator.
    Comma,
}

impl Dialect {
    fn number(self, text: String) -> String {
        if self == Self::Comma { text.replace('.', ",") } else { text }
    }

    fn cost(self, sum: MicrosSum) -> String {
        self.number(sum.to_string())
    }
}

/// The file and its name.
type Made = (Spooled, String);

pub async fn download(context: RequestContext) -> Answer {
    let (file, name) = context
        .run_in_turn(|context| {
            context.store().read_in(Lane::Long, |txn| {
                made(context, txn)?.map_err(|(kind, message)| ClientError::new(kind, message))
            })
        })
        .await?;
    download::csv(file, &name)
}

fn made(context: &RequestContext, txn: &ReadTxn<'_>) -> Result<Result<Made, (ErrorKind, String)>, ServiceError> {
    let Some(advertiser) = context.advertisers(txn)?.1 else {
        return Ok(Err((ErrorKind::NotFound, "There is no advertiser yet.".to_owned())));
    };
    let mut view = View::read(context, txn, advertiser)?;
    if let Some(problem) = view.problem {
        return Ok(Err((ErrorKind::ValidationError, problem)));
    }
    if context.query("by").is_empty() {
        view.by = By::Rows;
    }
    let dialect = match context.query("format") {
        "sheet" => Dialect::Sheet,
        "comma" => Dialect::Comma,
        _ => Dialect::Plain,
    };
    let mut file = Spooled::new(context.store());
    if dialect != Dialect::Plain {
        file.write_all("\u{feff}".as_bytes()).map_err(|error| failed(&error))?;
    }
    let delimiter = if dialect == Dialect::Comma { b';' } else { b',' };
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).delimiter(delimiter).from_writer(file);
    let written = if view.by == By::Rows {
        write_rows(txn, &view, dialect, &mut writer)?
    } else {
        write_groups(txn, &view, dialect, &mut writer)?
    };
    match written {
        Ok(()) => {}
        Err(Failed::TooMany(message)) => return Ok(Err((ErrorKind::PayloadTooLarge, message))),
        Err(Failed::Csv(error)) => return Err(failed(&error)),
    }
    let file = writer.into_inner().map_err(|error| failed(&error))?;
    Ok(Ok((file, file_name(&view))))
}

fn failed(error: &dyn std::fmt::Display) -> ServiceError {
    ServiceError::Internal(format!("a file could not be made: {error}"))
}

enum Failed {
    TooMany(String),
    Csv(csv::Error),
}

impl From<csv::Error> for Failed {
    fn from(error: csv::Error) -> Self {
        Self::Csv(error)
    }
}

/// `pitlane-stats_northwind_2026-10-28_2026-11-26_by-campaign.csv`
fn file_name(view: &View) -> String {
    let slug = |text: &str| {
        let letters =
            text.chars().take(40).map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
        let letters: String = letters.collect();
        letters.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
    };
    let advertiser = Some(slug(&view.advertiser.name)).filter(|slug| !slug.is_empty());
    let advertiser = advertiser.unwrap_or_else(|| view.advertiser.id.to_string());
    let filters = if view.filters.is_any() { "_filtered" } else { "" };
    format!("pitlane-stats_{advertiser}_{}_{}_by-{}{filters}.csv", view.days.from(), view.days.to(), view.by.word())
}

type Writer = csv::Writer<Spooled>;

fn write_rows(
    txn: &ReadTxn<'_>,
    view: &View,
    dialect: Dialect,
    writer: &mut Writer,
) -> Result<Result<(), Failed>, ServiceError> {
    let rows = match groups::rows(txn, view)? {
        Ok(rows) => rows,
        Err(too_many) => return Ok(Err(Failed::TooMany(too_many.message(view.by)))),
    };
    let labels = names::of_rows(txn, view, &rows)?;
    let offers: HashMap<_, _> = {
        let keys: Vec<_> =
            rows.iter().map(|row| row.campaign).collect::<std::collections::BTreeSet<_>>().into_iter().collect();
        txn.campaigns_by_key(view.advertiser.key, &keys)?.into_iter().map(|row| (row.key, row.offer.name)).collect()
    };
    let mut write = || -> Result<(), Failed> {
        writer.write_record([
            "date",
            "campaign_id",
            "campaign_name",
            "offer_name",
            "partner_id",
            "partner",
            "clicks",
            "cost",
            "currency",
            "views",
            "conversions",
        ])?;
        for row in &rows {
            let (campaign, publisher) = labels.of(row);
            writer.write_record([
                &Day::from_stored(row.day).map(|day| day.to_string()).unwrap_or_default(),
                &campaign.id,
                &format::unformulaic(&campaign.name),
                &format::unformulaic(offers.get(&row.campaign).map_or("", String::as_str)),
                &publisher.id,
                &format::unformulaic(&publisher.name),
                &row.sum.clicks.to_string(),
                &dialect.cost(row.sum.cost),
                view.advertiser.currency.code(),
                &row.sum.views.to_string(),
                &row.sum.conversions.to_string(),
            ])?;
        }
        Ok(())
    };
    Ok(write())
}

fn write_groups(
    txn: &ReadTxn<'_>,
    view: &View,
    dialect: Dialect,
    writer: &mut Writer,
) -> Result<Result<(), Failed>, ServiceError> {
    let found = match groups::collect(txn, view)? {
        Ok(found) => found,
        Err(too_many) => return Ok(Err(Failed::TooMany(too_many.message(view.by)))),
    };
    let labels = names::of_groups(txn, view, &found.groups)?;
    let has_before = found.before.is_some() && !view.by.is_time();
    let own: &[&str] = match view.by {
        By::Campaign => &["campaign_id", "campaign_name", "offer_name"],
        By::Offer => &["offer_id", "offer_name"],
        By::Publisher => &["partner_id", "partner"],
        By::App => &["app_id", "app", "store"],
        By::Week => &["week_from"],
        By::Month => &["month"],
        By::Day | By::Rows => &["date"],
    };
    let mut head = own.to_vec();
    head.extend(["cost", "currency", "share_percent"]);
    if has_before {
        head.push("cost_before");
    }
    head.extend(["clicks", "cost_per_click", "views", "conversions"]);
    let mut write = || -> Result<(), Failed> {
        writer.write_record(&head)?;
        for group in &found.groups {
            let label = labels.get(&group.key).cloned().unwrap_or_default();
            writer.write_record(record(view, dialect, group, &label, &found.total, has_before))?;
        }
        Ok(())
    };
    Ok(write())
}

fn record(
    view: &View,
    dialect: Dialect,
    group: &Group,
    label: &Label,
    total: &StatSum,
    has_before: bool,
) -> Vec<String> {
    let (name, aside) = (format::unformulaic(&label.name), format::unformulaic(&label.aside));
    let mut record = match view.by {
        By::Campaign | By::App => vec![label.id.clone(), name, aside],
        By::Offer | By::Publisher => vec![label.id.clone(), name],
        By::Month => vec![label.id.chars().take(7).collect()],
        By::Week | By::Day | By::Rows => vec![label.id.clone()],
    };
    let sum = &group.sum;
    let share = sum.cost.of(total.cost, 10_000).map(|share| format!("{}.{:02}", share / 100, share % 100));
    record.extend([
        dialect.cost(sum.cost),
        view.advertiser.currency.code().to_owned(),
        dialect.number(share.unwrap_or_default()),
    ]);
    if has_before {
        record.push(dialect.cost(group.before.cost));
    }
    record.extend([
        sum.clicks.to_string(),
        sum.cost.per(sum.clicks).map(|cost| dialect.cost(cost)).unwrap_or_default(),
        sum.views.to_string(),
        sum.conversions.to_string(),
    ]);
    record
}
