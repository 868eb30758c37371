//! `pitlane healthcheck`: whether the server of this data directory works, for containers and scripts.

use anyhow::Context as _;

use super::say;
use crate::config::Global;
use crate::service::probe;
use crate::store::Owner;

pub(super) fn run(global: &Global) -> anyhow::Result<()> {
    let dir = global.data_dir.display();
    let origin =
        Owner::address(&global.data_dir)?.with_context(|| format!("no server has said that it serves {dir}"))?;
    probe::ask(&origin, "/readyz").map_err(|error| anyhow::anyhow!("the server at {origin} is not ready: {error}"))?;
    say(format_args!("the server at {origin} is ready"));
    Ok(())
}
