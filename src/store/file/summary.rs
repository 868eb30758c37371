//! Counts and sums of a database, which must be equal in every true copy.

use chrono::{DateTime, Utc};
use rusqlite::Connection;

use crate::domain::{Day, MicrosSum};
use crate::store::file::schema;
use crate::store::file::stay_shut::appliance_of;
use crate::store::{Doing as _, StoreResult, foreign_value};

/// Counts and sums of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseSummary {
    /// Its schema version.
    pub schema: i64,
    /// The number of rows of each table, by name.
    pub tables: Vec<(String, u64)>,
    /// The totals of each advertiser's stats, by name.
    pub advertisers: Vec<AdvertiserTotal>,
    /// The id of the installation; `None` if the database is older than these ids.
    pub appliance: Option<String>,
    /// When stats were last changed.
    pub last_import: Option<DateTime<Utc>>,
}

/// The totals of an advertiser's stats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdvertiserTotal {
    /// Unique name.
    pub name: String,
    pub currency: String,
    pub rows: u64,
    /// The first and the last day, if there are any.
    pub days: Option<(Day, Day)>,
    /// The cost of all cells.
    pub cost: MicrosSum,
}

impl DatabaseSummary {
    /// Reads every row of the big table. The connection should be in a transaction, so that the figures belong together.
    pub(in crate::store) fn of(conn: &Connection) -> StoreResult<Self> {
        Ok(Self {
            schema: schema::version(conn)?,
            tables: tables(conn)?,
            appliance: appliance_of(conn, "main")?,
            advertisers: totals(conn).doing("add up the stats")?,
            last_import: conn
                .query_row("select max(created_at) from imports", (), |row| row.get::<_, Option<i64>>(0))
                .doing("find the last import")?
                .map(crate::store::from_ms),
        })
    }

    /// The number of rows in all tables.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|(_, rows)| rows).sum()
    }
}

fn tables(conn: &Connection) -> StoreResult<Vec<(String, u64)>> {
    let sql =
        "select name from sqlite_schema where type = 'table' and name not like 'sqlite^_%' escape '^' order by name";
    let mut statement = conn.prepare(sql).doing("list tables")?;
    let names = statement.query_map((), |row| row.get::<_, String>(0)).doing("list tables")?;
    names
        .map(|name| {
            let name = name.doing("list tables")?;
            let sql = format!("select count(*) from \"{}\"", name.replace('"', "\"\""));
            let rows: i64 = conn.query_row(&sql, (), |row| row.get(0)).doing("count rows")?;
            Ok((name, rows.unsigned_abs()))
        })
        .collect()
}

fn totals(conn: &Connection) -> rusqlite::Result<Vec<AdvertiserTotal>> {
    let mut advertisers = conn.prepare("select advertiser_key, name, currency from advertisers order by name")?;
    // Units and millionths are summed separately, so that no day's sum overflows.
    let mut days = conn.prepare(
        "select day, count(*), sum(cost_micros / 1000000), sum(cost_micros % 1000000) from daily_stats
        where advertiser_key = ?1
        group by day",
    )?;
    let rows = advertisers.query_map((), |row| {
        let mut total = AdvertiserTotal {
            name: row.get(1)?,
            currency: row.get(2)?,
            rows: 0,
            days: None,
            cost: MicrosSum::default(),
        };
        let mut days = days.query([row.get::<_, i64>(0)?])?;
        while let Some(found) = days.next()? {
            let day = Day::from_stored(found.get(0)?).map_err(|invalid| foreign_value(0, invalid))?;
            total.cost += MicrosSum::from_parts(found.get(2)?, found.get(3)?);
            total.rows += found.get::<_, i64>(1)?.unsigned_abs();
            let (first, last) = total.days.unwrap_or((day, day));
            total.days = Some((first.min(day), last.max(day)));
        }
        Ok(total)
    })?;
    rows.collect()
}
