//! `pitlane export DIR`: all data as CSV files with a README.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chrono::Utc;
use serde_json::json;

use super::{moment, open_existing, print_json, say};
use crate::config::Global;
use crate::domain::phrase;
use crate::store::{EXPORTS, NOT_EXPORTED, ReadTxn};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Directory to make; it may exist if it is empty
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

pub(super) fn run(global: &Global, args: &Args) -> anyhow::Result<()> {
    let store = open_existing(global)?;
    let occupied = std::fs::read_dir(&args.dir).is_ok_and(|mut entries| entries.next().is_some());
    anyhow::ensure!(!occupied, "{} is not empty, so it was left alone; name another directory", args.dir.display());
    // The directory gets its final name once everything is written, so an export is complete or not there.
    let parent = match args.dir.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let scratch = tempfile::Builder::new().prefix(".pitlane-export-").tempdir_in(parent);
    let scratch = scratch.with_context(|| format!("could not write beside {}", args.dir.display()))?;
    let written = store.read(|txn| write(txn, scratch.path()))?;
    std::fs::rename(scratch.path(), &args.dir).with_context(|| format!("could not make {}", args.dir.display()))?;
    drop(scratch.keep());
    for (name, rows) in &written {
        say(format_args!("{name}.csv: {}", phrase::plural(i64::try_from(*rows)?, "row")));
    }
    say(format_args!("written to {}, with README.txt", args.dir.display()));
    if global.json {
        let files = written.iter().map(|(name, rows)| json!({"name": format!("{name}.csv"), "rows": rows}));
        print_json(&json!({"directory": args.dir, "files": files.collect::<Vec<_>>()}))?;
    }
    Ok(())
}

/// Writes all tables from one read transaction; their file names and row counts.
fn write(txn: &ReadTxn<'_>, dir: &Path) -> anyhow::Result<Vec<(&'static str, u64)>> {
    let mut written = Vec::new();
    for export in EXPORTS {
        let path = dir.join(format!("{}.csv", export.name));
        let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_path(&path)?;
        let rows = txn.export(export, |cells| Ok::<_, anyhow::Error>(csv.write_record(cells)?))?;
        csv.flush().with_context(|| format!("could not write {}", path.display()))?;
        written.push((export.name, rows));
    }
    std::fs::write(dir.join("README.txt"), readme(&written)?)?;
    Ok(written)
}

fn readme(written: &[(&str, u64)]) -> anyhow::Result<String> {
    let mut text = format!(
        "What Pitlane {} held on {}.\n\n\
         CSV as in RFC 4180: UTF-8, commas, quotes where needed, CRLF. Days are dates as their source stated them. Moments are\n\
         UTC. Money is exact decimal in the advertiser's currency. An empty cell means no value.\n\n",
        env!("CARGO_PKG_VERSION"),
        moment(Utc::now()),
    );
    for (export, (_, rows)) in EXPORTS.iter().zip(written) {
        writeln!(text, "{}.csv, {}: {}", export.name, phrase::plural(i64::try_from(*rows)?, "row"), export.about)?;
    }
    text.push_str(
        "\nTo put the stats into another Pitlane: pitlane import stats.csv --create-missing. Ids are new there; for the same\n\
         ids take a backup instead: pitlane backup FILE.\n\nNot here:\n",
    );
    for (table, why) in NOT_EXPORTED {
        writeln!(text, "{table}: {why}")?;
    }
    Ok(text)
}
