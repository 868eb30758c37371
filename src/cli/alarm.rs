//! `pitlane alarm …`

use clap::Subcommand;
use serde_json::json;

use super::open_existing;
use super::output::{print, print_json, say};
use crate::config::{Alarms, Global};
use crate::service::{Actor, alarms};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Send a test to each channel, with the flags or environment that the server is started with
    Test(Box<Alarms>),
    /// Set the hour, in the advertiser's zone, by which stats of the day before must be there
    StatsDue {
        /// Whose, by name or id
        #[arg(long, value_name = "NAME-OR-ID")]
        advertiser: String,
        /// The hour, 0 to 23
        #[arg(value_parser = clap::value_parser!(u32).range(..24))]
        hour: u32,
    },
}

pub(super) fn run(global: &Global, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Test(flags) => test(global, &flags),
        Command::StatsDue { advertiser, hour } => {
            alarms::set_stats_due(&open_existing(global)?, &advertiser, hour, &Actor::command_line())?;
            say(format_args!("missing stats of the day before raise an alarm from {hour}:00 on"));
            Ok(())
        }
    }
}

fn test(global: &Global, flags: &Alarms) -> anyhow::Result<()> {
    let channels = flags.channels()?;
    let sent = alarms::send_test(&channels, "Somebody at the command line");
    anyhow::ensure!(
        !sent.is_empty(),
        "no channel is set up: give --smtp with --alarm-from and --alarm-to, or --alarm-webhook"
    );
    if global.json {
        let rows: Vec<_> = sent
            .iter()
            .map(
                |(channel, result)| json!({"channel": channel, "sent": result.is_ok(), "error": result.as_ref().err()}),
            )
            .collect();
        print_json(&rows)?;
    } else {
        for (channel, result) in &sent {
            match result {
                Ok(()) => print(format_args!("{channel}: sent"))?,
                Err(why) => print(format_args!("{channel}: {why}"))?,
            }
        }
    }
    let failed = sent.iter().filter(|(_, result)| result.is_err()).count();
    if failed == 0 {
        return Ok(());
    }
    Err(super::output::AlreadyPrinted(format!("{failed} of {} tests failed", sent.len())).into())
}
