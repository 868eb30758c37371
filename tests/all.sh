#!/bin/sh
# Everything that must hold before a change lands: formatting, lints, documentation, licences, tests.
# Installs what is missing where it may (Debian, as root); otherwise says the one command that does.
set -eu
cd "$(dirname "$0")/.."

need() { # need COMMAND PACKAGE…
    command=$1
    shift
    command -v "$command" >/dev/null 2>&1 && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    else
        echo "$command is missing. Install it with: sudo apt-get install $*" >&2
        exit 1
    fi
}

if ! command -v cargo >/dev/null 2>&1; then
    echo "Rust 1.95 or newer is missing. Install it with rustup: https://rustup.rs" >&2
    exit 1
fi
need cc gcc libc6-dev
need chromedriver chromium chromium-driver
command -v cargo-deny >/dev/null 2>&1 || cargo install --quiet --locked --version 0.20.2 cargo-deny

cargo fmt --check
cargo deny --log-level error check bans licenses sources
cargo clippy --locked --all-targets -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items
cargo test --locked
