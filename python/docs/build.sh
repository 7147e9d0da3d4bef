#!/usr/bin/env bash
# Builds the documentation: the site in target/site, the Rust reference in target/doc. They link to each other, so publish
# them side by side. Ends with an error if either has a warning, or a link leads nowhere.
#
#   bash python/docs/build.sh [PYTHON]
#
# PYTHON: an interpreter that has `./python[docs]`; by default that of tests/run.sh, which must have run before.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly PYTHON=${1:-target/test-venv/bin/python}

RUSTDOCFLAGS="-D warnings" cargo doc --locked --release --no-deps --workspace
"$PYTHON" -m mkdocs build --strict --quiet -f python/mkdocs.yml
"$PYTHON" python/docs/links.py target/site target/doc/callprint
