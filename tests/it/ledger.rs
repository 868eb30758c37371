//! The ledger compared with a simple model that keeps every answer's items. Whatever is imported, replaced, edited, undone,
//! switched, renamed, moved, merged, polled, cut or lost: a day is in step only if Singular has what the report says, and the
//! described difference is right.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use pitlane::domain::{
    AdvertiserId, Count, Day, DayRange, Figures, Micros, Name, Os, RawReport, ReportFormat, ReportKind, ReportQuery,
    StoreId, TokenReader, TokenScope,
};
use pitlane::import::Format;
use pitlane::service::access::tokens::{self, TokenRequest};
use pitlane::service::catalogue::{self as changes, Change};
use pitlane::service::imports::{self, Duplicates, ImportError, ImportOptions, ImportSource, MergePair};
use pitlane::service::ledger::{self, Detail, HandoverState, Ledger, LedgerDay};
use pitlane::service::report::{ReportRequest, Reports};
use pitlane::service::{Actor, ServiceError, stats};
use pitlane::store::{
    AdvertiserRow, CampaignRow, ImportKind, PollRow, PublisherRow, ServedAnswer, StatKey, Store, StoreError, TokenKey,
    Version,
};
use proptest::prelude::*;

use crate::fixtures::{NORTHWIND, csv, id};
use crate::model::decimal;
use crate::properties::{CAMPAIGNS, Key, PUBLISHERS, catalogue, day};

const DAYS: u64 = 12;

/// A report's item as far as Singular reads it: offer, publisher, store id, operating system, campaign; then clicks and cost.
type Item = (Vec<String>, u64, String);
type Items = BTreeMap<u64, BTreeSet<Item>>;

#[derive(Debug, Clone)]
enum Step {
    Import(Vec<(Key, (i64, u64))>, bool),
    Edit(Key, i64),
    /// Of so many imports back, going round.
    Undo(usize),
    Switch(usize),
    Rename(usize, u8),
    /// Names of campaigns and publishers, which Singular ignores.
    Relabel(usize, u8),
    StoreId(u8),
    /// A campaign moves to the offer of another, or to the other app.
    Move(usize, usize, bool),
    /// The first is merged into the second: publishers, or campaigns.
    Merge(bool, usize, usize),
    /// An answer is made; it is sent later.
    Ask(u64, u64),
    /// It is sent, completely or cut, to one of two clients.
    Hand(usize, bool, usize),
    /// The server is killed before it wrote what it sent last.
    Kill(Option<usize>),
    /// The second client is marked as not Singular, or the mark is removed.
    Mark,
    /// Another reader's token gets the report.
    Other(u64, u64),
    /// Another copy of the database replaces this one.
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    let key = || (0..DAYS, 0..CAMPAIGNS.len(), 0..PUBLISHERS.len());
    let value = || (0..3_i64, 0..3_u64).prop_map(|(micros, clicks)| (micros * 1_500_000, clicks));
    let lines = proptest::collection::btree_map(key(), value(), 1..10).prop_map(|lines| lines.into_iter().collect());
    let range = || (0..DAYS, 0..DAYS).prop_map(|(one, other)| (one.min(other), one.max(other)));
    let index = any::<usize>;
    prop_oneof![
        6 => (lines, any::<bool>()).prop_map(|(lines, replace)| Step::Import(lines, replace)),
        4 => index().prop_map(Step::Undo),
        2 => (key(), 0..3_i64).prop_map(|(key, micros)| Step::Edit(key, micros * 1_500_000)),
        2 => (0..CAMPAIGNS.len()).prop_map(Step::Switch),
        1 => (0..CAMPAIGNS.len(), 0..2_u8).prop_map(|(which, name)| Step::Relabel(which, name)),
        2 => (0..CAMPAIGNS.len(), 0..CAMPAIGNS.len(), any::<bool>()).prop_map(|(which, to, app)| Step::Move(which, to, app)),
        2 => (any::<bool>(), 0..CAMPAIGNS.len(), 0..CAMPAIGNS.len()).prop_map(|(of, from, into)| Step::Merge(of, from, into)),
        2 => (0..CAMPAIGNS.len(), 0..2_u8).prop_map(|(offer, name)| Step::Rename(offer, name)),
        1 => (0..2_u8).prop_map(Step::StoreId),
        6 => range().prop_map(|(from, to)| Step::Ask(from, to)),
        6 => (index(), prop::bool::weighted(0.8), 0..2_usize).prop_map(|(which, whole, to)| Step::Hand(which, whole, to)),
        1 => proptest::option::of(index()).prop_map(Step::Kill),
        1 => Just(Step::Mark),
        1 => range().prop_map(|(from, to)| Step::Other(from, to)),
        1 => Just(Step::Restore),
    ]
}

