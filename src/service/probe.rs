//! Checks whether the server on this machine answers: for its own watchdog and for containers.

use std::time::Duration;

/// How long the server may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends a request to the server at `origin`, such as `https://127.0.0.1:443`; an error says what came instead of 200. The
/// certificate isn't checked: it is for another name, and nothing secret is sent.
pub fn ask(origin: &str, path: &str) -> Result<(), String> {
    let config = ureq::Agent::config_builder()
        .tls_config(ureq::tls::TlsConfig::builder().disable_verification(true).build())
        .timeout_global(Some(PATIENCE))
        .max_redirects(0)
        .proxy(None)
        .build();
    config.new_agent().get(format!("{origin}{path}")).call().map(drop).map_err(|error| error.to_string())
}
