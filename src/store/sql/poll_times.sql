select polls.at
from polls
join api_tokens token using (token_key)
where polls.token_key = ?1
    and polls.report = 'singular'
    and polls.complete = 1
    and polls.status < 400
    and polls.at >= ?2
    and not exists (
        select 1
        from not_singular other
        where other.advertiser_key = token.advertiser_key
            and other.address = polls.address
            and other.user_agent = polls.user_agent
    )
order by polls.at desc
limit ?3
