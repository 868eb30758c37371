//! Alarms arrive at a real mail server (Debian: python3-aiosmtpd) and at a real HTTP receiver, each once.

use std::io::Write as _;
use std::net::TcpListener;
use std::time::Instant;

use chrono::{TimeDelta, Utc};

use crate::alarm_world::{MailServer, PASSWORD, PATIENCE, next, receiver, redirector};
use crate::common::http::Person;
use crate::common::program::{Program, Server, run_on};

fn database(program: &Program) -> rusqlite::Connection {
    rusqlite::Connection::open(program.data().join("pitlane.db")).unwrap()
}

/// An advertiser with stats of yesterday and a token for Singular.
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

/// An answered poll by Singular, this many hours ago.
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
    let mail = MailServer::start(&program, "smtp");
    let (url, posts) = receiver(3);
    let flags = [mail.flags(&program), vec!["--alarm-webhook".to_owned(), url]].concat();

    // It begins: the e-mail is sent before the webhook is tried, which fails three times; in between, the server is killed.
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
        if home.contains("Alarms by webhook could not be sent since") && home.contains("answered 500") {
            assert!(!home.contains("secret-path"), "{home}");
            let alarms = person.get("/admin/settings/alarms").into_text();
            assert!(alarms.contains("not yet by webhook") && !alarms.contains("not yet by e-mail"), "{alarms}");
            break;
        }
        assert!(started.elapsed() < PATIENCE, "{home}");
    }
    assert_eq!(next(&posts), opened(true));
    assert_eq!(next(&posts), opened(false));

    // It lasts: a reminder follows a day later.
    server.stop();
    let day = 25 * 3_600_000;
    assert_eq!(database(&program).execute("update alarms set told_at = told_at - ?1", [day]).unwrap(), 1);
    server = serve(&program, &flags);
    assert_eq!(mail.next(), format!("Still: {begun}"));
    assert_eq!(next(&posts), (false, "reminder".to_owned(), format!("Still: {begun}")));

    // The next start only reports what is new.
    server.stop();
    advertiser(&program, "Beta");
    polled(&program, "Beta", 30);
    server = serve(&program, &flags);
    let other = mail.next();
    assert!(other.starts_with("Beta: "), "{other}");
    assert_eq!(next(&posts), (false, "opened".to_owned(), other));

    // It is over: reported once, with the message it began with.
    server.stop();
    polled(&program, "Acme", 0);
    server = serve(&program, &flags);
    assert_eq!(mail.next(), format!("Over: {begun}"));
    assert_eq!(next(&posts), (false, "over".to_owned(), format!("Over: {begun}")));
    assert_eq!(server.stop().code, Some(0));

    // Nothing more arrived, and nothing is waiting.
    assert!(mail.mails.try_recv().is_err() && posts.try_recv().is_err());
    let count = |table: &str| -> i64 {
        database(&program).query_row(&format!("select count(*) from {table}"), (), |row| row.get(0)).unwrap()
    };
    assert_eq!((count("alarm_notices"), count("alarms")), (0, 1));
}

#[test]
fn a_test_says_of_each_channel_whether_it_works() {
    let program = Program::new();
    let mail = MailServer::start(&program, "smtp");
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

    // The password is never in a flag, and a mail user without one is told where to put it.
    let refused = program.command(&["alarm", "test"]).args(&flags).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("PITLANE_SMTP_PASSWORD"));
    assert!(program.fails(&["alarm", "test"]).contains("no channel is set up"));

    // What failed is told once.
    let nobody = [
        "alarm",
        "test",
        "--smtp",
        "smtp://127.0.0.1:9",
        "--alarm-from",
        "p@example.com",
        "--alarm-to",
        "a@example.com",
    ];
    let ended = program.run(&nobody);
    assert_eq!(ended.stdout.matches("Connection refused").count(), 1, "{ended:?}");
}

