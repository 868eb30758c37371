select
    advertisers.id as advertiser_id,
    advertisers.name as advertiser,
    served_days.first_day as "first_day:day",
    served_days.last_day as "last_day:day",
    served_days.at as "at:at",
    iif(served_days.version > 0, 'known', 'unknown') as what
from served_days
join advertisers using (advertiser_key)
order by served_days.advertiser_key, served_days.first_day
