//! Uploading files: who may, from where, how large, and who can open the draft.

use pitlane::domain::Role;

use crate::harness::{Answer, App, EMAIL, Person, spawn_app};
use crate::imports::{found, held, import_file};

const FILE: &str = "date,campaign_name,partner,clicks,cost\n2023-08-01,a,Lumen,1,x\n2023-08-02,a,Lumen,1,2\n";

/// What creates the campaign of [`FILE`].
const FIRST: &str = "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n\
     2023-07-01,a,Lumen,1,1,Coin Game,Coin Game,com.example.coingame,ANDROID\n";

/// A form with a file, as a browser sends it, with this token before the file.
fn form(token: &str, file_name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut body = format!(
        "--edge\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\n{token}\r\n--edge\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"{file_name}\"\r\nContent-Type: text/csv\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--edge--\r\n");
    body
}

fn send(person: &mut Person, origin: &str, body: Vec<u8>) -> Answer {
    let request = person.request("POST", "/admin/imports/new").header("Origin", origin);
    person.send(request.header("Content-Type", "multipart/form-data; boundary=edge").body(body))
}

fn upload(app: &App, person: &mut Person, bytes: &[u8]) -> Answer {
    person.get("/admin/imports/new");
    let body = form(&person.form_token.clone(), "august.csv", bytes);
    send(person, &app.origin, body)
}

/// Uploads a file and returns the draft's address, without the advertiser.
fn drafted(app: &App, person: &mut Person, bytes: &[u8]) -> String {
    draft_of(&upload(app, person, bytes))
}

fn draft_of(answer: &Answer) -> String {
    answer.location().unwrap().split('?').next().unwrap().to_owned()
}

/// How many uploads there are: rows and files.
fn kept(app: &App) -> (i64, usize) {
    let rows = app.database().query_row("select count(*) from import_drafts", (), |row| row.get(0)).unwrap();
    let files = std::fs::read_dir(app.dir.path().join("uploads")).map_or(0, Iterator::count);
    (rows, files)
}

#[test]
fn a_file_without_this_sessions_token_or_from_elsewhere_is_refused() {
    let app = spawn_app();
    found(&app, "USD");
    let mut ada = app.person(EMAIL, Role::Admin);
    ada.get("/admin/imports/new");
    let token = ada.form_token.clone();
    for (origin, body) in [
        (app.origin.as_str(), form("0000", "a.csv", FILE.as_bytes())),
        (app.origin.as_str(), form("", "a.csv", FILE.as_bytes())),
        ("https://evil.example", form(&token, "a.csv", FILE.as_bytes())),
        // A token after the file comes too late.
        (
            app.origin.as_str(),
            b"--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n--edge--\r\n"
                .to_vec(),
        ),
    ] {
        let answer = send(&mut ada, origin, body);
        assert_eq!((answer.status, kept(&app)), (403, (0, 0)), "{}", answer.text());
    }
    let mut vera = app.person("vera@example.com", Role::Viewer);
    vera.get("/admin/imports");
    let body = form(&vera.form_token.clone(), "a.csv", FILE.as_bytes());
    assert_eq!(send(&mut vera, &app.origin, body).status, 403);
    assert_eq!(kept(&app), (0, 0));
}

#[test]
fn what_is_no_table_is_refused_in_words_and_not_kept() {
    let app = spawn_app();
    found(&app, "USD");
    let mut ada = app.person(EMAIL, Role::Admin);
    for (bytes, words) in [
        (&b""[..], "The file is empty."),
        (b"PK\x03\x04", "The ZIP archive can&#39;t be read"),
        (b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "The ZIP archive contains no file."),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "old Excel workbook"),
        (b"date,cost\n", "The file has a header but no rows."),
        (b"date,cost\n\"1,2\n", "never closed"),
    ] {
        let answer = upload(&app, &mut ada, bytes);
        assert_eq!((answer.status, kept(&app)), (422, (0, 0)));
        assert!(answer.text().contains(words), "{words}: {}", answer.text());
    }
    let cut = form(&ada.form_token.clone(), "a.csv", FILE.as_bytes());
    let answer = send(&mut ada, &app.origin, cut[..cut.len() - 20].to_vec());
    assert_eq!((answer.status, kept(&app)), (400, (0, 0)), "{}", answer.text());
}

#[test]
fn a_file_of_more_than_200_mb_is_refused_and_not_kept() {
    let app = spawn_app();
    found(&app, "USD");
    let mut ada = app.person(EMAIL, Role::Admin);
    let row = b"2023-08-01,a,Lumen,1,1\n";
    let answer = upload(&app, &mut ada, &row.repeat(201 * 1024 * 1024 / row.len()));
    assert_eq!((answer.status, kept(&app)), (413, (0, 0)), "{}", answer.text());
}

