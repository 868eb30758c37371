//! `pitlane report …`

use std::io::Write as _;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::open_existing;
use super::output::stdout_failed;
use crate::config::Global;
use crate::domain::{RawReport, ReportFormat, ReportKind, ReportQuery};
use crate::service::report::{ReportRequest, Reports};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Whose report, by name or id
    #[arg(long, value_name = "NAME-OR-ID")]
    advertiser: String,
    /// First day, included
    #[arg(long, value_name = "DAY")]
    from: String,
    /// Last day, included
    #[arg(long, value_name = "DAY")]
    to: String,
    /// json prints the array of items, csv the table
    #[arg(long, default_value = "json", value_parser = formats())]
    format: ReportFormat,
}

fn formats() -> impl TypedValueParser<Value = ReportFormat> {
    PossibleValuesParser::new(ReportFormat::ALL.map(ReportFormat::as_str)).try_map(|name| name.parse())
}

/// Prints what Singular would get, without the envelope.
pub(super) fn run(global: &Global, args: &Args) -> anyhow::Result<()> {
    let store = open_existing(global)?;
    let advertiser = store.read(|txn| txn.advertiser_get(&args.advertiser))?;
    let raw = RawReport { date_from: Some(args.from.clone()), date_to: Some(args.to.clone()), offer_id: None };
    let query = ReportQuery::new(advertiser.id, &raw)?;
    let asked = ReportRequest { kind: ReportKind::Singular, format: args.format, query };
    let mut report = Reports::new(0).open(asked, store.snapshot()?)?;
    let mut out = std::io::stdout().lock();
    while let Some(bytes) = report.next_bytes()? {
        out.write_all(&bytes).map_err(stdout_failed)?;
    }
    out.flush().map_err(stdout_failed)
}
