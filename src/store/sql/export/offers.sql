select
    offers.id,
    advertisers.name as advertiser,
    offers.name,
    case offers.cost_reporting when 1 then 'on' else 'off' end as cost_reporting,
    offers.created_at as "created_at:at"
from offers
join advertisers using (advertiser_key)
order by advertisers.name, offers.name
