select
    cell.day,
    cell.campaign_key,
    cell.publisher_key,
    cell.clicks,
    cell.cost_micros,
    cell.views,
    cell.conversions,
    cell.import_line,
    old.ended_by,
    old.clicks,
    old.cost_micros,
    old.views,
    old.conversions
from daily_stats cell
left join stat_history old
    on old.advertiser_key = cell.advertiser_key
    and old.day = cell.day
    and old.campaign_key = cell.campaign_key
    and old.publisher_key = cell.publisher_key
    and old.ended_by = :import
where cell.advertiser_key = :advertiser
    and (cell.day, cell.campaign_key, cell.publisher_key) > (:day, :campaign, :publisher)
    and cell.day <= :last
    and cell.import_key = :import
    and (:inserts or old.ended_by is not null)
union all
-- Values that somebody replaced since: each cell once, though it may have got the value back and lost it again.
select
    cell.day,
    cell.campaign_key,
    cell.publisher_key,
    cell.clicks,
    cell.cost_micros,
    cell.views,
    cell.conversions,
    cell.import_line,
    old.ended_by,
    old.clicks,
    old.cost_micros,
    old.views,
    old.conversions
from stat_history cell
left join stat_history old
    on old.advertiser_key = cell.advertiser_key
    and old.day = cell.day
    and old.campaign_key = cell.campaign_key
    and old.publisher_key = cell.publisher_key
    and old.ended_by = :import
where cell.advertiser_key = :advertiser
    and (cell.day, cell.campaign_key, cell.publisher_key) > (:day, :campaign, :publisher)
    and cell.day <= :last
    and cell.import_key = :import
    and (:inserts or old.ended_by is not null)
    and not exists (
        select 1
        from stat_history earlier
        where earlier.advertiser_key = cell.advertiser_key
            and earlier.day = cell.day
            and earlier.campaign_key = cell.campaign_key
            and earlier.publisher_key = cell.publisher_key
            and earlier.ended_by < cell.ended_by
            and earlier.import_key = :import
    )
    and not exists (
        select 1
        from daily_stats held
        where held.advertiser_key = cell.advertiser_key
            and held.day = cell.day
            and held.campaign_key = cell.campaign_key
            and held.publisher_key = cell.publisher_key
            and held.import_key = :import
    )
order by 1, 2, 3
limit :limit
