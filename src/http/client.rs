//! Who is asking, and by what name for us: seen through trusted proxies only. What the client calls itself.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;
use actix_web::http::header;
use ipnet::IpNet;

use crate::config::Serve;

/// Longest user agent that is kept.
const AGENT_CHARS: usize = 200;

/// The address the request comes from.
///
/// `X-Forwarded-For` counts only when the peer itself is a trusted proxy, and is read from the right: each trusted proxy
/// vouches for the entry before it, and the first address that is not trusted is the client's.
#[must_use]
pub fn address(request: &HttpRequest, trusted: &[IpNet]) -> IpAddr {
    let peer = peer(request);
    let lines = request.headers().get_all("x-forwarded-for").filter_map(|line| line.to_str().ok());
    let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
    through_proxies(peer, &hops, trusted)
}

fn peer(request: &HttpRequest) -> IpAddr {
    request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical())
}

/// Scheme and host that people reach the server by: what the server was told, or else what the request says. Others than a
/// trusted proxy can't say that it came another way: pages show this address beside the place for a token.
#[must_use]
pub fn origin(request: &HttpRequest, config: &Serve) -> String {
    if let Some(url) = &config.public_url {
        return url.clone();
    }
    let scheme = if is_https(request, config) { "https" } else { "http" };
    let host = request.headers().get("host").and_then(|value| value.to_str().ok());
    let host = forwarded(request, config, "x-forwarded-host").or(host).unwrap_or("localhost");
    format!("{scheme}://{host}")
}

/// Whether people reach the server over TLS: its own, or, as its flags or a trusted proxy say, one in front of it. The one
/// place that decides it; cookies, HSTS and links go by it.
#[must_use]
pub fn is_https(request: &HttpRequest, config: &Serve) -> bool {
    config.is_https() || forwarded(request, config, "x-forwarded-proto") == Some("https")
}

/// What a trusted proxy says in this header of the client's side.
fn forwarded<'a>(request: &'a HttpRequest, config: &Serve, name: &str) -> Option<&'a str> {
    let value = request.headers().get(name)?.to_str().ok()?;
    let peer = peer(request);
    config.trusted_proxy.iter().any(|network| network.contains(&peer)).then_some(value)
}

fn through_proxies(peer: IpAddr, hops: &[&str], trusted: &[IpNet]) -> IpAddr {
    let mut client = peer;
    for hop in hops.iter().rev() {
        if !trusted.iter().any(|network| network.contains(&client)) {
            break;
        }
        // What no proxy of ours would write is no address; the proxy that passed it on is the last one known.
        let Ok(next) = hop.trim().parse::<IpAddr>() else { break };
        client = next.to_canonical();
    }
    client
}

/// What the client calls itself, shortened and without control characters.
#[must_use]
pub fn agent(request: &HttpRequest) -> String {
    let text = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.chars().filter(|c| !c.is_control()).take(AGENT_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, hops: &[&str]) -> String {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        through_proxies(peer.parse().unwrap(), hops, &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed_and_from_the_right() {
        assert_eq!(seen("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["1.2.3.4", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1", " 10.0.0.2"]), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1", "nonsense"]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(seen("::1", &["2001:db8::7"]), "2001:db8::7");
        assert_eq!(seen("::1", &["::ffff:198.51.100.1"]), "198.51.100.1");
    }
}
