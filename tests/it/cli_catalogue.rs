//! Commands that list, rotate tokens, and print completions and manual pages.

use crate::common::program::Program;

/// The only entry in a list of `Program::stocked`.
fn only(program: &Program, args: &[&str]) -> serde_json::Value {
    let listed = program.json(args);
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    listed[0].clone()
}

#[test]
fn the_catalogue_is_listed_by_name_and_id() {
    let program = Program::stocked();
    let offer = only(&program, &["offer", "list"]);
    assert_eq!((&offer["name"], &offer["advertiser"]), (&"Coin Game".into(), &"Acme".into()));
    assert_eq!(offer["costReporting"], true);
    let campaign = only(&program, &["campaign", "list", "--advertiser", "Acme"]);
    assert_eq!(
        (&campaign["name"], &campaign["offer"], &campaign["os"]),
        (&"AOS_TEST".into(), &"Coin Game".into(), &"ANDROID".into())
    );
    // An offer's first campaign has the offer's id (contract §1).
    assert_eq!((&campaign["id"], &campaign["offerId"]), (&offer["id"], &offer["id"]));
    let app = only(&program, &["app", "list"]);
    assert_eq!((&app["storeId"], &app["os"]), (&"com.example.coingame".into(), &"ANDROID".into()));
    assert_eq!(only(&program, &["publisher", "list"])["name"], "Lumen");
    let table = program.ok(&["campaign", "list"]);
    assert!(table.starts_with("NAME") && table.contains(campaign["id"].as_str().unwrap()), "{table}");
    assert!(program.fails(&["offer", "list", "--advertiser", "Nobody"]).contains("Nobody"));
}

#[test]
fn saved_mappings_are_listed() {
    let program = Program::new();
    let file = program.file("spend.csv", "Date,Clicks,Cost\n2026-01-01,1,2\n");
    let map = ["--map", "date=Date", "--map", "clicks=Clicks", "--map", "cost=Cost", "--set", "advertiser=Acme"];
    let set = ["--set", "campaign_name=C", "--set", "partner=P", "--set", "offer_name=O", "--set", "app=A"];
    let more = ["--set", "store_id=com.a.b", "--set", "os=ANDROID", "--create-missing", "--save-mapping", "Weekly"];
    program.ok(&[&["import", &file], map.as_slice(), &set, &more].concat());
    let mapping = only(&program, &["mapping", "list"]);
    assert_eq!((&mapping["name"], &mapping["headers"][0]), (&"Weekly".into(), &"Date".into()));
    assert!(program.ok(&["mapping", "list"]).contains("Weekly"));
}

#[test]
fn a_rotated_token_and_its_successor_both_work_until_the_old_one_is_revoked() {
    let program = Program::stocked();
    let old = program.ok(&["token", "create", "--advertiser", "Acme", "--name", "Singular", "--expires-in", "90d"]);
    let old = old.trim();
    let rotated = program.json(&["token", "rotate", old]);
    let new = rotated["token"].as_str().unwrap().to_owned();
    assert_eq!(rotated["replaces"], old[4..20]);
    let server = program.serve(&[]);
    let path = "GET /api/v1/integrations/cost-report/json?date_from=2026-01-01&date_to=2026-01-02";
    let status = |token: &str| server.ask(token, path, "").unwrap().0;
    assert_eq!((status(old), status(&new)), (200, 200));
    program.ok(&["token", "revoke", old]);
    assert_eq!((status(old), status(&new)), (401, 200));
    let listed = program.json(&["token", "list"]);
    let successor = listed.as_array().unwrap().iter().find(|row| row["id"] == new[4..20]).unwrap();
    assert_eq!((&successor["name"], &successor["scope"]), (&"Singular".into(), &"report".into()));
    // As long as the old one's.
    let days = |row: &serde_json::Value| {
        let at = |key: &str| row[key].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        (at("expiresAt") - at("createdAt")).num_days()
    };
    assert_eq!(days(successor), 90);
    assert!(program.fails(&["token", "rotate", old]).contains("was revoked on"));
}

#[test]
fn shells_and_man_know_every_command() {
    let program = Program::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = program.ok(&["completions", shell]);
        assert!(script.contains("setup-link") && script.contains("completions"), "{shell}: {script}");
    }
    program.ok(&["man", &program.arg("pages")]);
    let page = |name: &str| std::fs::read_to_string(program.path("pages").join(name)).unwrap();
    assert!(page("pitlane.1").contains("pitlane\\-serve(1)"));
    assert!(page("pitlane-serve.1").contains("tls\\-domain"));
    assert!(page("pitlane-token-rotate.1").contains("expires\\-in"));
    let printed = program.ok(&["man", "-"]);
    assert_eq!(printed.trim_end(), page("pitlane.1").trim_end());
    assert!(!std::path::Path::new("-").exists());
}

#[test]
fn a_health_check_tells_whether_the_server_of_this_directory_works() {
    let program = Program::stocked();
    assert!(program.fails(&["healthcheck"]).contains("no server has said"));
    for more in [&[][..], &["--public-url", "https://costs.example"], &["--public-url", "https://costs.example/costs"]]
    {
        let server = program.serve(&[&["--backup-at", "off"], more].concat());
        program.ok(&["healthcheck"]);
        server.stop();
    }
    assert!(program.fails(&["healthcheck"]).contains("no server has said"));
}

#[test]
fn help_lists_what_is_a_commands_own_before_what_every_command_takes() {
    let help = Program::new().ok(&["serve", "--help"]);
    let at = |words: &str| help.find(words).unwrap_or_else(|| panic!("{words} is not in {help}"));
    let order = [
        "--listen",
        "--public-url",
        "HTTPS:",
        "--tls-domain",
        "--http-redirect",
        "Every command:",
        "--data-dir",
        "--json",
    ];
    assert!(order.map(at).is_sorted(), "{help}");
}
