//! What needs attention, each with the link that mends it.

use chrono::{DateTime, TimeDelta, Utc};

use crate::admin::catalogue::entry::today;
use crate::admin::imports::list::CUT_OFF;
use crate::admin::kit::format;
use crate::admin::kit::layout::Shell;
use crate::admin::tokens;
use crate::domain::TokenScope;
use crate::service::backups::BackupStatus;
use crate::service::{ServiceError, imports};
use crate::store::{AdvertiserRow, ReadTxn, StatFilter, TokenRow};

/// Refused polls are told of for this long.
const RECENT: TimeDelta = TimeDelta::days(7);

/// Something that needs attention.
#[derive(Debug)]
pub struct Alarm {
    /// What it is.
    pub message: String,
    /// `bad` or `warn`.
    pub tone: &'static str,
    /// What mends it, and where; none where it is mended on the machine.
    pub link: Option<(&'static str, String)>,
}

/// Backups that failed, are damaged or too old.
#[must_use]
pub fn of_backups(status: &BackupStatus, now: DateTime<Utc>) -> Option<Alarm> {
    let message = format!("Backups: {}. On the server, pitlane doctor says what to do.", status.trouble(now)?);
    Some(Alarm { message, tone: "bad", link: None })
}

/// All that needs attention, the worst first.
pub fn matters(
    txn: &ReadTxn<'_>,
    shell: &Shell,
    advertiser: &AdvertiserRow,
    now: DateTime<Utc>,
) -> Result<Vec<Alarm>, ServiceError> {
    let scope = &shell.scope;
    let own: Vec<_> = txn.token_list()?.into_iter().filter(|row| row.advertiser == advertiser.key).collect();
    let mut found = Vec::new();
    let mut add =
        |tone, message: String, label, href: String| found.push(Alarm { message, tone, link: Some((label, href)) });
    for row in imports::recently_cut_off(txn, CUT_OFF, now)? {
        let message = format!("An import was cut off: {}. Nothing of it is there.", row.subject);
        add("bad", message, "Import it again", format!("/admin/imports{scope}"));
    }
    if advertiser.disabled_at.is_some() {
        let href = format!("/admin/catalogue/advertisers/{}/switch?advertiser={}", advertiser.id, advertiser.id);
        add("bad", "This advertiser is disabled: its tokens are refused.".to_owned(), "Enable it", href);
    }
    let offers = txn.offer_list(advertiser.key)?;
    let off = i64::try_from(offers.iter().filter(|row| !row.cost_reporting).count()).unwrap_or_default();
    let offers_link = format!("/admin/catalogue/offers{scope}");
    if offers.iter().all(|row| !row.cost_reporting) {
        add(
            "bad",
            "Cost reporting is off for all offers: Singular gets an empty report.".to_owned(),
            "Turn it on",
            offers_link,
        );
    } else if off > 0 {
        add(
            "warn",
            format!("Cost reporting is off for {}.", format::plural(off, "offer")),
            "See the offers",
            offers_link,
        );
    }
    if !own.iter().any(|row| row.scope == TokenScope::Report && tokens::is_live(row, now)) {
        let href = format!("/admin/tokens/new?advertiser={}", advertiser.id);
        add("bad", "No token can read the report.".to_owned(), "Generate token", href);
    }
    for row in &own {
        if let Some((message, tone, label)) = token_matter(row, &own, now) {
            add(tone, message, label, format!("/admin/tokens{scope}"));
        }
    }
    let today = today(advertiser.time_zone)?;
    if let Some(yesterday) = today.earlier(1) {
        let day = yesterday.to_stored();
        let filter = StatFilter { advertiser: advertiser.key, from: day, to: day, campaign: None, publisher: None };
        let mut rows = 0_u64;
        txn.stat_scan_lines(&filter, |_| rows += 1)?;
        if rows == 0 {
            let message = format!("There are no stats for yesterday, {}.", format::day(yesterday));
            add("warn", message, "See the stats", format!("/admin/stats{scope}"));
        }
    }
    let polls = |count| format::plural(count, "poll");
    let was = |count| if count == 1 { "was" } else { "were" };
    let and = if scope.is_empty() { "?" } else { "&" };
    let refused = txn.polls_refused_since(advertiser.id, now - RECENT)?;
    if refused > 0 {
        let message = format!("{} {} refused in the last 7 days.", polls(refused), was(refused));
        add("warn", message, "See why", format!("/admin/polls{scope}{and}answer=refused"));
    }
    let strangers = txn.polls_of_strangers_since(now - RECENT)?;
    if strangers > 0 {
        let message =
            format!("{} without a valid token {} refused in the last 7 days.", polls(strangers), was(strangers));
        add("warn", message, "See from where", format!("/admin/polls{scope}{and}token=none"));
    }
    found.sort_by_key(|matter| matter.tone);
    Ok(found)
}

fn token_matter(row: &TokenRow, all: &[TokenRow], now: DateTime<Utc>) -> Option<(String, &'static str, &'static str)> {
    let name = &row.name;
    let rotation = tokens::rotation(row, all, now);
    if let Some((_, true)) = rotation {
        return Some((
            format!("The successor of the token “{name}” was seen: the old one can go."),
            "warn",
            "Revoke it",
        ));
    }
    if row.revoked_at.is_none()
        && let Some(at) = row.expires_at
    {
        let was_seen_lately = row.last_used_at.is_some_and(|used| now - used < RECENT);
        if at <= now && was_seen_lately {
            return Some((format!("The token “{name}” has expired and is refused."), "bad", "See the tokens"));
        }
        if at > now && at - now < tokens::NEAR {
            let label = if rotation.is_some() { "See the tokens" } else { "Rotate it" };
            return Some((format!("The token “{name}” expires in {}.", format::span(at - now)), "warn", label));
        }
    }
    None
}
