//! The packet: what Singular's integration team needs to point a connector at this server, as a folder or a zip. It contains
//! a token that reads made-up days (`sandbox`), the only token that is ever written to a file.

mod description;

use std::io::Write as _;
use std::path::Path;

use askama::Template;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

pub use self::description::OPENAPI;
use super::sandbox;
use crate::domain::{Day, DayRange, Invalid, PlainToken, ReportFormat, Role, TokenId, phrase};
use crate::service::access::tokens;
use crate::service::connect::fields::{FIELDS, Field};
use crate::service::{Actor, ServiceError, ServiceResult};
use crate::store::{AdvertiserRow, ReadTxn, Store};

/// How long the sandbox token works.
const LIFE: TimeDelta = TimeDelta::days(180);

/// The file to begin with.
pub const START: &str = "packet.html";

/// The fields of a new packet.
#[derive(Debug)]
pub struct PacketRequest {
    /// The advertiser whose connector is set up.
    pub advertiser: AdvertiserRow,
    /// Scheme, host and path of the server for Singular.
    pub url: String,
    /// The contact for the integration team.
    pub contact: String,
}

/// A new packet. It contains a token, so it is shown once.
pub struct Packet {
    /// Its files, by name.
    pub files: Vec<(&'static str, Vec<u8>)>,
    /// The id of its token.
    pub token: TokenId,
    /// Warnings before it is sent, one sentence each.
    pub warnings: Vec<String>,
}

#[derive(Template)]
#[template(path = "packet.html")]
struct Document<'a> {
    advertiser: &'a str,
    currency: &'a str,
    zone: &'a str,
    url: &'a str,
    contact: &'a str,
    token: &'a PlainToken,
    made: String,
    ends: String,
    fields: &'a [Field],
    from: String,
    to: String,
    item: String,
    sandbox_days: u64,
    /// Whether the address is only of this machine, so that another will take its place.
    is_placeholder: bool,
}

/// The default contact: the first admin.
pub fn usual_contact(txn: &ReadTxn<'_>) -> ServiceResult<String> {
    let admins = txn.admin_list()?.into_iter().filter(|row| row.role == Role::Admin);
    let first = admins.min_by_key(|row| row.created_at);
    Ok(first.map_or_else(|| "whoever sent you this".to_owned(), |row| row.email))
}

/// Makes a packet; the sandbox tokens of earlier packets are revoked.
pub fn make(store: &Store, request: &PacketRequest, actor: &Actor, now: DateTime<Utc>) -> ServiceResult<Packet> {
    let PacketRequest { advertiser, url, contact } = request;
    let days = last_days(advertiser, now)?;
    let token = tokens::issue_sandbox(store, advertiser, LIFE, actor, now)?;
    let items = sandbox::report(ReportFormat::Json, days, days.to())?;
    let item = items.split_inclusive(|byte| *byte == b'}').next().unwrap_or_default();
    let document = Document {
        advertiser: &advertiser.name,
        currency: advertiser.currency.code(),
        zone: advertiser.time_zone.name(),
        url,
        contact,
        token: &token,
        made: phrase::day(advertiser.time_zone.today(now)?),
        ends: phrase::day(advertiser.time_zone.today(now + LIFE)?),
        fields: FIELDS,
        from: days.from().to_string(),
        to: days.to().to_string(),
        item: String::from_utf8_lossy(item).trim_start_matches('[').replace("\",\"", "\",\n \""),
        sandbox_days: sandbox::DAYS,
        is_placeholder: is_local(url),
    };
    let html = document.render().map_err(|error| ServiceError::Internal(format!("the packet: {error}")))?;
    let impossible_day = Day::parse_date_or_time("date_from", "2026-02-30").err().map(|invalid| invalid.to_string());
    let impossible_day = impossible_day.unwrap_or_default();
    let pretty = |value: &Value| format!("{value:#}\n").into_bytes();
    Ok(Packet {
        files: vec![
            (START, html.into_bytes()),
            ("openapi.json", pretty(&description::openapi(url)?)),
            ("schema.json", pretty(&description::schema()?)),
            ("sample-report.json", sample_report(&items, now)),
            ("sample-report.csv", sandbox::report(ReportFormat::Csv, days, days.to())?),
            ("sample-400.json", sample_refusal("ValidationError", &impossible_day)),
            ("sample-401.json", sample_refusal("Unauthorized", SAMPLE_401)),
        ],
        token: token.id().clone(),
        warnings: warnings(url),
    })
}

