#!/bin/sh
# Makes what is released, into target/dist: the binary, a Debian package, a tar ball, a container's root, a bill of materials,
# and SHA256SUMS of all. The same source gives the same bytes, in any folder. Needs cargo-deb and
# cargo-cyclonedx, and installs them where they are missing.
set -eu
cd "$(dirname "$0")/.."

command -v cargo-deb >/dev/null 2>&1 || cargo install --quiet --locked cargo-deb
command -v cargo-cyclonedx >/dev/null 2>&1 || cargo install --quiet --locked cargo-cyclonedx

here=$(pwd)
# A folder of its own: the flags below are not those of other builds.
export CARGO_TARGET_DIR="$here/target/package"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || date +%s)
export SOURCE_DATE_EPOCH
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
machine=$(uname -m)
dist=target/dist
share=$dist/share
rm -rf "$dist"
mkdir -p "$share"

# No path of this machine gets into the binary, from Rust or from C.
cargo_home=${CARGO_HOME:-$HOME/.cargo}
sysroot=$(rustc --print sysroot)
export RUSTFLAGS="--remap-path-prefix=$here=/pitlane --remap-path-prefix=$cargo_home=/cargo --remap-path-prefix=$sysroot=/rust"
export CFLAGS="-ffile-prefix-map=$here=/pitlane -ffile-prefix-map=$cargo_home=/cargo"
cargo build --locked --release
binary=$CARGO_TARGET_DIR/release/pitlane
cp "$binary" "$dist/pitlane"

# What the binary knows of itself, and what it is made of.
"$binary" man "$share/man" 2>/dev/null
"$binary" completions bash >"$share/pitlane.bash"
"$binary" completions zsh >"$share/_pitlane"
"$binary" completions fish >"$share/pitlane.fish"
printf 'pitlane (%s) stable; urgency=medium\n\n  * What changed: CHANGELOG.md beside this file.\n\n -- %s  %s\n' "$version" \
    "$(sed -n 's/^maintainer = "\(.*\)"/\1/p' Cargo.toml)" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9 -n >"$share/changelog.gz"
# The tool takes no file name of ours together with what it describes.
cargo cyclonedx --quiet --format json --describe binaries --spec-version 1.5 --no-build-deps
sed "s|$here|/pitlane|g" pitlane_bin.cdx.json >"$share/sbom.cdx.json"
rm -f pitlane_bin.cdx.json
cp "$share/sbom.cdx.json" "$dist/pitlane-$version.cdx.json"

cargo deb --no-build --no-strip --quiet --deb-revision '' --output "$dist/pitlane_${version}_$(dpkg --print-architecture).deb"

pack() { # pack ARCHIVE FOLDER: the same bytes for the same files
    tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -C "$(dirname "$2")" -cf - \
        "$(basename "$2")" | gzip -9 -n >"$1"
}

# For systems without Debian's packages.
tree=$dist/pitlane-$version-$machine-linux
mkdir -p "$tree/systemd" "$tree/backup"
cp "$binary" README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE packaging/pitlane.conf docs/operations.md "$tree/"
cp packaging/systemd/* "$tree/systemd/"
cp packaging/backup/* "$tree/backup/"
cp -r "$share/man" "$share/pitlane.bash" "$share/_pitlane" "$share/pitlane.fish" "$share/sbom.cdx.json" "$tree/"
pack "$tree.tar.gz" "$tree"
rm -r "$tree"

sh packaging/container/root.sh "$binary" "$dist/container/root"
cp packaging/container/Containerfile "$dist/container/"
pack "$dist/pitlane-$version-$machine-container.tar.gz" "$dist/container"

(cd "$dist" && sha256sum pitlane pitlane[-_]*.* >SHA256SUMS)
cat "$dist/SHA256SUMS"
