-- Alarms and their notices, and from which hour on an advertiser's stats are missed. Comments are in schema.sql.

alter table advertisers add column stats_due_hour integer not null default 12 check (stats_due_hour between 0 and 23);

create table alarms (
    name text primary key,
    message text not null,
    opened_at integer not null,
    told_at integer not null
) strict, without rowid;

create table alarm_notices (
    notice_key integer primary key,
    channel text not null check (channel in ('mail', 'webhook')),
    event text not null check (event in ('opened', 'reminder', 'over', 'test')),
    alarm text not null,
    subject text not null,
    message text not null,
    created_at integer not null,
    next_at integer not null,
    attempts integer not null default 0,
    failure text not null default ''
) strict;
