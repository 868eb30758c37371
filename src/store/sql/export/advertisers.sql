select id, name, currency, time_zone, stats_due_hour, disabled_at as "disabled_at:at", created_at as "created_at:at"
from advertisers
order by name
