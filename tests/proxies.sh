#!/bin/sh
# Starts nginx, Caddy and Apache with the files in packaging/, each with the real server behind it, and tries what matters
# through it: log-in, an upload of 50 MB, a long report, gzip, 304, the client's address, the check from outside, a server that is
# killed amid a report. Which ones can be named: tests/proxies.sh caddy. Needs them, openssl, curl, python3 (Debian: apt-get install
# nginx-light caddy apache2 openssl curl python3), and the program: target/release/pitlane, or what PITLANE names.
set -eu
cd "$(dirname "$0")/.."
pitlane=$(realpath "${PITLANE:-target/release/pitlane}")
work=$(mktemp -d)
chmod 755 "$work"
server= proxy=
trap 'kill $server $proxy 2>/dev/null || true; wait; rm -rf "$work"' EXIT
fail() { echo "proxies: $kind: FAILED: $1" >&2; exit 1; }
wait_for() { # wait_for WHAT COMMAND…: for ten seconds
    what=$1
    shift
    for _ in $(seq 100); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
    fail "$what"
}
# A port that was free a moment ago: none of the three can be told to take a free one.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
on() { "$pitlane" --data-dir "$work/data" "$@" 2>/dev/null; }

# A year of 300,000 rows, and as many again to upload.
rows() { awk -v cost="$1" 'BEGIN {
    print "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os"
    for (row = 0; row < 300000; row++) printf "2025-%02d-%02d,C%d,Publisher number %d of all there are,%d,%s,Offer %d,Game,com.example.game,ANDROID\n",
        1 + row % 12, 1 + int(row / 12) % 28, int(row / 336) % 30, int(row / 10080), row % 1000, cost, int(row / 336) % 30 }'; }
kind=data
rows 1.25 > "$work/rows.csv"
on import "$work/rows.csv" --advertiser Acme --create-missing >/dev/null || fail "the rows"
report=$(on token create --advertiser Acme --name reads --scope report)
ingest=$(on token create --advertiser Acme --name writes --scope ingest)
printf 'a sentence is easier' | on admin create --email a@example.com --password-stdin >/dev/null
on report --advertiser Acme --from 2025-01-01 --to 2025-12-31 --format csv > "$work/own.csv"
mv "$work/data" "$work/kept"
rows 2.5 > "$work/more.csv"
sed -n '2,$p' "$work/more.csv" | sed 's/^2025/2024/; s/,C/,D/' > "$work/next.csv"
cat "$work/next.csv" >> "$work/more.csv"
rm "$work/next.csv"

# An authority of our own, and a certificate of its for localhost.
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout "$work/root.key" -out "$work/root.pem" 2>/dev/null
openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout "$work/key.pem" -out "$work/asked.pem" 2>/dev/null
printf 'subjectAltName=DNS:localhost\n' > "$work/names"
openssl x509 -req -in "$work/asked.pem" -CA "$work/root.pem" -CAkey "$work/root.key" -CAcreateserial -days 60 -extfile "$work/names" \
    -out "$work/cert.pem" 2>/dev/null
cat "$work/cert.pem" "$work/root.pem" > "$work/chain.pem"

with_certificate() { # the file in packaging/, with our ports, name and certificate
    sed -e "s/127.0.0.1:8080/127.0.0.1:$inner/" -e "s#/etc/letsencrypt/live/costs.example.com/fullchain.pem#$work/chain.pem#" \
        -e "s#/etc/letsencrypt/live/costs.example.com/privkey.pem#$work/key.pem#" "$1"
}

start_nginx() {
    with_certificate packaging/nginx.conf | sed -e "s/listen 80;/listen 127.0.0.1:$plain;/" -e "s/listen 443 ssl/listen 127.0.0.1:$port ssl/" \
        -e '/listen \[::\]/d' -e 's/costs.example.com;/localhost;/' > "$work/site.conf"
    cat > "$work/nginx.conf" <<CONF
daemon off; pid $work/nginx.pid; error_log $work/proxy.log;
events {}
http { access_log off; client_body_temp_path $work/body; proxy_temp_path $work/proxied; fastcgi_temp_path $work/f;
    uwsgi_temp_path $work/u; scgi_temp_path $work/s; include $work/site.conf; }
CONF
    nginx -c "$work/nginx.conf" -e "$work/proxy.log" &
    proxy=$!
}

start_caddy() {
    { printf '{\n\tadmin off\n\thttp_port %s\n\tskip_install_trust\n}\n' "$plain"
      with_certificate packaging/Caddyfile |
          sed -e "s#^costs.example.com {#https://localhost:$port {\n\tbind 127.0.0.1\n\ttls $work/chain.pem $work/key.pem#"; } > "$work/Caddyfile"
    HOME=$work XDG_DATA_HOME=$work XDG_CONFIG_HOME=$work caddy run --config "$work/Caddyfile" --adapter caddyfile > "$work/proxy.log" 2>&1 &
    proxy=$!
}

