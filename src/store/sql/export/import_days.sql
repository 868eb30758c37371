select imports.id as import, advertisers.name as advertiser, first_day as "from:day", last_day as "to:day"
from import_spans
join imports using (import_key)
join advertisers using (advertiser_key)
order by import_spans.import_key, import_spans.advertiser_key
