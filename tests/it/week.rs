//! A week with Singular, replayed through real polls, pages, commands and e-mails with a clock that the test sets.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::alarm_world::World;

/// The days that differ, counted back from today, by state.
fn states(told: &Value, world: &World) -> BTreeMap<i64, String> {
    let days = told["days"].as_array().unwrap().iter();
    days.map(|day| {
        let date: chrono::NaiveDate = day["date"].as_str().unwrap().parse().unwrap();
        ((world.ago(0) - date).num_days(), day["state"].as_str().unwrap().to_owned())
    })
    .collect()
}

/// `pitlane singular status` exits with this code and lists these days.
#[track_caller]
fn stands(world: &World, code: i32, expected: impl IntoIterator<Item = (i64, &'static str)>) -> Value {
    let (ended, told) = world.status();
    let expected: BTreeMap<_, _> = expected.into_iter().map(|(back, state)| (back, state.to_owned())).collect();
    assert_eq!((ended, states(&told, world)), (Some(code), expected));
    told
}

/// The page contains all of these texts.
#[track_caller]
fn shows(world: &World, path: &str, texts: &[&str]) {
    let page = world.person().get(path).into_text();
    for text in texts {
        assert!(page.contains(text), "{path} lacks {text:?}: {page}");
    }
}

fn day(world: &World, back: u64) -> String {
    world.ago(back).format("%-d %b %Y").to_string()
}

fn needs(days: &str) -> String {
    format!("Acme: Singular needs a refresh request: it does not have what the report says for {days}.")
}

/// Midnight, when the connector polls; the import of yesterday at eight; the second poll an hour later.
fn a_day_begins(world: &mut World, date: &str) {
    world.set(&format!("{date}T00:03:00Z"));
    world.poll_daily();
    world.set(&format!("{date}T08:00:00Z"));
    world.state(&[world.ago(1)], "1.5");
    world.set(&format!("{date}T09:00:00Z"));
    world.poll(world.ago(7), world.ago(1));
}

fn next_look(world: &mut World) {
    world.clock.advance(chrono::TimeDelta::minutes(11));
}

#[test]
fn a_week_is_replayed() {
    let mut world = World::new(&[]);
    first_connect(&mut world);
    for date in ["2027-03-02", "2027-03-03", "2027-03-04"] {
        a_day_begins(&mut world, date);
        stands(&world, 0, []);
    }
    let (_, told) = world.status();
    assert_eq!(told["lookBackDays"], serde_json::json!({"days": 7, "source": "observed"}));
    restatements(&mut world);
    an_outage(&mut world);
    an_empty_day(&mut world);
    a_switch_and_a_rename(&mut world);
    world.restart(false);
    assert!(world.is_quiet());
}

fn first_connect(world: &mut World) {
    world.state(&(1..=100).chain([250]).map(|back| world.ago(back)).collect::<Vec<_>>(), "1.5");
    let never = (1..=100).chain([250]).map(|back| (back, "never_served"));
    let told = stands(world, 1, never);
    assert_eq!(told["polling"]["state"], "never");
    shows(world, "/admin/singular", &["Singular has not polled yet"]);
    // An import that brought rows is told with all of them.
    shows(
        world,
        &format!("/admin/singular/day?day={}", world.ago(250)),
        &["No poll ever asked", "<td class=\"figure\">2</td>"],
    );
    world.poll(world.ago(90), world.ago(0));
    world.poll(world.ago(260), world.ago(240));
    let told = stands(world, 1, (91..=100).map(|back| (back, "never_served")));
    assert_eq!((&told["polling"]["state"], &told["lookBackDays"]["source"]), (&"alive".into(), &"assumed".into()));
    next_look(world);
    let days = format!("10 days between {} and {}", day(world, 100), day(world, 91));
    world.told(&[("opened", &needs(&days))]);
    // The request can be copied, is ticked, and its polls arrive.
    let (from, to) = (world.ago(100).to_string(), world.ago(91).to_string());
    let text = format!("Please refresh the data of the GoKart connector of “Acme” for {from} to {to}");
    shows(world, "/admin/singular", &["Refresh request 1 of 1", &text, "brings +30.00 USD"]);
    let mut ada = world.person();
    ada.get("/admin/singular");
    let sent = ada.post("/admin/singular/refresh", &[("from", &from), ("to", &to)]);
    assert!(ada.follow(sent).text().contains("asked for on 1 Mar 2027"));
    shows(world, "/admin/singular", &["not asked for since"]);
    world.poll(world.ago(100), world.ago(91));
    shows(world, "/admin/singular", &["arrived 1 Mar 2027", "Singular was handed everything"]);
    next_look(world);
    world.told(&[("over", &format!("Over: {}", needs(&days)))]);
    stands(world, 0, []);
}

/// The polls of three dates came then.
const NEXT: &str = "The next poll is expected tomorrow around 00:03.";

fn restatements(world: &mut World) {
    let restated = [1, 20, 253].map(|back| world.ago(back));
    world.state(&restated, "2.25");
    let told = stands(world, 1, [(1, "next_poll"), (20, "refresh"), (253, "out_of_reach")]);
    let difference = &told["days"][1];
    assert_eq!(
        (difference["served"]["cost"].to_string(), difference["held"]["cost"].to_string()),
        ("3".into(), "4.5".into())
    );
    assert_eq!(difference["campaigns"][0]["differs"], serde_json::json!(["cost"]));
    assert_eq!(told["refreshRequests"][0]["costDifference"].to_string(), "1.5");
    next_look(world);
    let needed = needs(&day(world, 20));
    world.told(&[("opened", &needed)]);
    let page = |back: u64| format!("/admin/singular/day?day={}", world.ago(back));
    shows(world, &page(1), &["comes with the next poll", "Nothing to do: polls look back 7 days", NEXT]);
    shows(world, "/admin/singular", &[NEXT]);
    shows(world, &page(20), &["needs a refresh request", "rows.csv", "command line", "+1.50 USD"]);
    shows(world, &page(253), &["out of Singular’s reach", "Singular refreshes nothing older than 6 months"]);
    shows(world, "/admin/singular", &["1 day can’t be corrected in Singular", "+1.50 USD"]);
    let mut ada = world.person();
    ada.get("/admin/singular");
    let accepted = ada.post("/admin/singular/accept", &[]);
    assert!(!ada.follow(accepted).text().contains("can’t be corrected in Singular"));
    a_day_begins(world, "2027-03-05");
    stands(world, 1, [(21, "refresh"), (254, "out_of_reach")]);
    world.poll(world.ago(34), world.ago(21));
    stands(world, 0, [(254, "out_of_reach")]);
    next_look(world);
    world.told(&[("over", &format!("Over: {needed}"))]);
}

fn an_outage(world: &mut World) {
    world.set("2027-03-06T08:00:00Z");
    world.state(&[world.ago(1)], "1.5");
    world.set("2027-03-06T11:30:00Z");
    let stopped = |span: &str| format!("Acme: Singular has stopped polling: the last poll was {span} ago.");
    world.told(&[("opened", &stopped("26 hours"))]);
    let told = stands(world, 1, [(1, "next_poll"), (255, "out_of_reach")]);
    assert_eq!(told["polling"]["state"], "stopped");
    shows(world, "/admin/singular", &["Singular has stopped polling"]);
    let late = format!("/admin/singular/day?day={}", world.ago(1));
    shows(world, &late, &["the next one asks for this day. But Singular has stopped polling."]);
    shows(world, "/admin/", &["Singular has stopped polling"]);
    world.set("2027-03-07T08:00:00Z");
    world.state(&[world.ago(1)], "1.5");
    world.set("2027-03-07T11:45:00Z");
    world.told(&[("reminder", &format!("Still: {}", stopped("2 days")))]);
    world.poll_daily();
    next_look(world);
    world.told(&[("over", &format!("Over: {}", stopped("2 days")))]);
    stands(world, 0, [(256, "out_of_reach")]);
}

fn an_empty_day(world: &mut World) {
    world.set("2027-03-08T00:03:00Z");
    world.poll_daily();
    world.set("2027-03-08T12:30:00Z");
    let missing = format!("Acme: There are no stats for yesterday, {}.", day(world, 1));
    world.told(&[("opened", &missing)]);
    world.poll_daily();
    let late = day(world, 1);
    world.state(&[world.ago(1)], "1.5");
    let told = stands(world, 0, [(1, "next_poll"), (257, "out_of_reach")]);
    assert_eq!(told["days"][1]["served"]["rows"], 0);
    next_look(world);
    let less =
        format!("Acme: Singular got nothing for {late}; usually it gets 2. The next poll brings what is there now.");
    world.told(&[("opened", &less), ("over", &format!("Over: {missing}"))]);
    a_day_begins(world, "2027-03-09");
    stands(world, 0, [(258, "out_of_reach")]);
    next_look(world);
    world.told(&[("over", &format!("Over: {less}"))]);
}

fn a_switch_and_a_rename(world: &mut World) {
    let affected = || (1..=7).map(|back| (back, "next_poll")).chain((8..=108).map(|back| (back, "refresh")));
    let days = format!("101 days between {} and {}", day(world, 108), day(world, 8));
    let needed = needs(&days);
    world.ok(&["offer", "disable", "Second", "--advertiser", "Acme"]);
    let told = stands(world, 1, affected().chain([(258, "out_of_reach")]));
    assert_eq!(told["days"][5]["held"]["rows"], 1);
    assert_eq!(told["refreshRequests"].as_array().unwrap().len(), 8);
    next_look(world);
    world.told(&[("opened", &needed)]);
    world.ok(&["offer", "enable", "Second", "--advertiser", "Acme"]);
    stands(world, 0, [(258, "out_of_reach")]);
    next_look(world);
    world.told(&[("over", &format!("Over: {needed}"))]);

    let offers = world.ok(&["--json", "offer", "list", "--advertiser", "Acme"]);
    let offers: Value = serde_json::from_str(&offers).unwrap();
    let first = offers.as_array().unwrap().iter().find(|offer| offer["name"] == "First").unwrap();
    let mut ada = world.person();
    let form = ada.get(&format!("/admin/catalogue/offers/{}", first["id"].as_str().unwrap()));
    assert!(form.text().contains("101 days need a refresh request in Singular"), "{}", form.text());
    assert_eq!(ada.submit(&form, &[("name", "Renamed")]).status, 303);
    let told = stands(world, 1, affected().chain([(258, "out_of_reach")]));
    assert_eq!(told["days"][5]["campaigns"][0]["differs"], serde_json::json!(["offer_name"]));
    next_look(world);
    world.told(&[("opened", &needed)]);
    for request in told["refreshRequests"].as_array().unwrap() {
        let date = |name: &str| request[name].as_str().unwrap().parse().unwrap();
        world.poll(date("from"), date("to"));
    }
    world.poll_daily();
    stands(world, 0, [(258, "out_of_reach")]);
    next_look(world);
    world.told(&[("over", &format!("Over: {needed}"))]);
}
