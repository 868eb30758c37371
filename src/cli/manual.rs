//! `pitlane completions SHELL` and `pitlane man DIR`: shell completions and manual pages.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::CommandFactory as _;

use super::output::stdout_failed;
use super::{Cli, say};

#[derive(Debug, clap::Args)]
pub(super) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: clap_complete::Shell,
}

#[derive(Debug, clap::Args)]
pub(super) struct Man {
    /// Directory for the pages, made if it is missing; - writes the page of pitlane itself to stdout
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

pub(super) fn completions(args: &Completions) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "pitlane", &mut script);
    write_out(&script)
}

fn write_out(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(stdout_failed)
}

pub(super) fn man(args: &Man) -> anyhow::Result<()> {
    if args.dir.as_os_str() == "-" {
        let (mut page, command) = (Vec::new(), Cli::command().disable_help_subcommand(true));
        clap_mangen::Man::new(command).render(&mut page).context("could not make the page")?;
        return write_out(&page);
    }
    let failed = || format!("could not write the pages to {}", args.dir.display());
    std::fs::create_dir_all(&args.dir).with_context(failed)?;
    clap_mangen::generate_to(Cli::command(), &args.dir).with_context(failed)?;
    say(format_args!(
        "written to {}; read them with: man -l {}",
        args.dir.display(),
        args.dir.join("pitlane.1").display()
    ));
    Ok(())
}
