#!/usr/bin/env bash
# Pitlane against what one would run instead, in one run: same data, same machine, server on one core, load on the other.
#
#   benches/peers.sh [quick]
#
# Needs Linux, two cores, cargo and python3; installs nginx, wrk, PostgreSQL and Python packages (into a venv) where they
# are missing. Everything listens on loopback and is stopped at the end. `quick` measures for a shorter time and leaves the
# large databases out.
#
# Two figures per case. "per s" is what the clock says, and needs a quiet machine. "per CPU s" is requests per second of
# processor time that the server and its threads and children took, and can be read on a busy one. Set
# PITLANE_BIN to measure a binary that is built already; WORK to keep the data between runs.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
repo=$(dirname "$here")
work=${WORK:-$(mktemp -d)}
seconds=${DURATION:-5} rounds=${ROUNDS:-3}
[ "${1:-}" = quick ] && { seconds=2; rounds=1; }
server_core=0 load_core=1
pg=$(mktemp -d) # of its own, since PostgreSQL may have to run as somebody else
port=8091

servers=()
cleanup() {
    for pid in "${servers[@]:-}"; do [ -n "$pid" ] && kill "$pid" 2>/dev/null || true; done
    stop_postgres
    wait 2>/dev/null || true
    rm -rf "$pg"
    [ -n "${WORK:-}" ] || rm -rf "$work"
}
trap cleanup EXIT

say() { printf '\n== %s\n' "$*"; }

# --- what is needed -----------------------------------------------------------------------------------------------------

