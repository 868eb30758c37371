insert into month_sums (
    advertiser_key, month, campaign_key, publisher_key, rows, first_day, last_day, clicks, cost_micros, views, conversions
)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
on conflict do update set
    rows = rows + excluded.rows,
    first_day = min(first_day, excluded.first_day),
    last_day = max(last_day, excluded.last_day),
    clicks = clicks + excluded.clicks,
    cost_micros = cost_micros + excluded.cost_micros,
    views = views + excluded.views,
    conversions = conversions + excluded.conversions
