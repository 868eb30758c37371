select
    tokens.id,
    advertisers.name as advertiser,
    tokens.name,
    tokens.scope,
    replaced.id as replaces,
    tokens.created_at as "created_at:at",
    tokens.expires_at as "expires_at:at",
    tokens.revoked_at as "revoked_at:at",
    tokens.last_used_at as "last_used_at:at",
    tokens.last_used_address,
    tokens.last_used_agent
from api_tokens as tokens
join advertisers using (advertiser_key)
left join api_tokens as replaced on replaced.token_key = tokens.replaces_key
where tokens.token_key not in (select token_key from sandbox_tokens)
order by tokens.token_key
