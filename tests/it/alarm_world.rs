//! A mail server, a webhook receiver, and a program whose clock a test sets.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;

use crate::common::http::{Client, Person};
use crate::common::program::{Ended, Program, Server, run_on};
use crate::common::shim::Clock;
use crate::fixtures::{SINGULAR_JSON, ranged};

/// Longer than all pauses of a test together.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);
pub(crate) const PASSWORD: &str = "mail-password-of-ada";

/// A mail server with a log-in, over STARTTLS or TLS from the first byte, and the e-mails it received.
pub(crate) struct MailServer {
    process: Child,
    scheme: &'static str,
    port: u64,
    pub(crate) mails: Receiver<Value>,
}

impl MailServer {
    pub(crate) fn start(program: &Program, scheme: &'static str) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
        let [certificate, key] =
            [program.file("mail.pem", certificate.pem()), program.file("mail.key", key.serialize_pem())];
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/smtp.py");
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-W", "ignore", script, &certificate, &key, "ada", PASSWORD, scheme]);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines.next().unwrap().unwrap().parse().unwrap();
        let (sender, mails) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                drop(sender.send(serde_json::from_str(&line).unwrap()));
            }
        });
        Self { process, scheme, port, mails }
    }

    pub(crate) fn flags(&self, program: &Program) -> Vec<String> {
        let url = format!("{}://ada@127.0.0.1:{}", self.scheme, self.port);
        let root = program.arg("mail.pem");
        let flags = ["--smtp", &url, "--smtp-root", &root, "--alarm-from", "pitlane@example.com", "--alarm-to"];
        flags.into_iter().chain(["ops@example.com,boss@example.com"]).map(str::to_owned).collect()
    }

    /// The subject of the next e-mail, after checking its form.
    #[track_caller]
    pub(crate) fn next(&self) -> String {
        let mail = self.mails.recv_timeout(PATIENCE).unwrap();
        assert_eq!((&mail["tls"], &mail["authenticated"]), (&Value::Bool(true), &Value::Bool(true)), "{mail}");
        assert_eq!(mail["from"], "pitlane@example.com");
        assert_eq!(mail["to"], serde_json::json!(["ops@example.com", "boss@example.com"]));
        let subject = mail["subject"].as_str().unwrap().strip_prefix("Pitlane: ").unwrap().to_owned();
        assert!(mail["body"].as_str().unwrap().starts_with(&subject), "{mail}");
        subject
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Reads a request: its method, its path, and its body.
fn read_request(stream: &mut BufReader<TcpStream>) -> (String, String, Vec<u8>) {
    let (mut first, mut length) = (String::new(), 0);
    stream.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    let mut words = first.split(' ').map(str::to_owned);
    (words.next().unwrap(), words.next().unwrap(), body)
}

/// Answers a request without a body, with these headers of its own.
fn answer(stream: &mut BufReader<TcpStream>, status: &str, headers: &str) {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n");
    std::io::Write::write_all(stream.get_mut(), head.as_bytes()).unwrap();
}

/// Receives posts: whether each was refused, and its body. The first `failures` get a 500.
pub(crate) fn receiver(failures: usize) -> (String, Receiver<(bool, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook/secret-path", listener.local_addr().unwrap());
    let (sender, posts) = channel();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = BufReader::new(stream.unwrap());
            let (_, path, body) = read_request(&mut stream);
            let is_refused = number < failures;
            answer(&mut stream, if is_refused { "500 Internal Server Error" } else { "204 No Content" }, "");
            let mut post: Value = serde_json::from_slice(&body).unwrap();
            post["path"] = path.into();
            if sender.send((is_refused, post)).is_err() {
                return;
            }
        }
    });
    (url, posts)
}

/// Answers each request with a redirect of the status to `location`, and tells the methods of the requests.
pub(crate) fn redirector(status: u16, location: String) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook/secret-path", listener.local_addr().unwrap());
    let (sender, methods) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (method, ..) = read_request(&mut stream);
            answer(&mut stream, &format!("{status} Moved"), &format!("Location: {location}\r\n"));
            if sender.send(method).is_err() {
                return;
            }
        }
    });
    (url, methods)
}

