-- Pitlane's database, as it stands after all migrations in src/store/migrations.
--
-- This file is for reading; the program runs the migrations, and a test proves that they lead here. Conventions:
--   *_key   small surrogate integer, never leaves the process; ids that do are UUIDs in lower case
--   *_at    a moment: milliseconds since 1970-01-01T00:00:00Z
--   day     a date as its source stated it: days since 1970-01-01, without a zone
--   *_micros  money: whole millionths of a unit of the advertiser's currency
-- Changes that a report can show carry a version taken from change_clock in the same transaction.

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
    name text not null unique check (length(name) between 1 and 500),
    currency text not null check (currency glob '[A-Z][A-Z][A-Z]'),
    time_zone text not null check (length(time_zone) > 0),
    -- Moves with every change to the advertiser's own apps, offers and campaigns.
    catalogue_version integer not null,
    disabled_at integer,
    created_at integer not null,
    -- The hour in the advertiser's zone from which on stats of the day before are missed.
    stats_due_hour integer not null default 12 check (stats_due_hour between 0 and 23)
) strict;

-- What is advertised.
create table apps (
    app_key integer primary key,
    id text not null unique check (length(id) = 36),
    advertiser_key integer not null references advertisers,
    name text not null check (length(name) between 1 and 500),
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
    name text not null unique check (length(name) between 1 and 500),
    created_at integer not null
) strict;

-- What users see and publishers promote.
create table offers (
    offer_key integer primary key,
    id text not null unique check (length(id) = 36),
    advertiser_key integer not null references advertisers,
    name text not null check (length(name) between 1 and 500),
    -- Whether Singular is shown the offer's cost.
    cost_reporting integer not null check (cost_reporting in (0, 1)),
    created_at integer not null,
    -- Whether a campaign was ever given its id.
    id_given integer not null default 0 check (id_given in (0, 1)),
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
    name text not null check (length(name) between 1 and 500),
    created_at integer not null,
    unique (advertiser_key, name),
    unique (advertiser_key, campaign_key),
    foreign key (advertiser_key, offer_key) references offers (advertiser_key, offer_key),
    foreign key (advertiser_key, app_key) references apps (advertiser_key, app_key)
) strict;

create index campaigns_by_offer on campaigns (offer_key);

create index campaigns_by_app on campaigns (app_key);

-- The ids that ad networks give campaigns. One belongs to an advertiser and a publisher, and finds the campaign whatever its
-- name is by now.
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

-- Everything that ever changed the stats: files, uploads, edits, undos. Rows of daily_stats point at the one that stated
-- their value.
create table imports (
    import_key integer primary key,
    id text not null unique check (length(id) = 36),
    -- mark: days called provisional or final without a row changed. merge: rows moved from one publisher or campaign to
    -- another, with zeros left behind.
    kind text not null check (kind in ('file', 'api', 'demo', 'edit', 'undo', 'mark', 'merge')),
    -- File name, or what else the rows came from.
    source text not null,
    -- Who brought it, as the audit log names people and programs.
    actor text not null,
    -- Why, in the words of whoever brought it.
    reason text check (length(reason) between 1 and 500),
    -- Of the bytes as they came, in hexadecimal.
    sha256 text check (length(sha256) = 64),
    token_key integer references api_tokens,
    -- The import that this one took back.
    undoes_key integer unique references imports,
    rows integer not null check (rows >= 0),
    inserted integer not null check (inserted >= 0),
    changed integer not null check (changed >= 0),
    unchanged integer not null check (unchanged >= 0),
    rounded integer not null check (rounded >= 0),
    -- Of the changed: rows that the file left out and that were set to zero, since that was asked for.
    zeroed integer not null check (zeroed between 0 and changed),
    created_at integer not null,
    -- What its changes carry; of imports from before versions were kept, when they began.
    version integer not null default 0,
    -- What the file's lines come to, exactly as read: a decimal number, where they are of one currency.
    cost text,
    clicks integer check (clicks >= 0),
    -- What was left out, created, noted, and what each day was and is, a JSON object.
    told text check (json_valid(told)),
    check ((kind = 'undo') = (undoes_key is not null))
) strict;