need() { command -v "$1" >/dev/null || { apt-get -qq update && apt-get -qq install -y "$2" >/dev/null; }; }
need wrk wrk
need nginx nginx-light
need curl curl
pg_bin=$(dirname "$(command -v postgres || ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null | head -1 || true)")
[ -x "$pg_bin/postgres" ] || { apt-get -qq update && apt-get -qq install -y postgresql >/dev/null; pg_bin=$(ls -d /usr/lib/postgresql/*/bin); }
venv=${VENV:-$work/venv}
[ -x "$venv/bin/python" ] || { python3 -m venv "$venv" && "$venv/bin/pip" -q install fastapi uvicorn uvloop httptools orjson asyncpg datasette; }

cd "$repo"
[ -n "${PITLANE_BIN:-}" ] || cargo build -q --release
cargo bench -q --no-run --bench parts
pitlane=${PITLANE_BIN:-$repo/target/release/pitlane}
cargo build -q --example bench-data
data=$repo/target/debug/examples/bench-data
mkdir -p "$work"

# --- data ---------------------------------------------------------------------------------------------------------------

# database NAME ADVERTISERS CAMPAIGNS DAYS
database() {
    [ -s "$work/$1.token" ] && return
    "$data" "$2" "$3" "$4" > "$work/data.csv"
    "$pitlane" --data-dir "$work/$1" import --create-missing "$work/data.csv" 2>/dev/null
    "$pitlane" --data-dir "$work/$1" token create --advertiser 'Advertiser 1' --name bench > "$work/$1.token" 2>/dev/null
    rm "$work/data.csv"
}

# --- servers ------------------------------------------------------------------------------------------------------------

pid=
# serve COMMAND...: starts a server on its core; `pid` is its process.
serve() {
    taskset -c $server_core "$@" > "$work/server.out" 2> "$work/server.err" &
    pid=$!
    servers+=("$pid")
}
ready() { for _ in $(seq 400); do curl -sf -o "$work/body" "$@" && return; sleep 0.05; done; echo "no answer from $*" >&2; tail -5 "$work/server.err" >&2; return 1; }
stop() { kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; servers=(); }
pitlane_on() { # DATABASE CACHE
    serve "$pitlane" --data-dir "$work/$1" serve --listen 127.0.0.1:$port --rate-limit 0 --backup-at off --report-cache "$2"
    token=$(cat "$work/$1.token")
    ready http://127.0.0.1:$port/readyz
}
stop_postgres() { [ ! -d "$pg/data" ] || $pg_as "$pg_bin/pg_ctl" -D "$pg/data" -m immediate stop >/dev/null 2>&1 || true; }
pg_as=env
memory() { awk -v what="$1:" '$1 == what { printf "%.1f MB", $2 / 1024 }' "/proc/$pid/status"; }
ticks() { # of the server and all below it, those of threads included
    local all=$pid list=$pid
    while list=$(pgrep -d, -P "$list"); do all=$all,$list; done
    [ -n "${extra_pids:-}" ] && all=$all,$($extra_pids)
    for one in ${all//,/ }; do awk '{ print $14 + $15 }' "/proc/$one/stat" 2>/dev/null || true; done | awk '{ sum += $1 } END { print sum + 0 }'
}

# --- load ---------------------------------------------------------------------------------------------------------------

declare -A per_s per_cpu
# measure KEY LABEL URL [wrk's arguments]: the best round by the clock, and all rounds by CPU time.
measure() {
    local key=$1 label=$2 url=$3 best=0 line= all_done=0 all_used=0
    shift 3
    for _ in $(seq $rounds); do
        local before used out rate done p50 p99 bad
        before=$(ticks)
        out=$(taskset -c $load_core wrk -t1 -c"${clients:-4}" -d${seconds}s --timeout 60s --latency "$@" "$url")
        used=$(($(ticks) - before))
        read -r rate done p50 p99 bad < <(awk '
            $1 == "50%" { p50 = $2 } $1 == "99%" { p99 = $2 } / requests in / { done = $1 }
            $1 == "Requests/sec:" { rate = $2 } /Non-2xx/ { bad = $NF }
            END { print rate, done, p50, p99, bad + 0 }' <<< "$out")
        all_done=$((all_done + done)) all_used=$((all_used + used))
        if awk "BEGIN { exit !($rate >= $best) }"; then
            best=$rate
            line=$(printf '%-34s %11.1f per s   p50 %8s  p99 %8s' "$label" "$rate" "$p50" "$p99")
            [ "$bad" = 0 ] || line="$line   not 2xx: $bad"
        fi
    done
    per_s[$key]=$best
    per_cpu[$key]=$(awk "BEGIN { print $all_used ? $all_done * 100 / $all_used : 0 }")
    printf '%s   %10.1f per CPU s\n' "$line" "${per_cpu[$key]}"
}
ratio() { # LABEL KEY OTHER TARGET
    awk -v label="$1" -v a="${per_s[$2]:-0}" -v b="${per_s[$3]:-0}" -v c="${per_cpu[$2]:-0}" -v d="${per_cpu[$3]:-0}" -v want="$4" \
        'BEGIN { printf "%-58s %8.2f by the clock  %8.2f by CPU time   (target %s)\n", label, b ? a / b : 0, d ? c / d : 0, want }'
}

declare -A range=(
    [1]='date_from=2024-06-15&date_to=2024-06-15'
    [30]='date_from=2024-06-01&date_to=2024-06-30'
    [366]='date_from=2024-01-01&date_to=2024-12-31'
)
report=http://127.0.0.1:$port/api/v1/integrations/cost-report/singular/json

say "machine: $(nproc) cores, $(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo), load $(cut -d' ' -f1-3 /proc/loadavg), $(date -u +%F' '%R) UTC"
echo "server on core $server_core, wrk on core $load_core, 4 connections, best of $rounds times $seconds s"
stripped=$work/stripped; strip -o "$stripped" "$pitlane"
echo "binary: $(stat -c %s "$stripped" | awk '{ printf "%.1f MB", $1 / 1e6 }')"
database ten 10 200 366
database one 1 2000 366

# --- one advertiser of ten: 73,200 rows a year ---------------------------------------------------------------------------

for cache in 0 32; do
    say "Pitlane, --report-cache $cache"
    pitlane_on ten $cache
    auth="Authorization: ApiToken $token"
    echo "resident when idle: $(memory VmRSS)"
    for days in 1 30 366; do
        curl -sf -o "$work/$days.json" -H "$auth" "$report?${range[$days]}"
        measure pitlane$cache-$days "$days days ($(stat -c %s "$work/$days.json") bytes)" "$report?${range[$days]}" -H "$auth"
    done
    tag=$(curl -sf -D- -o /dev/null -H "$auth" "$report?${range[1]}" | tr -d '\r' | awk 'tolower($1) == "etag:" { print $2 }')
    measure livez$cache '/livez' http://127.0.0.1:$port/livez
    measure known$cache '304' "$report?${range[1]}" -H "$auth" -H "If-None-Match: $tag"
    echo "resident: $(memory VmRSS), at most $(memory VmHWM)"
    stop
done

say 'nginx, the same bytes as a file'
sed "s|@PORT@|$port|; s|@ROOT@|$work|" "$here/peers/nginx.conf" > "$work/nginx.conf"
[ "$(id -u)" = 0 ] && sed -i '1i user root;' "$work/nginx.conf"
serve nginx -c "$work/nginx.conf"
ready http://127.0.0.1:$port/1.json
for days in 1 30 366; do measure nginx-$days "$days days" "http://127.0.0.1:$port/$days.json"; done
stop

say 'nothing but writing so many bytes, out of 64 KiB of memory'
cc -O2 -o "$work/write" "$here/peers/write.c"
for days in 1 30 366; do
    serve "$work/write" $port "$(stat -c %s "$work/$days.json")"
    ready http://127.0.0.1:$port/
    measure write-$days "$days days" "http://127.0.0.1:$port/"
    stop
done

PEER_TOKEN=$(cat "$work/ten.token"); export PEER_TOKEN
auth="Authorization: ApiToken $PEER_TOKEN"
uvicorn=("$venv/bin/python" -m uvicorn --app-dir "$here/peers" --port $port --loop uvloop --http httptools --log-level warning)

say 'FastAPI and SQLite, as one would write it'
export NAIVE_DB=$work/naive.db
[ -s "$NAIVE_DB" ] || "$venv/bin/python" "$here/peers/load.py" naive "$work/ten/pitlane.db" "$NAIVE_DB" "$PEER_TOKEN"
serve "${uvicorn[@]}" naive:app
ready -H "$auth" "http://127.0.0.1:$port/report?${range[1]}"
for days in 1 30; do measure naive-$days "$days days" "http://127.0.0.1:$port/report?${range[$days]}" -H "$auth"; done
echo "resident: $(memory VmRSS), at most $(memory VmHWM)"
stop

say 'FastAPI and SQLite, tuned'
export PITLANE_DB=$work/ten/pitlane.db
serve "${uvicorn[@]}" --no-access-log tuned:app
ready -H "$auth" "http://127.0.0.1:$port/report?${range[1]}"
for days in 1 30 366; do measure tuned-$days "$days days" "http://127.0.0.1:$port/report?${range[$days]}" -H "$auth"; done
echo "resident: $(memory VmRSS), at most $(memory VmHWM)"
stop

say 'Datasette'
serve "$venv/bin/datasette" serve "$work/ten/pitlane.db" -m "$here/peers/datasette.yaml" -p $port \
    --setting max_returned_rows 1000000 --setting sql_time_limit_ms 60000
ready "http://127.0.0.1:$port/pitlane/report.json?_shape=array&${range[1]}"
for days in 1 30; do measure datasette-$days "$days days" "http://127.0.0.1:$port/pitlane/report.json?_shape=array&${range[$days]}"; done
echo "resident: $(memory VmRSS), at most $(memory VmHWM)"
stop

say 'PostgreSQL and asyncpg'
if [ "$(id -u)" = 0 ]; then # PostgreSQL refuses to run as root
    chown 65534 "$pg"
    pg_as=pg_as_nobody
    pg_as_nobody() { setpriv --reuid 65534 --regid "$(id -g 65534)" --clear-groups "$@"; }
fi
$pg_as "$pg_bin/initdb" -D "$pg/data" -U bench -A trust >/dev/null
$pg_as taskset -c $server_core "$pg_bin/pg_ctl" -D "$pg/data" -w -l "$pg/log" \
    -o "-p 8092 -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c shared_buffers=256MB -c fsync=on" start >/dev/null
export PEER_PG=postgresql://bench@127.0.0.1:8092/postgres
"$venv/bin/python" "$here/peers/load.py" postgres "$work/ten/pitlane.db" "$PEER_PG"
backends() { local top; top=$(head -1 "$pg/data/postmaster.pid"); echo "$top,$(pgrep -d, -P "$top")"; }
serve "${uvicorn[@]}" --no-access-log postgres:app
ready -H "$auth" "http://127.0.0.1:$port/report?${range[1]}"
extra_pids=backends
for days in 1 30 366; do measure postgres-$days "$days days" "http://127.0.0.1:$port/report?${range[$days]}" -H "$auth"; done
extra_pids=
echo "resident, Python alone: $(memory VmRSS), at most $(memory VmHWM)"
stop
stop_postgres

# --- the bare scan, and what rendering adds to it ------------------------------------------------------------------------

say 'a year of one advertiser in one process: cargo bench --bench parts'
taskset -c $server_core cargo bench -q --bench parts -- '^report/' > "$work/parts.out" 2>&1 || { cat "$work/parts.out" >&2; exit 1; }
rows_per_s() { # of one of those parts, in millions
    python3 -c 'import json, sys; print(73200 * 1e3 / json.load(open(sys.argv[1]))["median"]["point_estimate"])' \
        "${CARGO_TARGET_DIR:-target}/criterion/report/$1/new/estimates.json"
}
bare=$(rows_per_s 'bare scan') rendered=$(rows_per_s 'scan and render JSON')
printf 'bare scan %.2f, scan and render JSON %.2f, CSV %.2f, out of kept days %.0f million rows/s\n' \
    "$bare" "$rendered" "$(rows_per_s 'scan and render CSV')" "$(rows_per_s 'kept days JSON')"

# --- one advertiser with all: 732,000 rows, 243 MB -----------------------------------------------------------------------

say 'one advertiser with 2,000 campaigns'
for cache in 0 32; do
    pitlane_on one $cache
    auth="Authorization: ApiToken $token"
    echo "--report-cache $cache, resident when idle: $(memory VmRSS)"
    for days in 1 30; do measure whole$cache-$days "$days days" "$report?${range[$days]}" -H "$auth"; done
    stop
    pitlane_on one $cache
    measure whole$cache-366 '366 days, 732,000 rows' "$report?${range[366]}" -H "$auth"
    echo "resident with four such reports at once: at most $(memory VmHWM)"
    stop
done

# --- a flood of bad tokens -----------------------------------------------------------------------------------------------

say '64 clients with bad tokens of a known id, and a good one'
pitlane_on ten 32
auth="Authorization: ApiToken $token"
curl -sf -o /dev/null -H "$auth" "$report?${range[1]}"
measure calm 'the good client alone, 1 day' "$report?${range[1]}" -H "$auth"
before=$(memory VmRSS)
"$venv/bin/python" "$here/peers/bad_tokens.py" "$token" 20000 > "$work/bad.lua"
taskset -c $load_core wrk -t1 -c64 -d$((seconds * rounds + 3))s --timeout 60s -s "$work/bad.lua" "$report?${range[1]}" > "$work/flood.out" &
flood=$!
sleep 1
clients=1 measure flood 'a good client meanwhile, 1 day' "$report?${range[1]}" -H "$auth"
wait $flood
echo "resident: $before before, $(memory VmRSS) after, at most $(memory VmHWM); refused $(awk '/Requests\/sec/ { print $2 }' "$work/flood.out") per s"
stop

# --- growth --------------------------------------------------------------------------------------------------------------

if [ "${1:-}" != quick ]; then
    say 'the same nine days of 200 campaigns out of databases of different size, uncached'
    database small 10 200 9
    database large 10 200 2745
    nine='date_from=2024-12-23&date_to=2024-12-31'
    for size in small ten large; do
        pitlane_on $size 0
        measure nine-$size "$(case $size in small) echo 18 thousand;; ten) echo 732 thousand;; large) echo 5.49 million;; esac) rows" \
            "$report?$nine" -H "Authorization: ApiToken $token"
        stop
    done
    awk -v a="${per_s[nine-small]}" -v b="${per_s[nine-large]}" -v c="${per_cpu[nine-small]}" -v d="${per_cpu[nine-large]}" \
        'BEGIN { printf "time per row grows by %.2f by the clock, %.2f by CPU time (target: at most 1.3)\n", a / b, c / d }'
    say 'start to readyz with 5.49 million rows'
    for _ in 1 2 3; do
        "$venv/bin/python" "$here/peers/start.py" "$pitlane" --data-dir "$work/large" serve --listen 127.0.0.1:$port
    done
fi

# --- ratios --------------------------------------------------------------------------------------------------------------

say 'ratios'
for days in 1 30 366; do
    ratio "uncached against nginx, $days days" pitlane0-$days nginx-$days "$(case $days in 1) echo 0.3;; 30) echo 0.5;; *) echo 0.55;; esac)"
done
for days in 1 30 366; do
    ratio "cached against nginx, $days days" pitlane32-$days nginx-$days "$(case $days in 1) echo 0.9;; 30) echo 1.5;; *) echo 1.4;; esac)"
done
for days in 1 30 366; do
    ratio "nothing but writing, against nginx, $days days" write-$days nginx-$days none
done
ratio 'uncached against naive FastAPI, 30 days' pitlane0-30 naive-30 100
ratio 'uncached against tuned FastAPI, 30 days' pitlane0-30 tuned-30 6
ratio 'uncached against PostgreSQL, 30 days' pitlane0-30 postgres-30 20
ratio 'uncached against Datasette, 30 days' pitlane0-30 datasette-30 30
ratio '304 against /livez' known32 livez32 0.9
awk -v bare="$bare" -v rendered="$rendered" -v whole="${per_s[whole0-366]}" 'BEGIN {
    printf "%-58s %8.2f                                           (target 0.75)\n", "scan and render into nothing, against the bare scan", rendered / bare
    printf "%-58s %8.2f by the clock, %.2f million rows/s         (target 0.4)\n", "732,000 rows over HTTP, 4 clients, against the bare scan", whole * 0.732 / bare, whole * 0.732
}'
