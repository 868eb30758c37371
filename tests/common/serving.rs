//! The server in a thread with an actix system, on a free port, as the program runs it. For tests that use it in their own
//! process. It stops gracefully, so its poll history is in the database afterwards.

use std::net::SocketAddr;
use std::thread::JoinHandle;

use pitlane::config::Serve;
use pitlane::server::Application;
use pitlane::store::Store;
use tokio::sync::oneshot;

/// The default flags.
pub(crate) fn defaults() -> Serve {
    Serve {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        public_url: None,
        trusted_proxy: Vec::new(),
        report_cache: 32,
        rate_limit: 20,
        metrics_token_file: None,
        backup_at: pitlane::config::Nightly(None),
        log_format: None,
        tls: pitlane::config::Tls::default(),
        alarms: pitlane::config::Alarms::default(),
    }
}

/// A running server; stops when it is dropped.
pub(crate) struct Serving {
    pub(crate) origin: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Serving {
    pub(crate) fn start(store: Store, config: Serve) -> Self {
        let ((stop, stopped), (ready, started)) = (oneshot::channel::<()>(), std::sync::mpsc::channel());
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async {
                let app = Application::build(store, config).unwrap();
                ready.send(app.address()).unwrap();
                app.run_until_stopped(async { drop(stopped.await) }).await.unwrap();
            });
        });
        Self { origin: format!("http://{}", started.recv().unwrap()), stop: Some(stop), thread: Some(thread) }
    }

    /// Stops the server after it answered open requests; an error if it failed.
    pub(crate) fn stop(&mut self) -> std::thread::Result<()> {
        drop(self.stop.take());
        self.thread.take().map_or(Ok(()), JoinHandle::join)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // A test that already failed should report its own failure, not that of the stop.
        drop(self.stop());
    }
}
