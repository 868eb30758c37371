//! Who owns a catalogue entry: one advertiser, or all of them together.

use crate::admin::kit::context::RequestContext;
use crate::admin::kit::format;
use crate::domain::AdvertiserId;
use crate::store::{AdvertiserKey, AdvertiserRow, ReadTxn, StoreError, StoreResult};

/// Who owns an entry: one advertiser, or all of them together.
pub trait Owner: Clone + Send + Sync + 'static {
    /// The owner that the page was opened for.
    fn chosen(context: &RequestContext, txn: &ReadTxn<'_>) -> StoreResult<Self>;
    /// The advertiser's id, if the owner is one.
    fn id(&self) -> Option<AdvertiserId>;
    /// What the page of a new entry says about the owner.
    fn says(&self) -> Vec<String>;

    /// The advertiser's key; 0 if all advertisers share the entry.
    fn key(&self) -> AdvertiserKey;

    /// The query that keeps a form with the owner it was opened for.
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
        vec![format!("For {}.", format::short(&self.name))]
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
