select
    polls.at as "at:at",
    advertisers.name as advertiser,
    api_tokens.id as token,
    polls.report,
    polls.format,
    polls.date_from as "from:day",
    polls.date_to as "to:day",
    polls.status,
    polls.complete,
    polls.rows,
    polls.cost_micros as "cost:money",
    polls.bytes,
    polls.duration_us as duration_microseconds,
    polls.address,
    polls.user_agent
from polls
left join api_tokens using (token_key)
left join advertisers using (advertiser_key)
order by polls.poll_key
