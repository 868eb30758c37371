select polls.at, polls.date_from, polls.date_to
from api_tokens token
join polls using (token_key)
where token.advertiser_key = ?1
    and polls.at >= ?2
    and polls.served_version is not null
    and {by_singular}
order by polls.at, polls.poll_key
