//! The one big table: the figures of each day, campaign and publisher.
//!
//! Read in the order in which it is stored, and written by [`StatWriter`] in the same order if speed matters.

use foldhash::HashSet;
use rusqlite::{Connection, Row, Statement};

use crate::domain::{Count, Figures, Micros};
use crate::store::stats::sum_changes::SumChanges;
use crate::store::stats::sums::TouchedMonths;
use crate::store::{
    AdvertiserKey, CampaignKey, Doing as _, ImportKey, PublisherKey, ReadTxn, StoreError, StoreResult, WriteTxn,
    foreign_value,
};

/// The key of a cell. Sorted as the table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StatKey {
    pub advertiser: AdvertiserKey,
    /// Days since 1970-01-01.
    pub day: i64,
    pub campaign: CampaignKey,
    pub publisher: PublisherKey,
}

/// A cell: its key and its figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatCell {
    pub key: StatKey,
    pub figures: Figures,
}

/// The result of writing a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// The cell is new.
    Inserted,
    /// The cell had these other figures.
    Changed(Figures),
    /// The cell already had these figures.
    Unchanged,
}

/// A value and the import that stated it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatRow {
    pub figures: Figures,
    /// The import that stated it.
    pub import: ImportKey,
    /// The line in the import; 0 if the file left the cell out and it was set to zero.
    pub line: u64,
}

/// Four figures, from the row's columns `at` on, in the table's order.
pub(in crate::store) fn figures(row: &Row<'_>, at: usize) -> rusqlite::Result<Figures> {
    let count = |field, column| Count::new(field, row.get(column)?).map_err(|invalid| foreign_value(column, invalid));
    Ok(Figures {
        clicks: count("clicks", at)?,
        cost: Micros::new(row.get(at + 1)?).map_err(|invalid| foreign_value(at + 1, invalid))?,
        views: count("views", at + 2)?,
        conversions: count("conversions", at + 3)?,
    })
}

/// The columns of `stat_select.sql`, which are also the first six of other queries.
pub(in crate::store) fn stated(row: &Row<'_>) -> rusqlite::Result<StatRow> {
    let line = row.get::<_, i64>(5)?.unsigned_abs();
    Ok(StatRow { figures: figures(row, 0)?, import: ImportKey(row.get(4)?), line })
}

impl WriteTxn<'_> {
    /// A writer of cells for `import`.
    pub fn stat_writer(&self, import: ImportKey) -> StoreResult<StatWriter<'_>> {
        let prepare = |sql| self.conn.prepare(sql).doing(DOING);
        Ok(StatWriter {
            conn: self.conn,
            sums: (&self.sum_changes, &self.touched),
            import,
            inserts: BATCHES.map(|_| None),
            select: prepare(include_str!("../sql/stat_select.sql"))?,
            keep: prepare(include_str!("../sql/stat_history_insert.sql"))?,
            update: prepare(include_str!("../sql/stat_update.sql"))?,
            find_campaign: prepare("select 1 from campaigns where advertiser_key = ?1 and campaign_key = ?2")?,
            find_publisher: prepare("select 1 from publishers where publisher_key = ?1")?,
            campaigns: HashSet::default(),
            publishers: HashSet::default(),
            last_was_new: true,
        })
    }
}

const DOING: &str = "write stats";

/// How many cells one statement inserts. Each statement must find its position in the table first, which takes half as long
/// as writing a cell.
const BATCHES: [usize; 3] = [32, 8, 1];

/// The SQL that inserts `cells` cells of one day: advertiser, day and import once, and seven numbers per cell.
fn insert_sql(cells: usize) -> String {
    let values = |cell: usize| {
        let first = 4 + cell * 7;
        let own = (first..first + 6).map(|at| format!("?{at}")).collect::<Vec<_>>().join(", ");
        format!("(?1, ?2, {own}, ?3, ?{})", first + 6)
    };
    let values = (0..cells).map(values).collect::<Vec<_>>().join(", ");
    format!(
        "insert into daily_stats (
            advertiser_key, day, campaign_key, publisher_key,
            clicks, cost_micros, views, conversions,
            import_key, import_line
        )
        values {values}
        on conflict do nothing"
    )
}

/// Writes cells with prepared statements, and their earlier values into the history. Whether a cell's campaign and publisher
/// exist is checked once for each, because [`Store::write_many`](crate::store::Store::write_many) doesn't check foreign keys.
pub struct StatWriter<'t> {
    conn: &'t Connection,
    sums: (&'t SumChanges, &'t TouchedMonths),
    import: ImportKey,
    /// Prepared when they are first needed.
    inserts: [Option<Statement<'t>>; BATCHES.len()],
    select: Statement<'t>,
    keep: Statement<'t>,
    update: Statement<'t>,
    find_campaign: Statement<'t>,
    find_publisher: Statement<'t>,
    /// Campaigns and publishers that exist.
    campaigns: HashSet<(AdvertiserKey, CampaignKey)>,
    publishers: HashSet<PublisherKey>,
    last_was_new: bool,
}

