select (
    select polls.poll_key
    from polls
    where polls.token_key = token.token_key
        and polls.report = 'singular'
        and {which}
        and polls.at >= ?2
        and {by_singular}
    order by polls.at desc
    limit 1
)
from advertisers
join api_tokens token using (advertiser_key)
where advertisers.id = ?1 and token.scope = 'report' and token.reader = 'singular'
