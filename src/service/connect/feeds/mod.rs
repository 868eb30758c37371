//! Feeds (contract §9): an advertiser's cost as CSV, by a secret link, in the format of a partner other than Singular.
//!
//! A format is one file, and its entry in [`FORMATS`]. All formats share what is here: the days and offers, the secret, the
//! sums.

mod appsflyer;
mod branch;
mod generic;
mod kochava;

use std::collections::BTreeMap;
use std::io::Write;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use crate::domain::{Currency, Day, DayRange, FeedId, Invalid, MicrosSum, Name, ReportingZone};
use crate::service::access::{secrets, sessions};
use crate::service::names::{self, Named};
use crate::service::{Actor, ServiceError, ServiceResult};
use crate::store::{
    CampaignKey, CampaignRow, FeedDays, FeedRow, NewFeed, PublisherKey, PublisherRow, ReadTxn, Store, UrgentAct,
    UrgentNote,
};

/// The default number of days.
pub const USUAL_DAYS: u32 = 90;

/// The format of a partner.
pub trait Format: Sync {
    /// Its name in commands and in the database.
    fn name(&self) -> &'static str;

    fn columns(&self) -> &'static [&'static str];

    /// A row's values in the order of the columns; `None` if the partner doesn't accept the row.
    fn values(&self, cell: &Cell<'_>) -> Option<Vec<String>>;

    /// Whether all publishers' rows of a day and campaign are summed into one.
    fn sums_publishers(&self) -> bool {
        false
    }

    /// Whether a feed can have only one publisher.
    fn needs_publisher(&self) -> bool {
        false
    }

    /// Whether the partner adds up a day that it reads twice.
    fn adds_up(&self) -> bool {
        false
    }

    /// The newest day that the partner may read.
    fn newest(&self, today: Day) -> Day {
        today
    }

    /// The partner's name.
    fn reader(&self) -> &'static str;

    /// Notes for the person who makes the feed, a sentence each: what the partner does if it reads a day again, what the feed
    /// leaves out, and what was never tested with the partner itself.
    fn notes(&self) -> &'static [&'static str];
}

/// All formats, in the order in which forms and messages name them.
pub const FORMATS: [&dyn Format; 4] = [&generic::Generic, &appsflyer::AppsFlyer, &branch::Branch, &kochava::Kochava];

pub fn format(name: &str) -> Result<&'static dyn Format, Invalid> {
    let found = FORMATS.into_iter().find(|format| format.name().eq_ignore_ascii_case(name.trim()));
    let expected = || format!("one of {}", FORMATS.map(|format| format.name()).join(", "));
    found.ok_or_else(|| Invalid::value("format", name, &expected()))
}

/// A row of the feed before it is formatted.
#[derive(Debug, Clone, Copy)]
pub struct Cell<'a> {
    pub day: Day,
    /// The campaign, with its offer and app.
    pub campaign: &'a CampaignRow,
    /// The publisher; if publishers are summed, the first one.
    pub publisher: &'a PublisherRow,
    pub currency: Currency,
    pub clicks: u64,
    pub cost: MicrosSum,
}

/// The fields of a new feed.
pub struct FeedRequest {
    /// The advertiser, by name or id.
    pub advertiser: String,
    /// Name of whoever reads it.
    pub name: Name,
    pub format: &'static dyn Format,
    pub days: FeedDays,
    /// Its only publisher, by name or id.
    pub publisher: Option<String>,
    pub expires_at: Option<DateTime<Utc>>,
}

/// A new feed. Only its path ever contains the secret.
#[derive(Debug)]
pub struct MadeFeed {
    pub id: FeedId,
    path: SecretString,
    /// Warnings for the person who made it.
    pub warnings: Vec<String>,
}

impl MadeFeed {
    /// The path of its link.
    #[must_use]
    pub fn path(&self) -> &str {
        self.path.expose_secret()
    }
}

