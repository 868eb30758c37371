//! The command line (contract §5): exit codes, stdout and stderr, and every command except `import` and the servers.

use crate::common::program::{Ended, Program};

const PASSWORD: &str = "correct horse battery staple\n";

/// A data directory with one advertiser.
fn with_acme() -> Program {
    let program = Program::new();
    program.ok(&["advertiser", "create", "--name", "Acme"]);
    program
}

fn create_token(program: &Program, more: &[&str]) -> String {
    let args = [&["token", "create", "--advertiser", "Acme", "--name", "Singular"], more].concat();
    program.ok(&args).trim_end().to_owned()
}

#[test]
fn wrong_usage_exits_with_2_and_prints_no_data() {
    let program = with_acme();
    for args in [
        &[] as &[&str],
        &["launch"],
        &["serve", "--listen", "nowhere"],
        &["serve", "--public-url", "costs.example.com"],
        &["serve", "--trusted-proxy", "10.0.0.0/99"],
        &["advertiser", "create"],
        &["advertiser", "create", "--name", ""],
        &["advertiser", "create", "--name", "B", "--currency", "XYZ"],
        &["advertiser", "create", "--name", "B", "--time-zone", "Mars/Olympus"],
        &["offer", "enable", "Coin Game"],
        &["token", "create", "--advertiser", "Acme"],
        &["token", "create", "--advertiser", "Acme", "--name", "x", "--scope", "root"],
        &["token", "create", "--advertiser", "Acme", "--name", "x", "--expires-in", "90"],
        &["token", "revoke"],
        &["token", "revoke", "short"],
        &["admin", "create", "--email", "nobody", "--password-stdin"],
        &["admin", "create", "--email", "a@example.com", "--role", "king", "--password-stdin"],
        &["import"],
        &["import", "-", "--duplicates", "maybe"],
        &["import", "-", "--map", "cost"],
        &["import", "-", "--map", "price=Spent"],
        &["import", "-", "--set", "=x"],
        &["import", "-", "--date-format", "day"],
        &["report", "--advertiser", "Acme", "--from", "2025-01-01"],
        &["report", "--advertiser", "Acme", "--from", "2025-01-01", "--to", "2025-01-02", "--format", "xml"],
    ] {
        let ended = program.run(args);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{args:?}: {}", ended.stderr);
        assert!(!ended.stderr.is_empty(), "{args:?} says nothing");
    }
}

