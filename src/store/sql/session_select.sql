select
    sessions.id_sha256,
    sessions.address,
    sessions.user_agent,
    sessions.created_at,
    sessions.last_seen_at,
    admins.id,
    admins.email,
    admins.role,
    admins.created_at
from sessions
join admins using (admin_key)
where sessions.last_seen_at >= ?1 and sessions.created_at between ?2 and ?3