pub fn create(store: &Store, request: &FeedRequest, actor: &Actor, now: DateTime<Utc>) -> ServiceResult<MadeFeed> {
    let secret = sessions::secret()?;
    let format = request.format;
    store.write(|txn| {
        let advertiser = txn.advertiser_get(&request.advertiser)?;
        let publisher = match &request.publisher {
            Some(text) => match names::publisher(txn, text)? {
                Named::Nothing => return Err(Invalid::value("partner", text, "a publisher's name or id").into()),
                found => Some(found.or_missing("publisher", text)?),
            },
            None if format.needs_publisher() => {
                let reason = format!("is needed for {}: a feed shows one publisher, by name or id", format.reader());
                return Err(Invalid { field: "partner", reason }.into());
            }
            None => None,
        };
        let new = NewFeed {
            id: Uuid::new_v4().into(),
            advertiser: advertiser.key,
            name: &request.name,
            format: format.name(),
            secret_sha256: &digest(secret.expose_secret()),
            days: request.days,
            publisher: publisher.as_ref().map(|row| row.key),
            expires_at: request.expires_at,
        };
        let warnings = warnings(txn, &new, format, advertiser.time_zone, now)?;
        txn.feed_create(&new, now)?;
        let subject = format!("{} ({}) of {}, id {}", request.name, format.name(), advertiser.name, new.id);
        txn.audit_add(&actor.did("feed create", &subject), now)?;
        let path = SecretString::from(format!("/feeds/{}.csv", secret.expose_secret()));
        Ok(MadeFeed { id: new.id, path, warnings })
    })
}

/// Revokes a feed. Returns whether it was live.
pub fn revoke(store: &Store, id: FeedId, actor: &Actor, now: DateTime<Utc>) -> ServiceResult<bool> {
    let feed = store.read(|txn| txn.feed_get(id))?;
    let subject = format!("{} of {}, id {id}", feed.name, feed.advertiser_name);
    let act = UrgentAct::RevokeFeed(id.to_string());
    Ok(store.write_urgently(&UrgentNote::new(act, &actor.did("feed revoke", &subject), now))?)
}

/// The feed with this secret.
pub fn find(txn: &ReadTxn<'_>, secret: &str) -> ServiceResult<Option<FeedRow>> {
    Ok(txn.feed_find(&digest(secret))?)
}

fn digest(secret: &str) -> String {
    secrets::sha256_hex(secret.as_bytes())
}

/// The days that a feed has now; `None` if there are none yet.
#[must_use]
pub fn days(format: &dyn Format, days: FeedDays, today: Day) -> Option<DayRange> {
    let newest = format.newest(today);
    let (from, to) = match days {
        FeedDays::Last(count) => (newest.earlier(u64::from(count) - 1)?, newest),
        FeedDays::Fixed(range) => (range.from(), range.to().min(newest)),
    };
    DayRange::new(from, to).ok()
}

/// Warnings for the person who makes a feed.
fn warnings(
    txn: &ReadTxn<'_>,
    new: &NewFeed<'_>,
    format: &dyn Format,
    zone: ReportingZone,
    now: DateTime<Utc>,
) -> ServiceResult<Vec<String>> {
    if !format.adds_up() {
        return Ok(Vec::new());
    }
    let (today, partner) = (zone.today(now)?, format.reader());
    let mut found = Vec::new();
    if let FeedDays::Last(count) = new.days
        && count > 1
    {
        found.push(format!(
            "{partner} adds up a day that it reads twice, for good. Read daily, a feed of {count} days counts each day {count} \
             times: have it read once every {count} days, or make a feed of 1 day."
        ));
    }
    let others = txn.feed_list()?.into_iter().filter(|other| {
        other.format == new.format
            && other.advertiser == new.advertiser
            && is_live(other, now)
            && (other.publisher.is_none() || new.publisher.is_none() || other.publisher == new.publisher)
    });
    for other in others {
        let (Some(own), Some(its)) = (days(format, new.days, today), days(format, other.days, today)) else { continue };
        let (from, to) = (own.from().max(its.from()), own.to().min(its.to()));
        // A rolling feed will also have future days.
        let ahead = matches!(new.days, FeedDays::Last(_)) || matches!(other.days, FeedDays::Last(_));
        if from <= to {
            found.push(format!(
                "The days {from} to {to} are in the feed \"{}\" too: if {partner} reads both, it counts them twice.",
                other.name
            ));
        } else if ahead && own.to().max(its.to()) >= today {
            found.push(format!("Future days will be in the feed \"{}\" too, and count twice.", other.name));
        }
    }
    Ok(found)
}

