//! The stats: a table by day, campaign and publisher with sums, filters in the address, a download, and the edit of one cell.

use std::collections::HashMap;

use actix_web::HttpResponse;
use actix_web::http::header;
use askama::Template;

use crate::admin::catalogue::entry::{scope, today};
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::format;
use crate::admin::kit::layout::Shell;
use crate::admin::kit::table::{Cell, Table};
use crate::domain::{CampaignId, Day, DayRange, DayState, MicrosSum, PublisherId};
use crate::http::ClientError;
use crate::http::error::ErrorKind;
use crate::service::ServiceError;
use crate::store::{
    AdvertiserRow, CampaignKey, CampaignRow, PublisherKey, PublisherRow, ReadTxn, StatFilter, StatLine,
};

/// Rows a page shows.
const SHOWN: usize = 500;

/// Rows a download may have; it is made in memory.
const DOWNLOADED: usize = 200_000;

/// Days that are shown where the address names none.
const DAYS: u64 = 7;

/// What the address asks for, and the names that go with it.
struct StatsQuery {
    advertiser: AdvertiserRow,
    filter: StatFilter,
    days: DayRange,
    campaigns: Vec<CampaignRow>,
    publishers: Vec<PublisherRow>,
    problem: Option<String>,
}

#[derive(Template)]
#[template(path = "admin/stats.html")]
struct Page {
    shell: Shell,
    from: String,
    to: String,
    campaigns: Vec<(String, String, bool)>,
    publishers: Vec<(String, String, bool)>,
    table: Table,
    counted: String,
    problem: Option<String>,
    download: String,
    has_any: bool,
}

fn asked(context: &RequestContext, txn: &ReadTxn<'_>, advertiser: AdvertiserRow) -> Result<StatsQuery, ServiceError> {
    let today = today(advertiser.time_zone)?;
    let usual = DayRange::new(today.earlier(DAYS - 1).unwrap_or(today), today)?;
    let day = |name: &'static str, usual: Day| match context.query(name) {
        "" => Ok(usual),
        text => Day::parse(name, text),
    };
    let range = day("from", usual.from()).and_then(|from| Ok((from, day("to", usual.to().max(from))?)));
    let range = range.and_then(|(from, to)| DayRange::new(from, to));
    let (days, problem) = match range {
        Ok(days) => (days, None),
        Err(invalid) => (usual, Some(invalid.to_string())),
    };
    let campaigns = txn.campaign_list(advertiser.key)?;
    let mut publishers = txn.publisher_list()?;
    publishers.sort_by_key(|row| row.name.to_lowercase());
    let campaign = context.query("campaign").parse::<CampaignId>().ok();
    let publisher = context.query("publisher").parse::<PublisherId>().ok();
    let filter = StatFilter {
        advertiser: advertiser.key,
        from: days.from().to_stored(),
        to: days.to().to_stored(),
        campaign: campaigns.iter().find(|row| Some(row.id) == campaign).map(|row| row.key),
        publisher: publishers.iter().find(|row| Some(row.id) == publisher).map(|row| row.key),
    };
    Ok(StatsQuery { advertiser, filter, days, campaigns, publishers, problem })
}

/// The table.
pub async fn page(context: RequestContext) -> Answer {
    context
        .show(|context, txn| {
            let shell = Shell::new(context, txn, "Stats", "Stats")?;
            let Some(advertiser) = shell.advertiser.clone() else { return Ok(without_advertiser(shell)) };
            let has_any = txn.stat_span(advertiser.key)?.is_some();
            let asked = asked(context, txn, advertiser)?;
            let (table, counted) = table(context, txn, &asked)?;
            let download = crate::admin::kit::table::link_with(context, "sort", "").replacen(
                "/admin/stats",
                "/admin/stats.csv",
                1,
            );
            let choice = |id: String, name: &str, chosen| (id, name.to_owned(), chosen);
            let campaigns = asked.campaigns.iter();
            let publishers = asked.publishers.iter();
            Ok(Page {
                from: asked.days.from().to_string(),
                to: asked.days.to().to_string(),
                campaigns: campaigns
                    .map(|row| choice(row.id.to_string(), &row.name, asked.filter.campaign == Some(row.key)))
                    .collect(),
                publishers: publishers
                    .map(|row| choice(row.id.to_string(), &row.name, asked.filter.publisher == Some(row.key)))
                    .collect(),
                table,
                counted,
                problem: asked.problem,
                download,
                has_any,
                shell,
            })
        })
        .await
}

fn without_advertiser(shell: Shell) -> Page {
    Page {
        shell,
        from: String::new(),
        to: String::new(),
        campaigns: Vec::new(),
        publishers: Vec::new(),
        table: Table::default(),
        counted: String::new(),
        problem: None,
        download: String::new(),
        has_any: false,
    }
}

