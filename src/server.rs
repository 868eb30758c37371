//! The server as a value: bind, the whole route table (`routes.rs`), graceful stop.

mod listen;
mod redirect;
mod routes;
mod signals;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::middleware::{Condition, from_fn};
use actix_web::{App, web};

use crate::config::Serve;
pub use crate::http::Access;
use crate::http::{AppState, middleware, place};
use crate::store::Store;
pub use routes::{Line, ROUTES};
pub use signals::stop_signal;

/// How long a client may take nothing of what is sent to it. A report has a deadline of its own; this holds for all answers.
#[cfg(target_os = "linux")]
const STILL_MILLISECONDS: u32 = 30_000;
/// A server that is bound and ready to run.
pub struct Application {
    server: Server,
    redirect: Option<Server>,
    address: SocketAddr,
    state: web::Data<AppState>,
}

impl Application {
    /// Binds the server. It accepts once [`Application::run_until_stopped`] is awaited; until then connections wait.
    ///
    /// Must be called within an actix system.
    pub fn build(store: Store, mut config: Serve) -> io::Result<Self> {
        match store.shows_pages() {
            Ok(true) => {}
            Ok(false) => tracing::warn!(sqlite = Store::sqlite_version(), "SQLite was {}", Store::SLOW_BUILD),
            Err(error) => tracing::warn!(%error, "how SQLite was built can't be told"),
        }
        let listener = bind(config.listen).map_err(|error| not_bound(config.listen, &error))?;
        // Connections inherit it.
        #[cfg(target_os = "linux")]
        rustix::net::sockopt::set_tcp_user_timeout(&listener, STILL_MILLISECONDS)?;
        let address = listener.local_addr()?;
        if let (None, Some(domain)) = (&config.public_url, config.tls.tls_domain.first()) {
            config.public_url = Some(format!("https://{domain}{}", redirect::port(address.port())));
        }
        let redirect = config.tls.http_redirect;
        let redirect =
            redirect.map(|at| redirect::server(at, config.public_url.clone(), address.port())).transpose()?;
        let state = web::Data::from(Arc::new(AppState::new(store, config)?));
        signals::follow_hang_ups(Arc::clone(&state))?;
        let shared = state.clone();
        // What a server has no use for costs its polls nothing.
        let has_path = !state.config.path().is_empty();
        let may_be_https = state.config.is_https() || !state.config.trusted_proxy.is_empty();
        let tls = state.certificates.as_ref().map(|certificates| certificates.server_config());
        let tls = tls.transpose().map_err(io::Error::other)?;
        let server = listen::server(listener, tls, move || {
            App::new()
                .app_data(shared.clone())
                .wrap(from_fn(middleware::limit_address))
                .wrap(middleware::security_headers())
                .wrap(Condition::new(may_be_https, from_fn(middleware::strict_transport)))
                .wrap(from_fn(middleware::observe))
                .wrap(Condition::new(has_path, from_fn(place::under_path)))
                .configure(|routes| routes::add(routes, has_path))
        })?;
        Ok(Self { server, redirect, address, state })
    }

    /// The port that was bound.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The address that was bound.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Scheme, host and port by which a client on this machine reaches the server.
    #[must_use]
    pub fn origin(&self) -> String {
        let scheme = if self.state.config.tls.is_on() { "https" } else { "http" };
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
        }
        format!("{scheme}://{address}")
    }

    /// What people and programs reach the server by, where that is known.
    #[must_use]
    pub fn public_url(&self) -> Option<&str> {
        self.state.config.public_url.as_deref()
    }

    /// Ready once connections are answered: at once, or, where a certificate must be had first, when there is one or the first
    /// attempt has failed. The server must be running meanwhile.
    pub fn ready(&self) -> impl Future<Output = ()> + use<> {
        let certificates = self.state.certificates.clone();
        async move {
            if let Some(certificates) = certificates {
                certificates.settled().await;
            }
        }
    }

    /// Tells whether connections can be answered at all: not while TLS is on and there has never been a certificate.
    pub fn certificate_check(&self) -> impl Fn() -> bool + Send + 'static {
        let certificates = self.state.certificates.clone();
        move || certificates.as_ref().is_none_or(|certificates| certificates.status().not_after.is_some())
    }

    /// Serves until `stop` is ready, finishes what is under way, and tidies up.
    pub async fn run_until_stopped(self, stop: impl Future<Output = ()> + 'static) -> io::Result<()> {
        let Self { server, redirect, state, .. } = self;
        let handles: Vec<_> = std::iter::once(&server).chain(&redirect).map(Server::handle).collect();
        actix_web::rt::spawn(async move {
            stop.await;
            for handle in handles.into_iter().rev() {
                handle.stop(true).await;
            }
        });
        let served = match redirect {
            Some(redirect) => tokio::try_join!(server, redirect).map(drop),
            None => server.await,
        };
        crate::telemetry::blocking(move || state.stop()).await;
        served
    }
}

fn not_bound(address: SocketAddr, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("could not listen on {address}: {error}"))
}

/// Listens on the address. All addresses of both kinds are meant by `[::]`; a machine without IPv6 has the others.
fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    match TcpListener::bind(address) {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse && address.ip() == Ipv6Addr::UNSPECIFIED => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port()))
        }
        bound => bound,
    }
}
