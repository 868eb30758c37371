//! `pitlane serve`

use std::net::SocketAddr;

use anyhow::Context as _;

use super::{open_or_create, print};
use crate::config::{Global, Serve};
use crate::server::{Application, stop_signal};
use crate::store::Store;

pub(super) fn run(global: &Global, config: Serve) -> anyhow::Result<()> {
    serve(open_or_create(global)?, config, |_| Ok(()))
}

/// Serves until a signal; `greet` is told the address before the line that says so.
pub(super) fn serve(store: Store, config: Serve, greet: impl FnOnce(&str) -> anyhow::Result<()>) -> anyhow::Result<()> {
    actix_web::rt::System::new().block_on(async {
        let listen = config.listen;
        let public = config.public_url.clone();
        let app = Application::build(store, config).with_context(|| format!("could not listen on {listen}"))?;
        let here = origin(app.address());
        greet(public.as_deref().unwrap_or(&here))?;
        print(format_args!("listening on {here}"))?;
        app.run_until_stopped(stop_signal()).await.context("the server failed")
    })
}

/// How a browser on this machine reaches the address.
fn origin(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        let loopback = if address.is_ipv4() { "127.0.0.1" } else { "[::1]" };
        return format!("http://{loopback}:{}", address.port());
    }
    format!("http://{address}")
}
