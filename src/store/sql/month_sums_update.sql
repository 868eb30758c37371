update month_sums
set rows = rows + ?5,
    first_day = min(first_day, ?6),
    last_day = max(last_day, ?7),
    clicks = clicks + ?8,
    cost_micros = cost_micros + ?9,
    views = views + ?10,
    conversions = conversions + ?11
where advertiser_key = ?1
    and month = ?2
    and campaign_key = ?3
    and publisher_key = ?4
    and min(clicks + ?8, cost_micros + ?9, views + ?10, conversions + ?11) >= 0
