//! `pitlane serve`

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use anyhow::Context as _;
use secrecy::ExposeSecret as _;

use super::output::{logs_everything, print, say, warn};
use super::{open_or_create, service_manager, settle_lost};
use crate::config::{Global, Serve};
use crate::server::{Application, stop_signal};
use crate::service::access::admins;
use crate::service::{Actor, imports};
use crate::store::{FilesystemKind, Owner, Store, filesystem_kind};

pub(super) fn run(global: &Global, config: Serve) -> anyhow::Result<()> {
    let owner = own(global)?;
    let store = open_or_create(global)?;
    settle_lost(&store)?;
    serve(store, owner, config, |_| Ok(()))
}

/// Takes the lock that makes this process the only server of its data directory.
pub(super) fn own(global: &Global) -> anyhow::Result<Owner> {
    let owner = Owner::take(&global.data_dir)?;
    let dir = global.data_dir.display();
    match filesystem_kind(&global.data_dir) {
        FilesystemKind::Local => {}
        FilesystemKind::Suspect(kind) => {
            warn(format_args!("{dir} is on {kind}. If a network is behind it, move it to a disk of this machine"));
        }
        FilesystemKind::Network(kind) => anyhow::bail!(
            "{dir} is on {kind}, where a database can be damaged: locks can't be relied on over a network. \
             Use a directory on a disk of this machine: --data-dir DIR"
        ),
    }
    for path in Store::clear_leftovers(&global.data_dir)? {
        warn(format_args!("removed {}: a killed restore had left it", path.display()));
    }
    Ok(owner)
}

/// Serves until a signal. `greet` gets the address before the "listening on" line is printed.
pub(super) fn serve(
    store: Store,
    mut owner: Owner,
    config: Serve,
    greet: impl FnOnce(&str) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if let Err(error) = store.ensure_free_space() {
        warn(format_args!("{error}"));
    }
    match imports::note_cut_off(&store) {
        Ok(found) => found.iter().for_each(|message| {
            warn(format_args!("an import was cut off, and nothing was imported: {message}. Import it again"));
        }),
        Err(error) => warn(format_args!("can't tell whether an import was interrupted: {error}")),
    }
    actix_web::rt::System::new().block_on(async {
        let kept = store.clone();
        let app = Application::build(store, config)?;
        let here = app.origin();
        let reach = Reach::of(&app);
        if let Err(error) = offer_set_up(&kept, &reach) {
            warn(format_args!("no set-up link could be made: {error:#}. Reports are served all the same"));
        }
        reach.warn();
        owner.announce(&here, app.public_url());
        let ready = app.ready();
        let has_certificate = app.certificate_check();
        let announce = async {
            ready.await;
            greet(&reach.origin)?;
            print(format_args!("listening on {here}"))?;
            service_manager::ready();
            service_manager::keep_watchdog_quiet(&here, has_certificate).await;
            anyhow::Ok(())
        };
        tokio::select! {
            served = app.run_until_stopped(stop_signal()) => served.context("the server failed"),
            Err(error) = announce => Err(error),
        }
    })
}

/// The address by which people reach the server.
struct Reach {
    /// Scheme and host of links.
    origin: String,
    address: SocketAddr,
    /// Whether the origin was given, or comes from the certificate's names.
    is_public: bool,
}

impl Reach {
    fn of(app: &Application) -> Self {
        let address = app.address();
        let is_public = app.public_url().is_some();
        let origin = app.public_url().map_or_else(|| app.origin(), str::to_owned);
        // A link with "127.0.0.1" would lead to the machine of the person who opens it.
        let origin = match own_address().filter(|_| !is_public && address.ip().is_unspecified()) {
            Some(ip) => {
                let scheme = origin.split("://").next().unwrap_or("http");
                format!("{scheme}://{}", SocketAddr::new(ip, address.port()))
            }
            None => origin,
        };
        Self { origin, address, is_public }
    }

    /// Whether people on other machines can log in over plain HTTP.
    fn is_open(&self) -> bool {
        !self.address.ip().is_loopback() && self.origin.starts_with("http://")
    }

    fn warn(&self) {
        if self.is_open() {
            warn(format_args!(
                "others on the network can read log-ins and tokens: {} is plain HTTP and accepts connections from \
                 other machines. Serve HTTPS with --tls-domain NAME, or say with --public-url https://… that a proxy \
                 does",
                self.address
            ));
        }
    }

    /// An SSH command for opening a link safely from another machine, if the address doesn't work there.
    fn tunnel(&self) -> Option<String> {
        let port = self.address.port();
        let is_local = self.address.ip().is_loopback();
        (!self.is_public && (is_local || self.is_open())).then(|| {
            format!("ssh -L {port}:127.0.0.1:{port} USER@THIS-MACHINE, then open it with http://127.0.0.1:{port}")
        })
    }
}

/// The address by which this machine reaches others. Connecting a UDP socket sends nothing.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|ip| !ip.is_unspecified() && !ip.is_loopback())
}

/// If nobody can log in yet, makes a one-time link for the first admin. It is written to a file beside the database, and to
/// stderr unless that is a log, which more people read.
fn offer_set_up(store: &Store, reach: &Reach) -> anyhow::Result<()> {
    if !store.read(|txn| txn.admins_are_none())? {
        return admins::remove_setup_file(store).context("could not remove the old set-up link");
    }
    let (secret, _) = admins::create_setup_secret(store, &Actor::command_line())?;
    let link = format!("{}/admin/setup/{}", reach.origin, secret.expose_secret());
    let kept = admins::write_setup_file(store, &link);
    if logs_everything() {
        let path = kept.context("the set-up link could not be written beside the database")?;
        let tunnel = reach.tunnel().unwrap_or_default();
        tracing::info!(
            file = %path.display(), tunnel,
            "nobody can log in yet; the link in this file makes the first admin, once, within 30 minutes"
        );
        return Ok(());
    }
    say(format_args!("nobody can log in yet; this link makes the first admin, once, within 30 minutes:"));
    say(format_args!("  {link}"));
    match kept {
        Ok(path) => say(format_args!("  (also in {})", path.display())),
        Err(error) => say(format_args!("  (it could not be written beside the database as well: {error})")),
    }
    if let Some(tunnel) = reach.tunnel() {
        say(format_args!("  from another machine: {tunnel}"));
    }
    Ok(())
}