#[test]
fn an_upload_is_its_admins_alone_and_no_path() {
    let app = spawn_app();
    found(&app, "USD");
    let mut ada = app.person(EMAIL, Role::Admin);
    ada.get("/admin/imports/new");
    let body = form(&ada.form_token.clone(), "../../../<b>x</b>.csv", FILE.as_bytes());
    let answer = send(&mut ada, &app.origin, body);
    let draft = draft_of(&answer);
    assert!(draft.starts_with("/admin/imports/drafts/"), "{draft}");
    assert_eq!(kept(&app), (1, 1));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let file = std::fs::read_dir(app.dir.path().join("uploads")).unwrap().next().unwrap().unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(file.file_name().to_str(), draft.rsplit('/').next());
    }
    assert!(!ada.get(&draft).text().contains("<b>"));
    let mut eve = app.person("eve@example.com", Role::Admin);
    assert_eq!(eve.get(&draft).status, 404);
    for (way, fields) in [("", &[][..]), ("/preview", &[("sum", "on")]), ("/commit", &[]), ("/cancel", &[])] {
        assert_eq!(eve.post(&format!("{draft}{way}"), fields).status, 404, "{way}");
    }
    for id in ["..%2F..%2Fpitlane.db", "%2e%2e", "x", "00000000-0000-0000-0000-000000000000"] {
        assert_eq!(ada.get(&format!("/admin/imports/drafts/{id}")).status, 404, "{id}");
    }
    ada.get(&draft);
    assert_eq!(ada.post(&format!("{draft}/cancel"), &[]).status, 303);
    assert_eq!(kept(&app), (0, 0));
}

/// Sends the mapping page: each header is the source of the column with its name.
fn say_how_to_read(person: &mut Person, draft: &str) -> Answer {
    person.get(draft);
    let columns = ["date", "campaign_name", "partner", "clicks", "cost"].iter();
    let fields: Vec<(String, String)> =
        columns.map(|column| (format!("from-{column}"), (*column).to_owned())).collect();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let answer = person.post(draft, &fields);
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer
}

#[test]
fn the_page_of_columns_says_how_the_file_is_written() {
    let app = spawn_app();
    found(&app, "USD");
    let mut ada = app.person(EMAIL, Role::Admin);
    for (separator, name) in [(",", "commas"), (";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")] {
        let draft = drafted(&app, &mut ada, FILE.replace(',', separator).as_bytes());
        let page = ada.get(&draft).into_text();
        let facts = format!("2 rows and 5 columns, the header on line 1; UTF-8, separated by {name}.");
        assert!(page.contains(&facts), "{facts} {page}");
    }
}

#[test]
fn all_that_is_wrong_comes_as_csv_and_nothing_is_imported() {
    let app = spawn_app();
    found(&app, "USD");
    let mut ada = app.person(EMAIL, Role::Admin);
    let draft = drafted(&app, &mut ada, FILE.as_bytes());
    assert_eq!(ada.get(&format!("{draft}/preview")).status, 303, "nothing was answered yet");
    let answer = say_how_to_read(&mut ada, &draft);
    let page = ada.get(answer.location().unwrap());
    assert!(page.text().contains("column cost") && page.text().contains("line 2: "), "{}", page.text());
    let problems = ada.get(&format!("{draft}/problems.csv"));
    assert_eq!(problems.header("content-type"), Some("text/csv; charset=utf-8"));
    let lines: Vec<&str> = problems.text().lines().collect();
    assert_eq!(lines[0], "line,column,problem");
    assert!(lines[1].starts_with("2,cost,\"got \"\"x\"\", expected"), "{}", lines[1]);
    ada.get(&draft);
    assert_eq!(ada.post(&format!("{draft}/commit"), &[]).status, 422);
    // The upload, and beside it the results of reading it: cells, notes, and the outlook.
    assert_eq!((held(&app).0, kept(&app)), (0, (1, 4)));
    ada.get(&draft);
    assert_eq!(ada.post(&format!("{draft}/cancel"), &[]).status, 303);
    assert_eq!(kept(&app), (0, 0));
}

