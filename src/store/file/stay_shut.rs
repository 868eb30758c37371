//! What a restore takes over from the database that it replaces, so that nothing revoked, removed or disabled works again.
//!
//! Both databases must belong to the same installation. What is revoked, removed or disabled in either stays so: tokens,
//! feeds, people, advertisers, offers' cost reporting; of two roles the lesser one counts. How people log in stays as it is
//! now: passwords, two-step log-in and used codes.

use rusqlite::{Connection, Transaction};

use crate::store::{AdvertiserKey, Doing as _, OfferKey, StoreResult, WriteTxn};

const DOING: &str = "take over what was shut";

/// How many of each stayed shut although they were open in the copy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StayedShut {
    /// Tokens that were revoked since.
    pub tokens: usize,
    /// Feeds that were revoked since.
    pub feeds: usize,
    /// People who were removed since.
    pub people: usize,
    /// People who were admins and are viewers now.
    pub roles: usize,
    /// People whose password was changed since.
    pub passwords: usize,
    /// People who turned two-step log-in on since.
    pub second_steps: usize,
    /// Recovery codes that were used since.
    pub codes: usize,
    /// Advertisers that were disabled since.
    pub advertisers: usize,
    /// Offers whose cost reporting was turned off since.
    pub offers: usize,
}

/// The id of the installation that a database belongs to; `None` if the database is older than these ids.
pub(super) fn appliance_of(conn: &Connection, database: &str) -> StoreResult<Option<String>> {
    if !has_table(conn, database, "appliance")? {
        return Ok(None);
    }
    let sql = format!("select id from {database}.appliance");
    conn.query_row(&sql, (), |row| row.get(0)).doing("read the appliance's name").map(Some)
}

fn has_table(conn: &Connection, database: &str, name: &str) -> StoreResult<bool> {
    let sql = format!("select exists (select 1 from {database}.sqlite_schema where type = 'table' and name = ?1)");
    conn.query_row(&sql, [name], |row| row.get(0)).doing("look for a table")
}

