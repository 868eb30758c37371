-- What the ledger may lack after a kill, and ways to the last polls that don't lead through all of the history. Comments are
-- in schema.sql.

alter table epoch add column complete_to integer;

create table unknown_days (
    advertiser_key integer not null references advertisers,
    first_day integer not null,
    last_day integer not null check (last_day >= first_day),
    at integer not null,
    primary key (advertiser_key, at, first_day)
) strict, without rowid;

insert into unknown_days (advertiser_key, first_day, last_day, at)
select advertiser_key, first_day, last_day, at from served_days where version = 0;

create index polls_answered on polls (token_key, at) where report = 'singular' and complete = 1 and status < 400;

create index polls_failed on polls (token_key, at) where status >= 400;
