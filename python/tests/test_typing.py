"""Types: the stub says what the compiled module has, and package, tests and examples hold to the annotations."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PYTHON = Path(__file__).resolve().parents[1]
EXAMPLES = PYTHON.parent / "examples" / "python"


@pytest.mark.parametrize(
    "command",
    [
        ["mypy.stubtest", "callprint._core"],
        ["mypy"],
        ["mypy", "--strict", str(EXAMPLES)],
        ["ruff", "check", "--no-cache", str(PYTHON), str(EXAMPLES)],
        ["ruff", "format", "--no-cache", "--check", str(PYTHON), str(EXAMPLES)],
    ],
    ids=lambda command: " ".join(word for word in command if "/" not in word),
)
def test_tool_is_content(command: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=PYTHON, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