fn table(context: &RequestContext, txn: &ReadTxn<'_>, asked: &StatsQuery) -> Result<(Table, String), ServiceError> {
    let code = asked.advertiser.currency.code();
    let cost = format!("#Cost, {code}");
    let mut columns = vec!["Day", "Campaign", "Publisher", "#Clicks", &cost, "#Views", "#Conversions"];
    columns.push(if context.may_change() { "Change" } else { "History" });
    let mut table = Table::new("Stats by day, campaign and publisher", &columns);
    let campaigns: HashMap<CampaignKey, &CampaignRow> = asked.campaigns.iter().map(|row| (row.key, row)).collect();
    let publishers: HashMap<PublisherKey, &PublisherRow> = asked.publishers.iter().map(|row| (row.key, row)).collect();
    let marks = txn.day_marks(asked.advertiser.key, asked.filter.from, asked.filter.to)?;
    let marks: HashMap<i64, DayState> = marks.into_iter().map(|mark| (mark.day, mark.state)).collect();
    let (mut rows, mut clicks, mut views, mut conversions) = (0_usize, 0_i64, 0_i64, 0_i64);
    let mut sum = MicrosSum::default();
    txn.stat_scan_lines(&asked.filter, |line| {
        rows += 1;
        let figures = line.figures;
        sum += figures.cost.into();
        clicks = clicks.saturating_add(figures.clicks.get());
        views = views.saturating_add(figures.views.get());
        conversions = conversions.saturating_add(figures.conversions.get());
        if rows <= SHOWN
            && let (Some(campaign), Some(publisher)) =
                (campaigns.get(&line.key.campaign), publishers.get(&line.key.publisher))
        {
            let mark = marks.get(&line.key.day).copied();
            table.rows.push(cells(context, asked, &line, mark, campaign, publisher));
        }
    })?;
    table.foot = [
        Cell::new("Sum"),
        Cell::default(),
        Cell::default(),
        Cell::new(format::count(clicks)),
        Cell::new(format::amount(sum, asked.advertiser.currency)).title(sum.to_string()),
        Cell::new(format::count(views)),
        Cell::new(format::count(conversions)),
        Cell::default(),
    ]
    .into();
    let all = format::plural(i64::try_from(rows).unwrap_or(i64::MAX), "row");
    let counted = if rows > SHOWN {
        format!("{all}; the newest {SHOWN} are shown, the sums are of all. The download has all of them.")
    } else {
        format!("{all}.")
    };
    Ok((table, counted))
}

fn cells(
    context: &RequestContext,
    asked: &StatsQuery,
    line: &StatLine,
    mark: Option<DayState>,
    campaign: &CampaignRow,
    publisher: &PublisherRow,
) -> Vec<Cell> {
    let cost = MicrosSum::from(line.figures.cost);
    let offer = if campaign.offer.cost_reporting {
        campaign.offer.name.clone()
    } else {
        format!("{} (not reported to Singular)", campaign.offer.name)
    };
    let day = Day::from_stored(line.key.day).map(|day| day.to_string()).unwrap_or_default();
    let scope = scope(&asked.advertiser);
    let cell = format!("/admin/stats/cell{scope}&day={day}&campaign={}&publisher={}", campaign.id, publisher.id);
    vec![
        match mark {
            Some(state) => Cell::new(format::stored_day(line.key.day)).note(format::day_state(state)),
            None => Cell::new(format::stored_day(line.key.day)),
        },
        Cell::new(campaign.name.clone()).note(offer),
        Cell::new(publisher.name.clone()),
        Cell::new(format::count(line.figures.clicks.get())),
        Cell::new(format::amount(cost, asked.advertiser.currency)).title(cost.to_string()),
        Cell::new(format::count(line.figures.views.get())),
        Cell::new(format::count(line.figures.conversions.get())),
        Cell::new(if context.may_change() { "Edit" } else { "See" }).to(cell, true),
    ]
}

/// The same rows as CSV. Text that a spreadsheet would run as a formula is made text by an apostrophe.
pub async fn download(context: RequestContext) -> Answer {
    let made = context
        .run(|context| {
            context.store().read(|txn| {
                let Some(advertiser) = context.advertisers(txn)?.1 else { return Ok(Some(Vec::new())) };
                let asked = asked(context, txn, advertiser)?;
                csv_of(txn, &asked)
            })
        })
        .await?;
    let Some(bytes) = made else {
        let message = format!("A download has at most {} rows. Choose fewer days.", format::count(200_000));
        return Err(ClientError::new(ErrorKind::PayloadTooLarge, message));
    };
    let name = "attachment; filename=\"pitlane-stats.csv\"";
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, name))
        .body(bytes))
}

fn csv_of(txn: &ReadTxn<'_>, asked: &StatsQuery) -> Result<Option<Vec<u8>>, ServiceError> {
    let campaigns: HashMap<CampaignKey, &CampaignRow> = asked.campaigns.iter().map(|row| (row.key, row)).collect();
    let publishers: HashMap<PublisherKey, &PublisherRow> = asked.publishers.iter().map(|row| (row.key, row)).collect();
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let mut failed = None;
    let mut note = |written: csv::Result<()>| failed = failed.take().or(written.err());
    note(writer.write_record([
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
    ]));
    let mut rows = 0_usize;
    txn.stat_scan_lines(&asked.filter, |line| {
        rows += 1;
        let (Some(campaign), Some(publisher)) =
            (campaigns.get(&line.key.campaign), publishers.get(&line.key.publisher))
        else {
            return;
        };
        if rows > DOWNLOADED {
            return;
        }
        let figures = line.figures;
        note(writer.write_record([
            &Day::from_stored(line.key.day).map(|day| day.to_string()).unwrap_or_default(),
            &campaign.id.to_string(),
            &format::unformulaic(&campaign.name),
            &format::unformulaic(&campaign.offer.name),
            &publisher.id.to_string(),
            &format::unformulaic(&publisher.name),
            &figures.clicks.to_string(),
            &figures.cost.to_string(),
            asked.advertiser.currency.code(),
            &figures.views.to_string(),
            &figures.conversions.to_string(),
        ]));
    })?;
    if let Some(error) = failed {
        return Err(ServiceError::Internal(format!("a download could not be made: {error}")));
    }
    let bytes = writer.into_inner().map_err(|error| ServiceError::Internal(error.to_string()))?;
    Ok((rows <= DOWNLOADED).then_some(bytes))
}