impl StatWriter<'_> {
    /// Writes cells of one day, each once per import; `line` is the import's line. A cell that already has its figures isn't
    /// touched. Returns the results in the same order.
    pub fn put_day(&mut self, cells: &[(StatCell, u64)]) -> StoreResult<Vec<Stored>> {
        for (cell, _) in cells {
            self.check(cell.key)?;
        }
        let mut done = Vec::with_capacity(cells.len());
        let mut rest = cells;
        while !rest.is_empty() {
            if !self.last_was_new {
                // If one cell exists, most other cells of the day do.
                self.compare(rest, &mut done)?;
                break;
            }
            let Some(batch) = BATCHES.iter().position(|size| *size <= rest.len()) else { break };
            let (some, others) = rest.split_at(BATCHES[batch]);
            if self.insert(batch, some)? == some.len() {
                done.extend(some.iter().map(|_| Stored::Inserted));
            } else {
                for (cell, line) in some {
                    done.push(self.restate(cell, *line)?);
                }
                self.last_was_new = done.last() == Some(&Stored::Inserted);
            }
            rest = others;
        }
        for ((StatCell { key, figures }, _), stored) in cells.iter().zip(&done) {
            let old = match stored {
                Stored::Unchanged => continue,
                Stored::Inserted => None,
                Stored::Changed(old) => Some(old),
            };
            let (changes, touched) = self.sums;
            let (day, cell) = ((key.advertiser, key.day), (key.campaign, key.publisher));
            changes.note((self.conn, touched), day, cell, old, figures)?;
        }
        Ok(done)
    }

    /// Writes cells after reading the current values of all of them.
    fn compare(&mut self, cells: &[(StatCell, u64)], done: &mut Vec<Stored>) -> StoreResult<()> {
        for (stated, told) in cells.iter().zip(ReadTxn::of(self.conn).stats_compared(cells)?) {
            done.push(match told {
                Stored::Unchanged => Stored::Unchanged,
                Stored::Changed(_) => self.restate(&stated.0, stated.1)?,
                Stored::Inserted => {
                    self.insert(BATCHES.len() - 1, std::slice::from_ref(stated))?;
                    Stored::Inserted
                }
            });
        }
        self.last_was_new = done.last() == Some(&Stored::Inserted);
        Ok(())
    }

    /// Inserts the cells that don't exist; returns how many.
    fn insert(&mut self, batch: usize, cells: &[(StatCell, u64)]) -> StoreResult<usize> {
        let statement = match &mut self.inserts[batch] {
            Some(statement) => statement,
            none => none.insert(self.conn.prepare(&insert_sql(BATCHES[batch])).doing(DOING)?),
        };
        let Some((StatCell { key: StatKey { advertiser, day, .. }, .. }, _)) = cells.first() else { return Ok(0) };
        let mut at = 0;
        let mut bind = |number: i64| {
            at += 1;
            statement.raw_bind_parameter(at, number).doing(DOING)
        };
        bind(advertiser.0)?;
        bind(*day)?;
        bind(self.import.0)?;
        for (StatCell { key, figures }, line) in cells {
            let Figures { clicks, cost, views, conversions } = figures;
            bind(key.campaign.0)?;
            bind(key.publisher.0)?;
            bind(clicks.get())?;
            bind(cost.get())?;
            bind(views.get())?;
            bind(conversions.get())?;
            bind(stored_line(*line))?;
        }
        statement.raw_execute().doing(DOING)
    }

    /// Writes a cell that exists, possibly because this call inserted it.
    fn restate(&mut self, cell: &StatCell, line: u64) -> StoreResult<Stored> {
        let StatKey { advertiser, day, campaign, publisher } = cell.key;
        let key = (advertiser.0, day, campaign.0, publisher.0);
        let held = self.select.query_row(key, stated).doing(DOING)?;
        if held == (StatRow { figures: cell.figures, import: self.import, line }) {
            return Ok(Stored::Inserted);
        }
        if held.figures == cell.figures {
            return Ok(Stored::Unchanged);
        }
        let Figures { clicks, cost, views, conversions } = held.figures;
        let old = (clicks.get(), cost.get(), views.get(), conversions.get(), held.import.0, stored_line(held.line));
        let old = (key.0, key.1, key.2, key.3, self.import.0, old.0, old.1, old.2, old.3, old.4, old.5);
        self.keep.execute(old).doing(DOING)?;
        let Figures { clicks, cost, views, conversions } = cell.figures;
        let new = (clicks.get(), cost.get(), views.get(), conversions.get());
        let line = stored_line(line);
        let new = (key.0, key.1, key.2, key.3, new.0, new.1, new.2, new.3, self.import.0, line);
        self.update.execute(new).doing(DOING)?;
        Ok(Stored::Changed(held.figures))
    }

    /// Fails if the campaign isn't the advertiser's, or the publisher doesn't exist.
    fn check(&mut self, StatKey { advertiser, campaign, publisher, .. }: StatKey) -> StoreResult<()> {
        const DOING: &str = "look for a campaign or publisher";
        if self.publishers.insert(publisher) && !self.find_publisher.exists([publisher.0]).doing(DOING)? {
            return Err(StoreError::Conflict("a publisher of the stats is gone".to_owned()));
        }
        let is_new = self.campaigns.insert((advertiser, campaign));
        if is_new && !self.find_campaign.exists((advertiser.0, campaign.0)).doing(DOING)? {
            return Err(StoreError::Conflict("a campaign of the stats is gone".to_owned()));
        }
        Ok(())
    }
}

/// Lines are counted, so they stay far below 2^63.
fn stored_line(line: u64) -> i64 {
    i64::try_from(line).unwrap_or(i64::MAX)
}
