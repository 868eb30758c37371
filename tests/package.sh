#!/bin/sh
# The Debian package in a fresh Debian: installed, started by its unit's own command line, a report over HTTPS with a
# certificate from Pebble, upgraded over an older version with that one's data, removed, purged. Takes what
# packaging/release.sh left in target/dist. As root; installs debootstrap, lintian, pebble, buildah and curl where they are missing.
set -eu
cd "$(dirname "$0")/.."

for package in debootstrap lintian pebble curl buildah; do
    dpkg -s "$package" >/dev/null 2>&1 || apt-get install -y -qq --no-install-recommends "$package" >/dev/null
done
deb=$(ls target/dist/pitlane_*.deb)
work=$(mktemp -d)
root=$work/root
running=
end() {
    for process in $running; do kill "$process" 2>/dev/null || true; done
    wait
    rm -rf "$work"
}
trap end EXIT

step() { printf '%s: %s\n' "$(date +%T)" "$*"; }
fail() {
    echo "FAILED: $*" >&2
    cat "$work/log" >&2 2>/dev/null || true
    exit 1
}
await() { # await WHAT COMMAND…
    what=$1
    shift
    for _ in $(seq 300); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.1
    done
    fail "waited in vain: $what"
}

step "lintian"
lintian --fail-on error,warning "$deb"

step "how much the unit lets out"
mkdir -p "$work/unit/etc/systemd/system/pitlane.service.d" "$work/unit/usr/bin" "$work/unit/bin"
touch "$work/unit/usr/bin/pitlane" "$work/unit/bin/kill"
chmod +x "$work/unit/usr/bin/pitlane" "$work/unit/bin/kill"
cp packaging/systemd/pitlane.service "$work/unit/etc/systemd/system/"
exposure() { # exposure LIMIT: in tenths
    systemd-analyze security --offline=yes --root="$work/unit" --threshold="$1" pitlane.service >"$work/security" 2>&1 ||
        fail "the unit lets out more than $1 tenths: $(tail -n 1 "$work/security")"
    tail -n 1 "$work/security"
}
exposure 15
cp packaging/systemd/port-443.conf "$work/unit/etc/systemd/system/pitlane.service.d/"
exposure 18

step "a fresh Debian"
# From wherever this machine gets its packages.
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -n 1)
debootstrap --variant=minbase --include=adduser "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$root" "$mirror" >"$work/log" 2>&1 ||
    fail "debootstrap"
printf '127.0.0.1 localhost\n' >"$root/etc/hosts"

install_deb() {
    cp "$1" "$root/tmp/pitlane.deb"
    DEBIAN_FRONTEND=noninteractive chroot "$root" dpkg -i /tmp/pitlane.deb >"$work/log" 2>&1 || fail "dpkg -i $1"
}
unit() { sed -n "s/^$1=//p" "$root/usr/lib/systemd/system/pitlane.service"; }
# Runs a command as the unit would: its user, its variables, and nothing else.
as_unit() {
    ${in_place:-} chroot --userspec="$(unit User):$(unit Group)" "$root" env -i $(unit Environment) \
        $(grep -v '^#' "$root/etc/pitlane/pitlane.conf" || true) NOTIFY_SOCKET="${socket:-}" "$@"
}
start() {
    socket=/var/lib/pitlane/notify
    rm -f "$root$socket" "$work/told"
    python3 - "$root$socket" "$work/told" <<'PYTHON' &
import os, socket, sys
heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
heard.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
while True:
    told = heard.recv(4096)
    with open(sys.argv[2], "ab") as file:
        file.write(told + b"\n")
PYTHON
    listener=$!
    running="$running $listener"
    await "the socket of a service manager" test -S "$root$socket"
    # In the place of the shell that starts it, so that signals reach it.
    in_place=exec as_unit $(unit ExecStart) >"$work/said" 2>>"$work/log" &
    server=$!
    running="$running $server"
    await "READY=1" grep -q READY=1 "$work/told"
    grep -q '^listening on https://' "$work/said" || fail "it does not listen on https: $(cat "$work/said")"
}
stop() {
    kill "$server" "$listener"
    wait "$server" || fail "the server did not stop tidily"
    socket=
}

step "an older version with its data"
older=$work/older
dpkg-deb -R "$deb" "$older"
sed -i 's/^Version: .*/Version: 0.0.1/' "$older/DEBIAN/control"
dpkg-deb -b "$older" "$work/older.deb" >/dev/null
install_deb "$work/older.deb"
install -m 600 tests/fixtures/schema-1.db "$root/var/lib/pitlane/pitlane.db"
chroot "$root" chown pitlane:pitlane /var/lib/pitlane/pitlane.db

