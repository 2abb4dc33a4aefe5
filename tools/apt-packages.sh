#!/bin/sh
# tools/apt-packages.sh: install the programs that tests and benchmarks talk to, as far as they are missing.
#
# Needs root and apt-get. Without them it says so and ends well: the tests that need a program skip themselves and
# name its package.
set -eu
PATH=$PATH:/usr/sbin:/sbin

missing=
need() { # need PACKAGE TEST...: the package is missing where the test fails
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}

need postfix command -v smtp-source
need libsasl2-modules test -n "$(find /usr/lib -name 'libscram.so*' -print -quit)" # Postfix logs in with it
need swaks command -v swaks
need libnet-ssleay-perl perl -MNet::SSLeay -e 1 # swaks speaks TLS through it
need strace command -v strace
need curl command -v curl
need knot command -v knotd
need knot-dnssecutils command -v kzonecheck
need unbound command -v unbound
need opendkim command -v opendkim
need opendkim-tools command -v opendkim-testmsg
need libxml2-utils command -v xmllint

[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "Not installed:$missing. The tests that need them are skipped; as root on Debian:  apt-get install$missing"
    exit 0
fi

echo "Installing the Debian packages$missing."
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# Tests start the servers among them themselves, on ports of their own: Debian is not to start any.
policy=/usr/sbin/policy-rc.d
if [ -e "$policy" ]; then
    policy=
else
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
trap 'rm -f "$log" $policy' EXIT
# Postfix is wanted for its tools; unconfigured it starts no server and listens nowhere.
echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections 2>/dev/null || true
apt-get update -qq >"$log" 2>&1 || true
# shellcheck disable=SC2086 # a list of names
if ! apt-get install -y -qq --no-install-recommends $missing >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    echo "Some of$missing could not be installed; the tests that need them are skipped." >&2
fi
