#!/bin/sh
# Changes the code in a hundred places, one at a time, and requires that a test fails for each (cargo-mutants): values, imports, reports, the
# ledger, the reader of pages, the token guard. Which hundred follows from the seed, so that nights add up.
#
#   tests/mutants.sh [SEED]      SEED takes the same hundred again
#
# The report is in target/mutants.out: missed.txt names each change that no test noticed. Takes hours: each change is built and tested.
set -eu
cd "$(dirname "$0")/.."

if ! command -v cargo-mutants >/dev/null 2>&1; then
    echo "cargo-mutants is missing. Install it with: cargo install --locked cargo-mutants" >&2
    exit 1
fi

set -- "${1:-$(date +%s)}" \
    --file 'src/domain/**' --file 'src/import/**' --file 'src/service/report/**' --file 'src/service/ledger/**' \
    --file 'src/store/ledger*.rs' --file 'src/store/stats/walk.rs' --file 'src/http/token_guard.rs'
seed=$1
shift
count=$(cargo mutants --list "$@" | wc -l)
shards=$(((count + 99) / 100))
# The multiplier spreads neighbouring seeds, as of two nights, over all shards.
shard=$((seed * 7919 % shards))
echo "mutants: seed $seed, shard $shard of $shards, $count in all"
# Tests in the browser, of power cuts and of load are left out: each change would take minutes more.
status=0
cargo mutants "$@" --shard "$shard/$shards" --sharding round-robin --output target --minimum-test-timeout 300 \
    -- --locked --lib --test it --test fuzz || status=$?
if [ -s target/mutants.out/missed.txt ]; then
    echo "No test noticed these (seed $seed):" >&2
    cat target/mutants.out/missed.txt >&2
fi
exit "$status"
