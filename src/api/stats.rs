//! Putting stats in over HTTP (contract §4): the import engine behind a token of scope `ingest`.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::Utc;

use crate::domain::{DayState, Invalid, Reason};
use crate::http::envelope::Envelope;
use crate::http::{ApiClient, AppState, ClientError, client, upload};
use crate::import::Mapping;
use crate::service::Actor;
use crate::service::imports::{self, Duplicates, ImportError, ImportOptions, ImportSource};
use crate::store::{ImportKind, TokenUse};
use crate::telemetry;

/// How an upload is to be taken.
#[derive(Debug, Default)]
struct UploadOptions {
    duplicates: Duplicates,
    create_missing: bool,
    replace: bool,
    days: Option<DayState>,
    reason: Option<Reason>,
}

impl UploadOptions {
    /// Reads `duplicates=reject|sum`, `create_missing` and `replace` (true or false), `days=provisional|final` and `reason`;
    /// other parameters are ignored.
    fn parse(query: &str) -> Result<Self, Invalid> {
        let flag = |name, value: &str| match value {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(Invalid::value(name, other, "true or false")),
        };
        let mut options = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match (&*name, &*value) {
                ("duplicates", "reject") => options.duplicates = Duplicates::Reject,
                ("duplicates", "sum") => options.duplicates = Duplicates::Sum,
                ("duplicates", other) => return Err(Invalid::value("duplicates", other, "reject or sum")),
                ("create_missing", value) => options.create_missing = flag("create_missing", value)?,
                ("replace", value) => options.replace = flag("replace", value)?,
                ("days", value) => options.days = Some(value.parse()?),
                ("reason", value) => options.reason = Reason::parse_optional(value)?,
                _ => {}
            }
        }
        Ok(options)
    }
}

/// State daily figures: all rows, or, when anything is wrong, none.
pub async fn upload(
    state: web::Data<AppState>,
    request: HttpRequest,
    api_client: ApiClient,
    body: web::Payload,
) -> Result<HttpResponse, ClientError> {
    // The snapshot's connection is for others while the body comes.
    let ApiClient { token, snapshot } = api_client;
    drop(snapshot);
    let address = client::address(&request, &state.config.trusted_proxy).to_string();
    let user_agent = client::agent(&request);
    state.polls.token_use(TokenUse { token: token.key, at: Utc::now(), address: address.clone(), user_agent });
    let asked = UploadOptions::parse(request.query_string())?;
    let options = ImportOptions {
        format: upload::format(&request)?,
        mapping: Mapping::default(),
        advertiser: Some(token.advertiser_id.to_string()),
        create_missing: asked.create_missing,
        duplicates: asked.duplicates,
        replace: asked.replace,
        days: asked.days,
        reason: asked.reason,
    };
    let source = ImportSource {
        kind: ImportKind::Api,
        name: format!("token {}", token.id),
        token: Some(token.key),
        actor: Actor { name: token.id.to_string(), address: Some(address) },
    };
    let store = state.store.clone();
    let directory = store.path().parent().unwrap_or_else(|| std::path::Path::new(".")).to_owned();
    // Before the upload takes what little room there is.
    let asked = store.clone();
    telemetry::blocking(move || asked.ensure_free_space()).await?;
    let file = upload::spool(&request, body, &directory).await?;
    let done = telemetry::blocking(move || imports::run(&store, file, &options, &source)).await;
    let done = done.map_err(|error: ImportError| ClientError::from(error))?;
    Ok(HttpResponse::Ok().json(Envelope::success(&[], done.answer())))
}
