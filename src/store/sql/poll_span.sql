select min(first), max(last)
from (
    select
        (select at from polls where polls.token_key = api_tokens.token_key order by at limit 1) as first,
        (select at from polls where polls.token_key = api_tokens.token_key order by at desc limit 1) as last
    from api_tokens
    join advertisers using (advertiser_key)
    where advertisers.id = ?1
    union all
    -- When a feed was read last is noted later than the poll.
    select feeds.created_at, 9223372036854775807
    from feeds
    join advertisers using (advertiser_key)
    where advertisers.id = ?1
)
