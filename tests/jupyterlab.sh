#!/usr/bin/env bash
# Opens a notebook in a real JupyterLab in headless Chromium, runs it and checks its picture; leaves target/jupyterlab.png.
#
#   bash tests/jupyterlab.sh [PYTHON]
#
# PYTHON: an interpreter that has the package with its notebook extras; by default that of tests/run.sh, which must have run
# before. Installs Debian's chromium where that is possible, and jupyterlab and selenium for that interpreter.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/packages.sh

readonly PYTHON=${1:-target/test-venv/bin/python}

if ! command -v chromium >/dev/null || ! command -v chromedriver >/dev/null; then
    want_packages chromium chromium-driver
fi
"$PYTHON" -m pip install --quiet --disable-pip-version-check 'jupyterlab>=4.4' 'selenium>=4.30'
"$PYTHON" tests/jupyterlab/open_notebook.py target/jupyterlab.png
