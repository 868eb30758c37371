//! Two people in two browsers at the same row, the same offer and the same token: the second hears of the first, and nothing
//! that was typed is lost.

use pitlane::domain::Role;
use thirtyfour::prelude::*;

use crate::ahead::connector_of;
use crate::harness::{App, Browser, EMAIL, run, spawn_app};
use crate::words::stock;

const BEN: &str = "ben@example.com";

async fn value(browser: &Browser, name: &str) -> String {
    let field = browser.driver.find(By::Css(format!("main [name={name}]"))).await.unwrap();
    field.prop("value").await.unwrap().unwrap()
}

fn one<T: rusqlite::types::FromSql>(app: &App, sql: &str) -> T {
    app.database().query_row(sql, (), |row| row.get(0)).unwrap()
}

#[test]
fn two_browsers_at_the_same_row_offer_and_token_lose_nothing() {
    let app = spawn_app();
    stock(&app, "Coin Game");
    drop(connector_of(&app, "Coin Game", "Connector"));
    app.admit(EMAIL, Role::Admin);
    app.admit(BEN, Role::Admin);
    run(async {
        let (ada, ben) = (Browser::open(&app, true).await, Browser::open(&app, true).await);
        ada.log_in(EMAIL).await;
        ben.log_in(BEN).await;

        ada.go("/admin/stats?by=rows").await;
        ben.go("/admin/stats?by=rows").await;
        ada.follow("Edit").await;
        ben.follow("Edit").await;
        for (name, text) in [("cost", "500"), ("reason", "late invoice")] {
            ada.fill(name, text).await;
        }
        ada.press("Save changes").await;
        ada.sees("Saved.").await;
        for (name, text) in [("clicks", "120"), ("reason", "recount")] {
            ben.fill(name, text).await;
        }
        ben.press("Save changes").await;
        for said in [EMAIL, "from “69.5” to “500”", "nothing was saved"] {
            ben.sees(said).await;
        }
        assert_eq!((value(&ben, "clicks").await, value(&ben, "reason").await), ("120".into(), "recount".into()));
        assert_eq!(value(&ben, "cost").await, "500");
        assert_eq!(one::<i64>(&app, "select clicks from daily_stats"), 100);
        ben.press("Save changes").await;
        ben.sees("Saved.").await;
        let held: (i64, i64) =
            (one(&app, "select clicks from daily_stats"), one(&app, "select cost_micros from daily_stats"));
        assert_eq!(held, (120, 500_000_000));

        let offer = format!("/admin/catalogue/offers/{}", one::<String>(&app, "select id from offers"));
        ada.go(&offer).await;
        ben.go(&offer).await;
        ada.fill("name", "Hers").await;
        ada.press("Save offer").await;
        ben.fill("name", "His").await;
        ben.press("Save offer").await;
        for said in [EMAIL, "from “Coin Game” to “Hers”", "You typed “His”"] {
            ben.sees(said).await;
        }
        assert_eq!(value(&ben, "name").await, "His");
        assert_eq!(one::<String>(&app, "select name from offers"), "Hers");
        ben.press("Save offer").await;
        assert_eq!(one::<String>(&app, "select name from offers"), "His");

        let token = app.store.read(|txn| txn.token_list()).unwrap().remove(0).id;
        let tokens = || app.store.read(|txn| txn.token_list()).unwrap();
        ada.go(&format!("/admin/tokens/{token}/rotate")).await;
        ben.go(&format!("/admin/tokens/{token}/rotate")).await;
        ben.fill("name", "Ben's successor").await;
        ada.press("Generate successor").await;
        ada.sees("Copy the token now").await;
        ben.press("Generate successor").await;
        ben.sees(EMAIL).await;
        assert_eq!((value(&ben, "name").await, tokens().len()), ("Ben's successor".into(), 2));
        // Reload, Back and Forward make no third.
        for way in ["location.reload()", "history.back()", "history.forward()"] {
            ada.driver.execute(way, Vec::new()).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        }
        assert_eq!(tokens().len(), 2);

        ada.go(&format!("/admin/tokens/{token}/revoke")).await;
        ben.go(&format!("/admin/tokens/{token}/revoke")).await;
        ada.press("Revoke token").await;
        ben.press("Revoke token").await;
        ben.sees("Revoked. It is refused").await;
        let audited: i64 = one(&app, "select count(*) from audit_log where action = 'token revoke'");
        assert_eq!(audited, 1, "a revocation is told once");
        ada.close().await;
        ben.close().await;
    });
}

#[test]
fn a_password_can_be_looked_at_while_it_is_typed() {
    let app = spawn_app();
    app.admit(EMAIL, Role::Viewer);
    run(async {
        let ada = Browser::open(&app, true).await;
        ada.go("/admin/login").await;
        ada.fill("email", EMAIL).await;
        ada.fill("password", crate::harness::PASSWORD).await;
        let kind = async || {
            let field = ada.driver.find(By::Id("password")).await.unwrap();
            field.prop("type").await.unwrap().unwrap()
        };
        assert_eq!(kind().await, "password");
        let button = ada.driver.find(By::Css(".shows")).await.unwrap();
        assert_eq!(button.attr("aria-label").await.unwrap().unwrap(), "Show: Password");
        button.click().await.unwrap();
        assert_eq!((kind().await, button.text().await.unwrap()), ("text".to_owned(), "Hide".to_owned()));
        ada.press("Log in").await;
        assert_eq!(ada.path().await, "/admin/");
        ada.close().await;
    });
}
