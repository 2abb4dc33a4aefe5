#!/bin/sh
# tools/make-venv.sh DIR: make a fresh virtual environment with Python 3.11 or newer.
#
# Takes $PYTHON, else python3, else the newest python3.N that is there. Debian ships Python without the part that
# makes environments: as root this installs it, otherwise it says what to type.
set -eu
venv=$1

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

python=
for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if is_new_enough "$candidate"; then
        python=$candidate
        break
    fi
done

if [ -z "$python" ]; then
    found=$("${PYTHON:-python3}" --version 2>/dev/null || echo "no ${PYTHON:-python3} at all")
    echo "Samotop needs Python 3.11 or newer; here is $found." >&2
    echo "On Debian 12 or newer, as root:  apt-get install python3 python3-venv" >&2
    echo "With another interpreter:        make PYTHON=/path/to/python3.11 ..." >&2
    exit 1
fi

make_venv() {
    rm -rf "$venv"
    "$python" -m venv "$venv" >"$1" 2>&1
}

echo "Making $venv with $("$python" --version)."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if make_venv "$log"; then
    exit 0
fi

if "$python" -c 'from ensurepip import version' 2>/dev/null; then # not Debian's missing part: show what it is
    rm -rf "$venv"
    cat "$log" >&2
    exit 1
fi

package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing the Debian package $package, without which there is no venv."
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null || true
    if apt-get install -y -qq --no-install-recommends "$package" >"$log" 2>&1 && make_venv "$log"; then
        exit 0
    fi
    cat "$log" >&2
fi
rm -rf "$venv"
echo "$python cannot make virtual environments here. As root, type:  apt-get install $package" >&2
exit 1
