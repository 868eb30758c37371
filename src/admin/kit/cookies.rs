//! The cookies of the pages: what they are called, and what all of them have in common.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};

/// What the session's cookie is called, before any prefix.
pub(in crate::admin) const SESSION: &str = "pitlane_session";
/// The cookie that stands for a browser nobody is logged in with.
pub(in crate::admin) const GUEST: &str = "pitlane_guest";
/// The cookie that stands for a log-in whose code is waited for.
pub(in crate::admin) const HALF_WAY: &str = "pitlane_half_way";
/// The cookie by which a browser is known again that somebody logged in with.
pub(in crate::admin) const KNOWN: &str = "pitlane_known";
/// As long as browsers keep a cookie at most.
pub(in crate::admin) const KNOWN_LIFE: Duration = Duration::days(400);
/// The cookie that keeps the chosen colours.
pub(in crate::admin) const THEME: &str = "pitlane_theme";

/// The cookie that keeps the chosen advertiser.
pub(in crate::admin) const ADVERTISER: &str = "pitlane_advertiser";
/// The cookie that says once what a form did.
pub(in crate::admin) const DONE: &str = "pitlane_done";

/// What cookies are for: whether the server is reached by HTTPS, and the path it has there.
pub(in crate::admin) struct CookieScope {
    pub(in crate::admin) https: bool,
    pub(in crate::admin) path: String,
}

impl CookieScope {
    /// The cookie's name: browsers take cookies with these prefixes over TLS only, and the first kind from and for this host
    /// alone, which wants the path to be the root.
    pub(in crate::admin) fn name(&self, name: &str) -> String {
        match (self.https, self.path.is_empty()) {
            (true, true) => format!("__Host-{name}"),
            (true, false) => format!("__Secure-{name}"),
            (false, _) => name.to_owned(),
        }
    }

    /// A cookie as all of ours are: out of reach for scripts, never sent along from other sites.
    pub(in crate::admin) fn cookie(&self, name: &str, value: String, life: Duration) -> Cookie<'static> {
        Cookie::build(self.name(name), value)
            .path(format!("{}/", self.path))
            .http_only(true)
            .secure(self.https)
            .same_site(SameSite::Strict)
            .max_age(life)
            .finish()
    }
}
