select token.name, refused.status
from advertisers
join api_tokens token using (advertiser_key)
join polls refused on refused.poll_key = (
    select polls.poll_key
    from polls
    where polls.token_key = token.token_key
    order by polls.at desc, polls.poll_key desc
    limit 1
)
where advertisers.id = ?1
    and token.scope = 'report'
    and token.reader = 'singular'
    and refused.status in (401, 403)
    and refused.at >= ?2
    and not exists (
        select 1
        from not_singular other
        where other.advertiser_key = token.advertiser_key
            and other.address = refused.address
            and other.user_agent = refused.user_agent
    )
order by token.name