create index imports_by_token on imports (token_key);

create index imports_by_version on imports (version);

-- Which days of which advertiser an import stated.
create table import_spans (
    import_key integer not null references imports,
    advertiser_key integer not null references advertisers,
    first_day integer not null,
    last_day integer not null check (last_day >= first_day),
    primary key (import_key, advertiser_key)
) strict, without rowid;

create index import_spans_by_advertiser on import_spans (advertiser_key);

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

-- The values that rows of daily_stats held before: one row for each time that an import replaced a value or took it away.
create table stat_history (
    advertiser_key integer not null,
    day integer not null,
    campaign_key integer not null,
    publisher_key integer not null references publishers,
    -- The import that ended the value.
    ended_by integer not null references imports,
    clicks integer not null,
    cost_micros integer not null,
    views integer not null,
    conversions integer not null,
    -- The import that had stated it, and the line.
    import_key integer not null references imports,
    import_line integer not null,
    primary key (advertiser_key, day, campaign_key, publisher_key, ended_by),
    foreign key (advertiser_key, campaign_key) references campaigns (advertiser_key, campaign_key)
) strict, without rowid;

-- Which cells of a day an import stated, whether or not that changed them. Days and imports share a set, so that the same
-- file imported every night adds one row of import_statements and no set.
create table stated_sets (
    set_key integer primary key,
    -- Of the set's cells, in order.
    sha256 blob not null unique check (length(sha256) = 32)
) strict;

-- The cells of a set.
create table stated_cells (
    set_key integer not null references stated_sets,
    publisher_key integer not null references publishers,
    -- 0: all campaigns that the day had at this publisher when the import was done.
    campaign_key integer not null,
    primary key (set_key, publisher_key, campaign_key)
) strict, without rowid;

-- What imports stated on days where some of it was there already: each run of days with the same set. Kept apart from
-- daily_stats, whose import_key is the import that a value began with.
create table import_statements (
    advertiser_key integer not null references advertisers,
    import_key integer not null references imports,
    first_day integer not null,
    last_day integer not null check (last_day >= first_day),
    set_key integer not null references stated_sets,
    primary key (advertiser_key, import_key, first_day, set_key)
) strict, without rowid;

-- What imports said of days: that their figures may still change, or that they are final (the invoice went out). The
-- latest import that was not undone counts; a day without one is neither.
create table day_marks (
    advertiser_key integer not null references advertisers,
    day integer not null,
    import_key integer not null references imports,
    state text not null check (state in ('provisional', 'final')),
    primary key (advertiser_key, day, import_key)
) strict, without rowid;

-- One version for each day that has stats: says when a cached day or a client's copy is stale.
create table day_versions (
    advertiser_key integer not null references advertisers,
    day integer not null,
    version integer not null,
    primary key (advertiser_key, day)
) strict, without rowid;

-- Each day's sums, kept in the transaction that changes the day. The cost is whole units and the millionths beside them.
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

-- What a campaign came to at a publisher in a month, kept like the days' sums. A month is 12 times the year and the months
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

-- Saved ways to read files that have not the columns of the contract.
create table mappings (
    mapping_key integer primary key,
    name text not null unique check (length(name) between 1 and 500),
    -- The headers of the file it was made for, a JSON array: a file with the same is recognised.
    headers text not null check (json_valid(headers)),
    -- Columns, fixed values and formats, a JSON object.
    spec text not null check (json_valid(spec)),
    created_at integer not null,
    used_at integer
) strict;

-- The last answers to files with the same headers, saved under no name.
create table mapping_memory (
    -- Of the headers, in hexadecimal.
    headers_sha256 text primary key check (length(headers_sha256) = 64),
    -- Columns, fixed values and formats, a JSON object.
    spec text not null check (json_valid(spec)),
    used_at integer not null
) strict, without rowid;

