//! A file that somebody downloads from a page.

use actix_web::HttpResponse;
use actix_web::body::SizedStream;
use actix_web::http::header;

use super::error::ClientError;
use super::spooled::Spooled;

/// A CSV file of this name.
pub fn csv(file: Spooled, name: &str) -> Result<HttpResponse, ClientError> {
    let (length, chunks) = file.finish().map_err(|error| ClientError::io(&error))?;
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .body(SizedStream::new(length, Box::pin(chunks))))
}
