//! `pitlane import …`

use std::fs::File;
use std::io::Seek as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};

use super::output::{AlreadyPrinted, print_json, say};
use super::{open_or_create, parse, parse_name, preview};
use crate::config::Global;
use crate::domain::{DayState, Invalid, Name, Reason};
use crate::import::{
    Column, DateFormat, DayOrder, DecimalSign, Decisions, Encoding, FileError, Format, LineSet, Mapping, MoneyUnit,
    Packing, Period,
};
use crate::service::Actor;
use crate::service::imports::{
    self, ControlTotal, Duplicates, ImportError, ImportOptions, ImportSource, KeptMapping, Owner, RecognisedFile,
};
use crate::store::{ImportKind, Store};

/// How much lower its priority is than the server's, whose answers come first where the processor is busy.
const BEHIND: i32 = 10;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file, or - for stdin: CSV, TSV or XLSX, each also in .gz or .zip; JSON or NDJSON
    file: PathBuf,
    /// Whose rows they are, by name or id; else each row names its own
    #[arg(long, value_name = "NAME-OR-ID")]
    advertiser: Option<String>,
    /// Create the advertisers, offers (enabled), apps, campaigns and publishers that rows name and that don't exist yet
    #[arg(long)]
    create_missing: bool,
    /// Say what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// What to do with a day, campaign and publisher that is stated twice: reject or sum
    #[arg(long, default_value = "reject", value_parser = parse::<Duplicates>)]
    duplicates: Duplicates,
    /// Set rows of the file's days and publishers that aren't in the file to zero
    #[arg(long)]
    replace: bool,
    /// Call the file's days provisional or final; final days ask for a reason before they change
    #[arg(long, value_parser = parse::<DayState>)]
    days: Option<DayState>,
    /// Why; needed where final days change
    #[arg(long, value_name = "TEXT", value_parser = parse::<Reason>)]
    reason: Option<Reason>,
    /// Total that the file's cost must have, such as 58705.23; otherwise nothing is imported
    #[arg(long, value_name = "AMOUNT", value_parser = parse::<ControlTotal>)]
    control_total: Option<ControlTotal>,
    /// What the file is: csv, json or ndjson; without it, what its name ends with, else a table
    #[arg(long, value_parser = ["csv", "json", "ndjson"])]
    format: Option<String>,
    #[command(flatten)]
    reading: Reading,
}

/// How the file is read, if that isn't recognised.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "How the file is read")]
struct Reading {
    /// Feed a column from a header of another name, such as cost=Spent; may be repeated
    #[arg(long, value_name = "COLUMN=HEADER", value_parser = parse_map)]
    map: Vec<(Column, String)>,
    /// Give a column one value for all rows, such as partner=Facebook; may be repeated
    #[arg(long, value_name = "COLUMN=VALUE", value_parser = parse_set)]
    set: Vec<(Column, String)>,
    /// Read the file by a mapping that was saved under this name; --map and --set go before it
    #[arg(long, value_name = "NAME")]
    mapping: Option<String>,
    /// Save how this file was read under a name, once it is imported
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    save_mapping: Option<Name>,
    /// Sheet of a workbook; without it, the first one with a table
    #[arg(long, value_name = "NAME")]
    sheet: Option<String>,
    /// The text's encoding, such as windows-1251, where the file does not show it
    #[arg(long, value_name = "NAME", value_parser = parse::<Encoding>)]
    encoding: Option<Encoding>,
    /// Line of the table's header; the first line is 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    header_line: Option<u64>,
    /// Lines that are not rows, such as 14,20-22
    #[arg(long, value_name = "LINES", value_parser = parse::<LineSet>)]
    leave_out: Option<LineSet>,
    /// Lines that are rows though they look like totals, such as 14
    #[arg(long, value_name = "LINES", value_parser = parse::<LineSet>)]
    keep: Option<LineSet>,
    /// How days are written, such as %d-%m-%Y
    #[arg(long, value_name = "FORMAT", value_parser = parse::<DateFormat>)]
    date_format: Option<DateFormat>,
    /// What comes first in days written in numbers: day-first, month-first or year-first
    #[arg(long, value_name = "ORDER", value_parser = parse::<DayOrder>)]
    dates: Option<DayOrder>,
    /// What stands before decimals: point or comma
    #[arg(long, value_name = "SIGN", value_parser = parse::<DecimalSign>)]
    numbers: Option<DecimalSign>,
    /// What the file's money is stated in: 1 for units, 100 for hundredths, 1000000 for millionths
    #[arg(long, value_name = "UNIT", value_parser = parse::<MoneyUnit>)]
    money_unit: Option<MoneyUnit>,
    /// What to do with rows that cover more than a day: first-day or spread
    #[arg(long, value_name = "HOW", value_parser = parse::<Period>)]
    period: Option<Period>,
}

fn parse_map(text: &str) -> Result<(Column, String), String> {
    Mapping::parse_map(text).map_err(|invalid: Invalid| invalid.reason)
}

