-- Cells that the import changed, and those that it added: what it stated holds, or held at first, from the import itself on.
select
    (
        select count(*)
        from stat_history
        where advertiser_key = :advertiser and day between :first and :last and ended_by = :import
    ),
    (
        select count(*)
        from daily_stats cell
        where cell.advertiser_key = :advertiser
            and cell.day between :first and :last
            and cell.import_key = :import
            and not exists (
                select 1
                from stat_history later
                where later.advertiser_key = cell.advertiser_key
                    and later.day = cell.day
                    and later.campaign_key = cell.campaign_key
                    and later.publisher_key = cell.publisher_key
                    and later.ended_by >= :import
            )
    ) + (
        select count(*)
        from stat_history cell
        where cell.advertiser_key = :advertiser
            and cell.day between :first and :last
            and cell.import_key = :import
            and not exists (
                select 1
                from stat_history later
                where later.advertiser_key = cell.advertiser_key
                    and later.day = cell.day
                    and later.campaign_key = cell.campaign_key
                    and later.publisher_key = cell.publisher_key
                    and later.ended_by >= :import
                    and later.ended_by < cell.ended_by
            )
    )
