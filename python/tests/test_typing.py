"""Types: the stub says what the compiled module has, and package, tests and examples hold to the annotations."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PYTHON = Path(__file__).resolve().parents[1]
ROOT = PYTHON.parent
EXAMPLES = [str(ROOT / "examples" / name) for name in ("python", "notebooks/store.py")]
FORMED = [str(ROOT / name) for name in ("python", "examples", "tests", "benches/python_speed.py")]


@pytest.mark.parametrize(
    "command",
    [
        ["mypy.stubtest", "callprint._core"],
        ["mypy"],
        ["mypy", "--strict", *EXAMPLES],
        ["ruff", "check", "--no-cache", *FORMED],
        ["ruff", "format", "--no-cache", "--check", *FORMED],
    ],
    ids=lambda command: " ".join(word for word in command if "/" not in word),
)
def test_tool_is_content(command: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=PYTHON, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
