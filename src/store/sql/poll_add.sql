insert into polls (
    at, token_key, feed_key, report, format, date_from, date_to,
    status, complete, rows, cost_micros, bytes, duration_us, address, user_agent, served_version
)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
