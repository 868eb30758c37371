//! Turns errors into what a client may see (contract §1, errors).
//!
//! Every failure of a route becomes a [`ClientError`]. Its messages say what the client could do differently. Everything else
//! is logged under the response's id, and the client gets only that id.

use actix_web::body::BoxBody;
use actix_web::http::Method;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use askama::Template;
use uuid::Uuid;

use super::envelope::Envelope;
use super::headers;
use crate::domain::Invalid;
use crate::import::FileError;
use crate::service::ServiceError;
use crate::service::imports::ImportError;
use crate::store::StoreError;

/// The kind of refusal; `responseType` in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// 400
    ValidationError,
    /// 401
    Unauthorized,
    /// 403
    Forbidden,
    /// 404
    NotFound,
    /// 405
    MethodNotAllowed,
    /// 408
    RequestTimeout,
    /// 412
    PreconditionFailed,
    /// 413
    PayloadTooLarge,
    /// 415
    UnsupportedMediaType,
    /// 429
    TooManyRequests,
    /// 500
    Error,
    /// 503
    Unavailable,
}

impl ErrorKind {
    /// As in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ValidationError => "ValidationError",
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "NotFound",
            Self::MethodNotAllowed => "MethodNotAllowed",
            Self::RequestTimeout => "RequestTimeout",
            Self::PreconditionFailed => "PreconditionFailed",
            Self::PayloadTooLarge => "PayloadTooLarge",
            Self::UnsupportedMediaType => "UnsupportedMediaType",
            Self::TooManyRequests => "TooManyRequests",
            Self::Error => "Error",
            Self::Unavailable => "Unavailable",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::ValidationError => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Error => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// A refusal as a client sees it.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", refusal.as_str(), messages.join("; "))]
pub struct ClientError {
    refusal: ErrorKind,
    messages: Vec<String>,
    headers: Vec<(header::HeaderName, String)>,
    response_id: Uuid,
}

impl ClientError {
    /// Refuses with one message.
    pub fn new(refusal: ErrorKind, message: impl Into<String>) -> Self {
        Self { refusal, messages: vec![message.into()], headers: Vec::new(), response_id: Uuid::new_v4() }
    }

    /// Refuses input, with one message per problem.
    #[must_use]
    pub fn invalid(messages: Vec<String>) -> Self {
        Self { messages, ..Self::new(ErrorKind::ValidationError, "") }
    }

    /// 401 with the challenge for `ApiToken`.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unauthorized, message).with(header::WWW_AUTHENTICATE, "ApiToken realm=\"pitlane\"")
    }

    /// 401 with the challenge for a bearer token.
    pub fn unauthorized_bearer(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unauthorized, message).with(header::WWW_AUTHENTICATE, "Bearer realm=\"pitlane\"")
    }

    /// 405 with the allowed methods.
    #[must_use]
    pub fn method_not_allowed(got: &Method, allow: &str) -> Self {
        Self::new(ErrorKind::MethodNotAllowed, format!("method: got {got}, expected {allow}"))
            .with(header::ALLOW, allow)
    }

    /// 429 or 503 with the seconds to wait.
    pub fn later(refusal: ErrorKind, seconds: u64, message: impl Into<String>) -> Self {
        Self::new(refusal, message).with(header::RETRY_AFTER, seconds.to_string())
    }

    /// 429 for more than `limit` requests at once, with the seconds to wait.
    pub fn over_limit(limit: u32, seconds: u64, message: impl Into<String>) -> Self {
        let name = |text| header::HeaderName::from_static(text);
        Self::later(ErrorKind::TooManyRequests, seconds, message)
            .with(name("ratelimit-limit"), limit.to_string())
            .with(name("ratelimit-remaining"), "0")
            .with(name("ratelimit-reset"), seconds.to_string())
    }

    /// An internal error. Logged here under the id that the client gets.
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        let refused =
            Self::new(ErrorKind::Error, "Something went wrong on our side. The log has more, by the responseId.");
        tracing::error!(response_id = %refused.response_id, %error, "a request failed");
        refused
    }

    /// The same with a header.
    #[must_use]
    pub fn with(mut self, name: header::HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn busy(error: &StoreError) -> Self {
        let refused = Self::later(ErrorKind::Unavailable, 2, "The database is busy. Ask again in a moment.");
        tracing::warn!(response_id = %refused.response_id, %error, "a request was put off");
        refused
    }

    /// The server could not read or write one of its own files.
    #[must_use]
    pub fn io(error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::StorageFull { Self::disk_full(error) } else { Self::internal(error) }
    }

    fn disk_full(error: &dyn std::fmt::Display) -> Self {
        let message = "The server's disk is full: nothing was changed, and nothing can be until there is room. \
                     Reports go on.";
        let refused = Self::later(ErrorKind::Unavailable, 60, message);
        tracing::error!(response_id = %refused.response_id, %error, "a write was refused");
        refused
    }
}

