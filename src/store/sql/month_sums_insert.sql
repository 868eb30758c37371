-- Nothing where the row is there, or would hold what no sum of cells can be.
insert into month_sums (
    advertiser_key, month, campaign_key, publisher_key,
    rows, first_day, last_day, clicks, cost_micros, views, conversions
)
select ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11
where ?5 > 0 and min(?8, ?9, ?10, ?11) >= 0
on conflict do nothing
