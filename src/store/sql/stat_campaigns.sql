select
    daily_stats.day,
    daily_stats.campaign_key,
    daily_stats.publisher_key,
    daily_stats.clicks,
    daily_stats.cost_micros,
    daily_stats.views,
    daily_stats.conversions
from day_sums
cross join json_each(:campaigns) wanted
cross join daily_stats
    on daily_stats.advertiser_key = day_sums.advertiser_key
    and daily_stats.day = day_sums.day
    and daily_stats.campaign_key = wanted.value
where day_sums.advertiser_key = :advertiser
    and day_sums.day between :from and :to
