#!/bin/sh
# What takes too long for every change: a thousand kills, load held to its figures, a soak, new inputs for the parsers.
# Wants a machine that does nothing else. Each part can be run alone; see the command it prints.
set -eu
cd "$(dirname "$0")/.."

say() {
    echo "+ $*"
    "$@"
}

say cargo test --locked --release --test crash -- --cycles 1000 --seed "$(date +%Y%m%d)"
say cargo test --locked --release --test load -- --nightly
if cargo +nightly fuzz --version >/dev/null 2>&1; then
    for target in fuzz/fuzz_targets/*.rs; do
        say cargo +nightly fuzz run "$(basename "$target" .rs)" -- -max_total_time=300
    done
else
    echo "cargo-fuzz is missing. Install it with: cargo install cargo-fuzz, and: rustup toolchain install nightly" >&2
    exit 1
fi
