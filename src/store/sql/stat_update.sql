update daily_stats
set clicks = ?5, cost_micros = ?6, views = ?7, conversions = ?8, import_key = ?9, import_line = ?10
where advertiser_key = ?1 and day = ?2 and campaign_key = ?3 and publisher_key = ?4
