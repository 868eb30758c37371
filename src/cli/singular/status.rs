//! `pitlane singular status`: what Singular last received (contract §8).

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::cli::open_existing;
use crate::cli::output::{AlreadyPrinted, print, print_json, say};
use crate::config::Global;
use crate::domain::{MicrosDifference, phrase};
use crate::service::ledger::{CellDifference, Detail, HandoverState, Ledger, LedgerDay, RefreshRequest, Shown, Sums};
use crate::service::status::PollingState;
use crate::store::ReadTxn;

/// `pitlane singular status`
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Only this advertiser, by name or id
    #[arg(long, value_name = "NAME-OR-ID")]
    advertiser: Option<String>,
}

pub(super) fn run(global: &Global, args: &Args) -> anyhow::Result<()> {
    let store = open_existing(global)?;
    store.read(|txn| status(txn, global, args.advertiser.as_deref()))
}

/// Prints the state; fails if polling has stopped or days need a person.
fn status(txn: &ReadTxn<'_>, global: &Global, advertiser: Option<&str>) -> anyhow::Result<()> {
    let now = Utc::now();
    let advertisers = if let Some(wanted) = advertiser {
        vec![txn.advertiser_get(wanted)?]
    } else {
        let (on, off): (Vec<_>, Vec<_>) = txn.advertiser_list()?.into_iter().partition(|row| row.disabled_at.is_none());
        for row in off {
            say(format_args!("{} is disabled and left out; name it with --advertiser", row.name));
        }
        on
    };
    let detail = if global.json { Detail::Cells } else { Detail::Sums };
    let ledgers = advertisers.iter().map(|row| Ledger::of(txn, row, None, detail, now));
    let ledgers = ledgers.collect::<Result<Vec<_>, _>>()?;
    if global.json {
        print_json(&StatusAnswer { advertisers: ledgers.iter().map(AdvertiserAnswer::new).collect() })?;
    } else {
        let lines: Vec<String> = ledgers.iter().map(described).collect();
        for line in lines {
            print(line)?;
        }
    }
    if ledgers.is_empty() {
        return Err(AlreadyPrinted("there is no advertiser, so nothing is handed to Singular".to_owned()).into());
    }
    let ill: Vec<String> = ledgers.iter().filter_map(trouble).collect();
    if ill.is_empty() { Ok(()) } else { Err(AlreadyPrinted(ill.join("; ")).into()) }
}

/// What needs a person, in a few words.
fn trouble(ledger: &Ledger) -> Option<String> {
    let days = ledger.days.iter().filter(|day| ledger.needs_person(day)).count();
    let mut parts = Vec::new();
    if ledger.polling.state != PollingState::Alive {
        parts.push(match ledger.polling.state {
            PollingState::Never => "Singular has never polled".to_owned(),
            PollingState::Refused => "polls are refused".to_owned(),
            PollingState::Stopped | PollingState::Alive => "Singular has stopped polling".to_owned(),
        });
    }
    if days > 0 {
        let days = phrase::plural(i64::try_from(days).unwrap_or(i64::MAX), "day");
        parts.push(format!("{days} must be asked for in Singular"));
    }
    (!parts.is_empty()).then(|| format!("{}: {}", ledger.advertiser.name, parts.join(", ")))
}

/// An advertiser's state in sentences, one per line.
fn described(ledger: &Ledger) -> String {
    let currency = ledger.advertiser.currency.code();
    let mut lines = Vec::new();
    let polling = match (ledger.polling.state.as_str(), ledger.polling.last_at()) {
        ("alive", _) => None,
        (state, None) => Some(format!("polling: {state}")),
        (state, Some(at)) => Some(format!("polling: {state}, last answered {}", at.format("%Y-%m-%d %H:%M UTC"))),
    };
    lines.extend(polling);
    let differing: Vec<&LedgerDay> = ledger.days.iter().filter(|day| day.state != HandoverState::InStep).collect();
    for day in &differing {
        let held = day.difference.held.cost;
        let served = match &day.difference.served {
            Some(served) => format!("handed over {}, now {held} {currency}", served.cost),
            None if day.state == HandoverState::NeverServed => format!("never handed over, now {held} {currency}"),
            None => format!("not known what was handed over, now {held} {currency}"),
        };
        let accepted = if day.is_accepted { " (accepted)" } else { "" };
        lines.push(format!("{} {}{accepted}: {served}", day.day, day.state.as_str()));
    }
    let requests = ledger.refresh_requests();
    lines.extend(requests.iter().map(|request| format!("to send: {}", request.text)));
    let name = &ledger.advertiser.name;
    if lines.is_empty() {
        return format!("{name}: everything is in step");
    }
    lines.iter().map(|line| format!("{name}: {line}")).collect::<Vec<_>>().join("\n")
}

