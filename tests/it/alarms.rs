//! Alarms arrive in a real mail server (Debian: python3-aiosmtpd) and at a real HTTP receiver, each once.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;

use crate::common::http::Person;
use crate::common::program::{Program, Server, run_on};

/// Longer than all pauses of a test together.
const PATIENCE: Duration = Duration::from_mins(2);
const PASSWORD: &str = "mail-password-of-ada";

/// A mail server with STARTTLS and a log-in; what it took.
struct MailServer {
    process: Child,
    port: u64,
    mails: Receiver<Value>,
}

impl MailServer {
    fn start(program: &Program) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
        let [certificate, key] =
            [program.file("mail.pem", certificate.pem()), program.file("mail.key", key.serialize_pem())];
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/smtp.py");
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-W", "ignore", script, &certificate, &key, "ada", PASSWORD]);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines.next().unwrap().unwrap().parse().unwrap();
        let (sender, mails) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                drop(sender.send(serde_json::from_str(&line).unwrap()));
            }
        });
        Self { process, port, mails }
    }

    fn flags(&self, program: &Program) -> Vec<String> {
        let url = format!("smtp://ada@127.0.0.1:{}", self.port);
        let root = program.arg("mail.pem");
        let flags = ["--smtp", &url, "--smtp-root", &root, "--alarm-from", "pitlane@example.com", "--alarm-to"];
        flags.into_iter().chain(["ops@example.com,boss@example.com"]).map(str::to_owned).collect()
    }

    /// The subject of the next mail, which came as it should.
    #[track_caller]
    fn next(&self) -> String {
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

/// Takes posts: whether each was refused, and what it held. The first `failures` get a 500.
fn receiver(failures: usize) -> (String, Receiver<(bool, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook/secret-path", listener.local_addr().unwrap());
    let (sender, posts) = channel();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                let Some((name, value)) = line.trim_end().split_once(": ") else {
                    if line.trim_end().is_empty() {
                        break;
                    }
                    continue;
                };
                if name.eq_ignore_ascii_case("content-length") {
                    length = value.parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let is_refused = number < failures;
            let status = if is_refused { "500 Internal Server Error" } else { "204 No Content" };
            let close = "Content-Length: 0\r\nConnection: close";
            write!(stream.get_mut(), "HTTP/1.1 {status}\r\n{close}\r\n\r\n").unwrap();
            if sender.send((is_refused, serde_json::from_slice(&body).unwrap())).is_err() {
                return;
            }
        }
    });
    (url, posts)
}

/// The event and first line of the next post, and whether it was refused.
#[track_caller]
fn next(posts: &Receiver<(bool, Value)>) -> (bool, String, String) {
    let (is_refused, post) = posts.recv_timeout(PATIENCE).unwrap();
    let told = &post["pitlane"];
    let said = format!("Pitlane: {}", told["message"].as_str().unwrap());
    assert_eq!((post["text"].as_str(), post["content"].as_str()), (Some(&*said), Some(&*said)), "{post}");
    let [event, subject] = ["event", "subject"].map(|name| told[name].as_str().unwrap().to_owned());
    (is_refused, event, subject)
}

fn database(program: &Program) -> rusqlite::Connection {
    rusqlite::Connection::open(program.data().join("pitlane.db")).unwrap()
}

/// An advertiser with stats of yesterday and a token of Singular's.
fn advertiser(program: &Program, name: &str) {
    let yesterday = (Utc::now() - TimeDelta::days(1)).date_naive();
    let rows = format!(
        "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n\
         {yesterday},{name}_TEST,Lumen,1,1.5,{name},{name},com.example.{name},ANDROID\n"
    );
    let file = program.file("rows.csv", rows);
    program.ok(&["import", &file, "--advertiser", name, "--create-missing"]);
    program.ok(&["token", "create", "--advertiser", name, "--name", name]);
}

/// A good poll of Singular's, so many hours ago.
fn polled(program: &Program, name: &str, hours: i64) {
    let sql = "insert into polls (at, token_key, report, format, date_from, date_to, status, complete, rows, bytes,
            duration_us, address, user_agent)
        select ?2, token_key, 'singular', 'json', 20000, 20001, 200, 1, 1, 100, 1, '192.0.2.1', 'Singular'
        from api_tokens
        where name = ?1";
    let at = (Utc::now() - TimeDelta::hours(hours)).timestamp_millis();
    assert_eq!(database(program).execute(sql, (name, at)).unwrap(), 1);
}

