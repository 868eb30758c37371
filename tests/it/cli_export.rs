//! The export is complete, and another Pitlane can import it.

use std::collections::BTreeSet;

use crate::common::program::Program;

#[test]
fn what_is_exported_is_what_another_pitlane_reports_after_importing_it() {
    let program = Program::stocked();
    program.import_later();
    program.ok(&["token", "create", "--advertiser", "Acme", "--name", "Singular"]);
    let dir = program.arg("taken-along");
    let listed = program.json(&["export", &dir]);
    let rows = |name: &str| {
        let files = listed["files"].as_array().unwrap();
        files.iter().find(|file| file["name"] == name).unwrap()["rows"].as_u64().unwrap()
    };
    let counts = ["stats.csv", "history.csv", "imports.csv", "campaigns.csv", "tokens.csv"].map(rows);
    assert_eq!(counts, [3, 1, 2, 1, 1]);
    let text = |name: &str| std::fs::read_to_string(program.path("taken-along").join(name)).unwrap();
    assert_eq!(
        text("stats.csv"),
        "date,advertiser,currency,campaign_name,offer_name,app,store_id,os,partner,clicks,cost,views,conversions\r\n\
         2026-01-01,Acme,USD,AOS_TEST,Coin Game,Coin Game,com.example.coingame,ANDROID,Lumen,101,70.25,0,0\r\n\
         2026-01-02,Acme,USD,AOS_TEST,Coin Game,Coin Game,com.example.coingame,ANDROID,Lumen,10,12.5,0,0\r\n\
         2026-01-03,Acme,USD,AOS_TEST,Coin Game,Coin Game,com.example.coingame,ANDROID,Lumen,7,1.000001,0,0\r\n"
    );
    // What the first day said before.
    assert!(text("history.csv").contains("\r\n2026-01-01,Acme,AOS_TEST,"), "{}", text("history.csv"));
    assert!(text("history.csv").contains(",100,69,0,0,"), "{}", text("history.csv"));
    assert!(text("audit.csv").contains(",command line,token create,"), "{}", text("audit.csv"));
    assert!(text("README.txt").contains("stats.csv, 3 rows: "), "{}", text("README.txt"));

    let other = Program::new();
    other.ok(&["import", &format!("{dir}/stats.csv"), "--create-missing"]);
    let figures = |program: &Program| {
        let lines = program.report();
        lines
            .lines()
            .map(|line| line.split(',').filter(|cell| cell.len() != 36).collect::<Vec<_>>().join(","))
            .collect::<Vec<_>>()
    };
    assert_eq!(figures(&other), figures(&program));
}

#[test]
fn an_export_writes_into_an_empty_directory_only() {
    let program = Program::stocked();
    program.file("mine.txt", "kept");
    let words = program.fails(&["export", program.root().to_str().unwrap()]);
    assert!(words.contains("is not empty"), "{words}");
    std::fs::create_dir(program.path("empty")).unwrap();
    program.ok(&["export", &program.arg("empty")]);
    assert!(program.path("empty").join("README.txt").exists());
}

#[test]
fn no_secret_is_exported() {
    let program = Program::stocked();
    program.admit("ada@example.com", "a long enough password");
    let token = program.token("report");
    program.ok(&["export", &program.arg("out")]);
    for entry in std::fs::read_dir(program.path("out")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!text.contains("$argon2id$") && !text.contains(&token[21..64]), "{text}");
    }
}

#[test]
fn every_table_is_exported_or_named_as_left_out() {
    let schema = include_str!("../../schema.sql");
    let tables: BTreeSet<_> = schema
        .lines()
        .filter_map(|line| line.strip_prefix("create table "))
        .map(|rest| rest.split_whitespace().next().unwrap())
        .collect();
    let exported = pitlane::store::EXPORTS.iter().map(|export| export.table);
    let told: BTreeSet<_> = exported.chain(pitlane::store::NOT_EXPORTED.iter().map(|(table, _)| *table)).collect();
    assert_eq!(tables, told);
}
