select api_tokens.id as token, token_networks.network
from token_networks
join api_tokens using (token_key)
order by token_networks.token_key, token_networks.network
