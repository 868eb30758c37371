//! Uploads a file: it is streamed to disk, recognised, and kept as a draft until it is imported or discarded.

use actix_web::http::StatusCode;
use actix_web::{HttpMessage as _, HttpRequest};
use askama::Template;
use uuid::Uuid;

use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::form::sentence;
use crate::admin::kit::format;
use crate::admin::kit::layout::Shell;
use crate::domain::{AdvertiserId, Currency, DraftId, Name, ReportingZone};
use crate::http::error::ErrorKind;
use crate::http::multipart::Parts;
use crate::http::{ClientError, upload};
use crate::import::FileError;
use crate::service::imports::ImportError;
use crate::service::pending_uploads::{self, Upload};
use crate::service::{ServiceError, ServiceResult, catalogue};
use crate::store::{AdvertiserRow, StoreError};

/// Characters of a file's name that are kept.
const NAME_CHARS: usize = 200;

#[derive(Template)]
#[template(path = "admin/upload.html")]
struct Page {
    shell: Shell,
    error: Option<String>,
    /// What was typed for a new advertiser: name, currency, time zone.
    new: NewAdvertiser,
    currencies: Vec<&'static str>,
    zones: Vec<&'static str>,
    /// The person's other uploads that aren't imported yet: name, length, when, address.
    waiting: Vec<(String, String, String, String)>,
}

/// A new advertiser that is added together with the upload.
#[derive(Debug, Clone)]
struct NewAdvertiser {
    name: String,
    currency: String,
    time_zone: String,
}

impl Default for NewAdvertiser {
    fn default() -> Self {
        Self { name: String::new(), currency: "USD".to_owned(), time_zone: "UTC".to_owned() }
    }
}

impl NewAdvertiser {
    fn create(&self, context: &RequestContext) -> ServiceResult<AdvertiserRow> {
        let name = Name::parse("name", &self.name)?;
        let (currency, zone) = (Currency::parse(&self.currency)?, self.time_zone.parse()?);
        catalogue::create_advertiser(context.store(), &name, currency, zone, &context.actor())
    }
}

async fn page(context: &RequestContext, error: Option<String>, new: NewAdvertiser) -> Answer {
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    context
        .show_as(status, move |context, txn| {
            let shell = Shell::new(context, txn, "Import", "Import a file")?;
            let zone = shell.zone();
            let drafts = match context.session() {
                Ok(session) => txn.draft_list(session.admin.id)?,
                Err(_) => Vec::new(),
            };
            let waiting = drafts.into_iter().map(|draft| {
                let length = format::bytes(i64::try_from(draft.bytes).unwrap_or(i64::MAX));
                let href = format!("/admin/imports/drafts/{}", draft.id);
                (draft.file_name, length, format::moment(draft.created_at, zone), href)
            });
            let currencies = vec!["USD", "EUR", "GBP", "JPY", "CAD", "AUD", "BRL", "INR", "KRW"];
            let zones = ReportingZone::names().collect();
            Ok(Page { waiting: waiting.collect(), shell, error, new, currencies, zones })
        })
        .await
}

/// The form, and the uploads that aren't imported yet.
pub async fn new(context: RequestContext) -> Answer {
    page(&context, None, NewAdvertiser::default()).await
}

pub async fn create(context: RequestContext, request: HttpRequest) -> Answer {
    let parts = request.extensions_mut().remove::<Parts>();
    let mut new = NewAdvertiser::default();
    match take(&context, parts, &mut new).await {
        Ok((id, advertiser)) => Ok(context.go(&format!("/admin/imports/drafts/{id}?advertiser={advertiser}"))),
        Err(UploadError::Labels(message)) => page(&context, Some(message), new).await,
        Err(UploadError::Else(error)) => Err(error),
    }
}

enum UploadError {
    /// The person can choose another file.
    Labels(String),
    Else(ClientError),
}

impl From<ClientError> for UploadError {
    fn from(error: ClientError) -> Self {
        Self::Else(error)
    }
}

