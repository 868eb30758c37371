//! Whether the ledger may lack answers. A server that is killed takes with it those that it handed over and had not written
//! yet; until it has stopped tidily, the database says up to which version of the data all of them are there.

use crate::store::{ReadTxn, Store, StoreResult, Version, WriteTxn};

impl Store {
    /// Says that answers are handed over from now on: all until now are in the ledger.
    pub fn handing_over_begin(&self) -> StoreResult<()> {
        self.write(|txn| txn.ledger_complete_up_to(txn.version_latest()?))
    }

    /// Says that no more answers are handed over, and that all are in the ledger.
    pub fn handing_over_end(&self) -> StoreResult<()> {
        self.write(|txn| txn.ledger_complete())
    }
}

impl ReadTxn<'_> {
    /// Up to which version the ledger has all answers: those that were asked for when it, or an older one, was the latest.
    /// Nothing where it has all there are.
    pub fn ledger_complete_to(&self) -> StoreResult<Option<Version>> {
        let sql = "select complete_to from epoch";
        let found = self.first("see whether answers are missing", sql, (), |row| row.get::<_, Option<i64>>(0))?;
        Ok(found.flatten().map(Version))
    }

    /// The latest version that was given out.
    pub fn version_latest(&self) -> StoreResult<Version> {
        let found = self.first("read the latest version", "select latest from change_clock", (), |row| row.get(0))?;
        Ok(Version(found.unwrap_or_default()))
    }
}

impl WriteTxn<'_> {
    /// Says up to which version the ledger has all answers.
    pub fn ledger_complete_up_to(&self, version: Version) -> StoreResult<()> {
        self.run("say which answers are written", "update epoch set complete_to = ?1", [version.0]).map(drop)
    }

    /// Says that the ledger has all answers.
    pub fn ledger_complete(&self) -> StoreResult<()> {
        self.run("say that all answers are written", "update epoch set complete_to = null", ()).map(drop)
    }
}
