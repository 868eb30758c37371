//! `pitlane import` (contract §4 and §5): a real export in one command, and files as people have them.
//!
//! `tests/fixtures/ads_export.csv` looks like an ad network's export: one line per ad instead of per campaign, dates such as
//! `31-08-2023` and costs such as `1.429999948`.

use std::collections::BTreeMap;

use serde_json::json;

use crate::common::program::{Ended, Program};
use crate::model::decimal;

const EXPORT: &str = include_str!("../fixtures/ads_export.csv");

/// The flags of the one command that imports the export.
const FLAGS: [&str; 26] = [
    "--create-missing",
    "--date-format",
    "%d-%m-%Y",
    "--map",
    "date=Date",
    "--map",
    "campaign_name=xyz_campaign_id",
    "--map",
    "clicks=Clicks",
    "--map",
    "cost=Spent",
    "--map",
    "views=Impressions",
    "--map",
    "conversions=Total_Conversion",
    "--set",
    "advertiser=Acme",
    "--set",
    "partner=Facebook",
    "--set",
    "offer_name=Launch",
    "--set",
    "app=Acme",
    "--set",
    "store_id=com.acme.app",
    "--set",
];

/// Imports the export with these flags and `more`.
fn import_export(program: &Program, more: &[&str]) -> Ended {
    let file = program.file("ads_export.csv", EXPORT);
    program.run(&[&["--json", "import", &file], FLAGS.as_slice(), &["os=ANDROID"], more].concat())
}

/// Date, campaign, clicks and cost of every line of the export.
///
/// The cost is in 10^-12: the export has more than six decimals, which are rounded only after they are summed.
fn export_lines() -> impl Iterator<Item = (String, &'static str, u64, i128)> {
    EXPORT.lines().skip(1).map(|line| {
        let fields: Vec<_> = line.split(',').collect();
        let [day, month, year] = fields[0].split('-').collect::<Vec<_>>().try_into().unwrap();
        (format!("{year}-{month}-{day}"), fields[2], fields[8].parse().unwrap(), fine(fields[9]))
    })
}

fn fine(decimal: &str) -> i128 {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    assert!(fraction.len() <= 12, "{decimal}");
    format!("{whole}{fraction:0<12}").parse().unwrap()
}

/// In millionths, rounded half to even.
fn rounded(fine: i128) -> i128 {
    let (micros, rest) = (fine / 1_000_000, fine % 1_000_000);
    micros + i128::from(rest > 500_000 || rest == 500_000 && micros % 2 == 1)
}

fn report(program: &Program, advertiser: &str) -> String {
    let args = ["report", "--advertiser", advertiser, "--from", "2000-01-01", "--to", "2100-01-01", "--format", "csv"];
    program.ok(&args)
}

/// The counts of a successful import.
#[track_caller]
fn counts(ended: Ended) -> [u64; 5] {
    let answer: serde_json::Value = serde_json::from_str(&ended.done()).unwrap();
    ["rows", "inserted", "changed", "unchanged", "rounded"].map(|key| answer[key].as_u64().unwrap())
}

#[test]
fn a_real_export_becomes_a_report_with_one_command() {
    let program = Program::new();
    let mut model: BTreeMap<(String, &str), (u64, i128)> = BTreeMap::new();
    for (day, campaign, clicks, cost) in export_lines() {
        let cell = model.entry((day, campaign)).or_default();
        *cell = (cell.0 + clicks, cell.1 + cost);
    }
    let lines = u64::try_from(export_lines().count()).unwrap();
    let cells = u64::try_from(model.len()).unwrap();
    let imported = counts(import_export(&program, &["--duplicates", "sum"]));
    assert_eq!(imported[..4], [lines, cells, 0, 0]);
    let reported: BTreeMap<(String, String), (u64, String)> =
        csv::Reader::from_reader(report(&program, "Acme").as_bytes())
            .records()
            .map(|record| record.unwrap())
            .map(|row| ((row[0].to_owned(), row[6].to_owned()), (row[9].parse().unwrap(), row[8].to_owned())))
            .collect();
    let expected: BTreeMap<_, _> = model
        .into_iter()
        .map(|((day, campaign), (clicks, cost))| ((day, campaign.to_owned()), (clicks, decimal(rounded(cost)))))
        .collect();
    assert_eq!(reported, expected);
}

