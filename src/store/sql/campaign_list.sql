select
    campaigns.campaign_key,
    campaigns.id,
    campaigns.name,
    offers.offer_key,
    offers.id,
    offers.name,
    offers.cost_reporting,
    apps.name,
    apps.os,
    apps.store_id
from campaigns
join offers using (offer_key)
join apps using (app_key)
where campaigns.advertiser_key = ?1
order by campaigns.campaign_key
