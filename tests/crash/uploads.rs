//! Uploads by the pages: a file is uploaded, mapped, previewed, and then imported, sometimes by a later session.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::http::{Answer, Person};
use crate::common::program::Server;
use crate::common::rng::Rng;
use crate::ledger::{Figures, Session};
use crate::{Run, UPLOADER};

const COLUMNS: [&str; 9] =
    ["date", "campaign_name", "partner", "clicks", "cost", "offer_name", "app", "store_id", "os"];
/// How often a person presses the button again because the catalogue changed since the preview.
const TRIES: u32 = 20;

/// An upload whose answer has come, and which isn't known to be imported.
pub(crate) struct Pending {
    /// Its page.
    path: String,
    batch: Figures,
    /// Whether its preview was shown.
    is_previewed: bool,
}

/// The key of what a preview shows, without which nothing can be imported.
fn seen(preview: &Answer) -> Option<&str> {
    preview.text().split_once("name=\"seen\" value=\"")?.1.split('"').next()
}

/// What a page says is wrong; all of it if nothing is.
fn alert(page: &Answer) -> &str {
    page.text().split_once("role=\"alert\">").map_or(page.text(), |(_, rest)| rest.split("</div>").next().unwrap())
}

impl Run {
    pub(crate) fn upload_files(&self, address: &str, rng: &mut Rng, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) && self.upload(address, rng).is_ok() {}
    }

    /// Who uploads. Logging in takes long, so the session is used for as long as it lives.
    fn uploader(&self, address: &str) -> reqwest::Result<Person> {
        let mut uploader = self.uploader.lock().unwrap();
        if uploader.is_none() {
            *uploader = Some(Session::start(address)?.person);
        }
        let person = uploader.as_mut().unwrap();
        person.move_to(&format!("http://{address}"));
        person.try_send(person.request("GET", "/admin/imports/new"))?;
        Ok(person.clone())
    }

    /// Uploads a file, or goes on with the last one.
    fn upload(&self, address: &str, rng: &mut Rng) -> reqwest::Result<()> {
        let mut person = self.uploader(address)?;
        let mut open = self.upload.lock().unwrap();
        if open.is_none() {
            let mut writer = self.writers[UPLOADER].lock().unwrap();
            let csv = writer.batch(UPLOADER, rng);
            // It counts as under way when the import is requested.
            let batch = writer.pending.take().unwrap();
            drop(writer);
            let body = format!(
                "--edge\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\n{}\r\n--edge\r\n\
                 Content-Disposition: form-data; name=\"file\"; filename=\"crash.csv\"\r\nContent-Type: text/csv\r\n\r\n\
                 {csv}\r\n--edge--\r\n",
                person.form_token
            );
            let request = person.request("POST", "/admin/imports/new").header("Origin", format!("http://{address}"));
            let request = request.header("Content-Type", "multipart/form-data; boundary=edge");
            let answer = person.try_send(request.body(body))?;
            assert_eq!(answer.status, 303, "an upload was answered {}", answer.text());
            let path = answer.location().unwrap().split('?').next().unwrap().to_owned();
            assert!(path.starts_with("/admin/imports/drafts/"), "an upload led to {path}");
            *open = Some(Pending { path, batch, is_previewed: false });
            self.counts.uploads.fetch_add(1, Ordering::Relaxed);
        }
        let upload = open.as_mut().unwrap();
        let columns = COLUMNS.map(|column| (format!("from-{column}"), column));
        let mut fields: Vec<_> = columns.iter().map(|(name, column)| (name.as_str(), *column)).collect();
        fields.push(("create_missing", "on"));
        let answer = person.try_send(person.filled(&upload.path, &fields))?;
        assert_eq!(answer.status, 303, "the mapping of an upload is refused: {}", alert(&answer));
        let mut shown = person.try_send(person.request("GET", &format!("{}/preview", upload.path)))?;
        upload.is_previewed |= seen(&shown).is_some();
        if rng.below(3) == 0 {
            return Ok(());
        }
        self.writers[UPLOADER].lock().unwrap().pending = Some(upload.batch.clone());
        for _ in 0..TRIES {
            let key =
                seen(&shown).unwrap_or_else(|| panic!("an upload can't be imported: {}", alert(&shown))).to_owned();
            shown = person.try_send(person.filled(&format!("{}/commit", upload.path), &[("seen", &key)]))?;
            if shown.status == 303 {
                self.writers[UPLOADER].lock().unwrap().acknowledge();
                self.counts.uploads_imported.fetch_add(1, Ordering::Relaxed);
                *open = None;
                return Ok(());
            }
        }
        panic!("an upload was not imported: {}", alert(&shown));
    }

    /// An upload that was answered is still there, unless its figures are; then it is gone.
    pub(crate) fn check_upload(&self, server: &Server) -> Result<(), String> {
        let told = |error: reqwest::Error| error.to_string();
        let mut person = self.uploader(&server.address).map_err(told)?;
        let mut open = self.upload.lock().unwrap();
        let Some(upload) = &*open else { return Ok(()) };
        let mut get = |path: &str| person.try_send(person.request("GET", path)).map_err(told);
        let held = &self.writers[UPLOADER].lock().unwrap().acknowledged;
        let is_imported = upload.batch.iter().all(|(cell, figures)| held.get(cell) == Some(figures));
        let page = get(&upload.path)?;
        if page.status != if is_imported { 404 } else { 200 } {
            return Err(format!("an upload was imported: {is_imported}, and its page answers {}", page.status));
        }
        if is_imported {
            *open = None;
        } else if upload.is_previewed && seen(&get(&format!("{}/preview", upload.path))?).is_none() {
            return Err("an upload that was previewed can't be imported any more".to_owned());
        }
        Ok(())
    }
}
