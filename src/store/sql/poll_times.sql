select polls.at
from polls
join api_tokens token using (token_key)
where polls.token_key = ?1
    and polls.report = 'singular'
    and polls.complete = 1
    and polls.status < 400
    and polls.at >= ?2
    and {by_singular}
order by polls.at desc
limit ?3