/// The event and first line of the next post, and whether it was refused.
#[track_caller]
pub(crate) fn next(posts: &Receiver<(bool, Value)>) -> (bool, String, String) {
    let (is_refused, post) = posts.recv_timeout(PATIENCE).unwrap();
    let told = &post["pitlane"];
    let said = format!("Pitlane: {}", told["message"].as_str().unwrap());
    assert_eq!((post["text"].as_str(), post["content"].as_str()), (Some(&*said), Some(&*said)), "{post}");
    let [event, subject] = ["event", "subject"].map(|name| told[name].as_str().unwrap().to_owned());
    (is_refused, event, subject)
}

/// The advertiser Acme, Singular's connector, a reader of e-mails and posts, and the clock of all of them.
pub(crate) struct World {
    // Declared before the directory, so that it has ended before the directory is deleted.
    server: Option<Server>,
    pub(crate) program: Program,
    pub(crate) clock: Clock,
    mail: MailServer,
    posts: Receiver<(bool, Value)>,
    flags: Vec<String>,
    token: String,
}

impl World {
    /// At noon of 1 March 2027, with a running server and only the advertiser in the catalogue.
    pub(crate) fn new(extra: &[&str]) -> Self {
        let program = Program::new();
        let now = "2027-03-01T12:00:00Z".parse().unwrap();
        let clock = Clock::at(program.root(), now);
        let mail = MailServer::start(&program, "smtp");
        let (url, posts) = receiver(0);
        let mut flags = mail.flags(&program);
        flags.extend(["--alarm-webhook".to_owned(), url]);
        flags.extend(extra.iter().map(|flag| (*flag).to_owned()));
        if !extra.contains(&"--backup-at") {
            flags.extend(["--backup-at", "off"].map(str::to_owned));
        }
        let mut world = Self { server: None, program, clock, mail, posts, flags, token: String::new() };
        world.ok(&["advertiser", "create", "--name", "Acme"]);
        world.token = world.create_token("Singular", &[]);
        let create = ["admin", "create", "--email", "ada@example.com", "--password-stdin"];
        world.run_on("a long enough password", &create).done();
        world.start();
        world
    }

    pub(crate) fn start(&mut self) {
        self.start_with(&[]);
    }

    fn start_with(&mut self, global: &[&str]) {
        let mut command = self.program.command(&[global, &["serve"]].concat());
        command.args(&self.flags).env("PITLANE_SMTP_PASSWORD", PASSWORD);
        self.clock.wind(&mut command);
        self.server = Some(Server::start(command).unwrap());
    }

    /// Stops or kills the server, and starts it again.
    pub(crate) fn restart(&mut self, kill: bool) {
        let mut server = self.server.take().unwrap();
        if kill {
            // A notice that is being sent during a kill may come twice.
            self.wait_for("select count(*) = 0 from alarm_notices");
            server.kill();
        } else {
            assert_eq!(server.stop().code, Some(0));
        }
        self.start();
    }

    /// Stops the server and starts it again with these global flags.
    pub(crate) fn restart_with(&mut self, global: &[&str]) {
        assert_eq!(self.server.take().unwrap().stop().code, Some(0));
        self.start_with(global);
    }

    /// Waits until the database has it.
    fn wait_for(&self, sql: &str) {
        let database = rusqlite::Connection::open(self.program.data().join("pitlane.db")).unwrap();
        let since = std::time::Instant::now();
        while !database.query_row(sql, (), |row| row.get::<_, bool>(0)).unwrap() {
            assert!(since.elapsed() < PATIENCE, "{sql}");
            std::thread::yield_now();
        }
    }

    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// Runs a command with the same clock.
    pub(crate) fn run_on(&self, stdin: &str, args: &[&str]) -> Ended {
        let mut command = self.program.command(args);
        self.clock.wind(&mut command);
        run_on(command, stdin)
    }

