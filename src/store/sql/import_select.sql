select
    imports.import_key,
    imports.id,
    imports.kind,
    imports.source,
    imports.actor,
    imports.reason,
    imports.sha256,
    imports.rows,
    imports.inserted,
    imports.changed,
    imports.unchanged,
    imports.rounded,
    imports.zeroed,
    imports.created_at,
    api_tokens.id,
    api_tokens.name,
    undone.id,
    undo.id,
    undo.created_at,
    (
        select day_marks.state
        from import_spans
        join day_marks using (import_key, advertiser_key)
        where import_spans.import_key = imports.import_key
            and day_marks.day between import_spans.first_day and import_spans.last_day
        limit 1
    ),
    imports.cost,
    imports.clicks,
    {told}
from imports
left join api_tokens using (token_key)
left join imports undone on undone.import_key = imports.undoes_key
left join imports undo on undo.undoes_key = imports.import_key