/// What Singular has of a day, according to the model.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Held {
    Items(BTreeSet<Item>),
    Unknown,
}

struct Site {
    dir: tempfile::TempDir,
    store: Option<Store>,
    advertiser: AdvertiserRow,
    tokens: [TokenKey; 2],
    answers: Vec<Answer>,
    /// The answers sent, oldest first: to which client, or to an unknown one.
    handed: Vec<(Option<usize>, BTreeMap<u64, Held>)>,
    is_marked: bool,
    /// How many answers had been handed over when a server was last killed.
    killed_after: Option<usize>,
    /// The latest version that the server knows.
    known: Version,
    now: DateTime<Utc>,
}

/// An answer that is being sent.
struct Answer {
    range: (u64, u64),
    version: Version,
    items: Items,
    /// The latest version that the server knew at the request.
    known: Version,
}

/// The clients' user agents and addresses.
const CLIENTS: [(&str, &str); 2] = [("192.0.2.1", "connector"), ("192.0.2.2", "connector")];

fn stored(number: u64) -> i64 {
    Day::try_from(day(number)).unwrap().to_stored()
}

fn token(store: &Store, reader: TokenReader) -> TokenKey {
    let (advertiser, name) = (NORTHWIND.to_owned(), Name::parse("name", "a test").unwrap());
    let request = TokenRequest { advertiser, name, scope: TokenScope::Report, expires_at: None, reader };
    let issued = tokens::issue(store, &request, &Actor::command_line(), Utc::now()).unwrap();
    store.read(|txn| txn.token_find(issued.id())).unwrap().unwrap().key
}

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = catalogue(dir.path());
        let advertiser = store.read(|txn| txn.advertiser_get(NORTHWIND)).unwrap();
        let (name, store_id) = (Name::parse("name", "Another Game").unwrap(), StoreId::parse(Os::Ios, "77").unwrap());
        changes::change(&store, &advertiser, &Change::AddApp(&name, &store_id), &Actor::command_line()).unwrap();
        let tokens = [token(&store, TokenReader::Singular), token(&store, TokenReader::Other)];
        // Nine days after the first: two of the days are beyond the look-back.
        let now = day(9).and_hms_opt(12, 0, 0).unwrap().and_utc();
        let mut site = Self {
            dir,
            store: Some(store),
            advertiser,
            tokens,
            answers: Vec::new(),
            handed: Vec::new(),
            is_marked: false,
            killed_after: None,
            known: Version::default(),
            now,
        };
        site.begin();
        site
    }

    fn begin(&mut self) {
        self.store().handing_over_begin().unwrap();
        self.known = self.latest();
    }

    fn latest(&self) -> Version {
        self.store().read(|txn| txn.version_latest()).unwrap()
    }

    /// What was handed over to Singular, the oldest first, but for so many answers.
    fn counting(&self, but: usize) -> impl Iterator<Item = &BTreeMap<u64, Held>> {
        let counts = |client: Option<usize>| !(self.is_marked && client == Some(1));
        self.handed[but..].iter().filter(move |(client, _)| counts(*client)).map(|(_, days)| days)
    }

    fn held(&self) -> BTreeMap<u64, Held> {
        self.counting(0).flat_map(Clone::clone).collect()
    }

    /// Whether the ledger may know less of a day than it could, since a server was killed.
    fn is_in_doubt(&self, number: u64) -> bool {
        self.killed_after.is_some_and(|but| !self.counting(but).any(|days| days.contains_key(&number)))
    }

    fn note(&mut self, client: Option<usize>, items: Items) {
        self.handed.push((client, items.into_iter().map(|(number, items)| (number, Held::Items(items))).collect()));
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    /// The report's items of these days, and their version.
    fn report(&self, from: u64, to: u64) -> (Version, Items) {
        let [date_from, date_to] = [from, to].map(|number| Some(day(number).to_string()));
        let raw = RawReport { date_from, date_to, offer_id: None };
        let query = ReportQuery::new(AdvertiserId::from(id("advertiser", NORTHWIND)), &raw).unwrap();
        let asked = ReportRequest { kind: ReportKind::Singular, format: ReportFormat::Csv, query };
        let mut report = Reports::new(0).open(asked, self.store().snapshot().unwrap()).unwrap();
        let mut text = Vec::new();
        while let Some(chunk) = report.next_bytes().unwrap() {
            text.extend_from_slice(&chunk);
        }
        let mut days: Items = (from..=to).map(|number| (number, BTreeSet::new())).collect();
        for line in String::from_utf8(text).unwrap().lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            let number = (from..=to).find(|number| day(*number).to_string() == fields[0]).unwrap();
            let said = [1, 2, 4, 5, 7].map(|at| fields[at].to_owned()).to_vec();
            days.get_mut(&number).unwrap().insert((said, fields[9].parse().unwrap(), fields[8].to_owned()));
        }
        (report.head().version, days)
    }

    fn hand_over(&mut self, token: TokenKey, (from, to): (u64, u64), version: Version, client: usize) -> bool {
        let (address, user_agent) = CLIENTS[client];
        let row = PollRow {
            at: Utc::now(),
            token: Some(token),
            feed: None,
            report: ReportKind::Singular,
            format: ReportFormat::Json,
            days: Some(DayRange::new(Day::try_from(day(from)).unwrap(), Day::try_from(day(to)).unwrap()).unwrap()),
            status: 200,
            complete: true,
            rows: 0,
            cost: pitlane::domain::MicrosSum::default(),
            bytes: 0,
            duration: std::time::Duration::ZERO,
            address: address.to_owned(),
            user_agent: user_agent.to_owned(),
            served: Some(version),
        };
        let answer = ServedAnswer {
            token,
            days: (stored(from), stored(to)),
            version,
            at: row.at,
            address: row.address.clone(),
            user_agent: row.user_agent.clone(),
        };
        self.known = self.latest();
        let complete_to = self.answers.iter().map(|answer| answer.known).min().unwrap_or(self.known);
        let written = self.store().write_ledger(|txn| {
            txn.ledger_complete_up_to(complete_to)?;
            txn.polls_add(&[&row])?;
            txn.served_add(&answer)
        });
        written.unwrap()
    }

    fn change(&self, change: &Change<'_>) {
        changes::change(self.store(), &self.advertiser, change, &Actor::command_line()).unwrap();
    }

    fn take(&mut self, step: Step) {
        let actor = Actor::command_line();
        match step {
            Step::Import(lines, replace) => {
                let options = ImportOptions {
                    advertiser: Some(NORTHWIND.to_owned()),
                    // Two merged rows are the same row.
                    duplicates: Duplicates::Sum,
                    replace,
                    ..ImportOptions::new(Format::Csv)
                };
                let source = ImportSource { kind: ImportKind::File, name: "a file".to_owned(), token: None, actor };
                let (campaigns, publishers) = self.rows();
                let text = csv(lines.iter().map(|((number, campaign, publisher), (micros, clicks))| {
                    let (campaign, publisher) = (&campaigns[*campaign].name, &publishers[*publisher].name);
                    format!("{},{campaign},{publisher},{clicks},{}", day(*number), decimal((*micros).into()))
                }));
                let done: Result<_, ImportError> =
                    imports::run(self.store(), std::io::Cursor::new(text), &options, &source);
                done.unwrap();
            }
            Step::Undo(which) => {
                let all = self.store().read(|txn| txn.import_list(None, None, 100)).unwrap();
                if !all.is_empty() {
                    // Refused if it was undone, is an undo, or others depend on it.
                    let _ = imports::undo(self.store(), all[which % all.len()].id, None, &actor);
                }
            }
            Step::Edit((number, campaign, publisher), micros) => {
                let (campaigns, publishers) = self.rows();
                let key = StatKey {
                    advertiser: self.advertiser.key,
                    day: stored(number),
                    campaign: campaigns[campaign].key,
                    publisher: publishers[publisher].key,
                };
                let figures = Figures {
                    clicks: Count::new("clicks", 7).unwrap(),
                    cost: Micros::new(micros).unwrap(),
                    ..Figures::default()
                };
                // Refused if one of the two was merged.
                let _ = stats::edit(self.store(), key, figures, &"a test".parse().unwrap(), "a cell", &actor);
            }
            Step::Ask(from, to) => {
                let (version, items) = self.report(from, to);
                self.answers.push(Answer { range: (from, to), version, items, known: self.known });
            }
            Step::Hand(which, is_whole, client) => {
                if !self.answers.is_empty() {
                    let Answer { range, version, items, .. } = self.answers.remove(which % self.answers.len());
                    if is_whole {
                        let counts = !(self.is_marked && client == 1);
                        assert_eq!(self.hand_over(self.tokens[0], range, version, client), counts);
                        self.note(Some(client), items);
                    }
                }
            }
            Step::Kill(which) => {
                if let Some(which) = which.filter(|_| !self.answers.is_empty()) {
                    let Answer { items, .. } = self.answers.remove(which % self.answers.len());
                    self.note(Some(0), items);
                }
                self.answers.clear();
                ledger::settle_lost(self.store(), self.now).unwrap();
                self.killed_after = Some(self.handed.len());
                self.begin();
            }
            // Recomputing doesn't show which of the answers lost in a kill counted.
            Step::Mark if (0..DAYS).any(|number| self.is_in_doubt(number)) => {}
            Step::Mark => {
                self.is_marked = !self.is_marked;
                let is_singular = !self.is_marked;
                ledger::mark_reader(self.store(), &self.advertiser, CLIENTS[1], is_singular, &actor, self.now).unwrap();
            }
            Step::Other(from, to) => {
                let (version, _) = self.report(from, to);
                assert!(!self.hand_over(self.tokens[1], (from, to), version, 0));
            }
            Step::Restore => {
                let epoch = self.store().epoch().to_owned();
                self.store = None;
                std::fs::remove_file(self.dir.path().join("pitlane.epoch")).unwrap();
                self.store = Some(Store::open(self.dir.path()).unwrap());
                assert_ne!(self.store().epoch(), epoch);
                // This server doesn't send answers of the one before.
                self.answers.clear();
                self.handed.push((None, (0..DAYS).map(|number| (number, Held::Unknown)).collect()));
                self.begin();
            }
            of_catalogue => self.change_catalogue(of_catalogue),
        }
    }

    /// Carries out a change of the catalogue.
    fn change_catalogue(&mut self, step: Step) {
        let actor = Actor::command_line();
        match step {
            Step::Switch(campaign) => {
                let offer = self.offer(campaign);
                let switched = changes::switch_offer(
                    self.store(),
                    NORTHWIND,
                    &offer.id.to_string(),
                    !offer.cost_reporting,
                    &actor,
                );
                assert!(switched.unwrap().1);
            }
            Step::Rename(campaign, name) => {
                let offer = self.offer(campaign);
                let name = Name::parse("name", &format!("{} {name}", offer.id)).unwrap();
                self.change(&Change::RenameOffer(&offer, &name));
            }
            Step::Relabel(which, number) => {
                let (campaigns, publishers) = self.rows();
                let (campaign, publisher) = (&campaigns[which], &publishers[which % publishers.len()]);
                let name = |id: &str| Name::parse("name", &format!("{id} {number}")).unwrap();
                let change = name(&campaign.id.to_string());
                let _ =
                    changes::change(self.store(), &self.advertiser, &Change::RenameCampaign(campaign, &change), &actor);
                let _ = changes::rename_publisher(self.store(), publisher, &name(&publisher.id.to_string()), &actor);
            }
            Step::Move(which, to, is_other_app) => {
                let (campaigns, _) = self.rows();
                let mut apps = self.store().read(|txn| txn.app_list(self.advertiser.key)).unwrap();
                apps.sort_by_key(|app| app.key);
                let (campaign, app) = (&campaigns[which], &apps[usize::from(is_other_app)]);
                let change = Change::MoveCampaign(campaign, &campaigns[to].offer, app);
                let moved = changes::change(self.store(), &self.advertiser, &change, &actor);
                assert_eq!(
                    moved.is_err(),
                    self.store().read(|txn| txn.merges()).unwrap().hid_campaign(campaign.key).is_some()
                );
            }
            Step::Merge(of_campaigns, from, into) => {
                let (campaigns, publishers) = self.rows();
                let pair = if of_campaigns {
                    MergePair::Campaigns(self.advertiser.clone(), campaigns[from].clone(), campaigns[into].clone())
                } else {
                    let row = |one: usize| publishers[one % publishers.len()].clone();
                    MergePair::Publishers(row(from), row(into))
                };
                // Refused if one of the two was merged, or both are the same.
                let _ = imports::merge(self.store(), &pair, None, None, &actor);
            }
            Step::StoreId(number) => {
                let mut apps = self.store().read(|txn| txn.app_list(self.advertiser.key)).unwrap();
                apps.sort_by_key(|app| app.key);
                let app = apps.remove(0);
                let store = StoreId::parse(Os::Android, &format!("com.example.game{number}")).unwrap();
                let name = Name::parse("name", &format!("Game {number}")).unwrap();
                self.change(&Change::UpdateApp(&app, &name, &store));
            }
            other => panic!("{other:?} changes no catalogue"),
        }
    }

    /// The campaigns and publishers in the order of creation.
    fn rows(&self) -> (Vec<CampaignRow>, Vec<PublisherRow>) {
        let read = |txn: &pitlane::store::ReadTxn<'_>| {
            Ok::<_, StoreError>((txn.campaign_list(self.advertiser.key)?, txn.publisher_list()?))
        };
        self.store().read(read).unwrap()
    }

    fn offer(&self, campaign: usize) -> pitlane::store::OfferRow {
        self.rows().0.remove(campaign).offer
    }

    fn state_of(&self, number: u64) -> Option<HandoverState> {
        let read =
            |txn: &pitlane::store::ReadTxn<'_>| Ledger::of(txn, &self.advertiser, None, Detail::States, self.now);
        let ledger = self.store().read(read).unwrap();
        ledger.days.iter().find(|known| known.day.to_stored() == stored(number)).map(|day| day.state)
    }

    fn check(&self) {
        let read = |txn: &pitlane::store::ReadTxn<'_>| {
            let ledger = |detail| Ledger::of(txn, &self.advertiser, None, detail, self.now);
            Ok::<_, ServiceError>((ledger(Detail::Cells)?, ledger(Detail::Sums)?, ledger(Detail::States)?))
        };
        let (ledger, sums, states) = self.store().read(read).unwrap();
        let short = |days: &[LedgerDay]| -> Vec<_> {
            days.iter()
                .map(|day| (day.day, day.state, day.difference.held, day.difference.served, day.difference.differing))
                .collect()
        };
        assert_eq!(short(&ledger.days), short(&sums.days));
        let state =
            |ledger: &Ledger| -> Vec<_> { ledger.days.iter().map(|day| (day.day, day.state, day.served)).collect() };
        assert_eq!(state(&ledger), state(&states));
        crate::model::assert_sums_agree(self.store().path());
        let (_, items) = self.report(0, DAYS - 1);
        let all_held = self.held();
        for (number, now) in &items {
            let found = ledger.days.iter().find(|known| known.day.to_stored() == stored(*number));
            let is_beyond = *number < 2;
            let held = all_held.get(number);
            let expected = match held {
                None if now.is_empty() => None,
                None => Some(HandoverState::NeverServed),
                Some(Held::Items(items)) if items == now => Some(HandoverState::InStep),
                Some(_) if is_beyond => Some(HandoverState::Refresh),
                Some(_) => Some(HandoverState::NextPoll),
            };
            let state = found.map(|day| day.state);
            if self.is_in_doubt(*number) {
                // What it knows must be right; an unknown day must not count as in step.
                match found {
                    None if matches!(held, Some(Held::Unknown)) && now.is_empty() => {}
                    None => assert!(matches!(expected, None | Some(HandoverState::InStep)), "{number}: {held:?}"),
                    Some(day) if day.served.is_some() => {
                        assert_eq!(state, expected, "day {number}, held {held:?}, now {now:?}");
                        told(day, held, now);
                    }
                    Some(_) => assert_ne!(state, Some(HandoverState::InStep), "{number}"),
                }
                continue;
            }
            match held {
                // Unknown days without stats are listed if they may have had some.
                Some(Held::Unknown) if now.is_empty() => assert!(state.is_none() || state == expected, "{number}"),
                Some(Held::Items(items)) if items.is_empty() && now.is_empty() => {
                    assert!(state.is_none_or(|state| state == HandoverState::InStep), "{number}: {state:?}");
                }
                _ => assert_eq!(state, expected, "day {number}, held {held:?}, now {now:?}"),
            }
            if let Some(found) = found {
                told(found, held, now);
            }
        }
    }
}

