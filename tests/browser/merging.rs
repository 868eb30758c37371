//! Merging and moving on the pages: what is shown first, what two people at the same time get, and the undo.

use pitlane::domain::{Name, Role};
use pitlane::service::{Actor, catalogue};
use pitlane::store::AdvertiserRow;

use crate::harness::{App, Browser, EMAIL, PASSWORD, run, spawn_app};
use crate::imports::import_file;
use crate::words::stock;

/// Publishers Facebook and Facebok, campaigns Summer and Winter of two offers, three days.
pub(crate) fn two_of_each(app: &App) -> AdvertiserRow {
    stock(app, "Coin Game");
    add_others(app);
    app.store.read(|txn| txn.advertiser_list()).unwrap().remove(0)
}

/// The same beside what [`stock`] made.
pub(crate) fn add_others(app: &App) {
    import(
        app,
        "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n\
         2026-01-01,Summer,Facebook,10,1.5,Coins,Coins,com.example.coins,ANDROID\n\
         2026-01-01,Summer,Facebok,20,2.25,Coins,Coins,com.example.coins,ANDROID\n\
         2026-01-02,Winter,Facebok,30,3,Gems,Gems,com.example.gems,ANDROID\n",
    );
}

fn import(app: &App, text: &str) {
    import_for(app, "Coin Game", text);
}

/// Imports rows, and creates what they name.
pub(crate) fn import_for(app: &App, advertiser: &str, text: &str) {
    import_file(app, advertiser, "a test", text);
}

/// The page of the entry with this name.
pub(crate) fn page(app: &App, noun: &str, name: &str) -> String {
    let sql = format!("select id from {noun} where name = ?1");
    let id: String = app.database().query_row(&sql, [name], |row| row.get(0)).unwrap();
    format!("/admin/catalogue/{noun}/{id}")
}

fn id(page: &str) -> &str {
    page.rsplit('/').next().unwrap()
}

/// The cost of a campaign at a publisher, in millionths.
fn cost(app: &App, campaign: &str, publisher: &str) -> i64 {
    let sql = "select coalesce(sum(cost_micros), 0) from daily_stats
        join campaigns using (campaign_key) join publishers using (publisher_key)
        where campaigns.name = ?1 and publishers.name = ?2";
    app.database().query_row(sql, [campaign, publisher], |row| row.get(0)).unwrap()
}

#[test]
fn a_publisher_is_merged_and_comes_back() {
    run(async {
        let app = spawn_app();
        two_of_each(&app);
        app.admit(EMAIL, Role::Admin);
        for scripts in [true, false] {
            let browser = Browser::open(&app, scripts).await;
            browser.go("/admin/catalogue/publishers").await;
            browser.fill("email", EMAIL).await;
            browser.fill("password", PASSWORD).await;
            browser.press("Log in").await;
            browser.follow("Facebok").await;
            browser.follow("Merge it into another publisher").await;
            browser.fill("into", "Facebook").await;
            browser.press("See what would change").await;
            for told in [
                "Merge Facebok into Facebook?",
                "2 rows of 2 days go from “Facebok” to “Facebook”, with a cost of 5.25 EUR and 50 clicks: 1 Jan 2026 to 2 Jan 2026.",
                "1 row meets figures of “Facebook” on the same day, to which it is added:",
                "Singular has not polled yet",
            ] {
                browser.sees(told).await;
            }
            assert_eq!(cost(&app, "Summer", "Facebok"), 2_250_000);
            browser.press("Merge publishers").await;
            browser.sees("Merged. You can undo it here").await;
            browser.sees("Merge of Facebok into Facebook").await;
            assert_eq!((cost(&app, "Summer", "Facebok"), cost(&app, "Summer", "Facebook")), (0, 3_750_000));
            browser.go("/admin/catalogue/publishers").await;
            assert!(!browser.text("main").await.contains("Facebok"));
            browser.follow("Facebook").await;
            browser.sees("“Facebok” was merged into it; its name and its id stand for this one.").await;
            browser.go(&page(&app, "publishers", "Facebok")).await;
            browser.sees("It was merged into “Facebook”").await;
            browser.follow("See the merge, which can be undone").await;
            browser.follow("Undo this import").await;
            browser.sees("“Facebok” is in lists and choices again").await;
            browser.press("Undo import").await;
            browser.sees("Import undone.").await;
            assert_eq!((cost(&app, "Summer", "Facebok"), cost(&app, "Summer", "Facebook")), (2_250_000, 1_500_000));
            browser.close().await;
        }
    });
}