#[test]
fn lines_that_were_rounded_are_counted() {
    let program = Program::new();
    let rounded = EXPORT.lines().skip(1).filter(|line| {
        let spent = line.split(',').nth(9).unwrap();
        spent.split_once('.').is_some_and(|(_, decimals)| decimals.len() > 6)
    });
    let expected = u64::try_from(rounded.count()).unwrap();
    assert_eq!(counts(import_export(&program, &["--duplicates", "sum"]))[4], expected);
}

#[test]
fn the_same_file_again_changes_nothing() {
    let program = Program::new();
    let first = counts(import_export(&program, &["--duplicates", "sum"]));
    let before = report(&program, "Acme");
    let second = counts(import_export(&program, &["--duplicates", "sum"]));
    assert_eq!(second, [first[0], 0, 0, first[1], first[4]]);
    assert_eq!(report(&program, "Acme"), before);
}

#[test]
fn cells_that_are_new_held_and_changed_stand_between_each_other() {
    const CAMPAIGNS: u64 = 100;
    let program = Program::new();
    let import = |day: &str, rows: Vec<(u64, u64)>, more: &[&str]| {
        let rows = rows
            .iter()
            .map(|(campaign, clicks)| format!("{day},Acme,c{campaign},o,a,com.a.b,ANDROID,p,{clicks},{campaign}.5\n"));
        let header = "date,advertiser,campaign_name,offer_name,app,store_id,os,partner,clicks,cost\n";
        let file = program.file("cells.csv", [vec![header.to_owned()], rows.collect()].concat().concat());
        counts(program.run(&[&["--json", "import", &file, "--create-missing"], more].concat()))
    };
    let all = || (0..CAMPAIGNS).map(|campaign| (campaign, campaign + 1));
    assert_eq!(import("2024-01-01", all().collect(), &[]), [CAMPAIGNS, CAMPAIGNS, 0, 0, 0]);
    // So many held cells stand between new ones, so many of them with other clicks.
    for (day, every, other) in
        [("2024-01-02", 1, 7), ("2024-01-03", 3, 2), ("2024-01-04", 60, 1), ("2024-01-05", 90, 5)]
    {
        let held: Vec<_> = all().filter(|(campaign, _)| campaign % every == 0).collect();
        let changed = held.iter().filter(|(campaign, _)| campaign % other == 0).count() as u64;
        let before = held.iter().map(|(campaign, clicks)| (*campaign, clicks + u64::from(campaign % other == 0)));
        import(day, before.collect(), &[]);
        let held = held.len() as u64;
        let expected = [CAMPAIGNS, CAMPAIGNS - held, changed, held - changed, 0];
        assert_eq!(import(day, all().collect(), &["--dry-run"]), expected, "{day}");
        assert_eq!(import(day, all().collect(), &[]), expected, "{day}");
        assert_eq!(import(day, all().collect(), &[]), [CAMPAIGNS, 0, 0, CAMPAIGNS, 0], "{day}");
    }
    let reported = report(&program, "Acme");
    let clicks = csv::Reader::from_reader(reported.as_bytes()).into_records();
    let sum: u64 = clicks.map(|row| row.unwrap()[9].parse::<u64>().unwrap()).sum();
    assert_eq!(sum, 5 * CAMPAIGNS * (CAMPAIGNS + 1) / 2);
}

