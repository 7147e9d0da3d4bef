#!/usr/bin/env bash
# Makes the source archive of the Python package and, from it alone and without a network, the wheel; then checks the wheel.
#
#   bash tests/wheel.sh [PYTHON ...]
#
# Leaves both in target/wheel. The wheel has to be one for every CPython from 3.10 (abi3), bear a manylinux tag that
# auditwheel agrees with, and work in a clean environment of each PYTHON with nothing but NumPy beside it; by default of
# every Python from 3.10 that is found.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly OUT=$PWD/target/wheel

give_up() {
    printf 'tests/wheel.sh: %s\n' "$*" >&2
    exit 1
}

# The Pythons to try: those given, or what is on the path and what pyenv has, one of each version.
pythons() {
    local version python
    if (($#)); then
        printf '%s\n' "$@"
        return
    fi
    for version in 3.10 3.11 3.12 3.13 3.14; do
        for python in "$(command -v "python$version" || true)" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python; do
            # pyenv's commands are there for versions that are not.
            if [[ -x $python ]] && "$python" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$version')" 2>/dev/null; then
                printf '%s\n' "$python"
                break
            fi
        done
    done
}

rm -rf "$OUT"
mkdir -p "$OUT/source"
python3 -m venv "$OUT/tools"
cargo fetch --locked --quiet
"$OUT/tools/bin/python" -m pip install --quiet --disable-pip-version-check 'maturin>=1.9.4,<2' 'auditwheel>=6.4' abi3audit

echo "== source archive"
(cd python && "$OUT/tools/bin/maturin" sdist --out "$OUT")
# With the time of now (-m), so that nothing that was built before passes for it; crates of others do.
tar -xmzf "$OUT"/callprint-*.tar.gz -C "$OUT/source" --strip-components=1

# In a folder of its own: cargo would take the archive's crates and the repository's for the same, and build both again.
echo "== wheel, from the source archive, without a network"
(cd "$OUT/source" && CARGO_NET_OFFLINE=true CARGO_TARGET_DIR=$OUT-build \
    "$OUT/tools/bin/maturin" build --release --offline --out "$OUT")
rm -rf "$OUT/source"
wheels=("$OUT"/callprint-*.whl)
wheel=${wheels[0]}
echo "$(basename "$wheel"), $(($(stat -c %s "$wheel") / 1024)) KiB"
[[ $wheel == *-cp310-abi3-manylinux_* ]] || give_up "the name does not say abi3 for CPython 3.10 and manylinux"
"$OUT/tools/bin/auditwheel" show "$wheel" | tee "$OUT/auditwheel.txt"
tr '\n' ' ' <"$OUT/auditwheel.txt" | grep -q 'is consistent with the following platform tag: "manylinux_' ||
    give_up "auditwheel finds no manylinux platform"
"$OUT/tools/bin/abi3audit" --strict "$wheel" || give_up "the module uses symbols outside the stable ABI"

mapfile -t found < <(pythons "$@")
((${#found[@]})) || give_up "no Python from 3.10 found"
for python in "${found[@]}"; do
    echo "== $("$python" --version) with nothing but NumPy"
    "$python" -m venv --clear "$OUT/clean"
    "$OUT/clean/bin/python" -m pip install --quiet --disable-pip-version-check "$wheel"
    "$OUT/clean/bin/python" -W error tests/wheel/clean.py corpus/samples/dental-gsm.wav
done
