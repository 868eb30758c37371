select name, headers, spec, created_at as "created_at:at", used_at as "used_at:at"
from mappings
order by name
