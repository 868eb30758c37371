//! Limits how many pages read much of the database at a time (previews, imports, downloads); they take turns.

use std::time::Duration;

use crate::admin::kit::context::RequestContext;
use crate::http::ClientError;
use crate::http::error::ErrorKind;
use crate::http::turns::{Claim, Holder};
use crate::telemetry;

/// How long a page waits for its turn.
const WAIT: Duration = Duration::from_secs(20);

impl RequestContext {
    /// Runs `work`, which reads much of the database, when it is the person's turn; after too long a wait, asks them to try
    /// again.
    pub async fn run_in_turn<T: Send + 'static, E: From<ClientError> + Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let claim = Claim::new(Holder::Person(self.session()?.admin.id.into()), self.browser().address);
        let turn = tokio::time::timeout(WAIT, self.state().turns.take(claim)).await.map_err(|_| {
            let message = "The server is busy with the reports, previews and downloads of others. Nothing was \
                changed; load the page again in a moment.";
            ClientError::later(ErrorKind::Unavailable, 10, message)
        })?;
        let context = self.clone();
        telemetry::blocking(move || {
            let done = work(&context);
            drop(turn);
            done
        })
        .await
    }
}
