#!/bin/sh
# Write the two locks anew: requirements.lock (what users install) and requirements-dev.lock (that, and what
# developers need). For maintainers, after a change of the dependencies in pyproject.toml; needs `uv`.
#
#   tools/lock.sh              keep the versions that still fit, add what is new
#   tools/lock.sh --upgrade    take the newest of everything
#
# The locks carry a hash of every file of each version, for any platform and Python from 3.11 on, and no index or
# download address: where packages come from is the business of whoever installs.
set -eu
cd "$(dirname "$0")/.."

if ! command -v uv >/dev/null; then
    echo "lock: needs uv; get it with:  python3 -m pip install uv" >&2
    exit 1
fi

# The build backend is pinned with the rest, so that the editable install fetches nothing behind the lock's back.
backend=$(python3 -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])')

compile() {
    lock=$1
    shift
    echo "$backend" | uv pip compile --quiet --no-config --universal --python-version 3.11 \
        --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
        --output-file "$lock" "$@" pyproject.toml -
    if grep -nE '://|@ |^-|file:' "$lock"; then
        echo "lock: $lock holds an address; it must not" >&2
        exit 1
    fi
    echo "lock: $lock holds $(grep -c == "$lock") packages"
}

compile requirements.lock "$@"
compile requirements-dev.lock --extra dev --constraint requirements.lock "$@"
