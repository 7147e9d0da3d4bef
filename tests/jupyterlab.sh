#!/usr/bin/env bash
# Opens a notebook in a real JupyterLab in headless Chromium, runs it and checks its picture; leaves target/jupyterlab.png.
#
#   bash tests/jupyterlab.sh [PYTHON]
#
# PYTHON: an interpreter that has the package with its notebook extras; by default that of tests/run.sh, which must have run
# before. Installs Debian's chromium where that is possible, and jupyterlab and selenium for that interpreter.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly PYTHON=${1:-target/test-venv/bin/python}

if ! command -v chromium >/dev/null || ! command -v chromedriver >/dev/null; then
    if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
        echo "tests/jupyterlab.sh: please install first: chromium chromium-driver (names of Debian packages)" >&2
        exit 1
    fi
    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends chromium chromium-driver
fi
"$PYTHON" -m pip install --quiet --disable-pip-version-check 'jupyterlab>=4.4' 'selenium>=4.30'
"$PYTHON" tests/jupyterlab/open_notebook.py target/jupyterlab.png