start_apache() {
    { for module in mpm_event authz_core alias headers rewrite proxy proxy_http socache_shmcb ssl; do
          echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
      done
      printf 'ServerRoot %s\nPidFile %s/apache.pid\nErrorLog %s/proxy.log\nUser www-data\nGroup www-data\n' "$work" "$work" "$work"
      printf 'ServerName localhost\nListen 127.0.0.1:%s\nListen 127.0.0.1:%s\n' "$plain" "$port"
      with_certificate packaging/apache.conf | sed -e "s/<VirtualHost \*:80>/<VirtualHost *:$plain>/" \
          -e "s/<VirtualHost \*:443>/<VirtualHost *:$port>/" -e 's/costs.example.com/localhost/'; } > "$work/apache.conf"
    apache2 -f "$work/apache.conf" -DFOREGROUND &
    proxy=$!
}

curl_it() { curl -sS --cacert "$work/root.pem" "$@"; }
ask() { curl_it -H "Authorization: ApiToken $report" "$@"; }

try() {
    kind=$1
    rm -rf "$work/data"
    cp -r "$work/kept" "$work/data"
    plain=$(free_port) port=$(free_port)
    url=https://localhost:$port
    "$pitlane" --data-dir "$work/data" serve --listen 127.0.0.1:0 --backup-at off --rate-limit 0 \
        --public-url "$url" --trusted-proxy 127.0.0.1 > "$work/out" 2> "$work/log" &
    server=$!
    wait_for "the server did not start" grep -q listening "$work/out"
    inner=$(sed 's/.*://' "$work/out")
    : > "$work/proxy.log"
    "start_$kind"
    wait_for "it did not start: $(cat "$work/proxy.log")" ask -f "$url/livez"

    year="$url/api/v1/integrations/cost-report/singular/csv?date_from=2025-01-01&date_to=2025-12-31"
    ask "$year" > "$work/through.csv"
    cmp -s "$work/through.csv" "$work/own.csv" || fail "the report is not the same"
    ask -H 'Accept-Encoding: gzip' "$year" | gunzip | cmp -s - "$work/own.csv" || fail "gzip"
    tag=$(ask -o /dev/null -D - "$year" | tr -d '\r' | sed -n 's/^[Ee][Tt]ag: //p')
    [ "$(ask -o /dev/null -w '%{http_code}' -H "If-None-Match: $tag" "$year")" = 304 ] || fail "304"

    # A client at 127.0.0.2 that claims to be somebody else.
    day='api/v1/integrations/cost-report/singular/json?date_from=2025-01-01&date_to=2025-01-01'
    ask --interface 127.0.0.2 -H 'X-Forwarded-For: 203.0.113.9' -H 'Forwarded: for=203.0.113.9' -A address-test -o /dev/null "$url/$day"
    seen() {
        python3 -c 'import sqlite3, sys
db = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True)
print(db.execute("select address from polls where user_agent = ?", ("address-test",)).fetchone())' "$work/data/pitlane.db" > "$work/seen"
        grep -q "127\.0\.0\.2" "$work/seen"
    }
    wait_for "the client's address is not 127.0.0.2" seen

    on singular check "$url" --advertiser Acme --root "$work/root.pem" > "$work/check" || fail "the check from outside: $(cat "$work/check")"

    page=$(curl_it -c "$work/jar" "$url/admin/login")
    proof=$(printf '%s' "$page" | sed -n 's/.*name="form_token" value="\([^"]*\)".*/\1/p' | head -1)
    status=$(curl_it -b "$work/jar" -c "$work/jar" -o "$work/login" -w "%{http_code}" -H "Origin: $url" \
        --data-urlencode "form_token=$proof" -d email=a@example.com --data-urlencode 'password=a sentence is easier' "$url/admin/login")
    [ "$status" = 303 ] && grep -q __Host-pitlane_session "$work/jar" || fail "log-in: $status: $(sed -n "s,<p>,,p" "$work/login" | head -3)"

    status=$(curl_it -o "$work/answer" -w '%{http_code}' -H "Authorization: ApiToken $ingest" -H 'Content-Type: text/csv' \
        --data-binary @"$work/more.csv" "$url/api/v1/daily-stats?create_missing=true")
    [ "$status" = 200 ] || fail "an upload of $(wc -c < "$work/more.csv") bytes: $status: $(head -c 300 "$work/answer")"

    on doctor > "$work/doctor" || true
    grep -q "^ok *proxies" "$work/doctor" || fail "the doctor: $(grep proxies "$work/doctor")"

    # nginx may have had all of it before the kill; then it must be whole.
    on report --advertiser Acme --from 2025-01-01 --to 2025-12-31 --format csv > "$work/now.csv" || fail "the report"
    rm -f "$work/cut.csv"
    ask -f --limit-rate 4M -o "$work/cut.csv" "$year" 2>/dev/null & cut=$!
    wait_for "no byte of the report came" test -s "$work/cut.csv"
    kill -9 "$server"
    if wait $cut && ! cmp -s "$work/cut.csv" "$work/now.csv"; then fail "a report that was cut off was taken for a whole one"; fi
    kill "$proxy" && wait "$proxy" 2>/dev/null || true
    echo "proxies: $kind: report, gzip, 304, client's address, check from outside, log-in, an upload of $(wc -c < "$work/more.csv") bytes, a kill amid a report: all as without it"
}

for name in ${@:-nginx caddy apache}; do try "$name"; done
