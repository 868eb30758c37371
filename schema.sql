-- Pitlane's database after all migrations in src/store/migrations.
--
-- This file is for reading; the program runs the migrations, and a test proves that both are equal. Conventions:
--   *_key   small surrogate integer, only used inside of the program; public ids are UUIDs in lower case
--   *_at    a time: milliseconds since 1970-01-01T00:00:00Z
--   day     a date as its source stated it: days since 1970-01-01, without a zone
--   *_micros  money: whole millionths of a unit of the advertiser's currency
-- Changes that a report can show carry a version taken from change_clock in the same transaction.

-- The source of versions. Each is larger than all before it and at least the clock's microseconds, so that no version is used
-- twice, even after an older copy of the file was restored.
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
    -- Increases with every change to the advertiser's own apps, offers and campaigns.
    catalogue_version integer not null,
    disabled_at integer,
    created_at integer not null,
    -- The hour in the advertiser's zone after which missing stats of yesterday raise an alarm.
    stats_due_hour integer not null default 12 check (stats_due_hour between 0 and 23)
) strict;

-- The apps that are advertised.
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

-- The partners that promote offers. Shared by all advertisers, so that a publisher keeps one id everywhere.
create table publishers (
    publisher_key integer primary key,
    id text not null unique check (length(id) = 36),
    name text not null unique check (length(name) between 1 and 500),
    created_at integer not null
) strict;

-- The promotions that users see and publishers run.
create table offers (
    offer_key integer primary key,
    id text not null unique check (length(id) = 36),
    advertiser_key integer not null references advertisers,
    name text not null check (length(name) between 1 and 500),
    -- Whether Singular gets the offer's cost.
    cost_reporting integer not null check (cost_reporting in (0, 1)),
    created_at integer not null,
    -- Whether a campaign ever had its id.
    id_given integer not null default 0 check (id_given in (0, 1)),
    unique (advertiser_key, name),
    unique (advertiser_key, offer_key)
) strict;

-- The advertiser's own name for an offer on one app. An offer's first campaign has the offer's id.
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

-- The ids that ad networks give campaigns. An id belongs to an advertiser and a publisher, and finds the campaign even after
-- it was renamed.
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

-- Everything that ever changed the stats: files, uploads, edits, undos. Rows of daily_stats refer to the one that stated
-- their value.
create table imports (
    import_key integer primary key,
    id text not null unique check (length(id) = 36),
    -- mark: days marked as provisional or final without changing rows. merge: rows moved from one publisher or campaign to
    -- another, with zeros left behind.
    kind text not null check (kind in ('file', 'api', 'demo', 'edit', 'undo', 'mark', 'merge')),
    -- The file's name, or another description.
    source text not null,
    -- Who imported it, as the audit log names people and programs.
    actor text not null,
    -- The reason that this person gave.
    reason text check (length(reason) between 1 and 500),
    -- SHA-256 of the original bytes, in hexadecimal.
    sha256 text check (length(sha256) = 64),
    token_key integer references api_tokens,
    -- The import that this one undid.
    undoes_key integer unique references imports,
    rows integer not null check (rows >= 0),
    inserted integer not null check (inserted >= 0),
    changed integer not null check (changed >= 0),
    unchanged integer not null check (unchanged >= 0),
    rounded integer not null check (rounded >= 0),
    -- Changed rows that were set to zero because the file left them out.
    zeroed integer not null check (zeroed between 0 and changed),
    created_at integer not null,
    -- The version of its changes; for an import older than versions, the time when it began.
    version integer not null default 0,
    -- The total cost of the lines, exactly as read: a decimal number, if they have one currency.
    cost text,
    clicks integer check (clicks >= 0),
    -- Lines left out, names created, notes, and each day's totals before and after: a JSON object.
    told text check (json_valid(told)),
    check ((kind = 'undo') = (undoes_key is not null))
) strict;

create index imports_by_token on imports (token_key);

create index imports_by_version on imports (version);

-- The days of each advertiser in an import.
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
    -- The row's line in the import; the first one if several were summed.
    import_line integer not null check (import_line >= 0),
    primary key (advertiser_key, day, campaign_key, publisher_key),
    foreign key (advertiser_key, campaign_key) references campaigns (advertiser_key, campaign_key)
) strict, without rowid;

-- Earlier values of rows of daily_stats: one row for each time that an import replaced or removed a value.
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
    -- SHA-256 of the set's cells, in order.
    sha256 blob not null unique check (length(sha256) = 32)
) strict;

