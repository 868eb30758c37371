//! What the program acknowledged, recorded outside of it, to check whether it is still there.
//!
//! Each writer has its own campaigns and at most one open batch. So after a crash a writer's figures must be what was
//! acknowledged, alone or with the whole of the last batch. Anything else is a loss or half a batch.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::common::rng::Rng;

/// Day and campaign to cost in millionths and clicks.
pub(crate) type Figures = BTreeMap<(String, String), (u64, u64)>;

#[derive(Clone, Default)]
pub(crate) struct Writer {
    pub(crate) acknowledged: Figures,
    /// Sent, but not answered yet.
    pub(crate) pending: Option<Figures>,
}

impl Writer {
    /// Makes a batch for writer `number`: new and changed cells.
    pub(crate) fn batch(&mut self, number: usize, rng: &mut Rng) -> String {
        let mut batch = Figures::new();
        for _ in 0..=rng.below(300) {
            let day = format!("2026-{:02}-{:02}", 1 + rng.below(3), 1 + rng.below(28));
            let cell = (day, format!("W{number}-C{}", rng.below(4)));
            batch.insert(cell, (rng.below(5_000_000_000), rng.below(10_000)));
        }
        let mut csv = String::from("date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n");
        for ((day, campaign), (micros, clicks)) in &batch {
            let cost = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
            writeln!(csv, "{day},{campaign},Lumen,{clicks},{cost},Offer {campaign},Game,com.example.game,ANDROID")
                .unwrap();
        }
        self.pending = Some(batch);
        csv
    }

    /// A batch of one cell of the first campaign, as form fields.
    pub(crate) fn cell(&mut self, number: usize, rng: &mut Rng) -> [(&'static str, String); 3] {
        let day = format!("2026-{:02}-{:02}", 1 + rng.below(3), 1 + rng.below(28));
        let (micros, clicks) = (rng.below(5_000_000_000), rng.below(10_000));
        let cost = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
        let fields = [("day", day.clone()), ("clicks", clicks.to_string()), ("cost", cost)];
        self.pending = Some(Figures::from([((day, format!("W{number}-C0")), (micros, clicks))]));
        fields
    }

    /// The batch was answered with success.
    pub(crate) fn acknowledge(&mut self) {
        self.acknowledged.append(&mut self.pending.take().unwrap());
    }

    /// Compares what the program reports with the record.
    pub(crate) fn settle(&mut self, number: usize, reported: &Figures) -> Result<(), String> {
        let own = format!("W{number}-");
        let found: Figures = reported
            .iter()
            .filter(|((_, campaign), _)| campaign.starts_with(&own))
            .map(|(k, v)| (k.clone(), *v))
            .collect();
        let pending = self.pending.take();
        if found == self.acknowledged {
            return Ok(());
        }
        let mut with = self.acknowledged.clone();
        with.append(&mut pending.clone().unwrap_or_default());
        if found == with {
            self.acknowledged = with;
            return Ok(());
        }
        let lost = self.acknowledged.iter().filter(|(cell, figures)| found.get(*cell) != Some(figures)).count();
        Err(format!(
            "writer {number}: {lost} of {} acknowledged cells are not as acknowledged; {} cells reported, a batch of {:?} \
             was under way",
            self.acknowledged.len(),
            found.len(),
            pending.map(|batch| batch.len())
        ))
    }
}

/// A setting, such as a switch that is on or off.
pub(crate) struct Setting<T> {
    pub(crate) acknowledged: T,
    /// Requested, but not answered yet.
    pending: Option<T>,
}

impl<T: Copy + PartialEq + std::fmt::Display> Setting<T> {
    pub(crate) fn of(acknowledged: T) -> Self {
        Self { acknowledged, pending: None }
    }

    pub(crate) fn request(&mut self, to: T) {
        self.pending = Some(to);
    }

    pub(crate) fn acknowledge(&mut self) {
        self.acknowledged = self.pending.take().unwrap();
    }

    /// Compares what the program says with the record.
    pub(crate) fn settle(&mut self, what: &str, found: T) -> Result<(), String> {
        if found != self.acknowledged && self.pending != Some(found) {
            return Err(format!("{what} was left at {}, and is at {found}", self.acknowledged));
        }
        (self.acknowledged, self.pending) = (found, None);
        Ok(())
    }
}

impl Setting<bool> {
    /// Starts to switch it; returns the old state.
    pub(crate) fn turn(&mut self) -> bool {
        self.request(!self.acknowledged);
        self.acknowledged
    }
}

/// Whether a token, a feed or a session should work, according to the answers so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Live,
    /// Its end was requested, but not answered yet.
    Unsure,
    Ended,
}

impl Life {
    /// Compares whether it works with the record.
    pub(crate) fn settle(&mut self, usable: bool) -> Result<(), String> {
        *self = match (*self, usable) {
            (Self::Live | Self::Unsure, true) => Self::Live,
            (Self::Ended | Self::Unsure, false) => Self::Ended,
            (Self::Live, false) => return Err("does not work any more".to_owned()),
            (Self::Ended, true) => return Err("works again".to_owned()),
        };
        Ok(())
    }
}

/// A logged-in browser.
pub(crate) struct Session {
    pub(crate) person: crate::common::http::Person,
    pub(crate) life: Life,
}

impl Session {
    /// Compares the status of the start page with the record.
    pub(crate) fn settle(&mut self, status: u16) -> Result<(), String> {
        match status {
            200 | 303 => self.life.settle(status == 200).map_err(|words| format!("a session {words}")),
            _ => Err(format!("the start page answers {status}")),
        }
    }
}

pub(crate) struct Token {
    pub(crate) secret: String,
    pub(crate) life: Life,
}

impl Token {
    pub(crate) fn id(&self) -> &str {
        self.secret.split('_').nth(1).unwrap()
    }

    /// Compares the status of a report with this token with the record.
    pub(crate) fn settle(&mut self, status: u16) -> Result<(), String> {
        match status {
            200 | 401 => self.life.settle(status == 200).map_err(|words| format!("token {} {words}", self.id())),
            _ => Err(format!("token {}: a report answers {status}", self.id())),
        }
    }
}

/// Reads a cost report in CSV.
pub(crate) fn read_report(csv: &[u8]) -> Result<Figures, String> {
    let mut figures = Figures::new();
    let mut reader = csv::Reader::from_reader(csv);
    for row in reader.records() {
        let row = row.map_err(|error| error.to_string())?;
        let (whole, fraction) = row[8].split_once('.').unwrap_or((&row[8], ""));
        let micros = format!("{whole}{fraction:0<6}").parse().map_err(|_| format!("cost {:?}", &row[8]))?;
        let clicks = row[9].parse().map_err(|_| format!("clicks {:?}", &row[9]))?;
        if figures.insert((row[0].to_owned(), row[6].to_owned()), (micros, clicks)).is_some() {
            return Err(format!("{} of {} is reported twice", &row[6], &row[0]));
        }
    }
    Ok(figures)
}
