#!/usr/bin/env bash
# What a large database costs: imports, pages, doctor, backups and reports at 20 million rows, each beside the least that the
# job could take, in one run.
#
#   benches/volume.sh [ADVERTISERS CAMPAIGNS DAYS]      default: 10 2000 1000, 20 million rows
#
# Needs cargo, curl, python3 and about 12 GB of disk. WORK keeps the data between runs; PITLANE_BIN measures a binary that is
# built already.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
repo=$(dirname "$here")
work=${WORK:-$(mktemp -d)}
advertisers=${1:-10} campaigns=${2:-2000} days=${3:-1000}
server=
cleanup() {
    [ -z "$server" ] || { kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }
    [ -n "${WORK:-}" ] || rm -rf "$work"
}
trap cleanup EXIT

cd "$repo"
[ -n "${PITLANE_BIN:-}" ] || cargo build -q --release
pitlane=${PITLANE_BIN:-$repo/target/release/pitlane}
cargo build -q --release --example bench-data
data=$repo/target/release/examples/bench-data
bench=$(cargo bench --no-run --bench import --message-format json 2>/dev/null |
    python3 -c 'import json,sys
for line in sys.stdin:
    made = json.loads(line)
    if made.get("executable") and made["target"]["name"] == "import": print(made["executable"])')
mkdir -p "$work"

# took NAME COMMAND...: seconds by the clock, printed and kept.
took() {
    local name=$1 begun ended
    shift
    begun=$(date +%s.%N)
    "$@" >"$work/out" 2>"$work/err" || { tail -5 "$work/err" >&2; exit 1; }
    ended=$(date +%s.%N)
    python3 -c "print(f'{\"$name\":44} {$ended - $begun:8.2f} s')"
}

# --- imports ------------------------------------------------------------------------------------------------------------

[ -s "$work/all.csv" ] || "$data" "$advertisers" "$campaigns" "$days" >"$work/all.csv"
"$data" "$advertisers" "$campaigns" 1 >"$work/day.csv"
echo "$(($(wc -l <"$work/all.csv") - 1)) rows, $(($(stat -c %s "$work/all.csv") / 1000000)) MB of CSV"
# fresh NAME: a database that knows every campaign and has one day.
fresh() {
    rm -rf "${work:?}/$1"
    "$pitlane" --data-dir "$work/$1" import --create-missing "$work/day.csv" 2>/dev/null >/dev/null
}
# child HOW NAME: one import in a process of its own, by the engine or the bare loop.
child() { "$bench" child "$1" "$work/all.csv" "$work/$2" | tee "$work/child"; }
for how in bare import; do
    fresh $how
    took "import, $how" child $how $how
    took "the same again, $how" child $how $how
done
took "preview of the same (import --dry-run)" "$pitlane" --data-dir "$work/import" import --dry-run "$work/all.csv"
rm -rf "${work:?}/bare"

# --- what gathers over years ----------------------------------------------------------------------------------------------

python3 "$here/volume/years.py" "$work/import/pitlane.db"
"$data" 1 20000 1 | sed 's/Advertiser 1,/Many campaigns,/' >"$work/many.csv"
"$pitlane" --data-dir "$work/import" import --create-missing "$work/many.csv" >/dev/null 2>&1

# --- pages ----------------------------------------------------------------------------------------------------------------

echo 'correct horse battery staple' |
    "$pitlane" --data-dir "$work/import" admin create --email bench@example.com --password-stdin >/dev/null 2>&1 || true
token=$("$pitlane" --data-dir "$work/import" token create --advertiser 'Advertiser 1' --name bench 2>/dev/null)
begun=$(date +%s%N)
"$pitlane" --data-dir "$work/import" serve --listen 127.0.0.1:0 --rate-limit 0 --backup-at off >"$work/said" 2>"$work/log" &
server=$!
until origin=$(sed -n 's/^listening on //p' "$work/said") && [ -n "$origin" ] && curl -sf -o /dev/null "$origin/readyz"; do
    kill -0 $server
    sleep 0.005
done
echo "start to readyz $((($(date +%s%N) - begun) / 1000000)) ms"
python3 "$here/volume/pages.py" "$origin" bench@example.com 'correct horse battery staple' "$token"
kill $server
wait $server || true
server=

# --- care -----------------------------------------------------------------------------------------------------------------

took "doctor" "$pitlane" --data-dir "$work/import" doctor
took "backup with proof" "$pitlane" --data-dir "$work/import" backup "$work/kept.db"
took "SQLite's integrity_check of it" python3 -c "
import sqlite3
assert sqlite3.connect('$work/kept.db').execute('pragma integrity_check').fetchall() == [('ok',)]"
rm -f "$work/kept.db"
