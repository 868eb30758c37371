//! Names as look-ups compare them, and the ids that networks give campaigns (contract §4).

use pitlane::domain::{Name, TokenScope};
use pitlane::service::Actor;
use pitlane::service::catalogue::{self, Change};
use pitlane::service::names;
use serde_json::json;

use crate::common::program::Program;
use crate::fixtures::{DAILY_STATS, NORTHWIND, SINGULAR_CSV, ranged, stock};
use crate::harness::spawn_app;

/// The cost of each campaign by name, in millionths.
fn costs(program: &Program) -> Vec<(String, i64)> {
    let database = rusqlite::Connection::open(program.data().join("pitlane.db")).unwrap();
    let sql = "select name, coalesce(sum(cost_micros), 0) from campaigns left join daily_stats using (campaign_key)
        group by campaign_key order by campaign_key";
    let mut statement = database.prepare(sql).unwrap();
    statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_network_id_finds_its_campaign_whatever_it_is_called_by_now() {
    let program = Program::new();
    let file = |name: &str, rows: &str| {
        let header = "date,campaign_name,partner,clicks,cost,network_campaign_id,offer_name,app,store_id,os\n";
        let place = ",Coin Game,Coin Game,com.example.coingame,ANDROID\n";
        let rows: String = rows.lines().flat_map(|row| [row, place]).collect();
        program.file(name, format!("{header}{rows}"))
    };
    let import = |file: &str| program.json(&["import", file, "--advertiser", "Acme", "--create-missing"]);
    import(&file("first.csv", "2026-01-01,Summer,Meta,1,1,n7\n2026-01-01,Winter,Meta,1,2,n8"));
    // The network renamed it: the same day is changed, nothing is created, and a note says so.
    let told = import(&file("second.csv", "2026-01-01,Summer Sale,Meta,1,5,n7\n2026-01-02,Summer Sale,Meta,1,3,n7"));
    assert_eq!(
        (&told["changed"], &told["inserted"], &told["notes"][0]["code"]),
        (&1.into(), &1.into(), &"renamed".into())
    );
    assert_eq!(costs(&program), [("Summer".to_owned(), 8_000_000), ("Winter".to_owned(), 2_000_000)]);
    // It is renamed here too; the next file with yet another name still finds it.
    let store = pitlane::store::Store::open(program.data()).unwrap();
    let advertiser = store.read(|txn| txn.advertiser_get("Acme")).unwrap();
    let campaign = store.read(|txn| names::campaign(txn, advertiser.key, "Summer")).unwrap().or_missing("campaign", "");
    let name = Name::parse("name", "Sommer").unwrap();
    let rename = Change::RenameCampaign(&campaign.unwrap(), &name);
    catalogue::change(&store, &advertiser, &rename, &Actor::command_line()).unwrap();
    let told = import(&file("third.csv", "2026-01-03,Summer Sale 2,Meta,1,4,n7\n2026-01-03,Winter,Meta,1,1,n8"));
    assert_eq!(told["created"]["campaigns"].as_array().map(Vec::len), Some(0), "{told}");
    assert_eq!(costs(&program), [("Sommer".to_owned(), 12_000_000), ("Winter".to_owned(), 3_000_000)]);
    // Another publisher's n7 is another campaign.
    import(&file("other.csv", "2026-01-03,Autumn,Google,1,9,n7"));
    assert_eq!(costs(&program).last(), Some(&("Autumn".to_owned(), 9_000_000)));
    // An id and a name of two different campaigns contradict each other.
    let both = file("both.csv", "2026-01-04,Winter,Meta,1,1,n7");
    let refused = program.fails(&["import", &both, "--advertiser", "Acme", "--create-missing"]);
    assert!(
        refused.contains("got \"n7\", which is campaign \"Sommer\", but the row names campaign \"Winter\""),
        "{refused}"
    );
    assert_eq!(costs(&program).len(), 3);
}

#[test]
fn a_network_id_finds_the_campaign_over_the_api() {
    let app = spawn_app();
    stock(&app.store);
    let (ingest, report) = (app.token(NORTHWIND, TokenScope::Ingest), app.token(NORTHWIND, TokenScope::Report));
    for (day, name, cost) in [("2025-06-01", "AOS_TEST_2025", 1.5), ("2025-06-02", "new", 2.5)] {
        let row = json!({
            "date": day, "campaign_name": name, "partner": "lumen", "clicks": 1, "cost": cost, "network_campaign_id": "n1",
        });
        let answer = ingest.post(DAILY_STATS, "application/json", json!({"items": [row]}).to_string());
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let text = report.get(&ranged(SINGULAR_CSV, "2025-06-01", "2025-06-30")).into_text();
    let rows: Vec<_> = text.lines().skip(1).collect();
    assert_eq!(rows.len(), 2, "{text}");
    assert!(rows.iter().all(|row| row.contains(",AOS_TEST_2025,")), "{text}");
}

#[test]
fn an_advertiser_is_found_as_its_name_looks() {
    let program = Program::new();
    program.ok(&["advertiser", "create", "--name", "Caf\u{e9}"]);
    let rows = "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os,advertiser\n\
        2026-01-01,Summer,Meta,1,1,Coin Game,Coin Game,com.example.coingame,ANDROID,Cafe\u{301}\n";
    program.ok(&["import", &program.file("a.csv", rows), "--create-missing"]);
    let listed = program.json(&["advertiser", "list"]);
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    let again = program.fails(&["advertiser", "create", "--name", "Cafe\u{301}"]);
    assert!(again.contains("there is already an advertiser \"Caf\u{e9}\""), "{again}");
    program.ok(&["report", "--advertiser", "Cafe\u{301}", "--from", "2026-01-01", "--to", "2026-01-01"]);
}
