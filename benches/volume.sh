#!/usr/bin/env bash
# What a large database costs: imports, pages, reports, doctor and backups at 20 million rows, each beside what it may take, in one
# run (benches/volume/measure.py).
#
#   benches/volume.sh [ADVERTISERS CAMPAIGNS DAYS]      default: 10 2000 1000, 20 million rows; about half an hour
#   benches/volume.sh 10 500 400                        2 million rows; a few minutes
#
# Needs cargo and python3, and about 12 GB of disk for the whole. WORK keeps the data between runs. PITLANE_BIN measures a binary that is
# built already, IMPORT_BENCH is the built bench `import` and BENCH_DATA the built example `bench-data`.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cd "$(dirname "$here")"
work=${WORK:-$(mktemp -d)}
mkdir -p "$work"
[ -n "${WORK:-}" ] || trap 'rm -rf "$work"' EXIT
target=${CARGO_TARGET_DIR:-target}
[ -n "${PITLANE_BIN:-}" ] || cargo build -q --locked --release
[ -n "${BENCH_DATA:-}" ] || cargo build -q --locked --release --example bench-data
bench=${IMPORT_BENCH:-$(cargo bench --locked --no-run --bench import --message-format json 2>/dev/null |
    python3 -c 'import json, sys
made = [json.loads(line) for line in sys.stdin]
print(*[one["executable"] for one in made if one.get("executable") and one["target"]["name"] == "import"])')}
python3 "$here/volume/measure.py" --work "$work" --pitlane "${PITLANE_BIN:-$target/release/pitlane}" --bench "$bench" \
    --data "${BENCH_DATA:-$target/release/examples/bench-data}" --advertisers "${1:-10}" --campaigns "${2:-2000}" --days "${3:-1000}"