-- The cells of a set.
create table stated_cells (
    set_key integer not null references stated_sets,
    publisher_key integer not null references publishers,
    -- 0 means all campaigns that the day had at this publisher at the time of the import.
    campaign_key integer not null,
    primary key (set_key, publisher_key, campaign_key)
) strict, without rowid;

-- What imports stated on days that already had some of the cells: each run of days with the same set. Separate from
-- daily_stats, whose import_key is the import that first stated the value.
create table import_statements (
    advertiser_key integer not null references advertisers,
    import_key integer not null references imports,
    first_day integer not null,
    last_day integer not null check (last_day >= first_day),
    set_key integer not null references stated_sets,
    primary key (advertiser_key, import_key, first_day, set_key)
) strict, without rowid;

-- Marks of days: provisional (figures may still change) or final (invoiced). The latest import that isn't undone counts; a
-- day without a mark is neither.
create table day_marks (
    advertiser_key integer not null references advertisers,
    day integer not null,
    import_key integer not null references imports,
    state text not null check (state in ('provisional', 'final')),
    primary key (advertiser_key, day, import_key)
) strict, without rowid;

-- One version for each day with stats: tells whether a cached day or a client's copy is outdated.
create table day_versions (
    advertiser_key integer not null references advertisers,
    day integer not null,
    version integer not null,
    primary key (advertiser_key, day)
) strict, without rowid;

-- Each day's sums, updated in the transaction that changes the day. The cost is stored as whole units and millionths.
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

-- The sums of a campaign at a publisher in a month, updated like the days' sums. A month is stored as 12 times the year plus
-- the months before it.
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

-- Saved mappings: how to read files with other columns than the contract's.
create table mappings (
    mapping_key integer primary key,
    name text not null unique check (length(name) between 1 and 500),
    -- The headers of the file it was made for, a JSON array; a file with the same headers uses it.
    headers text not null check (json_valid(headers)),
    -- Columns, fixed values and formats, a JSON object.
    spec text not null check (json_valid(spec)),
    created_at integer not null,
    used_at integer
) strict;

-- The answers to the last file with the same headers, without a name.
create table mapping_memory (
    -- SHA-256 of the headers, in hexadecimal.
    headers_sha256 text primary key check (length(headers_sha256) = 64),
    -- Columns, fixed values and formats, a JSON object.
    spec text not null check (json_valid(spec)),
    used_at integer not null
) strict, without rowid;

-- Files that were uploaded in the browser and aren't imported yet. Their bytes are in the uploads directory under the same
-- id; both are deleted after a day.
create table import_drafts (
    id text primary key check (length(id) = 36),
    admin_key integer not null references admins on delete cascade,
    advertiser_key integer not null references advertisers,
    file_name text not null,
    bytes integer not null check (bytes >= 0),
    sha256 text not null check (length(sha256) = 64),
    -- The answers so far, a JSON object.
    settings text not null check (json_valid(settings)),
    created_at integer not null
) strict, without rowid;

create index import_drafts_by_admin on import_drafts (admin_key);

-- API tokens. The secret itself isn't stored; hash is its Argon2id PHC string.
create table api_tokens (
    token_key integer primary key,
    id text not null unique check (length(id) = 16),
    advertiser_key integer not null references advertisers,
    name text not null check (length(name) between 1 and 500),
    scope text not null check (scope in ('report', 'ingest')),
    hash text not null check (hash glob '$argon2id$*'),
    -- The token that it replaces: both work until the old one is revoked.
    replaces_key integer references api_tokens,
    expires_at integer,
    revoked_at integer,
    last_used_at integer,
    last_used_address text,
    last_used_agent text,
    created_at integer not null,
    -- The first 32 bits of the secret's SHA-256, by which wrong ones are refused without Argon2. Null for an old token
    -- until its secret is used.
    secret_check integer check (secret_check between 0 and 4294967295),
    -- Who uses it: only polls with Singular's own tokens count as handed to Singular.
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
    -- 0 while an invited person has not chosen a password: password_hash is then that of a random one.
    password_changed_at integer not null
) strict;

-- One-time links that make an admin, or let somebody choose a password. Only the SHA-256 of the link's secret is stored.
create table setup_links (
    secret_sha256 text primary key check (length(secret_sha256) = 64),
    expires_at integer not null,
    used_at integer,
    -- The person whose password it sets; null if it makes an admin.
    admin_key integer references admins on delete cascade
) strict, without rowid;

