//! Notes who sends headers of proxies, for the doctor: each peer at most once an hour while it says the same.

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
/// Peers that are remembered before all are forgotten.
const TABLE: usize = 256;
/// What is kept of a host that somebody claims.
const HOST_CHARS: usize = 255;

/// What was noted lately, and when: of each peer the scheme and host it says.
#[derive(Default)]
pub struct NotedProxies(Mutex<HashMap<IpAddr, (Instant, String, String)>>);

impl NotedProxies {
    /// The request's peer, if it speaks as a proxy does and that is to be noted.
    pub(super) fn note(&self, request: &HttpRequest, trusted: &[IpNet]) -> Option<ProxySeen> {
        let (peer, claims) = client::claimed(request)?;
        let short = |text: String| -> String { text.chars().filter(|c| !c.is_control()).take(HOST_CHARS).collect() };
        let [scheme, host] = claims.map(short);
        let is_trusted = client::is_in(trusted, peer);
        let now = Instant::now();
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Strangers can say something else each time; they are noted once an hour all the same.
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
