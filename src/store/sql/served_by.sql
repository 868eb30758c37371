select token.advertiser_key
from api_tokens token
where token.token_key = ?1
    and token.reader = 'singular'
    and not exists (
        select 1
        from not_singular other
        where other.advertiser_key = token.advertiser_key
            and other.address = ?2
            and other.user_agent = ?3
    )
