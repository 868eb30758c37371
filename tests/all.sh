#!/bin/sh
# Everything that must hold before a change lands: formatting, lints, documentation, licences, tests.
# Says first what is missing. Installs it where it may (Debian, as root); otherwise says the one command that does.
set -eu
cd "$(dirname "$0")/.."

if ! command -v cargo >/dev/null 2>&1; then
    echo "Rust 1.95 or newer is missing. Install it with rustup: https://rustup.rs" >&2
    exit 1
fi

packages=
need() { # need COMMAND PACKAGE…
    command=$1
    shift
    command -v "$command" >/dev/null 2>&1 || packages="$packages $*"
}
need cc gcc libc6-dev
need chromedriver chromium chromium-driver
need pebble pebble
need curl curl
need python3 python3
/usr/bin/python3 -c "import aiosmtpd" 2>/dev/null || packages="$packages python3-aiosmtpd"
if [ -n "$packages" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "Installing Debian packages:$packages" >&2
        # shellcheck disable=SC2086 # a list of names
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
    else
        echo "Missing:$packages. Install with: sudo apt-get install$packages" >&2
        exit 1
    fi
fi
if ! command -v cargo-deny >/dev/null 2>&1; then
    echo "Installing cargo-deny 0.20.2 with cargo install (compiles for some minutes)" >&2
    cargo install --quiet --locked --version 0.20.2 cargo-deny
fi

cargo fmt --check
cargo deny --log-level error check bans licenses sources
cargo clippy --locked --all-targets -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items
cargo test --locked
