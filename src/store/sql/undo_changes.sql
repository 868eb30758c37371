-- What an undo did: each value that it ended, and the one that came next, if it was given back.
select
    old.day,
    old.campaign_key,
    old.publisher_key,
    old.clicks,
    old.cost_micros,
    old.views,
    old.conversions,
    old.import_line,
    coalesce(next.import_key, held.import_key) < :undo as is_given_back,
    coalesce(next.clicks, held.clicks),
    coalesce(next.cost_micros, held.cost_micros),
    coalesce(next.views, held.views),
    coalesce(next.conversions, held.conversions)
from stat_history old
left join stat_history next
    on next.advertiser_key = old.advertiser_key
    and next.day = old.day
    and next.campaign_key = old.campaign_key
    and next.publisher_key = old.publisher_key
    and next.ended_by = (
        select min(later.ended_by)
        from stat_history later
        where later.advertiser_key = old.advertiser_key
            and later.day = old.day
            and later.campaign_key = old.campaign_key
            and later.publisher_key = old.publisher_key
            and later.ended_by > :undo
    )
left join daily_stats held
    on held.advertiser_key = old.advertiser_key
    and held.day = old.day
    and held.campaign_key = old.campaign_key
    and held.publisher_key = old.publisher_key
where old.advertiser_key = :advertiser
    and (old.day, old.campaign_key, old.publisher_key) > (:day, :campaign, :publisher)
    and old.day <= :last
    and old.ended_by = :undo
    and (:gone or coalesce(next.import_key, held.import_key) < :undo)
    -- What keeps its value, since another import states it too, is not changed.
    and not (
        coalesce(next.import_key, held.import_key, :undo) < :undo
        and coalesce(next.clicks, held.clicks) = old.clicks
        and coalesce(next.cost_micros, held.cost_micros) = old.cost_micros
        and coalesce(next.views, held.views) = old.views
        and coalesce(next.conversions, held.conversions) = old.conversions
    )
order by old.day, old.campaign_key, old.publisher_key
limit :limit
