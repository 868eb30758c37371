//! Gets a certificate from an ACME directory (RFC 8555), with validation on the port that serves HTTPS (RFC 8737).

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use instant_acme::{
    Account, AccountBuilder, AccountCredentials, AuthorizationStatus, BodyWrapper, BytesResponse, ChallengeType, Error,
    HttpClient, Identifier, NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};

use super::certificate::{Certificate, provider};
use super::resolver::Resolver;
use super::roots::Roots;
use super::status::{dir, unusable, write};
use crate::service::{ServiceError, ServiceResult};

/// How long the directory may take for one answer.
const REQUEST_TIME: Duration = Duration::from_secs(30);
/// How long the authority may take to validate, and to sign.
const ORDER_TIME: Duration = Duration::from_mins(1);
const ACCOUNT: &str = "account.json";
/// Key and chain in one file, so that one rename changes both.
const CERTIFICATE: &str = "certificate.pem";

const NO_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

/// The settings of an order.
#[derive(Debug)]
pub struct AcmeSettings {
    /// The host names, sorted and unique.
    pub domains: Vec<String>,
    /// Address for messages of the authority.
    pub email: Option<String>,
    /// Address of the ACME directory.
    pub directory: String,
    /// PEM file with the roots to trust for the directory, instead of the usual ones.
    pub root: Option<PathBuf>,
}

/// The stored account. An account for another directory or address is replaced.
#[derive(Serialize, Deserialize)]
struct KeptAccount {
    directory: String,
    email: Option<String>,
    credentials: AccountCredentials,
}

/// The certificate that was issued last, if it can be used.
pub(super) fn kept_certificate(data_dir: &Path) -> Option<Certificate> {
    let path = dir(data_dir).join(CERTIFICATE);
    let pem = match std::fs::read(&path) {
        Ok(pem) => pem,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the kept certificate can't be read; another is ordered");
            return None;
        }
    };
    Certificate::parse(&pem, &pem)
        .inspect_err(|error| tracing::warn!(path = %path.display(), error, "the kept certificate can't be used; another is ordered"))
        .ok()
}

/// Orders a certificate, stores it, and returns it. Blocks for up to a few minutes.
pub(super) fn issue(settings: &AcmeSettings, data_dir: &Path, resolver: &Resolver) -> ServiceResult<Certificate> {
    tracing::info!(names = settings.domains.join(", "), directory = settings.directory, "ordering a certificate");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| ServiceError::Internal(error.to_string()))?;
    let pem = runtime.block_on(order(settings, data_dir, resolver));
    resolver.forget_answers();
    let pem = pem?;
    let certificate = Certificate::parse(pem.as_bytes(), pem.as_bytes());
    let certificate =
        certificate.map_err(|error| ServiceError::Internal(format!("what was issued is unusable: {error}")))?;
    write(data_dir, CERTIFICATE, pem.as_bytes())?;
    Ok(certificate)
}

/// Key and chain of a new certificate.
async fn order(settings: &AcmeSettings, data_dir: &Path, resolver: &Resolver) -> ServiceResult<String> {
    let failed = |what: &str| {
        let what = format!("{what} at {}", settings.directory);
        move |error: Error| ServiceError::Internal(format!("{what}: {}", message(&error)))
    };
    let identifiers: Vec<_> = settings.domains.iter().cloned().map(Identifier::Dns).collect();
    let new = NewOrder::new(&identifiers);
    let mut placed = account(settings, data_dir).await?.new_order(&new).await;
    if matches!(&placed, Err(Error::Api(problem)) if problem.r#type.as_deref() == Some(NO_ACCOUNT)) {
        tracing::warn!(
            directory = settings.directory,
            "the directory does not know the kept account; a new one is made"
        );
        placed = new_account(settings, data_dir).await?.new_order(&new).await;
    }
    let mut order = placed.map_err(failed("no order could be placed"))?;
    answer(&mut order, resolver).await.map_err(failed("the names could not be proven"))?;
    let patience = RetryPolicy::new().timeout(ORDER_TIME);
    let ready = order.poll_ready(&patience).await;
    if !matches!(ready, Ok(OrderStatus::Ready)) {
        let reasons = refusals(&mut order).await;
        if !reasons.is_empty() {
            let words = format!(
                "the authority could not prove the names: {}. It asks on port 443 of the address that DNS gives",
                reasons.join("; ")
            );
            return Err(ServiceError::Internal(words));
        }
        ready.map_err(failed("the names could not be proven"))?;
    }
    let key = order.finalize().await.map_err(failed("the order could not be closed"))?;
    let chain = order.poll_certificate(&patience).await.map_err(failed("no certificate was issued"))?;
    Ok(format!("{key}{chain}"))
}