/// The last two complete days.
fn last_days(advertiser: &AdvertiserRow, now: DateTime<Utc>) -> ServiceResult<DayRange> {
    let today = advertiser.time_zone.today(now)?;
    let (first, last) = (today.earlier(2).unwrap_or(today), today.earlier(1).unwrap_or(today));
    Ok(DayRange::new(first, last)?)
}

/// The server's message for a request without a token.
const SAMPLE_401: &str = "A valid API token is needed: \"Authorization: ApiToken plt_…\".";

fn sample_report(items: &[u8], now: DateTime<Utc>) -> Vec<u8> {
    let head = format!(
        "{{\"responseId\":\"{}\",\"isSuccessful\":true,\"responseTitle\":\"Success\",\"responseType\":\"Success\",\"messages\":[],\
         \"data\":{{\"generatedAt\":\"{}\",\"items\":",
        Uuid::new_v4(),
        now.to_rfc3339_opts(SecondsFormat::Millis, true),
    );
    [head.as_bytes(), items, b"}}"].concat()
}

fn sample_refusal(kind: &str, message: &str) -> Vec<u8> {
    let refusal = json!({
        "responseId": Uuid::new_v4().to_string(),
        "isSuccessful": false,
        "responseTitle": kind,
        "responseType": kind,
        "messages": [message],
    });
    refusal.to_string().into_bytes()
}

/// Problems that Singular could run into.
#[must_use]
pub fn warnings(url: &str) -> Vec<String> {
    let mut found = Vec::new();
    if !url.starts_with("https://") {
        found.push(format!(
            "{url} is plain HTTP: others can read the token on the network, and Singular may refuse \
            it."
        ));
    }
    if is_local(url) {
        let host = host(url);
        found
            .push(format!("{host} is only this machine: Singular can't reach it. Start the server with --public-url."));
    }
    found
}

fn host(url: &str) -> &str {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    host.split('/').next().unwrap_or_default()
}

/// Whether an address means the machine itself.
fn is_local(url: &str) -> bool {
    let host = host(url);
    let name = host.strip_prefix('[').and_then(|rest| rest.split(']').next());
    let name = name.unwrap_or_else(|| host.split(':').next().unwrap_or_default());
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

impl Packet {
    /// Fails unless the folder is new, empty, or has only an earlier packet.
    pub fn ensure_fits(dir: &Path) -> ServiceResult<()> {
        let wrong =
            |reason: String| ServiceError::from(Invalid::because("DIR", format!("{}: {reason}", dir.display())));
        let entries = match std::fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(wrong(error.to_string())),
        };
        let names: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.file_name()).collect();
        let has_packet = names.iter().any(|name| name == START);
        if names.is_empty() || has_packet {
            return Ok(());
        }
        Err(wrong("the folder holds other files, expected a new or an empty one, or an earlier packet".to_owned()))
    }

    /// Writes its files, readable only by their owner, because one contains a token.
    pub fn write(&self, dir: &Path) -> ServiceResult<()> {
        let failed = |path: &Path, error: &std::io::Error| {
            ServiceError::Internal(format!("{} can't be written: {error}", path.display()))
        };
        std::fs::create_dir_all(dir).map_err(|error| failed(dir, &error))?;
        for (name, bytes) in &self.files {
            let path = dir.join(name);
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let written = options.open(&path).and_then(|mut file| file.write_all(bytes));
            written.map_err(|error| failed(&path, &error))?;
        }
        Ok(())
    }

    /// The packet as a zip with this folder.
    pub fn zip(&self, folder: &str) -> ServiceResult<Vec<u8>> {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let mut add = |name: &str, bytes: &[u8]| -> zip::result::ZipResult<()> {
            zip.start_file(format!("{folder}/{name}"), zip::write::SimpleFileOptions::default())?;
            Ok(zip.write_all(bytes)?)
        };
        let packed = self.files.iter().try_for_each(|(name, bytes)| add(name, bytes)).and_then(|()| zip.finish());
        let packed = packed.map_err(|error| ServiceError::Internal(format!("the packet can't be packed: {error}")))?;
        Ok(packed.into_inner())
    }
}
