//! A kill may lose an answer's ledger entry. The ledger may then know less, but never something wrong.

use std::fmt::Write as _;
use std::time::Instant;

use chrono::{Days, NaiveDate, Utc};
use rusqlite::TransactionBehavior;
use serde_json::Value;

use crate::common::program::{Program, Server};
use crate::fixtures::{SINGULAR_JSON, ranged};

struct Site {
    program: Program,
    server: Option<Server>,
    token: String,
    today: NaiveDate,
}

impl Site {
    fn new() -> Self {
        let program = Program::new();
        let today = Utc::now().date_naive();
        let site = Self::import(&program, today, &[2, 3, 30], "1.5");
        let token = program.ok(&["token", "create", "--advertiser", "Acme", "--name", "Singular"]).trim().to_owned();
        let server = program.start("serve", "info");
        Self { program, server: Some(server), token, today: site }
    }

    /// Imports a cost on days this many days ago.
    fn import(program: &Program, today: NaiveDate, days: &[u64], cost: &str) -> NaiveDate {
        let mut text = "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n".to_owned();
        for back in days {
            let day = today - Days::new(*back);
            writeln!(text, "{day},A,Lumen,1,{cost},Offer,App,com.acme.app,ANDROID").unwrap();
        }
        program.ok(&["import", &program.file("rows.csv", text), "--advertiser", "Acme", "--create-missing"]);
        today
    }

    fn state(&self, days: &[u64], cost: &str) {
        Self::import(&self.program, self.today, days, cost);
    }

    fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.program.data().join("pitlane.db")).unwrap()
    }

    fn batches(&self) -> i64 {
        self.database().query_row("select batches from epoch", (), |row| row.get(0)).unwrap()
    }

    /// Singular polls the last 60 days.
    fn poll(&self) {
        let (from, to) = ((self.today - Days::new(60)).to_string(), self.today.to_string());
        assert_eq!(
            self.server.as_ref().unwrap().anonymous().with(&self.token).get(&ranged(SINGULAR_JSON, &from, &to)).status,
            200
        );
    }

    fn poll_and_write(&self) {
        let before = self.batches();
        self.poll();
        let since = Instant::now();
        while self.batches() == before {
            assert!(since.elapsed().as_secs() < 60, "the poll was not written");
            std::thread::yield_now();
        }
    }

    /// Singular polls the last 60 days, and the server is killed before it could write that.
    fn poll_and_kill(&mut self) {
        let before = self.batches();
        let mut database = self.database();
        let held = database.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        self.poll();
        self.server.take().unwrap().kill();
        drop(held);
        assert_eq!(self.batches(), before);
    }

    /// The days in `pitlane singular status`: how many days ago, the state, and the cost that was handed over.
    fn status(&self) -> Vec<(i64, String, Value)> {
        let ended = self.program.run(&["--json", "singular", "status"]);
        let told: Value = serde_json::from_str(&ended.stdout).unwrap();
        let days = told["advertisers"][0]["days"].as_array().unwrap().iter();
        days.map(|day| {
            let date: NaiveDate = day["date"].as_str().unwrap().parse().unwrap();
            let served = &day["served"];
            let cost = if served.is_null() { Value::Null } else { served["cost"].clone() };
            ((self.today - date).num_days(), day["state"].as_str().unwrap().to_owned(), cost)
        })
        .collect()
    }
}

#[test]
fn figures_that_come_back_after_a_lost_answer_are_not_in_step() {
    let mut site = Site::new();
    site.poll_and_write();
    assert_eq!(site.status(), []);
    site.state(&[2, 30], "9");
    site.poll_and_kill();
    // The ledger's last answer says 1.5 for these days, and so does the report now; but Singular has 9.
    site.state(&[2, 30], "1.5");
    let unknown = [(30, "refresh".to_owned(), Value::Null), (2, "next_poll".to_owned(), Value::Null)];
    assert_eq!(site.status(), unknown);
    site.server = Some(site.program.start("serve", "info"));
    assert_eq!(site.status(), unknown);
    site.poll_and_write();
    assert_eq!(site.status(), []);
}

#[test]
fn a_kill_between_polls_changes_nothing_for_days_that_stayed_as_they_were() {
    let mut site = Site::new();
    site.poll_and_write();
    site.poll_and_kill();
    assert_eq!(site.status(), []);
    site.server = Some(site.program.start("serve", "info"));
    // A clean stop loses nothing, whatever changed before it.
    site.state(&[30], "9");
    assert_eq!(site.server.take().unwrap().stop().code, Some(0));
    assert_eq!(site.status(), [(30, "refresh".to_owned(), 1.5.into())]);
}

#[test]
fn a_command_while_the_server_runs_settles_nothing() {
    let site = Site::new();
    site.poll_and_write();
    site.state(&[30], "9");
    assert_eq!(site.status(), [(30, "refresh".to_owned(), 1.5.into())]);
}
