-- Step 1: the first schema. Steps are never edited once a release carried them; schema.sql is the sum.

-- Hands out versions. Each is larger than all before it and at least the clock's microseconds, so that a version is not
-- given out twice even after an older copy of the file was put back.
create table change_clock (
    only integer primary key check (only = 1),
    latest integer not null,
    -- The version of the last change to any publisher.
    publishers integer not null
) strict;

-- The accounts that pay. A token belongs to one, and a report shows one.
create table advertisers (
    advertiser_key integer primary key,
    id text not null unique check (length(id) = 36),
    name text not null unique check (length(name) between 1 and 200),
    currency text not null check (currency glob '[A-Z][A-Z][A-Z]'),
    time_zone text not null check (length(time_zone) > 0),
    -- Moves with every change to the advertiser's own apps, offers and campaigns.
    catalogue_version integer not null,
    disabled_at integer,
    created_at integer not null
) strict;

-- What is advertised.
create table apps (
    app_key integer primary key,
    id text not null unique check (length(id) = 36),
    advertiser_key integer not null references advertisers,
    name text not null check (length(name) between 1 and 200),
    os text not null check (os in ('IOS', 'ANDROID', 'WEB')),
    store_id text not null check (length(store_id) between 1 and 255),
    created_at integer not null,
    unique (advertiser_key, os, store_id),
    unique (advertiser_key, app_key)
) strict;

-- Who shows the offers. Shared by all advertisers, so that a publisher keeps one id everywhere.
create table publishers (
    publisher_key integer primary key,
    id text not null unique check (length(id) = 36),
    name text not null unique check (length(name) between 1 and 200),
    created_at integer not null
) strict;

-- What users see and publishers promote.
create table offers (
    offer_key integer primary key,
    id text not null unique check (length(id) = 36),
    advertiser_key integer not null references advertisers,
    name text not null check (length(name) between 1 and 200),
    -- Whether Singular is shown the offer's cost.
    cost_reporting integer not null check (cost_reporting in (0, 1)),
    created_at integer not null,
    unique (advertiser_key, name),
    unique (advertiser_key, offer_key)
) strict;

-- The advertiser's own name for an offer on one app. An offer's first campaign carries the offer's id.
create table campaigns (
    campaign_key integer primary key,
    id text not null unique check (length(id) = 36),
    advertiser_key integer not null,
    offer_key integer not null,
    app_key integer not null,
    name text not null check (length(name) between 1 and 200),
    created_at integer not null,
    unique (advertiser_key, name),
    unique (advertiser_key, campaign_key),
    foreign key (advertiser_key, offer_key) references offers (advertiser_key, offer_key),
    foreign key (advertiser_key, app_key) references apps (advertiser_key, app_key)
) strict;

create index campaigns_by_offer on campaigns (offer_key);

create index campaigns_by_app on campaigns (app_key);

-- Everything that ever changed the stats: files, uploads, edits. Rows of daily_stats point at the last that wrote them.
create table imports (
    import_key integer primary key,
    id text not null unique check (length(id) = 36),
    kind text not null check (kind in ('file', 'api', 'demo', 'edit')),
    -- File name, or what else the rows came from.
    source text not null,
    reason text check (length(reason) between 1 and 500),
    -- Of the bytes as they came, in hexadecimal.
    sha256 text check (length(sha256) = 64),
    token_key integer references api_tokens,
    rows integer not null check (rows >= 0),
    inserted integer not null check (inserted >= 0),
    changed integer not null check (changed >= 0),
    unchanged integer not null check (unchanged >= 0),
    rounded integer not null check (rounded >= 0),
    created_at integer not null
) strict;

create index imports_by_token on imports (token_key);

