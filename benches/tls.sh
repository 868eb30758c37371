#!/bin/sh
# HTTPS beside nginx: the same certificate and the same bytes, one after the other, server on one core and load on the other.
# nginx sends a file; Pitlane makes the report, with its cache and without. Says requests a second, and requests a second of
# the server's own processor time, which can be read on a busy machine too; and what memory an idle server takes without TLS and with it.
# Takes wrk, nginx and curl from Debian. PITLANE names another binary, SECONDS_EACH how long each case is measured.
set -eu
cd "$(dirname "$0")/.."

for command in wrk nginx curl; do
    command -v $command >/dev/null 2>&1 || apt-get install -y -qq --no-install-recommends "$(echo $command | sed s/nginx/nginx-light/)" >/dev/null
done
pitlane=${PITLANE:-target/release/pitlane}
[ -x "$pitlane" ] || cargo build --locked --release --quiet
each=${SECONDS_EACH:-5}

work=$(mktemp -d)
chmod 755 "$work"
running=
end() {
    for process in $running; do kill "$process" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap end EXIT
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null

python3 - "$work/data.csv" <<'PYTHON'
import sys
with open(sys.argv[1], "w") as file:
    file.write("date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n")
    for day in range(1, 31):
        for campaign in range(200):
            file.write(f"2026-04-{day:02},AOS_{campaign},Lumen,{campaign * day},{campaign * day}.25,Offer {campaign},App,com.a.b,ANDROID\n")
PYTHON
run() { "$pitlane" --data-dir "$work/data" "$@" 2>/dev/null; }
run import "$work/data.csv" --advertiser Acme --create-missing >/dev/null
token=$(run token create --advertiser Acme --name bench)

serve_plain() { # serve_plain FLAGS…: sets server and origin
    taskset -c 0 "$pitlane" --data-dir "$work/data" serve --listen 127.0.0.1:0 --rate-limit 0 --backup-at off "$@" \
        >"$work/said" 2>/dev/null &
    server=$!
    running="$running $server"
    until grep -q '^listening on ' "$work/said"; do sleep 0.1; done
    origin=$(sed -n 's/^listening on //p' "$work/said")
}
serve() { serve_plain --tls-cert "$work/cert.pem" --tls-key "$work/key.pem" "$@"; }
resident() { awk '/VmRSS/ {printf "%.1f MB", $2 / 1024}' "/proc/$server/status"; }
idle() { # idle NAME: what memory the server takes, and what once it has answered
    sleep 2
    before=$(resident)
    curl -sf --cacert "$work/cert.pem" "$origin/readyz" >/dev/null
    sleep 2
    echo "idle $1: $before, $(resident) once it has answered"
}
report=/api/v1/integrations/cost-report/singular/json
ticks() { # ticks PROCESS…: their processor time, in ticks
    for process in "$@"; do sed 's/.*) //' "/proc/$process/stat"; done | awk '{sum += $12 + $13} END {print sum}'
}
measure() { # measure NAME URL PROCESS…: requests a second, and a second of processor time
    name=$1 url=$2
    shift 2
    before=$(ticks "$@")
    taskset -c 1 wrk -t1 -c16 -d"${each}s" -H "Authorization: ApiToken $token" "$url" >"$work/wrk"
    ! grep -q 'Non-2xx\|Socket errors' "$work/wrk" || { cat "$work/wrk"; exit 1; }
    spent=$(($(ticks "$@") - before))
    awk -v name="$name" -v spent="$spent" -v hertz="$(getconf CLK_TCK)" \
        '/Requests\/sec/ {rate = $2} / requests in / {count = $1} END {printf "%s %.0f %.0f\n", name, rate, count / (spent / hertz)}' \
        "$work/wrk" | tee -a "$work/figures"
}

serve_plain
idle "without TLS"
kill "$server"
wait "$server"
serve
idle "with TLS"
mkdir "$work/files"
for days in 1 30; do
    query="date_from=2026-04-01&date_to=2026-04-$(printf %02d "$days")"
    curl -sf --cacert "$work/cert.pem" -H "Authorization: ApiToken $token" "$origin$report?$query" >"$work/files/$days.json"
    measure "cached-$days" "$origin$report?$query" "$server"
done
kill "$server"
wait "$server"
serve --report-cache 0
for days in 1 30; do
    query="date_from=2026-04-01&date_to=2026-04-$(printf %02d "$days")"
    measure "uncached-$days" "$origin$report?$query" "$server"
done
kill "$server"
wait "$server"

port=$(python3 -c "import socket; held = socket.socket(); held.bind(('127.0.0.1', 0)); print(held.getsockname()[1])")
cat >"$work/nginx.conf" <<NGINX
daemon off;
worker_processes 1;
pid $work/nginx.pid;
error_log $work/error.log;
events {}
http {
    access_log off;
    default_type application/json;
    keepalive_requests 1000000;
    open_file_cache max=10;
    sendfile on;
    server {
        listen 127.0.0.1:$port ssl;
        ssl_certificate $work/cert.pem;
        ssl_certificate_key $work/key.pem;
        root $work/files;
    }
}
NGINX
chmod 644 "$work"/files/*
taskset -c 0 nginx -c "$work/nginx.conf" 2>/dev/null &
running="$running $!"
until curl -sf --cacert "$work/cert.pem" "https://127.0.0.1:$port/1.json" >/dev/null; do sleep 0.1; done
worker=$(pgrep -P "$(cat "$work/nginx.pid")")
for days in 1 30; do measure "nginx-$days" "https://127.0.0.1:$port/$days.json" "$worker"; done

awk '{rate[$1] = $2; own[$1] = $3}
END {
    for (days = 1; days <= 30; days += 29)
        for (at = 1; at <= 2; at++) {
            kind = at == 1 ? "cached" : "uncached"
            printf "%d days, %s: %.2f of nginx by the clock, %.2f by processor time\n", days, kind,
                rate[kind "-" days] / rate["nginx-" days], own[kind "-" days] / own["nginx-" days]
            if (at == 2 && rate[kind "-" days] / rate["nginx-" days] < 0.4) slow = 1
        }
    if (slow) print "slower than 0.4 of nginx without the cache"
    exit slow
}' "$work/figures"