/// The described difference matches the model.
fn told(found: &LedgerDay, held: Option<&Held>, now: &BTreeSet<Item>) {
    let cost = |items: &BTreeSet<Item>| items.iter().map(|(_, _, cost)| crate::model::micros(cost)).sum::<i128>();
    let clicks = |items: &BTreeSet<Item>| items.iter().map(|(_, clicks, _)| i128::from(*clicks)).sum::<i128>();
    let sums = |items: &BTreeSet<Item>| (items.len() as u64, clicks(items), cost(items));
    let shown = |sums: &pitlane::service::ledger::Sums| (sums.rows, sums.clicks, sums.cost.micros());
    assert_eq!(shown(&found.difference.held), sums(now));
    let served = match held {
        Some(Held::Items(items)) => Some(items),
        Some(Held::Unknown) | None => None,
    };
    assert_eq!(found.difference.served.as_ref().map(shown), served.map(sums));
    assert_eq!(found.served.is_some(), served.is_some());
    let nothing = BTreeSet::new();
    let then = served.unwrap_or(&nothing);
    let cell = |item: &Item| (item.0[4].clone(), item.0[1].clone());
    let expected: BTreeSet<_> = then.symmetric_difference(now).map(cell).collect();
    let differing: BTreeSet<_> = found
        .difference
        .cells
        .iter()
        .map(|cell| (cell.campaign_id.to_string(), cell.publisher_id.to_string()))
        .collect();
    assert_eq!(differing, expected);
    for found in &found.difference.cells {
        let of = |items: &BTreeSet<Item>| {
            let wanted = (found.campaign_id.to_string(), found.publisher_id.to_string());
            items.iter().find(|item| cell(item) == wanted).cloned()
        };
        let (then, now) = (of(then), of(now));
        let figures = |item: &Option<Item>| item.as_ref().map(|(_, clicks, cost)| (*clicks, cost.clone()));
        let told = |shown: &Option<pitlane::service::ledger::Shown>| {
            shown.map(|shown| (u64::try_from(shown.clicks).unwrap(), shown.cost.to_string()))
        };
        assert_eq!((told(&found.served), told(&found.held)), (figures(&then), figures(&now)));
        if let (Some(then), Some(now)) = (&then, &now) {
            let keys = [
                (then.2 != now.2, "cost"),
                (then.1 != now.1, "clicks"),
                (then.0[0] != now.0[0], "offer_name"),
                (then.0[2] != now.0[2], "store_id"),
                (then.0[3] != now.0[3], "os"),
            ];
            let keys: Vec<_> = keys.into_iter().filter_map(|(differs, key)| differs.then_some(key)).collect();
            assert_eq!(found.differs, keys);
        }
    }
}

