-- What imports stated where it was there already, so that an undo of an earlier one leaves it. Comments are in schema.sql.

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
