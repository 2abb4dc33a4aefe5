#!/bin/sh
# tools/companions.sh: the filters that tests/e2e/test_companions*.py talk to, unpacked in .cache/companions.
#
# clamd and rspamd would start services of their own where they are installed, and want a user and a database each:
# they and the libraries that they alone need are unpacked into .cache/companions/root, where the tests start them.
# Nothing of this machine changes. OpenDKIM is installed by tools/apt-packages.sh. Needs apt-get and dpkg-deb; without
# them it says so and ends well: the tests that need a filter skip themselves and name this script.
set -eu
cd "$(dirname "$0")/.."

folder=.cache/companions
packages="clamav-daemon libclamav12 libmspack0 rspamd libhyperscan5 libluajit2-5.1-2 libluajit2-5.1-common"
log=$(pwd)/$folder/log
made=$folder/root/made-$(cksum <tools/companions.sh | cut -d' ' -f1)
mkdir -p "$folder"
[ ! -e "$made" ] || exit 0

if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
    echo "Not there: $packages. The tests that need them are skipped; on Debian tools/companions.sh unpacks them."
    exit 0
fi

echo "Unpacking $packages into $folder."
rm -rf "$folder/new" "$folder/archives"
mkdir -p "$folder/new" "$folder/archives"
unpack() {
    # shellcheck disable=SC2086 # a list of names
    (cd "$folder/archives" && apt-get download -qq $packages) || return 1
    for archive in "$folder"/archives/*.deb; do
        dpkg-deb --extract "$archive" "$folder/new" || return 1
    done
}
if unpack >"$log" 2>&1; then
    rm -rf "$folder/root" "$folder/archives"
    mv "$folder/new" "$folder/root"
    : >"$made"
else
    tail -n 5 "$log" >&2
    rm -rf "$folder/new" "$folder/archives"
    echo "They could not be unpacked; the tests that need them are skipped." >&2
fi
