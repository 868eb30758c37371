insert into stat_history (
    advertiser_key, day, campaign_key, publisher_key, ended_by,
    clicks, cost_micros, views, conversions,
    import_key, import_line
)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
