//! The import pages for files that leave questions open: each field and each action is used once.

use std::io::Write as _;

use thirtyfour::prelude::*;

use crate::harness::{App, Browser, run, spawn_app};
use crate::imports::{enter, found, held, say_what_is_advertised, unfold, upload};

async fn upload_text(app: &App, browser: &Browser, name: &str, text: &[u8]) {
    let path = app.dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    upload(browser, path.to_str().unwrap()).await;
}

async fn choose(browser: &Browser, css: &str) {
    browser.driver.find(By::Css(css.to_owned())).await.unwrap_or_else(|_| panic!("no {css}")).click().await.unwrap();
}

async fn told(app: &App, browser: &Browser) {
    browser.fill("set-partner", "Lumen").await;
    say_what_is_advertised(browser).await;
    assert_eq!(held(app).0, 0);
}

#[test]
fn lines_are_put_back_left_out_and_settled_by_hand() {
    run(async {
        let app = spawn_app();
        found(&app, "USD");
        let browser = enter(&app, true).await;
        // Two lines may be totals: each is answered by itself. A third is left out and put back; a fourth is left out by
        // hand.
        let text = "Day,Campaign,Clicks,Cost\n2023-08-01,A,10,1.50\n2023-08-01,Overall,20,9.50\n2023-08-02,A,1,1.00\n\
                    2023-08-02,All,3,7.00\n2023-08-03,A,5,5.00\n2023-08-03,B,5,5.00\n2023-08-03,Total,10,10.00\n2023-08-04,B,1,100.00\n";
        upload_text(&app, &browser, "lines.csv", text.as_bytes()).await;
        told(&app, &browser).await;
        choose(&browser, "[type=radio][value='-3']").await;
        choose(&browser, "[type=radio][value='5']").await;
        choose(&browser, "[name=back][value='8']").await;
        unfold(&browser, "How the file is read").await;
        browser.fill("leave_out", "9").await;
        browser.press("Check import").await;
        browser.sees("Nothing has changed yet.").await;
        browser.press("Import 6 rows").await;
        assert_eq!(held(&app), (6, 51, 32_000_000, 0));
        browser.close().await;
    });
}

#[test]
fn a_header_line_a_pattern_and_a_control_total_are_typed() {
    run(async {
        let app = spawn_app();
        found(&app, "USD");
        let browser = enter(&app, true).await;
        let text = "Day,Campaign,Clicks,Cost\nTag,Kampagne,Klicks,Kosten\n2023-213,A,10,1.50\n2023-243,A,20,2.50\n";
        upload_text(&app, &browser, "typed.csv", text.as_bytes()).await;
        told(&app, &browser).await;
        unfold(&browser, "How the file is read").await;
        browser.fill("header_line", "2").await;
        browser.fill("date_format", "%Y-%j").await;
        browser.fill("control_total", "4.10").await;
        browser.press("Check import").await;
        // The header is another line now, so its columns are chosen again.
        for (column, header) in
            [("date", "Tag"), ("campaign_name", "Kampagne"), ("clicks", "Klicks"), ("cost", "Kosten")]
        {
            browser.fill(&format!("from-{column}"), header).await;
        }
        browser.press("Check import").await;
        browser.sees("expected 4.1, a difference of 0.1; nothing was imported").await;
        assert!(browser.driver.find(By::XPath("//main//button[starts-with(., 'Import 2')]")).await.is_err());
        browser.fill("control_total", "4.00").await;
        browser.press("Compare").await;
        browser.press("Import 2 rows").await;
        let held = held(&app);
        assert_eq!((held.0, held.1, held.2), (2, 30, 4_000_000));
        browser.close().await;
    });
}

#[test]
fn a_sheet_is_chosen_and_what_is_missing_is_created_by_the_cause() {
    run(async {
        let app = spawn_app();
        found(&app, "USD");
        let browser = enter(&app, true).await;
        let row = |day: &str, cost: &str| {
            format!(
                "<row><c t=\"inlineStr\"><is><t>{day}</t></is></c><c t=\"inlineStr\"><is><t>A</t></is></c><c><v>10</v></c><c><v>{cost}</v></c></row>"
            )
        };
        let header = ["Day", "Campaign", "Clicks", "Cost"]
            .map(|name| format!("<c t=\"inlineStr\"><is><t>{name}</t></is></c>"))
            .concat();
        let sheet = |rows: &str| format!("<worksheet><sheetData><row>{header}</row>{rows}</sheetData></worksheet>");
        let book = workbook(&[
            ("August", &sheet(&row("2023-08-01", "1.5"))),
            ("September", &sheet(&row("2023-09-01", "2.5"))),
        ]);
        upload_text(&app, &browser, "book.xlsx", &book).await;
        browser.sees("The workbook has 2 sheets").await;
        browser.fill("set-partner", "Lumen").await;
        for (column, value) in
            [("offer_name", "Coin Game"), ("app", "Coin Game"), ("store_id", "com.example.coingame"), ("os", "ANDROID")]
        {
            browser.fill(&format!("set-{column}"), value).await;
        }
        unfold(&browser, "How the file is read").await;
        browser.fill("sheet", "September").await;
        browser.press("Check import").await;
        // Nothing was ticked: unknown names are grouped by cause, with what solves it.
        browser.sees("To settle first").await;
        let create =
            browser.driver.find(By::XPath("//main//button[starts-with(normalize-space(), 'Create')]")).await.unwrap();
        let words = create.text().await.unwrap();
        browser.press(&words).await;
        browser.press("Import 1 row").await;
        assert_eq!(held(&app), (1, 10, 2_500_000, 0));
        browser.close().await;
    });
}

/// The smallest workbook with these sheets.
fn workbook(sheets: &[(&str, &str)]) -> Vec<u8> {
    const NS: &str = "http://schemas.openxmlformats.org";
    let mut book = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let mut part = |name: &str, text: &str| {
        book.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        book.write_all(text.as_bytes()).unwrap();
    };
    let listed = (1..)
        .zip(sheets)
        .map(|(at, (name, _))| format!("<sheet name=\"{name}\" sheetId=\"{at}\" r:id=\"rId{at}\"/>"))
        .collect::<Vec<_>>()
        .concat();
    let related = (1..=sheets.len())
        .map(|at| {
            format!("<Relationship Id=\"rId{at}\" Type=\"{NS}/officeDocument/2006/relationships/worksheet\" Target=\"worksheets/sheet{at}.xml\"/>")
        })
        .collect::<Vec<_>>()
        .concat();
    let spaces = format!("xmlns=\"{NS}/spreadsheetml/2006/main\" xmlns:r=\"{NS}/officeDocument/2006/relationships\"");
    let root = format!(
        "<Relationship Id=\"rId1\" Type=\"{NS}/officeDocument/2006/relationships/officeDocument\" Target=\"xl/workbook.xml\"/>"
    );
    part("_rels/.rels", &format!("<Relationships xmlns=\"{NS}/package/2006/relationships\">{root}</Relationships>"));
    part("xl/workbook.xml", &format!("<workbook {spaces}><sheets>{listed}</sheets></workbook>"));
    let relations = format!("<Relationships xmlns=\"{NS}/package/2006/relationships\">{related}</Relationships>");
    part("xl/_rels/workbook.xml.rels", &relations);
    for (at, (_, sheet)) in (1..).zip(sheets) {
        part(&format!("xl/worksheets/sheet{at}.xml"), sheet);
    }
    book.finish().unwrap().into_inner()
}
