//! Merging two publishers, or two campaigns: what the report, files, the API and the command line say before, during and
//! after; and moving campaigns.

use pitlane::domain::TokenScope;
use serde_json::Value;

use crate::common::program::Program;
use crate::fixtures::{CONTOSO, DAILY_STATS, NORTHWIND, SINGULAR_CSV, id, may, ranged, state, stock, stocked};
use crate::harness::spawn_app;

/// Publishers Facebook and Facebok with a common day, campaigns of two offers, and network ids.
const FILE: &str = "date,campaign_name,partner,clicks,cost,views,offer_name,app,store_id,os,network_campaign_id\n\
     2026-01-01,Summer,Facebook,10,1.5,100,Coin Game,Coin Game,com.example.coingame,ANDROID,n1\n\
     2026-01-01,Summer,Facebok,20,2.25,200,Coin Game,Coin Game,com.example.coingame,ANDROID,n1\n\
     2026-01-02,Summer,Facebok,30,3,300,Coin Game,Coin Game,com.example.coingame,ANDROID,n1\n\
     2026-01-02,Winter,Facebok,40,4,400,Gems,Gems,com.example.gems,ANDROID,n2\n\
     2026-01-03,Winter,Facebook,0,0,0,Gems,Gems,com.example.gems,ANDROID,n2\n";

const HEADER: &str = "date,campaign_name,partner,clicks,cost\n";

fn program() -> Program {
    let program = Program::new();
    let file = program.file("all.csv", FILE);
    program.ok(&["import", &file, "--advertiser", "Acme", "--create-missing"]);
    program
}

/// The report as `day campaign partner clicks cost`, with names for partners.
fn report(program: &Program) -> Vec<String> {
    let publishers = program.path("publishers.json");
    let names: Vec<(String, String)> = if publishers.exists() {
        serde_json::from_str(&std::fs::read_to_string(&publishers).unwrap()).unwrap()
    } else {
        let listed = program.json(&["publisher", "list"]);
        let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
        let names: Vec<_> = listed.as_array().unwrap().iter().map(|row| (text(row, "id"), text(row, "name"))).collect();
        std::fs::write(&publishers, serde_json::to_string(&names).unwrap()).unwrap();
        names
    };
    let args = ["report", "--advertiser", "Acme", "--from", "2026-01-01", "--to", "2026-12-31", "--format", "csv"];
    let text = program.ok(&args);
    let line = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let partner = names.iter().find(|(id, _)| id == fields[2]).map_or(fields[2], |(_, name)| name.as_str());
        format!("{} {} {partner} {} {}", &fields[0][5..], fields[6], fields[9], fields[8])
    };
    let mut lines: Vec<_> = text.lines().skip(1).map(line).collect();
    lines.sort();
    lines
}

