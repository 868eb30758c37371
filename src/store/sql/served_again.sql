select first_day, last_day, at, version
from (
    select first_day, last_day, at, version, 0 as key
    from served_days
    where advertiser_key = ?1 and at < ?2
    union all
    -- Polls that were forgotten may lie below these. Keys begin with 1, and the oldest polls are forgotten first.
    select first_day, last_day, ?2 - 1, 0, 0
    from served_days
    where advertiser_key = ?1
        and at >= ?2
        and exists (
            select 1
            from api_tokens token
            join polls oldest on oldest.poll_key = (select min(poll_key) from polls)
            where token.advertiser_key = ?1
                and oldest.poll_key > 1
                and token.created_at < oldest.at
        )
    union all
    select first_day, last_day, at, 0, 0
    from unknown_days
    where advertiser_key = ?1
    union all
    select polls.date_from, polls.date_to, polls.at, polls.served_version, polls.poll_key
    from api_tokens token
    join polls using (token_key)
    where token.advertiser_key = ?1
        and polls.at >= ?2
        and polls.served_version is not null
        and {by_singular}
)
order by at, key
