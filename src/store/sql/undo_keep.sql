insert into stat_history (
    advertiser_key, day, campaign_key, publisher_key, ended_by,
    clicks, cost_micros, views, conversions,
    import_key, import_line
)
select
    advertiser_key, day, campaign_key, publisher_key, ?5,
    clicks, cost_micros, views, conversions,
    import_key, import_line
from daily_stats
where advertiser_key = ?1 and day = ?2 and campaign_key = ?3 and publisher_key = ?4