-- Sessions of logged-in people. Only the SHA-256 of the cookie is stored.
create table sessions (
    id_sha256 text primary key check (length(id_sha256) = 64),
    admin_key integer not null references admins on delete cascade,
    address text not null,
    user_agent text not null,
    created_at integer not null,
    last_seen_at integer not null
) strict, without rowid;

create index sessions_by_admin on sessions (admin_key);

-- Browsers that somebody has logged in with before. Their cookie lets nobody in, but other people's wrong guesses don't delay
-- them. Only the SHA-256 of the cookie is stored.
create table known_browsers (
    admin_key integer not null references admins on delete cascade,
    id_sha256 text not null check (length(id_sha256) = 64),
    used_at integer not null,
    primary key (admin_key, id_sha256)
) strict, without rowid;

-- Who must wait after wrong passwords or codes. A subject is an account together with a browser or network, or a network; it
-- is stored as a hash. Deleted after an hour.
create table login_pauses (
    subject_sha256 blob primary key check (length(subject_sha256) = 32),
    wrong integer not null check (wrong >= 0),
    last_at integer not null,
    held_until integer not null
) strict, without rowid;

-- Two-step log-in (RFC 6238). The secret is encrypted with a key derived from the person's password, so that the database or
-- a backup reveals no codes.
create table two_step (
    admin_key integer primary key references admins on delete cascade,
    salt blob not null check (length(salt) >= 16),
    -- Nonce and ciphertext.
    sealed blob not null,
    -- The last time step whose code was used: each code works once.
    last_step integer not null,
    created_at integer not null
) strict;

-- Recovery codes, in case the phone is lost. Only the SHA-256 of each is stored.
create table recovery_codes (
    admin_key integer not null references admins on delete cascade,
    code_sha256 text not null check (length(code_sha256) = 64),
    used_at integer,
    primary key (admin_key, code_sha256)
) strict, without rowid;

-- Links by which partners other than Singular read an advertiser's cost as CSV (contract §9). Only the SHA-256 of the link's
-- secret is stored.
create table feeds (
    feed_key integer primary key,
    id text not null unique check (length(id) = 36),
    advertiser_key integer not null references advertisers,
    name text not null check (length(name) between 1 and 500),
    format text not null check (format in ('generic', 'appsflyer', 'branch', 'kochava')),
    secret_sha256 text not null unique check (length(secret_sha256) = 64),
    -- The number of last days; null if it has fixed days.
    days integer check (days >= 1),
    first_day integer,
    last_day integer check (last_day >= first_day),
    -- Its only publisher; null for all.
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

-- Sandbox tokens of packets for Singular's integration team. They read made-up days, which are in no table, and are in no list
-- of tokens.
create table sandbox_tokens (
    token_key integer primary key references api_tokens
) strict;

-- The last check from outside of each advertiser's report.
create table checks (
    advertiser_key integer primary key references advertisers,
    at integer not null,
    -- The address that was asked.
    url text not null,
    -- The result of each part, a JSON array.
    findings text not null check (json_valid(findings))
) strict;

-- Which peers recently sent proxy headers, by the address of the connection; noted at most once an hour.
create table proxies_seen (
    peer text primary key,
    is_trusted integer not null check (is_trusted in (0, 1)),
    -- The scheme and host in the headers; may be empty.
    scheme text not null,
    host text not null,
    at integer not null
) strict, without rowid;

-- Merges of two publishers, or of two campaigns of an advertiser, until the import is undone. The first is hidden; its name and
-- network ids find the second.
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
    -- Null if the token is unknown.
    token_key integer references api_tokens,
    report text not null check (report in ('singular', 'general')),
    format text not null check (format in ('json', 'csv')),
    -- The requested range, as days; null if it was not valid.
    date_from integer,
    date_to integer,
    status integer not null check (status between 100 and 599),
    -- Whether the whole answer was made; 0 if the client disconnected or reading failed midway.
    complete integer not null check (complete in (0, 1)),
    rows integer not null check (rows >= 0),
    -- The rows' cost; null if it exceeds the database's integers.
    cost_micros integer check (cost_micros >= 0),
    -- Before compression.
    bytes integer not null check (bytes >= 0),
    duration_us integer not null check (duration_us >= 0),
    address text not null,
    user_agent text not null,
    -- The version of the data, if a GET of the Singular report received all of it.
    served_version integer,
    -- The feed, if one was read; then there is no token.
    feed_key integer references feeds
) strict;

create index polls_by_at on polls (at);

