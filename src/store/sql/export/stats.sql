select
    stats.day as "date:day",
    advertisers.name as advertiser,
    advertisers.currency,
    campaigns.name as campaign_name,
    offers.name as offer_name,
    apps.name as app,
    apps.store_id,
    apps.os,
    publishers.name as partner,
    stats.clicks,
    stats.cost_micros as "cost:money",
    stats.views,
    stats.conversions
from daily_stats as stats
join advertisers using (advertiser_key)
join campaigns using (campaign_key)
join offers using (offer_key)
join apps using (app_key)
join publishers using (publisher_key)
order by stats.advertiser_key, stats.day, stats.campaign_key, stats.publisher_key
