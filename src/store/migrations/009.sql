-- Tokens of packets, the last check from outside, what proxies say. Comments are in schema.sql.

drop table sandboxes;

create table sandbox_tokens (
    token_key integer primary key references api_tokens
) strict;

create table checks (
    advertiser_key integer primary key references advertisers,
    at integer not null,
    url text not null,
    findings text not null check (json_valid(findings))
) strict;

create table proxies_seen (
    peer text primary key,
    is_trusted integer not null check (is_trusted in (0, 1)),
    scheme text not null,
    host text not null,
    at integer not null
) strict, without rowid;