async fn take(
    context: &RequestContext,
    parts: Option<Parts>,
    new: &mut NewAdvertiser,
) -> Result<(DraftId, AdvertiserId), UploadError> {
    let not_a_file = || UploadError::Labels("Choose a file first.".to_owned());
    let mut parts = parts.ok_or_else(not_a_file)?;
    let file_name = loop {
        match parts.next().await? {
            Some(part) if part.name == "file" => break part.file_name.unwrap_or_default(),
            Some(part) if part.name == "new_name" => new.name = parts.text().await?,
            Some(part) if part.name == "new_currency" => new.currency = parts.text().await?,
            Some(part) if part.name == "new_zone" => new.time_zone = parts.text().await?,
            Some(_) => {}
            None => return Err(not_a_file()),
        }
    };
    if file_name.is_empty() {
        return Err(not_a_file());
    }
    let id = DraftId::from(Uuid::new_v4());
    let created = context.run(move |context| {
        pending_uploads::tidy(context.store())?;
        context.store().ensure_free_space()?;
        let advertiser = context.store().read(|txn| Ok::<_, StoreError>(context.advertisers(txn)?.1))?;
        Ok((advertiser, context.store().upload_create(id)?))
    });
    let (advertiser, file) = created.await.map_err(ClientError::from)?;
    let received = match upload::receive(&mut parts, file).await {
        Ok(received) => received,
        Err(error) => {
            context.store().upload_remove(id);
            return Err(error.into());
        }
    };
    let advertiser = if new.name.trim().is_empty() {
        advertiser.ok_or_else(|| "Enter the advertiser of this file.".to_owned())
    } else {
        let asked = new.clone();
        match context.run(move |context| asked.create(context)).await {
            Ok(row) => Ok(row),
            Err(ServiceError::Invalid(invalid)) => Err(sentence(&format!("{}: {}", invalid.field, invalid.reason))),
            Err(ServiceError::Store(StoreError::Conflict(message))) => Err(sentence(&message)),
            Err(error) => {
                context.store().upload_remove(id);
                return Err(ClientError::from(error).into());
            }
        }
    };
    let advertiser = match advertiser {
        Ok(advertiser) => advertiser,
        Err(message) => {
            context.store().upload_remove(id);
            return Err(UploadError::Labels(message));
        }
    };
    let whose = advertiser.id;
    let file_name = plain(&file_name);
    let upload = Upload { id, file_name, bytes: received.bytes, sha256: received.sha256 };
    let admin = context.session()?.admin.id;
    let store = context.store().clone();
    let kept = crate::telemetry::blocking(move || pending_uploads::keep(&store, admin, &advertiser, upload)).await;
    match kept {
        Ok(()) => Ok((id, whose)),
        Err(ImportError::File(FileError::Refused(message) | FileError::Missing(message))) => {
            // The advertiser was created, so the form must not create it again.
            *new = NewAdvertiser::default();
            Err(UploadError::Labels(sentence(&message)))
        }
        Err(error) => Err(ClientError::from(error).into()),
    }
}

/// The last part of a file's name, without characters that can't be shown.
fn plain(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let shown: String = last.chars().filter(|c| !c.is_control()).take(NAME_CHARS).collect();
    if shown.trim().is_empty() { "upload.csv".to_owned() } else { shown }
}

/// The person's own draft, for the pages that work on it.
pub(in crate::admin) async fn draft(
    context: &RequestContext,
    id: &str,
) -> Result<pending_uploads::PendingUpload, ClientError> {
    let missing = || {
        let message = "This upload is gone: it was imported or discarded, or it is older than a day.";
        ClientError::new(ErrorKind::NotFound, message)
    };
    let id: DraftId = id.parse().map_err(|_| missing())?;
    let admin = context.session()?.admin.id;
    context.run(move |context| pending_uploads::open(context.store(), id, admin)).await.map_err(|error| match error {
        ServiceError::Store(StoreError::Missing(_)) => missing(),
        other => other.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_name_is_never_a_path() {
        for (name, expected) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\stats\\a.csv", "a.csv"),
            ("..", ".."),
            ("a\nb.csv", "ab.csv"),
            ("x/", "upload.csv"),
        ] {
            assert_eq!(plain(name), expected);
        }
    }
}
