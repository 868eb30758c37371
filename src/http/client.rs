//! Who sends a request, and under which address they reach us. Only trusted proxies can change either.
//!
//! IP addresses, cookies, links and the origin check of forms all use what is decided here.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::HttpRequest;
use actix_web::http::header;
use ipnet::IpNet;

use crate::config::Serve;

/// The longest user agent that is stored.
const AGENT_CHARS: usize = 200;

/// The client's IP address.
///
/// Proxy headers count only if the peer itself is a trusted proxy. They are read from the right: each trusted proxy vouches
/// for the entry before it, and the first address that isn't trusted is the client's.
#[must_use]
pub fn address(request: &HttpRequest, trusted: &[IpNet]) -> IpAddr {
    let peer = peer(request);
    if !is_in(trusted, peer) {
        return peer;
    }
    through_proxies(peer, &Forwarded::read(request).addresses, trusted).0
}

fn peer(request: &HttpRequest) -> IpAddr {
    request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical())
}

pub(super) fn is_in(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

/// Scheme, host and path by which people reach the server, without a final slash: the public URL if it is set, else what the
/// request says. Only a trusted proxy can change the scheme: pages show this address next to the field for a token.
#[must_use]
pub fn origin(request: &HttpRequest, config: &Serve) -> String {
    if let Some(url) = &config.public_url {
        return url.clone();
    }
    let scheme = if is_https(request, config) { "https" } else { "http" };
    format!("{scheme}://{}", host(request, config).unwrap_or_else(|| "localhost".to_owned()))
}

/// The host that the client asked for, according to a trusted proxy or else to the request.
#[must_use]
pub fn host(request: &HttpRequest, config: &Serve) -> Option<String> {
    let own = || Some(request.headers().get(header::HOST)?.to_str().ok()?.to_owned());
    said(request, config, |forwarded| &forwarded.hosts).or_else(own)
}

/// Whether people reach the server over TLS: its own, or that of a proxy, according to the flags or to a trusted proxy.
/// Cookies, HSTS and links depend on this one decision.
#[must_use]
pub fn is_https(request: &HttpRequest, config: &Serve) -> bool {
    config.is_https()
        || said(request, config, |forwarded| &forwarded.schemes)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
}

/// Whether the request says that it came through a proxy, trusted or not. It only makes answers more cautious.
#[must_use]
pub fn is_behind_proxy(request: &HttpRequest) -> bool {
    [header::X_FORWARDED_FOR, header::VIA, header::FORWARDED].iter().any(|name| request.headers().contains_key(name))
}

/// What trusted proxies say about the client: the entry of the outermost trusted proxy.
fn said(request: &HttpRequest, config: &Serve, of: fn(&Forwarded) -> &Vec<String>) -> Option<String> {
    let (peer, trusted) = (peer(request), &config.trusted_proxy);
    if !is_in(trusted, peer) {
        return None;
    }
    let forwarded = Forwarded::read(request);
    let (_, proxies) = through_proxies(peer, &forwarded.addresses, trusted);
    let entries = of(&forwarded);
    entries.get(entries.len().saturating_sub(proxies)).cloned()
}

/// The peer, and the scheme and host from its proxy headers, if it sent any.
pub(super) fn claimed(request: &HttpRequest) -> Option<(IpAddr, [String; 2])> {
    let names = [header::X_FORWARDED_FOR, header::X_FORWARDED_PROTO, header::X_FORWARDED_HOST, header::FORWARDED];
    if !names.iter().any(|name| request.headers().contains_key(name)) {
        return None;
    }
    let Forwarded { mut schemes, mut hosts, .. } = Forwarded::read(request);
    Some((peer(request), [&mut schemes, &mut hosts].map(|entries| entries.pop().unwrap_or_default())))
}

/// The proxy headers: one entry per proxy, the nearest last.
#[derive(Debug, Default, PartialEq)]
struct Forwarded {
    addresses: Vec<String>,
    schemes: Vec<String>,
    hosts: Vec<String>,
}

impl Forwarded {
    /// Uses `X-Forwarded-…` if any of them is present, else RFC 7239's `Forwarded`. Most proxies write the former and pass on
    /// whatever the client put into the latter.
    fn read(request: &HttpRequest) -> Self {
        let lines = |name: &str| -> Vec<&str> {
            request.headers().get_all(name).filter_map(|line| line.to_str().ok()).collect()
        };
        let entries = |name: &str| -> Vec<String> {
            lines(name).iter().flat_map(|line| line.split(',')).map(|entry| entry.trim().to_owned()).collect()
        };
        let own = Self {
            addresses: entries("x-forwarded-for"),
            schemes: entries("x-forwarded-proto"),
            hosts: entries("x-forwarded-host"),
        };
        if own == Self::default() { Self::parse(&lines("forwarded")) } else { own }
    }

    /// RFC 7239, section 4: commas separate elements, semicolons separate their pairs; values may be quoted.
    fn parse(lines: &[&str]) -> Self {
        let mut found = Self::default();
        for element in lines.iter().flat_map(|line| split(line, ',')) {
            let (mut address, mut scheme, mut host) = (String::new(), String::new(), String::new());
            for (name, value) in split(element, ';').filter_map(|pair| pair.split_once('=')) {
                let value = value.trim().trim_matches('"').replace('\\', "");
                match name.trim().to_ascii_lowercase().as_str() {
                    "for" => address = value,
                    "proto" => scheme = value,
                    "host" => host = value,
                    _ => {}
                }
            }
            // An element without a client's address still counts as one proxy.
            found.addresses.push(address);
            found.schemes.extend(Some(scheme).filter(|scheme| !scheme.is_empty()));
            found.hosts.extend(Some(host).filter(|host| !host.is_empty()));
        }
        found
    }
}

/// Splits at a character outside of quotes.
fn split(text: &str, at: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c: char| {
        quoted ^= c == '"';
        c == at && !quoted
    })
}

