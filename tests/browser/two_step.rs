//! Two-step log-in, from its set-up to the loss of the phone; and its secrets are in no file.

use std::time::Duration;

use pitlane::domain::Role;
use pitlane::service::Actor;
use pitlane::service::access::admins::{self, Password};
use secrecy::ExposeSecret as _;
use thirtyfour::By;

use crate::harness::{Answer, App, Browser, EMAIL, PASSWORD, Person, run, spawn_app};
use crate::log;

const PAGE: &str = "/admin/settings/two-step";

/// The code that a phone with this secret shows `steps` steps from now.
pub(crate) fn code(secret: &str, steps: i64) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    let phone = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    let then = chrono::Utc::now().timestamp() + 30 * steps;
    phone.generate(then.try_into().unwrap()).to_string()
}

fn hidden(page: &Answer, name: &str) -> String {
    let (_, rest) = page.text().split_once(&format!("name=\"{name}\" value=\"")).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

fn recovery_codes(page: &Answer) -> Vec<String> {
    page.text().split("<li><code>").skip(1).map(|part| part.split('<').next().unwrap().to_owned()).collect()
}

/// Turns it on in the first half of a code's 30 seconds, so that the test's next steps are within the same code. Returns the
/// phone's secret and the recovery codes.
fn set_up(ada: &mut Person) -> (String, Vec<String>) {
    let into = chrono::Utc::now().timestamp() % 30;
    if into > 15 {
        std::thread::sleep(Duration::from_secs((30 - into).cast_unsigned()));
    }
    let page = ada.get(PAGE);
    let secret = hidden(&page, "secret");
    let codes = codes_once(ada, &page, &[("code", &code(&secret, 0)), ("password", PASSWORD)]);
    (secret, codes)
}

/// Sends the form twice, as by a double click: both lead to the one page with the codes, which is shown once.
fn codes_once(ada: &mut Person, page: &Answer, fields: &[(&str, &str)]) -> Vec<String> {
    let (done, again) = (ada.submit(page, fields), ada.submit(page, fields));
    assert_eq!((done.status, again.location()), (303, done.location()), "{}", done.text());
    let to = done.location().unwrap();
    let codes = recovery_codes(&ada.get(to));
    assert_eq!(codes.len(), 10);
    let reloaded = ada.get(to);
    assert!(reloaded.status == 410 && recovery_codes(&reloaded).is_empty(), "{}", reloaded.text());
    codes
}

/// Lets time pass for the codes.
fn later(app: &App) {
    app.database().execute("update two_step set last_step = 0", ()).unwrap();
}

/// Logs in up to the question for the code.
fn half_way(app: &App, password: &str) -> Person {
    let mut ada = app.stranger();
    let asked = ada.log_in(EMAIL, password);
    assert_eq!((asked.status, asked.location()), (303, Some("/admin/login/code?next=")), "{}", asked.text());
    assert_eq!(ada.get("/admin/").status, 303, "the password alone opened a page");
    assert_eq!(ada.get("/admin/login/code").status, 200);
    ada
}

fn enter(ada: &mut Person, code: &str) -> Answer {
    ada.post("/admin/login/code", &[("code", code)])
}

#[test]
fn with_it_on_a_password_alone_opens_nothing_and_each_code_works_once() {
    let app = spawn_app();
    let mut ada = app.person(EMAIL, Role::Viewer);
    let (secret, _) = set_up(&mut ada);
    assert!(ada.get("/admin/settings").text().contains("10 recovery codes"));
    let mut used = half_way(&app, PASSWORD);
    let wrong = enter(&mut used, &code(&secret, 0));
    assert_eq!(wrong.status, 422, "the code of the set-up worked again");
    assert!(wrong.text().contains("This code is wrong or was used already"), "{}", wrong.text());
    for far in [-3, 3] {
        assert_eq!(enter(&mut used, &code(&secret, far)).status, 422, "{far} steps away");
    }
    let welcome = enter(&mut used, &code(&secret, 1));
    assert_eq!((welcome.status, welcome.location()), (303, Some("/admin/")), "{}", welcome.text());
    assert_eq!(used.get("/admin/").status, 200);
    assert!(!used.cookies.contains_key("pitlane_half_way"));
    assert_eq!(enter(&mut half_way(&app, PASSWORD), &code(&secret, 1)).status, 422, "a code worked twice");
}

#[test]
fn while_somebody_holds_the_write_lock_a_code_works_at_once_and_once() {
    let app = spawn_app();
    let (secret, recovery) = set_up(&mut app.person(EMAIL, Role::Viewer));
    later(&app);
    let database = app.database();
    database.execute_batch("begin immediate").unwrap();
    let since = std::time::Instant::now();
    for code in [&code(&secret, 0), &recovery[0]] {
        let mut ada = half_way(&app, PASSWORD);
        let welcome = enter(&mut ada, code);
        assert_eq!((welcome.status, welcome.location()), (303, Some("/admin/")), "{}", welcome.text());
        assert_eq!(ada.get("/admin/").status, 200);
    }
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    assert_eq!(enter(&mut half_way(&app, PASSWORD), &recovery[0]).status, 422, "a code worked twice");
    database.execute_batch("rollback").unwrap();
    assert_eq!(enter(&mut half_way(&app, PASSWORD), &code(&secret, 0)).status, 422, "a code worked twice");
}

#[test]
fn a_set_up_without_the_right_code_or_password_changes_nothing() {
    let app = spawn_app();
    let mut ada = app.person(EMAIL, Role::Admin);
    let page = ada.get(PAGE);
    let secret = hidden(&page, "secret");
    assert!(
        page.text().contains(&format!("otpauth://totp/Pitlane:ada%40example.com?secret={secret}")),
        "{}",
        page.text()
    );
    assert!(page.text().contains("<svg class=\"qr\""));
    let right = code(&secret, 0);
    for (code, password, words) in
        [("000000", PASSWORD, "This code is wrong"), (right.as_str(), "not her password", "This is not your password")]
    {
        let refused = ada.post(PAGE, &[("secret", &secret), ("code", code), ("password", password)]);
        assert!(refused.status == 422 && refused.text().contains(words), "{}", refused.text());
        assert_eq!(hidden(&refused, "secret"), secret, "the phone would have to scan again");
    }
    assert_eq!(ada.post(PAGE, &[("secret", "AAAA"), ("code", &right), ("password", PASSWORD)]).status, 303);
    assert_eq!(app.stranger().log_in(EMAIL, PASSWORD).location(), Some("/admin/"));
}

#[test]
fn recovery_codes_work_once_each_and_new_ones_end_the_old() {
    let app = spawn_app();
    let mut ada = app.person(EMAIL, Role::Admin);
    let (secret, codes) = set_up(&mut ada);
    let typed = codes[0].to_uppercase().replace('-', " ");
    assert_eq!(enter(&mut half_way(&app, PASSWORD), &typed).status, 303);
    assert_eq!(enter(&mut half_way(&app, PASSWORD), &codes[0]).status, 422, "a recovery code worked twice");
    assert!(ada.get("/admin/settings").text().contains("9 recovery codes"));
    let asked = ada.get(&format!("{PAGE}/codes"));
    let refused = ada.submit(&asked, &[("password", PASSWORD), ("code", "123456")]);
    assert_eq!(refused.status, 422);
    later(&app);
    let fresh = codes_once(&mut ada, &refused, &[("password", PASSWORD), ("code", &code(&secret, 0))]);
    assert_eq!(enter(&mut half_way(&app, PASSWORD), &codes[1]).status, 422, "an old recovery code still works");
    assert_eq!(enter(&mut half_way(&app, PASSWORD), &fresh[1]).status, 303);
}

#[test]
fn turning_it_off_wants_password_and_code() {
    let app = spawn_app();
    let mut ada = app.person(EMAIL, Role::Admin);
    let (_, codes) = set_up(&mut ada);
    let off = format!("{PAGE}/off");
    ada.get(&off);
    for fields in [[("password", PASSWORD), ("code", "")], [("password", "not her password"), ("code", &codes[0])]] {
        assert_eq!(ada.post(&off, &fields).status, 422);
    }
    assert_eq!(ada.post(&off, &[("password", PASSWORD), ("code", &codes[0])]).status, 303);
    assert_eq!(app.stranger().log_in(EMAIL, PASSWORD).location(), Some("/admin/"));
    let left: i64 = app.database().query_row("select count(*) from recovery_codes", (), |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
}

#[test]
fn a_new_password_keeps_the_phone_and_ends_who_was_half_way() {
    let app = spawn_app();
    let mut ada = app.person(EMAIL, Role::Admin);
    let (secret, codes) = set_up(&mut ada);
    let mut thief = half_way(&app, PASSWORD);
    let new = "another sentence";
    ada.get("/admin/settings");
    let fields = [("password", PASSWORD), ("new_password", new), ("again", new)];
    assert_eq!(ada.post("/admin/settings/password", &fields).status, 303);
    later(&app);
    assert_eq!(enter(&mut thief, &code(&secret, 0)).status, 422, "what the old password opened still opens");
    assert_eq!(enter(&mut thief, &codes[0]).status, 422, "what the old password opened still opens");
    assert_eq!(enter(&mut half_way(&app, new), &code(&secret, 0)).status, 303);
}

#[test]
fn a_reset_password_turns_it_off() {
    let app = spawn_app();
    let mut ada = app.person(EMAIL, Role::Admin);
    set_up(&mut ada);
    let (email, new) = (EMAIL.parse().unwrap(), Password::parse("another sentence").unwrap());
    assert!(admins::reset_password(&app.store, &email, &new, &Actor::command_line()).unwrap());
    assert_eq!(app.stranger().log_in(EMAIL, "another sentence").location(), Some("/admin/"));
}

#[test]
fn a_code_taken_while_the_clock_ran_ahead_keeps_no_right_one_out() {
    let app = spawn_app();
    let mut ada = app.person(EMAIL, Role::Admin);
    let (secret, _) = set_up(&mut ada);
    app.database().execute("update two_step set last_step = last_step + 240", ()).unwrap();
    let now = code(&secret, 0);
    assert_eq!(enter(&mut half_way(&app, PASSWORD), &now).status, 303);
    assert_eq!(enter(&mut half_way(&app, PASSWORD), &now).status, 422, "a code worked twice");
}

#[test]
fn wrong_codes_are_held_off_like_wrong_passwords_also_with_the_password_in_between() {
    let app = spawn_app();
    let mut ada = app.person(EMAIL, Role::Admin);
    let (_, codes) = set_up(&mut ada);
    let mut looked_at = 0;
    for last in 0..20 {
        let mut thief = app.stranger();
        thief.from = Some(format!("198.51.100.{last}"));
        thief.log_in(EMAIL, PASSWORD);
        thief.get("/admin/login/code");
        looked_at += usize::from(enter(&mut thief, "000000").text().contains("This code is wrong"));
    }
    assert!((5..=8).contains(&looked_at), "{looked_at} of 20 codes were looked at");
    let refused = "select count(*) from audit_log where subject = 'wrong code'";
    app.wait_for(|database| {
        database.query_row(refused, (), |row| row.get::<_, i64>(0)) == Ok(i64::try_from(looked_at).unwrap())
    });
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let mut ada = app.stranger();
        if ada.log_in(EMAIL, PASSWORD).status == 303 {
            ada.get("/admin/login/code");
            if enter(&mut ada, &codes[0]).status == 303 {
                break;
            }
        }
        assert!(std::time::Instant::now() < deadline, "still held");
    }
}

#[test]
fn nobody_comes_to_the_code_without_a_password() {
    let app = spawn_app();
    let mut ada = app.person(EMAIL, Role::Admin);
    let (_, codes) = set_up(&mut ada);
    let mut mallory = app.stranger();
    assert_eq!(mallory.get("/admin/login/code").location(), Some("/admin/login"));
    mallory.get("/admin/login");
    let refused = enter(&mut mallory, &codes[0]);
    assert!(refused.status == 422 && refused.text().contains("Start again with your password"), "{}", refused.text());
    let mut stolen = half_way(&app, PASSWORD);
    let handle = stolen.cookies["pitlane_half_way"].clone();
    let other = if handle.ends_with('0') { '1' } else { '0' };
    stolen.cookies.insert("pitlane_half_way".to_owned(), format!("{}{other}", &handle[..63]));
    assert_eq!(enter(&mut stolen, &codes[1]).status, 422);
}

#[test]
fn its_secrets_are_in_no_file_backup_or_log() {
    log::keep();
    let app = spawn_app();
    let mut ada = app.person(EMAIL, Role::Admin);
    let (secret, codes) = set_up(&mut ada);
    let mut again = half_way(&app, PASSWORD);
    let handle = again.cookies["pitlane_half_way"].clone();
    enter(&mut again, "000000");
    assert_eq!(enter(&mut again, &codes[0]).status, 303);
    let (link, _) = admins::create_setup_secret(&app.store, &Actor::command_line()).unwrap();
    let path = app.dir.path().join("kept.db");
    app.store.backup(&path, &|| true).unwrap();
    let bytes = totp_rs::Secret::try_from_base32(&secret).unwrap().as_bytes().to_vec();
    let mut wanted = vec![secret.into_bytes(), bytes, handle.into_bytes(), link.expose_secret().as_bytes().to_vec()];
    wanted.extend(codes.iter().flat_map(|code| [code.clone().into_bytes(), code.replace('-', "").into_bytes()]));
    let mut places: Vec<_> = std::fs::read_dir(app.dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (path.display().to_string(), std::fs::read(path).unwrap()))
        .collect();
    assert!(places.iter().any(|(path, bytes)| path.ends_with("kept.db") && bytes.len() > 10_000));
    let said = log::lines();
    assert!(said.contains("a log-in was refused"), "nothing was logged");
    places.push(("the log".to_owned(), said.into_bytes()));
    // A character for each byte: searching text is fast, also in a build for tests.
    let text = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
    for (place, bytes) in places {
        let bytes = text(&bytes);
        for secret in &wanted {
            assert!(!bytes.contains(&text(secret)), "{place} holds a secret");
        }
    }
}

#[test]
fn a_person_sets_it_up_and_logs_in_with_it() {
    run(async {
        let app = spawn_app();
        app.admit(EMAIL, Role::Admin);
        let browser = Browser::open(&app, true).await;
        browser.log_in(EMAIL).await;
        browser.go("/admin/settings").await;
        browser.follow("Set up two-step log-in").await;
        let secret = browser.text(".secret").await;
        let size = browser.driver.find(By::Css("svg.qr")).await.unwrap().rect().await.unwrap();
        assert!(size.width > 150.0 && size.width < 260.0, "{size:?}");
        browser.fill("code", &code(&secret, 0)).await;
        browser.fill("password", PASSWORD).await;
        browser.press("Turn two-step log-in on").await;
        browser.sees("Keep these recovery codes").await;
        browser.go("/admin/settings").await;
        browser.leave_by("//header//button[normalize-space()='Log out']").await;
        browser.log_in(EMAIL).await;
        browser.sees("Enter your code").await;
        browser.fill("code", &code(&secret, 1)).await;
        browser.press("Log in").await;
        assert_eq!(browser.path().await, "/admin/");
        browser.close().await;
    });
}
