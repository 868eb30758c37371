//! What the preview of an import asks to settle, settled by its buttons.

use thirtyfour::prelude::*;

use crate::harness::{App, Browser, run, spawn_app};
use crate::imports::{enter, found, held, say_what_is_advertised, unfold, upload};
use crate::merging::import_for;

const HEADER: &str = "date,campaign_name,partner,clicks,cost";

/// Two days of Summer at Facebook.
fn before(app: &App) {
    found(app, "USD");
    import_for(
        app,
        "Northwind",
        "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n\
         2023-08-01,Summer,Facebook,10,100,Coin Game,Coin Game,com.example.coingame,ANDROID\n\
         2023-08-02,Summer,Facebook,20,200,Coin Game,Coin Game,com.example.coingame,ANDROID\n",
    );
}

async fn upload_csv(app: &App, browser: &Browser, csv: String) {
    let path = app.dir.path().join("later.csv");
    std::fs::write(&path, csv).unwrap();
    upload(browser, path.to_str().unwrap()).await;
}

/// Uploads these rows and goes on to the preview.
async fn preview(app: &App, browser: &Browser, rows: &str) {
    upload_csv(app, browser, format!("{HEADER}\n{rows}")).await;
    say_what_is_advertised(browser).await;
    browser.press("Check import").await;
    browser.sees("Nothing has changed yet.").await;
}

