//! What is between client and server: which proxy answers, and which of the server's headers it changed.

use super::answer::Answer;

/// Headers of the report as the server sends them, and what to do if they arrive differently.
const SENT: [(&str, &str, &str); 3] = [
    (
        "content-type",
        "application/json",
        "Remove what sets another Content-Type: default_type (nginx), header (Caddy), ForceType (Apache).",
    ),
    (
        "cache-control",
        "private, no-cache",
        "Remove what sets it for /api/: expires or add_header (nginx), header (Caddy), ExpiresActive or Header set \
         (Apache). Else \
         old figures are served.",
    ),
    (
        "x-content-type-options",
        "nosniff",
        "Have the proxy forward the server's headers: no proxy_hide_header (nginx), no Header unset (Apache).",
    ),
];

/// The names that caching depends on.
const VARY: [&str; 2] = ["authorization", "accept-encoding"];

/// The headers that were changed, each with what to do.
pub(super) fn changed(answer: &Answer) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    for (name, sent, mend) in SENT {
        match answer.header(name) {
            Some(got) if got.eq_ignore_ascii_case(sent) => {}
            Some(got) => found.push((format!("{name} arrives as “{got}”, the server sends “{sent}”"), mend)),
            None => found.push((format!("{name} was removed"), mend)),
        }
    }
    let vary = answer.header("vary").unwrap_or_default().to_ascii_lowercase();
    if VARY.iter().any(|name| !vary.contains(name)) {
        let mend = "Have the proxy forward Vary: without it a cache may give one client's answer to another.";
        found.push((format!("vary arrives as “{vary}”, the server sends “Authorization, Accept-Encoding”"), mend));
    }
    if let Some(age) = answer.header("age") {
        let mend = "Turn the proxy's cache off for /api/: proxy_cache (nginx), cache (Caddy), mod_cache (Apache), or the CDN's.";
        found.push((format!("the answer comes from a cache, {age} seconds old"), mend));
    }
    found
}

/// The proxy that says it forwarded the answer.
pub(super) fn who(answer: &Answer) -> Option<String> {
    let named = [answer.header("server"), answer.header("via")];
    let named: Vec<_> = named.into_iter().flatten().filter(|name| !name.is_empty()).collect();
    (!named.is_empty()).then(|| named.join(", "))
}
