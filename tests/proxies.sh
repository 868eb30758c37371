#!/bin/sh
# Starts nginx with packaging/nginx.conf and the real server behind it, and tries what matters through it: reports, gzip, 304, an
# upload of 50 MB, the client's address, a server that is killed amid a report. Needs nginx, openssl, curl (Debian: apt-get
# install nginx-light openssl curl), and the program: target/release/pitlane, or what PITLANE names.
set -eu
cd "$(dirname "$0")/.."
pitlane=${PITLANE:-$PWD/target/release/pitlane}
work=$(mktemp -d)
trap 'kill $server $nginx 2>/dev/null || true; rm -rf "$work"' EXIT
server= nginx=
fail() { echo "proxies: FAILED: $1" >&2; exit 1; }
wait_for() { # wait_for WHAT COMMAND…: for ten seconds
    what=$1
    shift
    for _ in $(seq 100); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
    fail "$what"
}

# A year of 300,000 rows, and as many again to upload.
rows() { awk -v cost="$1" 'BEGIN {
    print "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os"
    for (row = 0; row < 300000; row++) printf "2026-%02d-%02d,C%d,Publisher number %d of all there are,%d,%s,Offer %d,Game,com.example.game,ANDROID\n",
        1 + row % 12, 1 + int(row / 12) % 28, int(row / 336) % 30, int(row / 10080), row % 1000, cost, int(row / 336) % 30 }'; }
rows 1.25 > "$work/rows.csv"
"$pitlane" --data-dir "$work/data" import "$work/rows.csv" --advertiser Acme --create-missing >/dev/null 2>&1
token() { "$pitlane" --data-dir "$work/data" token create --advertiser Acme --name x --scope "$1" 2>/dev/null; }
report=$(token report) ingest=$(token ingest)

"$pitlane" --data-dir "$work/data" serve --listen 127.0.0.1:0 --backup-at off --rate-limit 0 \
    --public-url https://localhost:18443 --trusted-proxy 127.0.0.1 > "$work/out" 2> "$work/log" &
server=$!
wait_for "the server did not start" grep -q listening "$work/out"
port=$(sed 's/.*://' "$work/out")
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
sed -e "s/127.0.0.1:8080/127.0.0.1:$port/" -e 's/listen 80;/listen 127.0.0.1:18080;/' -e 's/listen 443 ssl/listen 127.0.0.1:18443 ssl/' \
    -e '/listen \[::\]/d' -e 's/costs.example.com;/localhost;/' -e "s#/etc/letsencrypt/live/costs.example.com/fullchain.pem#$work/cert.pem#" \
    -e "s#/etc/letsencrypt/live/costs.example.com/privkey.pem#$work/key.pem#" packaging/nginx.conf > "$work/site.conf"
cat > "$work/nginx.conf" <<CONF
daemon off; pid $work/nginx.pid; error_log $work/error.log;
events {}
http { access_log off; client_body_temp_path $work/body; proxy_temp_path $work/proxy; fastcgi_temp_path $work/f;
    uwsgi_temp_path $work/u; scgi_temp_path $work/s; include $work/site.conf; }
CONF
nginx -c "$work/nginx.conf" -e "$work/error.log" &
nginx=$!
url=https://localhost:18443
ask() { curl -sS --cacert "$work/cert.pem" -H "Authorization: ApiToken $report" "$@"; }
wait_for "nginx did not start: $(cat "$work/error.log")" ask -f "$url/livez"

year="$url/api/v1/integrations/cost-report/singular/csv?date_from=2026-01-01&date_to=2026-12-31"
ask "$year" > "$work/through.csv"
"$pitlane" --data-dir "$work/data" report --advertiser Acme --from 2026-01-01 --to 2026-12-31 --format csv > "$work/own.csv" 2>/dev/null
cmp -s "$work/through.csv" "$work/own.csv" || fail "the report is not the same behind nginx"
ask -H 'Accept-Encoding: gzip' "$year" | gunzip | cmp -s - "$work/own.csv" || fail "gzip"
tag=$(ask -o /dev/null -D - "$year" | tr -d '\r' | sed -n 's/^[Ee][Tt]ag: //p')
[ "$(ask -o /dev/null -w '%{http_code}' -H "If-None-Match: $tag" "$year")" = 304 ] || fail "304"
ask -H 'X-Forwarded-For: 203.0.113.9' -o /dev/null "$url/api/v1/integrations/cost-report/singular/json?date_from=2026-01-01&date_to=2026-01-01"

printf 'a sentence is easier' | "$pitlane" --data-dir "$work/data" admin create --email a@example.com --password-stdin >/dev/null 2>&1
page=$(curl -sS --cacert "$work/cert.pem" -c "$work/jar" "$url/admin/login")
proof=$(printf '%s' "$page" | sed -n 's/.*name="form_token" value="\([^"]*\)".*/\1/p' | head -1)
status=$(curl -sS --cacert "$work/cert.pem" -b "$work/jar" -c "$work/jar" -o "$work/login" -w "%{http_code}" -H "Origin: $url" \
    --data-urlencode "form_token=$proof" -d email=a@example.com --data-urlencode 'password=a sentence is easier' "$url/admin/login")
[ "$status" = 303 ] && grep -q __Host-pitlane_session "$work/jar" || fail "log-in: $status: $(sed -n "s,<p>,,p" "$work/login" | head -3)"

rows 2.5 > "$work/more.csv"
sed -n '2,$p' "$work/more.csv" | sed 's/^2026/2025/; s/,C/,D/' > "$work/next.csv"
cat "$work/next.csv" >> "$work/more.csv"
status=$(curl -sS --cacert "$work/cert.pem" -o "$work/answer" -w '%{http_code}' -H "Authorization: ApiToken $ingest" -H 'Content-Type: text/csv' \
    --data-binary @"$work/more.csv" "$url/api/v1/daily-stats?create_missing=true")
[ "$status" = 200 ] || fail "an upload of $(wc -c < "$work/more.csv") bytes: $status: $(head -c 300 "$work/answer")"

ask --limit-rate 4M -o "$work/cut.csv" "$year" 2>/dev/null & cut=$!
sleep 1
kill -9 $server
wait $cut && fail "a report that was cut off was taken for a whole one"
echo "proxies: nginx: report, gzip, 304, log-in, an upload of $(wc -c < "$work/more.csv") bytes, a kill amid a report: all as without it"
