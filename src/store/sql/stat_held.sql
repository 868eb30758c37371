select campaign_key, publisher_key, clicks, cost_micros, views, conversions
from daily_stats
where advertiser_key = ?1
    and day = ?2
    and (campaign_key, publisher_key) >= (?3, ?4)
    and campaign_key <= ?5
order by campaign_key, publisher_key
limit ?6