step "an authority"
set -- $(python3 -c "
import socket
held = [socket.socket() for _ in range(5)]
for one in held: one.bind(('127.0.0.1', 0))
print(*(one.getsockname()[1] for one in held))")
acme=$1 management=$2 dns=$3 other=$4 https=$5
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -keyout "$work/ca.key" -out "$work/ca.pem" 2>/dev/null
openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout "$work/key.pem" -out "$work/own.csr" 2>/dev/null
printf 'subjectAltName=DNS:localhost' >"$work/names"
openssl x509 -req -in "$work/own.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -days 2 -extfile "$work/names" \
    -out "$work/cert.pem" 2>/dev/null
cat >"$work/pebble.json" <<JSON
{"pebble": {"listenAddress": "127.0.0.1:$acme", "managementListenAddress": "127.0.0.1:$management",
 "certificate": "$work/cert.pem", "privateKey": "$work/key.pem", "httpPort": 1, "tlsPort": $https}}
JSON
pebble-challtestsrv -dns01 "127.0.0.1:$dns" -http01 '' -https01 '' -tlsalpn01 '' -defaultIPv6 '' \
    -management "127.0.0.1:$other" >/dev/null 2>&1 &
running="$running $!"
PEBBLE_VA_NOSLEEP=1 pebble -dnsserver "127.0.0.1:$dns" -config "$work/pebble.json" >/dev/null 2>&1 &
running="$running $!"
await "Pebble" curl -sf --cacert "$work/ca.pem" "https://localhost:$acme/dir"

step "from the package to a report over HTTPS"
since=$(date +%s)
install_deb "$deb"
cp "$work/ca.pem" "$root/etc/pitlane/acme-root.pem"
chmod 644 "$root/etc/pitlane/acme-root.pem"
cat >>"$root/etc/pitlane/pitlane.conf" <<CONF
PITLANE_LISTEN=127.0.0.1:$https
PITLANE_TLS_DOMAIN=costs.example
PITLANE_ACME_DIRECTORY=https://localhost:$acme/dir
PITLANE_ACME_ROOT=/etc/pitlane/acme-root.pem
CONF
start
curl -sf --cacert "$work/ca.pem" "https://localhost:$management/roots/0" >"$work/root.pem"
advertiser=$(as_unit pitlane --json advertiser list 2>/dev/null | sed 's/.*"id":"\([^"]*\)".*/\1/')
token=$(as_unit pitlane token create --advertiser "$advertiser" --name test 2>/dev/null)
ask() {
    curl -sf --cacert "$work/root.pem" --resolve "costs.example:$https:127.0.0.1" -H "Authorization: ApiToken $token" \
        "https://costs.example:$https/api/v1/integrations/cost-report/json?date_from=2000-01-01&date_to=2100-01-01"
}
ask >"$work/report" || fail "no report"
grep -q '"isSuccessful":true' "$work/report" || fail "$(cat "$work/report")"
took=$(($(date +%s) - since))
[ "$took" -le 60 ] || fail "it took $took s"
step "took $took s, an upgrade of the data among them: $(ls "$root/var/lib/pitlane/backups")"
as_unit pitlane doctor >"$work/doctor" 2>&1 || fail "$(cat "$work/doctor")"
as_unit pitlane healthcheck 2>"$work/health" || fail "the health check: $(cat "$work/health")"

step "what no other user may read"
[ "$(stat -c %a "$root/var/lib/pitlane")" = 700 ] || fail "the data directory is open"
found=$(find "$root/var/lib/pitlane" -perm /077 ! -type s ! -name notify | head -n 3)
[ -z "$found" ] || fail "others can read $found"

step "removed and purged: the data stays"
stop
chroot "$root" dpkg -r pitlane >"$work/log" 2>&1 || fail "dpkg -r"
[ ! -e "$root/usr/bin/pitlane" ] && [ -e "$root/etc/pitlane/pitlane.conf" ] || fail "a removal takes the program only"
chroot "$root" dpkg -P pitlane >"$work/log" 2>&1 || fail "dpkg -P"
[ ! -e "$root/etc/pitlane/pitlane.conf" ] && [ -s "$root/var/lib/pitlane/pitlane.db" ] || fail "a purge leaves the data"
grep -q 'It was left' "$work/log" || fail "a purge says what it left"

step "the container, built and run by buildah as any user; nothing is written but /data"
build() { buildah --storage-driver vfs --root "$work/images" --runroot "$work/run" "$@"; }
build bud --quiet --isolation chroot --format docker -t pitlane target/dist/container >"$work/log" 2>&1 || fail "buildah"
box=$(build from pitlane)
mount=$(build mount "$box")
inside() {
    ${in_place:-} buildah --storage-driver vfs --root "$work/images" --runroot "$work/run" run --isolation chroot \
        --user 12345:12345 --env PITLANE_LISTEN=127.0.0.1:0 "$box" -- /usr/bin/pitlane "$@"
}
[ ! -e "$mount/bin/sh" ] || fail "there is a shell"
in_place=exec inside serve >"$work/said" 2>"$work/log" &
server=$!
running="$running $server"
await "the container's server" grep -q '^listening on http://' "$work/said"
inside healthcheck 2>/dev/null || fail "the health check"
build inspect "$box" | grep -q '"healthcheck"' || fail "the image has no health check"
kill "$server"
wait "$server" || true
found=$(find "$mount" -newer "$work/said" -type f | head -n 3)
[ -z "$found" ] || fail "written outside of /data: $found"
[ -n "$(find "$work/images" -path '*volumes*' -name pitlane.db -uid 12345)" ] || fail "the data is not its user's"
echo "all of it held"