#[test]
fn what_can_not_be_done_exits_with_1_and_says_why() {
    let program = with_acme();
    let said: String = [
        &["advertiser", "create", "--name", "Acme"] as &[&str],
        &["offer", "enable", "Nothing", "--advertiser", "Acme"],
        &["offer", "enable", "Nothing", "--advertiser", "Nobody"],
        &["token", "create", "--advertiser", "Nobody", "--name", "x"],
        &["token", "revoke", "0000000000000000"],
        &["admin", "reset-password", "--email", "nobody@example.com", "--password-stdin"],
        &["admin", "create", "--email", "a@example.com"],
        &["report", "--advertiser", "Acme", "--from", "2025-02-30", "--to", "2025-03-01"],
        &["report", "--advertiser", "Acme", "--from", "2025-03-02", "--to", "2025-03-01"],
        &["import", "missing.csv"],
    ]
    .map(|args| {
        let ended = program.run_on(PASSWORD, args);
        let error = ended.failed(1);
        format!("{}\n  {}\n", args.join(" "), error.lines().find(|line| line.starts_with("error: ")).unwrap())
    })
    .concat();
    insta::assert_snapshot!(said, @r#"
    advertiser create --name Acme
      error: there is already an advertiser "Acme"
    offer enable Nothing --advertiser Acme
      error: there is no offer "Nothing"
    offer enable Nothing --advertiser Nobody
      error: there is no advertiser "Nobody"
    token create --advertiser Nobody --name x
      error: there is no advertiser "Nobody"
    token revoke 0000000000000000
      error: there is no token "0000000000000000"
    admin reset-password --email nobody@example.com --password-stdin
      error: there is no admin "nobody@example.com"
    admin create --email a@example.com
      error: no password: there is no terminal to ask on, so give it on stdin with --password-stdin
    report --advertiser Acme --from 2025-02-30 --to 2025-03-01
      error: date_from: got "2025-02-30", expected a calendar day as YYYY-MM-DD, or an RFC 3339 date-time
    report --advertiser Acme --from 2025-03-02 --to 2025-03-01
      error: date_from: got 2025-03-02, expected a day not after date_to, which is 2025-03-01
    import missing.csv
      error: could not open missing.csv: No such file or directory (os error 2)
    "#);
}

#[test]
fn every_command_names_the_database_it_opened() {
    let program = with_acme();
    let expected = format!("database: {}\n", program.data().join("pitlane.db").display());
    for args in [
        &["advertiser", "list"] as &[&str],
        &["token", "list"],
        &["admin", "list"],
        &["doctor"],
        &["report", "--advertiser", "Acme", "--from", "2025-01-01", "--to", "2025-01-02"],
        &["token", "create", "--advertiser", "Acme", "--name", "x"],
        &["offer", "disable", "x", "--advertiser", "Acme"],
    ] {
        let ended = program.run(args);
        assert!(ended.stderr.starts_with(&expected), "{args:?}: {}", ended.stderr);
        assert!(!ended.stdout.contains(&expected), "{args:?}");
    }
}

#[test]
fn commands_that_read_do_not_make_a_database() {
    let program = Program::new();
    for args in [&["advertiser", "list"] as &[&str], &["token", "list"], &["admin", "list"], &["doctor"]] {
        let error = program.run(args).failed(1);
        assert!(error.contains("there is no database at "), "{args:?}: {error}");
    }
    assert!(!program.data().exists());
}

#[test]
fn advertiser_create_prints_the_id_alone() {
    let program = Program::new();
    let printed =
        program.ok(&["advertiser", "create", "--name", "Acme", "--currency", "EUR", "--time-zone", "Europe/Berlin"]);
    let id = uuid::Uuid::try_parse(printed.strip_suffix('\n').unwrap()).unwrap();
    let listed = program.json(&["advertiser", "list"]);
    assert_eq!(listed[0]["id"], id.to_string());
    assert_eq!([&listed[0]["name"], &listed[0]["currency"], &listed[0]["timeZone"]], ["Acme", "EUR", "Europe/Berlin"]);
}

#[test]
fn advertiser_create_prints_json_when_asked() {
    let program = Program::new();
    let created = program.json(&["advertiser", "create", "--name", "Acme"]);
    assert_eq!(created["id"], program.json(&["advertiser", "list"])[0]["id"]);
}

#[test]
fn lists_are_tables_for_people() {
    let program = with_acme();
    let listed = program.ok(&["advertiser", "list"]);
    let mut lines = listed.lines();
    assert_eq!(lines.next().unwrap().split_whitespace().next(), Some("NAME"));
    assert!(lines.next().unwrap().starts_with("Acme  "), "{listed}");
}

#[test]
fn token_create_prints_the_token_alone() {
    let program = with_acme();
    let token = create_token(&program, &[]);
    assert_eq!((token.len(), &token[..4], &token[20..21]), (70, "plt_", "_"));
    assert_eq!(crate::routes::with_check(&token[..64]), token);
}

#[test]
fn token_create_prints_json_when_asked() {
    let program = with_acme();
    let created = program.json(&["token", "create", "--advertiser", "Acme", "--name", "x", "--expires-in", "90d"]);
    let token = created["token"].as_str().unwrap();
    assert_eq!(created["id"], token[4..20]);
    let expires = chrono::DateTime::parse_from_rfc3339(created["expiresAt"].as_str().unwrap()).unwrap();
    assert_eq!((expires.to_utc() - chrono::Utc::now()).num_days(), 89);
}

#[test]
fn token_list_shows_everything_but_secrets() {
    let program = with_acme();
    let (first, second) =
        (create_token(&program, &[]), create_token(&program, &["--scope", "ingest", "--expires-in", "1y"]));
    program.ok(&["token", "revoke", &first[4..20]]);
    let (table, json) = (program.ok(&["token", "list"]), program.json(&["token", "list"]));
    for token in [&first, &second] {
        assert!(table.contains(&token[4..20]) && !table.contains(&token[21..64]));
        assert!(!json.to_string().contains(&token[21..64]));
    }
    let shown = |at: usize| ["id", "name", "scope", "live"].map(|key| json[at][key].to_string()).join(" ");
    assert_eq!(shown(0), format!("\"{}\" \"Singular\" \"report\" false", &first[4..20]));
    assert_eq!(shown(1), format!("\"{}\" \"Singular\" \"ingest\" true", &second[4..20]));
}

#[test]
fn a_token_may_be_revoked_twice_and_keeps_its_first_date() {
    let program = with_acme();
    let token = create_token(&program, &[]);
    let revoke = || program.json(&["token", "revoke", &token[4..20]])["revoked"].clone();
    let date = || program.json(&["token", "list"])[0]["revokedAt"].clone();
    assert_eq!(revoke(), true);
    let first = date();
    assert_eq!(revoke(), false);
    assert_eq!(date(), first);
}

#[test]
fn a_whole_token_can_be_revoked_and_is_not_repeated() {
    let program = with_acme();
    let token = create_token(&program, &[]);
    let ended = program.run(&["token", "revoke", &token]);
    assert!(!ended.stderr.contains(&token[21..64]), "{}", ended.stderr);
    assert_eq!(ended.done(), "");
    assert_eq!(program.json(&["token", "list"])[0]["live"], false);
}

#[test]
fn admins_are_created_listed_and_given_new_passwords() {
    let program = Program::new();
    let create = |email: &str, role: &str| {
        program.run_on(PASSWORD, &["admin", "create", "--email", email, "--role", role, "--password-stdin"]).done()
    };
    assert_eq!(create("Ann@Example.com", "admin"), "");
    assert_eq!(create("bob@example.com", "viewer"), "");
    let listed = program.json(&["admin", "list"]);
    let shown = |at: usize| ["email", "role"].map(|key| listed[at][key].as_str().unwrap().to_owned());
    assert_eq!([shown(0), shown(1)], [["ann@example.com", "admin"], ["bob@example.com", "viewer"]]);
    let reset = program.run_on(
        "another long password\n",
        &["admin", "reset-password", "--email", "bob@example.com", "--password-stdin"],
    );
    assert!(reset.stderr.contains("bob@example.com has a new password"), "{}", reset.stderr);
    assert_eq!(reset.done(), "");
}

#[test]
fn a_short_password_is_refused_without_repeating_it() {
    let program = Program::new();
    let error =
        program.run_on("hunter2\n", &["admin", "create", "--email", "a@example.com", "--password-stdin"]).failed(1);
    assert!(error.contains("password: got 7 characters, expected 12 to 256") && !error.contains("hunter2"), "{error}");
}

#[test]
fn an_address_can_be_taken_only_once() {
    let program = Program::new();
    let create = || program.run_on(PASSWORD, &["admin", "create", "--email", "a@example.com", "--password-stdin"]);
    create().done();
    assert!(create().failed(1).contains("there is already somebody with the address a@example.com"));
}

#[test]
fn a_set_up_link_is_printed_alone() {
    let program = Program::new();
    let printed = program.ok(&["admin", "setup-link", "--public-url", "https://costs.example.com/"]);
    let secret = printed.strip_prefix("https://costs.example.com/admin/setup/").unwrap().strip_suffix('\n').unwrap();
    assert!(secret.len() == 64 && secret.bytes().all(|byte| byte.is_ascii_hexdigit()), "{secret}");
}

#[test]
fn a_set_up_link_leads_to_the_running_server() {
    let program = Program::new();
    let server = program.serve(&["--backup-at", "off", "--public-url", "https://costs.example/path"]);
    assert!(program.ok(&["admin", "setup-link"]).starts_with("https://costs.example/path/admin/setup/"));
    server.stop();
    assert!(program.ok(&["admin", "setup-link"]).starts_with("http://127.0.0.1:8080/admin/setup/"));
}

#[test]
fn doctor_finds_a_new_installation_sound_and_says_what_is_missing() {
    let program = with_acme();
    let report = program.ok(&["doctor"]);
    assert!(!report.contains("PROBLEM"), "{report}");
    assert!(report.contains("pitlane offer enable OFFER --advertiser \"Acme\""), "{report}");
}

#[test]
fn doctor_exits_with_1_when_references_are_broken() {
    let program = with_acme();
    create_token(&program, &[]);
    let conn = rusqlite::Connection::open(program.data().join("pitlane.db")).unwrap();
    conn.execute_batch("pragma foreign_keys = off; delete from advertisers").unwrap();
    drop(conn);
    let ended = program.run(&["--json", "doctor"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let findings: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let integrity = findings.as_array().unwrap().iter().find(|finding| finding["check"] == "integrity").unwrap();
    assert_eq!(integrity["verdict"], "problem");
    assert!(integrity["words"].as_str().unwrap().contains("api_tokens points at a missing row of advertisers"));
}

#[test]
fn doctor_deep_reports_and_corrects_sums_that_differ_from_the_cells() {
    let program = with_acme();
    let rows = "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n\
        2025-05-01,A,Lumen,3,1.5,Offer,App,com.acme.app,ANDROID\n2025-05-31,A,Lumen,4,2,Offer,App,com.acme.app,ANDROID\n";
    program.ok(&["import", &program.file("rows.csv", rows), "--advertiser", "Acme", "--create-missing"]);
    let deep = |program: &Program, more: &[&str]| program.run(&[&["doctor", "--deep"], more].concat());
    let is_sound = |ended: &Ended| {
        ended.code == Some(0) && ended.stdout.contains("ok       sums         the stored sums of days and months equal")
    };
    assert!(is_sound(&deep(&program, &[])));
    let path = program.data().join("pitlane.db");
    let damage =
        "update day_sums set clicks = 9 where day = (select min(day) from day_sums); update month_sums set rows = 1";
    for (sql, kept, cells) in [
        (damage, "2025-05-01: stored 1 row, 9 clicks, 1.5 USD,", "the cells have 1 row, 3 clicks, 1.5 USD,"),
        (
            damage,
            "2025-05, campaign \"A\" at \"Lumen\": stored 1 row from 2025-05-01 to 2025-05-31,",
            "have 2 rows from",
        ),
        ("delete from month_sums", "at \"Lumen\": stored nothing;", "7 clicks, 3.5 USD, 0 views, 0 conversions"),
        (
            "insert into day_sums select advertiser_key, day + 40, 1, 1, 1, 1, 1, 1 from day_sums limit 1",
            "stored 1 row, 1 click, 1.000001 USD, 1 view, 1 conversion;",
            "the cells have nothing",
        ),
    ] {
        rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let ended = deep(&program, &[]);
        assert_eq!(ended.code, Some(1), "{}", ended.stdout);
        let lines = ended.stdout.lines();
        let mut told = lines.filter(|line| line.starts_with("PROBLEM  sums") && line.contains("\"Acme\" 2025-0"));
        assert!(told.any(|line| line.contains(kept) && line.contains(cells)), "{sql}: {}", ended.stdout);
        assert_eq!(program.run(&["doctor"]).code, Some(0), "only the deep check reads every cell");
        let ended = deep(&program, &["--mend-sums"]);
        assert!(ended.code == Some(0) && ended.stdout.contains("computed again from the cells"), "{}", ended.stdout);
        assert!(is_sound(&deep(&program, &[])));
    }
}

#[test]
fn a_database_of_a_newer_pitlane_is_refused_with_the_words_that_help() {
    let program = with_acme();
    let conn = rusqlite::Connection::open(program.data().join("pitlane.db")).unwrap();
    conn.pragma_update(None, "user_version", 1000).unwrap();
    drop(conn);
    assert!(program.run(&["advertiser", "list"]).failed(1).contains("it was written by a newer Pitlane"));
}

#[test]
fn the_data_directory_may_come_from_the_environment() {
    let program = with_acme();
    let listed = std::process::Command::new(env!("CARGO_BIN_EXE_pitlane"))
        .env_clear()
        .env("PITLANE_DATA_DIR", program.data())
        .args(["advertiser", "list"])
        .output()
        .unwrap();
    assert!(String::from_utf8(listed.stdout).unwrap().contains("Acme"));
}