#[derive(Serialize)]
struct StatusAnswer {
    advertisers: Vec<AdvertiserAnswer>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AdvertiserAnswer {
    id: String,
    name: String,
    polling: PollingAnswer,
    look_back_days: LookBackAnswer,
    days: Vec<DayAnswer>,
    refresh_requests: Vec<RequestAnswer>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PollingAnswer {
    state: &'static str,
    last_at: Option<String>,
}

#[derive(Serialize)]
struct LookBackAnswer {
    days: u64,
    source: &'static str,
}

#[derive(Serialize)]
struct DayAnswer {
    date: String,
    state: &'static str,
    served: Option<ServedAnswer>,
    held: SumsAnswer,
    campaigns: Vec<CellAnswer>,
}

#[derive(Serialize)]
struct ServedAnswer {
    at: String,
    #[serde(flatten)]
    sums: SumsAnswer,
}

#[derive(Serialize)]
struct SumsAnswer {
    rows: u64,
    clicks: i128,
    cost: Box<RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CellAnswer {
    campaign_id: String,
    partner_id: String,
    differs: Vec<&'static str>,
    served: Option<FiguresAnswer>,
    held: Option<FiguresAnswer>,
}

#[derive(Serialize)]
struct FiguresAnswer {
    clicks: i64,
    cost: Box<RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestAnswer {
    from: String,
    to: String,
    cost_difference: Box<RawValue>,
    text: String,
}

/// A decimal as a JSON number, without a float.
fn number(decimal: &impl std::fmt::Display) -> Box<RawValue> {
    RawValue::from_string(decimal.to_string()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn sums(sums: &Sums) -> SumsAnswer {
    SumsAnswer { rows: sums.rows, clicks: sums.clicks, cost: number(&sums.cost) }
}

fn figures(shown: &Shown) -> FiguresAnswer {
    FiguresAnswer { clicks: shown.clicks, cost: number(&shown.cost) }
}

impl AdvertiserAnswer {
    fn new(ledger: &Ledger) -> Self {
        let days = ledger.days.iter().filter(|day| day.state != HandoverState::InStep);
        Self {
            id: ledger.advertiser.id.to_string(),
            name: ledger.advertiser.name.clone(),
            polling: PollingAnswer {
                state: ledger.polling.state.as_str(),
                last_at: ledger.polling.last_at().map(moment),
            },
            look_back_days: LookBackAnswer {
                days: ledger.look_back.days,
                source: if ledger.look_back.is_observed { "observed" } else { "assumed" },
            },
            days: days.map(DayAnswer::new).collect(),
            refresh_requests: ledger.refresh_requests().iter().map(RequestAnswer::new).collect(),
        }
    }
}

impl DayAnswer {
    fn new(day: &LedgerDay) -> Self {
        let served = day.served.zip(day.difference.served.as_ref());
        Self {
            date: day.day.to_string(),
            state: day.state.as_str(),
            served: served.map(|((at, _), then)| ServedAnswer { at: moment(at), sums: sums(then) }),
            held: sums(&day.difference.held),
            campaigns: day.difference.cells.iter().map(CellAnswer::new).collect(),
        }
    }
}

impl CellAnswer {
    fn new(cell: &CellDifference) -> Self {
        Self {
            campaign_id: cell.campaign_id.to_string(),
            partner_id: cell.publisher_id.to_string(),
            differs: cell.differs.clone(),
            served: cell.served.as_ref().map(figures),
            held: cell.held.as_ref().map(figures),
        }
    }
}

impl RequestAnswer {
    fn new(request: &RefreshRequest) -> Self {
        Self {
            from: request.from.to_string(),
            to: request.to.to_string(),
            cost_difference: number(&MicrosDifference::new(request.cost_difference)),
            text: request.text.clone(),
        }
    }
}
