//! The check from outside (contract §8): asks the public address for the report, over the network, as Singular would, with a
//! token that lives for a minute, and holds what comes against the database.

mod answer;

use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use ureq::http::Response;

use self::answer::{Answer, PATIENCE, agent, items};
use crate::domain::{
    DayRange, Invalid, Name, PlainToken, ReportFormat, ReportKind, ReportQuery, TokenReader, TokenScope,
};
use crate::service::access::tokens::{self, TokenRequest};
use crate::service::report::{ReportRequest, Reports};
use crate::service::{Actor, ServiceError, ServiceResult};
use crate::store::{AdvertiserRow, PollFilter, Store};

/// Days that a first connect asks for.
const DAYS: u64 = 92;
/// An answer that takes longer is told of.
const SLOW: Duration = Duration::from_secs(5);
/// How long the poll history may take to be written.
const HISTORY: Duration = Duration::from_secs(5);

/// What one part of the check found.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Finding {
    /// Which part, in a word or two.
    pub check: &'static str,
    /// Whether all is well.
    pub ok: bool,
    /// What was found.
    pub message: String,
    /// What to do, where something is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

/// The whole check.
#[derive(Debug)]
pub struct Checked {
    /// What was asked.
    pub url: String,
    /// Whose report.
    pub advertiser: String,
    /// In the order in which things were looked at.
    pub findings: Vec<Finding>,
}

impl Checked {
    /// Whether all is well.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.findings.iter().all(|finding| finding.ok)
    }
}

/// Checks the server at `url`, such as `https://costs.example.com`, with the report of this advertiser.
pub fn run(store: &Store, url: &str, advertiser: &AdvertiserRow, actor: &Actor) -> ServiceResult<Checked> {
    let now = Utc::now();
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
        agent: agent(),
        findings: Vec::new(),
    };
    let done = check.all();
    tokens::revoke(store, token.id(), actor, Utc::now())?;
    done?;
    Ok(Checked { url: check.url.to_owned(), advertiser: advertiser.name.clone(), findings: check.findings })
}

struct Check<'c> {
    store: &'c Store,
    url: &'c str,
    advertiser: &'c AdvertiserRow,
    days: DayRange,
    token: &'c PlainToken,
    agent: ureq::Agent,
    findings: Vec<Finding>,
}

