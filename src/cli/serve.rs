//! `pitlane serve`

use std::net::SocketAddr;

use anyhow::Context as _;
use secrecy::ExposeSecret as _;

use super::{open_or_create, print, say};
use crate::config::{Global, Serve};
use crate::server::{Application, stop_signal};
use crate::service::access::admins;
use crate::service::{Actor, imports};
use crate::store::{FilesystemKind, Owner, Store, ground};

pub(super) fn run(global: &Global, config: Serve) -> anyhow::Result<()> {
    let owner = own(global)?;
    serve(open_or_create(global)?, owner, config, |_| Ok(()))
}

/// Makes this process the one server on its data directory.
pub(super) fn own(global: &Global) -> anyhow::Result<Owner> {
    let owner = Owner::take(&global.data_dir)?;
    let dir = global.data_dir.display();
    match ground(&global.data_dir) {
        FilesystemKind::Local => {}
        FilesystemKind::Suspect(kind) => say(format_args!(
            "warning: {dir} lies on {kind}. If a network is behind it, move it to a disk of this machine"
        )),
        FilesystemKind::Network(kind) => anyhow::bail!(
            "{dir} lies on {kind}, where a database can be damaged: locks can't be relied on over a network. \
             Use a directory on a disk of this machine: --data-dir DIR"
        ),
    }
    Ok(owner)
}

/// Serves until a signal; `greet` is told the address before the line that says so.
pub(super) fn serve(
    store: Store,
    mut owner: Owner,
    config: Serve,
    greet: impl FnOnce(&str) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if let Err(error) = store.ensure_free_space() {
        say(format_args!("warning: {error}"));
    }
    match imports::note_cut_off(&store) {
        Ok(found) => found.iter().for_each(|message| {
            say(format_args!("an import was cut off, and nothing of it was kept: {message}. Import it again"));
        }),
        Err(error) => say(format_args!("warning: whether an import was cut off can't be told: {error}")),
    }
    actix_web::rt::System::new().block_on(async {
        let listen = config.listen;
        let public = config.public_url.clone();
        let kept = store.clone();
        let app = Application::build(store, config).with_context(|| format!("could not listen on {listen}"))?;
        let here = origin(app.address());
        if let Err(error) = offer_set_up(&kept, public.as_deref().unwrap_or(&here)) {
            say(format_args!("warning: no set-up link could be made: {error:#}. Reports are served all the same"));
        }
        owner.announce(&here);
        greet(public.as_deref().unwrap_or(&here))?;
        print(format_args!("listening on {here}"))?;
        app.run_until_stopped(stop_signal()).await.context("the server failed")
    })
}

/// Where nobody may log in yet: a one-time link that makes the first admin, on stderr and in a file beside the database.
fn offer_set_up(store: &Store, origin: &str) -> anyhow::Result<()> {
    if !store.read(|txn| txn.admins_are_none())? {
        return admins::remove_setup_file(store).context("could not remove the old set-up link");
    }
    let (secret, _) = admins::create_setup_secret(store, &Actor::command_line())?;
    let link = format!("{origin}/admin/setup/{}", secret.expose_secret());
    say(format_args!("nobody can log in yet; this link makes the first admin, once, within 30 minutes:"));
    say(format_args!("  {link}"));
    match admins::write_setup_file(store, &link) {
        Ok(path) => say(format_args!("  (also in {})", path.display())),
        Err(error) => say(format_args!("  (it could not be written beside the database as well: {error})")),
    }
    Ok(())
}

/// How a browser on this machine reaches the address.
fn origin(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        let loopback = if address.is_ipv4() { "127.0.0.1" } else { "[::1]" };
        return format!("http://{loopback}:{}", address.port());
    }
    format!("http://{address}")
}
