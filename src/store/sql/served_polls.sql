select polls.at, polls.date_from, polls.date_to
from api_tokens token
join polls using (token_key)
where token.advertiser_key = ?1
    and token.reader = 'singular'
    and polls.at >= ?2
    and polls.served_version is not null
    and not exists (
        select 1
        from not_singular other
        where other.advertiser_key = token.advertiser_key
            and other.address = polls.address
            and other.user_agent = polls.user_agent
    )
order by polls.at, polls.poll_key