impl Check<'_> {
    fn good(&mut self, check: &'static str, message: String) {
        self.findings.push(Finding { check, ok: true, message, mend: None });
    }

    fn bad(&mut self, check: &'static str, message: String, mend: impl Into<String>) {
        self.findings.push(Finding { check, ok: false, message, mend: Some(mend.into()) });
    }

    /// Goes on as long as what follows can tell anything.
    fn all(&mut self) -> ServiceResult<()> {
        let Some(local) = self.reach() else { return Ok(()) };
        let Some(range) = self.authorized() else { return Ok(()) };
        let items = self.range(&range)?;
        self.single_days(&items)?;
        self.gzip(&range);
        self.unchanged(&range);
        self.address(local)
    }

    /// Name, connection. Our own address on the way there.
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
        let Some(stream) = connected else {
            let mend = format!(
                "Let the firewall and the router pass port {port} to the proxy or the server, and see that it listens on the \
                 outside address, not on 127.0.0.1 alone."
            );
            self.bad("connection", format!("nothing answers at {host}, port {port}"), mend);
            return None;
        };
        let ends = (stream.local_addr().ok()?.ip(), stream.peer_addr().ok()?.ip());
        if scheme == "https" {
            return Some(ends);
        }
        if !ends.1.is_loopback() {
            let mend =
                "Serve HTTPS: start with --tls-domain NAME, or put nginx, Caddy or Apache with a certificate in front.";
            self.bad("certificate", "the address is plain HTTP: the token can be read on its way".to_owned(), mend);
        }
        Some(ends)
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

    /// The first answer: certificate, redirects, and whether the token got through.
    fn authorized(&mut self) -> Option<Answer> {
        let (from, to) = (self.days.from().to_string(), self.days.to().to_string());
        let answer = match self.get(&from, &to, &[("Accept-Encoding", "identity")]) {
            Ok(answer) => answer,
            Err(error) => {
                let mend = "If it is the certificate: renew it (certbot renew; Caddy and --tls-domain do it by themselves), see that \
                            it is for this name, and that the proxy sends the whole chain (nginx: ssl_certificate fullchain.pem; \
                            Apache: SSLCertificateFile fullchain.pem). pitlane doctor tells of the server's own.";
                self.bad("certificate", format!("no answer could be had: {error}"), mend);
                return None;
            }
        };
        if self.url.starts_with("https://") {
            self.good("certificate", "it is valid for this name and trusted".to_owned());
        }
        match answer.status {
            200 => {
                self.good("token", "the Authorization header arrives, and nothing redirects".to_owned());
                return Some(answer);
            }
            300..=399 => {
                let to = answer.header("location").unwrap_or("nowhere").to_owned();
                let mend = "Clients drop the token when they are sent elsewhere: give Singular the address it is sent to, or take \
                            the redirect out (nginx: return 301; Caddy: redir; Apache: Redirect).";
                self.bad("redirect", format!("{} sends on to {to}", answer.status), mend);
            }
            401 => {
                let mend = "Something on the way takes the Authorization header away, or another server answers. nginx: \
                            proxy_set_header Authorization $http_authorization; Caddy hands it on by itself; Apache: \
                            CGIPassAuth On, and no AuthType on this path.";
                self.bad("token", "the token did not arrive: 401".to_owned(), mend);
            }
            404 => self.bad(
                "path",
                "there is no report at this address: 404".to_owned(),
                "Hand on the whole path: nginx: proxy_pass without a path behind the port; Caddy: handle, not handle_path; Apache: \
                 ProxyPass / http://127.0.0.1:8080/. Where the server has a path of its own, start it with that --public-url.",
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

    /// The items of the report as the database has them.
    fn own(&self, days: DayRange) -> ServiceResult<Vec<u8>> {
        let query = ReportQuery { advertiser: self.advertiser.id, days, offer: None };
        let asked = ReportRequest { kind: ReportKind::Singular, format: ReportFormat::Json, query };
        let mut report = Reports::new(0).open(asked, self.store.snapshot()?)?;
        let mut bytes = Vec::new();
        while let Some(more) = report.next_bytes()? {
            bytes.extend_from_slice(&more);
        }
        Ok(bytes)
    }

    /// One range of all days; its items, if they are ours.
    fn range(&mut self, answer: &Answer) -> ServiceResult<Vec<u8>> {
        let items = items(&answer.body).unwrap_or_default();
        let days = self.days;
        if items == self.own(days)? {
            let message = format!(
                "{DAYS} days in one request: {} bytes in {:.1?}, the same byte for byte as the database's",
                answer.body.len(),
                answer.took
            );
            self.good("rows", message);
        } else {
            let mend = "If stats were being imported just now, check again. Else another database answers at this address, or a \
                        proxy changes answers: turn sub_filter (nginx), replace (Caddy) or mod_substitute (Apache) off for it.";
            self.bad(
                "rows",
                format!("the rows of {} to {} are not those of the database", days.from(), days.to()),
                mend,
            );
        }
        if answer.took > SLOW {
            let mend = "See the server's load, and the line between it and the proxy.";
            self.bad("time", format!("the answer took {:.1?}", answer.took), mend);
        }
        Ok(items)
    }

    /// As a first connect asks: day by day.
    fn single_days(&mut self, range: &[u8]) -> ServiceResult<()> {
        let (mut day, mut slowest, mut parts) = (self.days.from(), Duration::ZERO, Vec::new());
        loop {
            let text = day.to_string();
            let answer = match self.get(&text, &text, &[]) {
                Ok(answer) if answer.status == 200 => answer,
                Ok(answer) => {
                    self.bad("single days", format!("{day} was answered {}", answer.status), LIMITS);
                    return Ok(());
                }
                Err(error) => {
                    self.bad("single days", format!("{day} was not answered: {error}"), "See the log of the proxy.");
                    return Ok(());
                }
            };
            slowest = slowest.max(answer.took);
            let items = items(&answer.body).unwrap_or_default();
            if let Some(inside) =
                items.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")).filter(|it| !it.is_empty())
            {
                parts.push(inside.to_vec());
            }
            if day == self.days.to() {
                break;
            }
            day = day.next().ok_or_else(|| ServiceError::Internal("the calendar ended".to_owned()))?;
        }
        if [b"[".as_slice(), &parts.join(&b','), b"]"].concat() == range {
            self.good(
                "single days",
                format!("{DAYS} single days in a row have the same rows; the slowest took {slowest:.1?}"),
            );
        } else {
            let mend = "If stats were being imported just now, check again; else a proxy keeps old answers: turn its cache off for /api/.";
            self.bad("single days", "the days one by one have other rows than the range".to_owned(), mend);
        }
        Ok(())
    }

    fn gzip(&mut self, plain: &Answer) {
        let (from, to) = (self.days.from().to_string(), self.days.to().to_string());
        let Ok(answer) = self.get(&from, &to, &[("Accept-Encoding", "gzip")]) else {
            self.bad("gzip", "no answer to a request for gzip".to_owned(), "See the log of the proxy.");
            return;
        };
        if answer.header("content-encoding") != Some("gzip") {
            if plain.body.len() < 2048 {
                self.good("gzip", "not used: the report is too short for it".to_owned());
            } else {
                let mend = "Let the proxy hand on Accept-Encoding: take proxy_set_header Accept-Encoding \"\" (nginx) or \
                            RequestHeader unset Accept-Encoding (Apache) out.";
                self.bad("gzip", "the report is sent without compression".to_owned(), mend);
            }
            return;
        }
        let mut unpacked = Vec::new();
        let read = std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(answer.body.as_slice()), &mut unpacked);
        if read.is_ok() && items(&unpacked) == items(&plain.body) {
            self.good("gzip", format!("{} bytes instead of {}", answer.body.len(), plain.body.len()));
        } else {
            self.bad(
                "gzip",
                "what comes compressed is not the report".to_owned(),
                "Turn the proxy's own compression off for /api/.",
            );
        }
    }

    /// Whether a client that has the report already is told so.
    fn unchanged(&mut self, first: &Answer) {
        let mend = "Let the proxy hand on ETag and If-None-Match (nginx: no etag off; Apache: no Header unset ETag).";
        let Some(tag) = first.header("etag").map(str::to_owned) else {
            self.bad("etag", "the answer has no ETag".to_owned(), mend);
            return;
        };
        let (from, to) = (self.days.from().to_string(), self.days.to().to_string());
        match self.get(&from, &to, &[("If-None-Match", &tag)]) {
            Ok(answer) if answer.status == 304 => {
                self.good("etag", "what has not changed is not sent again (304)".to_owned());
            }
            Ok(answer) => self.bad("etag", format!("If-None-Match was answered {}", answer.status), mend),
            Err(error) => self.bad("etag", format!("no answer: {error}"), mend),
        }
    }

    /// Whether the server saw our own address.
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
                let mend = "All clients look like the proxy, and share one limit. Start the server with --trusted-proxy 127.0.0.1, and \
                            have the proxy say who asks: nginx: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; Caddy \
                            and Apache's mod_proxy do it by themselves.";
                self.bad("client's address", format!("the server sees {seen}, the proxy's"), mend);
            }
            Some(seen) => {
                self.good("client's address", format!("the server sees {seen}; this machine's way out should have it"));
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
