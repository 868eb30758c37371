//! The path of the public URL, under which all routes are (contract §10), such as `/costs` of `https://example.com/costs`.
//!
//! Handlers and templates don't know about it. It is removed from requests, so it doesn't matter whether a proxy removes it.
//! It is added to every outgoing address: here to redirects and to links in pages; cookies get it where they are made.

use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Uri;
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::uri::PathAndQuery;
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};

use super::state::AppState;
use crate::config::Serve;

/// Attributes with a path of this server. User text can't contain their quotes.
const LINKS: [&str; 3] = ["href=\"/", "src=\"/", "action=\"/"];

fn state(request: &ServiceRequest) -> Option<web::Data<AppState>> {
    let state = request.app_data::<web::Data<AppState>>().cloned();
    state.filter(|state| !state.config.path().is_empty())
}

/// Handles requests as if the routes were at the root. Wraps all of them.
pub async fn under_path<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let Some(state) = state(&request) else { return next.call(request).await };
    let base = state.config.path();
    if let Some(inner) = without(base, request.uri()) {
        request.head_mut().uri = inner.clone();
        request.match_info_mut().get_mut().update(&inner);
    }
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    if let Some(location) = headers.get(header::LOCATION).and_then(|to| to.to_str().ok()).filter(|to| is_ours(to)) {
        let location = HeaderValue::try_from(format!("{base}{location}"))?;
        headers.insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Adds the path to the links of pages. Runs inside of compression.
pub async fn in_pages(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(state) = state(&request) else { return next.call(request).await };
    let (request, response) = next.call(request).await?.into_parts();
    Ok(ServiceResponse::new(request, with_path(&state.config, response).await?))
}

/// A page with the path added to its links; any other body unchanged.
pub(super) async fn with_path(config: &Serve, response: HttpResponse) -> Result<HttpResponse, Error> {
    let kind = response.headers().get(header::CONTENT_TYPE);
    if config.path().is_empty() || !kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html")) {
        return Ok(response);
    }
    // Pages are small and already complete in memory.
    let (response, body) = response.into_parts();
    let html = to_bytes(body).await.map_err(actix_web::error::ErrorInternalServerError)?;
    let mut html = String::from_utf8_lossy(&html).into_owned();
    for link in LINKS {
        html = html.replace(link, &format!("{}{}/", link.trim_end_matches('/'), config.path()));
    }
    Ok(response.set_body(BoxBody::new(html)))
}

/// The address without the path.
fn without(base: &str, uri: &Uri) -> Option<Uri> {
    let path = uri.path_and_query()?.as_str();
    let rest = path.strip_prefix(base).filter(|rest| rest.is_empty() || rest.starts_with(['/', '?']))?;
    let rest = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(rest).ok()?);
    Uri::from_parts(parts).ok()
}

/// Whether an address is a path of this server: it begins with one slash; two would begin another host.
fn is_ours(to: &str) -> bool {
    to.starts_with('/') && !to.starts_with("//")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_path_is_removed() {
        let inner = |text: &str| without("/costs", &text.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(inner("/costs").as_deref(), Some("/"));
        assert_eq!(inner("/costs/").as_deref(), Some("/"));
        assert_eq!(inner("/costs?x=1").as_deref(), Some("/?x=1"));
        assert_eq!(inner("/costs/admin/?a=%2Fcosts").as_deref(), Some("/admin/?a=%2Fcosts"));
        assert_eq!(inner("/costsheet"), None);
        assert_eq!(inner("/admin/"), None);
    }
}
