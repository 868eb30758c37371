-- Each day's sums, made anew in the transaction that changes the day. The cost is whole units and the millionths beside them.
create table day_sums (
    advertiser_key integer not null references advertisers,
    day integer not null,
    rows integer not null check (rows > 0),
    clicks integer not null check (clicks >= 0),
    cost_units integer not null check (cost_units >= 0),
    cost_micros integer not null check (cost_micros between 0 and 999999),
    views integer not null check (views >= 0),
    conversions integer not null check (conversions >= 0),
    primary key (advertiser_key, day)
) strict, without rowid;

-- What a campaign came to at a publisher in a month, made anew like the days' sums. A month is 12 times the year and the months
-- before it.
create table month_sums (
    advertiser_key integer not null references advertisers,
    month integer not null,
    campaign_key integer not null,
    publisher_key integer not null references publishers,
    rows integer not null check (rows > 0),
    first_day integer not null,
    last_day integer not null check (last_day >= first_day),
    clicks integer not null check (clicks >= 0),
    cost_micros integer not null check (cost_micros >= 0),
    views integer not null check (views >= 0),
    conversions integer not null check (conversions >= 0),
    primary key (advertiser_key, month, campaign_key, publisher_key),
    foreign key (advertiser_key, campaign_key) references campaigns (advertiser_key, campaign_key)
) strict, without rowid;

create index month_sums_by_publisher on month_sums (publisher_key);

insert into day_sums
select
    advertiser_key,
    day,
    count(*),
    sum(clicks),
    sum(cost_micros / 1000000) + sum(cost_micros % 1000000) / 1000000,
    sum(cost_micros % 1000000) % 1000000,
    sum(views),
    sum(conversions)
from daily_stats
group by advertiser_key, day;

insert into month_sums
select
    advertiser_key,
    cast(strftime('%Y', day * 86400, 'unixepoch') as integer) * 12 + cast(strftime('%m', day * 86400, 'unixepoch') as integer) - 1,
    campaign_key,
    publisher_key,
    count(*),
    min(day),
    max(day),
    sum(clicks),
    sum(cost_micros),
    sum(views),
    sum(conversions)
from daily_stats
group by 1, 2, 3, 4;
