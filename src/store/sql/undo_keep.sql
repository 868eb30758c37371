insert into stat_history (
    advertiser_key, day, campaign_key, publisher_key, ended_by,
    clicks, cost_micros, views, conversions,
    import_key, import_line
)
select
    advertiser_key, day, campaign_key, publisher_key, :undo,
    clicks, cost_micros, views, conversions,
    import_key, import_line
from daily_stats
where advertiser_key = :advertiser and day between :first and :last and import_key = :import
