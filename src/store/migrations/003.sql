-- What imports stated where it was there already, so that an undo of an earlier one leaves it; check bits of tokens, browsers
-- known again, pauses that outlive a restart, the appliance's name, and what was shut for good. Comments are in schema.sql.

create table stated_sets (
    set_key integer primary key,
    sha256 blob not null unique check (length(sha256) = 32)
) strict;

create table stated_cells (
    set_key integer not null references stated_sets,
    publisher_key integer not null references publishers,
    campaign_key integer not null,
    primary key (set_key, publisher_key, campaign_key)
) strict, without rowid;

create table import_statements (
    advertiser_key integer not null references advertisers,
    import_key integer not null references imports,
    first_day integer not null,
    last_day integer not null check (last_day >= first_day),
    set_key integer not null references stated_sets,
    primary key (advertiser_key, import_key, first_day, set_key)
) strict, without rowid;

alter table api_tokens add column secret_check integer check (secret_check between 0 and 4294967295);

create table known_browsers (
    admin_key integer not null references admins on delete cascade,
    id_sha256 text not null check (length(id_sha256) = 64),
    used_at integer not null,
    primary key (admin_key, id_sha256)
) strict, without rowid;

create table login_pauses (
    subject_sha256 blob primary key check (length(subject_sha256) = 32),
    wrong integer not null check (wrong >= 0),
    last_at integer not null,
    held_until integer not null
) strict, without rowid;

create table appliance (
    only integer primary key check (only = 1),
    id text not null check (length(id) = 32)
) strict;

insert into appliance (only, id) values (1, lower(hex(randomblob(16))));

create table shut_for_good (
    kind text not null check (kind in ('person', 'token', 'feed')),
    id text not null,
    at integer not null,
    primary key (kind, id)
) strict, without rowid;
