//! Signals of the operating system.

use std::sync::Arc;

use crate::http::AppState;

/// Ready when the process should stop: Ctrl-C, or SIGTERM from `kill` and service managers.
pub fn stop_signal() -> impl Future<Output = ()> {
    // The handlers are installed here and not when the future is first polled, so that a stop right after the start is clean
    // too.
    #[cfg(unix)]
    let signals = {
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::interrupt()).and_then(|interrupt| Ok((interrupt, signal(SignalKind::terminate())?)))
    };
    async move {
        #[cfg(unix)]
        if let Ok((mut interrupt, mut terminate)) = signals {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
        // If no handler can be installed, the server runs until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// From now on SIGHUP doesn't end the process: it checks the certificate for a newer one, if there is one.
pub(super) fn follow_hang_ups(state: Arc<AppState>) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let mut hang_ups = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?;
        actix_web::rt::spawn(async move {
            while hang_ups.recv().await.is_some() {
                if let Some(certificates) = &state.certificates {
                    tracing::info!("SIGHUP: checking the certificate");
                    certificates.look_again();
                } else {
                    tracing::info!("SIGHUP: there is no certificate to check, and flags can't change before a restart");
                }
            }
        });
    }
    #[cfg(not(unix))]
    drop(state);
    Ok(())
}
