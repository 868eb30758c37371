//! The way in for a file: choose or drop a CSV, and it is streamed to the disk, recognised and kept as a draft.

use actix_web::http::StatusCode;
use actix_web::{HttpMessage as _, HttpRequest};
use askama::Template;
use uuid::Uuid;

use super::shell::Shell;
use super::show;
use super::visit::{Answer, Visit};
use crate::domain::DraftId;
use crate::http::error::Refusal;
use crate::http::multipart::Parts;
use crate::http::{ClientError, upload};
use crate::import::FileError;
use crate::service::drafts::{self, Upload};
use crate::service::imports::ImportError;
use crate::store::StoreError;

/// Characters of a file's name that are kept.
const NAME_CHARS: usize = 200;

#[derive(Template)]
#[template(path = "admin/upload.html")]
struct Page {
    shell: Shell,
    error: Option<String>,
    /// Own uploads that wait: name, length, when, address.
    waiting: Vec<(String, String, String, String)>,
}

async fn page(visit: &Visit, error: Option<String>) -> Answer {
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    visit
        .show_as(status, move |visit, txn| {
            let shell = Shell::new(visit, txn, "Import", "Import a file")?;
            let zone = shell.zone();
            let drafts = match visit.session() {
                Ok(session) => txn.draft_list(session.admin.id)?,
                Err(_) => Vec::new(),
            };
            let waiting = drafts.into_iter().map(|draft| {
                let length = show::bytes(i64::try_from(draft.bytes).unwrap_or(i64::MAX));
                let href = format!("/admin/imports/drafts/{}", draft.id);
                (draft.file_name, length, show::moment(draft.created_at, zone), href)
            });
            Ok(Page { waiting: waiting.collect(), shell, error })
        })
        .await
}

/// The form, and the uploads that wait for their answers.
pub async fn new(visit: Visit) -> Answer {
    page(&visit, None).await
}

/// Takes a file.
pub async fn create(visit: Visit, request: HttpRequest) -> Answer {
    let parts = request.extensions_mut().remove::<Parts>();
    match take(&visit, parts).await {
        Ok(id) => Ok(visit.go(&format!("/admin/imports/drafts/{id}"))),
        Err(Refused::Words(words)) => page(&visit, Some(words)).await,
        Err(Refused::Else(error)) => Err(error),
    }
}

enum Refused {
    /// The person can choose another file.
    Words(String),
    Else(ClientError),
}

impl From<ClientError> for Refused {
    fn from(error: ClientError) -> Self {
        Self::Else(error)
    }
}

async fn take(visit: &Visit, parts: Option<Parts>) -> Result<DraftId, Refused> {
    let not_a_file = || Refused::Words("Choose a file first.".to_owned());
    let mut parts = parts.ok_or_else(not_a_file)?;
    let file_name = loop {
        match parts.next().await? {
            Some(part) if part.name == "file" => break part.file_name.unwrap_or_default(),
            Some(_) => {}
            None => return Err(not_a_file()),
        }
    };
    if file_name.is_empty() {
        return Err(not_a_file());
    }
    let id = DraftId::from(Uuid::new_v4());
    let created = visit.run(move |visit| {
        drafts::tidy(visit.store())?;
        visit.store().room()?;
        let advertiser = visit.store().read(|txn| Ok::<_, StoreError>(visit.advertisers(txn)?.1))?;
        Ok((advertiser, visit.store().upload_create(id)?))
    });
    let (advertiser, file) = created.await.map_err(ClientError::from)?;
    let received = match upload::receive(&mut parts, file).await {
        Ok(received) => received,
        Err(error) => {
            visit.store().upload_remove(id);
            return Err(error.into());
        }
    };
    let Some(advertiser) = advertiser else {
        visit.store().upload_remove(id);
        return Err(Refused::Words("Add an advertiser first: stats belong to one.".to_owned()));
    };
    let file_name = plain(&file_name);
    let upload = Upload { id, file_name, bytes: received.bytes, sha256: received.sha256 };
    let admin = visit.session()?.admin.id;
    let store = visit.store().clone();
    let kept = crate::telemetry::blocking(move || drafts::keep(&store, admin, &advertiser, upload)).await;
    match kept {
        Ok(()) => Ok(id),
        Err(ImportError::File(FileError::Refused(words) | FileError::Missing(words))) => {
            Err(Refused::Words(super::form::sentence(&words)))
        }
        Err(error) => Err(ClientError::from(error).into()),
    }
}

/// The last part of what the browser calls the file, without what can't be shown.
fn plain(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let shown: String = last.chars().filter(|c| !c.is_control()).take(NAME_CHARS).collect();
    if shown.trim().is_empty() { "upload.csv".to_owned() } else { shown }
}

/// One's own draft; for the pages that work on it.
pub(super) async fn draft(visit: &Visit, id: &str) -> Result<drafts::Draft, ClientError> {
    let missing =
        || ClientError::new(Refusal::NotFound, "There is no such upload. It may be imported, or older than a day.");
    let id: DraftId = id.parse().map_err(|_| missing())?;
    let admin = visit.session()?.admin.id;
    visit.run(move |visit| drafts::open(visit.store(), id, admin)).await.map_err(super::visit::missing_is_not_found)
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