-- Files that were uploaded in the browser and wait for their mapping or for the word to go on. Their bytes lie in the
-- uploads directory under the same id; both go after a day.
create table import_drafts (
    id text primary key check (length(id) = 36),
    admin_key integer not null references admins on delete cascade,
    advertiser_key integer not null references advertisers,
    file_name text not null,
    bytes integer not null check (bytes >= 0),
    sha256 text not null check (length(sha256) = 64),
    -- What was answered so far, a JSON object.
    settings text not null check (json_valid(settings)),
    created_at integer not null
) strict, without rowid;

create index import_drafts_by_admin on import_drafts (admin_key);

-- What advertisers' programs authenticate with. The secret itself is nowhere; hash is its Argon2id PHC string.
create table api_tokens (
    token_key integer primary key,
    id text not null unique check (length(id) = 16),
    advertiser_key integer not null references advertisers,
    name text not null check (length(name) between 1 and 500),
    scope text not null check (scope in ('report', 'ingest')),
    hash text not null check (hash glob '$argon2id$*'),
    -- The token whose place it takes: both work until the old one is revoked.
    replaces_key integer references api_tokens,
    expires_at integer,
    revoked_at integer,
    last_used_at integer,
    last_used_address text,
    last_used_agent text,
    created_at integer not null,
    -- The first 32 bits of the secret's SHA-256, by which wrong ones are refused without Argon2. Null for a token from before
    -- there were any, until its secret is first seen.
    secret_check integer check (secret_check between 0 and 4294967295),
    -- Who holds it: polls of Singular's own tokens say what Singular was handed.
    reader text not null default 'singular' check (reader in ('singular', 'other'))
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
    -- 0 where somebody was invited and has not chosen a password yet: nobody knows what password_hash is made of.
    password_changed_at integer not null
) strict;