fn named(program: &Program, noun: &str) -> Vec<String> {
    let listed = program.json(&[noun, "list"]);
    listed.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

const BEFORE: [&str; 5] = [
    "01-01 Summer Facebok 20 2.25",
    "01-01 Summer Facebook 10 1.5",
    "01-02 Summer Facebok 30 3",
    "01-02 Winter Facebok 40 4",
    "01-03 Winter Facebook 0 0",
];

const MERGED: [&str; 7] = [
    "01-01 Summer Facebok 0 0",
    "01-01 Summer Facebook 30 3.75",
    "01-02 Summer Facebok 0 0",
    "01-02 Summer Facebook 30 3",
    "01-02 Winter Facebok 0 0",
    "01-02 Winter Facebook 40 4",
    "01-03 Winter Facebook 0 0",
];

#[test]
fn two_publishers_are_merged_and_unmerged() {
    let program = program();
    assert_eq!(report(&program), BEFORE);
    let dry = program.run(&["publisher", "merge", "Facebok", "--into", "Facebook", "--dry-run"]);
    assert_eq!(dry.code, Some(0), "{}", dry.stderr);
    for told in [
        "3 rows of 2 days go from “Facebok” to “Facebook”, with a cost of 9.25 USD and 90 clicks: 1 Jan 2026 to 2 Jan 2026.",
        "1 row meets figures of “Facebook” on the same day, to which it is added: 1 Jan 2026.",
        "keeps its rows, with zeros, and is no longer in lists and choices",
        "Singular has not polled yet",
    ] {
        assert!(dry.stderr.contains(told), "{told:?} is not in: {}", dry.stderr);
    }
    assert_eq!(report(&program), BEFORE);

    let done = program.json(&["publisher", "merge", "facebok", "--into", "Facebook"]);
    assert_eq!((&done["rows"], &done["added"]), (&3.into(), &1.into()));
    assert_eq!(report(&program), MERGED);
    assert_eq!(named(&program, "publisher"), ["Facebook"]);
    let merge = done["importId"].as_str().unwrap();
    let shown = program.json(&["imports", "show", merge]);
    assert_eq!((&shown["kind"], &shown["inserted"], &shown["changed"]), (&"merge".into(), &2.into(), &4.into()));

    // Its name finds the other from now on, in any spelling; the import has a note.
    let later = program.file("later.csv", format!("{HEADER}2026-01-04,Summer,FACEBOK,5,0.5\n"));
    let taken = program.json(&["import", &later, "--advertiser", "Acme"]);
    assert_eq!(taken["notes"][0]["code"], "merged", "{taken}");
    let later_id = taken["importId"].as_str().unwrap().to_owned();
    assert!(
        taken["notes"][0]["message"].as_str().unwrap().contains("\"Facebok\" was merged into \"Facebook\""),
        "{taken}"
    );
    assert!(report(&program).contains(&"01-04 Summer Facebook 5 0.5".to_owned()));
    // Both names on one day are the same row now.
    let both =
        program.file("both.csv", format!("{HEADER}2026-01-05,Summer,Facebok,1,1\n2026-01-05,Summer,Facebook,1,1\n"));
    assert!(program.fails(&["import", &both, "--advertiser", "Acme"]).contains("again, as line 2 did"));
    // Its name counts as taken.
    let taken = program.fails(&["publisher", "merge", "Facebok", "--into", "Facebook"]);
    assert!(taken.contains("\"Facebok\" was merged into \"Facebook\" already"), "{taken}");

    let undone = program.run(&["imports", "undo", merge]);
    assert_eq!(undone.code, Some(0), "{}", undone.stderr);
    let later_import =
        format!("1 import since then names “Facebok”: “later.csv” of 4 Jan 2026 (id {later_id}). Those rows");
    assert!(undone.stderr.contains(&later_import), "{}", undone.stderr);
    assert_eq!(named(&program, "publisher"), ["Facebook", "Facebok"]);
    let mut after: Vec<String> = BEFORE.map(str::to_owned).into();
    after.push("01-04 Summer Facebook 5 0.5".to_owned());
    assert_eq!(report(&program), after);
    // Its name finds itself again.
    program.ok(&["import", &both, "--advertiser", "Acme"]);
    assert!(report(&program).contains(&"01-05 Summer Facebok 1 1".to_owned()));
}

#[test]
fn two_campaigns_are_merged_with_their_network_ids() {
    let program = program();
    let merged = program.json(&["campaign", "merge", "Winter", "--into", "Summer", "--advertiser", "Acme"]);
    let notes = merged["notes"].to_string();
    assert!(notes.contains("“Winter” runs the offer “Gems” on Gems (ANDROID com.example.gems)"), "{notes}");
    assert_eq!(
        report(&program),
        [
            "01-01 Summer Facebok 20 2.25",
            "01-01 Summer Facebook 10 1.5",
            "01-02 Summer Facebok 70 7",
            "01-02 Winter Facebok 0 0",
            "01-03 Winter Facebook 0 0",
        ]
    );
    assert_eq!(named(&program, "campaign"), ["Summer"]);
    // A file that names it with its own offer and app, only by its network id, and by its own id.
    let own = program.file(
        "own.csv",
        "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n\
         2026-02-01,Winter,Facebook,1,1,Gems,Gems,com.example.gems,ANDROID\n\
         2026-02-02,Winter,Facebook,1,1,Coin Game,Coin Game,com.example.coingame,ANDROID\n",
    );
    assert_eq!(program.json(&["import", &own, "--advertiser", "Acme"])["notes"][0]["code"], "merged");
    let network = program.file(
        "network.csv",
        "date,campaign_name,partner,clicks,cost,network_campaign_id\n2026-02-03,Spring,Facebok,2,2,n2\n",
    );
    let told = program.json(&["import", &network, "--advertiser", "Acme"]);
    assert_eq!(told["notes"][0]["code"], "renamed", "{told}");
    let after = report(&program);
    for row in ["02-01 Summer Facebook 1 1", "02-02 Summer Facebook 1 1", "02-03 Summer Facebok 2 2"] {
        assert!(after.contains(&row.to_owned()), "{after:#?}");
    }
    program.ok(&["imports", "undo", merged["importId"].as_str().unwrap()]);
    assert_eq!(named(&program, "campaign"), ["Summer", "Winter"]);
    let again = program.file(
        "again.csv",
        "date,campaign_name,partner,clicks,cost,network_campaign_id\n2026-02-04,Spring,Facebok,3,3,n2\n",
    );
    program.ok(&["import", &again, "--advertiser", "Acme"]);
    let after = report(&program);
    let rows = ["01-02 Winter Facebok 40 4", "02-04 Winter Facebok 3 3"];
    assert!(rows.iter().all(|row| after.contains(&(*row).to_owned())), "{after:#?}");
}

#[test]
fn an_impossible_merge_is_refused_and_changes_nothing() {
    let program = program();
    let more = program.file(
        "more.csv",
        format!("{HEADER}2026-01-01,Summer,Google,1,1\n")
            .replace("cost\n", "cost,offer_name,app,store_id,os\n")
            .replace("1,1\n", "1,1,Coin Game,Coin Game,com.example.coingame,ANDROID\n"),
    );
    program.ok(&["import", &more, "--advertiser", "Acme", "--create-missing"]);
    program.ok(&["advertiser", "create", "--name", "Other"]);
    let before = report(&program);
    let merge = |from: &str, into: &str| program.fails(&["publisher", "merge", from, "--into", into]);
    assert!(merge("Google", "Google").contains("\"Google\" can't be merged into itself"));
    assert!(merge("Gogle", "Google").contains("there is no publisher \"Gogle\""));
    let foreign = program.fails(&["campaign", "merge", "Winter", "--into", "Summer", "--advertiser", "Other"]);
    assert!(foreign.contains("there is no campaign \"Winter\""), "{foreign}");
    // The network's id n2 means Winter at one publisher, and would mean Summer at the other.
    let other = program.file(
        "other.csv",
        "date,campaign_name,partner,clicks,cost,network_campaign_id\n2026-01-09,Summer,Google,0,0,n2\n",
    );
    program.ok(&["import", &other, "--advertiser", "Acme"]);
    let clash = merge("Google", "Facebok");
    assert!(clash.contains("\"n2\" is \"Summer\" and \"Winter\""), "{clash}");
    // Final days need a reason.
    program.ok(&["imports", "mark", "final", "--advertiser", "Acme", "--from", "2026-01-01", "--to", "2026-01-01"]);
    let last = merge("Facebok", "Facebook");
    assert!(last.contains("days that are final would change: 2026-01-01 (2 rows)"), "{last}");
    let mut expected = before;
    expected.push("01-09 Summer Google 0 0".to_owned());
    assert_eq!(report(&program).len(), expected.len());
    assert_eq!(named(&program, "publisher").len(), 3);
    let done = program.run(&["publisher", "merge", "Facebok", "--into", "Facebook", "--reason", "one and the same"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    // A chain: a merged name finds the end of it.
    assert!(merge("Google", "Facebook").contains("\"n2\""));
    program.ok(&["campaign", "merge", "Winter", "--into", "Summer", "--advertiser", "Acme"]);
    program.ok(&["publisher", "merge", "Facebook", "--into", "Google", "--reason", "all one"]);
    let later = program.file("later.csv", format!("{HEADER}2026-03-01,Winter,Facebok,8,8\n"));
    program.ok(&["import", &later, "--advertiser", "Acme"]);
    assert!(report(&program).contains(&"03-01 Summer Google 8 8".to_owned()));
    // The first can't be undone before the second, which the error names.
    let entries = program.json(&["imports", "list"]);
    let merges: Vec<_> = entries.as_array().unwrap().iter().filter(|entry| entry["kind"] == "merge").collect();
    let undo = program.fails(&["imports", "undo", merges[2]["importId"].as_str().unwrap(), "--reason", "no"]);
    assert!(
        undo.contains("newer changes affect the same rows: merge") && undo.contains("Facebook into Google"),
        "{undo}"
    );
}

#[test]
fn an_undo_restores_no_figures_of_something_hidden() {
    let program = program();
    let zero = program.file("zero.csv", format!("{HEADER}2026-01-02,Winter,Facebok,0,0\n"));
    let zeroed = program.json(&["import", &zero, "--advertiser", "Acme"]);
    let merge = program.json(&["publisher", "merge", "Facebok", "--into", "Facebook"]);
    let undo = program.fails(&["imports", "undo", zeroed["importId"].as_str().unwrap()]);
    assert!(undo.contains("newer changes affect the same rows: merge"), "{undo}");
    program.ok(&["imports", "undo", merge["importId"].as_str().unwrap()]);
    program.ok(&["imports", "undo", zeroed["importId"].as_str().unwrap()]);
    assert_eq!(report(&program), BEFORE);
}

#[test]
fn a_merge_moves_all_advertisers_rows_of_a_publisher_and_the_api_knows_its_id() {
    let app = spawn_app();
    stock(&app.store);
    let [lumen, pixel] = ["Lumen", "Pixel"].map(|name| id("publisher", name).to_string());
    let (northwind, contoso) = (app.token(NORTHWIND, TokenScope::Report), app.token(CONTOSO, TokenScope::Report));
    let before = [&northwind, &contoso].map(|token| token.get(&may(SINGULAR_CSV)).into_text());
    let tag = northwind.get(&may(SINGULAR_CSV)).header("etag").unwrap().to_owned();
    let pair = app.store.read(|txn| pitlane::service::imports::MergePair::publishers(txn, "lumen", &pixel)).unwrap();
    let actor = pitlane::service::Actor::command_line();
    let done = pitlane::service::imports::merge(&app.store, &pair, None, None, &actor).unwrap();
    assert_eq!(done.outlook.parts.iter().map(|part| part.rows).collect::<Vec<_>>(), [3, 1]);
    assert_ne!(northwind.get(&may(SINGULAR_CSV)).header("etag"), Some(tag.as_str()));
    let rows = |text: &str, publisher: &str| text.lines().filter(|line| line.contains(publisher)).count();
    let after = [&northwind, &contoso].map(|token| token.get(&may(SINGULAR_CSV)).into_text());
    // A row of zeros stays.
    for ((before, after), (own, other)) in before.iter().zip(&after).zip([(3, 2), (1, 1)]) {
        // No row was lost, and the cost is the same.
        assert_eq!((rows(after, &lumen), rows(after, &pixel)), (own, other), "{after}");
        let cost = |text: &str| -> i128 {
            text.lines().skip(1).map(|line| crate::model::micros(line.split(',').nth(8).unwrap())).sum()
        };
        assert_eq!(cost(before), cost(after));
    }
    let ingest = app.token(NORTHWIND, TokenScope::Ingest);
    let body =
        format!("date,campaign_name,partner_id,partner,clicks,cost\n2025-05-29,AOS_TEST_2025,{lumen},Lumen,6,6\n");
    let answer = ingest.post(DAILY_STATS, "text/csv", body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let day = northwind.get(&ranged(SINGULAR_CSV, "2025-05-29", "2025-05-29")).into_text();
    assert_eq!((rows(&day, &lumen), rows(&day, &pixel)), (0, 1), "{day}");
    pitlane::service::imports::undo(&app.store, done.id, None, &actor).unwrap();
    let after = [&northwind, &contoso].map(|token| token.get(&may(SINGULAR_CSV)).into_text());
    assert_eq!(after[1], before[1]);
    assert_eq!(after[0].lines().count(), before[0].lines().count() + 1);
}

#[test]
fn a_campaign_moves_and_an_offers_id_is_given_once() {
    let program = program();
    let of = |name: &str| {
        let listed = program.json(&["campaign", "list"]);
        listed.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone()
    };
    let (summer, winter) = (of("Summer"), of("Winter"));
    assert_eq!(summer["id"], summer["offerId"]);
    let moved = program.json(&["campaign", "move", "Summer", "--advertiser", "Acme", "--offer", "Gems"]);
    assert_eq!((&moved["id"], &moved["offerId"], &moved["changed"]), (&summer["id"], &winter["offerId"], &true.into()));
    let now = of("Summer");
    assert_eq!((&now["id"], &now["offer"], &now["app"]), (&summer["id"], &"Gems".into(), &"Coin Game".into()));
    let args = ["report", "--advertiser", "Acme", "--from", "2026-01-01", "--to", "2026-01-01", "--format", "csv"];
    let text = program.ok(&args);
    assert!(text.lines().skip(1).all(|line| line.starts_with("2026-01-01,Gems,")), "{text}");
    // The offer that it left gets another campaign, with a new id.
    let new = program.file(
        "new.csv",
        "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n\
         2026-01-06,Autumn,Facebook,1,1,Coin Game,Coin Game,com.example.coingame,ANDROID\n",
    );
    program.ok(&["import", &new, "--advertiser", "Acme", "--create-missing"]);
    let autumn = of("Autumn");
    assert_eq!(autumn["offerId"], summer["offerId"]);
    assert_ne!(autumn["id"], summer["offerId"]);
    // It moves to another app too; moving it to where it is changes nothing.
    let moved = program.json(&["campaign", "move", "Summer", "--advertiser", "Acme", "--app", "com.example.gems"]);
    assert_eq!(moved["error"], Value::Null);
    assert!(
        program.fails(&["campaign", "move", "Summer", "--advertiser", "Acme", "--offer", "Nothing"]).contains("offer")
    );
    let dry = program.run(&["campaign", "move", "Summer", "--advertiser", "Acme", "--offer", "Coin Game", "--dry-run"]);
    assert!(dry.stderr.contains("Files that still name its old offer"), "{}", dry.stderr);
    assert_eq!(of("Summer")["offer"], "Gems");
}

#[test]
fn a_move_to_an_offer_that_is_off_says_what_singular_loses() {
    let (app, token) = stocked();
    let advertiser = app.store.read(|txn| txn.advertiser_get(NORTHWIND)).unwrap();
    let told = app
        .store
        .read(|txn| {
            let campaign = pitlane::service::names::campaign(txn, advertiser.key, "AOS_TEST_2025")?;
            let campaign = campaign.or_missing("campaign", "AOS_TEST_2025")?;
            let offer = pitlane::service::names::offer(txn, advertiser.key, "Hidden Gems")?.or_missing("offer", "")?;
            let app = pitlane::service::catalogue::app_of(txn, &advertiser, &campaign)?;
            let now = chrono::Utc::now();
            let told = pitlane::service::catalogue::move_outlook(txn, &advertiser, &campaign, (&offer, &app), now)?;
            Ok::<_, pitlane::service::ServiceError>((told, campaign, offer, app))
        })
        .unwrap();
    let (told, campaign, offer, target) = told;
    assert!(told.iter().any(|told| told.contains("Cost reporting of “Hidden Gems” is off")), "{told:?}");
    let change = pitlane::service::catalogue::Change::MoveCampaign(&campaign, &offer, &target);
    let actor = pitlane::service::Actor::command_line();
    pitlane::service::catalogue::change(&app.store, &advertiser, &change, &actor).unwrap();
    let text = token.get(&may(SINGULAR_CSV)).into_text();
    assert!(!text.contains("AOS_TEST_2025"), "{text}");
    // What was read before the move is outdated.
    let again = pitlane::service::catalogue::change(&app.store, &advertiser, &change, &actor);
    assert!(again.unwrap_err().to_string().contains("somebody else changed this"));
    state(&app.store, NORTHWIND, "date,campaign_name,partner,clicks,cost\n2025-05-29,AOS_TEST_2025,Lumen,1,1\n");
}
