-- The history of every value, undo, provisional and final days, saved mappings, uploads in the browser; two-step log-in.
-- Comments on columns are in schema.sql.

-- A CHECK can't be altered, so the table is made anew (foreign keys are off meanwhile and checked at the end).
create table imports_new (
    import_key integer primary key,
    id text not null unique check (length(id) = 36),
    kind text not null check (kind in ('file', 'api', 'demo', 'edit', 'undo', 'mark')),
    source text not null,
    actor text not null,
    reason text check (length(reason) between 1 and 500),
    sha256 text check (length(sha256) = 64),
    token_key integer references api_tokens,
    undoes_key integer unique references imports,
    rows integer not null check (rows >= 0),
    inserted integer not null check (inserted >= 0),
    changed integer not null check (changed >= 0),
    unchanged integer not null check (unchanged >= 0),
    rounded integer not null check (rounded >= 0),
    zeroed integer not null check (zeroed between 0 and changed),
    created_at integer not null,
    check ((kind = 'undo') = (undoes_key is not null))
) strict;

insert into imports_new
select import_key, id, kind, source,
    case kind when 'edit' then source when 'api' then substr(source, length('token ') + 1) else 'command line' end,
    reason, sha256, token_key, null, rows, inserted, changed, unchanged, rounded, 0, created_at
from imports;

drop table imports;

alter table imports_new rename to imports;

create index imports_by_token on imports (token_key);

create table import_spans (
    import_key integer not null references imports,
    advertiser_key integer not null references advertisers,
    first_day integer not null,
    last_day integer not null check (last_day >= first_day),
    primary key (import_key, advertiser_key)
) strict, without rowid;

insert into import_spans
select import_key, advertiser_key, min(day), max(day)
from daily_stats
group by import_key, advertiser_key;

create table stat_history (
    advertiser_key integer not null,
    day integer not null,
    campaign_key integer not null,
    publisher_key integer not null references publishers,
    ended_by integer not null references imports,
    clicks integer not null,
    cost_micros integer not null,
    views integer not null,
    conversions integer not null,
    import_key integer not null references imports,
    import_line integer not null,
    primary key (advertiser_key, day, campaign_key, publisher_key, ended_by),
    foreign key (advertiser_key, campaign_key) references campaigns (advertiser_key, campaign_key)
) strict, without rowid;

create table day_marks (
    advertiser_key integer not null references advertisers,
    day integer not null,
    import_key integer not null references imports,
    state text not null check (state in ('provisional', 'final')),
    primary key (advertiser_key, day, import_key)
) strict, without rowid;

create table mappings (
    mapping_key integer primary key,
    name text not null unique check (length(name) between 1 and 200),
    headers text not null check (json_valid(headers)),
    spec text not null check (json_valid(spec)),
    created_at integer not null,
    used_at integer
) strict;

create table import_drafts (
    id text primary key check (length(id) = 36),
    admin_key integer not null references admins on delete cascade,
    advertiser_key integer not null references advertisers,
    file_name text not null,
    bytes integer not null check (bytes >= 0),
    sha256 text not null check (length(sha256) = 64),
    settings text not null check (json_valid(settings)),
    created_at integer not null
) strict, without rowid;

create index import_drafts_by_admin on import_drafts (admin_key);

create table two_step (
    admin_key integer primary key references admins on delete cascade,
    salt blob not null check (length(salt) >= 16),
    sealed blob not null,
    last_step integer not null,
    created_at integer not null
) strict;

create table recovery_codes (
    admin_key integer not null references admins on delete cascade,
    code_sha256 text not null check (length(code_sha256) = 64),
    used_at integer,
    primary key (admin_key, code_sha256)
) strict, without rowid;

alter table setup_links add column admin_key integer references admins on delete cascade;
