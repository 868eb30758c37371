update daily_stats
set clicks = old.clicks,
    cost_micros = old.cost_micros,
    views = old.views,
    conversions = old.conversions,
    import_key = old.import_key,
    import_line = old.import_line
from stat_history old
where daily_stats.advertiser_key = :advertiser
    and daily_stats.day between :first and :last
    and daily_stats.import_key = :import
    and old.advertiser_key = daily_stats.advertiser_key
    and old.day = daily_stats.day
    and old.campaign_key = daily_stats.campaign_key
    and old.publisher_key = daily_stats.publisher_key
    and old.ended_by = :import
