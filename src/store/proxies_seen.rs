//! Which peers recently sent proxy headers.

use chrono::{DateTime, Utc};

use crate::store::{ReadTxn, StoreResult, WriteTxn, from_ms, to_ms};

/// How many peers are kept: those seen last.
const KEPT: i64 = 100;

/// A peer that sends proxy headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxySeen {
    /// The peer's IP address.
    pub peer: String,
    /// Whether it is a trusted proxy.
    pub is_trusted: bool,
    /// The scheme in its headers; may be empty.
    pub scheme: String,
    /// The host in its headers; may be empty.
    pub host: String,
    /// When it was last noted.
    pub at: DateTime<Utc>,
}

impl ReadTxn<'_> {
    /// Peers that sent proxy headers since then, latest first.
    pub fn proxies_seen_since(&self, since: DateTime<Utc>) -> StoreResult<Vec<ProxySeen>> {
        let sql = "select peer, is_trusted, scheme, host, at from proxies_seen where at >= ?1 order by at desc, peer";
        self.list("list who sent headers of proxies", sql, [to_ms(since)], |row| {
            Ok(ProxySeen {
                peer: row.get(0)?,
                is_trusted: row.get(1)?,
                scheme: row.get(2)?,
                host: row.get(3)?,
                at: from_ms(row.get(4)?),
            })
        })
    }
}

impl WriteTxn<'_> {
    /// Notes that a peer sent proxy headers.
    pub fn proxy_seen(&self, seen: &ProxySeen) -> StoreResult<()> {
        let sql =
            "insert or replace into proxies_seen (peer, is_trusted, scheme, host, at) values (?1, ?2, ?3, ?4, ?5)";
        let params = (&seen.peer, seen.is_trusted, &seen.scheme, &seen.host, to_ms(seen.at));
        self.run("note who sent headers of proxies", sql, params)?;
        let sql =
            "delete from proxies_seen where peer not in (select peer from proxies_seen order by at desc limit ?1)";
        self.run("forget who sent headers of proxies", sql, [KEPT]).map(drop)
    }
}
