select imports.import_key, count(*)
from stat_history change
join imports on imports.import_key = change.ended_by
where change.advertiser_key = :advertiser
    and change.day between :first and :last
    and change.ended_by > :import
    and imports.kind <> 'undo'
    and not exists (select 1 from imports undo where undo.undoes_key = imports.import_key)
    and exists (
        select 1
        from stat_history own
        where own.advertiser_key = change.advertiser_key
            and own.day = change.day
            and own.campaign_key = change.campaign_key
            and own.publisher_key = change.publisher_key
            and own.import_key = :import
    )
group by imports.import_key
order by imports.import_key desc