/// Whether a feed can be read.
#[must_use]
pub fn is_live(feed: &FeedRow, now: DateTime<Utc>) -> bool {
    feed.revoked_at.is_none() && feed.expires_at.is_none_or(|at| now < at)
}

/// The totals of a feed.
#[derive(Debug, Clone, Copy, Default)]
pub struct FeedTotals {
    /// Its days; `None` if there are none yet.
    pub days: Option<DayRange>,
    pub rows: u64,
    pub cost: MicrosSum,
    /// How many rows were left out because the partner doesn't take them.
    pub left_out: u64,
}

/// Writes a feed from one snapshot, in bounded memory.
pub fn write(txn: &ReadTxn<'_>, feed: &FeedRow, now: DateTime<Utc>, out: &mut dyn Write) -> ServiceResult<FeedTotals> {
    let advertiser = txn.advertiser_list()?.into_iter().find(|row| row.key == feed.advertiser);
    let advertiser = advertiser.ok_or_else(|| ServiceError::Internal("a feed has no advertiser".to_owned()))?;
    let format = format(&feed.format)?;
    let mut writer = FeedWriter {
        csv: csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out),
        format,
        totals: FeedTotals { days: days(format, feed.days, advertiser.time_zone.today(now)?), ..FeedTotals::default() },
    };
    writer.csv.write_record(format.columns()).map_err(|error| not_written(&error))?;
    let campaigns: BTreeMap<CampaignKey, CampaignRow> =
        txn.campaign_list(feed.advertiser)?.into_iter().map(|row| (row.key, row)).collect();
    let publishers: BTreeMap<PublisherKey, PublisherRow> =
        txn.publisher_list()?.into_iter().map(|row| (row.key, row)).collect();
    if let Some(days) = writer.totals.days {
        let (from, to) = days.stored();
        let mut scan = txn.stat_scan(feed.advertiser, from, to);
        let mut under_way: Option<Cell<'_>> = None;
        loop {
            let rows = scan.next(txn)?;
            if rows.is_empty() {
                break;
            }
            for row in rows.iter().filter(|row| feed.publisher.is_none_or(|only| only == row.publisher)) {
                let (Some(campaign), Some(publisher)) = (campaigns.get(&row.campaign), publishers.get(&row.publisher))
                else {
                    return Err(ServiceError::Internal("a row names what the catalogue has not".to_owned()));
                };
                if !campaign.offer.cost_reporting {
                    continue;
                }
                let cell = Cell {
                    day: Day::from_stored(row.day)?,
                    campaign,
                    publisher,
                    currency: advertiser.currency,
                    clicks: row.clicks.unsigned_abs(),
                    cost: row.cost.into(),
                };
                match &mut under_way {
                    Some(sum)
                        if format.sums_publishers() && sum.day == cell.day && sum.campaign.key == campaign.key =>
                    {
                        sum.clicks += cell.clicks;
                        sum.cost += cell.cost;
                    }
                    _ => {
                        let ended = under_way.replace(cell);
                        writer.add(ended)?;
                    }
                }
            }
        }
        writer.add(under_way)?;
    }
    writer.csv.flush().map_err(|error| not_written(&error.into()))?;
    Ok(writer.totals)
}

struct FeedWriter<'w> {
    csv: csv::Writer<&'w mut dyn Write>,
    format: &'static dyn Format,
    totals: FeedTotals,
}

impl FeedWriter<'_> {
    fn add(&mut self, cell: Option<Cell<'_>>) -> ServiceResult<()> {
        let Some(cell) = cell else { return Ok(()) };
        match self.format.values(&cell) {
            Some(values) => {
                self.csv.write_record(values).map_err(|error| not_written(&error))?;
                self.totals.rows += 1;
                self.totals.cost += cell.cost;
            }
            None => self.totals.left_out += 1,
        }
        Ok(())
    }
}

fn not_written(error: &csv::Error) -> ServiceError {
    ServiceError::Internal(format!("a feed could not be written: {error}"))
}