#[test]
fn a_campaign_is_merged_with_what_differs_told() {
    let app = spawn_app();
    let advertiser = two_of_each(&app);
    catalogue::switch_offer(&app.store, &advertiser.name, "Coins", false, &Actor::command_line()).unwrap();
    let mut ada = app.person(EMAIL, Role::Admin);
    let (summer, winter) = (page(&app, "campaigns", "Summer"), page(&app, "campaigns", "Winter"));
    let choice = ada.get(&format!("{winter}/merge"));
    let own = format!("<option value=\"{}\"", id(&winter));
    assert!(!choice.text().contains(&own) && choice.text().contains(id(&summer)), "{}", choice.text());
    let chosen = ada.submit(&choice, &[("into", id(&summer))]);
    let asked = ada.follow(chosen);
    for told in ["Cost reporting of “Coins” is off: Singular gets zeros for “Winter”, and nothing of “Summer”", "pcid"]
    {
        assert!(asked.text().contains(told), "{told}: {}", asked.text());
    }
    let merged = ada.submit(&asked, &[]);
    assert_eq!(merged.status, 303, "{}", merged.text());
    assert_eq!((cost(&app, "Winter", "Facebok"), cost(&app, "Summer", "Facebok")), (0, 5_250_000));
    // Neither its page nor its row of zeros has a form, and requests that change them are refused.
    let hidden = ada.get(&winter);
    assert!(hidden.text().contains("It was merged into “Summer”") && !hidden.text().contains("class=\"fields\""));
    let cell = format!(
        "/admin/stats/cell?day=2026-01-02&campaign={}&publisher={}",
        id(&winter),
        id(&page(&app, "publishers", "Facebok"))
    );
    let row = ada.get(&cell);
    assert!(
        row.text().contains("was merged into another") && !row.text().contains("class=\"fields\""),
        "{}",
        row.text()
    );
    assert!(row.text().contains("History") && row.text().contains("Merge of Winter into Summer"), "{}", row.text());
    let publisher = page(&app, "publishers", "Facebok");
    let fields = [
        ("day", "2026-01-02"),
        ("campaign", id(&winter)),
        ("publisher", id(&publisher)),
        ("clicks", "1"),
        ("cost", "1"),
        ("reason", "no"),
    ];
    let forged = ada.post("/admin/stats/cell", &fields);
    assert!(forged.text().contains("was merged into another"), "{}", forged.text());
    for (path, fields) in [(winter.clone(), [("name", "Spring")]), (format!("{winter}/move"), [("offer", "Coins")])] {
        let forged = ada.post(&path, &fields);
        assert_ne!(forged.status, 303, "{path}");
    }
    assert_eq!((cost(&app, "Winter", "Facebok"), cost(&app, "Summer", "Facebok")), (0, 5_250_000));
    // A typed name finds the entry that is kept.
    let fields =
        [("day", "2026-01-09"), ("campaign", "Winter"), ("publisher", "Facebok"), ("clicks", "1"), ("cost", "1")];
    assert_eq!(ada.post("/admin/stats/cell", &fields).status, 303);
    assert_eq!((cost(&app, "Winter", "Facebok"), cost(&app, "Summer", "Facebok")), (0, 6_250_000));
}