#[test]
fn mails_go_over_tls_from_the_first_byte_too() {
    let program = Program::new();
    let mail = MailServer::start(&program, "smtps");
    let mut command = program.command(&["alarm", "test"]);
    command.args(mail.flags(&program)).env("PITLANE_SMTP_PASSWORD", PASSWORD);
    assert_eq!(run_on(command, "").done(), "mail: sent\n");
    assert_eq!(mail.next(), "This is a test of Pitlane's alarms");
}

#[test]
fn a_mail_server_that_answers_without_end_keeps_no_webhook_waiting() {
    let program = Program::new();
    advertiser(&program, "Acme");
    polled(&program, "Acme", 30);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let smtp = format!("smtp://{}?tls=none", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            while stream.write_all(&[b'2'; 4096]).is_ok() {}
        }
    });
    let (url, posts) = receiver(0);
    let flags = ["--smtp", &smtp, "--alarm-from", "p@example.com", "--alarm-to", "a@example.com"];
    let server =
        serve(&program, &flags.into_iter().chain(["--alarm-webhook", &url]).map(str::to_owned).collect::<Vec<_>>());
    let (is_refused, event, subject) = next(&posts);
    assert_eq!((is_refused, &*event), (false, "opened"));
    assert!(subject.starts_with("Acme: "), "{subject}");
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn a_post_has_what_slack_mattermost_discord_and_ntfy_read() {
    let program = Program::new();
    let (url, posts) = receiver(0);
    let send = |url: &str| {
        program.ok(&["alarm", "test", "--alarm-webhook", url]);
        posts.recv_timeout(PATIENCE).unwrap().1
    };
    let said = "This is a test of Pitlane's alarms. Somebody at the command line asked for it. Nothing is wrong.";
    let post = send(&url);
    // Slack and Mattermost need `text`, Discord `content` of at most 2,000 characters.
    assert_eq!(post["text"], format!("Pitlane: {said}"));
    assert_eq!(post["content"], post["text"]);
    assert_eq!((&post["path"], &post["topic"]), (&"/hook/secret-path".into(), &serde_json::Value::Null));
    // ntfy needs its JSON at the root, with the topic in it (docs.ntfy.sh, "Publish as JSON").
    let ntfy = send(&format!("ntfy+{url}"));
    assert_eq!((&ntfy["path"], &ntfy["topic"]), (&"/hook/".into(), &"secret-path".into()));
    assert_eq!((&ntfy["title"], &ntfy["message"]), (&"Pitlane".into(), &said.into()));
}

#[test]
fn a_webhook_that_redirects_is_not_followed_and_not_sent() {
    let program = Program::new();
    for status in [301, 302, 303, 307, 308] {
        let (target, requests) = receiver(0);
        let host = target.strip_suffix("hook/secret-path").unwrap().to_owned();
        let (url, methods) = redirector(status, target);
        let ended = program.run(&["alarm", "test", "--alarm-webhook", &url]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let message = format!("answered {status} (Location {host}…). Redirects are not followed");
        assert!(ended.stdout.contains(&message) && ended.stdout.contains("enter the final address"), "{ended:?}");
        assert!(!ended.stdout.contains("secret-path") && !ended.stderr.contains("secret-path"), "{ended:?}");
        assert_eq!(methods.recv_timeout(PATIENCE).unwrap(), "POST");
        assert!(requests.try_recv().is_err(), "the target was asked");
    }
    let (url, _methods) = redirector(302, "/login".to_owned());
    let ended = program.run(&["alarm", "test", "--alarm-webhook", &url]);
    assert!(ended.stdout.contains("answered 302 (Location another path of the same host)"), "{ended:?}");
    let (url, _methods) = redirector(304, String::new());
    let ended = program.run(&["alarm", "test", "--alarm-webhook", &url]);
    assert!(ended.stdout.contains("answered 304 (no Location)"), "{ended:?}");
}
