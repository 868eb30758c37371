//! Files in the binary: style sheet, script, icons.

use actix_web::http::header::{self, EntityTag, IfNoneMatch};
use actix_web::{HttpResponse, web};
use rust_embed::RustEmbed;

use super::error::{ClientError, ErrorKind};
use crate::service::hex;

#[derive(RustEmbed)]
#[folder = "assets"]
struct Assets;

/// A file by its name, with an entity tag of its content.
pub async fn asset(
    name: web::Path<String>,
    known: Option<web::Header<IfNoneMatch>>,
) -> Result<HttpResponse, ClientError> {
    let file = Assets::get(&name).ok_or_else(|| ClientError::new(ErrorKind::NotFound, "This file doesn't exist."))?;
    let tag = EntityTag::new_strong(hex(&file.metadata.sha256_hash()[..16]));
    let held = known.is_some_and(|known| match known.into_inner() {
        IfNoneMatch::Any => true,
        IfNoneMatch::Items(tags) => tags.iter().any(|held| held.weak_eq(&tag)),
    });
    let mut response = if held { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header(header::ETag(tag)).insert_header((header::CACHE_CONTROL, "no-cache"));
    if held {
        return Ok(response.finish());
    }
    let content_type = match name.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => "application/octet-stream",
    };
    Ok(response.insert_header((header::CONTENT_TYPE, content_type)).body(file.data))
}
