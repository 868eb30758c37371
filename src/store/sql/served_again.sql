select first_day, last_day, at, version
from (
    select first_day, last_day, at, version, 0 as key
    from served_days
    where advertiser_key = ?1 and at < ?2 and version > 0
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
