insert into polls (
    at, token_key, feed_key, report, format, date_from, date_to,
    status, complete, rows, cost_micros, bytes, duration_us, address, user_agent, served_version
)
values (
    :at, :token, :feed, :report, :format, :date_from, :date_to,
    :status, :complete, :rows, :cost, :bytes, :duration, :address, :agent, :served
)
