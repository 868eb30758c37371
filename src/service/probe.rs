//! Whether the server on this machine answers: for its own watchdog, and for whoever runs it in a container.

use std::time::Duration;

/// A server that needs longer does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the server at `origin`, such as `https://127.0.0.1:443`, for a path; an error says what came instead of 200. Its
/// certificate is for other names than this one, and nothing secret is sent, so it is not looked at.
pub fn ask(origin: &str, path: &str) -> Result<(), String> {
    let config = ureq::Agent::config_builder()
        .tls_config(ureq::tls::TlsConfig::builder().disable_verification(true).build())
        .timeout_global(Some(PATIENCE))
        .max_redirects(0)
        .proxy(None)
        .build();
    config.new_agent().get(format!("{origin}{path}")).call().map(drop).map_err(|error| error.to_string())
}
