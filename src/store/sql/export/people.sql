select id, email, role, created_at as "created_at:at"
from admins
order by email
