#!/usr/bin/env bash
# Builds callprint and runs all its tests: Rust unit, documentation and end-to-end tests, the Python package, the corpus.
#
#   bash tests/run.sh
#
# Wants Rust (see rust-version in Cargo.toml), a C and C++ compiler, pkg-config, valgrind, and Python 3.10 or newer; as root on
# Debian it installs what is missing. Does all else itself, in target/. The network is used only to fetch crates and Python
# packages. All Rust is built in the release profile, which the program and the Python package share; so nothing is compiled
# twice. Ends with status 0 only if everything passed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/packages.sh

readonly VENV=target/test-venv
PASSED=()
FAILED=()

say() { printf '\n== %s\n' "$*"; }

give_up() {
    printf 'tests/run.sh: %s\n' "$*" >&2
    exit 1
}

# step NAME COMMAND...: runs the command and notes under NAME how it went.
step() {
    local name=$1 begun=$SECONDS
    shift
    say "$name"
    if "$@"; then
        PASSED+=("$name ($((SECONDS - begun)) s)")
    else
        FAILED+=("$name")
    fi
}

check_tools() {
    command -v cargo >/dev/null || give_up "cargo is not there: install Rust from https://rustup.rs"
    command -v cc >/dev/null || want_packages gcc libc6-dev
    command -v python3 >/dev/null || want_packages python3 python3-venv
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        give_up "$(python3 --version) is too old: Python 3.10 or newer is needed"
    # The C interface is built, linked and checked as its users would.
    command -v pkg-config >/dev/null || want_packages pkg-config
    command -v c++ >/dev/null || want_packages g++
    command -v valgrind >/dev/null || want_packages valgrind libc6-dbg
    # Debian keeps what fills a virtual environment in a package of its own.
    python3 -c 'import ensurepip, venv' 2>/dev/null || want_packages python3-venv
}

# Built in place, with the crates that are compiled already. opensmile is what a notebook compares with.
python_package() {
    python3 -m venv --clear "$VENV" &&
        "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "./python[test]" \
            -r examples/notebooks/requirements.txt
}

check_tools
# The extension module has no Python to link with as a test program; pytest tests it.
step "Rust: unit, documentation and end-to-end tests" \
    cargo test --locked --release --no-fail-fast --workspace --exclude callprint-python
step "Python package: build and install" python_package
step "Python package: source archive, and the wheel made from it" bash tests/wheel.sh
step "Python package: tests" "$VENV/bin/python" -m pytest -q python/tests
step "Corpus: tables and files agree" "$VENV/bin/python" -m pytest -q corpus/test_corpus.py

say "result"
for name in "${PASSED[@]}"; do printf 'passed: %s\n' "$name"; done
for name in "${FAILED[@]}"; do printf 'FAILED: %s\n' "$name"; done
if ((${#FAILED[@]})); then exit 1; fi
echo "all tests passed in $SECONDS s"
