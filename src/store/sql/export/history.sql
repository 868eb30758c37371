select
    history.day as "date:day",
    advertisers.name as advertiser,
    campaigns.name as campaign_name,
    campaigns.id as campaign_id,
    publishers.name as partner,
    publishers.id as partner_id,
    history.clicks,
    history.cost_micros as "cost:money",
    history.views,
    history.conversions,
    stated.id as stated_by,
    history.import_line as line,
    ended.id as ended_by
from stat_history as history
join advertisers using (advertiser_key)
join campaigns using (campaign_key)
join publishers using (publisher_key)
join imports as stated on stated.import_key = history.import_key
join imports as ended on ended.import_key = history.ended_by
order by history.advertiser_key, history.day, history.campaign_key, history.publisher_key, history.ended_by
