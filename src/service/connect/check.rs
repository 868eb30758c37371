//! The check from outside (contract §8): asks the public address for the report over the network, as Singular would, with a
//! token that works for a minute, and compares the result with the database.

mod answer;
mod certificate;
mod headers;
mod rows;

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use ureq::http::Response;

use self::answer::{Answer, PATIENCE, agent};
use crate::domain::{DayRange, Invalid, Name, PlainToken, TokenReader, TokenScope, phrase};
use crate::service::access::tokens::{self, TokenRequest};
use crate::service::certificates::Roots;
use crate::service::{Actor, ServiceError, ServiceResult};
use crate::store::{AdvertiserKey, AdvertiserRow, CheckRow, PollFilter, ReadTxn, Store};

/// How many days a first connect asks for.
const DAYS: u64 = 92;
/// How long the poll history may take to be written.
const HISTORY: Duration = Duration::from_secs(5);

/// The result of one part of the check.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Finding {
    /// The part, in a word or two.
    pub check: Cow<'static, str>,
    /// Whether it passed.
    pub ok: bool,
    pub message: String,
    /// What to do, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

#[derive(Debug)]
pub struct Checked {
    /// When the check ran.
    pub at: DateTime<Utc>,
    pub url: String,
    /// In the order of the checks.
    pub findings: Vec<Finding>,
}

impl Checked {
    /// Whether everything passed.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.findings.iter().all(|finding| finding.ok)
    }
}

/// The last check of an advertiser's report, if there was one.
pub fn last(txn: &ReadTxn<'_>, advertiser: AdvertiserKey) -> ServiceResult<Option<Checked>> {
    let Some(CheckRow { at, url, findings }) = txn.check_last(advertiser)? else { return Ok(None) };
    let findings = serde_json::from_str(&findings)
        .map_err(|error| ServiceError::Internal(format!("a check that was kept can't be read: {error}")))?;
    Ok(Some(Checked { at, url, findings }))
}

/// Checks the server at `url`, such as `https://costs.example.com`, with the report of this advertiser, and stores the
/// result. `root` is a PEM file with roots to trust instead of the usual ones.
pub fn run(
    store: &Store,
    url: &str,
    advertiser: &AdvertiserRow,
    root: Option<&Path>,
    actor: &Actor,
) -> ServiceResult<Checked> {
    let (now, roots) = (Utc::now(), Roots::of(root)?);
    let request = TokenRequest {
        advertiser: advertiser.id.to_string(),
        name: Name::parse("name", "check from outside")?,
        scope: TokenScope::Report,
        expires_at: Some(now + TimeDelta::minutes(1)),
        reader: TokenReader::Other,
    };
    let token = tokens::issue(store, &request, actor, now)?;
    let last = advertiser.time_zone.today(now)?.earlier(1);
    let first = last.and_then(|last| last.earlier(DAYS - 1));
    let days = last.zip(first).ok_or_else(|| Invalid::because("days", "the calendar does not reach back so far"))?;
    let mut check = Check {
        store,
        url: url.trim_end_matches('/'),
        advertiser,
        days: DayRange::new(days.1, days.0)?,
        token: &token,
        agent: agent(&roots),
        roots,
        findings: Vec::new(),
    };
    let done = check.all();
    tokens::revoke(store, token.id(), actor, Utc::now())?;
    done?;
    let checked = Checked { at: now, url: check.url.to_owned(), findings: check.findings };
    let findings = serde_json::to_string(&checked.findings)
        .map_err(|error| ServiceError::Internal(format!("a check can't be kept: {error}")))?;
    let row = CheckRow { at: now, url: checked.url.clone(), findings };
    store.write(|txn| txn.check_put(advertiser.key, &row))?;
    Ok(checked)
}

struct Check<'c> {
    store: &'c Store,
    url: &'c str,
    advertiser: &'c AdvertiserRow,
    days: DayRange,
    token: &'c PlainToken,
    agent: ureq::Agent,
    roots: Roots,
    findings: Vec<Finding>,
}

