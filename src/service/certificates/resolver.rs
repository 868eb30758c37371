//! Which certificate a connection gets: the server's, or the answer to an ACME challenge.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// The protocol of ACME challenges (RFC 8737).
pub(super) const ACME_PROTOCOL: &[u8] = b"acme-tls/1";

/// The certificate in use.
#[derive(Debug, Default)]
pub(super) struct Resolver {
    served: RwLock<Option<Arc<CertifiedKey>>>,
    /// Answers to challenges by host name, while an order is running.
    answers: RwLock<HashMap<String, Arc<CertifiedKey>>>,
}

impl Resolver {
    pub(super) fn serve(&self, key: Arc<CertifiedKey>) {
        *self.served.write().unwrap_or_else(PoisonError::into_inner) = Some(key);
    }

    pub(super) fn answer(&self, name: String, key: Arc<CertifiedKey>) {
        self.answers.write().unwrap_or_else(PoisonError::into_inner).insert(name, key);
    }

    pub(super) fn forget_answers(&self) {
        self.answers.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if hello.alpn().is_some_and(|mut protocols| protocols.next() == Some(ACME_PROTOCOL)) {
            return self.answers.read().unwrap_or_else(PoisonError::into_inner).get(hello.server_name()?).cloned();
        }
        self.served.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
