select advertiser_key, day, campaign_key, publisher_key, clicks, cost_micros
from daily_stats
where advertiser_key = ?1
    and (day, campaign_key, publisher_key) > (?2, ?3, ?4)
    and day <= ?5
order by day, campaign_key, publisher_key
limit ?6
