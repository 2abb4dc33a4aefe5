#!/bin/sh
# tools/fuzz.sh SECONDS: run every fuzz target in tests/fuzz for that long, one after the other.
#
# What a target finds is written to .cache/fuzz/ and ends the run with its exit status. A finding becomes a named test
# before it is mended.
set -eu
cd "$(dirname "$0")/.."
seconds=$1
python=.venv/bin/python

if ! "$python" -c 'import atheris' 2>/dev/null; then
    echo "fuzz: there is no atheris for this machine or Python; nothing was fuzzed" >&2
    exit 1
fi

for target in tests/fuzz/fuzz_*.py; do
    [ -e "$target" ] || { echo "fuzz: no targets in tests/fuzz" >&2; exit 1; }
    name=$(basename "$target" .py)
    corpus=.cache/fuzz/$name
    mkdir -p "$corpus"
    echo "fuzz: $name for $seconds seconds"
    PYTHONPATH=src "$python" "$target" -max_total_time="$seconds" -timeout=10 -print_final_stats=0 -verbosity=0 \
        -artifact_prefix=".cache/fuzz/$name-" "$corpus"
done
echo "fuzz: nothing found"
