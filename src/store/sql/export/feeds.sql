select
    feeds.id,
    advertisers.name as advertiser,
    feeds.name,
    feeds.format,
    feeds.days,
    feeds.first_day as "from:day",
    feeds.last_day as "to:day",
    publishers.id as partner_id,
    feeds.created_at as "created_at:at",
    feeds.expires_at as "expires_at:at",
    feeds.revoked_at as "revoked_at:at",
    feeds.last_used_at as "last_used_at:at"
from feeds
join advertisers using (advertiser_key)
left join publishers on publishers.publisher_key = feeds.publisher_key
order by feeds.feed_key