fn names(app: &App, table: &str) -> Vec<String> {
    let database = app.database();
    let mut statement = database.prepare(&format!("select name from {table} order by 1")).unwrap();
    statement.query_map((), |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

const RENAMED: &str = "2023-08-01,Summer Sale,Facebook,10,100\n2023-08-02,Summer Sale,Facebook,20,200\n\
    2023-08-03,Summer Sale,Facebook,30,300\n";

#[test]
fn a_campaign_that_the_network_renamed_is_renamed_here() {
    run(async {
        let app = spawn_app();
        before(&app);
        let browser = enter(&app, false).await;
        preview(&app, &browser, RENAMED).await;
        browser.sees("“Summer” at Facebook is not in the file and holds 300 and 30 clicks on its days").await;
        browser.press("Rename it to Summer Sale").await;
        assert_eq!(names(&app, "campaigns"), ["Summer Sale"]);
        assert!(!browser.text("main").await.contains("is not in the file"));
        browser.press("Import 3 rows").await;
        browser.sees("Imported.").await;
        assert_eq!(held(&app), (3, 60, 600_000_000, 0));
        browser.close().await;
    });
}

#[test]
fn what_the_file_leaves_out_is_replaced() {
    run(async {
        let app = spawn_app();
        before(&app);
        let browser = enter(&app, true).await;
        preview(&app, &browser, RENAMED).await;
        browser.press("Replace these days").await;
        browser.sees("of which 2 are set to zero").await;
        assert_eq!(held(&app), (2, 30, 300_000_000, 0));
        browser.press("Import 3 rows").await;
        assert_eq!(held(&app), (5, 60, 600_000_000, 0));
        assert_eq!(names(&app, "campaigns"), ["Summer", "Summer Sale"]);
        browser.close().await;
    });
}

#[test]
fn a_line_that_was_left_out_is_put_back() {
    run(async {
        let app = spawn_app();
        before(&app);
        let browser = enter(&app, true).await;
        // A campaign with a total's name, whose figures are the sum of the others on its day.
        preview(
            &app,
            &browser,
            "2023-08-04,Summer,Facebook,1,1.5\n2023-08-04,Winter,Facebook,2,2.5\n2023-08-04,Total,Facebook,3,4\n",
        )
        .await;
        browser.sees("Line 4 is left out").await;
        browser.press("Put it back").await;
        assert!(!browser.text("main").await.contains("Line 4 is left out"));
        browser.press("Import 3 rows").await;
        assert_eq!(held(&app), (5, 36, 308_000_000, 0));
        assert_eq!(names(&app, "campaigns"), ["Summer", "Total", "Winter"]);
        browser.close().await;
    });
}

#[test]
fn a_slip_of_the_pen_becomes_the_name_that_is_known() {
    run(async {
        let app = spawn_app();
        before(&app);
        let browser = enter(&app, false).await;
        preview(&app, &browser, "2023-08-05,Summer,Facebok,7,7\n").await;
        browser.sees("“Facebok” is a new publisher. There is a “Facebook”.").await;
        browser.press("Use Facebook").await;
        assert!(!browser.text("main").await.contains("is a new publisher"));
        browser.press("Import 1 row").await;
        assert_eq!(held(&app), (3, 37, 307_000_000, 0));
        assert_eq!(names(&app, "publishers"), ["Facebook"]);
        let uploads = browser.driver.find_all(By::Css("main")).await.unwrap();
        assert_eq!(uploads.len(), 1);
        browser.close().await;
    });
}

#[test]
fn a_line_left_out_by_hand_is_put_back_and_a_total_that_is_none_is_refused() {
    run(async {
        let app = spawn_app();
        before(&app);
        let browser = enter(&app, true).await;
        let rows = "2023-08-01,Summer,Facebook,10,100\n2023-08-03,Summer,Facebook,1,5\n";
        upload_csv(&app, &browser, format!("{HEADER}\n{rows}")).await;
        say_what_is_advertised(&browser).await;
        unfold(&browser, "How the file is read").await;
        browser.fill("leave_out", "3").await;
        browser.press("Check import").await;
        browser.sees("Line 3 is left out").await;
        browser.press("Put it back").await;
        browser.sees("11 clicks, 1 Aug 2023 to 3 Aug 2023, 2 rows").await;
        for (typed, answer) in [
            ("abc", "Got \"abc\", expected an amount such as 58705.23."),
            ("€105", "The total is in EUR, but the file's cost in USD"),
        ] {
            browser.fill("control_total", typed).await;
            browser.press("Compare").await;
            browser.sees(answer).await;
        }
        browser.fill("control_total", "$105").await;
        browser.press("Compare").await;
        browser.sees("matches to the cent").await;
        browser.press("Import 2 rows").await;
        assert_eq!(held(&app), (3, 31, 305_000_000, 0));
        browser.close().await;
    });
}

#[test]
fn a_new_campaign_of_a_known_store_id_asks_for_no_app() {
    run(async {
        let app = spawn_app();
        before(&app);
        let browser = enter(&app, true).await;
        let row = "2023-08-03,Winter,Facebook,1,5,Coin Game,com.example.coingame";
        upload_csv(&app, &browser, format!("{HEADER},offer_name,store_id\n{row}\n")).await;
        browser.press("Check import").await;
        browser.sees("“Winter” is a new campaign").await;
        for field in ["set-app", "set-os", "set-store_id"] {
            assert!(browser.driver.find_all(By::Name(field)).await.unwrap().is_empty(), "{field} is asked for");
        }
        browser.press("Create it").await;
        browser.press("Import 1 row").await;
        assert_eq!((names(&app, "campaigns").len(), names(&app, "apps").len()), (2, 1));
        browser.close().await;
    });
}

#[test]
fn what_is_typed_for_a_new_campaign_leaves_known_ones_alone() {
    run(async {
        let app = spawn_app();
        before(&app);
        let browser = enter(&app, true).await;
        let rows = "2023-08-03,Summer,Facebook,1,5\n2023-08-03,Winter,Facebook,2,6\n";
        upload_csv(&app, &browser, format!("{HEADER}\n{rows}")).await;
        browser.press("Check import").await;
        browser.sees("“Winter” is a new campaign").await;
        let ice = [("offer_name", "Ice"), ("app", "Ice"), ("store_id", "com.example.ice"), ("os", "ANDROID")];
        for (column, value) in ice {
            browser.fill(&format!("set-{column}"), value).await;
        }
        browser.press("Create it").await;
        browser.press("Import 2 rows").await;
        browser.sees("Imported.").await;
        assert_eq!(names(&app, "campaigns"), ["Summer", "Winter"]);
        for table in ["offers", "apps"] {
            assert_eq!(names(&app, table), ["Coin Game", "Ice"], "{table}");
        }
        browser.close().await;
    });
}
