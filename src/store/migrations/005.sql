-- The ledger: what was last handed to Singular, for each advertiser and day. Comments are in schema.sql.

alter table imports add column version integer not null default 0;

-- Imports so far are placed by time: versions are microseconds at least.
update imports
set version = placed.version
from (select import_key, 1000 * max(created_at) over (order by import_key) as version from imports) as placed
where placed.import_key = imports.import_key;

create index imports_by_version on imports (version);

alter table api_tokens add column reader text not null default 'singular' check (reader in ('singular', 'other'));

alter table polls add column served_version integer;

create table offer_history (
    offer_key integer not null references offers on delete cascade,
    until integer not null,
    name text not null,
    cost_reporting integer not null check (cost_reporting in (0, 1)),
    primary key (offer_key, until)
) strict, without rowid;

create table campaign_history (
    campaign_key integer not null references campaigns on delete cascade,
    until integer not null,
    offer_key integer not null references offers,
    app_key integer not null references apps,
    primary key (campaign_key, until)
) strict, without rowid;

create table app_history (
    app_key integer not null references apps on delete cascade,
    until integer not null,
    os text not null check (os in ('IOS', 'ANDROID', 'WEB')),
    store_id text not null,
    primary key (app_key, until)
) strict, without rowid;

create table served_days (
    advertiser_key integer not null references advertisers,
    first_day integer not null,
    last_day integer not null check (last_day >= first_day),
    at integer not null,
    version integer not null,
    primary key (advertiser_key, first_day)
) strict, without rowid;

create table not_singular (
    advertiser_key integer not null references advertisers,
    address text not null,
    user_agent text not null,
    actor text not null,
    created_at integer not null,
    primary key (advertiser_key, address, user_agent)
) strict, without rowid;

create table refresh_requests (
    request_key integer primary key,
    advertiser_key integer not null references advertisers,
    first_day integer not null,
    last_day integer not null check (last_day >= first_day),
    actor text not null,
    created_at integer not null
) strict;

create index refresh_requests_by_advertiser on refresh_requests (advertiser_key);

create table accepted_days (
    advertiser_key integer not null references advertisers,
    day integer not null,
    version integer not null,
    actor text not null,
    created_at integer not null,
    primary key (advertiser_key, day)
) strict, without rowid;

create table epoch (
    only integer primary key check (only = 1),
    id text not null,
    batches integer not null
) strict;

-- What polls so far were handed: the answer counts for the moment it was begun. An import that began up to ten minutes before
-- may not have been in it, so the poll is placed before that import. A 304 is not counted: what it confirms was counted when
-- it was handed over.
update polls
set served_version = min(
    1000 * at - duration_us,
    coalesce(
        (
            select min(imports.version) - 1
            from imports
            where imports.version between 1000 * polls.at - polls.duration_us - 600000000 and 1000 * polls.at
        ),
        1000 * at - duration_us
    )
)
where report = 'singular' and status = 200 and complete = 1 and token_key is not null and date_from is not null;
