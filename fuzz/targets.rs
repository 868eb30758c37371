//! The fuzz targets: what must be true for any input. The programs in `fuzz_targets` try new inputs; `tests/fuzz` replays
//! those saved in `corpus`.

use std::fmt::Write as _;
use std::io::{Seek as _, Write as _};
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::LazyLock;

use actix_web::http::header::{self, HeaderValue};
use actix_web::test::TestRequest;
use pitlane::domain::{Currency, Day, Micros, Name, PlainToken, RawReport, ReportQuery};
use pitlane::http::{client, query as parameters, token_guard};
use pitlane::import::{self, Column, Context, Decisions, EmptyCatalogue, Format, Headers, Mapping, Memory};
use pitlane::service::Actor;
use pitlane::service::imports::{self, ImportOptions, ImportSource};
use pitlane::store::{AdvertiserKey, ImportKind, StatPages, Store};

/// The pages of a table with some hundred rows, and how many pages these are.
fn some_pages() -> (StatPages, usize) {
    let mut csv = String::from("date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n");
    for day in 4..10 {
        for campaign in 0..120 {
            let figures = format!("{},{}.25", campaign * campaign * 7, campaign << (2 * day));
            writeln!(csv, "2024-10-{day:02},c{campaign},p,{figures},c{campaign},a,a.example,WEB").unwrap();
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let source =
        ImportSource { kind: ImportKind::File, name: "seed".to_owned(), token: None, actor: Actor::command_line() };
    let advertiser = Some("a".to_owned());
    let options = ImportOptions { advertiser, create_missing: true, ..ImportOptions::new(Format::Csv) };
    imports::run(&store, std::io::Cursor::new(csv), &options, &source).unwrap();
    (StatPages::copy(&store.snapshot().unwrap()).unwrap().unwrap(), 6 * 120)
}

/// Damages pages of the stats table: three bytes say which page and where, the fourth is the new value. If the rows aren't
/// refused, they are in order, within the range, and within the schema's bounds.
pub fn pages(bytes: &[u8]) {
    static WHOLE: LazyLock<(StatPages, usize)> = LazyLock::new(some_pages);
    let (mut pages, whole) = (*WHOLE).clone();
    let mut places: Vec<_> = pages.bytes_mut().collect();
    let count = places.len();
    let (edits, _) = bytes.as_chunks::<4>();
    for [page, high, low, value] in edits {
        let page = &mut *places[usize::from(*page) % count];
        let at = usize::from(u16::from_be_bytes([*high, *low])) % page.len();
        page[at] = *value;
    }
    let (advertiser, first, last) = (AdvertiserKey::from(1), 20_000, 20_005);
    let Ok(rows) = pages.scan(advertiser, first, last) else { return };
    assert!(rows.is_sorted_by(|one, other| {
        (one.day, one.campaign, one.publisher) < (other.day, other.campaign, other.publisher)
    }));
    for row in &rows {
        assert!((first..=last).contains(&row.day) && row.cost <= Micros::MAX);
        assert!((0..=1_000_000_000_000_000).contains(&row.clicks));
    }
    assert!(!edits.is_empty() || rows.len() == whole);
}

/// A file of stats: every accepted line is within bounds, and reading ends.
fn file(format: Format, bytes: &[u8], mapping: &Mapping) {
    let fixed = |column| mapping.fixed.iter().find(|(target, _)| *target == column).map(|(_, value)| value.as_str());
    let mut last = 0;
    let read = import::read(format, bytes, mapping, &mut |line| {
        if let Ok(line) = line {
            // A fixed name is folded to one line, like a cell; whatever reads the line leaves out what can't be seen.
            let name = |text| Name::parse_in_file("partner", text).ok();
            if let Some(fixed) = fixed(Column::Partner).and_then(name) {
                assert_eq!(line.partner.and_then(name), Some(fixed));
            }
            assert!(fixed(Column::Os).is_none() || line.os.is_some());
            assert!(line.line > last, "lines come in order");
            last = line.line;
            assert!(line.cost.abs() <= Micros::MAX.into());
            assert!((10_957..=84_005).contains(&line.day.to_stored()), "{}", line.day);
            assert!(line.campaign_id.is_some() || line.campaign_name.is_some());
        }
        ControlFlow::Continue(())
    });
    drop(read);
}

pub fn csv(bytes: &[u8]) {
    file(Format::Csv, bytes, &Mapping::default());
}

/// The options of `pitlane import`, one a line, an empty line, and a CSV that is read with them.
pub fn options(bytes: &[u8]) {
    let Some(end) = bytes.windows(2).position(|two| two == b"\n\n") else { return };
    let Ok(options) = std::str::from_utf8(&bytes[..end]) else { return };
    let mut mapping = Mapping::default();
    for option in options.lines() {
        match option.split_once(' ') {
            Some(("map", text)) => mapping.columns.extend(Mapping::parse_map(text)),
            Some(("set", text)) => mapping.fixed.extend(Mapping::parse_set(text)),
            Some(("date", text)) => mapping.date_format = text.parse().ok(),
            _ => return,
        }
    }
    file(Format::Csv, &bytes[end + 2..], &mapping);
}

/// Any file is recognised or refused. If it leaves nothing open, its plan reads rows in order, and as many as were counted.
pub fn recognise(bytes: &[u8]) {
    let spool = std::env::temp_dir();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let Ok(mut file) = import::unpack(file, None, &spool) else { return };
    let context = Context {
        currency: Currency::parse("USD").ok(),
        last_day: Day::parse("date", "2026-11-28").unwrap(),
        catalogue: &EmptyCatalogue,
        headers: Headers::built_in(),
        memory: &Memory::default(),
    };
    let Ok(seen) = import::recognise_file(&mut file, &Decisions::default(), &context) else { return };
    if !seen.problems.is_empty() {
        return;
    }
    file.text.rewind().unwrap();
    let (mut last, mut rows) = (0, 0);
    let read = import::read_file(&file.text, &seen.plan, &mut |line| {
        if let Ok(line) = line {
            assert!(line.line >= last, "lines come in order");
            rows += u64::from(line.line > last);
            last = line.line;
        }
        ControlFlow::Continue(())
    });
    assert!(read.is_err() || rows <= seen.rows, "{rows} rows were read, {} counted", seen.rows);
}

pub fn json(bytes: &[u8]) {
    file(Format::Json, bytes, &Mapping::default());
    file(Format::NdJson, bytes, &Mapping::default());
}

/// An amount that was read is the same after being written and read again.
pub fn money(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok((amount, _)) = Micros::parse(text) {
        assert_eq!(Micros::parse(&amount.to_string()).ok(), Some((amount, false)));
    }
}

pub fn date(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(day) = Day::parse_date_or_time("day", text) {
        assert_eq!(day.to_string(), text[..10]);
        assert_eq!(Day::from_stored(day.to_stored()).ok(), Some(day));
    }
}

/// Only a token's canonical text is accepted as a token.
pub fn token(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(token) = PlainToken::parse(text) {
        assert_eq!(token.reveal(), text);
        assert!(!format!("{token:?}").contains(token.secret()));
    }
}

pub fn authorization(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    let request = TestRequest::default().insert_header((header::AUTHORIZATION, value)).to_http_request();
    if let Some(token) = token_guard::presented(&request) {
        assert!(bytes.windows(token.reveal().len()).any(|window| window == token.reveal().as_bytes()));
    }
}

/// Without a trusted proxy, headers can't change the client's address.
pub fn forwarded(bytes: &[u8]) {
    let peer: IpAddr = [192, 0, 2, 1].into();
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    let request = TestRequest::default().peer_addr((peer, 1).into()).insert_header(("X-Forwarded-For", value));
    let request = request.to_http_request();
    assert_eq!(client::address(&request, &[]), peer);
    let seen = client::address(&request, &[peer.into()]);
    assert!(seen == peer || std::str::from_utf8(bytes).is_ok());
}

pub fn query(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(raw) = parameters::report(pitlane::domain::ReportKind::General, text) else { return };
    let advertiser = "3fa85f64-5717-4562-b3fc-2c963f66afa6".parse().unwrap();
    if let Ok(query) = ReportQuery::new(advertiser, &raw) {
        assert_eq!(query.advertiser, advertiser);
        assert!(query.days.from() <= query.days.to());
        assert_ne!(raw, RawReport::default());
    }
}
