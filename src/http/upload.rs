//! An upload on its way in: to an unnamed temporary file, within a bound, before anything looks at it.
//!
//! So a slow client holds a connection and nothing else, least of all the database's write lock.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use actix_web::http::header;
use actix_web::{HttpRequest, web};
use futures_util::StreamExt as _;

use super::error::{ClientError, Refusal};
use crate::import::Format;
use crate::telemetry;

/// The largest upload.
pub const LARGEST: u64 = 200 * 1024 * 1024;

/// How long a body may pause, and how long all of it may take.
const PAUSE: Duration = Duration::from_secs(15);
const WHOLE: Duration = Duration::from_mins(10);

/// The format the request says its body has.
pub fn format(request: &HttpRequest) -> Result<Format, ClientError> {
    let content_type =
        request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "text/csv" => Ok(Format::Csv),
        "application/json" => Ok(Format::Json),
        "application/x-ndjson" => Ok(Format::NdJson),
        _ => {
            let got = crate::domain::Invalid::echo(&essence);
            Err(ClientError::new(
                Refusal::UnsupportedMediaType,
                format!("Content-Type: got {got}, expected text/csv, application/json or application/x-ndjson"),
            ))
        }
    }
}

/// The body, in a file that has no name, lies in `dir` and goes with its handle.
pub async fn spool(request: &HttpRequest, mut body: web::Payload, dir: &Path) -> Result<File, ClientError> {
    let stated =
        request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if stated.is_some_and(|length| length > LARGEST) {
        return Err(too_large());
    }
    let dir = dir.to_owned();
    let mut file =
        telemetry::blocking(move || tempfile::tempfile_in(dir)).await.map_err(|error| ClientError::io(&error))?;
    let mut length = 0;
    let since = Instant::now();
    loop {
        let next = tokio::time::timeout(PAUSE, body.next()).await.map_err(|_| too_slow())?;
        let Some(chunk) = next else { break };
        if since.elapsed() > WHOLE {
            return Err(too_slow());
        }
        let chunk = chunk.map_err(|_| ClientError::new(Refusal::ValidationError, "The body broke off."))?;
        length += chunk.len() as u64;
        if length > LARGEST {
            return Err(too_large());
        }
        file = telemetry::blocking(move || file.write_all(&chunk).map(|()| file))
            .await
            .map_err(|error| ClientError::io(&error))?;
    }
    file.rewind().map_err(|error| ClientError::io(&error))?;
    Ok(file)
}

fn too_slow() -> ClientError {
    let words = format!(
        "The body came too slowly: nothing for {} s, or not all within {} minutes.",
        PAUSE.as_secs(),
        WHOLE.as_secs() / 60
    );
    ClientError::new(Refusal::ValidationError, words)
}

fn too_large() -> ClientError {
    ClientError::new(
        Refusal::PayloadTooLarge,
        format!("The body is over {} MB; send it in parts.", LARGEST / 1024 / 1024),
    )
}