impl Check<'_> {
    fn good(&mut self, check: &'static str, message: String) {
        self.findings.push(Finding { check: check.into(), ok: true, message, mend: None });
    }

    fn bad(&mut self, check: &'static str, message: String, mend: impl Into<String>) {
        self.findings.push(Finding { check: check.into(), ok: false, message, mend: Some(mend.into()) });
    }

    /// Runs all parts, until one fails that the others depend on.
    fn all(&mut self) -> ServiceResult<()> {
        let Some(local) = self.reach() else { return Ok(()) };
        let Some(range) = self.authorized() else { return Ok(()) };
        self.on_the_way(&range);
        let items = self.range(&range)?;
        self.single_days(&items)?;
        self.gzip(&range);
        self.unchanged(&range);
        self.address(local)
    }

    /// Name, connection, certificate. Returns both ends' addresses.
    fn reach(&mut self) -> Option<(IpAddr, IpAddr)> {
        let (scheme, rest) = self.url.split_once("://")?;
        let authority = rest.split('/').next().unwrap_or_default();
        let usual = if scheme == "https" { 443 } else { 80 };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().unwrap_or(usual)),
            _ => (authority, usual),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let found: Vec<SocketAddr> = match (host, port).to_socket_addrs() {
            Ok(found) => found.collect(),
            Err(error) => {
                let mend = "Add an A or AAAA record for the name with your DNS provider, and wait until it is known everywhere.";
                self.bad("name", format!("{host} is not known: {error}"), mend);
                return None;
            }
        };
        let list = found.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>().join(", ");
        self.good("name", format!("{host} is {list}"));
        let connected = found.iter().find_map(|address| TcpStream::connect_timeout(address, PATIENCE / 3).ok());
        let Some(mut stream) = connected else {
            let mend = format!(
                "Let the firewall and the router pass port {port} to the proxy or the server, and see that it listens on the \
                 outside address, not on 127.0.0.1 alone."
            );
            self.bad("connection", format!("nothing answers at {host}, port {port}"), mend);
            return None;
        };
        let ends = (stream.local_addr().ok()?.ip(), stream.peer_addr().ok()?.ip());
        if scheme == "https" {
            return self.certificate(&mut stream, host).then_some(ends);
        }
        if !ends.1.is_loopback() {
            let mend =
                "Serve HTTPS: start with --tls-domain NAME, or put nginx, Caddy or Apache with a certificate in front.";
            self.bad(
                "certificate",
                "the address is plain HTTP: others can read the token on the network".to_owned(),
                mend,
            );
        }
        Some(ends)
    }

    /// Whether the certificate is accepted.
    fn certificate(&mut self, stream: &mut TcpStream, host: &str) -> bool {
        match certificate::shown(stream, host, &self.roots) {
            Err((message, mend)) => {
                self.bad("certificate", message, mend);
                return false;
            }
            Ok(None) => self.good("certificate", format!("it is trusted for {host}")),
            Ok(Some(ends)) => {
                let days = (ends - Utc::now()).num_days();
                let left = phrase::plural(days, "day");
                let message = format!(
                    "it is trusted for {host}, and valid for another {left}, until {}",
                    ends.format("%Y-%m-%d")
                );
                if days < certificate::FEW_DAYS {
                    let mend = "It should have been renewed by now: certbot renew for nginx and Apache; Caddy and --tls-domain do it \
                                by themselves (see their log, and pitlane doctor).";
                    self.bad("certificate", message, mend);
                } else {
                    self.good("certificate", message);
                }
            }
        }
        true
    }

    /// What a proxy changed in the answer's headers.
    fn on_the_way(&mut self, answer: &Answer) {
        let who = headers::who(answer).map(|who| format!("“{who}” forwarded the answer"));
        let changed = headers::changed(answer);
        if changed.is_empty() {
            let who = who.as_deref().unwrap_or("no proxy is visible");
            self.good("headers", format!("{who}; they come as the server sends them"));
        }
        let by = who.map_or_else(String::new, |who| format!(" ({who})"));
        for (what, mend) in changed {
            self.bad("headers", format!("{what}{by}"), mend);
        }
    }

    fn get(&self, from: &str, to: &str, headers: &[(&str, &str)]) -> Result<Answer, ureq::Error> {
        let url = format!("{}/api/v1/integrations/cost-report/singular/json?date_from={from}&date_to={to}", self.url);
        let since = Instant::now();
        let request = self.agent.get(url).header("Authorization", format!("ApiToken {}", self.token.reveal()));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let response: Response<ureq::Body> = request.call()?;
        let (head, mut body) = response.into_parts();
        let body = body.with_config().limit(u64::MAX).read_to_vec()?;
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body, took: since.elapsed() })
    }

    /// The first answer: redirects, and whether the token arrived.
    fn authorized(&mut self) -> Option<Answer> {
        let (from, to) = (self.days.from().to_string(), self.days.to().to_string());
        let answer = match self.get(&from, &to, &[("Accept-Encoding", "identity")]) {
            Ok(answer) => answer,
            Err(error) => {
                let mend = "See the log of the server and of the proxy, and that the proxy speaks plain HTTP to the server where that \
                            has no certificate of its own.";
                self.bad("answer", format!("there was no answer: {error}"), mend);
                return None;
            }
        };
        match answer.status {
            200 => {
                self.good("token", "the Authorization header arrives, and nothing redirects".to_owned());
                return Some(answer);
            }
            300..=399 => {
                let to = answer.header("location").unwrap_or("nowhere").to_owned();
                let mend = "Clients drop the token at a redirect: give Singular the final address, or remove the \
                    redirect (nginx: return 301; Caddy: redir; Apache: Redirect).";
                self.bad("redirect", format!("{} redirects to {to}", answer.status), mend);
            }
            401 => {
                let mend = "A proxy removes the Authorization header, or another server answers. nginx: \
                            proxy_set_header Authorization $http_authorization; Caddy forwards it by itself; Apache: \
                            CGIPassAuth On, and no AuthType on this path.";
                self.bad("token", "the token did not arrive: 401".to_owned(), mend);
            }
            404 => self.bad(
                "path",
                "there is no report at this address: 404".to_owned(),
                "Forward the whole path: nginx: proxy_pass without a path behind the port; Caddy: handle, not \
                 handle_path; Apache: \
                 ProxyPass / http://127.0.0.1:8080/. If the server has a path of its own, start it with that \
                 --public-url.",
            ),
            429 => self.bad("limit", "too many requests: 429".to_owned(), LIMITS),
            502..=504 => self.bad(
                "proxy",
                format!("the proxy can't reach the server: {}", answer.status),
                "See that the server runs (pitlane doctor), and that nginx's proxy_pass, Caddy's reverse_proxy or Apache's ProxyPass \
                 name the address it listens on.",
            ),
            status => {
                let body: String = String::from_utf8_lossy(&answer.body).chars().take(200).collect();
                self.bad("answer", format!("{status}: {body}"), "See the log of the server and of the proxy.");
            }
        }
        None
    }

    /// Whether the server saw this machine's address.
    fn address(&mut self, (local, remote): (IpAddr, IpAddr)) -> ServiceResult<()> {
        let filter = PollFilter { token: Some(self.token.id().clone()), limit: 1, ..PollFilter::default() };
        let until = Instant::now() + HISTORY;
        let seen = loop {
            if let Some(poll) = self.store.read(|txn| txn.poll_list(&filter))?.into_iter().next() {
                break Some(poll.address);
            }
            if Instant::now() > until {
                break None;
            }
            std::thread::sleep(Duration::from_millis(200));
        };
        match seen {
            Some(seen) if seen == local.to_canonical().to_string() => {
                self.good("client's address", format!("the server sees {seen}, which is this machine's"));
            }
            Some(seen) if seen.parse::<IpAddr>().is_ok_and(|seen| seen.is_loopback()) && !remote.is_loopback() => {
                let mend = "All clients look like the proxy, and share one limit. Start the server with \
                    --trusted-proxy 127.0.0.1, and have the proxy send the client's address: \
                    nginx: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; Caddy \
                            and Apache's mod_proxy do it by themselves.";
                self.bad("client's address", format!("the server sees {seen}, the proxy's"), mend);
            }
            Some(seen) => {
                self.good(
                    "client's address",
                    format!(
                        "the server sees {seen}; it should be this machine's outgoing \
                    address"
                    ),
                );
            }
            None => {
                let mend = "The server at this address writes into another data directory: see --data-dir, and where the name leads.";
                self.bad("client's address", "the requests are not in this database's poll history".to_owned(), mend);
            }
        }
        Ok(())
    }
}

const LIMITS: &str = "A first connect asks for months day by day. Raise the proxy's limit (nginx: limit_req; Apache: mod_evasive, \
                      mod_qos), and see --rate-limit; behind a proxy that is not named with --trusted-proxy all clients share one.";
