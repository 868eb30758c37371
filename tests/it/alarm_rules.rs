//! Every alarm rule through the program: the alarm opens, reminds once a day, and closes, whatever is restarted in between.

use chrono::{NaiveDate, TimeDelta};
use rcgen::{CertificateParams, KeyPair};

use crate::alarm_world::World;
use crate::fixtures::{SINGULAR_JSON, ranged};

/// Acme with stats of the last ten days, all of which Singular received.
fn polled(extra: &[&str]) -> World {
    let world = World::new(extra);
    world.state(&(1..=10).map(|back| world.ago(back)).collect::<Vec<_>>(), "1.5");
    world.poll(world.ago(90), world.ago(0));
    world
}

fn day(date: NaiveDate) -> String {
    date.format("%-d %b %Y").to_string()
}

#[test]
fn polling_that_stops_and_stats_that_are_missing_are_told_daily_until_they_come() {
    let mut world = polled(&[]);
    let yesterday = world.ago(1);
    // Until noon of the next day stats may still arrive.
    world.set("2027-03-02T11:59:00Z");
    world.restart(false);
    world.set("2027-03-02T12:00:30Z");
    let missing = format!("Acme: There are no stats for yesterday, {}.", day(world.ago(1)));
    assert_ne!(world.ago(1), yesterday);
    world.told(&[("opened", &missing)]);
    world.set("2027-03-02T15:02:00Z");
    let stopped = "Acme: Singular has stopped polling: the last poll was 27 hours ago.";
    world.told(&[("opened", stopped)]);
    // Neither a kill nor a restart forgets or repeats them.
    world.restart(true);
    world.restart(false);
    world.set("2027-03-03T12:03:00Z");
    let still = format!("Still: Acme: There are no stats for yesterday, {}.", day(world.ago(1)));
    world.told(&[("reminder", &still)]);
    world.set("2027-03-03T15:05:00Z");
    world.told(&[("reminder", "Still: Acme: Singular has stopped polling: the last poll was 2 days ago.")]);
    world.state(&[world.ago(1), world.ago(2)], "1.5");
    world.advance(1);
    let missing = format!("Over: Acme: There are no stats for yesterday, {}.", day(world.ago(1)));
    world.told(&[("over", &missing)]);
    world.poll_daily();
    world.advance(1);
    world.told(&[("over", "Over: Acme: Singular has stopped polling: the last poll was 2 days ago.")]);
    world.restart(false);
    assert!(world.is_quiet());
}

#[test]
fn the_hour_by_which_stats_must_be_there_is_chosen_on_a_page() {
    let mut world = polled(&[]);
    let mut ada = world.person();
    let page = ada.get("/admin/settings/alarms");
    assert!(page.text().contains("ops@example.com, boss@example.com by 127.0.0.1:"), "{}", page.text());
    assert!(page.text().contains("No failure known") && !page.text().contains("secret-path"), "{}", page.text());
    let set = ada.submit(&page, &[("hour", "18")]);
    assert_eq!(set.status, 303, "{}", set.text());
    assert!(ada.follow(set).text().contains("<option value=\"18\" selected>18:00</option>"));
    assert_eq!(ada.submit(&page, &[("hour", "24")]).status, 400);
    world.poll_daily();
    world.set("2027-03-02T17:59:00Z");
    world.poll_daily();
    world.restart(false);
    world.set("2027-03-02T18:01:00Z");
    world.told(&[("opened", &format!("Acme: There are no stats for yesterday, {}.", day(world.ago(1))))]);
}

#[test]
fn a_page_sends_a_test_and_says_what_came_of_it() {
    let world = polled(&[]);
    let mut ada = world.person();
    let page = ada.get("/admin/settings/alarms");
    assert!(page.text().contains("Send a test"));
    let sent = ada.post("/admin/settings/alarms/test", &[]).into_text();
    assert!(sent.contains("E-mail: the test was sent.") && sent.contains("Webhook: the test was sent."), "{sent}");
    world.told(&[("test", "This is a test of Pitlane's alarms")]);
}

