select day_sums.day
from day_sums
where day_sums.advertiser_key = :advertiser
    and exists (
        select 1
        from json_each(:campaigns) wanted
        cross join daily_stats
            on daily_stats.advertiser_key = day_sums.advertiser_key
            and daily_stats.day = day_sums.day
            and daily_stats.campaign_key = wanted.value
    )
order by day_sums.day
