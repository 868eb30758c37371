#!/bin/sh
# Lays out a container's root: the program, the libraries that it is linked with, and a place for data. Nothing else.
#   root.sh BINARY FOLDER
set -eu

binary=$1
root=$2
rm -rf "$root"
mkdir -p "$root/usr/bin" "$root/etc" "$root/tmp" "$root/data"
cp "$binary" "$root/usr/bin/pitlane"
# The loader and each library, where the program will look for them.
ldd "$binary" | sed -n -e 's/.*=> \(\/[^ ]*\) .*/\1/p' -e 's/^[[:space:]]*\(\/[^ ]*\) .*/\1/p' | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done
printf 'root:x:0:0::/:/\npitlane:x:10001:10001::/data:/\n' >"$root/etc/passwd"
printf 'root:x:0:\npitlane:x:10001:\n' >"$root/etc/group"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
# The container writes below these directories; only the owner can read the files that the program creates.
chmod 1777 "$root/tmp" "$root/data"