#[test]
fn a_day_that_was_handed_over_empty_is_told_until_a_poll_heals_it() {
    let mut world = polled(&[]);
    // The day is over, its stats were due, and Singular gets none of it.
    world.set("2027-03-02T12:30:00Z");
    let missing = format!("Acme: There are no stats for yesterday, {}.", day(world.ago(1)));
    world.told(&[("opened", &missing)]);
    world.poll_daily();
    let late = world.ago(1);
    world.state(&[late], "1.5");
    world.advance(1);
    let less = format!(
        "Acme: Singular got nothing for {}; usually it gets 2. The next poll brings what is there now.",
        day(late)
    );
    world.told(&[("opened", &less), ("over", &format!("Over: {missing}"))]);
    world.poll_daily();
    world.advance(1);
    world.told(&[("over", &format!("Over: {less}"))]);
    world.restart(false);
    assert!(world.is_quiet());
}

#[test]
fn days_that_need_a_refresh_request_are_told_until_they_were_asked_for() {
    let mut world = polled(&[]);
    world.state(&[world.ago(10)], "2");
    world.advance(1);
    let needed = format!(
        "Acme: Singular needs a refresh request: it does not have what the report says for {}.",
        day(world.ago(10))
    );
    world.told(&[("opened", &needed)]);
    world.poll(world.ago(14), world.ago(8));
    world.advance(1);
    world.told(&[("over", &format!("Over: {needed}"))]);
}

#[test]
fn polls_that_are_refused_are_told_for_each_token_until_they_end() {
    let mut world = polled(&[]);
    let other = world.create_token("Second", &[]);
    let id = &other[4..20];
    world.ok(&["token", "revoke", id]);
    let path = ranged(SINGULAR_JSON, &world.ago(7).to_string(), &world.ago(0).to_string());
    let refused = |world: &World| {
        let answer = world.server().anonymous().with(&other).get(&path);
        assert_eq!(answer.status, 401);
        let since = std::time::Instant::now();
        let sql = "select count(*) from polls where status = 401 and at > ?1";
        let at = (world.clock.now() - TimeDelta::minutes(1)).timestamp_millis();
        let database = rusqlite::Connection::open(world.program.data().join("pitlane.db")).unwrap();
        while database.query_row(sql, [at], |row| row.get::<_, i64>(0)).unwrap() == 0 {
            assert!(since.elapsed() < crate::alarm_world::PATIENCE, "the poll was not written");
        }
    };
    refused(&world);
    world.advance(1);
    let told = "Acme: Polls with the token “Second” are refused with 401.";
    world.told(&[("opened", told)]);
    // Answered polls of the other token don't end it.
    world.state(&[world.ago(0)], "1.5");
    world.poll_daily();
    world.advance(1);
    world.restart(true);
    world.set("2027-03-02T13:30:00Z");
    world.poll_daily();
    world.advance(1);
    world.told(&[("over", &format!("Over: {told}"))]);
}

#[test]
fn a_token_about_to_end_is_told_until_another_takes_its_place() {
    let mut world = World::new(&[]);
    world.state(&[world.ago(1), world.ago(0)], "1.5");
    world.poll(world.ago(90), world.ago(0));
    let short = world.create_token("Short", &["--expires-in", "31d"]);
    world.set("2027-03-02T14:00:00Z");
    world.poll_daily();
    world.advance(1);
    let told = "Acme: The token “Short” expires in 29 days.";
    world.told(&[("opened", told)]);
    world.ok(&["token", "revoke", &short[4..20]]);
    world.advance(1);
    world.told(&[("over", &format!("Over: {told}"))]);
}

