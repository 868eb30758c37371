select
    imports.id,
    imports.kind,
    imports.source,
    imports.actor,
    imports.reason,
    imports.sha256,
    api_tokens.id as token,
    undone.id as undoes,
    imports.rows,
    imports.inserted,
    imports.changed,
    imports.unchanged,
    imports.rounded,
    imports.zeroed,
    imports.cost,
    imports.clicks,
    imports.created_at as "created_at:at"
from imports
left join api_tokens using (token_key)
left join imports as undone on undone.import_key = imports.undoes_key
order by imports.import_key
