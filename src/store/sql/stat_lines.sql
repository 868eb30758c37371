select day, campaign_key, publisher_key, clicks, cost_micros, views, conversions
from daily_stats
where advertiser_key = :advertiser
    and day between :from and :to
    and (:campaign is null or campaign_key = :campaign)
    and (:publisher is null or publisher_key = :publisher)
order by day desc, campaign_key desc, publisher_key desc
