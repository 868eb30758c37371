//! Notifies systemd (`Type=notify`, `WatchdogSec=`) that the server is ready, and that it still answers.

use sd_notify::NotifyState;

use crate::service::probe;
use crate::telemetry;

/// Tells systemd, if it started the server, that it accepts connections.
pub(super) fn ready() {
    tell(NotifyState::Ready);
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "can't tell the service manager how the server is");
    }
}

/// Pings the watchdog twice per interval while the server answers. Returns at once if no watchdog is set.
pub(super) async fn keep_watchdog_quiet(origin: &str, can_answer: impl Fn() -> bool) {
    let Some(time) = sd_notify::watchdog_enabled() else { return };
    loop {
        tokio::time::sleep(time / 2).await;
        let origin = origin.to_owned();
        let asked =
            if can_answer() { telemetry::blocking(move || probe::ask(&origin, "/livez")).await } else { Ok(()) };
        match asked {
            Ok(()) => tell(NotifyState::Watchdog),
            Err(error) => {
                tracing::error!(error, "the server doesn't answer its own request; the watchdog gets no ping");
            }
        }
    }
}