#[test]
fn two_people_at_once_merge_nothing_unseen() {
    let app = spawn_app();
    two_of_each(&app);
    let (mut ada, mut ben) = (app.person(EMAIL, Role::Admin), app.person("ben@example.com", Role::Admin));
    let (slip, kept) = (page(&app, "publishers", "Facebok"), page(&app, "publishers", "Facebook"));
    let path = format!("{slip}/merge/{}", id(&kept));
    // Stats were added while the page was open.
    let seen = ada.get(&path);
    import(&app, "date,campaign_name,partner,clicks,cost\n2026-01-03,Summer,Facebok,1,1\n");
    let asked = ada.submit(&seen, &[]);
    assert_eq!(asked.status, 422, "{}", asked.text());
    assert!(
        asked.text().contains("so nothing was merged") && asked.text().contains("3 rows of 3 days"),
        "{}",
        asked.text()
    );
    assert_eq!(cost(&app, "Summer", "Facebok"), 3_250_000);
    // Somebody renamed it.
    let name = Name::parse("name", "Meta").unwrap();
    let row =
        app.store.read(|txn| txn.publisher_list()).unwrap().into_iter().find(|row| row.name == "Facebook").unwrap();
    catalogue::rename_publisher(&app.store, &row, &name, &Actor::command_line()).unwrap();
    let renamed = ada.submit(&asked, &[]);
    assert_eq!(renamed.status, 422, "{}", renamed.text());
    assert!(renamed.text().contains("from “Facebook” to “Meta”"), "{}", renamed.text());
    // Both send the form: one merges, the other is told.
    let (hers, his) = (ada.get(&path), ben.get(&path));
    assert_eq!(ada.submit(&hers, &[]).status, 303);
    let late = ben.submit(&his, &[]);
    assert_eq!(late.status, 200, "{}", late.text());
    assert!(late.text().contains("was merged into &#34;Meta&#34; already"), "{}", late.text());
    assert_eq!((cost(&app, "Summer", "Facebok"), cost(&app, "Summer", "Meta")), (0, 4_750_000));
    let merges: i64 = app.database().query_row("select count(*) from merges", (), |row| row.get(0)).unwrap();
    assert_eq!(merges, 1);
    // Into itself, into something hidden, and into nothing.
    for (path, told) in [
        (format!("{kept}/merge/{}", id(&kept)), "be merged into itself"),
        (format!("{kept}/merge/{}", id(&slip)), "was merged into"),
    ] {
        let refused = ada.get(&path);
        assert!(refused.text().contains(told) && !refused.text().contains("class=\"fields\""), "{}", refused.text());
        assert_ne!(ada.post(&path, &[]).status, 303);
    }
    assert_eq!(ada.get(&format!("{kept}/merge/{}", id(&page(&app, "campaigns", "Summer")))).status, 404);
}

