select
    campaigns.id,
    advertisers.name as advertiser,
    campaigns.name,
    offers.name as offer,
    offers.id as offer_id,
    apps.name as app,
    apps.store_id,
    apps.os,
    campaigns.created_at as "created_at:at"
from campaigns
join advertisers using (advertiser_key)
join offers using (offer_key)
join apps using (app_key)
order by advertisers.name, campaigns.name
