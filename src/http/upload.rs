//! Receives an upload into a file of its own, up to a bound, before anything reads it.
//!
//! So a slow client occupies only a connection, and not the database's write lock.

use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use actix_web::http::header;
use actix_web::{HttpRequest, web};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::error::{ClientError, ErrorKind};
use super::incoming::Incoming;
use super::multipart::Parts;
use super::upload_slots::UploadSlot;
use crate::import::Format;
use crate::service::hex;
use crate::telemetry;

pub const LARGEST: u64 = 200 * 1024 * 1024;

/// How often to check whether the upload may continue.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// The body's format, from its `Content-Type`.
pub fn format(request: &HttpRequest) -> Result<Format, ClientError> {
    let content_type =
        request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "text/csv" => Ok(Format::Csv),
        "application/json" => Ok(Format::Json),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Ok(Format::NdJson),
        _ => {
            let got = crate::domain::Invalid::echo(&essence);
            Err(ClientError::new(
                ErrorKind::UnsupportedMediaType,
                format!("Content-Type: got {got}, expected text/csv, application/json or application/x-ndjson"),
            ))
        }
    }
}

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    Plain,
    Gzip,
}

/// The body's `Content-Encoding`; one that can't be unpacked is refused (RFC 9110 §15.5.16).
pub fn coding(request: &HttpRequest) -> Result<Coding, ClientError> {
    let named = request.headers().get_all(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?"));
    let named = named.collect::<Vec<_>>().join(",").to_ascii_lowercase();
    let mut codings: Vec<&str> = named.split(',').map(str::trim).collect();
    codings.retain(|coding| !matches!(*coding, "" | "identity"));
    match codings.as_slice() {
        [] => Ok(Coding::Plain),
        ["gzip" | "x-gzip"] => Ok(Coding::Gzip),
        _ => {
            let message =
                format!("Content-Encoding: got {}, expected gzip or none", crate::domain::Invalid::echo(&named));
            Err(ClientError::new(ErrorKind::UnsupportedMediaType, message).with(header::ACCEPT_ENCODING, "gzip"))
        }
    }
}

/// The most disk space that the body can take, according to the request; an error if that is over the bound.
pub fn size(request: &HttpRequest) -> Result<u64, ClientError> {
    let stated = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    match stated {
        Some(length) if length > LARGEST => Err(too_large()),
        stated => Ok(stated.unwrap_or(LARGEST)),
    }
}

/// Writes the unpacked body to an unnamed file in `dir`, which is deleted when it is closed. It ends early with the error of
/// `still_may`, which is called from time to time.
pub async fn spool(
    body: web::Payload,
    coding: Coding,
    dir: &Path,
    slot: UploadSlot,
    still_may: impl AsyncFnMut() -> Result<(), ClientError>,
) -> Result<File, ClientError> {
    let file = spool_as_sent(body, dir, slot, still_may).await?;
    if coding == Coding::Plain {
        return Ok(file);
    }
    let dir = dir.to_owned();
    telemetry::blocking(move || unpack(file, &dir)).await
}

async fn spool_as_sent(
    body: web::Payload,
    dir: &Path,
    mut slot: UploadSlot,
    mut still_may: impl AsyncFnMut() -> Result<(), ClientError>,
) -> Result<File, ClientError> {
    let dir = dir.to_owned();
    let file =
        telemetry::blocking(move || tempfile::tempfile_in(dir)).await.map_err(|error| ClientError::io(&error))?;
    let (mut body, mut asked) = (Incoming::new(body), Instant::now());
    let (mut file, _) = write(file, async || {
        let Some(chunk) = body.next().await? else { return Ok(None) };
        slot.came(chunk.len() as u64);
        if asked.elapsed() > ASK_EVERY {
            asked = Instant::now();
            still_may().await?;
        }
        Ok(Some(chunk))
    })
    .await?;
    still_may().await?;
    file.rewind().map_err(|error| ClientError::io(&error))?;
    Ok(file)
}

/// Unpacks gzip, within the bound of an upload.
fn unpack(packed: File, dir: &Path) -> Result<File, ClientError> {
    let mut file = tempfile::tempfile_in(dir).map_err(|error| ClientError::io(&error))?;
    let mut unpacked = flate2::read::MultiGzDecoder::new(BufReader::new(packed)).take(LARGEST + 1);
    let mut chunk = vec![0; 64 << 10];
    let mut length = 0;
    loop {
        let read = unpacked.read(&mut chunk).map_err(|error| {
            ClientError::new(ErrorKind::ValidationError, format!("The body is not whole gzip: {error}."))
        })?;
        if read == 0 {
            break;
        }
        length += read as u64;
        if length > LARGEST {
            let message = format!("The body unpacks to over {} MB; send it in parts.", LARGEST / 1024 / 1024);
            return Err(ClientError::new(ErrorKind::PayloadTooLarge, message));
        }
        file.write_all(&chunk[..read]).map_err(|error| ClientError::io(&error))?;
    }
    file.rewind().map_err(|error| ClientError::io(&error))?;
    Ok(file)
}

/// An upload that was received completely.
#[derive(Debug)]
pub struct Received {
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

/// Writes the rest of a form's current part to `file`.
pub async fn receive(parts: &mut Parts, file: File) -> Result<Received, ClientError> {
    Ok(write(file, async || parts.chunk().await).await?.1)
}

/// Writes the bytes, up to the bound of an upload.
async fn write(
    mut file: File,
    mut next: impl AsyncFnMut() -> Result<Option<Bytes>, ClientError>,
) -> Result<(File, Received), ClientError> {
    let mut hash = Sha256::new();
    let mut length = 0;
    while let Some(chunk) = next().await? {
        length += chunk.len() as u64;
        if length > LARGEST {
            return Err(too_large());
        }
        let written = telemetry::blocking(move || {
            hash.update(&chunk);
            file.write_all(&chunk).map(|()| (file, hash))
        });
        (file, hash) = written.await.map_err(|error| ClientError::io(&error))?;
    }
    Ok((file, Received { bytes: length, sha256: hex(&hash.finalize()) }))
}

fn too_large() -> ClientError {
    ClientError::new(
        ErrorKind::PayloadTooLarge,
        format!("The body is over {} MB; send it in parts.", LARGEST / 1024 / 1024),
    )
}
