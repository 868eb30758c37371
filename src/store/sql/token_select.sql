select
    api_tokens.token_key,
    api_tokens.id,
    api_tokens.name,
    api_tokens.scope,
    api_tokens.hash,
    api_tokens.advertiser_key,
    advertisers.id,
    advertisers.name,
    advertisers.disabled_at,
    api_tokens.expires_at,
    api_tokens.revoked_at,
    api_tokens.last_used_at,
    api_tokens.created_at,
    api_tokens.last_used_address,
    api_tokens.last_used_agent,
    api_tokens.replaces_key,
    api_tokens.secret_check,
    api_tokens.reader,
    (select group_concat(network, ' ') from token_networks where token_key = api_tokens.token_key),
    exists (select 1 from sandbox_tokens where token_key = api_tokens.token_key)
from api_tokens
join advertisers using (advertiser_key)
