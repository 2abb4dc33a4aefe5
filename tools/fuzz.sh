#!/bin/sh
# tools/fuzz.sh SECONDS: run every fuzz target in tests/fuzz for that long, one after the other.
#
# What a target finds is written to .cache/fuzz/ and ends the run. A finding becomes a named test before it is mended.
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
    log=.cache/fuzz/$name.log
    mkdir -p "$corpus"
    echo "fuzz: $name for $seconds seconds"
    if ! PYTHONPATH=src:. "$python" "$target" -max_total_time="$seconds" -timeout=10 -print_final_stats=1 \
        -artifact_prefix=".cache/fuzz/$name-" "$corpus" >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        echo "fuzz: $name found something; all of it is in $log" >&2
        exit 1
    fi
    sed -n 's/^stat::number_of_executed_units: */fuzz:   tried /p' "$log"
done
echo "fuzz: nothing found"
