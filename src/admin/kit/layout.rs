//! The frame of every page: title, navigation, the advertiser switch, who is logged in.

use chrono::Utc;

use crate::admin::kit::context::RequestContext;
use crate::admin::kit::format;
use crate::admin::kit::table::link_with;
use crate::domain::{AdvertiserId, ReportingZone, ZoneClock};
use crate::service::ServiceError;
use crate::store::{AdvertiserRow, ReadTxn};

/// Path of the pages about Singular.
pub const SINGULAR: &str = "/admin/singular";

/// The navigation's items.
const NAV: [(&str, &str); 8] = [
    ("Home", "/admin/"),
    ("Stats", "/admin/stats"),
    ("Import", "/admin/imports"),
    ("Catalogue", "/admin/catalogue/offers"),
    ("Singular", SINGULAR),
    ("Tokens", "/admin/tokens"),
    ("Audit", "/admin/audit"),
    ("Settings", "/admin/settings"),
];

/// The version in the footer.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Codes of actions, and the message that confirms each. Other codes in the address show nothing.
const DONE: &[(&str, &str)] = &[
    ("added", "Added."),
    ("saved", "Saved."),
    ("deleted", "Deleted."),
    ("revoked", "Revoked. It is refused from the next request on."),
    ("reporting-on", "Cost reporting is on. Singular receives this offer's cost with its next poll."),
    ("reporting-off", "Cost reporting is off. Singular no longer receives this offer's cost."),
    ("disabled", "Disabled. Its tokens are refused from the next request on."),
    ("enabled", "Enabled."),
    ("password", "Your password was changed, and your other sessions have ended."),
    ("elsewhere", "Your other sessions have ended."),
    ("session", "That session has ended."),
    ("sessions", "Their sessions have ended."),
    ("removed", "Removed. They can no longer log in."),
    ("two-step-off", "Two-step log-in is off."),
    ("imported", "Imported. You can undo it here until something else changes the same rows."),
    ("merged", "Merged. You can undo it here until something else changes the same rows."),
    ("moved", "Moved. Its id and its stats stayed."),
    ("undone", "Import undone. This page records the undo."),
    ("discarded", "Upload discarded."),
    ("marked", "Marked."),
    ("refresh-sent", "Noted. Singular takes up to 24 hours; this page says when the days arrive."),
    ("checked", "Checked."),
    ("accepted", "Noted. Those days stay as they are until their stats change."),
    ("not-singular", "Marked. Polls from there no longer count as Singular's."),
    ("is-singular", "Marked as Singular."),
    ("hour", "Saved. An alarm is sent if stats are missing at that hour."),
    ("unchanged", "Nothing was changed: the row held these figures already."),
];

/// An item of the navigation.
#[derive(Debug)]
pub struct NavItem {
    pub label: &'static str,
    pub href: String,
    /// Whether the page belongs to it.
    pub here: bool,
}

/// The frame of every page.
#[derive(Debug)]
pub struct Shell {
    pub title: String,
    /// Who is logged in.
    pub email: String,
    /// Whether they may change anything.
    pub may_change: bool,
    /// The token that proves that a form came from this page.
    pub form_token: String,
    /// `system`, `light` or `dark`.
    pub theme: &'static str,
    pub nav: Vec<NavItem>,
    pub path: String,
    /// This page's address, to return to after choosing colours.
    pub address: String,
    /// Where choosing another advertiser leads: to this page, or to its list if the page is about one thing.
    pub switch_to: String,
    /// Filters that are kept when another advertiser is chosen.
    pub kept: Vec<(String, String)>,
    /// All advertisers: id, name, and whether each is the chosen one.
    pub advertisers: Vec<(AdvertiserId, String, bool)>,
    pub advertiser: Option<AdvertiserRow>,
    /// `?advertiser=…` for links, if there are several.
    pub scope: String,
    /// Whether others on the network can read what is typed: plain HTTP from another machine.
    pub is_exposed: bool,
    /// Whether the page shows a form with errors.
    pub is_refused: bool,
    /// The message that confirms the last action.
    pub done: Option<&'static str>,
    zone: ZoneClock,
}