#[test]
fn a_campaign_is_moved_once_it_is_seen_what_that_changes() {
    let app = spawn_app();
    let advertiser = two_of_each(&app);
    let mut ada = app.person(EMAIL, Role::Admin);
    let summer = page(&app, "campaigns", "Summer");
    let place = || -> (String, String, String) {
        let sql = "select campaigns.id, offers.name, apps.name from campaigns join offers using (offer_key)
            join apps using (app_key) where campaigns.name = 'Summer'";
        app.database().query_row(sql, (), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap()
    };
    let before = place();
    let gems = id(&page(&app, "offers", "Gems")).to_owned();
    let coins_app: String =
        app.database().query_row("select id from apps where name = 'Coins'", (), |row| row.get(0)).unwrap();
    let form = ada.get(&format!("{summer}/move"));
    let fields = [("offer", gems.as_str()), ("app", coins_app.as_str())];
    let asked = ada.submit(&form, &fields);
    assert_eq!(asked.status, 200, "{}", asked.text());
    for told in
        ["reported under the offer “Gems” on Coins", "Its id", "pcn", "Singular has not polled yet", "Move campaign"]
    {
        assert!(asked.text().contains(told), "{told}: {}", asked.text());
    }
    assert_eq!(place(), before);
    // The offer was switched off in the meantime, and the page says so first.
    catalogue::switch_offer(&app.store, &advertiser.name, "Gems", false, &Actor::command_line()).unwrap();
    let again = ada.submit(&asked, &fields);
    assert_eq!(again.status, 200, "{}", again.text());
    assert!(again.text().contains("Cost reporting of “Gems” is off: its rows disappear"), "{}", again.text());
    assert_eq!(place(), before);
    let moved = ada.submit(&again, &fields);
    assert_eq!(moved.status, 303, "{}", moved.text());
    assert_eq!(place(), (before.0.clone(), "Gems".to_owned(), "Coins".to_owned()));
    // Sending it again finds it done; for another target, somebody else has moved it.
    assert!(ada.submit(&again, &fields).text().contains("runs that offer on that app already"));
    let other = id(&page(&app, "offers", "Coin Game")).to_owned();
    let late = ada.submit(&asked, &[("offer", other.as_str()), ("app", coins_app.as_str())]);
    assert_eq!(late.status, 422, "{}", late.text());
    assert!(late.text().contains("changed this from “Coins” to “Gems"), "{}", late.text());
    let back = ada.get(&format!("{summer}/move"));
    let coins = id(&page(&app, "offers", "Coins")).to_owned();
    let asked = ada.submit(&back, &[("offer", coins.as_str()), ("app", coins_app.as_str())]);
    assert!(asked.text().contains("of “Coins” on: its rows become visible to Singular"), "{}", asked.text());
}

#[test]
fn names_that_look_the_same_are_one_in_forms_too_and_twins_are_offered() {
    let app = spawn_app();
    two_of_each(&app);
    let mut ada = app.person(EMAIL, Role::Admin);
    let publishers = "/admin/catalogue/publishers/new";
    ada.get(publishers);
    let refused = ada.post(publishers, &[("name", "FACE\u{200b}BOOK")]);
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert!(
        refused.text().contains("There is already a publisher &#34;Facebook&#34;, which counts as the same name"),
        "{}",
        refused.text()
    );
    let renamed = ada.post(&page(&app, "publishers", "Facebok"), &[("name", "facebook")]);
    assert_eq!(renamed.status, 422, "{}", renamed.text());
    // Its own name may be spelled otherwise.
    assert_eq!(ada.post(&page(&app, "publishers", "Facebook"), &[("name", "facebook")]).status, 303);
    assert_eq!(ada.post(&page(&app, "publishers", "facebook"), &[("name", "Facebook")]).status, 303);
    for (noun, name) in [("offers", "Co\u{200b}ins"), ("campaigns", "Sum\u{ad}mer")] {
        let path = format!("/admin/catalogue/{noun}/new");
        let form = ada.get(&path);
        let (offer, place) = (page(&app, "offers", "Coins"), page(&app, "apps", "Coins"));
        let fields = [("name", name), ("offer", id(&offer)), ("app", id(&place))];
        let refused = ada.submit(&form, &fields);
        assert_eq!(refused.status, 422, "{}", refused.text());
        assert!(refused.text().contains("counts as the same name"), "{}", refused.text());
    }
    // Another campaign that differs only in letter case is pointed out once.
    let form = ada.get("/admin/catalogue/campaigns/new");
    let (offer, place) = (page(&app, "offers", "Coins"), page(&app, "apps", "Coins"));
    let fields = [("name", "SUMMER"), ("offer", id(&offer)), ("app", id(&place))];
    let pointed = ada.submit(&form, &fields);
    assert_eq!(pointed.status, 422, "{}", pointed.text());
    assert!(pointed.text().contains("“Summer” differs from it only in letter case"), "{}", pointed.text());
    assert_eq!(ada.submit(&pointed, &fields).status, 303);
    // Old names that are now equal are offered for merging.
    app.database()
        .execute(
            "insert into publishers (id, name, created_at) values (?1, 'FACEBOOK', 0)",
            ["00000000-0000-4000-8000-000000000001"],
        )
        .unwrap();
    let twin = ada.get(&page(&app, "publishers", "Facebook"));
    assert!(twin.text().contains("“FACEBOOK” looks the same"), "{}", twin.text());
    let way = format!(
        "/admin/catalogue/publishers/00000000-0000-4000-8000-000000000001/merge/{}",
        id(&page(&app, "publishers", "Facebook"))
    );
    assert!(twin.text().contains(&way), "{}", twin.text());
    let asked = ada.get(&way);
    assert_eq!(ada.submit(&asked, &[]).status, 303);
    import(&app, "date,campaign_name,partner,clicks,cost\n2026-01-05,Summer,faceBOOK,1,1\n");
    assert_eq!(cost(&app, "Summer", "Facebook"), 2_500_000);
}
