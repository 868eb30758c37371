//! Accepts connections: the web server's own parts, with [`Connection`] between its HTTP and the socket.

use std::fmt::Debug;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, Request};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt as _, apply_fn_factory, fn_service, map_config,
};
use actix_tls::accept::TlsError;
use actix_tls::accept::rustls_0_23::{Acceptor, TlsStream};
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Server, ServiceResponse};
use actix_web::rt::net::TcpStream;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::http::connection::{Connection, carry_out};

/// How long a client may take for a request's head, and how long a connection may be idle between requests.
const HEAD_TIME: Duration = Duration::from_secs(10);
const IDLE_TIME: Duration = Duration::from_secs(75);
/// How long a client may take to close its side of a connection.
const CLOSE_TIME: Duration = Duration::from_secs(1);
/// How long a stop waits for pending answers.
const STOP_SECONDS: u64 = 10;
/// How much is buffered before it is sent: two chunks of a report, so that its reader wakes up less often. With more, the
/// server would allocate the buffer anew each time (it keeps 128 KiB), and the bytes would leave the processor's cache.
const WRITE_BUFFER: usize = 96 * 1024;
/// The most connections per worker.
const CONNECTIONS: usize = 4096;

/// A server of the application on this listener, with HTTPS if `tls` is given.
pub(super) fn server<F, A, S, B>(listener: TcpListener, tls: Option<ServerConfig>, application: F) -> io::Result<Server>
where
    F: Fn() -> A + Send + Clone + 'static,
    A: IntoServiceFactory<S, Request> + 'static,
    S: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    S::InitError: Debug,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let builder =
        Server::build().max_concurrent_connections(CONNECTIONS).shutdown_timeout(STOP_SECONDS).disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    let stops = move || {
        let stopping = stopping.clone();
        async move { stopping.notified().await }
    };
    let builder = match tls {
        None => builder.listen("http", listener, move || {
            let accept = async |socket: TcpStream| {
                let peer = prepared(&socket);
                Ok::<_, DispatchError>((Connection::new(socket), peer))
            };
            fn_service(accept).and_then(http(application(), stops.clone()))
        })?,
        Some(mut tls) => {
            tls.alpn_protocols.insert(0, b"http/1.1".to_vec());
            builder.listen("https", listener, move || {
                let mut acceptor = Acceptor::new(tls.clone());
                acceptor.set_handshake_timeout(HEAD_TIME);
                let accept = async |stream: TlsStream<TcpStream>| {
                    let peer = prepared(stream.get_ref().0);
                    Ok((Connection::new(stream), peer))
                };
                acceptor
                    .map_err(TlsError::into_service_error)
                    .and_then(fn_service(accept))
                    .and_then(http(application(), stops.clone()).map_err(TlsError::Service))
            })?
        }
    };
    Ok(builder.run())
}

/// Turns off Nagle's algorithm, so that small answers are sent at once. Returns the peer's address.
fn prepared(socket: &TcpStream) -> Option<SocketAddr> {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "a socket's answers may be held back");
    }
    socket.peer_addr().ok()
}

/// The HTTP/1.1 service of the application.
fn http<T, A, S, B, F, Fut>(
    application: A,
    stops: F,
) -> impl ServiceFactory<
    (Connection<T>, Option<SocketAddr>),
    Config = (),
    Response = (),
    Error = DispatchError,
    InitError = (),
>
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
    A: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    S::InitError: Debug,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
    F: Fn() -> Fut + 'static,
    Fut: Future<Output = ()> + 'static,
{
    let application = application.into_factory().map_err(|error| error.error_response().into());
    let application = map_config(application, |()| AppConfig::default());
    HttpService::build()
        .graceful_shutdown_signal(stops)
        .keep_alive(IDLE_TIME)
        .client_request_timeout(HEAD_TIME)
        .client_disconnect_timeout(CLOSE_TIME)
        .h1_write_buffer_size(WRITE_BUFFER)
        .on_connect_ext(|connection: &Connection<T>, data| {
            data.insert(connection.state());
        })
        .h1(apply_fn_factory(application, carry_out))
}
