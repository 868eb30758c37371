-- The cells that an import stated, each with what it held before. Both halves say the same of their table: only so does SQLite
-- merge them in the order of their keys and stop at the limit.
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
    -- What an undo gave back, or what it left since this import states it too, is no change of this import.
    and not exists (
        select 1
        from stat_history later
        where later.advertiser_key = cell.advertiser_key
            and later.day = cell.day
            and later.campaign_key = cell.campaign_key
            and later.publisher_key = cell.publisher_key
            and later.ended_by > :import
    )
union all
-- Values that somebody replaced since.
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
        from stat_history later
        where later.advertiser_key = cell.advertiser_key
            and later.day = cell.day
            and later.campaign_key = cell.campaign_key
            and later.publisher_key = cell.publisher_key
            and later.ended_by > :import
            and later.ended_by < cell.ended_by
    )
order by 1, 2, 3
limit :limit
