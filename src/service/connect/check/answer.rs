//! The requests of the check, and their answers.

use std::time::Duration;

use serde_json::value::RawValue;
use ureq::http::HeaderMap;

use crate::service::certificates::Roots;

/// How long one answer may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn agent(roots: &Roots) -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent("pitlane-check")
        .tls_config(roots.of_requests())
        .proxy(None);
    config.build().new_agent()
}

/// An answer with its body.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) took: Duration,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The bytes of `data.items`.
pub(super) fn items(body: &[u8]) -> Option<Vec<u8>> {
    #[derive(serde::Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        data: Data<'a>,
    }
    #[derive(serde::Deserialize)]
    struct Data<'a> {
        #[serde(borrow)]
        items: &'a RawValue,
    }
    let envelope: Envelope<'_> = serde_json::from_slice(body).ok()?;
    Some(envelope.data.items.get().as_bytes().to_vec())
}
