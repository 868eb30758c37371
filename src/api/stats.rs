//! Uploading stats over HTTP (contract §4): the import engine behind a token of scope `ingest`.

use std::fs::File;

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::Utc;

use crate::domain::{DayState, Invalid, Reason};
use crate::http::envelope::Envelope;
use crate::http::turns::{Claim, Holder};
use crate::http::{ApiClient, AppState, ClientError, client, token_guard, upload};
use crate::service::Actor;
use crate::service::imports::{self, Duplicates, ImportAnswer, ImportError, ImportOptions, ImportSource};
use crate::store::{ImportKind, Store, TokenUse};
use crate::telemetry;

/// The query options of an upload.
#[derive(Debug, Default)]
struct UploadOptions {
    duplicates: Duplicates,
    create_missing: bool,
    dry_run: bool,
    replace: bool,
    days: Option<DayState>,
    reason: Option<Reason>,
}

/// The names of the query options (contract §4).
const OPTIONS: [&str; 6] = ["duplicates", "create_missing", "dry_run", "replace", "days", "reason"];

impl UploadOptions {
    /// Reads `duplicates=reject|sum`, `create_missing`, `dry_run` and `replace` (true or false), `days=provisional|final` and
    /// `reason`. Names come in any case; an unknown or repeated one is an error, since this route writes.
    fn parse(query: &str) -> Result<Self, Invalid> {
        let flag = |name, value: &str| match value.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Invalid::value(name, value, "true or false")),
        };
        let mut options = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let Some(known) = OPTIONS.into_iter().find(|known| known.eq_ignore_ascii_case(&name)) else {
                let got = Invalid::echo(&name);
                let reason = format!("got the unknown option {got}, expected one of {}", OPTIONS.join(", "));
                return Err(Invalid::because("query", reason));
            };
            if seen.contains(&known) {
                return Err(Invalid::because(known, "is there more than once, expected it once"));
            }
            seen.push(known);
            match known {
                "duplicates" => options.duplicates = value.parse()?,
                "create_missing" => options.create_missing = flag(known, &value)?,
                "dry_run" => options.dry_run = flag(known, &value)?,
                "replace" => options.replace = flag(known, &value)?,
                "days" => options.days = Some(value.to_ascii_lowercase().parse()?),
                _ => options.reason = Reason::parse_optional(&value)?,
            }
        }
        Ok(options)
    }
}

/// Imports daily figures: all rows, or none if anything is wrong.
pub async fn upload(
    state: web::Data<AppState>,
    request: HttpRequest,
    api_client: ApiClient,
    body: web::Payload,
) -> Result<HttpResponse, ClientError> {
    // Frees the snapshot's connection for others while the body arrives.
    let ApiClient { token, snapshot } = api_client;
    drop(snapshot);
    let from = client::address(&request, &state.config.trusted_proxy);
    let address = from.to_string();
    let user_agent = client::agent(&request);
    state.polls.token_use(TokenUse { token: token.key, at: Utc::now(), address: address.clone(), user_agent });
    let asked = UploadOptions::parse(request.query_string())?;
    let options = ImportOptions {
        advertiser: Some(token.advertiser_id.to_string()),
        create_missing: asked.create_missing,
        duplicates: asked.duplicates,
        replace: asked.replace,
        days: asked.days,
        reason: asked.reason,
        ..ImportOptions::new(upload::format(&request)?)
    };
    let (dry_run, coding) = (asked.dry_run, upload::coding(&request)?);
    let source = ImportSource {
        kind: ImportKind::Api,
        name: format!("token {}", token.id),
        token: Some(token.key),
        actor: Actor { name: token.id.to_string(), address: Some(address) },
    };
    let store = state.store.clone();
    let directory = store.path().parent().unwrap_or_else(|| std::path::Path::new(".")).to_owned();
    let size = upload::size(&request)?;
    // Checked before the upload uses what is left of the disk.
    let claim = Claim::new(Holder::Token(token.key), from);
    let (slots, asked) = (state.uploads.clone(), store.clone());
    let slot = telemetry::blocking(move || slots.take(claim, size, &asked)).await?;
    let still_may = async || token_guard::ensure_usable(&state, &token, from).await;
    let file = upload::spool(body, coding, &directory, slot, still_may).await?;
    // The comparison with stored rows reads much of the database.
    let turn = if dry_run { Some(state.turns.take(claim).await) } else { None };
    let done = telemetry::blocking(move || {
        if dry_run {
            let would_do = would_do(&store, file, &options);
            drop(turn);
            would_do
        } else {
            Ok(imports::run(&store, file, &options, &source)?.answer())
        }
    });
    let answer = done.await.map_err(|error: ImportError| ClientError::from(error))?;
    Ok(HttpResponse::Ok().json(Envelope::success(&[], answer)))
}

/// What the upload would do; writes nothing.
fn would_do(store: &Store, file: File, options: &ImportOptions) -> Result<ImportAnswer, ImportError> {
    let found = imports::preview(store, file, options, None)?;
    if !found.problems.is_empty() {
        return Err(ImportError::Lines(found.problems));
    }
    if !found.final_days.is_empty() && options.reason.is_none() {
        return Err(ImportError::Final(found.final_days));
    }
    Ok(found.counts_answer())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_in_any_case_once_each_and_none_besides() {
        let options =
            UploadOptions::parse("Duplicates=sum&CREATE_MISSING=TRUE&dry_run=true&Days=Final&reason=x").unwrap();
        assert_eq!(options.duplicates, Duplicates::Sum);
        assert!(options.create_missing && options.dry_run && !options.replace);
        assert_eq!((options.days, options.reason.is_some()), (Some(DayState::Final), true));
        for (query, expected) in [
            ("createMissing=true", "query: got the unknown option \"createMissing\", expected one of duplicates,"),
            ("dryrun=true", "unknown option"),
            ("duplicates=reject&Duplicates=sum", "duplicates: is there more than once"),
            ("dry_run=yes", "dry_run: got \"yes\", expected true or false"),
            ("duplicates=add", "duplicates: got \"add\", expected reject or sum"),
            ("days=open", "days: "),
            ("dry_run", "dry_run: got nothing"),
        ] {
            let error = UploadOptions::parse(query).unwrap_err().to_string();
            assert!(error.contains(expected), "{query}: {error}");
        }
    }
}
