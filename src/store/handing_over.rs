//! Whether the ledger may lack answers. If a server is killed, answers that it sent and had not written yet are lost. Until a
//! clean stop, the database says up to which version of the data the ledger is complete.

use crate::store::{ReadTxn, Store, StoreResult, Version, WriteTxn};

impl Store {
    /// Says that answers are sent from now on; the ledger is complete until now.
    pub fn handing_over_begin(&self) -> StoreResult<()> {
        self.write(|txn| txn.ledger_complete_up_to(txn.version_latest()?))
    }

    /// Says that no more answers are sent, and that the ledger is complete.
    pub fn handing_over_end(&self) -> StoreResult<()> {
        self.write(|txn| txn.ledger_complete())
    }
}

impl ReadTxn<'_> {
    /// The version up to which the ledger is complete: it has all answers requested when this, or an older one, was the
    /// latest. `None` if it is complete.
    pub fn ledger_complete_to(&self) -> StoreResult<Option<Version>> {
        let sql = "select complete_to from epoch";
        let found = self.first("see whether answers are missing", sql, (), |row| row.get::<_, Option<i64>>(0))?;
        Ok(found.flatten().map(Version))
    }

    /// The latest version.
    pub fn version_latest(&self) -> StoreResult<Version> {
        let found = self.first("read the latest version", "select latest from change_clock", (), |row| row.get(0))?;
        Ok(Version(found.unwrap_or_default()))
    }
}

impl WriteTxn<'_> {
    /// Says up to which version the ledger is complete.
    pub fn ledger_complete_up_to(&self, version: Version) -> StoreResult<()> {
        self.run("say which answers are written", "update epoch set complete_to = ?1", [version.0]).map(drop)
    }

    /// Says that the ledger is complete.
    pub fn ledger_complete(&self) -> StoreResult<()> {
        self.run("say that all answers are written", "update epoch set complete_to = null", ()).map(drop)
    }
}
