//! Flags and environment of the server, parsed once.

mod alarms;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;

use chrono::NaiveTime;
use clap::builder::ArgPredicate;
use ipnet::IpNet;

use crate::domain::Invalid;
pub use alarms::Alarms;
pub use tls::Tls;

/// Heading in `--help` of the flags that every command takes; they come after the command's own.
const EVERY: &str = "Every command";

/// Flags of every command.
#[derive(Debug, Clone, clap::Args)]
pub struct Global {
    /// Where the database lives
    #[arg(long, global = true, help_heading = EVERY, env = "PITLANE_DATA_DIR", default_value = "./pitlane-data", value_name = "DIR")]
    pub data_dir: PathBuf,

    /// Print machine-readable JSON on stdout
    #[arg(long, global = true, help_heading = EVERY)]
    pub json: bool,

    /// Megabytes that must stay free on the disk; below that, whatever writes is refused
    #[arg(long, global = true, help_heading = EVERY, env = "PITLANE_DISK_FLOOR", default_value_t = 64, value_name = "MB", value_parser = clap::value_parser!(u64).range(..=1_000_000_000))]
    pub disk_floor: u64,
}

/// Flags of the server.
#[derive(Debug, Clone, clap::Args)]
pub struct Serve {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, env = "PITLANE_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    #[arg(default_value_if("tls_domain", ArgPredicate::IsPresent, "[::]:443"))]
    pub listen: SocketAddr,

    /// Address people and programs reach this server by, such as <https://costs.example.com>; may have a path
    #[arg(long, env = "PITLANE_PUBLIC_URL", value_name = "URL", value_parser = public_url)]
    pub public_url: Option<String>,

    /// Proxies whose X-Forwarded-… and Forwarded headers are believed, such as 10.0.0.0/8; may be repeated
    #[arg(long, env = "PITLANE_TRUSTED_PROXY", value_name = "CIDR", value_delimiter = ',', value_parser = network)]
    pub trusted_proxy: Vec<IpNet>,

    /// Megabytes of rendered days to keep in memory; 0 turns it off
    #[arg(long, env = "PITLANE_REPORT_CACHE", default_value_t = 32, value_name = "MB", value_parser = clap::value_parser!(u64).range(..=65_536))]
    pub report_cache: u64,

    /// Requests a second that one token may make in the long run; 50 times as many at once; 0 turns limits off
    #[arg(long, env = "PITLANE_RATE_LIMIT", default_value_t = 20, value_name = "PER_SECOND", value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    pub rate_limit: u32,

    /// File with the token that opens /metrics to others than this machine, as a bearer
    #[arg(long, env = "PITLANE_METRICS_TOKEN_FILE", value_name = "FILE")]
    pub metrics_token_file: Option<PathBuf>,

    /// When to make the nightly backup, as HH:MM in UTC; off makes none
    #[arg(long, env = "PITLANE_BACKUP_AT", default_value = "03:00", value_name = "TIME", value_parser = nightly)]
    pub backup_at: Nightly,

    /// How the log on stderr is written; if not given, text on a terminal and JSON elsewhere
    #[arg(long, env = "PITLANE_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,

    /// HTTPS by the server itself.
    #[command(flatten)]
    pub tls: Tls,

    /// Where alarms are sent: e-mail, a webhook, both or neither.
    #[command(flatten)]
    pub alarms: Alarms,
}

impl Serve {
    /// The path of the public URL, under which all routes are, such as `/costs`; empty if it has none.
    #[must_use]
    pub fn path(&self) -> &str {
        let rest = self.public_url.as_deref().and_then(|url| url.split_once("://")).map_or("", |(_, rest)| rest);
        rest.find('/').map_or("", |at| &rest[at..])
    }

    /// Whether the server is reached by HTTPS, according to its flags; for a single request, a proxy's header can say so too.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.tls.is_on() || self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }
}

/// The format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object a line, and nothing else
    Json,
}

/// The time of a nightly job, in UTC; `None` if it is off.
#[derive(Debug, Clone, Copy)]
pub struct Nightly(pub Option<NaiveTime>);

fn nightly(text: &str) -> Result<Nightly, String> {
    if text == "off" {
        return Ok(Nightly(None));
    }
    let time = NaiveTime::parse_from_str(text, "%H:%M").map_err(|_| "expected HH:MM, such as 03:00, or off")?;
    Ok(Nightly(Some(time)))
}

/// Lets clap read one of the domain's types and report its error as wrong usage.
fn parse<T: std::str::FromStr<Err = Invalid>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|invalid: Invalid| invalid.reason)
}

/// Reads a public URL: scheme, host and perhaps a path, without a slash at its end.
pub fn public_url(text: &str) -> Result<String, String> {
    let url = text.trim_end_matches('/');
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let authority = host.parse::<actix_web::http::uri::Authority>();
    let is_host = authority.is_ok_and(|authority| !authority.host().is_empty() && !host.contains('@'));
    let is_step = |step: &str| {
        !matches!(step, "" | "." | "..") && step.chars().all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c))
    };
    if is_host && (path.is_empty() || path.split('/').all(is_step)) {
        return Ok(url.to_owned());
    }
    Err("expected scheme and host, and a path if the server has only a part of it, such as https://costs.example.com or \
         https://example.com/costs"
        .to_owned())
}

/// A network; a single address counts as a network of one.
pub fn network(text: &str) -> Result<IpNet, String> {
    text.parse()
        .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from))
        .map_err(|_| "expected a network such as 10.0.0.0/8, or an address".to_owned())
}
