select apps.id, advertisers.name as advertiser, apps.name, apps.os, apps.store_id, apps.created_at as "created_at:at"
from apps
join advertisers using (advertiser_key)
order by advertisers.name, apps.name, apps.app_key
