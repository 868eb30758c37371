-- Those that may be the advertiser's: by its tokens, and, where it has feeds, all without a token.
select polls.poll_key
from advertisers
join api_tokens token using (advertiser_key)
join polls using (token_key)
where advertisers.id = :advertiser
union all
select polls.poll_key
from polls
where polls.token_key is null
    and exists (
        select 1
        from feeds
        join advertisers using (advertiser_key)
        where advertisers.id = :advertiser
    )
