//! Whether the catalogue has changed since an input was read.

use serde::{Deserialize, Serialize};

use crate::domain::AdvertiserId;
use crate::store::{ReadTxn, StoreError, StoreResult, Version};

/// The versions of the catalogues and publishers that an input was read with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CatalogueVersions {
    pub(super) catalogues: Vec<(String, i64)>,
    pub(super) publishers: i64,
}

impl CatalogueVersions {
    pub(super) fn new(catalogues: impl Iterator<Item = (AdvertiserId, Version)>, publishers: Version) -> Self {
        let catalogues = catalogues.map(|(id, version)| (id.to_string(), version.get())).collect();
        Self { catalogues, publishers: publishers.get() }
    }

    /// Whether the catalogue is unchanged.
    pub(super) fn holds(&self, txn: &ReadTxn<'_>) -> StoreResult<bool> {
        if txn.publishers_version()?.get() != self.publishers {
            return Ok(false);
        }
        for (id, version) in &self.catalogues {
            let id: AdvertiserId = id.parse().map_err(|_| StoreError::Missing("an advertiser is gone".to_owned()))?;
            if txn.catalogue_version(id)?.1.get() != *version {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