#[test]
fn a_certificate_about_to_end_and_backups_in_trouble_are_told() {
    let program = crate::common::program::Program::new();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (rcgen::date_time_ymd(2026, 1, 1), rcgen::date_time_ymd(2027, 4, 1));
    let certificate = program.file("own.pem", params.self_signed(&key).unwrap().pem());
    let key = program.file("own.key", key.serialize_pem());
    let mut world = World::new(&["--tls-cert", &certificate, "--tls-key", &key, "--backup-at", "04:00"]);
    world.set("2027-03-20T12:00:00Z");
    world.told(&[("opened", "Certificate: the one for 127.0.0.1 ends on 2027-04-01 00:00 UTC.")]);
    // The nightly backup fails: there is a file in place of its directory.
    let backups = world.program.data().join("backups");
    drop(std::fs::remove_dir_all(&backups));
    std::fs::write(&backups, "").unwrap();
    world.set("2027-03-21T04:05:00Z");
    // The server checks ten seconds after its start.
    world.restart(false);
    let (event, subject) = world.next();
    assert!(event == "opened" && subject.starts_with("Backups: the last backup failed: "), "{event}: {subject}");
    std::fs::remove_file(&backups).unwrap();
    world.set("2027-03-21T08:00:00Z");
    world.restart(false);
    let (event, subject) = world.next();
    assert!(event == "over" && subject.starts_with("Over: Backups: the last backup failed: "), "{event}: {subject}");
}

#[test]
fn a_late_copy_of_the_backups_is_told_until_the_next_one() {
    let mut world = World::new(&[]);
    let backups = world.program.data().join("backups");
    std::fs::create_dir_all(&backups).unwrap();
    // As `packaging/backup/copy-backup` notes a copy.
    let copied = |world: &World| {
        let now = world.clock.now().format("%Y-%m-%dT%H:%M:%SZ");
        let text = format!("{{\"copiedAt\":\"{now}\",\"backup\":\"pitlane-2027-03-01.db\"}}\n");
        std::fs::write(backups.join("copied.json"), text).unwrap();
    };
    let doctor = |world: &World| {
        let ended = world.run_on("", &["--json", "doctor"]);
        let found: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        let all = found.as_array().or_else(|| found["findings"].as_array()).unwrap();
        all.iter().find(|finding| finding["check"] == "copies").unwrap().to_string()
    };
    copied(&world);
    world.restart(false);
    assert!(doctor(&world).contains("pitlane-2027-03-01.db was copied elsewhere on"), "{}", doctor(&world));
    assert!(!world.person().get("/admin/").text().contains("was copied elsewhere"));
    world.advance(40);
    let late = "no backup was copied elsewhere for 40 hours";
    let alarm = format!("Backups: {late}. On the server, pitlane doctor says what to do.");
    world.told(&[("opened", &alarm)]);
    let told = doctor(&world);
    assert!(told.contains(late) && told.contains("the last was pitlane-2027-03-01.db"), "{told}");
    assert!(told.contains("problem"), "{told}");
    let home = world.person().get("/admin/").into_text();
    assert!(home.contains(late), "{home}");
    // A backup that fails meanwhile is an alarm of its own.
    let status = backups.join("status.json");
    std::fs::write(&status, "{\"failure\":\"the cable was cut\"}").unwrap();
    world.restart(false);
    let failed = "Backups: the last backup failed: the cable was cut. On the server, pitlane doctor says what to do.";
    world.told(&[("opened", failed)]);
    std::fs::remove_file(&status).unwrap();
    world.restart(false);
    world.told(&[("over", &format!("Over: {failed}"))]);
    let age = world.server().anonymous().get("/metrics").into_text();
    assert!(age.contains("pitlane_backup_copy_age_seconds 144"), "{age}");
    copied(&world);
    world.advance(1);
    world.told(&[("over", &format!("Over: {alarm}"))]);
    assert!(!world.person().get("/admin/").text().contains("was copied elsewhere for"));
}

#[test]
fn a_disk_that_runs_full_is_told() {
    let mut world = World::new(&[]);
    world.restart_with(&["--disk-floor", "100000000"]);
    let (event, subject) = world.next();
    assert!(event == "opened" && subject.starts_with("The disk is nearly full: "), "{event}: {subject}");
    world.restart_with(&[]);
    let (event, subject) = world.next();
    assert!(event == "over" && subject.starts_with("Over: The disk is nearly full: "), "{event}: {subject}");
}
