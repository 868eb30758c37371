//! The server as a value: the whole route table, bind, graceful stop.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::Method;
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App, HttpResponse, HttpServer, Resource, Route, web};

use crate::api::{docs, health, not_found, reports, stats};
use crate::config::Serve;
use crate::http::{AppState, ClientError, assets, wrap};
use crate::store::Store;

/// How long a client may take for a request's head, and idle between two requests.
const HEAD_TIME: Duration = Duration::from_secs(10);
const IDLE_TIME: Duration = Duration::from_secs(75);
/// How long a stop waits for answers that are under way.
const STOP_SECONDS: u64 = 10;
/// Connections a worker holds at most.
const CONNECTIONS: usize = 4096;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Anyone,
    /// Whoever has a token that reads reports.
    ReportToken,
    /// Whoever has a token that writes stats.
    IngestToken,
}

/// One line of the route table.
pub struct Line {
    /// The method; what answers `GET` answers `HEAD` too.
    pub method: Method,
    /// The path.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
    handler: fn(Route) -> Route,
}

/// The whole route table. A test holds it against a list of who gets what, so a line can't be added without one there.
#[rustfmt::skip]
pub static ROUTES: &[Line] = &[
    get ("/api/v1/integrations/cost-report/singular/json", Access::ReportToken, |route| route.to(reports::singular_json)),
    get ("/api/v1/integrations/cost-report/singular/csv",  Access::ReportToken, |route| route.to(reports::singular_csv)),
    get ("/api/v1/integrations/cost-report/json",          Access::ReportToken, |route| route.to(reports::general_json)),
    get ("/api/v1/integrations/cost-report/csv",           Access::ReportToken, |route| route.to(reports::general_csv)),
    post("/api/v1/daily-stats",                            Access::IngestToken, |route| route.to(stats::upload)),
    get ("/api/openapi.json",                              Access::Anyone,      |route| route.to(docs::openapi)),
    get ("/api/docs",                                      Access::Anyone,      |route| route.to(docs::page)),
    get ("/assets/{name}",                                 Access::Anyone,      |route| route.to(assets::asset)),
    get ("/livez",                                         Access::Anyone,      |route| route.to(health::livez)),
    get ("/readyz",                                        Access::Anyone,      |route| route.to(health::readyz)),
    get ("/metrics",                                       Access::Anyone,      |route| route.to(health::metrics)),
];

const fn get(path: &'static str, access: Access, handler: fn(Route) -> Route) -> Line {
    Line { method: Method::GET, path, access, handler }
}

const fn post(path: &'static str, access: Access, handler: fn(Route) -> Route) -> Line {
    Line { method: Method::POST, path, access, handler }
}

/// A route with what belongs to its method, and 405 for the others.
fn resource(line: &'static Line, path: &str) -> Resource {
    let resource = web::resource(path).route((line.handler)(web::method(line.method.clone())));
    let (resource, allow) = if line.method == Method::GET {
        (resource.route((line.handler)(web::head())), "GET, HEAD")
    } else {
        (resource, line.method.as_str())
    };
    resource.default_service(web::to(async move |got: Method| {
        Err::<HttpResponse, _>(ClientError::method_not_allowed(&got, allow))
    }))
}

fn routes(config: &mut web::ServiceConfig) {
    let mut api =
        web::scope("/api").wrap(Compress::default()).wrap(from_fn(wrap::vary_once)).wrap(from_fn(wrap::limit_address));
    for line in ROUTES {
        match line.path.strip_prefix("/api") {
            Some(path) => api = api.service(resource(line, path)),
            None => drop(config.service(resource(line, line.path))),
        }
    }
    config.service(api.default_service(web::to(not_found)));
    config.default_service(web::to(not_found));
}

/// Ready when the system asks the process to stop: Ctrl-C, or the signal of `kill` and service managers.
pub async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = interrupt => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    // Without a way to hear of a stop there is none to wait for.
    if interrupt.await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// A server that is bound and ready to run.
pub struct Application {
    server: Server,
    address: SocketAddr,
    state: web::Data<AppState>,
}

impl Application {
    /// Binds the server. It accepts once [`Application::run_until_stopped`] is awaited; until then connections wait.
    ///
    /// Must be called within an actix system.
    pub fn build(store: Store, config: Serve) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen)?;
        let address = listener.local_addr()?;
        let https = config.public_url.as_deref().is_some_and(|url| url.starts_with("https://"));
        let state = web::Data::from(Arc::new(AppState::new(store, config)?));
        let shared = state.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .wrap(wrap::security_headers(https))
                .wrap(from_fn(wrap::observe))
                .configure(routes)
        })
        .tcp_nodelay(true)
        .client_request_timeout(HEAD_TIME)
        .keep_alive(IDLE_TIME)
        .max_connections(CONNECTIONS)
        .shutdown_timeout(STOP_SECONDS)
        .disable_signals()
        .listen(listener)?
        .run();
        Ok(Self { server, address, state })
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

    /// Serves until `stop` is ready, finishes what is under way, and tidies up.
    pub async fn run_until_stopped(self, stop: impl Future<Output = ()> + 'static) -> io::Result<()> {
        let Self { server, state, .. } = self;
        let handle = server.handle();
        actix_web::rt::spawn(async move {
            stop.await;
            handle.stop(true).await;
        });
        let served = server.await;
        crate::telemetry::blocking(move || {
            state.polls.stop();
            if let Err(error) = state.store.checkpoint() {
                tracing::warn!(%error, "the log was not moved into the database; the next start will do it");
            }
        })
        .await;
        served
    }
}
