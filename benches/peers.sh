#!/usr/bin/env bash
# Pitlane against what one would run instead, in one run: same data, same machine, server on one core, load on the other.
#
#   benches/peers.sh [quick]
#
# Needs Linux, two cores, cargo and python3; installs nginx, wrk, PostgreSQL and Python packages (into a venv) where they are
# missing. Everything listens on loopback and is stopped at the end. Each round starts each server anew, the servers take turns,
# and each figure is the median of the rounds with its quartiles (see benches/peers/rounds.py). `quick` takes about eight minutes:
# it leaves out what needs large databases.
#
# PITLANE_BIN measures a binary that is built already, PITLANE_OTHER a second one beside it, in the same rounds. ROUNDS and
# DURATION (seconds for each figure and round) say how long. WORK keeps the data between runs, VENV the Python packages;
# BENCH_DATA is the built example `bench-data`.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
repo=$(dirname "$here")
mode=${1:-full}
[ "$mode" = full ] || [ "$mode" = quick ] || { echo "usage: benches/peers.sh [quick]" >&2; exit 2; }
work=${WORK:-$(mktemp -d)}
mkdir -p "$work"
[ -n "${WORK:-}" ] || trap 'rm -rf "$work"' EXIT

install() { apt-get -qq update && apt-get -qq install -y "$1" >/dev/null; }
need() { command -v "$1" >/dev/null || install "$2"; }
need wrk wrk
need nginx nginx-light
need cc gcc
postgres=$(ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null | head -1 || true)
[ -n "$postgres" ] || { install postgresql; postgres=$(ls -d /usr/lib/postgresql/*/bin/postgres | head -1); }
venv=${VENV:-$work/venv}
[ -x "$venv/bin/datasette" ] || { python3 -m venv "$venv" && "$venv/bin/pip" -q install fastapi uvicorn uvloop httptools orjson asyncpg datasette; }

cd "$repo"
target=${CARGO_TARGET_DIR:-$repo/target}
[ -n "${PITLANE_BIN:-}" ] || cargo build -q --locked --release
[ -n "${BENCH_DATA:-}" ] || cargo build -q --locked --release --example bench-data
parts=
if [ "$mode" = full ]; then
    cargo bench -q --locked --no-run --bench parts
    parts=$target/criterion/report
fi
cc -O2 -o "$work/write" "$here/peers/write.c"

"$venv/bin/python" "$here/peers/rounds.py" "$mode" --work "$work" --venv "$venv" --postgres "$(dirname "$postgres")" \
    --rounds "${ROUNDS:-7}" --seconds "${DURATION:-$([ "$mode" = quick ] && echo 2 || echo 5)}" \
    --data "${BENCH_DATA:-$target/release/examples/bench-data}" \
    --pitlane "${PITLANE_BIN:-$target/release/pitlane}" --other "${PITLANE_OTHER:-}" --parts "$parts"
