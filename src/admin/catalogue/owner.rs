//! Whose the catalogue's entries are: one advertiser's, or everybody's.

use crate::admin::kit::context::RequestContext;
use crate::domain::AdvertiserId;
use crate::store::{AdvertiserKey, AdvertiserRow, ReadTxn, StoreError, StoreResult};

/// Whose an entry is: one advertiser's, or everybody's.
pub trait Owner: Clone + Send + Sync + 'static {
    /// The one the page was asked for.
    fn chosen(context: &RequestContext, txn: &ReadTxn<'_>) -> StoreResult<Self>;
    /// Which advertiser it is, if it is one.
    fn id(&self) -> Option<AdvertiserId>;
    /// What a new entry's page says of it.
    fn says(&self) -> Vec<String>;

    /// Its advertiser's key; 0 where it is everybody's.
    fn key(&self) -> AdvertiserKey;

    /// What keeps a form at the owner it was opened for.
    fn scope(&self) -> String {
        self.id().map(|id| format!("?advertiser={id}")).unwrap_or_default()
    }
}

impl Owner for AdvertiserRow {
    fn chosen(context: &RequestContext, txn: &ReadTxn<'_>) -> StoreResult<Self> {
        context.advertisers(txn)?.1.ok_or_else(|| StoreError::Missing("There is no advertiser yet.".to_owned()))
    }

    fn id(&self) -> Option<AdvertiserId> {
        Some(self.id)
    }

    fn says(&self) -> Vec<String> {
        vec![format!("For {}.", self.name)]
    }

    fn key(&self) -> AdvertiserKey {
        self.key
    }
}

impl Owner for () {
    fn chosen(_: &RequestContext, _: &ReadTxn<'_>) -> StoreResult<Self> {
        Ok(())
    }

    fn id(&self) -> Option<AdvertiserId> {
        None
    }

    fn says(&self) -> Vec<String> {
        Vec::new()
    }

    fn key(&self) -> AdvertiserKey {
        AdvertiserKey::from(0)
    }
}
