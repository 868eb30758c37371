select at as "at:at", actor, action, subject, address
from audit_log
order by audit_key
