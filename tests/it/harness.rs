//! The appliance on a free port with a data directory of its own, and clients typed by who they are.
//!
//! Every request takes a connection of its own, so that a stop never waits for an idle one.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::LazyLock;

use pitlane::config::Serve;
use pitlane::domain::{Name, TokenScope};
use pitlane::service::Actor;
use pitlane::service::access::tokens::{self, TokenRequest};
use pitlane::store::Store;
use reqwest::Method;
use reqwest::blocking::RequestBuilder;
use reqwest::header::HeaderMap;
use tempfile::TempDir;

use crate::serving::Serving;
pub(crate) use crate::serving::defaults;

/// A running appliance.
pub(crate) struct App {
    pub(crate) store: Store,
    // Before the directory, so that it has stopped when that goes.
    serving: Serving,
    dir: TempDir,
}

/// Starts on an empty data directory.
pub(crate) fn spawn_app() -> App {
    spawn_on(tempfile::tempdir().unwrap(), defaults())
}

/// Starts on what `dir` holds.
pub(crate) fn spawn_on(dir: TempDir, config: Serve) -> App {
    let store = Store::open(dir.path()).unwrap();
    App { serving: Serving::start(store.clone(), config), store, dir }
}

impl App {
    pub(crate) fn anonymous(&self) -> Anonymous {
        Anonymous { origin: self.serving.origin.clone() }
    }

    /// A client with a new token.
    pub(crate) fn token(&self, advertiser: &str, scope: TokenScope) -> Token {
        self.token_until(advertiser, scope, None)
    }

    /// A client with a new token that expires.
    pub(crate) fn token_until(
        &self,
        advertiser: &str,
        scope: TokenScope,
        expires_at: Option<chrono::DateTime<chrono::Utc>>,
    ) -> Token {
        let request = TokenRequest {
            advertiser: advertiser.to_owned(),
            name: Name::parse("name", "a test").unwrap(),
            scope,
            expires_at,
        };
        let issued = tokens::issue(&self.store, &request, &Actor::command_line(), chrono::Utc::now()).unwrap();
        self.bearer(issued.reveal())
    }

    /// A client that sends this text as its token, whatever it is.
    pub(crate) fn bearer(&self, token: &str) -> Token {
        Token { anonymous: self.anonymous(), token: token.to_owned() }
    }

    /// Finishes what is under way and writes the poll history.
    pub(crate) fn stop(&mut self) {
        self.serving.stop().unwrap();
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Sends the head of a request and no body; everything that comes back until the server closes.
    pub(crate) fn raw(&self, head: &str) -> String {
        let mut stream = std::net::TcpStream::connect(self.serving.origin.trim_start_matches("http://")).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut said = Vec::new();
        stream.read_to_end(&mut said).unwrap();
        String::from_utf8_lossy(&said).into_owned()
    }

    /// A connection beside the server's own, for what no service does.
    pub(crate) fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.store.path()).unwrap()
    }
}

/// The one column of a query.
pub(crate) fn column<T: rusqlite::types::FromSql>(conn: &rusqlite::Connection, sql: &str) -> Vec<T> {
    let mut statement = conn.prepare(sql).unwrap();
    statement.query_map((), |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    /// The one value of a header; fails on a header that comes twice.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?;
        assert!(values.next().is_none(), "{name} came more than once");
        Some(value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The body with what is new in every answer cut out, once that was seen to have the right form.
    pub(crate) fn redacted(&self) -> String {
        let redacted = cut(self.text(), "\"responseId\":\"", "[id]", |id| {
            uuid::Uuid::try_parse(id).is_ok_and(|uuid| uuid.get_version_num() == 4 && uuid.to_string() == id)
        });
        let redacted = cut(&redacted, "\"importId\":\"", "[import]", |id| uuid::Uuid::try_parse(id).is_ok());
        cut(&redacted, "\"generatedAt\":\"", "[now]", |moment| {
            moment.len() == 24 && chrono::NaiveDateTime::parse_from_str(moment, "%Y-%m-%dT%H:%M:%S%.3fZ").is_ok()
        })
    }
}

/// `text` with the string that follows `key` replaced.
fn cut(text: &str, key: &str, mark: &str, right: impl Fn(&str) -> bool) -> String {
    let Some((before, rest)) = text.split_once(key) else { return text.to_owned() };
    let (value, after) = rest.split_once('"').unwrap();
    assert!(right(value), "{key}{value} has the wrong form");
    format!("{before}{key}{mark}\"{after}")
}

static HTTP: LazyLock<reqwest::blocking::Client> = LazyLock::new(|| {
    reqwest::blocking::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(0)
        .user_agent("pitlane-tests/1")
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
});

/// Sends it and takes all of the answer.
pub(crate) fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, body: response.bytes().unwrap().to_vec() }
}

/// Somebody who asks.
pub(crate) trait Client {
    fn request(&self, method: Method, path: &str) -> RequestBuilder;

    fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path))
    }

    fn head(&self, path: &str) -> Answer {
        answer(self.request(Method::HEAD, path))
    }

    /// `GET` with one more header.
    fn get_with(&self, path: &str, name: &str, value: &str) -> Answer {
        answer(self.request(Method::GET, path).header(name, value))
    }

    fn post(&self, path: &str, content_type: &str, body: impl Into<String>) -> Answer
    where
        Self: Sized,
    {
        answer(self.request(Method::POST, path).header("Content-Type", content_type).body(body.into()))
    }
}

/// Somebody without a token.
pub(crate) struct Anonymous {
    origin: String,
}

/// Somebody with a token.
pub(crate) struct Token {
    anonymous: Anonymous,
    pub(crate) token: String,
}

impl Anonymous {
    /// Somebody who knows only an address, such as the one a program printed.
    pub(crate) fn at(origin: &str) -> Self {
        Self { origin: origin.to_owned() }
    }

    /// The same with a token.
    pub(crate) fn with(self, token: &str) -> Token {
        Token { anonymous: self, token: token.to_owned() }
    }
}

impl Client for Anonymous {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        HTTP.request(method, format!("{}{path}", self.origin))
    }
}

impl Token {
    /// The public half.
    pub(crate) fn id(&self) -> &str {
        &self.token[4..20]
    }
}

impl Client for Token {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous.request(method, path).header("Authorization", format!("ApiToken {}", self.token))
    }
}
