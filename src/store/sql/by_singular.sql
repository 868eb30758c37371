-- Whether one of `polls`, by the token `token`, came from Singular: its reader is, and nobody marked its client as another.
token.reader = 'singular'
and not exists (
    select 1
    from not_singular other
    where other.advertiser_key = token.advertiser_key
        and other.address = polls.address
        and other.user_agent = polls.user_agent
)