#[test]
fn duplicates_are_refused_naming_both_lines_unless_summed() {
    let program = Program::new();
    let error = import_export(&program, &[]).failed(1);
    let mut told = error.lines().skip_while(|line| !line.starts_with("error: ")).skip(1);
    insta::assert_snapshot!(told.next().unwrap(), @r#"line 3: states 2023-08-31, campaign "916", partner "Facebook" again, as line 2 did; expected each once, or that duplicates are to be summed"#);
    assert!(
        program.run(&["report", "--advertiser", "Acme", "--from", "2023-08-01", "--to", "2023-08-31"]).code == Some(1)
    );
}

#[test]
fn a_dry_run_tells_the_same_and_changes_nothing() {
    let program = Program::new();
    let dry = import_export(&program, &["--duplicates", "sum", "--dry-run"]);
    assert!(dry.stderr.contains("dry run, nothing was changed"), "{}", dry.stderr);
    let told = counts(dry);
    assert_eq!(program.json(&["advertiser", "list"]), serde_json::json!([]));
    assert_eq!(counts(import_export(&program, &["--duplicates", "sum"])), told);
}

#[test]
fn the_summary_for_people_goes_to_stderr_and_the_counts_for_programs_to_stdout() {
    let program = Program::new();
    let ended = import_export(&program, &["--duplicates", "sum"]);
    // Notes of the recogniser are tested elsewhere.
    let words: String =
        ended.stderr.lines().skip(1).filter(|line| !line.starts_with("note: ")).flat_map(|line| [line, "\n"]).collect();
    insta::assert_snapshot!(words, @r"
    ads_export.csv: 60 rows, 2023-08-27 to 2023-08-31
    the file comes to a cost of 350.160018039 and 246 clicks
    columns of the file that were not used: ad_id, fb_campaign_id, age, gender, interest, Approved_Conversion
    inserted 15, changed 0, unchanged 0; rounded 32
      2023-08-27: nothing -> 89.160008 and 59 clicks
      2023-08-28: nothing -> 26.240001 and 56 clicks
      2023-08-29: nothing -> 94.18 and 44 clicks
      2023-08-30: nothing -> 71.280006 and 53 clicks
      2023-08-31: nothing -> 69.300005 and 34 clicks
    created 1 advertiser: Acme
    created 1 app: Acme
    created 1 offer: Launch
    created 3 campaigns: 916, 936, 1178
    created 1 publisher: Facebook
    ");
    let keys: Vec<_> = ["importId", "rows", "inserted", "changed", "unchanged", "rounded"].into();
    let places: Vec<_> = keys.iter().map(|key| ended.stdout.find(&format!("\"{key}\":")).unwrap()).collect();
    assert!(places.is_sorted(), "{}", ended.stdout);
}

#[test]
fn without_json_an_import_prints_no_data() {
    let program = canonical();
    let file = program.file("rows.csv", "date,campaign_name,partner,clicks,cost\n2025-05-03,A,Lumen,1,1\n");
    assert_eq!(program.ok(&["import", &file, "--advertiser", "Acme"]), "");
}

const COLUMNS: &str = "advertiser,date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n";

/// Acme with the campaign A at Lumen and one row, imported with the contract's columns.
fn canonical() -> Program {
    let program = Program::new();
    let file =
        program.file("first.csv", format!("{COLUMNS}Acme,2025-05-01,A,Lumen,1,1.5,Offer,App,com.acme.app,ANDROID\n"));
    program.ok(&["import", &file, "--create-missing"]);
    program
}

#[test]
fn files_are_understood_however_they_were_saved() {
    for (how, bytes) in [
        ("BOM", "\u{feff}date,campaign_name,partner,clicks,cost\n2025-05-02,A,Lumen,7,2.25\n"),
        ("CRLF", "date,campaign_name,partner,clicks,cost\r\n2025-05-02,A,Lumen,7,2.25\r\n"),
        ("BOM, CRLF and semicolons", "\u{feff}date;campaign_name;partner;clicks;cost\r\n2025-05-02;A;Lumen;7;2.25\r\n"),
        ("tabs", "date\tcampaign_name\tpartner\tclicks\tcost\n2025-05-02\tA\tLumen\t7\t2.25\n"),
        (
            "quotes",
            "\"date\",\"campaign_name\",\"partner\",\"clicks\",\"cost\"\n\"2025-05-02\",\"A\",\"Lumen\",\"7\",\"2.25\"\n",
        ),
        ("spaces", " date , campaign_name,partner ,clicks, cost\n 2025-05-02 ,A , Lumen, 7 , 2.25 \n"),
        ("no last line end", "date,campaign_name,partner,clicks,cost\n2025-05-02,A,Lumen,7,2.25"),
        ("blank lines", "date,campaign_name,partner,clicks,cost\n\n2025-05-02,A,Lumen,7,2.25\n\n"),
        ("other order and case", "Cost,CLICKS,Partner,Campaign_Name,Date\n2.25,7,Lumen,A,2025-05-02\n"),
    ] {
        let program = canonical();
        let file = program.file("saved.csv", bytes);
        let ended = program.run(&["--json", "import", &file, "--advertiser", "Acme"]);
        assert_eq!(counts(ended), [1, 1, 0, 0, 0], "{how}");
        assert!(report(&program, "Acme").ends_with(",2.25,7\r\n"), "{how}");
    }
}

#[test]
fn a_dash_reads_stdin() {
    let program = canonical();
    let rows = "date,campaign_name,partner,clicks,cost\n2025-05-02,A,Lumen,7,2.25\n";
    let ended = program.run_on(rows, &["--json", "import", "-", "--advertiser", "Acme"]);
    assert_eq!(counts(ended), [1, 1, 0, 0, 0]);
}

#[test]
fn json_and_ndjson_files_are_told_by_their_names() {
    let program = canonical();
    let item = r#"{"date":"2025-05-01","campaign_name":"A","partner":"Lumen","clicks":1,"cost":1.5}"#;
    for (name, text) in [("rows.json", format!(r#"{{"items":[{item}]}}"#)), ("rows.ndjson", format!("{item}\n"))] {
        let file = program.file(name, text);
        assert_eq!(
            counts(program.run(&["--json", "import", &file, "--advertiser", "Acme"])),
            [1, 0, 0, 1, 0],
            "{name}"
        );
    }
}

#[test]
fn errors_name_line_column_value_and_what_was_expected() {
    let program = canonical();
    let before = report(&program, "Acme");
    let file = program.file(
        "wrong.csv",
        format!(
            "{COLUMNS}Acme,2025-05-02,A,Lumen,1,1,Offer,App,com.acme.app,ANDROID\n\
             Acme,2025-13-02,A,Lumen,1,1,Offer,App,com.acme.app,ANDROID\n\
             Acme,2025-02-30,A,Lumen,1,1,Offer,App,com.acme.app,ANDROID\n\
             Acme,1999-12-31,A,Lumen,1,1,Offer,App,com.acme.app,ANDROID\n\
             Acme,2025-05-02,A,Lumen,1.5,\"1,5\",Offer,App,com.acme.app,ANDROID\n\
             Acme,2025-05-02,,,1,-1,Offer,App,com.acme.app,ANDROID\n\
             Acme,2025-05-02,B,Lumen,1,1,Other,App,not an id,ANDROID\n\
             Nobody,2025-05-02,A,Lumen,1,1,Offer,App,com.acme.app,ANDROID\n"
        ),
    );
    let error = program.run(&["import", &file]).failed(1);
    let (_, told) = error.split_once("error: ").unwrap();
    insta::assert_snapshot!(told, @r#"
    wrong.csv was refused
    line 3, column date: got "2025-13-02", expected a day from 2000-01-01 to 2199-12-31, such as 2023-08-31
    line 4, column date: got "2025-02-30", expected a day from 2000-01-01 to 2199-12-31, such as 2023-08-31
    line 5, column date: got "1999-12-31", expected a day from 2000-01-01 to 2199-12-31, such as 2023-08-31
    line 6, column clicks: got "1.5", expected a whole number of at least 0
    line 7, column campaign_id or campaign_name: got nothing, expected campaign_id or campaign_name
    line 7, column partner_id or partner: got nothing, expected partner_id or partner
    line 8, column campaign_name: got "B", which isn't a campaign of "Acme" yet
    line 9, column advertiser: got "Nobody", which isn't an advertiser
    8 problems; nothing was imported
    "#);
    assert_eq!(report(&program, "Acme"), before);
}

#[test]
fn a_hundred_errors_are_shown_and_all_are_counted() {
    let program = canonical();
    let rows = "2025-05-02,A,Lumen,many,1\n".repeat(1500);
    let file = program.file("wrong.csv", format!("date,campaign_name,partner,clicks,cost\n{rows}"));
    let error = program.run(&["import", &file, "--advertiser", "Acme"]).failed(1);
    assert_eq!(error.lines().filter(|line| line.contains("column clicks")).count(), 100, "{error}");
    assert!(error.ends_with("1500 problems, of which the first 100 are shown; nothing was imported\n"), "{error}");
}

#[test]
fn an_error_after_good_rows_leaves_nothing_of_what_they_created() {
    let program = Program::new();
    let file = program.file(
        "wrong.csv",
        format!(
            "{COLUMNS}Acme,2025-05-02,A,Lumen,1,1,Offer,App,com.acme.app,ANDROID\n\
             Acme,2025-05-02,A,Lumen,1,x,Offer,App,com.acme.app,ANDROID\n"
        ),
    );
    program.run(&["import", &file, "--create-missing"]).failed(1);
    assert_eq!(program.json(&["advertiser", "list"]), serde_json::json!([]));
}

#[test]
fn a_new_campaign_of_a_known_store_id_needs_no_app_and_no_system() {
    let program = canonical();
    let import = |rows: &str| {
        let header = "date,campaign_name,partner,clicks,cost,offer_name,store_id";
        let file = program.file("new.csv", format!("{header}\n{rows}\n"));
        program.run(&["--json", "import", &file, "--advertiser", "Acme", "--create-missing"])
    };
    let answer: serde_json::Value =
        serde_json::from_str(&import("2025-05-29,Brand new,Lumen,1,2,Launch,com.acme.app").done()).unwrap();
    assert_eq!(
        (&answer["created"]["campaigns"], &answer["created"]["apps"]),
        (&json!(["Brand new"]), &json!([])),
        "{answer}"
    );
    let row = report(&program, "Acme");
    assert!(row.contains("App,com.acme.app,ANDROID,Brand new,"), "{row}");
    let refused = import("2025-05-29,Another,Lumen,1,2,Launch,com.acme.other").failed(1);
    assert!(refused.contains("to create it, expected also app, os"), "{refused}");
}

#[test]
fn an_import_that_creates_too_many_names_is_refused_with_the_bound_and_the_way_on() {
    let program = canonical();
    let row = |number: u32| format!("2025-05-29,Campaign {number},Lumen,1,2,Launch,com.acme.app\n");
    let file = |name: &str, rows: std::ops::Range<u32>| {
        let header = "date,campaign_name,partner,clicks,cost,offer_name,store_id\n";
        program.file(name, header.to_owned() + &rows.map(row).collect::<String>())
    };
    let whole = file("whole.csv", 0..50_200);
    let import = |file: &str| ["import", file, "--advertiser", "Acme", "--create-missing"].map(str::to_owned);
    for more in [&["--dry-run"][..], &[]] {
        let args: Vec<String> = import(&whole).into_iter().chain(more.iter().map(|flag| (*flag).to_owned())).collect();
        let refused = program.fails(&args.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(
            refused.contains(
                "the file creates too many names for one import: expected at most 50,000 campaigns, offers, apps and \
                 publishers, whose names are at most 4 MiB long together; split it into several files by campaign, and \
                 import one after the other"
            ),
            "{refused}"
        );
    }
    // Longer names are bounded by their length.
    let long = (0..9_000).map(|number| row(number).replace("Campaign", &"x".repeat(490))).collect::<String>();
    let long = program.file("long.csv", format!("date,campaign_name,partner,clicks,cost,offer_name,store_id\n{long}"));
    assert!(program.fails(&import(&long).each_ref().map(String::as_str)).contains("at most 4 MiB long"));
    assert_eq!(report(&program, "Acme").matches("Campaign ").count(), 0);
    let part = file("part.csv", 50_000..50_200);
    program.ok(&import(&part).each_ref().map(String::as_str));
    assert_eq!(report(&program, "Acme").matches("Campaign ").count(), 200);
}

#[test]
fn columns_that_are_missing_are_refused() {
    let program = canonical();
    let said: String = [
        ("date,campaign_name,partner,clicks\n2025-05-02,A,Lumen,1\n", &[] as &[&str]),
        ("date,campaign_name,partner,clicks,cost\n2025-05-02,A,Lumen,1,1\n", &["--map", "cost=Spent"]),
        ("", &[]),
    ]
    .map(|(text, flags)| {
        let file = program.file("rows.csv", text);
        let error = program.run(&[&["import", file.as_str(), "--advertiser", "Acme"], flags].concat()).failed(1);
        format!("{:?} {flags:?}\n  {}", text, error.split_once("error: ").unwrap().1)
    })
    .concat();
    for (words, flag) in [("cost", "--map"), ("Spent", "--map"), ("rows.csv was refused: the file is empty", "")] {
        assert!(said.contains(words) && said.contains(flag), "{said}");
    }
}

#[test]
fn control_characters_of_a_file_are_never_printed() {
    let site = Program::stocked();
    let csv = "date,campaign_name,partner,clicks,cost,\u{1b}[2Jx\u{9b}31m\n2026-01-05,AOS_TEST,Lumen,1,1,y\n";
    let file = site.file("a\u{1b}]0;x\u{7}\nb.csv", csv);
    for args in [
        &["import", &file, "--advertiser", "Acme"][..],
        &["import", &file, "--advertiser", "Acme", "--dry-run"],
        &["imports", "list", "--advertiser", "Acme"],
        &["import", &file, "--advertiser", "No\u{1b}[2J"],
        &["import", "not\u{1b}[2J.csv", "--advertiser", "Acme"],
        &["token", "revoke", "\u{9b}2J"],
    ] {
        let ended = site.run(args);
        for text in [&ended.stdout, &ended.stderr] {
            let obeyed = text.chars().find(|c| c.is_control() && *c != '\n');
            assert_eq!(obeyed, None, "{args:?}: {text:?}");
        }
    }
}

#[test]
fn headers_of_the_data_directory_are_known_and_a_malformed_line_is_named() {
    let program = Program::new();
    let file = program.file("a.csv", "Day,Campaign,Clicks,Outlay\n2025-05-01,A,10,1.5\n");
    let import =
        || {
            program.run(&[
            &["--json", "import", &file, "--advertiser", "Acme", "--create-missing", "--set", "partner=Net"][..],
            &["--set", "offer_name=O", "--set", "app=Ap", "--set", "store_id=com.x", "--set", "os=ANDROID"],
        ]
        .concat())
        };
    assert!(import().stdout.contains("\"code\":\"missing_column\""));
    let headers = program.data().join("headers.csv");
    std::fs::write(&headers, "price,1,Outlay\n").unwrap();
    let refused = import().stdout;
    assert!(refused.contains("headers.csv in the data directory can't be read: line 1"), "{refused}");
    std::fs::write(&headers, "cost,1,Outlay\n").unwrap();
    assert!(import().stdout.contains("\"cost\":1.5"));
}