impl ClientError {
    /// The whole answer as bytes, for refusals that the web server makes without the application. `status_line` and `end` (an
    /// optional `Date` and the empty line) are the server's.
    pub(super) fn on_the_wire(&self, status_line: &str, end: &str) -> String {
        let envelope = Envelope::<()>::refused(self.response_id, self.refusal.as_str(), &self.messages);
        let body = serde_json::to_string(&envelope).unwrap_or_default();
        let mut headers = String::new();
        for (name, value) in headers::SECURITY {
            headers.extend([name.as_str(), ": ", value.to_str().unwrap_or_default(), "\r\n"]);
        }
        format!(
            "{status_line}content-length: {}\r\ncontent-type: application/json\r\nconnection: close\r\n\
             cache-control: no-store\r\n{headers}{end}{body}",
            body.len()
        )
    }
}

/// The page of a refusal.
#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    title: &'a str,
    messages: &'a [String],
    log_in: bool,
    response_id: Option<Uuid>,
}

impl ClientError {
    /// The refusal as a page: under `/admin/` people read it, not programs.
    #[must_use]
    pub fn page(&self) -> HttpResponse {
        let title = match self.refusal {
            ErrorKind::ValidationError => "Please check your input",
            ErrorKind::Unauthorized => "Log in first",
            ErrorKind::Forbidden => "You don't have permission to do that",
            ErrorKind::NotFound => "There is no such page",
            ErrorKind::MethodNotAllowed | ErrorKind::UnsupportedMediaType => "Something is wrong with this request",
            ErrorKind::RequestTimeout => "That took too long",
            ErrorKind::PreconditionFailed => "This has changed",
            ErrorKind::PayloadTooLarge => "That is too large",
            ErrorKind::TooManyRequests => "Too many attempts",
            ErrorKind::Error => "Something went wrong",
            ErrorKind::Unavailable => "Please try again in a moment",
        };
        let page = ErrorPage {
            title,
            messages: &self.messages,
            log_in: self.refusal == ErrorKind::Unauthorized,
            response_id: (self.refusal == ErrorKind::Error).then_some(self.response_id),
        };
        let mut response = HttpResponseBuilder::new(self.status_code());
        for (name, value) in &self.headers {
            response.insert_header((name.clone(), value.as_str()));
        }
        response.insert_header((header::CACHE_CONTROL, "no-store")).content_type("text/html; charset=utf-8");
        match page.render() {
            Ok(html) => response.body(html),
            Err(error) => {
                tracing::error!(%error, "the error page could not be made");
                response.finish()
            }
        }
    }
}

impl From<StoreError> for ClientError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy { .. } => Self::busy(&error),
            StoreError::DiskFull { .. } => Self::disk_full(&error),
            StoreError::Conflict(message) | StoreError::Missing(message) => {
                Self::new(ErrorKind::ValidationError, message)
            }
            other => Self::internal(&other),
        }
    }
}

impl From<ServiceError> for ClientError {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Invalid(invalid) => invalid.into(),
            ServiceError::Store(error) => error.into(),
            ServiceError::Overloaded => {
                let message = "Too many log-ins or new tokens are being checked at once. Try again in a few seconds.";
                Self::later(ErrorKind::Unavailable, 5, message)
            }
            ServiceError::Internal(_) => Self::internal(&error),
        }
    }
}

impl From<Invalid> for ClientError {
    fn from(invalid: Invalid) -> Self {
        Self::new(ErrorKind::ValidationError, invalid.to_string())
    }
}

impl From<ImportError> for ClientError {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Lines(problems) => Self::invalid(problems.messages()),
            ImportError::File(FileError::Refused(message) | FileError::Missing(message)) => {
                Self::new(ErrorKind::ValidationError, message)
            }
            ImportError::File(FileError::Io(error)) => Self::io(&error),
            ImportError::Open(problems) => Self::invalid(problems.into_iter().map(|problem| problem.message).collect()),
            ImportError::Final(_) | ImportError::ControlTotal(_) | ImportError::Moved(_) | ImportError::Taken => {
                Self::new(ErrorKind::ValidationError, error.to_string())
            }
            ImportError::Service(error) => error.into(),
        }
    }
}

impl ResponseError for ClientError {
    fn status_code(&self) -> StatusCode {
        self.refusal.status()
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = HttpResponseBuilder::new(self.status_code());
        for (name, value) in &self.headers {
            response.insert_header((name.clone(), value.as_str()));
        }
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        response.json(Envelope::<()>::refused(self.response_id, self.refusal.as_str(), &self.messages))
    }
}
