select id, name, created_at as "created_at:at"
from publishers
order by name