fn serve(program: &Program, flags: &[String]) -> Server {
    let mut command = program.command(&["serve"]);
    Server::start({
        command.args(flags).env("PITLANE_SMTP_PASSWORD", PASSWORD);
        command
    })
    .unwrap()
}

#[test]
fn alarms_are_told_once_through_failures_kills_and_restarts() {
    let program = Program::new();
    advertiser(&program, "Acme");
    polled(&program, "Acme", 30);
    program.admit("ada@example.com", "a long enough password");
    let mail = MailServer::start(&program);
    let (url, posts) = receiver(3);
    let flags = [mail.flags(&program), vec!["--alarm-webhook".to_owned(), url]].concat();

    // It begins: the mail is out before the webhook is tried, which fails three times; the server is killed in between.
    let mut server = serve(&program, &flags);
    let begun = mail.next();
    assert!(begun.starts_with("Acme: ") && begun.contains("poll"), "{begun}");
    let opened = |is_refused| (is_refused, "opened".to_owned(), begun.clone());
    assert_eq!(next(&posts), opened(true));
    server.kill();
    let mut server = serve(&program, &flags);
    assert_eq!(next(&posts), opened(true));
    let mut person = Person::at(&server.origin);
    person.log_in("ada@example.com", "a long enough password");
    let started = Instant::now();
    loop {
        let home = person.get("/admin/").into_text();
        if home.contains("Alarms by webhook have not got through since") && home.contains("answered 500") {
            assert!(!home.contains("secret-path"), "{home}");
            break;
        }
        assert!(started.elapsed() < PATIENCE, "{home}");
    }
    assert_eq!(next(&posts), opened(true));
    assert_eq!(next(&posts), opened(false));

    // It lasts: a day later people are reminded.
    server.stop();
    let day = 25 * 3_600_000;
    assert_eq!(database(&program).execute("update alarms set told_at = told_at - ?1", [day]).unwrap(), 1);
    server = serve(&program, &flags);
    assert_eq!(mail.next(), format!("Still: {begun}"));
    assert_eq!(next(&posts), (false, "reminder".to_owned(), format!("Still: {begun}")));

    // The next start tells of what is new alone.
    server.stop();
    advertiser(&program, "Beta");
    polled(&program, "Beta", 30);
    server = serve(&program, &flags);
    let other = mail.next();
    assert!(other.starts_with("Beta: "), "{other}");
    assert_eq!(next(&posts), (false, "opened".to_owned(), other));

    // It is over: told once, with the words it began with.
    server.stop();
    polled(&program, "Acme", 0);
    server = serve(&program, &flags);
    assert_eq!(mail.next(), format!("Over: {begun}"));
    assert_eq!(next(&posts), (false, "over".to_owned(), format!("Over: {begun}")));
    assert_eq!(server.stop().code, Some(0));

    // Nothing more came, and nothing waits.
    assert!(mail.mails.try_recv().is_err() && posts.try_recv().is_err());
    let count = |table: &str| -> i64 {
        database(&program).query_row(&format!("select count(*) from {table}"), (), |row| row.get(0)).unwrap()
    };
    assert_eq!((count("alarm_notices"), count("alarms")), (0, 1));
}

#[test]
fn a_test_says_of_each_channel_whether_it_works() {
    let program = Program::new();
    let mail = MailServer::start(&program);
    let (url, posts) = receiver(1);
    let flags = [mail.flags(&program), vec!["--alarm-webhook".to_owned(), url]].concat();
    let test = |password: &str| {
        let mut command = program.command(&["alarm", "test"]);
        command.args(&flags).env("PITLANE_SMTP_PASSWORD", password);
        run_on(command, "")
    };
    let ended = test("wrong");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("mail: ") && ended.stdout.contains("535"), "{ended:?}");
    assert!(ended.stdout.contains("answered 500") && !ended.stdout.contains("secret-path"), "{ended:?}");
    assert_eq!(next(&posts).1, "test");
    assert_eq!(test(PASSWORD).done(), "mail: sent\nwebhook: sent\n");
    assert_eq!(mail.next(), "This is a test of Pitlane's alarms");
    assert!(mail.mails.try_recv().is_err());

    // The password never goes in a flag, and a mail user without one is told where it comes from.
    let refused = program.command(&["alarm", "test"]).args(&flags).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("PITLANE_SMTP_PASSWORD"));
    assert!(program.fails(&["alarm", "test"]).contains("no channel is set up"));
}
