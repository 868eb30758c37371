//! `pitlane import …`

use std::fs::File;
use std::io::Seek as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};

use super::{open_or_create, parse, print_json, say};
use crate::config::Global;
use crate::domain::Invalid;
use crate::import::{Column, DateFormat, FileError, Format, Mapping};
use crate::service::Actor;
use crate::service::imports::{self, Duplicates, ImportDone, ImportError, ImportOptions, ImportSource};
use crate::store::ImportKind;

/// Ignored headers that are named; exports have dozens.
const NAMED_HEADERS: usize = 20;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file, or - for stdin
    file: PathBuf,
    /// Whose rows they are, by name or id; else each row names its own
    #[arg(long, value_name = "NAME-OR-ID")]
    advertiser: Option<String>,
    /// Create the advertisers, offers (enabled), apps, campaigns and publishers that rows name and nobody knows
    #[arg(long)]
    create_missing: bool,
    /// Say what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// What to do with a day, campaign and publisher that is stated twice
    #[arg(long, default_value = "reject", value_parser = ["reject", "sum"])]
    duplicates: String,
    /// Feed a column from a header of another name, such as cost=Spent; may be repeated
    #[arg(long, value_name = "COLUMN=HEADER", value_parser = parse_map)]
    map: Vec<(Column, String)>,
    /// Give a column one value for all rows, such as partner=Facebook; may be repeated
    #[arg(long, value_name = "COLUMN=VALUE", value_parser = parse_set)]
    set: Vec<(Column, String)>,
    /// How the file writes dates, such as %d-%m-%Y; without it YYYY-MM-DD
    #[arg(long, value_name = "FORMAT", value_parser = parse::<DateFormat>)]
    date_format: Option<DateFormat>,
    /// What the file is: csv, json or ndjson; without it, what its name ends with, else csv
    #[arg(long, value_parser = ["csv", "json", "ndjson"])]
    format: Option<String>,
}

fn parse_map(text: &str) -> Result<(Column, String), String> {
    Mapping::parse_map(text).map_err(|invalid: Invalid| invalid.reason)
}

fn parse_set(text: &str) -> Result<(Column, String), String> {
    Mapping::parse_set(text).map_err(|invalid: Invalid| invalid.reason)
}

pub(super) fn run(global: &Global, args: Args) -> anyhow::Result<()> {
    let (file, name) = open(&args.file)?;
    let store = open_or_create(global)?;
    let options = ImportOptions {
        format: format(args.format.as_deref(), &args.file),
        mapping: Mapping { columns: args.map, fixed: args.set, date_format: args.date_format, ..Mapping::default() },
        advertiser: args.advertiser,
        create_missing: args.create_missing,
        duplicates: if args.duplicates == "sum" { Duplicates::Sum } else { Duplicates::Reject },
        dry_run: args.dry_run,
    };
    let source = ImportSource { kind: ImportKind::File, name, token: None, actor: Actor::command_line() };
    let bar = progress(&file)?;
    let done = imports::run(&store, bar.wrap_read(file), &options, &source);
    bar.finish_and_clear();
    let done = done.map_err(|error| match error {
        ImportError::File(FileError::Missing(words)) => anyhow::anyhow!(
            "{} was refused: {words}. Feed a column with --map COLUMN=HEADER or --set COLUMN=VALUE",
            source.name
        ),
        ImportError::Lines(problems) => anyhow::anyhow!("{} was refused\n{problems}", source.name),
        other => anyhow::Error::new(other).context(format!("{} was refused", source.name)),
    })?;
    tell(&source.name, &done, options.dry_run);
    if global.json {
        print_json(&done.answer())?;
    }
    Ok(())
}

/// The file and what to call it. Stdin is copied to a temporary file first: the import holds the database's write lock, and
/// whoever writes to a pipe may take its time.
fn open(path: &Path) -> anyhow::Result<(File, String)> {
    if path == Path::new("-") {
        let mut spool = tempfile::tempfile().context("could not make a temporary file")?;
        std::io::copy(&mut std::io::stdin().lock(), &mut spool).context("could not read stdin")?;
        spool.rewind()?;
        return Ok((spool, "stdin".to_owned()));
    }
    let file = File::open(path).with_context(|| format!("could not open {}", path.display()))?;
    let name = path.file_name().unwrap_or(path.as_os_str());
    Ok((file, name.to_string_lossy().into_owned()))
}

fn format(asked: Option<&str>, path: &Path) -> Format {
    match asked.or_else(|| path.extension().and_then(|ending| ending.to_str())) {
        Some("json") => Format::Json,
        Some("ndjson" | "jsonl") => Format::NdJson,
        _ => Format::Csv,
    }
}

/// A bar on a terminal; indicatif draws nothing where stderr is none.
fn progress(file: &File) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} % read  {bytes_per_sec}  {eta} left")?;
    Ok(ProgressBar::new(file.metadata()?.len()).with_style(style))
}

fn tell(name: &str, done: &ImportDone, dry_run: bool) {
    let counts = &done.counts;
    let days = done.days.map_or_else(String::new, |(first, last)| format!(", {first} to {last}"));
    let head = if dry_run { "dry run, nothing was changed: " } else { "" };
    say(format_args!("{head}{name}: {} rows{days}", counts.rows));
    say(format_args!(
        "inserted {}, changed {}, unchanged {}; rounded {}",
        counts.inserted, counts.changed, counts.unchanged, counts.rounded
    ));
    let made = &done.created;
    let created: Vec<String> = [
        (made.advertisers, "advertiser"),
        (made.apps, "app"),
        (made.offers, "offer"),
        (made.campaigns, "campaign"),
        (made.publishers, "publisher"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, noun)| format!("{count} {noun}{}", if count == 1 { "" } else { "s" }))
    .collect();
    if !created.is_empty() {
        say(format_args!("created {}", created.join(", ")));
    }
    if !done.ignored.is_empty() {
        let named = done.ignored.iter().take(NAMED_HEADERS).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = done.ignored.len().saturating_sub(NAMED_HEADERS);
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        say(format_args!("columns of the file that were not used: {named}{rest}"));
    }
}
