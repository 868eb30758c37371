//! The server: listening socket, all routes (`routes.rs`), graceful stop.

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

/// How long a client may accept no bytes of an answer. A long report has its own, stricter limits.
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
    /// Binds the server. It accepts connections once [`Application::run_until_stopped`] is awaited; until then they wait.
    ///
    /// Must be called within an actix system.
    pub fn build(store: Store, mut config: Serve) -> io::Result<Self> {
        match store.shows_pages() {
            Ok(true) => {}
            Ok(false) => tracing::warn!(sqlite = Store::sqlite_version(), "SQLite was {}", Store::SLOW_BUILD),
            Err(error) => tracing::warn!(%error, "how SQLite was built can't be told"),
        }
        let listener = bind(config.listen).map_err(|error| not_bound(config.listen, &error))?;
        // Accepted connections inherit the option.
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
        // Middleware that this server doesn't need is left out, so that it costs nothing per request.
        let has_path = !state.config.path().is_empty();
        let tls = state.certificates.as_ref().map(|certificates| certificates.server_config());
        let tls = tls.transpose().map_err(io::Error::other)?;
        let server = listen::server(listener, tls, move || {
            App::new()
                .app_data(shared.clone())
                .wrap(from_fn(middleware::every_request))
                .wrap(Condition::new(has_path, from_fn(place::under_path)))
                .configure(|routes| routes::add(routes, has_path))
        })?;
        Ok(Self { server, redirect, address, state })
    }

    /// The bound port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The bound address.
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

    /// The address by which people and programs reach the server, if it is known.
    #[must_use]
    pub fn public_url(&self) -> Option<&str> {
        self.state.config.public_url.as_deref()
    }

    /// Ready when connections can be answered: at once or, if a certificate must be issued first, when it was issued or the
    /// first attempt failed. The server must be running at the same time.
    pub fn ready(&self) -> impl Future<Output = ()> + use<> {
        let certificates = self.state.certificates.clone();
        async move {
            if let Some(certificates) = certificates {
                certificates.settled().await;
            }
        }
    }

    /// Whether connections can be answered: not if TLS is on and there has never been a certificate.
    pub fn certificate_check(&self) -> impl Fn() -> bool + Send + 'static {
        let certificates = self.state.certificates.clone();
        move || certificates.as_ref().is_none_or(|certificates| certificates.status().not_after.is_some())
    }

    /// Serves until `stop` is ready, then finishes pending answers and cleans up.
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

/// Listens on the address. `[::]` means all IPv6 and IPv4 addresses; a machine without IPv6 uses only IPv4.
fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    match TcpListener::bind(address) {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse && address.ip() == Ipv6Addr::UNSPECIFIED => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port()))
        }
        bound => bound,
    }
}