#[test]
fn an_answer_in_the_preview_that_cannot_be_read_is_refused_and_changes_nothing() {
    let app = spawn_app();
    found(&app, "USD");
    let mut ada = app.person(EMAIL, Role::Admin);
    let draft = drafted(&app, &mut ada, FILE.as_bytes());
    ada.get(&draft);
    let wrong = ada.post(&draft, &[("from-date", "date"), ("days", "closed")]);
    assert_eq!(wrong.status, 422);
    assert!(wrong.text().contains("Got &#34;closed&#34;, expected provisional or final."), "{}", wrong.text());
    say_how_to_read(&mut ada, &draft);
    let settings =
        || -> String { app.database().query_row("select settings from import_drafts", (), |row| row.get(0)).unwrap() };
    let (before, to) = (settings(), format!("{draft}/preview"));
    for (fields, message) in [
        (&[("leave_out", "2-x")][..], "Got &#34;2-x&#34;, expected lines and ranges of lines, such as 14,20-22."),
        (&[("back", "0")], "Got &#34;0&#34;, expected lines and ranges of lines"),
        (
            &[("rename", "1"), ("rename_to", " ")],
            "Got &#34; &#34;, expected 1 to 500 characters without control characters.",
        ),
        (&[("rename", "x"), ("rename_to", "Summer")], "Got &#34;x&#34;, expected the number of a campaign."),
        (&[("alias_column", "colour"), ("alias_name", "a"), ("alias_known", "b")], "Got &#34;colour&#34;, expected"),
    ] {
        ada.get(&draft);
        let answer = ada.post(&to, fields);
        assert_eq!(answer.status, 422, "{fields:?}");
        assert!(answer.text().contains(message), "{message}: {}", answer.text());
        assert_eq!(settings(), before, "{fields:?}");
    }
    ada.get(&draft);
    assert_eq!(ada.post(&to, &[("leave_out", "2")]).status, 303);
    assert_ne!(settings(), before);
}

#[test]
fn the_preview_says_how_many_names_one_import_creates_at_most() {
    let app = spawn_app();
    found(&app, "USD");
    let mut ada = app.person(EMAIL, Role::Admin);
    let row = |number: u32| format!("2023-08-01,Campaign {number},Lumen,1,2\n");
    let rows: String = (0..50_100).map(row).collect();
    let file = format!("date,campaign_name,partner,clicks,cost\n{rows}");
    let draft = drafted(&app, &mut ada, file.as_bytes());
    say_how_to_read(&mut ada, &draft);
    let place = [("set-offer_name", "Coin Game"), ("set-app", "Coin Game"), ("set-store_id", "com.example.coingame")];
    ada.get(&draft);
    ada.post(&format!("{draft}/preview"), &[&place[..], &[("set-os", "ANDROID"), ("create", "on")]].concat());
    let page = ada.get(&format!("{draft}/preview"));
    assert!(
        page.text().contains("lines would create too much")
            && page.text().contains("expected at most 50,000 campaigns, offers, apps and publishers")
            && page.text().contains("split it into several files by campaign"),
        "{}",
        page.text()
    );
    assert_eq!(held(&app).0, 0);
}

#[test]
fn bytes_that_are_not_those_that_were_previewed_are_refused() {
    let app = spawn_app();
    found(&app, "USD");
    let mut ada = app.person(EMAIL, Role::Admin);
    let draft = drafted(&app, &mut ada, FILE.as_bytes());
    let file = app.dir.path().join("uploads").join(draft.rsplit('/').next().unwrap());
    say_how_to_read(&mut ada, &draft);
    std::fs::write(file, FILE.replace('x', "9")).unwrap();
    ada.get(&draft);
    let answer = ada.post(&format!("{draft}/commit"), &[]);
    assert!(answer.text().contains("not the one that was recognised"), "{}", answer.text());
    assert_eq!(held(&app).0, 0);
}

/// A power cut loses the preview's result, which isn't flushed to the disk.
#[test]
fn a_button_of_a_preview_that_was_lost_shows_a_new_preview_and_imports_nothing() {
    let app = spawn_app();
    found(&app, "USD");
    import_file(&app, "Northwind", "first.csv", FIRST);
    let mut ada = app.person(EMAIL, Role::Admin);
    let draft = drafted(&app, &mut ada, FILE.replace(",x", ",1").as_bytes());
    say_how_to_read(&mut ada, &draft);
    let seen = |page: &Answer| {
        let (_, rest) = page.text().split_once("name=\"seen\" value=\"").unwrap_or_else(|| panic!("{}", page.text()));
        rest.split('"').next().unwrap().to_owned()
    };
    let key = seen(&ada.get(&format!("{draft}/preview")));
    let outlook = app.dir.path().join("uploads").join(draft.rsplit('/').next().unwrap()).with_extension("outlook");
    std::fs::remove_file(&outlook).unwrap();
    let before = held(&app);
    let again = ada.post(&format!("{draft}/commit"), &[("seen", &key)]);
    assert!(again.text().contains("The preview was lost when the machine stopped."), "{}", again.text());
    assert_eq!((seen(&again), held(&app)), (key.clone(), before));
    assert_eq!(ada.post(&format!("{draft}/commit"), &[("seen", &key)]).status, 303);
    assert_eq!(held(&app).0, before.0 + 2);
}

