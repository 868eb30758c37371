#!/bin/sh
# Clients that generators make of /api/openapi.json, compiled and run against a server: Python (openapi-python-client), TypeScript
# (openapi-typescript, checked with --strict), Go and Java (openapi-generator, Java with Jackson). Each reads a report, totals above
# 2^53, 304 by its tag and a refusal, and puts rows in; what each prints is held against what was stored. Go and Java map double to
# an exact decimal, so they also read money of 17 digits, which JavaScript and Python's float can't hold.
# Takes a JDK, Go, Node and npm from Debian, and the generators from PyPI and npm into target/clients.
set -eu
cd "$(dirname "$0")/.."

need() { # need COMMAND PACKAGE
    command -v "$1" >/dev/null 2>&1 || apt-get install -y -qq --no-install-recommends "$2" >/dev/null
}
need javac default-jdk-headless
need go golang-go
need npm npm
pitlane=${PITLANE:-$PWD/target/release/pitlane}
[ -x "$pitlane" ] || cargo build --locked --release --quiet

here=$PWD/tests/clients
made=$PWD/target/clients
mkdir -p "$made"
[ -x "$made/venv/bin/openapi-python-client" ] || {
    python3 -m venv "$made/venv"
    "$made/venv/bin/pip" install --quiet 'openapi-python-client==0.29.*' 'openapi-generator-cli==7.26.*'
}
jar=$(find "$made/venv" -name openapi-generator.jar)
cp "$here/package.json" "$here/tsconfig.json" "$made/"
[ -d "$made/node_modules" ] || (cd "$made" && npm install --silent --no-audit --no-fund)

# --- a server with figures that are hard to read ------------------------------------------------------------------------------

work=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT
{
    echo date,campaign_name,partner,clicks,cost,views,conversions,offer_name,app,store_id,os
    # A count over 2^32, money with six decimals and 13 digits.
    echo 2026-01-01,AOS_ONE,Lumen,224778279476,1234567.123456,1,1,Coin Game,Coin Game,com.example.coin,ANDROID
    # The largest there are. Nine views of 10^15 and one less make an odd sum over 2^53.
    for day in 01 02 03 04 05 06 07 08 09; do
        echo "2026-02-$day,AOS_TWO,Lumen,1,1,1000000000000000,1,Gem Game,Gem Game,com.example.gem,ANDROID"
    done
    echo 2026-02-10,AOS_TWO,Lumen,1000000000000000,99999999999.999999,999999999999999,1,Gem Game,Gem Game,com.example.gem,ANDROID
} >"$work/rows.csv"
run() { "$pitlane" --data-dir "$work/data" "$@" 2>/dev/null; }
run import "$work/rows.csv" --advertiser Acme --create-missing >/dev/null
REPORT_TOKEN=$(run token create --advertiser Acme --name clients)
INGEST_TOKEN=$(run token create --advertiser Acme --name clients --scope ingest)
"$pitlane" --data-dir "$work/data" serve --listen 127.0.0.1:0 --backup-at off >"$work/said" 2>"$work/log" &
server=$!
until grep -q '^listening on ' "$work/said"; do
    kill -0 "$server"
    sleep 0.1
done
ORIGIN=$(sed -n 's/^listening on //p' "$work/said")
export ORIGIN REPORT_TOKEN INGEST_TOKEN
curl -sf "$ORIGIN/api/openapi.json" >"$made/openapi.json"

cat >"$work/expected" <<'WORDS'
report: 224778279476 clicks, cost 1234567.123456
totals: 9999999999999999 views
again: 304
refused: ValidationError
dry run: 1 inserted
import: 1 inserted
WORDS
# held NAME: what a client printed is right. All but Go and Java leave the last line of these out.
held() {
    diff "$work/expected" "$work/$1" || { echo "$1 read something else" >&2; exit 1; }
    echo "$1: $(wc -l <"$work/$1") figures are right"
}
exact='largest: 1000000000000000 clicks, cost 99999999999.999999'

# --- Python -------------------------------------------------------------------------------------------------------------------

"$made/venv/bin/openapi-python-client" generate --path "$made/openapi.json" --output-path "$made/python/pitlane_client" --meta none \
    --overwrite >"$work/generator" 2>&1 || { cat "$work/generator" >&2; exit 1; }
PYTHONPATH=$made/python "$made/venv/bin/python" "$here/client.py" >"$work/python"
held python

# --- TypeScript: its numbers end at 2^53 ----------------------------------------------------------------------------------------

"$made/node_modules/.bin/openapi-typescript" "$made/openapi.json" -o "$made/api.d.ts" >/dev/null 2>&1
cp "$here/client.ts" "$made/client.ts"
(cd "$made" && node_modules/.bin/tsc --project . && node client.js >"$work/typescript")
sed -i 's/^totals: .*/totals: 10000000000000000 views/' "$work/expected"
held typescript
sed -i 's/^totals: .*/totals: 9999999999999999 views/' "$work/expected"

# --- Go and Java, with exact decimals -------------------------------------------------------------------------------------------

echo "$exact" >>"$work/expected"
generate() { # generate LANGUAGE FOLDER OPTIONS...
    language=$1 folder=$2
    shift 2
    rm -rf "$folder"
    java -jar "$jar" generate -i "$made/openapi.json" -g "$language" -o "$folder" "$@" >"$work/generator" 2>&1 ||
        { cat "$work/generator" >&2; exit 1; }
}
generate go "$made/go/src/pitlane" --type-mappings=double=json.Number \
    --additional-properties=packageName=pitlane,withGoMod=false,generateInterfaces=false
mkdir -p "$made/go/src/client"
cp "$here/client.go" "$made/go/src/client/main.go"
(cd "$made/go/src/client" && GOPATH=$made/go GO111MODULE=off GOFLAGS='' go build -o "$made/go/client" . && "$made/go/client" >"$work/go")
held go

generate java "$made/java" --library native --type-mappings=double=BigDecimal \
    --additional-properties=openApiNullable=false,invokerPackage=pitlane,apiPackage=pitlane.api,modelPackage=pitlane.model
# The generator is written with Jackson, and its jar holds all of it.
annotations=/usr/share/java/geronimo-annotation-1.3-spec.jar
[ -f "$annotations" ] || apt-get install -y -qq --no-install-recommends libgeronimo-annotation-1.3-spec-java >/dev/null
mkdir "$made/java/classes"
find "$made/java/src/main/java" -name '*.java' >"$work/sources"
javac -nowarn -d "$made/java/classes" -cp "$jar:$annotations" "@$work/sources" "$here/Client.java" 2>"$work/javac" ||
    { cat "$work/javac" >&2; exit 1; }
java -cp "$made/java/classes:$jar" Client >"$work/java"
held java
