//! Notes proxy headers for the doctor: each peer at most once an hour, unless its headers change.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use chrono::Utc;
use ipnet::IpNet;

use super::client;
use crate::store::ProxySeen;

const AGAIN: Duration = Duration::from_hours(1);
/// How many peers are remembered before all are dropped.
const TABLE: usize = 256;
/// The longest host that is noted.
const HOST_CHARS: usize = 255;

/// What was noted recently, and when: per peer the scheme and host it sent.
#[derive(Default)]
pub struct NotedProxies(Mutex<HashMap<IpAddr, (Instant, String, String)>>);

impl NotedProxies {
    /// Notes the request's peer if it sends proxy headers and is due.
    pub(super) fn note(&self, request: &HttpRequest, trusted: &[IpNet]) -> Option<ProxySeen> {
        let (peer, claims) = client::claimed(request)?;
        let short = |text: String| -> String { text.chars().filter(|c| !c.is_control()).take(HOST_CHARS).collect() };
        let [scheme, host] = claims.map(short);
        let is_trusted = client::is_in(trusted, peer);
        let now = Instant::now();
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A stranger can send different headers each time, but is still noted only once an hour.
        let is_noted = noted.get(&peer).is_some_and(|(at, said, named)| {
            now.duration_since(*at) < AGAIN && (!is_trusted || (*said == scheme && *named == host))
        });
        if is_noted {
            return None;
        }
        if noted.len() >= TABLE {
            noted.clear();
        }
        noted.insert(peer, (now, scheme.clone(), host.clone()));
        Some(ProxySeen { peer: peer.to_string(), is_trusted, scheme, host, at: Utc::now() })
    }
}