/// An address as proxies write it: plain, with a port, or IPv6 in brackets.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    address.map(|address| address.to_canonical())
}

/// The client's address, and how many proxies forwarded the request, including the peer.
fn through_proxies(peer: IpAddr, hops: &[impl AsRef<str>], trusted: &[IpNet]) -> (IpAddr, usize) {
    let (mut client, mut proxies) = (peer, 0);
    for hop in hops.iter().rev() {
        if !is_in(trusted, client) {
            break;
        }
        // This isn't an address, so no trusted proxy wrote it. The proxy that passed it on is the last one known.
        let Some(next) = node(hop.as_ref()) else { break };
        (client, proxies) = (next, proxies + 1);
    }
    (client, proxies.max(1))
}

/// The user agent, shortened and without control characters.
#[must_use]
pub fn agent(request: &HttpRequest) -> String {
    let text = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.chars().filter(|c| !c.is_control()).take(AGENT_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn trusted() -> [IpNet; 2] {
        ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]
    }

    fn seen(peer: &str, hops: &[&str]) -> String {
        through_proxies(peer.parse().unwrap(), hops, &trusted()).0.to_string()
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

    #[test]
    fn ports_and_brackets_are_understood() {
        assert_eq!(seen("10.0.0.1", &["198.51.100.1:51234"]), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["[2001:db8::5]:443"]), "2001:db8::5");
        assert_eq!(seen("10.0.0.1", &["[2001:db8::5]"]), "2001:db8::5");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1", "10.0.0.2:8080"]), "198.51.100.1");
        for nonsense in ["[198.51.100.1", "198.51.100.1:", "unknown", "_hidden", "198.51.100.1:99999", ""] {
            assert_eq!(seen("10.0.0.1", &[nonsense]), "10.0.0.1", "{nonsense}");
        }
    }

    fn config() -> Serve {
        use clap::Parser as _;
        #[derive(clap::Parser)]
        struct Flags {
            #[command(flatten)]
            serve: Serve,
        }
        Flags::parse_from(["pitlane", "--trusted-proxy", "10.0.0.0/8"]).serve
    }

    /// Address, and origin, of a request with these headers.
    fn request(peer: &str, headers: &[(&'static str, &'static str)]) -> (String, String) {
        let request = TestRequest::default().peer_addr(SocketAddr::new(peer.parse().unwrap(), 5000));
        let request = headers.iter().fold(request, |request, header| request.append_header(*header)).to_http_request();
        let config = config();
        (address(&request, &config.trusted_proxy).to_string(), origin(&request, &config))
    }

    fn is(address: &str, origin: &str) -> (String, String) {
        (address.to_owned(), origin.to_owned())
    }

    const HOST: (&str, &str) = ("host", "127.0.0.1:8080");

    #[test]
    fn rfc_7239_is_read_without_x_forwarded_headers() {
        let forwarded = ("forwarded", "for=\"[2001:db8::5]:4711\";proto=https;host=\"costs.example.com\"");
        assert_eq!(request("10.0.0.1", &[HOST, forwarded]), is("2001:db8::5", "https://costs.example.com"));
        assert_eq!(request("192.0.2.1", &[HOST, forwarded]), is("192.0.2.1", "http://127.0.0.1:8080"));
        let two =
            ("forwarded", "For=1.2.3.4;Proto=https;Host=evil.example, for=198.51.100.1;host=a.example;proto=http");
        assert_eq!(request("10.0.0.1", &[HOST, two]), is("198.51.100.1", "http://a.example"));
        let chain = ("forwarded", "for=198.51.100.1;proto=https;host=a.example, for=10.0.0.2;proto=http;host=b");
        assert_eq!(request("10.0.0.1", &[HOST, chain]), is("198.51.100.1", "https://a.example"));
        // A proxy that writes `X-Forwarded-…` passes on what the client wrote into `Forwarded`.
        let older = ("x-forwarded-for", "198.51.100.1");
        assert_eq!(request("10.0.0.1", &[HOST, older, forwarded]), is("198.51.100.1", "http://127.0.0.1:8080"));
    }

    #[test]
    fn scheme_and_host_come_from_the_outermost_trusted_proxy() {
        let headers = [
            HOST,
            ("x-forwarded-for", "1.2.3.4, 198.51.100.1, 10.0.0.2"),
            ("x-forwarded-proto", "http, https, http"),
            ("x-forwarded-host", "evil.example, a.example:8443, b.example"),
        ];
        assert_eq!(request("10.0.0.1", &headers), is("198.51.100.1", "https://a.example:8443"));
        assert_eq!(request("192.0.2.1", &headers), is("192.0.2.1", "http://127.0.0.1:8080"));
        assert_eq!(
            request("10.0.0.1", &[HOST, ("x-forwarded-proto", "HTTPS")]),
            is("10.0.0.1", "https://127.0.0.1:8080")
        );
    }
}
