//! A server on a free port with its own data directory, and its clients.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use pitlane::config::Serve;
use pitlane::domain::{Name, TokenScope};
use pitlane::service::Actor;
use pitlane::service::access::tokens::{self, TokenRequest};
use pitlane::store::Store;
use tempfile::TempDir;

pub(crate) use crate::common::http::{Answer, Client, answer};
use crate::serving::Serving;
pub(crate) use crate::serving::defaults;

pub(crate) struct App {
    pub(crate) store: Store,
    // Declared before the directory, so that it is stopped before the directory is deleted.
    serving: Serving,
    dir: TempDir,
}

/// Starts on an empty data directory.
pub(crate) fn spawn_app() -> App {
    spawn_on(tempfile::tempdir().unwrap(), defaults())
}

/// Starts on an existing directory.
pub(crate) fn spawn_on(dir: TempDir, config: Serve) -> App {
    let store = Store::open(dir.path()).unwrap();
    App { serving: Serving::start(store.clone(), config), store, dir }
}

impl App {
    pub(crate) fn anonymous(&self) -> Client {
        Client::at(&self.serving.origin)
    }

    /// A client with a new token.
    pub(crate) fn token(&self, advertiser: &str, scope: TokenScope) -> Client {
        self.token_until(advertiser, scope, None)
    }

    /// A client with a new token that expires.
    pub(crate) fn token_until(
        &self,
        advertiser: &str,
        scope: TokenScope,
        expires_at: Option<chrono::DateTime<chrono::Utc>>,
    ) -> Client {
        let request = TokenRequest {
            advertiser: advertiser.to_owned(),
            name: Name::parse("name", "a test").unwrap(),
            scope,
            expires_at,
            reader: pitlane::domain::TokenReader::Singular,
        };
        let issued = tokens::issue(&self.store, &request, &Actor::command_line(), chrono::Utc::now()).unwrap();
        self.bearer(issued.reveal())
    }

    /// A client that sends this text as its token.
    pub(crate) fn bearer(&self, token: &str) -> Client {
        self.anonymous().with(token)
    }

    /// Finishes open requests and writes the poll history.
    pub(crate) fn stop(&mut self) {
        self.serving.stop().unwrap();
    }

    /// The data directory, once the server has stopped.
    pub(crate) fn into_dir(self) -> TempDir {
        self.dir
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Sends the head of a request without a body; returns everything until the server closes.
    pub(crate) fn raw(&self, head: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(head.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut said = Vec::new();
        stream.read_to_end(&mut said).unwrap();
        String::from_utf8_lossy(&said).into_owned()
    }

    /// A new connection.
    pub(crate) fn connect(&self) -> TcpStream {
        TcpStream::connect(self.serving.origin.trim_start_matches("http://")).unwrap()
    }

    /// A database connection of the test, for what no service does.
    pub(crate) fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.store.path()).unwrap()
    }
}

/// The first column of a query.
pub(crate) fn column<T: rusqlite::types::FromSql>(conn: &rusqlite::Connection, sql: &str) -> Vec<T> {
    let mut statement = conn.prepare(sql).unwrap();
    statement.query_map((), |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}
