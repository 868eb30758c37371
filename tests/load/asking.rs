//! Clients that ask again and again, and how long their answers take.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::common::program::{Server, ask};

pub(crate) const REPORT: &str =
    "GET /api/v1/integrations/cost-report/singular/csv?date_from=2026-01-01&date_to=2026-01-31";
pub(crate) const UPLOAD: &str = "POST /api/v1/daily-stats";
/// How many clients write, and the time from the start of one change to the next: a hundred changes a second.
const WRITERS: usize = 4;
const PACE: Duration = Duration::from_millis(40);

/// How long answers took.
pub(crate) struct Answers(Vec<Duration>);

impl Answers {
    pub(crate) fn new(mut took: Vec<Duration>) -> Self {
        took.sort_unstable();
        Self(took)
    }

    fn part(&self, percent: usize) -> Duration {
        self.0[self.0.len() * percent / 100]
    }

    pub(crate) fn longest(&self) -> Duration {
        self.0.last().copied().unwrap_or_default()
    }

    pub(crate) fn p99(&self) -> Duration {
        self.part(99)
    }
}

impl fmt::Display for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answers, p50 {:.1?}, p99 {:.1?}", self.0.len(), self.part(50), self.p99())
    }
}

/// An upload of one cell.
pub(crate) fn row(clicks: u32) -> String {
    format!("date,campaign_name,partner,clicks,cost\n2026-02-01,C0,P0,1,{clicks}\n")
}

/// Asks for a month again and again.
pub(crate) fn reports_until(server: &Server, token: &str, done: &AtomicBool) -> Result<Vec<Duration>, String> {
    let mut took = Vec::new();
    while !done.load(Ordering::Relaxed) || took.len() < 20 {
        took.push(good(&server.address, token, REPORT, "")?);
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(took)
}

/// A hundred small imports a second. If one takes longer, the client's next ones follow at once, until it has caught up.
pub(crate) fn uploads_until(server: &Server, token: &str, done: &AtomicBool) -> Result<Vec<Duration>, String> {
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS).map(|_| scope.spawn(|| one_uploads(server, token, done))).collect();
        writers.into_iter().try_fold(Vec::new(), |mut all, writer| {
            all.append(&mut writer.join().unwrap()?);
            Ok(all)
        })
    })
}

fn one_uploads(server: &Server, token: &str, done: &AtomicBool) -> Result<Vec<Duration>, String> {
    let mut took = Vec::new();
    let mut next = Instant::now();
    while !done.load(Ordering::Relaxed) || took.len() < 20 {
        took.push(good(&server.address, token, UPLOAD, &row(u32::try_from(took.len()).unwrap()))?);
        next += PACE;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    Ok(took)
}

/// How long an answer with success took; any other answer is an error.
pub(crate) fn good(address: &str, token: &str, request: &str, body: &str) -> Result<Duration, String> {
    let since = Instant::now();
    let (status, body) = ask(address, token, request, body).map_err(|error| error.to_string())?;
    if status == 200 { Ok(since.elapsed()) } else { Err(format!("{status}: {}", String::from_utf8_lossy(&body))) }
}
