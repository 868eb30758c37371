select (
    select polls.poll_key
    from polls
    where polls.token_key = token.token_key
        and polls.report = 'singular'
        and {}
        and polls.at >= ?2
        and not exists (
            select 1
            from not_singular other
            where other.advertiser_key = token.advertiser_key
                and other.address = polls.address
                and other.user_agent = polls.user_agent
        )
    order by polls.at desc
    limit 1
)
from advertisers
join api_tokens token using (advertiser_key)
where advertisers.id = ?1 and token.scope = 'report' and token.reader = 'singular'
