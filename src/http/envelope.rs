//! The envelope of every JSON answer under `/api/` (contract §1).

use serde::Serialize;
use uuid::Uuid;

/// The envelope of every JSON answer. Keys are in this order; refusals have no `data`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope<'a, T> {
    /// Finds this answer in the server's log.
    pub response_id: Uuid,
    /// Whether the request was answered.
    pub is_successful: bool,
    /// `Success`, or the kind of refusal.
    pub response_title: &'a str,
    /// `Success`, or the kind of refusal.
    pub response_type: &'a str,
    /// For people: what was wrong with the request, or what to know about the answer.
    pub messages: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<T>,
}

impl<'a, T> Envelope<'a, T> {
    pub fn success(messages: &'a [String], data: T) -> Self {
        Self::titled(Uuid::new_v4(), true, "Success", messages, Some(data))
    }

    #[must_use]
    pub fn refused(response_id: Uuid, kind: &'a str, messages: &'a [String]) -> Self {
        Self::titled(response_id, false, kind, messages, None)
    }

    fn titled(id: Uuid, is_successful: bool, kind: &'a str, messages: &'a [String], data: Option<T>) -> Self {
        Self { response_id: id, is_successful, response_title: kind, response_type: kind, messages, data }
    }
}
