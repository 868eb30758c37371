select token.name, polls.status
from advertisers
join api_tokens token using (advertiser_key)
join polls on polls.poll_key = (
    select last.poll_key
    from polls last
    where last.token_key = token.token_key
    order by last.at desc, last.poll_key desc
    limit 1
)
where advertisers.id = ?1
    and token.scope = 'report'
    and polls.status in (401, 403)
    and polls.at >= ?2
    and {by_singular}
order by token.name
