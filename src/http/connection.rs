//! What the web server's HTTP/1.1 has no hook for (RFC 9110, RFC 9112):
//!
//! - a request that can't be parsed is refused with the usual envelope, where the server would write a bare status;
//! - "100 Continue" is sent when a handler reads the body, so that a refusal replaces it instead of following it;
//! - after a request that closes its connection no other request is carried out, and only its own answer says so;
//! - a body with malformed chunks is answered before the connection closes.
//!
//! [`Connection`] wraps the socket below the server, [`carry_out`] wraps the application above it. They communicate through
//! the connection's [`ConnectionState`].

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use actix_http::{ConnectionType, HttpMessage as _, Payload, Request, Response};
use actix_service::Service;
use actix_web::body::BoxBody;
use actix_web::error::PayloadError;
use bytes::Bytes;
use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::error::{ClientError, ErrorKind};

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
const CLOSE: &[u8] = b"connection: close\r\n";

/// Requests that the server refuses by itself: the status line it writes, and the refusal to send instead.
const REFUSALS: [(&str, ErrorKind, &str); 3] = [
    (
        "HTTP/1.1 400 Bad Request\r\n",
        ErrorKind::ValidationError,
        "The request is not HTTP: got a head that can't be parsed, expected one Host, each header on a line of its own, and a \
         target in which blanks and quotes are percent-encoded (a blank is %20).",
    ),
    (
        "HTTP/1.1 408 Request Timeout\r\n",
        ErrorKind::RequestTimeout,
        "The head of the request did not come in time. Send it in one go.",
    ),
    (
        "HTTP/1.1 431 Request Header Fields Too Large\r\n",
        ErrorKind::ValidationError,
        "The head of the request is too large, expected at most 96 headers and 128 KB.",
    ),
];

const MALFORMED_CHUNKS: &str = "The body broke off, or is not in chunks as Transfer-Encoding: chunked says.";

/// The state of "100 Continue".
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Continue {
    #[default]
    Nothing,
    /// The server has written it, but nobody has read the body yet.
    Written,
    /// It was removed from what the server wrote.
    HeldBack,
    /// A handler reads the body.
    Due,
}

/// State that a connection shares with its requests.
#[derive(Default)]
pub struct ConnectionState {
    proceed: Cell<Continue>,
    /// A request said that the connection closes after its answer.
    ends: Cell<bool>,
    /// Nothing more is sent.
    is_mute: Cell<bool>,
    /// The pending answer says that the connection closes, because the server has already parsed a later request that closes
    /// it.
    ends_too_early: Cell<bool>,
    /// The number of flushes when the last answer was made.
    answered_at: Cell<Option<u64>>,
    /// A chunked body is arriving, and no answer has been made yet.
    awaits_chunks: Cell<bool>,
    /// How often all written bytes were flushed.
    flushes: Cell<u64>,
    on_flush: RefCell<Option<Waker>>,
}

impl ConnectionState {
    fn body_is_wanted(&self) {
        match self.proceed.get() {
            Continue::Written => self.proceed.set(Continue::Nothing),
            Continue::HeldBack => self.proceed.set(Continue::Due),
            Continue::Nothing | Continue::Due => {}
        }
    }