/// Takes the steps, and checks the ledger after each.
fn replay(steps: Vec<Step>) -> Site {
    let mut site = Site::new();
    for step in steps {
        site.take(step);
        site.check();
    }
    site
}

/// States a cost on day 3.
fn day_3(clicks: u64) -> Step {
    Step::Import(vec![((3, 0, 0), (1_500_000, clicks))], false)
}

#[test]
fn a_day_that_only_a_lost_answer_covered_stays_when_its_items_go() {
    for gone in [Step::Undo(0), Step::Switch(0)] {
        // The first is of a day that changed since the ledger was last complete, the second of one that did not.
        for before in [None, Some(Step::Hand(0, true, 0))] {
            let mut steps = vec![day_3(1), Step::Ask(0, 11)];
            if let Some(handed) = before {
                steps.splice(1..1, [Step::Ask(5, 5), handed]);
            }
            steps.extend([Step::Kill(Some(0)), gone.clone()]);
            let site = replay(steps);
            assert_eq!(site.state_of(3), Some(HandoverState::NextPoll));
        }
    }
}

#[test]
fn a_day_whose_figures_came_back_before_a_kill_is_not_in_step_if_an_answer_between_was_lost() {
    let handed = [day_3(1), Step::Ask(3, 3), Step::Hand(0, true, 0)];
    let lost = [day_3(2), Step::Ask(3, 3), day_3(1), Step::Kill(Some(0))];
    let site = replay([&handed[..], &lost].concat());
    assert_eq!(site.state_of(3), Some(HandoverState::NextPoll));
}

