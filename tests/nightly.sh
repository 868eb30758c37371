#!/bin/sh
# What takes too long for every change: a thousand kills, load held to its figures, a soak, requests and clients made from the API's
# description, packages in a fresh Debian, a lost machine, Java and Go by HTTPS, new inputs for the parsers, a hundred
# changes of the code that a test must notice.
# Needs an otherwise idle machine. Each part can be run alone; see the command it prints.
set -eu
cd "$(dirname "$0")/.."

say() {
    echo "+ $*"
    "$@"
}

say cargo test --locked --release --test crash -- --cycles 1000 --seed "$(date +%Y%m%d)"
say cargo test --locked --release --test load -- --nightly
say sh tests/openapi.sh
say sh tests/clients.sh
say sh packaging/release.sh
say sh tests/package.sh
say sh tests/disaster.sh
say sh tests/tls-clients.sh
say sh benches/tls.sh
if cargo +nightly fuzz --version >/dev/null 2>&1; then
    for target in fuzz/fuzz_targets/*.rs; do
        # The kept inputs are read; new ones go beside them, and into the repository only by hand.
        name=$(basename "$target" .rs)
        mkdir -p "fuzz/target/corpus/$name"
        say cargo +nightly fuzz run "$name" "fuzz/target/corpus/$name" "fuzz/corpus/$name" -- -max_total_time=300
    done
else
    echo "cargo-fuzz is missing. Install it with: cargo install cargo-fuzz, and: rustup toolchain install nightly" >&2
    exit 1
fi

# nginx, Caddy and Apache in front, with the configurations that are shipped.
for command in nginx caddy apache2; do
    command -v "$command" >/dev/null 2>&1 && continue
    echo "$command is missing. Install it with: sudo apt-get install nginx-light caddy apache2" >&2
    exit 1
done
tests/proxies.sh

# The last, since a change that no test notices ends it with an error.
say sh tests/mutants.sh
