select
    two_step.salt,
    two_step.sealed,
    two_step.created_at,
    (
        select count(*)
        from recovery_codes
        where recovery_codes.admin_key = two_step.admin_key and recovery_codes.used_at is null
    )
from two_step
join admins using (admin_key)
where admins.id = ?1
