select
    polls.poll_key,
    polls.at,
    token.id,
    token.name,
    advertisers.name,
    polls.report,
    polls.format,
    polls.date_from,
    polls.date_to,
    polls.status,
    polls.complete,
    polls.rows,
    polls.cost_micros,
    polls.bytes,
    polls.duration_us,
    polls.address,
    polls.user_agent,
    feeds.name
from polls
left join api_tokens token using (token_key)
left join feeds using (feed_key)
left join advertisers on advertisers.advertiser_key = coalesce(token.advertiser_key, feeds.advertiser_key)
where {which}
    and (:advertiser is null or advertisers.id = :advertiser)
    and (:token is null or token.id = :token)
    and (
        :by_singular = 0
        or (
            polls.report = 'singular'
            and token.scope = 'report'
            and {by_singular}
        )
    )
    and (:strangers = 0 or (polls.token_key is null and polls.feed_key is null))
    and (:answered is null or (polls.complete = 1 and polls.status < 400) = :answered)
    and (:of_day is null or :of_day between polls.date_from and polls.date_to)
    and polls.at >= :from
    and polls.at < :until
    and polls.poll_key < :before
    -- Keys grow with time but for minutes, so that only those of the wanted time are gone through.
    and polls.poll_key >= coalesce((select poll_key from polls where at >= max(:from, 0) - 600000 order by at limit 1), :before)
    and polls.poll_key < coalesce(
        (select poll_key from polls where at >= min(:until, 4611686018427387904) + 600000 order by at limit 1),
        :before
    )
order by polls.poll_key desc
limit :limit
