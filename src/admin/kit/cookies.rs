//! The cookies of the pages: their names and their common attributes.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};

/// The session cookie's name, without a prefix.
pub(in crate::admin) const SESSION: &str = "pitlane_session";
/// Cookie of a browser that nobody has logged in with.
pub(in crate::admin) const GUEST: &str = "pitlane_guest";
/// Cookie of a log-in that waits for a code.
pub(in crate::admin) const HALF_WAY: &str = "pitlane_half_way";
/// Cookie of a browser that somebody has logged in with before.
pub(in crate::admin) const KNOWN: &str = "pitlane_known";
/// The longest time browsers keep a cookie.
pub(in crate::admin) const KNOWN_LIFE: Duration = Duration::days(400);
/// The cookie that keeps the chosen colours.
pub(in crate::admin) const THEME: &str = "pitlane_theme";

/// The cookie that keeps the chosen advertiser.
pub(in crate::admin) const ADVERTISER: &str = "pitlane_advertiser";
/// Cookie with the code of the last action, shown once.
pub(in crate::admin) const DONE: &str = "pitlane_done";

/// Where cookies are valid: whether the server is reached by HTTPS, and under which path.
pub(in crate::admin) struct CookieScope {
    pub(in crate::admin) https: bool,
    pub(in crate::admin) path: String,
}

impl CookieScope {
    /// The cookie's full name. Browsers accept the prefixes only over TLS; `__Host-` also requires the path to be the root.
    pub(in crate::admin) fn name(&self, name: &str) -> String {
        match (self.https, self.path.is_empty()) {
            (true, true) => format!("__Host-{name}"),
            (true, false) => format!("__Secure-{name}"),
            (false, _) => name.to_owned(),
        }
    }

    /// A cookie with the attributes of all our cookies: hidden from scripts, never sent by other sites.
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
