//! Text that people typed is never code: on every page, and in downloads.

use pitlane::domain::{Count, Currency, Day, Figures, Micros, Name, Os, Role, StoreId};
use pitlane::server::{Access, ROUTES};
use pitlane::service::catalogue::{self, Change};
use pitlane::service::imports::KeptMapping;
use pitlane::service::{Actor, imports, stats};
use pitlane::store::StatKey;

use crate::harness::{App, EMAIL, spawn_app};

/// An advertiser with one of each kind of entry, all called `name`, and one cell for yesterday.
pub(crate) fn stock(app: &App, name: &str) {
    let (store, actor, name) = (&app.store, Actor::command_line(), Name::parse("name", name).unwrap());
    let currency = Currency::parse("EUR").unwrap();
    let advertiser =
        catalogue::create_advertiser(store, &name, currency, "Europe/Berlin".parse().unwrap(), &actor).unwrap();
    let change = |change: Change<'_>| catalogue::change(store, &advertiser, &change, &actor).unwrap();
    change(Change::AddApp(&name, &StoreId::parse(Os::Android, "com.example.coingame").unwrap()));
    change(Change::AddOffer(&name, true));
    let (app, offer) = store
        .read(|txn| {
            let (mut apps, mut offers) = (txn.app_list(advertiser.key)?, txn.offer_list(advertiser.key)?);
            Ok::<_, pitlane::store::StoreError>((apps.remove(0), offers.remove(0)))
        })
        .unwrap();
    change(Change::AddCampaign(&name, &offer, &app));
    catalogue::create_publisher(store, &name, &actor).unwrap();
    imports::save_mapping(store, &name, &["Day".to_owned()], &KeptMapping::default(), &actor).unwrap();
    let (campaign, publisher) = store
        .read(|txn| {
            let (campaigns, publishers) = (txn.campaign_list(advertiser.key)?, txn.publisher_list()?);
            Ok::<_, pitlane::store::StoreError>((campaigns[0].key, publishers[0].key))
        })
        .unwrap();
    let day = Day::try_from(chrono::Utc::now().date_naive()).unwrap().earlier(1).unwrap().to_stored();
    let figures = Figures {
        clicks: Count::new("clicks", 100).unwrap(),
        cost: Micros::parse("69.5").unwrap().0,
        ..Figures::default()
    };
    let key = StatKey { advertiser: advertiser.key, day, campaign, publisher };
    stats::edit(store, key, figures, &"a first try".parse().unwrap(), "the first cell", &actor).unwrap();
}

#[test]
fn a_script_in_a_name_is_text_on_every_page() {
    let app = spawn_app();
    stock(&app, "<script>alert(1)</script>");
    let mut ada = app.person(EMAIL, Role::Admin);
    let mut shown = 0;
    for line in ROUTES.iter().filter(|line| line.access != Access::Anyone && line.path.starts_with("/admin")) {
        if line.method.as_str() != "GET" || line.path.contains('{') || line.path.ends_with("csv") {
            continue;
        }
        let page = match line.path {
            // The page of one day needs a date.
            "/admin/singular/day" => {
                let yesterday = chrono::Utc::now().date_naive().pred_opt().unwrap();
                ada.get(&format!("{}?day={yesterday}", line.path))
            }
            path => ada.get(path),
        };
        assert_eq!(page.status, 200, "{}", line.path);
        assert!(!page.text().contains("<script>"), "{}", line.path);
        shown += usize::from(page.text().contains("alert(1)"));
    }
    assert!(shown > 10, "the name was on {shown} pages only");
}

#[test]
fn no_formula_runs_from_a_download() {
    let app = spawn_app();
    stock(&app, "=HYPERLINK(\"https://evil.example\")");
    let mut ada = app.person(EMAIL, Role::Admin);
    for path in ["/admin/stats.csv", "/admin/singular/links.csv?link=https://example.sng.link/Abc12"] {
        let answer = ada.get(path);
        assert!(answer.header("content-type").unwrap().starts_with("text/csv"));
        let mut rows = csv::Reader::from_reader(answer.body.as_slice());
        let row = rows.records().next().unwrap().unwrap();
        assert!(row.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@'])), "{row:?}");
        assert!(row.iter().any(|cell| cell == "'=HYPERLINK(\"https://evil.example\")"), "{row:?}");
    }
}