/// Prepares the answers to the authority's challenges, and says that they are ready.
async fn answer(order: &mut Order, resolver: &Resolver) -> Result<(), Error> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let name = authorization.identifier().to_string();
        let Some(mut challenge) = authorization.challenge(ChallengeType::TlsAlpn01) else {
            return Err(Error::Unsupported("proof by TLS-ALPN-01"));
        };
        let proof = proof(&name, challenge.key_authorization().digest().as_ref());
        resolver.answer(name, Arc::new(proof.map_err(Error::Other)?));
        challenge.set_ready().await?;
    }
    Ok(())
}

/// The self-signed certificate that answers a challenge for this name, with the digest in it.
fn proof(name: &str, digest: &[u8]) -> Result<CertifiedKey, Box<dyn std::error::Error + Send + Sync>> {
    let mut params = CertificateParams::new([name.to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?.der().clone();
    Ok(CertifiedKey::new(vec![certificate], provider().key_provider.load_private_key(key.into())?))
}

/// The authority's errors for the names that it could not validate, in the order of the names.
async fn refusals(order: &mut Order) -> Vec<String> {
    let mut reasons = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let name = authorization.identifier().to_string();
        let Ok(state) = authorization.refresh().await else { continue };
        let told = state.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
        reasons
            .extend(told.map(|problem| format!("{name}: {}", problem.detail.as_deref().unwrap_or("no reason given"))));
    }
    reasons.sort_unstable();
    reasons
}

/// The stored account, or a new one.
async fn account(settings: &AcmeSettings, data_dir: &Path) -> ServiceResult<Account> {
    let path = dir(data_dir).join(ACCOUNT);
    match std::fs::read(&path) {
        Ok(text) => match serde_json::from_slice::<KeptAccount>(&text) {
            Ok(kept) if kept.directory == settings.directory && kept.email == settings.email => {
                let account = builder(settings)?.from_credentials(kept.credentials).await;
                return account.map_err(|error| no_account(settings, &error));
            }
            Ok(_) => tracing::info!("the kept account is for another directory or address; a new one is made"),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "the kept account can't be used; a new one is made");
            }
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(unusable(&path, &error)),
    }
    new_account(settings, data_dir).await
}

async fn new_account(settings: &AcmeSettings, data_dir: &Path) -> ServiceResult<Account> {
    let contact: Vec<_> = settings.email.iter().map(|email| format!("mailto:{email}")).collect();
    let contact: Vec<_> = contact.iter().map(String::as_str).collect();
    let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let made = builder(settings)?.create(&new, settings.directory.clone(), None).await;
    let (account, credentials) = made.map_err(|error| no_account(settings, &error))?;
    let kept = KeptAccount { directory: settings.directory.clone(), email: settings.email.clone(), credentials };
    let text = serde_json::to_vec(&kept).map_err(|error| unusable(&dir(data_dir).join(ACCOUNT), &error))?;
    write(data_dir, ACCOUNT, &text)?;
    Ok(account)
}

fn builder(settings: &AcmeSettings) -> ServiceResult<AccountBuilder> {
    Ok(Account::builder_with_http(Box::new(Client::new(settings.root.as_deref())?)))
}

fn no_account(settings: &AcmeSettings, error: &Error) -> ServiceError {
    ServiceError::Internal(format!("no account could be had at {}: {}", settings.directory, message(error)))
}

/// The authority's error in its own words; other errors in the library's.
fn message(error: &Error) -> String {
    match error {
        Error::Api(problem) => problem.to_string().trim_start_matches("API error: ").to_owned(),
        other => other.to_string(),
    }
}

/// The HTTP client of the ACME library. It blocks, on a thread that has nothing else to do.
struct Client(ureq::Agent);

impl Client {
    fn new(root: Option<&Path>) -> ServiceResult<Self> {
        let config = ureq::Agent::config_builder()
            .tls_config(Roots::of(root)?.of_requests())
            .timeout_global(Some(REQUEST_TIME))
            .http_status_as_error(false)
            .build();
        Ok(Self(config.new_agent()))
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: ureq::http::Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let agent = self.0.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let Ok(body) = body.collect().await;
            let body = body.to_bytes();
            let asked = if body.is_empty() {
                agent.run(ureq::http::Request::from_parts(head, ()))
            } else {
                // A redirect that is followed loses the body.
                let request = ureq::http::Request::from_parts(head, body.to_vec());
                agent.run(agent.configure_request(request).max_redirects(0).build())
            };
            let (head, mut body) = asked.map_err(|error| Error::Other(error.into()))?.into_parts();
            if head.status.is_redirection() {
                let location = head.headers.get("Location").and_then(|to| to.to_str().ok()).unwrap_or("nowhere");
                let problem = format!(
                    "the authority answered {} (Location {location}) to a POST, which is not followed; enter the \
                     authority's final directory address",
                    head.status.as_u16()
                );
                return Err(Error::Other(problem.into()));
            }
            let body = body.read_to_vec().map_err(|error| Error::Other(error.into()))?;
            Ok(BytesResponse { parts: head, body: Box::new(Bytes::from(body)) })
        })
    }
}