    fn flushed(&self) {
        self.flushes.set(self.flushes.get() + 1);
        self.ends_too_early.set(false);
        if let Some(waker) = self.on_flush.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Waits until everything written after `before` flushes is flushed.
    async fn gone_out(&self, before: u64) {
        poll_fn(|cx| {
            if self.flushes.get() > before {
                return Poll::Ready(());
            }
            self.on_flush.replace(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

/// Hands a request to the application, unless the request before it ended the connection.
pub fn carry_out<S>(
    mut request: Request,
    application: &S,
) -> impl Future<Output = Result<S::Response, Response<BoxBody>>> + use<S>
where
    S: Service<Request, Error = Response<BoxBody>>,
{
    let has_body = matches!(request.payload(), Payload::H1 { .. });
    let state = request.conn_data::<Rc<ConnectionState>>().cloned().unwrap_or_default();
    let (is_last, before) = (request.head().connection_type() == ConnectionType::Close, state.flushes.get());
    let has_ended = state.ends.replace(is_last || state.ends.get());
    let is_behind_another = is_last && state.answered_at.get() == Some(before);
    state.ends_too_early.set(is_behind_another && !has_ended);
    if request.head().expect() {
        state.proceed.set(Continue::Written);
        let body = AwaitedBody { body: request.take_payload(), state: Rc::clone(&state) };
        *request.payload() = Payload::Stream { payload: Box::pin(body) };
    }
    state.awaits_chunks.set(has_body && request.chunked().unwrap_or_default());
    let answer = (!has_ended).then(|| application.call(request));
    async move {
        let Some(answer) = answer else {
            state.gone_out(before).await;
            state.is_mute.set(true);
            let mut nothing = Response::bad_request();
            nothing.head_mut().set_connection_type(ConnectionType::Close);
            return Err(nothing);
        };
        let answer = answer.await;
        if has_body {
            // The server may already have parsed the bytes behind the body as the next request. It must not be carried out:
            // this answer says that the connection closes.
            tokio::task::yield_now().await;
        }
        if is_behind_another {
            state.gone_out(before).await;
        }
        state.awaits_chunks.set(false);
        state.answered_at.set(Some(state.flushes.get()));
        answer
    }
}

/// A body that its client sends only after "100 Continue".
struct AwaitedBody {
    body: Payload,
    state: Rc<ConnectionState>,
}

impl Stream for AwaitedBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.state.body_is_wanted();
        Pin::new(&mut self.body).poll_next(cx)
    }
}

/// A client's connection as the server sees it. All bytes read and written pass through here.
pub struct Connection<T: AsyncWrite + Unpin> {
    socket: T,
    state: Rc<ConnectionState>,
    /// Bytes to send instead of what the server wrote, and how many were sent.
    own: Vec<u8>,
    own_sent: usize,
}

impl<T: AsyncWrite + Unpin> Connection<T> {
    /// Wraps a socket, or TLS over one.
    pub fn new(socket: T) -> Self {
        Self { socket, state: Rc::default(), own: Vec::new(), own_sent: 0 }
    }

    /// The state that is shared with its requests.
    #[must_use]
    pub fn state(&self) -> Rc<ConnectionState> {
        Rc::clone(&self.state)
    }

    fn poll_own(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.own.get(self.own_sent..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.socket).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                sent => self.own_sent += sent,
            }
        }
        self.own.clear();
        self.own_sent = 0;
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Connection<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Connection<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, written: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.state.is_mute.get() {
            return Poll::Ready(Ok(written.len()));
        }
        let mut now = written;
        if this.state.proceed.get() == Continue::Written
            && let Some(at) = written.windows(CONTINUE.len()).position(|part| part == CONTINUE)
        {
            if at == 0 {
                this.state.proceed.set(Continue::HeldBack);
                return Poll::Ready(Ok(CONTINUE.len()));
            }
            now = written.get(..at).unwrap_or(written);
        }
        if this.state.ends_too_early.get()
            && let Some(at) = now.windows(CLOSE.len()).position(|part| part == CLOSE)
        {
            if at == 0 {
                return Poll::Ready(Ok(CLOSE.len()));
            }
            now = now.get(..at).unwrap_or(now);
        }
        if let Some((at, refusal)) = bare_refusal(now) {
            if at == 0 {
                if this.own.is_empty() {
                    this.own = refusal.into_bytes();
                }
                ready!(this.poll_own(cx))?;
                return Poll::Ready(Ok(written.len()));
            }
            now = now.get(..at).unwrap_or(now);
        }
        Pin::new(&mut this.socket).poll_write(cx, now)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.state.proceed.get() == Continue::Due {
            this.state.proceed.set(Continue::Nothing);
            this.own = CONTINUE.to_vec();
        }
        ready!(this.poll_own(cx))?;
        ready!(Pin::new(&mut this.socket).poll_flush(cx))?;
        this.state.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

/// The server drops a connection whose chunks it can't parse, together with the waiting request.
impl<T: AsyncWrite + Unpin> Drop for Connection<T> {
    fn drop(&mut self) {
        if self.state.awaits_chunks.get() {
            let refusal = ClientError::new(ErrorKind::ValidationError, MALFORMED_CHUNKS);
            let refusal = refusal.on_the_wire("HTTP/1.1 400 Bad Request\r\n", "\r\n");
            let cx = &mut Context::from_waker(Waker::noop());
            // The buffer takes it, or nobody reads it.
            let _ = Pin::new(&mut self.socket).poll_write(cx, refusal.as_bytes());
            let _ = Pin::new(&mut self.socket).poll_flush(cx);
        }
    }
}

/// Length of a `Date` as the server writes it, last of all headers.
const DATE: usize = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n".len();

/// Finds a refusal at the end of what the server wrote, which has no body and none of the application's headers. Returns
/// where it begins and what to send instead.
fn bare_refusal(written: &[u8]) -> Option<(usize, String)> {
    let (head, date) = written.split_at_checked(written.len().checked_sub(DATE)?)?;
    if !date.ends_with(b"\r\n\r\n") || !date.starts_with(b"date: ") {
        return None;
    }
    let head = head.strip_suffix(b"connection: close\r\n").unwrap_or(head);
    let head = head.strip_suffix(b"content-length: 0\r\n")?;
    let (line, kind, message) = REFUSALS.into_iter().find(|(line, ..)| head.ends_with(line.as_bytes()))?;
    let refusal = ClientError::new(kind, message).on_the_wire(line, std::str::from_utf8(date).ok()?);
    Some((head.len() - line.len(), refusal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_server_says_by_itself_is_replaced() {
        const TAIL: &str = "date: Fri, 27 Nov 2026 07:04:01 GMT\r\n\r\n";
        for (line, kind, _) in REFUSALS {
            for close in ["", "connection: close\r\n"] {
                let bare = format!("{line}content-length: 0\r\n{close}{TAIL}");
                let (at, refusal) = bare_refusal(bare.as_bytes()).unwrap();
                assert_eq!(at, 0);
                assert!(refusal.starts_with(line) && refusal.contains(kind.as_str()), "{refusal}");
                let (head, body) = refusal.split_once("\r\n\r\n").unwrap();
                assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
                assert!(head.contains("x-content-type-options: nosniff\r\n"), "{head}");
                assert!(head.ends_with(TAIL.trim_end()), "{head}");
                let behind = format!("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n{bare}");
                assert_eq!(bare_refusal(behind.as_bytes()).unwrap().0, behind.len() - bare.len());
            }
        }
        for other in [
            format!("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nx-frame-options: DENY\r\n{TAIL}"),
            format!("HTTP/1.1 304 Not Modified\r\nx-frame-options: DENY\r\n{TAIL}"),
            format!("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n{TAIL}"),
            "\r\n\r\n".to_owned(),
            String::new(),
        ] {
            assert!(bare_refusal(other.as_bytes()).is_none(), "{other}");
        }
    }
}
