-- Names of up to 500 characters, the ad networks' own campaign ids, what an import's file came to, mappings that are
-- remembered. Comments on columns are in schema.sql.

-- SQLite describes this way to change a CHECK that what is stored already meets (sqlite.org/lang_altertable.html, section 8).
-- No row is touched, so it takes the same time however large the tables are.
pragma writable_schema = on;

update sqlite_schema
set sql = replace(sql, 'length(name) between 1 and 200', 'length(name) between 1 and 500')
where type = 'table';

pragma writable_schema = reset;

create table network_campaigns (
    advertiser_key integer not null,
    publisher_key integer not null references publishers on delete cascade,
    network_id text not null check (length(network_id) between 1 and 500),
    campaign_key integer not null,
    created_at integer not null,
    primary key (advertiser_key, publisher_key, network_id),
    foreign key (advertiser_key, campaign_key) references campaigns (advertiser_key, campaign_key) on delete cascade
) strict, without rowid;

create index network_campaigns_by_campaign on network_campaigns (campaign_key);

create table mapping_memory (
    headers_sha256 text primary key check (length(headers_sha256) = 64),
    spec text not null check (json_valid(spec)),
    used_at integer not null
) strict, without rowid;

alter table imports add column cost text;

alter table imports add column clicks integer check (clicks >= 0);

alter table imports add column told text check (json_valid(told));
