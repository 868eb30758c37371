select id, name, currency, time_zone, disabled_at as "disabled_at:at", created_at as "created_at:at"
from advertisers
order by name