fn parse_set(text: &str) -> Result<(Column, String), String> {
    Mapping::parse_set(text).map_err(|invalid: Invalid| invalid.reason)
}

pub(super) fn run(global: &Global, args: Args) -> anyhow::Result<()> {
    // Before any thread is started, because threads inherit it. Where it isn't allowed, the import goes on without.
    let _ = rustix::process::nice(BEHIND);
    let (file, name) = open(&args.file)?;
    let store = open_or_create(global)?;
    match import(global, &store, args, file, &name) {
        Ok(()) => Ok(()),
        Err(Failed::Refused(error)) => Err(refused(&error, &name, global.json)),
        Err(Failed::Else(error)) => Err(error),
    }
}

/// Why nothing was imported.
enum Failed {
    Refused(ImportError),
    Else(anyhow::Error),
}

impl<E: Into<ImportError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

fn import(global: &Global, store: &Store, args: Args, mut file: File, name: &str) -> Result<(), Failed> {
    let format = format(args.format.as_deref(), &args.file);
    let source =
        ImportSource { kind: ImportKind::File, name: name.to_owned(), token: None, actor: Actor::command_line() };
    let mut options = ImportOptions {
        advertiser: args.advertiser,
        create_missing: args.create_missing,
        duplicates: args.duplicates,
        replace: args.replace,
        days: args.days,
        reason: args.reason,
        control_total: args.control_total,
        ..ImportOptions::new(format.unwrap_or(Format::Csv))
    };
    let save_as = args.reading.save_mapping.clone();
    let mut kept = None;
    if format.is_none() {
        let used = args.reading.mapping.clone();
        let mut original = file.try_clone()?;
        let RecognisedFile { unpacked, recognition, currency } = recognise(store, args.reading, file, &options)?;
        options.currency = currency;
        if !recognition.problems.is_empty() {
            return Err(Failed::Refused(ImportError::Open(recognition.problems)));
        }
        if unpacked.packing != Packing::Text {
            // A text is hashed while it is read.
            options.sha256 = Some(imports::hash(&mut original)?);
        }
        if let Some(used) = used {
            imports::use_mapping(store, &used)?;
        }
        let headers: Vec<String> = recognition.headers.iter().map(|header| header.name.clone()).collect();
        kept = Some((headers, KeptMapping::of(&recognition)));
        options.recognition = Some(recognition);
        file = unpacked.text;
    } else {
        options.mapping = strict(&args.reading).map_err(Failed::Else)?;
    }
    let bar = progress(&file).map_err(Failed::Else)?;
    let input = bar.wrap_read(file);
    if args.dry_run {
        let found = imports::preview(store, input, &options, None);
        bar.finish_and_clear();
        let found = found?;
        if !found.problems.is_empty() {
            return Err(Failed::Refused(ImportError::Lines(found.problems)));
        }
        if let Some(message) = found.control_total {
            return Err(Failed::Refused(ImportError::ControlTotal(message)));
        }
        preview::tell(name, &found, options.reason.is_some());
        return if global.json { print_json(&found.answer()).map_err(Failed::Else) } else { Ok(()) };
    }
    let done = imports::run(store, input, &options, &source);
    bar.finish_and_clear();
    let done = done?;
    preview::tell_done(name, &done);
    if let (Some(save_as), Some((headers, kept))) = (save_as, kept) {
        imports::save_mapping(store, &save_as, &headers, &kept, &source.actor)?;
        say(format_args!("saved how it was read as mapping \"{save_as}\""));
    }
    if global.json { print_json(&done.file_answer()).map_err(Failed::Else) } else { Ok(()) }
}

/// Recognises the file, with the decisions of the flags and of a saved mapping.
fn recognise(
    store: &Store,
    reading: Reading,
    file: File,
    options: &ImportOptions,
) -> Result<RecognisedFile, ImportError> {
    let saved = match &reading.mapping {
        Some(name) => store.read(|txn| imports::saved_mapping(txn, name))?.kept,
        None => KeptMapping::default(),
    };
    let mut decisions = Decisions {
        sheet: reading.sheet,
        encoding: reading.encoding,
        header_line: reading.header_line,
        leave_out: reading.leave_out.unwrap_or_default(),
        keep: reading.keep.unwrap_or_default(),
        date_format: reading.date_format,
        dates: reading.dates,
        numbers: reading.numbers,
        money_unit: reading.money_unit,
        period: reading.period,
        ..saved.decisions
    };
    let (map, set) = (reading.map, reading.set);
    let is_free = |(column, _): &(Column, String)| !map.iter().chain(&set).any(|(given, _)| given == column);
    decisions.columns.retain(is_free);
    decisions.fixed.retain(is_free);
    decisions.columns.extend(map);
    decisions.fixed.extend(set);
    let wanted = options.advertiser.as_deref();
    let found = wanted.map(|wanted| store.read(|txn| txn.advertiser_find(wanted))).transpose()?.flatten();
    let owner = match &found {
        Some(row) => Owner::Advertiser(row),
        None if wanted.is_some() && options.create_missing => Owner::New,
        None => Owner::OfRows,
    };
    imports::recognise(store, file, &decisions, &saved.memory, owner)
}