-- The one big table: one row for each day, campaign and publisher, stored in the order in which reports read it.
create table daily_stats (
    advertiser_key integer not null references advertisers,
    day integer not null check (day between 10957 and 84005), -- 2000-01-01 to 2199-12-31
    campaign_key integer not null,
    publisher_key integer not null references publishers,
    clicks integer not null check (clicks between 0 and 1000000000000000),
    cost_micros integer not null check (cost_micros between 0 and 100000000000000000),
    views integer not null check (views between 0 and 1000000000000000),
    conversions integer not null check (conversions between 0 and 1000000000000000),
    import_key integer not null references imports,
    -- The line of the import that stated the row; the first of them where several were summed.
    import_line integer not null check (import_line >= 0),
    primary key (advertiser_key, day, campaign_key, publisher_key),
    foreign key (advertiser_key, campaign_key) references campaigns (advertiser_key, campaign_key)
) strict, without rowid;

-- One version for each day that has stats: says when a cached day or a client's copy is stale.
create table day_versions (
    advertiser_key integer not null references advertisers,
    day integer not null,
    version integer not null,
    primary key (advertiser_key, day)
) strict, without rowid;

-- What advertisers' programs authenticate with. The secret itself is nowhere; hash is its Argon2id PHC string.
create table api_tokens (
    token_key integer primary key,
    id text not null unique check (length(id) = 16),
    advertiser_key integer not null references advertisers,
    name text not null check (length(name) between 1 and 200),
    scope text not null check (scope in ('report', 'ingest')),
    hash text not null check (hash glob '$argon2id$*'),
    replaces_key integer references api_tokens,
    expires_at integer,
    revoked_at integer,
    last_used_at integer,
    last_used_address text,
    last_used_agent text,
    created_at integer not null
) strict;

create index api_tokens_by_advertiser on api_tokens (advertiser_key);

-- People who may log in.
create table admins (
    admin_key integer primary key,
    id text not null unique check (length(id) = 36),
    email text not null unique check (email = lower(email)),
    role text not null check (role in ('admin', 'viewer')),
    password_hash text not null check (password_hash glob '$argon2id$*'),
    created_at integer not null,
    password_changed_at integer not null
) strict;

-- One-time links that make the first admin. Only the SHA-256 of the link's secret is kept.
create table setup_links (
    secret_sha256 text primary key check (length(secret_sha256) = 64),
    expires_at integer not null,
    used_at integer
) strict, without rowid;

-- Browsers that are logged in. Only the SHA-256 of the cookie's value is kept.
create table sessions (
    id_sha256 text primary key check (length(id_sha256) = 64),
    admin_key integer not null references admins on delete cascade,
    address text not null,
    user_agent text not null,
    created_at integer not null,
    last_seen_at integer not null
) strict, without rowid;

create index sessions_by_admin on sessions (admin_key);

-- Every report request, answered or refused. Kept for 400 days.
create table polls (
    poll_key integer primary key,
    at integer not null,
    -- Null where nobody could be recognised.
    token_key integer references api_tokens,
    report text not null check (report in ('singular', 'general')),
    format text not null check (format in ('json', 'csv')),
    -- The range asked for, as days; null where it could not be read.
    date_from integer,
    date_to integer,
    status integer not null check (status between 100 and 599),
    -- Whether the answer was made to its end; 0 where the client left or reading failed midway.
    complete integer not null check (complete in (0, 1)),
    rows integer not null check (rows >= 0),
    -- Sum over the rows; null past the range of the database's integers.
    cost_micros integer check (cost_micros >= 0),
    -- Before compression.
    bytes integer not null check (bytes >= 0),
    duration_us integer not null check (duration_us >= 0),
    address text not null,
    user_agent text not null
) strict;

create index polls_by_at on polls (at);

create index polls_by_token on polls (token_key, at);

-- Who did what, when, from where. Append-only: the triggers refuse everything else.
create table audit_log (
    audit_key integer primary key,
    at integer not null,
    -- 'command line', an admin's e-mail address, or a token's id.
    actor text not null,
    -- Noun and verb, such as 'token revoke'.
    action text not null,
    -- What it was done to, by the name people know.
    subject text not null,
    address text
) strict;

create trigger audit_log_keeps_rows before delete on audit_log
begin
    select raise(abort, 'the audit log is append-only');
end;

create trigger audit_log_keeps_words before update on audit_log
begin
    select raise(abort, 'the audit log is append-only');
end;
