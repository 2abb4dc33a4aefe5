#!/bin/sh
# tools/peers.sh: the mail servers and clients that tests/e2e/test_peers_*.py talk to, unpacked in .cache/peers.
#
# Debian's mail servers exclude each other, so all but Postfix (tools/apt-packages.sh) are not installed: they and
# everything they need, down to the C library, are unpacked into the small system .cache/peers/root, and the tests
# start them there with chroot. Nothing of this machine changes. nodemailer comes from npm, as tests/e2e/node/
# pins it. Needs root and apt-get for the former, npm for the latter; without them it says so and ends well: the tests
# that need a peer skip themselves and name it.
set -eu
cd "$(dirname "$0")/.."

peers=.cache/peers
packages="exim4-daemon-light opensmtpd dovecot-lmtpd dash" # dash is the shell that they believe to be there
log=$peers/log
mkdir -p "$peers"

complain() { # complain WHAT: the end of the log, and what is missing now
    tail -n 5 "$log" >&2
    echo "$1 could not be installed; the tests that need it are skipped." >&2
}

# ---------------------------------------------------------------------------- Debian's servers

unpack_all() { # into the folder new
    new=$(pwd)/$peers/new
    archives=$(pwd)/$peers/archives
    rm -rf "$new" "$archives"
    mkdir -p "$new" "$archives/partial"
    : >"$peers/status" # apt believes that nothing is installed, and so fetches all that is needed
    for package in $packages; do
        apt-get install -y -qq --download-only --no-install-recommends -o Debug::NoLocking=1 \
            -o Dir::State::status="$(pwd)/$peers/status" -o Dir::Cache::archives="$archives" "$package" || return 1
    done
    for archive in "$archives"/*.deb; do
        dpkg-deb --extract "$archive" "$new" || return 1
    done
    for name in bin sbin lib lib64; do
        [ -e "$new/$name" ] || ln -s "usr/$name" "$new/$name" # where the packages believe /usr to be merged
    done
    # Each running server gets a root of its own, of hard links to this one: what no server reads is left out.
    rm -rf "$archives" "$peers/status" "$new"/usr/share "$new"/usr/bin/*perl* "$new"/usr/lib/*/perl* \
        "$new"/usr/lib/*/libperl* "$new"/usr/lib/*/gconv "$new"/usr/lib/debug "$new"/var/lib/dpkg
    # What the packages' scripts would have made: the users that the servers insist on, and their folders.
    cat >"$new/etc/passwd" <<USERS
root:x:0:0:root:/root:/bin/sh
mail:x:8:8:mail:/var/mail:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
Debian-exim:x:901:901::/var/spool/exim4:/usr/sbin/nologin
opensmtpd:x:902:902::/var/lib/opensmtpd/empty:/usr/sbin/nologin
opensmtpq:x:903:903::/var/lib/opensmtpd/empty:/usr/sbin/nologin
dovecot:x:904:904::/usr/lib/dovecot:/usr/sbin/nologin
dovenull:x:905:905::/nonexistent:/usr/sbin/nologin
vmail:x:906:906::/srv/mail:/usr/sbin/nologin
USERS
    cut -d: -f1,4 "$new/etc/passwd" | sed 's/:/:x:/; s/$/:/' >"$new/etc/group"
    printf 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n' >"$new/etc/nsswitch.conf"
    printf '127.0.0.1 localhost\n' >"$new/etc/hosts"
    : >"$new/etc/shadow"
    mkdir -p "$new/dev" "$new/tmp" "$new/run" "$new/srv" "$new/root" "$new/var/empty" "$new/var/lib/opensmtpd/empty"
    chmod 1777 "$new/tmp"
    mknod -m 666 "$new/dev/null" c 1 3
    mknod -m 666 "$new/dev/zero" c 1 5
    mknod -m 666 "$new/dev/random" c 1 8
    mknod -m 666 "$new/dev/urandom" c 1 9
    chroot "$new" /usr/sbin/exim4 -C /dev/null -bV || return 1
    chroot "$new" /usr/sbin/dovecot --version || return 1
}

made=$peers/root/made-$(cksum <tools/peers.sh | cut -d' ' -f1)
if [ ! -e "$made" ]; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
        echo "Not there: the mail servers $packages. The tests that need them are skipped; as root on Debian" \
            "tools/peers.sh unpacks them into $peers."
    else
        echo "Unpacking the mail servers $packages into $peers."
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq >"$log" 2>&1 || true
        if unpack_all >>"$log" 2>&1; then
            rm -rf "$peers/root"
            mv "$peers/new" "$peers/root"
            : >"$made"
        else
            rm -rf "$peers/new" "$peers/archives"
            complain "$packages"
        fi
    fi
fi

# ---------------------------------------------------------------------------- nodemailer

node=$peers/node
sum=$(cat tests/e2e/node/package*.json | cksum | cut -d' ' -f1)
if [ ! -e "$node/made-$sum" ]; then
    if ! command -v npm >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing the Debian packages nodejs and npm."
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nodejs npm >"$log" 2>&1 || true
    fi
    if ! command -v npm >/dev/null; then
        echo "Not there: npm. The tests that need nodemailer are skipped; as root on Debian:  apt-get install nodejs npm"
    else
        rm -rf "$node"
        mkdir -p "$node"
        cp tests/e2e/node/package.json tests/e2e/node/package-lock.json "$node"
        if npm ci --prefix "$node" --ignore-scripts --no-audit --no-fund --silent >"$log" 2>&1; then
            : >"$node/made-$sum"
        else
            rm -rf "$node"
            complain nodemailer
        fi
    fi
fi
