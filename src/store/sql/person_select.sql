select
    admins.id,
    admins.email,
    admins.role,
    admins.created_at,
    admins.password_changed_at = 0,
    exists (select 1 from two_step where two_step.admin_key = admins.admin_key),
    count(sessions.id_sha256),
    max(sessions.last_seen_at)
from admins
left join sessions
    on sessions.admin_key = admins.admin_key
    and sessions.last_seen_at >= ?1
    and sessions.created_at between ?2 and ?3
group by admins.admin_key
order by admins.email
