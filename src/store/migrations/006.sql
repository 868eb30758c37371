-- Feeds, the networks that a token is bound to, the made-up advertiser of the packet, merges. Comments are in schema.sql.

-- As in step 4: what is stored already meets the new CHECK.
pragma writable_schema = on;

update sqlite_schema
set sql = replace(sql, '''undo'', ''mark'')', '''undo'', ''mark'', ''merge'')')
where type = 'table' and name = 'imports';

pragma writable_schema = reset;

create table feeds (
    feed_key integer primary key,
    id text not null unique check (length(id) = 36),
    advertiser_key integer not null references advertisers,
    name text not null check (length(name) between 1 and 500),
    format text not null check (format in ('generic', 'appsflyer', 'branch', 'kochava')),
    secret_sha256 text not null unique check (length(secret_sha256) = 64),
    days integer check (days >= 1),
    first_day integer,
    last_day integer check (last_day >= first_day),
    publisher_key integer references publishers,
    expires_at integer,
    revoked_at integer,
    last_used_at integer,
    last_used_address text,
    last_used_agent text,
    created_at integer not null,
    check ((days is null) = (first_day is not null) and (first_day is null) = (last_day is null))
) strict;

create index feeds_by_advertiser on feeds (advertiser_key);

create index feeds_by_publisher on feeds (publisher_key);

alter table polls add column feed_key integer references feeds;

create table token_networks (
    token_key integer not null references api_tokens,
    network text not null,
    primary key (token_key, network)
) strict, without rowid;

create table sandboxes (
    advertiser_key integer primary key references advertisers,
    publisher_key integer not null references publishers
) strict;

create table merges (
    import_key integer primary key references imports,
    publisher_key integer references publishers,
    into_publisher_key integer references publishers,
    advertiser_key integer,
    campaign_key integer,
    into_campaign_key integer,
    foreign key (advertiser_key, campaign_key) references campaigns (advertiser_key, campaign_key),
    foreign key (advertiser_key, into_campaign_key) references campaigns (advertiser_key, campaign_key),
    check ((publisher_key is null) = (into_publisher_key is null)),
    check ((campaign_key is null) = (into_campaign_key is null)),
    check ((publisher_key is null) <> (campaign_key is null))
) strict;

create index merges_by_publisher on merges (publisher_key);

create index merges_by_campaign on merges (campaign_key);
