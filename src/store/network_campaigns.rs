//! The ids that ad networks give campaigns. Each belongs to an advertiser and a publisher, and finds one campaign.

use chrono::{DateTime, Utc};

use crate::store::{AdvertiserKey, CampaignKey, OrMissing as _, PublisherKey, ReadTxn, StoreResult, WriteTxn, to_ms};

/// A network's id and its campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkCampaignRow {
    /// The publisher that uses this id.
    pub publisher: PublisherKey,
    pub network_id: String,
    pub campaign: CampaignKey,
}

impl ReadTxn<'_> {
    /// All ids of an advertiser.
    pub fn network_campaign_list(&self, advertiser: AdvertiserKey) -> StoreResult<Vec<NetworkCampaignRow>> {
        let sql = "select publisher_key, network_id, campaign_key from network_campaigns where advertiser_key = ?1
            order by publisher_key, network_id";
        self.list("list the networks' campaign ids", sql, [advertiser.0], |row| {
            Ok(NetworkCampaignRow {
                publisher: PublisherKey(row.get(0)?),
                network_id: row.get(1)?,
                campaign: CampaignKey(row.get(2)?),
            })
        })
    }
}

impl WriteTxn<'_> {
    /// Stores a network's id for a campaign; returns the campaign that the id finds, which is another one if it was already
    /// stored.
    pub fn network_campaign_add(
        &self,
        advertiser: AdvertiserKey,
        publisher: PublisherKey,
        network_id: &str,
        campaign: CampaignKey,
        now: DateTime<Utc>,
    ) -> StoreResult<CampaignKey> {
        const DOING: &str = "keep a network's campaign id";
        let sql = "insert into network_campaigns (advertiser_key, publisher_key, network_id, campaign_key, created_at)
            values (?1, ?2, ?3, ?4, ?5) on conflict do nothing";
        self.run(DOING, sql, (advertiser.0, publisher.0, network_id, campaign.0, to_ms(now)))?;
        let sql = "select campaign_key from network_campaigns
            where advertiser_key = ?1 and publisher_key = ?2 and network_id = ?3";
        self.first(DOING, sql, (advertiser.0, publisher.0, network_id), |row| row.get(0).map(CampaignKey))?
            .or_missing("campaign of the network", network_id)
    }
}