#[test]
fn a_kill_makes_nothing_unknown_where_singular_has_no_token() {
    let mut site = Site::new();
    site.take(day_3(1));
    rusqlite::Connection::open(site.store().path())
        .unwrap()
        .execute("update api_tokens set reader = 'other'", ())
        .unwrap();
    site.take(Step::Kill(None));
    assert_eq!(site.state_of(3), Some(HandoverState::NeverServed));
}

#[test]
fn a_mark_does_not_take_away_days_that_forgotten_polls_may_have_covered() {
    let polled_by = |client| [Step::Ask(3, 3), Step::Hand(0, true, client)];
    let marked = |forgotten: &str, steps: Vec<Step>| {
        let mut site = replay(steps);
        let database = rusqlite::Connection::open(site.store().path()).unwrap();
        database.execute(&format!("delete from polls where {forgotten}"), ()).unwrap();
        site.take(Step::Mark);
        site.state_of(3)
    };
    let [first, second] = [0, 1].map(polled_by);
    let both = [vec![day_3(1)], first.to_vec(), vec![day_3(2)], second.to_vec()].concat();
    assert_eq!(marked("poll_key = 1", both), Some(HandoverState::NextPoll));
    let one = [vec![day_3(1)], second.to_vec()].concat();
    assert_eq!(marked("false", one), Some(HandoverState::NeverServed));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_day_is_in_step_only_if_singular_holds_what_the_report_says(
        steps in proptest::collection::vec(step(), 1..40),
    ) {
        let site = replay(steps);
        prop_assert_eq!(site.store().integrity_problems().unwrap(), Vec::<String>::new());
    }
}
