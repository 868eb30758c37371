select
    advertisers.name as advertiser,
    campaigns.name as campaign,
    campaigns.id as campaign_id,
    publishers.name as publisher,
    network_campaigns.network_id,
    network_campaigns.created_at as "created_at:at"
from network_campaigns
join campaigns using (advertiser_key, campaign_key)
join advertisers using (advertiser_key)
join publishers using (publisher_key)
order by advertisers.name, campaigns.name, publishers.name, network_campaigns.network_id
