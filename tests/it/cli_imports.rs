//! The history on the command line: previews, undo, final days, saved mappings, and an import that is killed.

use serde_json::Value;
use sha2::Digest as _;

use crate::common::program::{Ended, Program};

const HEADER: &str = "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n";

/// Ten days of two campaigns at two publishers: 40 rows.
fn august() -> String {
    let row = |day: usize, campaign: &str, partner: &str| {
        format!("2023-08-{day:02},{campaign},{partner},{},10.5,Launch,Acme,com.acme.app,ANDROID\n", 100 + day)
    };
    let cells =
        (1..=10).flat_map(|day| [("A", "Lumen"), ("A", "Pixel"), ("B", "Lumen"), ("B", "Pixel")].map(|c| (day, c)));
    HEADER.to_owned() + &cells.map(|(day, (campaign, partner))| row(day, campaign, partner)).collect::<String>()
}

/// One cell far off, one unchanged, one new; the rest of the fifth day is left out.
const LATER: &str = "date,campaign_name,partner,clicks,cost\n\
     2023-08-05,A,Lumen,5000,10.5\n2023-08-05,B,Pixel,105,10.5\n2023-08-11,A,Lumen,7,1\n";

struct Site {
    program: Program,
    later: String,
}

impl Site {
    fn new() -> Self {
        let program = Program::new();
        let first = program.file("august.csv", august());
        program.ok(&["import", &first, "--advertiser", "Acme", "--create-missing"]);
        let later = program.file("later.csv", LATER);
        Self { program, later }
    }

    /// Waits until an import that was started is marked as running.
    fn wait_for_its_mark(&self, import: &mut std::process::Child) {
        let is_mark = |mark: std::fs::DirEntry| mark.path().extension().is_some_and(|ending| ending == "running");
        let marks = || std::fs::read_dir(self.program.data().join("imports"));
        while !marks().is_ok_and(|marks| marks.flatten().any(is_mark)) {
            assert!(import.try_wait().unwrap().is_none(), "the import ended");
            std::thread::yield_now();
        }
    }

    fn report(&self) -> String {
        let days = ["--from", "2000-01-01", "--to", "2100-01-01", "--format", "csv"];
        self.program.ok(&[&["report", "--advertiser", "Acme"], days.as_slice()].concat())
    }

    fn import(&self, flags: &[&str]) -> Ended {
        self.program.run(&[&["--json", "import", &self.later, "--advertiser", "Acme"], flags].concat())
    }

    /// The ids in the history, newest first.
    fn ids(&self) -> Vec<String> {
        let list = self.program.json(&["imports", "list"]);
        list.as_array().unwrap().iter().map(|entry| entry["importId"].as_str().unwrap().to_owned()).collect()
    }

    fn show(&self, id: &str) -> Value {
        self.program.json(&["imports", "show", id])
    }

    fn undo(&self, id: &str, flags: &[&str]) -> Ended {
        self.program.run(&[&["imports", "undo", id], flags].concat())
    }
}

