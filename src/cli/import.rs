//! `pitlane import …`

use std::fs::File;
use std::io::Seek as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};

use super::{open_or_create, parse, parse_name, preview, print_json, say};
use crate::config::Global;
use crate::domain::{DayState, Invalid, Name, Reason};
use crate::import::{self, Column, DateFormat, FileError, Format, Layout, Mapping};
use crate::service::Actor;
use crate::service::imports::{self, Duplicates, ImportError, ImportOptions, ImportSource};
use crate::store::{ImportKind, Store};

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
    /// Read the file by a mapping that was saved under this name; --map, --set and --date-format go before it
    #[arg(long, value_name = "NAME")]
    mapping: Option<String>,
    /// Save how this file was read under a name, once it is imported
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    save_mapping: Option<Name>,
    /// Set to zero what the file's days and publishers have besides what the file states
    #[arg(long)]
    replace: bool,
    /// Call the file's days provisional or final; final days ask for a reason before they change
    #[arg(long, value_parser = parse::<DayState>)]
    days: Option<DayState>,
    /// Why; needed where final days change
    #[arg(long, value_name = "TEXT", value_parser = parse::<Reason>)]
    reason: Option<Reason>,
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
    let (mut file, name) = open(&args.file)?;
    let store = open_or_create(global)?;
    let format = format(args.format.as_deref(), &args.file);
    let mut mapping = mapping(&store, args.mapping.as_deref(), args.map, args.set, args.date_format)?;
    if args.mapping.is_some() && format == Format::Csv {
        mapping.layout = layout(&mut file).with_context(|| format!("{name} was refused"))?;
    }
    let options = ImportOptions {
        mapping,
        advertiser: args.advertiser,
        create_missing: args.create_missing,
        duplicates: if args.duplicates == "sum" { Duplicates::Sum } else { Duplicates::Reject },
        replace: args.replace,
        days: args.days,
        reason: args.reason,
        ..ImportOptions::new(format)
    };
    let source = ImportSource { kind: ImportKind::File, name, token: None, actor: Actor::command_line() };
    let bar = progress(&file)?;
    let input = bar.wrap_read(file);
    if args.dry_run {
        let found = imports::preview(&store, input, &options, &source, None);
        bar.finish_and_clear();
        let found = found.map_err(|error| refused(error, &source.name))?;
        anyhow::ensure!(found.problems.is_empty(), "{} was refused\n{}", source.name, found.problems);
        preview::tell(&source.name, &found, options.reason.is_some());
        return if global.json { print_json(&found.answer()) } else { Ok(()) };
    }
    let done = imports::run(&store, input, &options, &source);
    bar.finish_and_clear();
    let done = done.map_err(|error| refused(error, &source.name))?;
    preview::tell_done(&source.name, &done);
    if let Some(name) = &args.save_mapping {
        imports::save_mapping(&store, name, &done.headers, &options.mapping, &source.actor)?;
        say(format_args!("saved how it was read as mapping \"{name}\""));
    }
    if global.json { print_json(&done.answer()) } else { Ok(()) }
}

fn refused(error: ImportError, name: &str) -> anyhow::Error {
    match error {
        ImportError::File(FileError::Missing(message)) => {
            anyhow::anyhow!(
                "{name} was refused: {message}. Feed a column with --map COLUMN=HEADER or --set COLUMN=VALUE"
            )
        }
        ImportError::Lines(problems) => anyhow::anyhow!("{name} was refused\n{problems}"),
        ImportError::Final(_) => anyhow::anyhow!("{name} was refused: {error}: --reason TEXT"),
        other => anyhow::Error::new(other).context(format!("{name} was refused")),
    }
}

/// How the file is read: as a saved mapping says, but for what flags say otherwise.
fn mapping(
    store: &Store,
    saved: Option<&str>,
    map: Vec<(Column, String)>,
    set: Vec<(Column, String)>,
    date_format: Option<DateFormat>,
) -> anyhow::Result<Mapping> {
    let mut mapping = match saved {
        Some(name) => imports::use_mapping(store, name)?.mapping,
        None => Mapping::default(),
    };
    let is_free = |(column, _): &(Column, String)| !map.iter().chain(&set).any(|(given, _)| given == column);
    mapping.columns.retain(is_free);
    mapping.fixed.retain(is_free);
    mapping.columns.extend(map);
    mapping.fixed.extend(set);
    mapping.date_format = date_format.or(mapping.date_format);
    Ok(mapping)
}

/// How this file of a known kind is laid out: the encoding, the separator, and lines that are no rows may differ each time.
fn layout(file: &mut File) -> anyhow::Result<Layout> {
    let seen = import::recognise(&mut *file)?;
    file.rewind()?;
    for note in seen.notes {
        say(format_args!("{note}"));
    }
    Ok(seen.layout)
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
