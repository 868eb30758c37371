//! HTTPS by the server itself (contract §10): with a certificate from an ACME directory or from files.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::ArgGroup;

use crate::domain::Email;

/// The default ACME directory.
const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// How the server speaks TLS, if it does.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "HTTPS", group = ArgGroup::new("https").args(["tls_domain", "tls_cert"]))]
pub struct Tls {
    /// Names to get a certificate for and serve HTTPS by; may be repeated. Listens on port 443 unless --listen says otherwise
    #[arg(long, env = "PITLANE_TLS_DOMAIN", value_name = "NAME", num_args = 1.., value_delimiter = ',', value_parser = domain)]
    pub tls_domain: Vec<String>,

    /// Address the certificate authority may write to
    #[arg(long, env = "PITLANE_ACME_EMAIL", value_name = "EMAIL", requires = "tls_domain", value_parser = super::parse::<Email>)]
    pub acme_email: Option<Email>,

    /// Directory of the certificate authority; without it Let's Encrypt, whose terms you accept by using it
    #[arg(long, env = "PITLANE_ACME_DIRECTORY", value_name = "URL", requires = "tls_domain", value_parser = directory)]
    pub acme_directory: Option<String>,

    /// PEM file with the roots to trust for the directory, instead of the usual ones
    #[arg(long, env = "PITLANE_ACME_ROOT", value_name = "FILE", requires = "tls_domain")]
    pub acme_root: Option<PathBuf>,

    /// PEM file with a certificate and its chain; read again when it changes, and on SIGHUP
    #[arg(long, env = "PITLANE_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// PEM file with the private key of --tls-cert
    #[arg(long, env = "PITLANE_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Address on which plain HTTP is redirected to HTTPS, such as 0.0.0.0:80
    #[arg(long, env = "PITLANE_HTTP_REDIRECT", value_name = "ADDRESS", requires = "https")]
    pub http_redirect: Option<SocketAddr>,
}

impl Tls {
    /// Whether the server serves HTTPS itself.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.tls_domain.is_empty() || self.tls_cert.is_some()
    }

    /// The ACME directory.
    #[must_use]
    pub fn directory(&self) -> &str {
        self.acme_directory.as_deref().unwrap_or(LETS_ENCRYPT)
    }
}

/// A host name for which a certificate can be issued without DNS validation.
fn domain(text: &str) -> Result<String, String> {
    let name = text.trim_end_matches('.').to_ascii_lowercase();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.starts_with("*.") {
        return Err("a certificate for all names below one can't be had this way; name each".to_owned());
    }
    if name.parse::<std::net::IpAddr>().is_ok() || name.len() > 253 || !name.split('.').all(is_label) {
        return Err("expected a host name such as costs.example.com, international ones as xn--…".to_owned());
    }
    Ok(name)
}

fn directory(text: &str) -> Result<String, String> {
    if text.starts_with("https://") && text.len() > "https://".len() {
        Ok(text.to_owned())
    } else {
        Err(format!("expected an address that begins with https://, such as {LETS_ENCRYPT}"))
    }
}
