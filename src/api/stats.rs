//! Putting stats in over HTTP (contract §4): the import engine behind a token of scope `ingest`.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::Utc;
use serde::Deserialize;

use crate::domain::TokenScope;
use crate::http::auth::authenticate;
use crate::http::envelope::Envelope;
use crate::http::{AppState, ClientError, client, upload};
use crate::import::Mapping;
use crate::service::Actor;
use crate::service::imports::{self, Duplicates, ImportError, ImportOptions, ImportSource};
use crate::store::{ImportKind, TokenUse};
use crate::telemetry;

/// How an upload is to be taken.
#[derive(Debug, Deserialize)]
pub struct UploadOptions {
    /// What to do with a day, campaign and publisher that is stated twice: `reject` (the default) or `sum`.
    #[serde(default)]
    duplicates: DuplicatesOption,
    /// Whether to create campaigns, offers, apps and publishers that rows name and nobody knows.
    #[serde(default)]
    create_missing: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DuplicatesOption {
    #[default]
    Reject,
    Sum,
}

/// State daily figures: all rows, or, when anything is wrong, none.
pub async fn upload(
    state: web::Data<AppState>,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, ClientError> {
    let token = authenticate(&state, &request, TokenScope::Ingest).await.map_err(|refused| refused.error)?;
    let address = client::address(&request, &state.config.trusted_proxy).to_string();
    let user_agent = client::agent(&request);
    state.polls.token_use(TokenUse { token: token.key, at: Utc::now(), address: address.clone(), user_agent });
    let asked = web::Query::<UploadOptions>::from_query(request.query_string())
        .map_err(|error| ClientError::invalid(vec![format!("query: {error}")]))?
        .into_inner();
    let options = ImportOptions {
        format: upload::format(&request)?,
        mapping: Mapping::default(),
        advertiser: Some(token.advertiser_id.to_string()),
        create_missing: asked.create_missing,
        duplicates: match asked.duplicates {
            DuplicatesOption::Reject => Duplicates::Reject,
            DuplicatesOption::Sum => Duplicates::Sum,
        },
        dry_run: false,
    };
    let source = ImportSource {
        kind: ImportKind::Api,
        name: format!("token {}", token.id),
        token: Some(token.key),
        actor: Actor { name: token.id.to_string(), address: Some(address) },
    };
    let store = state.store.clone();
    let directory = store.path().parent().unwrap_or_else(|| std::path::Path::new(".")).to_owned();
    let file = upload::spool(&request, body, &directory).await?;
    let done = telemetry::blocking(move || imports::run(&store, file, &options, &source)).await;
    let done = done.map_err(|error: ImportError| ClientError::from(error))?;
    Ok(HttpResponse::Ok().json(Envelope::success(&[], done.answer())))
}