-- One-time links that make an admin, or let somebody choose a password. Only the SHA-256 of the link's secret is kept.
create table setup_links (
    secret_sha256 text primary key check (length(secret_sha256) = 64),
    expires_at integer not null,
    used_at integer,
    -- Whose password it is for; null where it makes an admin.
    admin_key integer references admins on delete cascade
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

-- Browsers that somebody logged in with before. They let nobody in; but guesses at a password elsewhere do not make them
-- wait. Only the SHA-256 of the cookie's value is kept.
create table known_browsers (
    admin_key integer not null references admins on delete cascade,
    id_sha256 text not null check (length(id_sha256) = 64),
    used_at integer not null,
    primary key (admin_key, id_sha256)
) strict, without rowid;

-- Who guessed wrong passwords and codes and must wait. A subject is an account as one browser or network tries it, or a
-- network; it is kept as a hash. Forgotten after an hour.
create table login_pauses (
    subject_sha256 blob primary key check (length(subject_sha256) = 32),
    wrong integer not null check (wrong >= 0),
    last_at integer not null,
    held_until integer not null
) strict, without rowid;

-- The second step of logging in (RFC 6238). The secret is sealed with a key that only the person's password gives, so that
-- whoever has the database or a backup has no codes.
create table two_step (
    admin_key integer primary key references admins on delete cascade,
    salt blob not null check (length(salt) >= 16),
    -- Nonce and ciphertext.
    sealed blob not null,
    -- The last time step whose code was taken: each code works once.
    last_step integer not null,
    created_at integer not null
) strict;

-- One-time codes for when the phone is gone. Only the SHA-256 of each is kept.
create table recovery_codes (
    admin_key integer not null references admins on delete cascade,
    code_sha256 text not null check (length(code_sha256) = 64),
    used_at integer,
    primary key (admin_key, code_sha256)
) strict, without rowid;

-- Links by which partners beside Singular read an advertiser's cost as CSV (contract §9). Only the SHA-256 of the link's
-- secret is kept.
create table feeds (
    feed_key integer primary key,
    id text not null unique check (length(id) = 36),
    advertiser_key integer not null references advertisers,
    name text not null check (length(name) between 1 and 500),
    format text not null check (format in ('generic', 'appsflyer', 'branch', 'kochava')),
    secret_sha256 text not null unique check (length(secret_sha256) = 64),
    -- The last so many days; null where it has a first and a last day of its own.
    days integer check (days >= 1),
    first_day integer,
    last_day integer check (last_day >= first_day),
    -- The one publisher it shows; null for all.
    publisher_key integer references publishers,
    expires_at integer,
    revoked_at integer,
    last_used_at integer,
    last_used_address text,
    last_used_agent text,
    created_at integer not null,
    check ((days is null) = (first_day is not null) and (first_day is null) = (last_day is null))
) strict;

create index feeds_by_advertiser on feeds (advertiser_key);

create index feeds_by_publisher on feeds (publisher_key);

-- Networks, in CIDR notation, that a token may be used from; a token without any may be used from anywhere.
create table token_networks (
    token_key integer not null references api_tokens,
    network text not null,
    primary key (token_key, network)
) strict, without rowid;

-- Tokens that stand in a packet for Singular's integration team. They read made-up days, which are in no table, and are in no
-- list of tokens.
create table sandbox_tokens (
    token_key integer primary key references api_tokens
) strict;

-- The last check from outside of each advertiser's report.
create table checks (
    advertiser_key integer primary key references advertisers,
    at integer not null,
    -- The address that was asked.
    url text not null,
    -- What each part found, a JSON array.
    findings text not null check (json_valid(findings))
) strict;

-- Who sent headers of proxies lately, by the address of the connection; noted at most once an hour.
create table proxies_seen (
    peer text primary key,
    is_trusted integer not null check (is_trusted in (0, 1)),
    -- What they said of scheme and host; empty where they said nothing.
    scheme text not null,
    host text not null,
    at integer not null
) strict, without rowid;

-- Two publishers, or two campaigns of an advertiser, that became one, until the import that did it is undone. The first is
-- hidden then; its name and the networks' ids for it mean the second.
create table merges (
    import_key integer primary key references imports,
    publisher_key integer references publishers,
    into_publisher_key integer references publishers,
    advertiser_key integer,
    campaign_key integer,
    into_campaign_key integer,
    foreign key (advertiser_key, campaign_key) references campaigns (advertiser_key, campaign_key),
    foreign key (advertiser_key, into_campaign_key) references campaigns (advertiser_key, campaign_key),
    check ((publisher_key is null) = (into_publisher_key is null)),
    check ((campaign_key is null) = (into_campaign_key is null)),
    check ((publisher_key is null) <> (campaign_key is null))
) strict;

create index merges_by_publisher on merges (publisher_key);

create index merges_by_campaign on merges (campaign_key);

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
    user_agent text not null,
    -- What the answer was made from, if it was handed over whole to a GET of the Singular report.
    served_version integer,
    -- The feed that was read, if it was one: then there is no token.
    feed_key integer references feeds
) strict;

create index polls_by_at on polls (at);

create index polls_by_token on polls (token_key, at);

create index polls_answered on polls (token_key, at) where report = 'singular' and complete = 1 and status < 400;

create index polls_failed on polls (token_key, at) where status >= 400;

-- Names this appliance, so that a restore can say whose backup it is given. Copies of the file share it.
create table appliance (
    only integer primary key check (only = 1),
    id text not null check (length(id) = 32)
) strict;

-- People who were removed, and tokens and feeds that were revoked in a database that a restore replaced: whichever older
-- copy is put back next, they stay shut.
create table shut_for_good (
    kind text not null check (kind in ('person', 'token', 'feed')),
    -- The id that the outside knows it by.
    id text not null,
    at integer not null,
    primary key (kind, id)
) strict, without rowid;

-- What offers were before each change: their name, and whether Singular was shown their cost.
create table offer_history (
    offer_key integer not null references offers on delete cascade,
    -- The version of the change that ended it.
    until integer not null,
    name text not null,
    cost_reporting integer not null check (cost_reporting in (0, 1)),
    primary key (offer_key, until)
) strict, without rowid;

