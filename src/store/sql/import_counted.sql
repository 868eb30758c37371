-- Cells that the import changed, and those that it added: what it stated holds, or held at first, from the import itself on.
with stated as (
    select day, campaign_key, publisher_key, null as ended_by
    from daily_stats
    where advertiser_key = :advertiser and day between :first and :last and import_key = :import
    union all
    select day, campaign_key, publisher_key, ended_by
    from stat_history
    where advertiser_key = :advertiser and day between :first and :last and import_key = :import
)
select
    (
        select count(*)
        from stat_history
        where advertiser_key = :advertiser and day between :first and :last and ended_by = :import
    ),
    (
        select count(*)
        from stated cell
        where not exists (
            select 1
            from stat_history later
            where later.advertiser_key = :advertiser
                and later.day = cell.day
                and later.campaign_key = cell.campaign_key
                and later.publisher_key = cell.publisher_key
                and later.ended_by >= :import
                and (cell.ended_by is null or later.ended_by < cell.ended_by)
        )
    )