/// A preview first looks, in its turn, for what an earlier one kept of the upload. A pipe in that file's place makes it hold the
/// turn until the test closes the pipe; then it reads the upload itself.
#[cfg(unix)]
#[test]
fn previews_of_one_person_wait_for_their_turn_and_keep_nobody_else_waiting() {
    use std::os::unix::fs::OpenOptionsExt as _;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    const SHARE: usize = pitlane::store::Lane::Long.size() - 1;
    let app = spawn_app();
    found(&app, "USD");
    let (mut ada, mut eve) = (app.person(EMAIL, Role::Admin), app.person("eve@example.com", Role::Admin));
    let previewable = |person: &mut Person| {
        let draft = drafted(&app, person, FILE.replace(",x", ",1").as_bytes());
        say_how_to_read(person, &draft);
        draft
    };
    let drafts: Vec<String> = (0..=SHARE).map(|_| previewable(&mut ada)).collect();
    let other = previewable(&mut eve);
    let look = |draft: &str| {
        let (mut person, path, (sender, receiver)) = (app.logged_in(EMAIL), format!("{draft}/preview"), channel());
        let thread = std::thread::spawn(move || sender.send(person.get(&path).status).unwrap());
        (thread, receiver)
    };
    let mut held = Vec::new();
    for draft in &drafts[..SHARE] {
        let upload = app.dir.path().join("uploads").join(draft.rsplit('/').next().unwrap());
        let file = upload.with_extension("staged");
        assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
        std::fs::write(upload.with_extension("cells"), "").unwrap();
        let (thread, answered) = look(draft);
        // It opens as soon as the preview reads it.
        let mut pipe = std::fs::File::options();
        pipe.write(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
        let since = std::time::Instant::now();
        let pipe = loop {
            match pipe.open(&file) {
                Ok(pipe) => break pipe,
                Err(error) => assert!(since.elapsed() < Duration::from_secs(20), "the preview reads nothing: {error}"),
            }
        };
        held.push((pipe, thread, answered));
    }
    let (waiting, answered) = look(&drafts[SHARE]);
    assert!(answered.recv_timeout(Duration::from_secs(1)).is_err(), "a fourth preview did not wait");
    let elsewhere = eve.request("GET", &format!("{other}/preview")).header("X-Forwarded-For", "203.0.113.9");
    let since = std::time::Instant::now();
    let shown = eve.send(elsewhere);
    assert!(shown.status == 200 && since.elapsed() < Duration::from_secs(5), "{}: {:?}", shown.text(), since.elapsed());
    assert!(answered.try_recv().is_err(), "a fourth preview did not wait");
    // One turn ends, then all.
    for (pipe, thread, own) in held {
        drop(pipe);
        assert_eq!(own.recv_timeout(Duration::from_secs(15)), Ok(200));
        thread.join().unwrap();
    }
    assert_eq!(answered.recv_timeout(Duration::from_secs(15)), Ok(200));
    waiting.join().unwrap();
}

#[test]
fn uploads_are_kept_for_a_day() {
    let app = spawn_app();
    found(&app, "USD");
    let mut ada = app.person(EMAIL, Role::Admin);
    let draft = drafted(&app, &mut ada, FILE.as_bytes());
    let day_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(25);
    let file = app.dir.path().join("uploads").join(draft.rsplit('/').next().unwrap());
    std::fs::File::options().write(true).open(file).unwrap().set_modified(day_ago).unwrap();
    app.database().execute("update import_drafts set created_at = created_at - 25 * 3600 * 1000", ()).unwrap();
    assert_eq!(ada.get(&draft).status, 404);
    assert_eq!(kept(&app), (0, 0));
}

#[test]
fn what_an_upload_that_broke_off_left_is_removed_at_the_next_start() {
    let app = spawn_app();
    let orphan = app.dir.path().join("uploads").join("00000000-0000-0000-0000-000000000000");
    std::fs::create_dir(orphan.parent().unwrap()).unwrap();
    std::fs::write(&orphan, FILE).unwrap();
    pitlane::service::pending_uploads::tidy(&app.store).unwrap();
    assert!(orphan.exists(), "it may be on its way in");
    pitlane::service::pending_uploads::tidy_at_start(&app.store).unwrap();
    assert!(!orphan.exists());
}
