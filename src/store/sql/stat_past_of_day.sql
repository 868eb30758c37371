select
    clicks, cost_micros, views, conversions,
    import_key, import_line,
    ended_by, campaign_key, publisher_key
from stat_history
where advertiser_key = ?1 and day = ?2
order by campaign_key, publisher_key, ended_by
