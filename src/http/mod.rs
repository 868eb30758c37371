//! What all routes share; it knows no single route.
//!
//! The state, errors, authentication, limits, streaming, headers, assets.

pub mod access;
pub mod assets;
mod body;
pub mod client;
pub mod connection;
pub mod download;
pub mod envelope;
pub mod error;
pub mod feed;
mod headers;
mod incoming;
pub mod limits;
pub mod metrics;
pub mod middleware;
pub mod multipart;
pub mod one_time;
pub mod operator;
pub mod place;
mod poll;
mod proxies;
pub mod query;
mod reading;
pub mod spooled;
pub mod state;
pub mod streaming;
pub mod token_guard;
pub mod turns;
pub mod upload;
pub mod upload_slots;

pub use access::Access;
pub use error::ClientError;
pub use poll::PollRecorder;
pub use state::AppState;
pub use token_guard::ApiClient;