create index polls_by_token on polls (token_key, at);

create index polls_answered on polls (token_key, at) where report = 'singular' and complete = 1 and status < 400;

create index polls_failed on polls (token_key, at) where status >= 400;

-- Identifies this installation, so that a restore can tell whose backup a file is. Copies of the database share it.
create table appliance (
    only integer primary key check (only = 1),
    id text not null check (length(id) = 32)
) strict;

-- People who were removed, and tokens and feeds that were revoked in a database that a restore replaced: whichever older
-- backup is restored next, they stay removed and revoked.
create table shut_for_good (
    kind text not null check (kind in ('person', 'token', 'feed')),
    -- The public id.
    id text not null,
    at integer not null,
    primary key (kind, id)
) strict, without rowid;

-- Earlier values of offers: the name, and whether cost reporting was on.
create table offer_history (
    offer_key integer not null references offers on delete cascade,
    -- The version of the change that ended it.
    until integer not null,
    name text not null,
    cost_reporting integer not null check (cost_reporting in (0, 1)),
    primary key (offer_key, until)
) strict, without rowid;

-- Earlier offers and apps of campaigns.
create table campaign_history (
    campaign_key integer not null references campaigns on delete cascade,
    -- The version of the change that ended it.
    until integer not null,
    offer_key integer not null references offers,
    app_key integer not null references apps,
    primary key (campaign_key, until)
) strict, without rowid;

-- Earlier store ids of apps.
create table app_history (
    app_key integer not null references apps on delete cascade,
    -- The version of the change that ended it.
    until integer not null,
    os text not null check (os in ('IOS', 'ANDROID', 'WEB')),
    store_id text not null,
    primary key (app_key, until)
) strict, without rowid;

-- The ledger: runs of days, each with the last complete answer to Singular that covered it. Runs don't overlap, and are kept
-- longer than the poll history.
create table served_days (
    advertiser_key integer not null references advertisers,
    first_day integer not null,
    last_day integer not null check (last_day >= first_day),
    -- When its last byte was sent.
    at integer not null,
    -- The version of the data; 0 if that is no longer known.
    version integer not null,
    primary key (advertiser_key, first_day)
) strict, without rowid;

-- Addresses and user agents that somebody marked as not Singular, although they use its tokens.
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

-- Days that differ for good and that somebody accepted. Valid until the day's stats change.
create table accepted_days (
    advertiser_key integer not null references advertisers,
    day integer not null,
    -- The day's version at that time; 0 if it had no stats.
    version integer not null,
    actor text not null,
    created_at integer not null,
    primary key (advertiser_key, day)
) strict, without rowid;

-- Detects older copies of this database: the id is also in a file beside the database, with the number of batches that were
-- written to served_days.
create table epoch (
    only integer primary key check (only = 1),
    id text not null,
    batches integer not null,
    -- While a server sends answers, and after it was killed: the version up to which served_days is complete. Null if it is
    -- complete.
    complete_to integer
) strict;

-- Days for which it isn't known since that time what Singular received: after a restore, or a kill.
create table unknown_days (
    advertiser_key integer not null references advertisers,
    first_day integer not null,
    last_day integer not null check (last_day >= first_day),
    at integer not null,
    primary key (advertiser_key, at, first_day)
) strict, without rowid;

-- Open alarms, which are sent by e-mail or webhook.
create table alarms (
    -- The advertiser's id, if it is about one, and the rule.
    name text primary key,
    message text not null,
    opened_at integer not null,
    -- When the last notice was made.
    told_at integer not null
) strict, without rowid;

-- Notices that aren't sent yet. A row is deleted once it was sent, or after three days.
create table alarm_notices (
    notice_key integer primary key,
    channel text not null check (channel in ('mail', 'webhook')),
    event text not null check (event in ('opened', 'reminder', 'over', 'test')),
    alarm text not null,
    subject text not null,
    message text not null,
    created_at integer not null,
    -- When to try again.
    next_at integer not null,
    -- How many attempts failed, and why the last one did.
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
    -- What it was done to, by its name.
    subject text not null,
    address text
) strict;

-- Few entries among millions: pages show them for a week.
create index audit_log_cut_off on audit_log (at) where action = 'stats import cut off';

create trigger audit_log_keeps_rows before delete on audit_log
begin
    select raise(abort, 'the audit log is append-only');
end;

create trigger audit_log_keeps_words before update on audit_log
begin
    select raise(abort, 'the audit log is append-only');
end;
