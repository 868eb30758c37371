//! A server on a free port, people who use it over plain HTTP, and people who use a browser.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pitlane::config::Serve;
use pitlane::domain::{Email, Role};
use pitlane::service::Actor;
use pitlane::service::access::admins::{self, Password};
use pitlane::store::Store;
use secrecy::ExposeSecret as _;
use tempfile::TempDir;
use thirtyfour::prelude::*;

pub(crate) use crate::common::http::{Answer, Person};
use crate::serving::Serving;

pub(crate) const EMAIL: &str = "ada@example.com";
pub(crate) const PASSWORD: &str = "a sentence is easier";

/// The default flags of the server.
pub(crate) fn defaults() -> Serve {
    let proxy = "127.0.0.1".parse::<std::net::IpAddr>().unwrap().into();
    Serve { trusted_proxy: vec![proxy], report_cache: 1, rate_limit: 0, ..crate::serving::defaults() }
}

pub(crate) struct App {
    pub(crate) origin: String,
    pub(crate) store: Store,
    // Declared before the directory, so that it is stopped before the directory is deleted.
    serving: Serving,
    pub(crate) dir: TempDir,
}

pub(crate) fn spawn_app() -> App {
    spawn_with(defaults())
}

pub(crate) fn spawn_with(config: Serve) -> App {
    spawn_in(tempfile::tempdir().unwrap(), config)
}

/// On an existing data directory.
pub(crate) fn spawn_in(dir: TempDir, config: Serve) -> App {
    let store = Store::open(dir.path()).unwrap();
    let serving = Serving::start(store.clone(), config);
    App { origin: serving.origin.clone(), store, dir, serving }
}

impl App {
    /// Adds a person who may log in.
    pub(crate) fn admit(&self, email: &str, role: Role) {
        let (email, password): (Email, _) = (email.parse().unwrap(), Password::parse(PASSWORD).unwrap());
        admins::create(&self.store, &email, role, &password, &Actor::command_line()).unwrap();
    }

    pub(crate) fn stranger(&self) -> Person {
        Person::at(&self.origin)
    }

    /// Adds a person and logs them in.
    pub(crate) fn person(&self, email: &str, role: Role) -> Person {
        self.admit(email, role);
        self.logged_in(email)
    }

    pub(crate) fn logged_in(&self, email: &str) -> Person {
        let mut person = self.stranger();
        let answer = person.log_in(email, PASSWORD);
        assert_eq!((answer.status, answer.location()), (303, Some("/admin/")), "{}", answer.text());
        assert_eq!(person.get("/admin/").status, 200);
        person
    }

    /// The path of a new set-up link.
    pub(crate) fn setup_path(&self) -> String {
        let (secret, _) = admins::create_setup_secret(&self.store, &Actor::command_line()).unwrap();
        format!("/admin/setup/{}", secret.expose_secret())
    }

    /// Restarts the server on the same data directory.
    pub(crate) fn restart(self) -> Self {
        let Self { serving, dir, .. } = self;
        drop(serving);
        spawn_in(dir, defaults())
    }

    /// Waits until the database has it: some things are written a moment after their answer.
    pub(crate) fn wait_for(&self, mut said: impl FnMut(&rusqlite::Connection) -> bool) {
        let (database, deadline) = (self.database(), Instant::now() + Duration::from_secs(20));
        while !said(&database) {
            assert!(Instant::now() < deadline, "what was waited for did not come");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A database connection of the test, for what no service does.
    pub(crate) fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.store.path()).unwrap()
    }
}

/// Chromium and its driver, with an empty profile of its own.
pub(crate) struct Browser {
    pub(crate) driver: WebDriver,
    origin: String,
    process: Child,
    port: u16,
    _profile: TempDir,
}

