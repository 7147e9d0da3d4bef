#!/usr/bin/env bash
# Runs the tests of the Hamming kernels under valgrind's memcheck, at each level of vector instructions that it knows.
#
#   bash tests/valgrind.sh
#
# Reads outside the codes, and decisions that depend on memory never written, end it with an error. The tests compare all levels
# that the CPU shows, and valgrind's CPU shows no AVX-512; CALLPRINT_SIMD lowers the level that the rest of the library takes.
# Installs Debian's valgrind where that is possible. The proptests run fewer cases: memcheck is some 30 times slower.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/packages.sh

if ! command -v valgrind >/dev/null; then
    want_packages valgrind
fi

# The library's unit tests, built as tests/run.sh builds them; cargo says where the program is.
program=$(cargo test --locked --release -p callprint --lib --no-run --message-format=json |
    python3 -c 'import json, sys
messages = map(json.loads, sys.stdin)
print([m["executable"] for m in messages if m.get("executable") and m["profile"]["test"]][-1])')

for level in avx2 scalar; do
    echo "== Hamming kernels under valgrind, CALLPRINT_SIMD=$level"
    CALLPRINT_SIMD=$level PROPTEST_CASES=20 PROPTEST_FAILURE_PERSISTENCE=off valgrind --quiet --error-exitcode=1 \
        --leak-check=no "$program" --test-threads=1 index::hamming::
done