impl Shell {
    /// The frame of the page `title` under the navigation item `nav`.
    pub fn new(
        context: &RequestContext,
        txn: &ReadTxn<'_>,
        nav: &str,
        title: impl Into<String>,
    ) -> Result<Self, ServiceError> {
        let (all, advertiser) = context.advertisers(txn)?;
        let scope = match &advertiser {
            Some(chosen) if all.len() > 1 => format!("?advertiser={}", chosen.id),
            _ => String::new(),
        };
        let item = |(label, href): &(&'static str, &str)| NavItem {
            label,
            href: format!("{href}{scope}"),
            here: *label == nav,
        };
        let asked = context.just_done();
        Ok(Self {
            title: title.into(),
            email: context.session().map(|session| session.admin.email.clone()).unwrap_or_default(),
            may_change: context.may_change(),
            form_token: context.form_token().to_owned(),
            theme: context.theme().as_str(),
            nav: NAV.iter().map(item).collect(),
            path: context.path().to_owned(),
            address: address(context),
            switch_to: list_of(context.path()).to_owned(),
            kept: kept(context),
            advertisers: all
                .into_iter()
                .map(|row| (row.id, row.name, advertiser.as_ref().is_some_and(|chosen| chosen.id == row.id)))
                .collect(),
            zone: advertiser.as_ref().map_or(ReportingZone::UTC, |row| row.time_zone).clock(),
            advertiser,
            scope,
            is_exposed: context.is_exposed(),
            is_refused: false,
            done: DONE.iter().find(|(code, _)| *code == asked).map(|(_, message)| *message),
        })
    }

    /// The frame of a page for people who aren't logged in.
    #[must_use]
    pub fn outside(context: &RequestContext, title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            email: String::new(),
            may_change: false,
            form_token: context.form_token().to_owned(),
            theme: context.theme().as_str(),
            nav: Vec::new(),
            path: context.path().to_owned(),
            address: address(context),
            switch_to: String::new(),
            kept: Vec::new(),
            advertisers: Vec::new(),
            advertiser: None,
            scope: String::new(),
            is_exposed: context.is_exposed(),
            is_refused: false,
            done: None,
            zone: ReportingZone::UTC.clock(),
        }
    }

    /// The zone of the times on this page: the chosen advertiser's.
    #[must_use]
    pub fn zone(&self) -> &ZoneClock {
        &self.zone
    }

    /// The current time, in that zone.
    #[must_use]
    pub fn now(&self) -> String {
        format::moment(Utc::now(), &self.zone)
    }

    /// `&advertiser=…` for links that already have a query.
    #[must_use]
    pub fn and_scope(&self) -> String {
        self.scope.strip_prefix('?').map_or_else(String::new, |scope| format!("&{scope}"))
    }

    /// The advertiser's id for filter forms.
    #[must_use]
    pub fn advertiser_id(&self) -> String {
        self.advertiser.as_ref().map(|row| row.id.to_string()).unwrap_or_default()
    }
}

/// Parameters about one advertiser's things, or about a place in a list.
const OF_ONE: [&str; 10] =
    ["advertiser", "done", "campaign", "offer", "publisher", "app", "token", "before", "page", "address"];

fn address(context: &RequestContext) -> String {
    link_with(context, "done", "")
}

/// The list that a page about one thing belongs to; other pages are returned as they are.
fn list_of(path: &str) -> &str {
    const LISTS: [&str; 11] = [
        "/admin/catalogue/advertisers",
        "/admin/catalogue/apps",
        "/admin/catalogue/offers",
        "/admin/catalogue/campaigns",
        "/admin/catalogue/publishers",
        "/admin/imports",
        "/admin/polls",
        "/admin/singular",
        "/admin/tokens",
        "/admin/settings",
        "/admin/once",
    ];
    let is_within = |list: &&str| path.strip_prefix(*list).is_some_and(|rest| rest.starts_with('/'));
    // Pages that are the same for all advertisers keep their address.
    let is_form = path.ends_with("/new") || path.starts_with("/admin/settings") || path.starts_with("/admin/singular");
    match LISTS.iter().find(|list| is_within(list)) {
        Some(&"/admin/once") => "/admin/tokens",
        Some(list) if !is_form => list,
        _ if path == "/admin/stats/cell" => "/admin/stats",
        _ => path,
    }
}

fn kept(context: &RequestContext) -> Vec<(String, String)> {
    if list_of(context.path()) != context.path() {
        return Vec::new();
    }
    context
        .queries()
        .iter()
        .filter(|(name, value)| !OF_ONE.contains(&name.as_str()) && !value.is_empty())
        .cloned()
        .collect()
}

/// A path with the chosen advertiser and the code of an action.
#[must_use]
pub fn back(path: &str, advertiser: Option<AdvertiserId>, done: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if let Some(id) = advertiser {
        query.append_pair("advertiser", &id.to_string());
    }
    format!("{path}?{}", query.append_pair("done", done).finish())
}
