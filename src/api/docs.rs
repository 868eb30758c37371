//! The documentation of the API: `assets/openapi.json` for programs, and the same as a page for people.
//!
//! The document is written by hand, because no type describes a report's rows: they are put together from prepared text. A
//! test compares it with the route table.

use std::collections::BTreeMap;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use serde_json::Value;

use crate::http::{AppState, ClientError, client};

pub use crate::service::connect::packet::OPENAPI;

/// The OpenAPI document, with the address by which the client reaches the server.
pub async fn openapi(state: web::Data<AppState>, request: HttpRequest) -> HttpResponse {
    let origin = serde_json::Value::from(client::origin(&request, &state.config)).to_string();
    let document = OPENAPI.replacen("\"url\": \"/\"", &format!("\"url\": {origin}"), 1);
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json")).body(document)
}

/// The parts of the document that the page shows.
#[derive(Deserialize)]
struct Document {
    info: Info,
    paths: BTreeMap<String, BTreeMap<String, Operation>>,
}

#[derive(Deserialize)]
struct Info {
    description: String,
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Operation {
    summary: String,
    description: Option<String>,
    #[serde(default)]
    parameters: Vec<Parameter>,
    request_body: Option<Described>,
    responses: BTreeMap<String, Described>,
    /// Empty where no token is needed.
    security: Option<Vec<Value>>,
}

impl Operation {
    /// The fragment of its section's address.
    fn anchor(method: &str, path: &str) -> String {
        format!("{method}{}", path.replace(['/', '.'], "-"))
    }

    /// A `curl` command to paste, with the parameters that are required.
    fn command(&self, path: &str, origin: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for parameter in self.parameters.iter().filter(|parameter| parameter.required) {
            query.append_pair(&parameter.name, parameter.example.as_ref().and_then(Value::as_str).unwrap_or_default());
        }
        let mut parts = vec!["curl".to_owned()];
        if self.security.is_none() {
            parts.push("-H 'Authorization: ApiToken plt_…'".to_owned());
        }
        if self.request_body.is_some() {
            query.append_pair("dry_run", "true");
            parts.push("-H 'Content-Type: text/csv' --data-binary @stats.csv".to_owned());
        }
        let query = query.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        parts.push(format!("'{origin}{path}{mark}{query}'"));
        parts.join(" \\\n  ")
    }
}

#[derive(Deserialize)]
struct Parameter {
    name: String,
    #[serde(default)]
    required: bool,
    description: String,
    example: Option<Value>,
}

#[derive(Deserialize)]
struct Described {
    description: String,
    #[serde(default)]
    content: BTreeMap<String, Media>,
}

#[derive(Deserialize)]
struct Media {
    example: Option<Value>,
}

impl Media {
    /// The example as it is sent, with JSON indented.
    fn shown(&self) -> Option<String> {
        match self.example.as_ref()? {
            Value::String(text) => Some(text.trim_end().to_owned()),
            value => serde_json::to_string_pretty(value).ok(),
        }
    }
}

#[derive(Template)]
#[template(path = "docs.html")]
struct Page<'a> {
    document: Document,
    origin: &'a str,
}

/// The document with its references resolved.
fn document() -> serde_json::Result<Document> {
    let mut whole: Value = serde_json::from_str(OPENAPI)?;
    let mut paths = whole["paths"].take();
    insert_referred(&mut paths, &whole);
    // HEAD is left out: readers know what it does.
    for path in paths.as_object_mut().into_iter().flat_map(|paths| paths.values_mut()) {
        path.as_object_mut().map(|operations| operations.shift_remove("head"));
    }
    whole["paths"] = paths;
    serde_json::from_value(whole)
}

fn insert_referred(value: &mut Value, whole: &Value) {
    let target = value.get("$ref").and_then(Value::as_str).and_then(|at| whole.pointer(at.trim_start_matches('#')));
    if let Some(target) = target {
        *value = target.clone();
    }
    match value {
        Value::Object(fields) => fields.values_mut().for_each(|field| insert_referred(field, whole)),
        Value::Array(entries) => entries.iter_mut().for_each(|entry| insert_referred(entry, whole)),
        _ => {}
    }
}

/// The document as a page.
pub async fn page(state: web::Data<AppState>, request: HttpRequest) -> Result<HttpResponse, ClientError> {
    let document = document().map_err(|error| ClientError::internal(&error))?;
    let page = Page { document, origin: &client::origin(&request, &state.config) };
    let html = page.render().map_err(|error| ClientError::internal(&error))?;
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(html))
}