    #[track_caller]
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        self.run_on("", args).done()
    }

    pub(crate) fn create_token(&self, name: &str, more: &[&str]) -> String {
        let args = [&["token", "create", "--advertiser", "Acme", "--name", name], more].concat();
        self.ok(&args).trim().to_owned()
    }

    /// The day `days` days before the clock's.
    pub(crate) fn ago(&self, days: u64) -> NaiveDate {
        self.clock.now().date_naive() - Days::new(days)
    }

    pub(crate) fn advance(&mut self, hours: i64) {
        self.clock.advance(TimeDelta::hours(hours));
    }

    pub(crate) fn set(&mut self, now: &str) {
        self.clock.set(now.parse::<DateTime<Utc>>().unwrap());
    }

    /// Imports a cost for two campaigns on these days.
    pub(crate) fn state(&self, days: &[NaiveDate], cost: &str) {
        let mut text = "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n".to_owned();
        for day in days {
            for (campaign, offer) in [("Alpha", "First"), ("Beta", "Second")] {
                writeln!(text, "{day},{campaign},Lumen,1,{cost},{offer},Game,com.example.game,ANDROID").unwrap();
            }
        }
        let file = self.program.file("rows.csv", text);
        self.ok(&["import", &file, "--advertiser", "Acme", "--create-missing"]);
    }

    pub(crate) fn connector(&self) -> Client {
        self.server().anonymous().with(&self.token)
    }

    /// Polls these days, which must succeed, and waits until the ledger knows.
    pub(crate) fn poll(&self, from: NaiveDate, to: NaiveDate) {
        let batches = || -> i64 {
            let database = rusqlite::Connection::open(self.program.data().join("pitlane.db")).unwrap();
            database.query_row("select batches from epoch", (), |row| row.get(0)).unwrap()
        };
        let before = batches();
        let path = ranged(SINGULAR_JSON, &from.to_string(), &to.to_string());
        assert_eq!(self.connector().get(&path).status, 200);
        let since = std::time::Instant::now();
        while batches() == before {
            assert!(since.elapsed() < PATIENCE, "the poll was not written");
            std::thread::yield_now();
        }
    }

    /// The connector's daily poll.
    pub(crate) fn poll_daily(&self) {
        self.poll(self.ago(7), self.ago(0));
    }

    /// The output of `pitlane singular status`.
    pub(crate) fn status(&self) -> (Option<i32>, Value) {
        let ended = self.run_on("", &["--json", "singular", "status", "--advertiser", "Acme"]);
        let told: Value = serde_json::from_str(&ended.stdout).unwrap();
        (ended.code, told["advertisers"][0].clone())
    }

    /// The next notices by e-mail and webhook, which must be equal: events with subjects, in any order.
    #[track_caller]
    pub(crate) fn told(&self, expected: &[(&str, &str)]) {
        let mut mails = Vec::new();
        let mut posts = Vec::new();
        for _ in expected {
            mails.push(self.mail.next());
            let (is_refused, event, subject) = next(&self.posts);
            assert!(!is_refused);
            posts.push((event, subject));
        }
        assert_eq!(mails, posts.iter().map(|(_, subject)| subject.clone()).collect::<Vec<_>>());
        posts.sort();
        let mut expected: Vec<_> =
            expected.iter().map(|(event, subject)| ((*event).to_owned(), (*subject).to_owned())).collect();
        expected.sort();
        assert_eq!(posts, expected);
    }

    /// The event and subject of the next notice, by e-mail and webhook.
    #[track_caller]
    pub(crate) fn next(&self) -> (String, String) {
        let (is_refused, event, subject) = next(&self.posts);
        assert_eq!((is_refused, self.mail.next()), (false, subject.clone()));
        (event, subject)
    }

    /// No unexpected notice has arrived so far.
    pub(crate) fn is_quiet(&self) -> bool {
        self.mail.mails.try_recv().is_err() && self.posts.try_recv().is_err()
    }

    /// A person who has just logged in.
    pub(crate) fn person(&self) -> Person {
        let mut person = Person::at(&self.server().origin);
        assert_eq!(person.log_in("ada@example.com", "a long enough password").status, 303);
        person
    }
}
