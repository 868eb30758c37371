//! What the doctor says about proxies in front of the server, from the headers of recent requests.

use std::net::IpAddr;

use chrono::{TimeDelta, Utc};

use super::{Finding, Verdict};
use crate::config::Global;
use crate::service::ServiceResult;
use crate::store::{Owner, ProxySeen, Store};

/// Older headers say nothing about today's proxies.
const LATELY: TimeDelta = TimeDelta::days(7);

/// One finding per problem, or a single one that says there is none.
pub(super) fn findings(global: &Global, store: &Store) -> ServiceResult<Vec<Finding>> {
    let seen = store.read(|txn| txn.proxies_seen_since(Utc::now() - LATELY))?;
    let public_url = Owner::public_url(&global.data_dir);
    let wrong: Vec<String> = seen.iter().filter_map(|seen| trouble(seen, public_url.as_deref())).collect();
    if wrong.is_empty() {
        let believed: Vec<&str> = seen.iter().filter(|seen| seen.is_trusted).map(|seen| seen.peer.as_str()).collect();
        let message = if believed.is_empty() {
            "none was seen in front of the server in the last 7 days".to_owned()
        } else {
            format!("what {} says of its clients is believed and fits", believed.join(", "))
        };
        return Ok(vec![Finding { check: "proxies", verdict: Verdict::Ok, message }]);
    }
    Ok(wrong.into_iter().map(|message| Finding { check: "proxies", verdict: Verdict::Advice, message }).collect())
}

fn trouble(seen: &ProxySeen, public_url: Option<&str>) -> Option<String> {
    let ProxySeen { peer, is_trusted, scheme, host, .. } = seen;
    let says = match (scheme.as_str(), host.as_str()) {
        ("", "") => String::new(),
        ("", host) => format!(" that name the host {host}"),
        (scheme, "") => format!(" that name the scheme {scheme}"),
        (scheme, host) => format!(" that name {scheme}://{host}"),
    };
    let named = public_url.and_then(|url| url.split_once("://"));
    let own = named.map(|(scheme, rest)| (scheme, rest.split('/').next().unwrap_or_default()));
    if !is_trusted {
        // Anybody can send such headers; the operator's own proxy is on a private network, or knows the server's name.
        let is_near = peer.parse().is_ok_and(is_near);
        let knows_us = own.is_some_and(|(_, own)| same_host(own, host));
        return (is_near || knows_us).then(|| {
            format!(
                "requests from {peer} have X-Forwarded-… headers{says}, which are not believed: all clients behind it look like \
                 one. If it is your proxy, start with --trusted-proxy {peer}"
            )
        });
    }
    let Some((own_scheme, own_host)) = own else {
        return (scheme.is_empty() || host.is_empty()).then(|| {
            format!(
                "the proxy {peer} does not say both scheme and host, and the server was not told its address, so links may lead \
                 nowhere: start with --public-url URL, or have it send X-Forwarded-Proto and X-Forwarded-Host"
            )
        });
    };
    let fits = (scheme.is_empty() || scheme.eq_ignore_ascii_case(own_scheme))
        && (host.is_empty() || same_host(own_host, host));
    (!fits).then(|| {
        format!(
            "the proxy {peer} sends headers{says}, but the server was started with --public-url {}: forms sent from there are \
             refused, and links lead away. Start it with the address that people use, or have the proxy pass that on",
            public_url.unwrap_or_default()
        )
    })
}

fn is_near(peer: IpAddr) -> bool {
    match peer {
        IpAddr::V4(peer) => peer.is_loopback() || peer.is_private() || peer.is_link_local(),
        IpAddr::V6(peer) => peer.is_loopback() || peer.is_unique_local() || peer.is_unicast_link_local(),
    }
}

/// Whether two hosts are the same, with or without the default port.
fn same_host(one: &str, other: &str) -> bool {
    let bare = |host: &str| {
        let host = host.strip_suffix(":443").or_else(|| host.strip_suffix(":80")).unwrap_or(host);
        host.to_ascii_lowercase()
    };
    !other.is_empty() && bare(one) == bare(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, is_trusted: bool, scheme: &str, host: &str) -> ProxySeen {
        ProxySeen { peer: peer.into(), is_trusted, scheme: scheme.into(), host: host.into(), at: Utc::now() }
    }

    #[test]
    fn only_what_a_proxy_of_ones_own_may_have_sent_is_told() {
        let url = Some("https://costs.example.com/app");
        let words = |seen: ProxySeen| trouble(&seen, url).unwrap_or_default();
        assert!(words(seen("10.0.0.5", false, "", "")).contains("--trusted-proxy 10.0.0.5"));
        assert!(
            words(seen("203.0.113.5", false, "https", "costs.example.com")).contains("--trusted-proxy 203.0.113.5")
        );
        assert_eq!(words(seen("203.0.113.5", false, "https", "evil.example")), "");
        assert_eq!(words(seen("127.0.0.1", true, "https", "costs.example.com:443")), "");
        assert_eq!(words(seen("127.0.0.1", true, "", "")), "");
        assert!(words(seen("127.0.0.1", true, "http", "costs.example.com")).contains("http://costs.example.com"));
        assert!(
            words(seen("127.0.0.1", true, "https", "old.example.com"))
                .contains("--public-url https://costs.example.com/app")
        );
        let unknown = |host| trouble(&seen("127.0.0.1", true, "https", host), None);
        assert!(unknown("").unwrap().contains("--public-url"));
        assert_eq!(unknown("costs.example.com"), None);
    }
}