impl Browser {
    pub(crate) async fn open(app: &App, scripts: bool) -> Self {
        let mut process =
            Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
        let port = said
            .find_map(|line| {
                line.split_once("successfully on port ").and_then(|(_, port)| port.trim_end_matches('.').parse().ok())
            })
            .unwrap();
        let profile = tempfile::tempdir().unwrap();
        let mut wanted = DesiredCapabilities::chrome();
        for flag in [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ] {
            wanted.add_arg(flag).unwrap();
        }
        wanted.add_arg(&format!("--user-data-dir={}", profile.path().display())).unwrap();
        if !scripts {
            let off = serde_json::json!({"profile.managed_default_content_settings.javascript": 2});
            wanted.add_experimental_option("prefs", off).unwrap();
        }
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), wanted).await.unwrap();
        Self { driver, origin: app.origin.clone(), process, port, _profile: profile }
    }

    pub(crate) async fn go(&self, path: &str) {
        self.driver.goto(format!("{}{path}", self.origin)).await.unwrap();
    }

    /// Enters a person's password.
    pub(crate) async fn log_in(&self, email: &str) {
        self.go("/admin/login").await;
        self.fill("email", email).await;
        self.fill("password", PASSWORD).await;
        self.press("Log in").await;
    }

    pub(crate) async fn path(&self) -> String {
        let url = self.driver.current_url().await.unwrap();
        url.path().to_owned()
    }

    /// Fills in a field of the page's form; choices are chosen by their label.
    pub(crate) async fn fill(&self, name: &str, text: &str) {
        let Ok(field) = self.driver.find(By::Css(format!("main [name={name}]"))).await else {
            panic!("no field {name} on {}:\n{}", self.path().await, self.text("body").await)
        };
        if field.tag_name().await.unwrap() == "select" {
            let path = format!("//main//select[@name='{name}']/option[starts-with(normalize-space(), '{text}')]");
            self.driver.find(By::XPath(path)).await.unwrap().click().await.unwrap();
            return;
        }
        field.clear().await.unwrap();
        if field.attr("type").await.unwrap().as_deref() == Some("date") {
            // A date field takes its parts in the order in which the browser shows them: month, day, year.
            let (year, rest) = text.split_once('-').unwrap();
            field.send_keys(format!("{}{year}", rest.replace('-', ""))).await.unwrap();
        } else {
            field.send_keys(text).await.unwrap();
        }
    }

    /// Presses the button with this text and waits for the next page.
    pub(crate) async fn press(&self, words: &str) {
        self.leave_by(&format!("//main//button[normalize-space()='{words}']")).await;
    }

    /// Follows the link with this text.
    pub(crate) async fn follow(&self, words: &str) {
        self.leave_by(&format!("//a[normalize-space()='{words}']")).await;
    }

    /// Clicks, and waits until another page has loaded: the old root element is gone and there is a new one with a body.
    pub(crate) async fn leave_by(&self, path: &str) {
        let old = self.driver.find(By::Css("html")).await.unwrap();
        self.driver.find(By::XPath(path)).await.unwrap().click().await.unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while old.tag_name().await.is_ok() || self.driver.find(By::Css("main")).await.is_err() {
            assert!(Instant::now() < deadline, "{path} led nowhere from {}", self.path().await);
        }
    }

    pub(crate) async fn text(&self, css: &str) -> String {
        self.driver.find(By::Css(css)).await.unwrap().text().await.unwrap()
    }

    pub(crate) async fn sees(&self, words: &str) {
        let text = self.text("body").await;
        assert!(text.contains(words), "{words:?} is not on {}:\n{text}", self.path().await);
    }

    pub(crate) async fn close(self) {
        self.driver.clone().quit().await.unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends its browser before itself, after a test that failed too; killed, it would leave the browser behind.
        let mut answer = Vec::new();
        if let Ok(mut driver) = TcpStream::connect(("127.0.0.1", self.port)) {
            drop(driver.write_all(b"GET /shutdown HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"));
            drop(driver.read_to_end(&mut answer));
        }
        drop(self.process.kill());
        drop(self.process.wait());
        // The session ended with its driver. Otherwise the client asks a driver that is gone to end it, for two minutes.
        drop(self.driver.clone().leak());
    }
}

/// Runs an async test with a browser.
pub(crate) fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// Counts what a person clicks and fills in.
pub(crate) struct Counted<'b> {
    pub(crate) browser: &'b Browser,
    pub(crate) clicks: u32,
    pub(crate) fields: u32,
}

impl<'b> Counted<'b> {
    pub(crate) fn new(browser: &'b Browser) -> Self {
        Self { browser, clicks: 0, fields: 0 }
    }

    pub(crate) async fn fill(&mut self, name: &str, text: &str) {
        self.fields += 1;
        self.browser.fill(name, text).await;
    }

    pub(crate) async fn press(&mut self, words: &str) {
        self.clicks += 1;
        self.browser.press(words).await;
    }

    pub(crate) async fn follow(&mut self, words: &str) {
        self.clicks += 1;
        self.browser.follow(words).await;
    }
}
