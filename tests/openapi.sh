#!/bin/sh
# Random requests, made from the API's own description, against a server with sample data: whatever is answered must be what
# /api/openapi.json says, and never a 500; what fits the description is accepted, what doesn't is refused (all checks). Takes Schemathesis from PyPI into target/.
set -eu
cd "$(dirname "$0")/.."

venv=target/schemathesis
[ -x "$venv/bin/schemathesis" ] || {
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet 'schemathesis==4.*'
}
binary=${PITLANE:-$PWD/target/release/pitlane}
[ -n "${PITLANE:-}" ] || cargo build --locked --release --quiet

dir=$(mktemp -d)
pitlane() {
    "$binary" --data-dir "$dir/data" "$@"
}
"$binary" --data-dir "$dir/data" demo --listen 127.0.0.1:0 --rate-limit 0 --backup-at off \
    >"$dir/said" 2>"$dir/log" &
server=$!
trap 'kill "$server"; wait "$server" || true; rm -rf "$dir"' EXIT
until grep -q '^listening on ' "$dir/said"; do
    kill -0 "$server"
    sleep 0.1
done
origin=$(sed -n 's/^listening on //p' "$dir/said")
report=$(sed -n 's/^token: //p' "$dir/said")
advertiser=$(pitlane --json advertiser list 2>/dev/null | sed 's/.*"id":"\([^"]*\)".*/\1/')
ingest=$(pitlane token create --advertiser "$advertiser" --name schemathesis --scope ingest 2>/dev/null)

hooks=$PWD/tests
ask() { # ask TOKEN FLAGS…
    token=$1
    shift
    # In a directory of its own: it writes its cache into the current directory.
    (cd "$venv" && SCHEMATHESIS_HOOKS=openapi_hooks PYTHONPATH=$hooks bin/schemathesis run "$origin/api/openapi.json" \
        --header "Authorization: ApiToken $token" --checks all --continue-on-failure --no-color "$@")
}
ask "$report" --exclude-path /api/v1/daily-stats --max-examples 300
ask "$ingest" --include-path /api/v1/daily-stats --max-examples 600
if grep '"level":"ERROR"' "$dir/log"; then
    echo "the server logged errors" >&2
    exit 1
fi