/// JSON is read strictly, so flags that only apply to tables are refused.
fn strict(reading: &Reading) -> anyhow::Result<Mapping> {
    let Reading { map, set, date_format, .. } = reading;
    let only_tables = [
        ("--mapping", reading.mapping.is_some()),
        ("--save-mapping", reading.save_mapping.is_some()),
        ("--sheet", reading.sheet.is_some()),
        ("--encoding", reading.encoding.is_some()),
        ("--header-line", reading.header_line.is_some()),
        ("--leave-out", reading.leave_out.is_some()),
        ("--keep", reading.keep.is_some()),
        ("--dates", reading.dates.is_some()),
        ("--numbers", reading.numbers.is_some()),
        ("--money-unit", reading.money_unit.is_some()),
        ("--period", reading.period.is_some()),
    ];
    if let Some((flag, _)) = only_tables.iter().find(|(_, is_given)| *is_given) {
        anyhow::bail!("{flag} is for tables; JSON says what it means itself");
    }
    let (columns, fixed, date_format) = (map.clone(), set.clone(), date_format.clone());
    Ok(Mapping { columns, fixed, date_format })
}

/// Prints what is wrong, and with `--json` also as JSON on stdout (contract §7).
fn refused(error: &ImportError, name: &str, as_json: bool) -> anyhow::Error {
    let message = match error {
        ImportError::File(FileError::Missing(message)) => {
            format!("{name} was refused: {message}. Feed a column with --map COLUMN=HEADER or --set COLUMN=VALUE")
        }
        ImportError::Lines(problems) => format!("{name} was refused\n{problems}"),
        ImportError::Open(problems) => {
            let line = |problem: &crate::import::Problem| match &problem.flag {
                Some(flag) => format!("{} ({flag})", problem.message),
                None => problem.message.clone(),
            };
            format!("{name} was refused\n{}", problems.iter().map(line).collect::<Vec<_>>().join("\n"))
        }
        ImportError::Final(_) => format!("{name} was refused: {error}: --reason TEXT"),
        other => format!("{name} was refused: {other}"),
    };
    if as_json {
        return match print_json(&serde_json::json!({"error": error.answer()})) {
            Ok(()) => AlreadyPrinted(message).into(),
            Err(error) => error,
        };
    }
    anyhow::Error::msg(message)
}

/// The file and its name for messages. Input from a pipe is copied to a temporary file first, because a file is read more
/// than once. A named pipe is refused: if nobody writes to it, reading would wait for ever. The shell's pipes, as in `<(zcat
/// day.csv.gz)`, have a writer.
fn open(path: &Path) -> anyhow::Result<(File, String)> {
    if path == Path::new("-") {
        return Ok((spooled(std::io::stdin().lock()).context("could not read stdin")?, "stdin".to_owned()));
    }
    let shown = path.display();
    let unopened = || format!("could not open {shown}");
    let kind = std::fs::metadata(path).with_context(unopened)?;
    let is_open = path.starts_with("/dev") || path.starts_with("/proc");
    let name = path.file_name().unwrap_or(path.as_os_str());
    let name = name.to_string_lossy().replace(crate::domain::is_hidden, " ");
    if kind.is_file() {
        return Ok((File::open(path).with_context(unopened)?, name));
    }
    anyhow::ensure!(!kind.is_dir(), "{shown} is a directory; expected a file");
    anyhow::ensure!(
        is_open && is_pipe(&kind),
        "{shown} is a pipe or a device, expected a file; send its content to: pitlane import -"
    );
    let piped = File::open(path).with_context(unopened)?;
    Ok((spooled(piped).with_context(|| format!("could not read {shown}"))?, name))
}

#[cfg(unix)]
fn is_pipe(kind: &std::fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&kind.file_type())
}

#[cfg(not(unix))]
fn is_pipe(_: &std::fs::Metadata) -> bool {
    false
}

/// Copies input from a pipe to a temporary file.
fn spooled(mut input: impl std::io::Read) -> std::io::Result<File> {
    let mut spool = tempfile::tempfile()?;
    std::io::copy(&mut input, &mut spool)?;
    spool.rewind()?;
    Ok(spool)
}

/// `None` if the file is a table, whose layout is recognised.
fn format(asked: Option<&str>, path: &Path) -> Option<Format> {
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    match asked.or(ending.as_deref()) {
        Some("json") => Some(Format::Json),
        Some("ndjson" | "jsonl") => Some(Format::NdJson),
        _ => None,
    }
}

/// A progress bar on a terminal; indicatif draws nothing if stderr isn't one.
fn progress(file: &File) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} % read  {bytes_per_sec}  {eta} left")?;
    Ok(ProgressBar::new(file.metadata()?.len()).with_style(style))
}