-- Which offer and app campaigns had before each change.
create table campaign_history (
    campaign_key integer not null references campaigns on delete cascade,
    -- The version of the change that ended it.
    until integer not null,
    offer_key integer not null references offers,
    app_key integer not null references apps,
    primary key (campaign_key, until)
) strict, without rowid;

-- Which store id apps had before each change.
create table app_history (
    app_key integer not null references apps on delete cascade,
    -- The version of the change that ended it.
    until integer not null,
    os text not null check (os in ('IOS', 'ANDROID', 'WEB')),
    store_id text not null,
    primary key (app_key, until)
) strict, without rowid;

-- The ledger: runs of days, each with the last answer that covered it and was handed over whole to Singular. Runs don't
-- overlap, and outlive the poll history.
create table served_days (
    advertiser_key integer not null references advertisers,
    first_day integer not null,
    last_day integer not null check (last_day >= first_day),
    -- When its last byte was taken.
    at integer not null,
    -- What it was made from; 0 where that can't be known any more.
    version integer not null,
    primary key (advertiser_key, first_day)
) strict, without rowid;

-- Addresses and agents that somebody marked as not Singular, though they use its tokens.
create table not_singular (
    advertiser_key integer not null references advertisers,
    address text not null,
    user_agent text not null,
    actor text not null,
    created_at integer not null,
    primary key (advertiser_key, address, user_agent)
) strict, without rowid;

-- Refresh requests that somebody says were sent to Singular.
create table refresh_requests (
    request_key integer primary key,
    advertiser_key integer not null references advertisers,
    first_day integer not null,
    last_day integer not null check (last_day >= first_day),
    actor text not null,
    created_at integer not null
) strict;

create index refresh_requests_by_advertiser on refresh_requests (advertiser_key);

-- Days that differ for good, and that somebody said to leave so. It holds until the day's stats change.
create table accepted_days (
    advertiser_key integer not null references advertisers,
    day integer not null,
    -- The day's version then; 0 where it had no stats.
    version integer not null,
    actor text not null,
    created_at integer not null,
    primary key (advertiser_key, day)
) strict, without rowid;

-- Tells this file from copies of it that are older: the id stands in a file beside the database too, with the number of
-- batches that were written to served_days.
create table epoch (
    only integer primary key check (only = 1),
    id text not null,
    batches integer not null,
    -- While a server hands answers over, and after it was killed: the version up to which served_days has all of them. Null
    -- where it has all there are.
    complete_to integer
) strict;

-- Days of which it was not known any more, from that moment on, what they were handed over as: after a restore, or a kill.
create table unknown_days (
    advertiser_key integer not null references advertisers,
    first_day integer not null,
    last_day integer not null check (last_day >= first_day),
    at integer not null,
    primary key (advertiser_key, at, first_day)
) strict, without rowid;

-- Alarms that are open: what needs attention and is told by mail or webhook.
create table alarms (
    -- What it is about: the advertiser's id, where it is about one, and the rule.
    name text primary key,
    message text not null,
    opened_at integer not null,
    -- When people were last told or reminded.
    told_at integer not null
) strict, without rowid;

-- What is still to be sent of them. A row goes once it was sent, or is given up after three days.
create table alarm_notices (
    notice_key integer primary key,
    channel text not null check (channel in ('mail', 'webhook')),
    event text not null check (event in ('opened', 'reminder', 'over', 'test')),
    alarm text not null,
    subject text not null,
    message text not null,
    created_at integer not null,
    -- Not before then.
    next_at integer not null,
    -- How often it could not be sent, and why the last time.
    attempts integer not null default 0,
    failure text not null default ''
) strict;

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

-- Few of millions: pages tell of them for a week.
create index audit_log_cut_off on audit_log (at) where action = 'stats import cut off';

create trigger audit_log_keeps_rows before delete on audit_log
begin
    select raise(abort, 'the audit log is append-only');
end;

create trigger audit_log_keeps_words before update on audit_log
begin
    select raise(abort, 'the audit log is append-only');
end;