#[test]
fn a_preview_tells_old_and_new_values_outliers_and_what_would_be_zero() {
    let site = Site::new();
    let before = site.report();
    let dry = site.import(&["--replace", "--dry-run"]);
    let words = dry.stderr.lines().skip(1).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(words, @"
    dry run, nothing was changed
    later.csv: 3 rows, 2023-08-05 to 2023-08-11
    the file comes to a cost of 22 and 5112 clicks
    inserted 1, changed 3 (2 set to zero), unchanged 1; rounded 0
      2023-08-05: 42 and 420 clicks -> 21 and 5105 clicks
      2023-08-11: nothing -> 1 and 7 clicks
    would change:
      line 2: 2023-08-05 · A · Lumen: 105 clicks, cost 10.5 -> 5000 clicks, cost 10.5
      left out: 2023-08-05 · A · Pixel: 105 clicks, cost 10.5 -> 0 clicks, cost 0
      left out: 2023-08-05 · B · Lumen: 105 clicks, cost 10.5 -> 0 clicks, cost 0
    would be new:
      line 4: 2023-08-11 · A · Lumen: 7 clicks, cost 1
    worth a look, being at least ten times the usual (1 in all):
      line 2: 2023-08-05 · A · Lumen: clicks 5000, usually 105
    ");
    let answer = dry.done();
    let figures = answer.split_once(",\"rows\"").unwrap().1.split_once(",\"days\"").unwrap().0;
    insta::assert_snapshot!(figures, @r#":3,"inserted":1,"changed":3,"unchanged":1,"rounded":0,"cost":22,"clicks":5112,"from":"2023-08-05","to":"2023-08-11","leftOut":[],"created":{"advertisers":[],"apps":[],"offers":[],"campaigns":[],"publishers":[]},"notes":[],"zeroed":2,"repeated":0,"firstDay":"2023-08-05","lastDay":"2023-08-11","ignoredHeaders":[]"#);
    assert_eq!(site.report(), before);
    assert_eq!(site.ids().len(), 1);
}

#[test]
fn what_a_file_leaves_out_stays_unless_it_is_to_be_replaced() {
    let site = Site::new();
    let rows = |report: &str, cell: &str| report.lines().filter(|line| line.contains(cell)).count();
    site.import(&[]).done();
    assert_eq!(rows(&site.report(), ",10.5,105"), 3);
    site.import(&["--replace"]).done();
    let report = site.report();
    // Nothing is deleted: the two cells that were left out are zeros in the report.
    assert_eq!((rows(&report, ",10.5,105"), rows(&report, ",0,0"), report.lines().count()), (1, 2, 42));
}

#[test]
fn an_import_is_undone_to_the_byte_and_only_while_nothing_later_stands_on_it() {
    let site = Site::new();
    let first = site.report();
    site.import(&["--replace"]).done();
    let second = site.report();
    assert_ne!(second, first);
    let [later, august] = site.ids().try_into().unwrap();
    let words = site.undo(&august, &[]).failed(1);
    assert!(words.contains(&format!("newer changes affect the same rows: file {later} \"later.csv\"")), "{words}");
    assert!(words.contains("(3 rows). Undo those first"), "{words}");
    assert_eq!(site.report(), second);
    let undone = site.undo(&later, &["--reason", "wrong file"]);
    assert!(undone.stderr.contains("4 rows are as they were, 1 of them removed"), "{}", undone.stderr);
    assert_eq!(site.report(), first);
    let words = site.undo(&later, &[]).failed(1);
    assert!(words.contains("the import was undone already, on "), "{words}");

    // The undo is an entry itself, and says what it reverted.
    let ids = site.ids();
    let undo = site.show(&ids[0]);
    assert_eq!((undo["kind"].as_str(), undo["undoes"].as_str()), (Some("undo"), Some(later.as_str())));
    assert_eq!((undo["reason"].as_str(), &undo["changed"]), (Some("wrong file"), &Value::from(4)));
    assert_eq!(undo["changes"][0]["old"]["clicks"], 5000);
    assert_eq!(undo["changes"][0]["new"]["clicks"], 105);
    assert_eq!(undo["changes"][3]["new"], Value::Null);
    assert_eq!(site.show(&later)["undoneBy"].as_str(), Some(ids[0].as_str()));
    assert!(site.undo(&ids[0], &[]).failed(1).contains("an undo can't be undone"));

    site.undo(&august, &[]).done();
    assert_eq!(site.report().lines().count(), 1);
}

#[test]
fn an_import_is_shown_with_what_each_value_was_before() {
    let site = Site::new();
    site.import(&["--reason", "late conversions"]).done();
    let id = &site.ids()[0];
    let shown = site.program.ok(&["imports", "show", id]);
    let shown: Vec<&str> =
        shown.lines().filter(|line| !line.starts_with("when ") && !line.starts_with("id ")).collect();
    insta::assert_snapshot!(shown.join("\n"), @"
    what       file
    source     later.csv
    by         command line
    reason     late conversions
    sha256     ab6965aec00f1822a183f636a3d368851f9953e653177f9b6b88cd35636f4221
    did        rows 3, inserted 1, changed 1 (set to zero 0), unchanged 1, rounded 0
    days       2023-08-05 to 2023-08-11 of Acme
    line 2: 2023-08-05 · A · Lumen: 105 clicks, cost 10.5 -> 5000 clicks, cost 10.5
    line 4: 2023-08-11 · A · Lumen: nothing -> 7 clicks, cost 1
    ");
}

#[test]
fn the_history_has_the_hash_of_the_very_bytes_that_came_packed_or_not() {
    let site = Site::new();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, LATER.as_bytes()).unwrap();
    let packed = gzip.finish().unwrap();
    let hash = |bytes: &[u8]| sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>();
    // With lines below the table that are left out.
    let noted = format!("{LATER}\n\nGenerated by hand\n");
    for (name, bytes) in [("later.csv", LATER.as_bytes()), ("later.csv.gz", &packed), ("noted.csv", noted.as_bytes())] {
        let file = site.program.file(name, bytes);
        site.program.ok(&["import", &file, "--advertiser", "Acme"]);
        assert_eq!(site.show(&site.ids()[0])["sha256"], hash(bytes).concat(), "{name}");
    }
}

#[test]
fn final_days_change_only_for_a_reason() {
    let site = Site::new();
    let mark = |state: &str, more: &[&str]| {
        let days = ["--advertiser", "Acme", "--from", "2023-08-05", "--to", "2023-08-06"];
        site.program.run(&[&["imports", "mark", state], days.as_slice(), more].concat())
    };
    mark("final", &[]).done();
    let before = site.report();
    let told = "days that are final would change: 2023-08-05 (1 row). ";
    let dry = site.import(&["--dry-run"]);
    assert!(dry.stderr.contains(&format!("{told}Without --reason TEXT the import will be refused")), "{}", dry.stderr);
    let words = site.import(&[]).failed(1);
    assert!(words.contains(&format!("{told}Give the reason why: --reason TEXT")), "{words}");
    assert_eq!(site.report(), before);
    // The same figures again prevent nothing.
    let august = site.program.path("august.csv");
    site.program.ok(&["import", august.to_str().unwrap(), "--advertiser", "Acme"]);

    site.import(&["--reason", "fraud refund"]).done();
    let id = site.ids()[0].clone();
    assert!(site.undo(&id, &[]).failed(1).contains(told));
    site.undo(&id, &["--reason", "no fraud after all"]).done();
    assert_eq!(site.report(), before);

    assert!(mark("provisional", &[]).failed(1).contains("2023-08-05 (0 rows), 2023-08-06 (0 rows)"));
    mark("provisional", &["--reason", "the invoice is withdrawn"]).done();
    site.import(&["--days", "final"]).done();
    let shown = site.show(&site.ids()[0]);
    assert_eq!(shown["days"], "final");
}

#[test]
fn a_saved_mapping_reads_the_file_however_it_is_encoded() {
    let program = Program::new();
    let known = ["--set", "partner=Google", "--set", "offer_name=Launch", "--set", "app=Acme"];
    let store = ["--set", "store_id=com.acme.app", "--set", "os=ANDROID", "--advertiser", "Acme", "--create-missing"];
    let map = ["--map", "date=Day", "--map", "campaign_name=Campaign", "--save-mapping", "Google"];
    let first = program.file("first.csv", "Day,Campaign,Clicks,Cost\n2023-08-29,A,5,1.5\n");
    program.ok(&[&["import", &first], map.as_slice(), &known, &store].concat());
    let text = "Campaign report\nDay\tCampaign\tClicks\tCost\n2023-08-30\tA\t6\t2.25\nTotal\t--\t6\t2.25\n";
    let utf16: Vec<u8> = [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let second = program.file("second.csv", utf16);
    let told = program.run(&["import", &second, "--advertiser", "Acme", "--mapping", "Google"]).failed(0);
    assert!(told.contains("Line 1 stands above the header and will not be read"), "{told}");
    let report = ["report", "--advertiser", "Acme", "--from", "2023-08-30", "--to", "2023-08-30", "--format", "csv"];
    assert!(program.ok(&report).ends_with(",2.25,6\r\n"));
}

#[test]
fn a_mapping_is_saved_under_a_name_and_used_again() {
    let program = Program::new();
    let export = |spent: &str| format!("Day,Name,Taps,Spent\n31.08.2023,A,7,{spent}\n");
    let first = program.file("first.csv", export("1.5"));
    let flags = [
        "--create-missing",
        "--map",
        "date=Day",
        "--map",
        "campaign_name=Name",
        "--map",
        "clicks=Taps",
        "--map",
        "cost=Spent",
        "--date-format",
        "%d.%m.%Y",
        "--set",
        "partner=Lumen",
        "--set",
        "offer_name=Launch",
        "--set",
        "app=Acme",
        "--set",
        "store_id=com.acme.app",
        "--set",
        "os=ANDROID",
        "--save-mapping",
        "Lumen's export",
    ];
    program.ok(&[["import", &first, "--advertiser", "Acme"].as_slice(), &flags].concat());
    let second = program.file("second.csv", export("2.5"));
    let import = |name: &str, more: &[&str]| {
        program.run(&[&["--json", "import", &second, "--advertiser", "Acme", "--mapping", name], more].concat())
    };
    let done: Value = serde_json::from_str(&import("Lumen's export", &[]).done()).unwrap();
    assert_eq!((&done["changed"], &done["inserted"]), (&Value::from(1), &Value::from(0)));
    // A flag wins over the saved mapping.
    let words = import("Lumen's export", &["--set", "partner=Nobody"]).failed(1);
    assert!(words.contains("\"Nobody\", which isn't a publisher yet"), "{words}");
    assert!(import("Lumen", &[]).failed(1).contains("there is no mapping \"Lumen\""));
}

#[test]
fn an_import_that_is_killed_leaves_nothing_and_the_next_start_says_so() {
    let site = Site::new();
    let before = site.report();
    let row = "{\"date\":\"2024-01-01\",\"campaign_name\":\"A\",\"partner\":\"Lumen\",\"clicks\":7,\"cost\":1}\n";
    let file = site.program.file("killed.ndjson", row);
    // Another writer holds the lock, so the import waits.
    let lock = rusqlite::Connection::open(site.program.data().join("pitlane.db")).unwrap();
    lock.execute_batch("begin immediate").unwrap();
    let mut killed = site.program.spawn(&["import", &file, "--advertiser", "Acme"]);
    site.wait_for_its_mark(&mut killed);
    killed.kill().unwrap();
    assert_eq!(killed.wait().unwrap().code(), None);
    drop(lock);

    assert_eq!(site.report(), before);
    assert_eq!(site.ids().len(), 1);
    let told = "an import was cut off, and nothing was imported: killed.ndjson, begun ";
    let first = site.program.start("serve", "warn").stop();
    assert!(first.stderr.contains(told), "{}", first.stderr);
    let second = site.program.start("serve", "warn").stop();
    assert!(!second.stderr.contains("cut off"), "{}", second.stderr);
    let list = site.program.run(&["imports", "list"]);
    assert!(list.stderr.contains("cut off, and nothing was imported: killed.ndjson"), "{}", list.stderr);
    assert_eq!(std::fs::read_dir(site.program.data().join("imports")).unwrap().count(), 0);
    // A finished import leaves no marker either.
    site.import(&[]).done();
    assert_eq!(std::fs::read_dir(site.program.data().join("imports")).unwrap().count(), 0);
}

/// A data directory as an older Pitlane left it.
fn upgraded(change: &str) -> Site {
    let program = Program::new();
    std::fs::create_dir(program.data()).unwrap();
    let file = program.data().join("pitlane.db");
    std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/schema-1.db"), &file).unwrap();
    rusqlite::Connection::open(&file).unwrap().execute_batch(change).unwrap();
    let later = program.file("later.csv", "date,campaign_name,partner,clicks,cost\n");
    Site { program, later }
}

#[test]
fn an_import_from_before_the_history_can_be_undone() {
    let site = upgraded("");
    let [api, file] = site.ids().try_into().unwrap();
    assert_eq!(site.show(&api)["actor"], "q1UYcMkFELq8pfv7");
    assert_eq!(site.report().lines().count(), 5);
    site.undo(&file, &[]).done();
    // The value from the other import stays.
    assert_eq!(site.report().lines().count(), 2);
}

#[test]
fn an_import_whose_values_were_replaced_before_the_history_is_not_undone() {
    // As an older Pitlane changed a cell: its earlier value isn't in the history.
    let site = upgraded(
        "update daily_stats set clicks = 3, import_key = 2 where import_key = 1 and clicks = 10;
        update imports set rows = 2, changed = 1 where import_key = 2;",
    );
    let before = site.report();
    for id in site.ids() {
        let words = site.undo(&id, &[]).failed(1);
        assert!(words.contains("changed before Pitlane kept the history, so it can't be undone"), "{words}");
    }
    assert_eq!(site.report(), before);
}

/// The priority of each of a process's threads; a higher number comes later.
fn priorities(process: &str) -> Vec<i32> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let stats = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("stat")).ok());
    // The fields behind the name, which is in brackets, begin with the third.
    let priority = |stat: String| stat.rsplit(')').next()?.split_whitespace().nth(16)?.parse().ok();
    stats.filter_map(priority).collect()
}

#[test]
fn an_import_comes_behind_the_servers_answers() {
    let site = Site::new();
    let lock = rusqlite::Connection::open(site.program.data().join("pitlane.db")).unwrap();
    lock.execute_batch("begin immediate").unwrap();
    let mut import = site.program.spawn(&["import", &site.later, "--advertiser", "Acme"]);
    site.wait_for_its_mark(&mut import);
    let behind = (priorities("self").into_iter().max().unwrap() + 10).min(19);
    let found = priorities(&import.id().to_string());
    assert!(found.len() > 1 && found.iter().all(|priority| *priority == behind), "{found:?}, expected {behind}");
    drop(lock);
    assert!(import.wait().unwrap().success());
}
