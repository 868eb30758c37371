//! Tracking links: generated ones are right, and any single change to one is noticed.

use pitlane::domain::Os;
use pitlane::service::connect::links::{Meant, Pairs, TrackingLink, verify};
use pitlane::store::Store;
use proptest::prelude::*;

use crate::common::program::Program;
use crate::fixtures::{Campaign, NORTHWIND, add_advertiser, add_campaigns, add_publishers, csv, id, state};

const LINK: &str = "https://northwind.sng.link/Abc12/wxyz?_dl=game%3A%2F%2Fopen&_smtype=3&aifa={advertising-id}";

/// Names that need encoding, and a campaign and publisher without stats.
fn stocked() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let northwind = add_advertiser(&store, NORTHWIND);
    add_publishers(&store, &["Lumen", "Söhne & Co"]);
    add_campaigns(
        &store,
        &northwind,
        &[
            Campaign::of("50% off + \"más\" / 漢字?", "AOS_TEST"),
            Campaign::of("Coin Game", "COIN").on("Coin Game", Os::Ios, "77"),
        ],
    );
    let rows = [
        "2025-05-01,AOS_TEST,Lumen,1,1",
        "2025-05-02,AOS_TEST,Lumen,1,1",
        "2025-05-01,AOS_TEST,Söhne & Co,1,1",
        "2025-05-01,COIN,Lumen,1,1",
    ];
    state(&store, NORTHWIND, &csv(rows.map(str::to_owned)));
    (dir, store)
}

fn pairs(store: &Store) -> Pairs {
    store.read(|txn| Pairs::load(txn, txn.advertiser_get(NORTHWIND)?.key)).unwrap()
}

/// The codes of the problems, with their parameters.
fn wrong(pairs: &Pairs, link: &str, base: Option<&str>) -> Vec<String> {
    let (Ok(link), base) = (TrackingLink::parse(link), base.map(|base| TrackingLink::parse(base).unwrap())) else {
        return vec!["no link".to_owned()];
    };
    let found = verify(pairs, &link, base.as_ref(), &Meant::default()).unwrap();
    found.problems.iter().map(|problem| format!("{} {}", problem.parameter, problem.code)).collect()
}

fn made(pairs: &Pairs) -> Vec<String> {
    let base = TrackingLink::parse(LINK).unwrap();
    pairs.iter().map(|(campaign, publisher)| base.filled(campaign, publisher)).collect()
}

#[test]
fn a_link_is_made_for_each_pair_that_has_stats_and_keeps_what_was_pasted() {
    let (_dir, store) = stocked();
    let made = made(&pairs(&store));
    assert_eq!(made.len(), 3);
    let (campaign, publisher) = (id("offer", "50% off + \"más\" / 漢字?"), id("publisher", "Lumen"));
    let name = "50%25%20off%20%2B%20%22m%C3%A1s%22%20%2F%20%E6%BC%A2%E5%AD%97%3F";
    assert_eq!(made[0], format!("{LINK}&pcid={campaign}&pcn={name}&psid={publisher}"));
    for link in &made {
        assert_eq!(wrong(&pairs(&store), link, Some(LINK)), Vec::<String>::new());
    }
    // A link that is filled in already is filled in again.
    let again = TrackingLink::parse(&made[0]).unwrap();
    assert!(pairs(&store).iter().map(|(campaign, publisher)| again.filled(campaign, publisher)).eq(made));
}

#[test]
fn what_is_missing_unknown_or_another_is_told() {
    let (_dir, store) = stocked();
    let pairs = pairs(&store);
    let [first, second, third] = made(&pairs).try_into().unwrap();
    let without = |name: &str| {
        let kept = first.split('&').filter(|parameter| !parameter.starts_with(&format!("{name}=")));
        kept.collect::<Vec<_>>().join("&")
    };
    for name in ["pcid", "pcn", "psid"] {
        assert_eq!(wrong(&pairs, &without(name), None), [format!("{name} missing")]);
    }
    let (lumen, coin) = (id("publisher", "Lumen").to_string(), id("offer", "Coin Game").to_string());
    let soehne = id("publisher", "Söhne & Co").to_string();
    assert_eq!(wrong(&pairs, &third.replace(&lumen, &soehne), None), ["psid other"]);
    assert_eq!(wrong(&pairs, &third.replace(&lumen, &coin), None), ["psid unknown"]);
    assert_eq!(wrong(&pairs, &first.replace(&lumen, &lumen.to_uppercase()), None), ["psid spelling"]);
    assert_eq!(wrong(&pairs, &third.replace("Coin%20Game", "Coin+Game"), None), ["pcn spelling"]);
    assert_eq!(wrong(&pairs, &third.replace("Coin%20Game", "Coin"), None), ["pcn unknown"]);
    let offer = first.split("pcn=").nth(1).unwrap().split('&').next().unwrap();
    assert_eq!(wrong(&pairs, &third.replace("Coin%20Game", offer), None), ["pcn other"]);
    assert_eq!(wrong(&pairs, &format!("{second}&psid={soehne}"), None), ["psid twice"]);
    assert_eq!(wrong(&pairs, &second.replace("Abc12", "Abc13"), Some(LINK)), ["link other"]);
    // Another publisher's link is right by itself, and wrong if it was meant for this one.
    let meant = Meant { campaign: None, publisher: Some("Lumen".to_owned()) };
    let found = verify(&pairs, &TrackingLink::parse(&second).unwrap(), None, &meant).unwrap();
    assert_eq!(found.problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), ["other"]);
}

#[test]
fn any_single_change_to_a_link_is_found() {
    let (_dir, store) = stocked();
    let pairs = pairs(&store);
    let links = made(&pairs);
    let config = ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(which in 0..3_usize, at in any::<prop::sample::Index>(), kind in 0..3_u8, to in "[ -~]")| {
        let link = &links[which];
        let at = at.index(link.len());
        let mut changed = link.clone();
        match kind {
            0 => changed.replace_range(at..=at, &to),
            1 => changed.insert_str(at, &to),
            _ => drop(changed.remove(at)),
        }
        prop_assume!(changed != *link);
        prop_assert!(!wrong(&pairs, &changed, Some(LINK)).is_empty(), "{changed}");
    });
}

#[test]
fn the_command_prints_links_and_exits_with_1_on_a_wrong_one() {
    let (dir, _store) = stocked();
    let program = Program::on(dir.path());
    let links = program.json(&["singular", "links", "--advertiser", NORTHWIND, "--link", LINK]);
    assert_eq!(links.as_array().unwrap().len(), 3);
    let link = links[0]["link"].as_str().unwrap();
    let right = program.json(&["singular", "links", "--advertiser", NORTHWIND, "--link", LINK, "--verify", link]);
    assert_eq!((right["ok"].as_bool(), right["partner"]["name"].as_str()), (Some(true), Some("Lumen")));
    let bad = link.replace("pcid", "pcd");
    let wrong = program.run(&["--json", "singular", "links", "--advertiser", NORTHWIND, "--verify", &bad]);
    assert_eq!(wrong.code, Some(1));
    let said: serde_json::Value = serde_json::from_str(&wrong.stdout).unwrap();
    assert_eq!((said["ok"].as_bool(), said["problems"][0]["code"].as_str()), (Some(false), Some("missing")));
    let table = program.run(&["singular", "links", "--advertiser", NORTHWIND, "--link", LINK]);
    assert!(table.stderr.contains("--app") && table.stdout.contains(link), "{}{}", table.stderr, table.stdout);
}