/// Takes over what is shut in the database that is attached as `old`.
pub(super) fn take_over(txn: &Transaction<'_>) -> StoreResult<StayedShut> {
    let run = |sql: &str| txn.execute(sql, ()).doing(DOING);
    run("update main.change_clock set latest = max(latest, (select latest from old.change_clock))")?;
    if has_table(txn, "old", "shut_for_good")? {
        run("insert or ignore into main.shut_for_good select kind, id, at from old.shut_for_good")?;
    }
    let mut shut = StayedShut { tokens: revoked(txn, "token", "api_tokens")?, ..StayedShut::default() };
    if has_table(txn, "old", "feeds")? && has_table(txn, "main", "feeds")? {
        shut.feeds = revoked(txn, "feed", "feeds")?;
    }
    // The audit log knows about removals from before the list of removed people existed.
    shut.people = run("delete from main.admins
        where id in (select id from main.shut_for_good where kind = 'person')
            or exists (
                select 1 from old.audit_log
                where action = 'admin remove' and subject = admins.email and at >= admins.created_at
            )")?;
    shut.roles = run("update main.admins set role = 'viewer'
        where role = 'admin' and id in (select id from old.admins where role = 'viewer')")?;
    run("create temp table kept as
        select mine.admin_key, theirs.admin_key as old_key, mine.password_hash <> theirs.password_hash as changed
        from main.admins mine join old.admins theirs using (id)
        where theirs.password_changed_at >= mine.password_changed_at")?;
    shut.passwords = count(txn, "select count(*) from kept where changed")?;
    run("update main.admins set (password_hash, password_changed_at) = (
            select theirs.password_hash, theirs.password_changed_at from old.admins theirs where theirs.id = admins.id
        ) where admin_key in (select admin_key from kept)")?;
    if has_table(txn, "old", "two_step")? {
        second_steps(txn, &mut shut)?;
    }
    if has_table(txn, "old", "known_browsers")? {
        run("insert or ignore into main.known_browsers (admin_key, id_sha256, used_at)
            select kept.admin_key, id_sha256, used_at
            from old.known_browsers theirs join kept on kept.old_key = theirs.admin_key")?;
        run("insert or replace into main.login_pauses select * from old.login_pauses")?;
    }
    run("drop table kept")?;
    shut.advertisers = run("update main.advertisers set disabled_at = (
            select theirs.disabled_at from old.advertisers theirs where theirs.id = advertisers.id
        ) where disabled_at is null and id in (select id from old.advertisers where disabled_at is not null)")?;
    shut.offers = switch_off(txn)?;
    Ok(shut)
}

fn count(txn: &Transaction<'_>, sql: &str) -> StoreResult<usize> {
    let count: i64 = txn.query_row(sql, (), |row| row.get(0)).doing(DOING)?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// Revokes what is revoked in either database, or was in one that an earlier restore replaced.
fn revoked(txn: &Transaction<'_>, kind: &str, table: &str) -> StoreResult<usize> {
    // An entry that isn't in this copy may be in the next one.
    let sql = format!(
        "insert or ignore into main.shut_for_good (kind, id, at)
        select '{kind}', id, revoked_at from old.{table}
        where revoked_at is not null and id not in (select id from main.{table})"
    );
    txn.execute(&sql, ()).doing(DOING)?;
    let sql = format!(
        "update main.{table} set revoked_at = coalesce(
            (select theirs.revoked_at from old.{table} theirs where theirs.id = {table}.id),
            (select at from main.shut_for_good where kind = '{kind}' and id = {table}.id)
        )
        where revoked_at is null and (
            id in (select id from old.{table} where revoked_at is not null)
            or id in (select id from main.shut_for_good where kind = '{kind}')
        )"
    );
    txn.execute(&sql, ()).doing(DOING)
}

/// Two-step secrets and recovery codes belong to the passwords that are kept. For other passwords, used codes stay used.
fn second_steps(txn: &Transaction<'_>, shut: &mut StayedShut) -> StoreResult<()> {
    let run = |sql: &str| txn.execute(sql, ()).doing(DOING);
    shut.codes = count(
        txn,
        "select count(*) from main.recovery_codes mine
            join main.admins using (admin_key)
            join old.admins theirs using (id)
            join old.recovery_codes used on used.admin_key = theirs.admin_key and used.code_sha256 = mine.code_sha256
            where mine.used_at is null and used.used_at is not null",
    )?;
    run("update main.recovery_codes set used_at = (
            select max(used.used_at) from old.recovery_codes used where used.code_sha256 = recovery_codes.code_sha256
        ) where used_at is null")?;
    shut.second_steps = count(
        txn,
        "select count(*) from kept join old.two_step theirs on theirs.admin_key = kept.old_key
            where kept.admin_key not in (select admin_key from main.two_step)",
    )?;
    run("delete from main.recovery_codes where admin_key in (select admin_key from kept)")?;
    run("delete from main.two_step where admin_key in (select admin_key from kept)")?;
    run("insert into main.two_step (admin_key, salt, sealed, last_step, created_at)
        select kept.admin_key, salt, sealed, last_step, created_at
        from old.two_step theirs join kept on kept.old_key = theirs.admin_key")?;
    run("insert into main.recovery_codes (admin_key, code_sha256, used_at)
        select kept.admin_key, code_sha256, used_at
        from old.recovery_codes theirs join kept on kept.old_key = theirs.admin_key")
    .map(drop)
}

/// Switches off the offers that are off in the old database, in the same way as a person would, so that clients' copies
/// become outdated.
fn switch_off(txn: &Transaction<'_>) -> StoreResult<usize> {
    let offers: Vec<(i64, i64)> = txn
        .prepare(
            "select advertiser_key, offer_key from main.offers
            where cost_reporting = 1 and id in (select id from old.offers where cost_reporting = 0)",
        )
        .and_then(|mut offers| offers.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
        .doing(DOING)?;
    let write = WriteTxn::of(txn);
    for (advertiser, offer) in &offers {
        write.offer_set_cost_reporting(AdvertiserKey::from(*advertiser), OfferKey::from(*offer), false)?;
    }
    Ok(offers.len())
}
