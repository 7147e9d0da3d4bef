"""The Python examples run and say what they should."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
from conftest import SAMPLES

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "python"


def run(name: str, *args: str | Path) -> list[str]:
    command = [sys.executable, str(EXAMPLES / name), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_scan_folder_writes_a_table(tmp_path: Path) -> None:
    for name in ("dental-gsm.wav", "human.flac"):
        (tmp_path / name).write_bytes((SAMPLES / name).read_bytes())
    said = run("scan_folder.py", tmp_path, tmp_path / "found.csv")
    assert len(said) == 2 and "dental-01 from 4.1 s" in said[0] and said[1].endswith("human.flac -")
    assert list(pd.read_csv(tmp_path / "found.csv")["script"]) == ["dental-01"]


def test_live_call_hangs_up_on_a_robot_only() -> None:
    said = run("live_call.py", SAMPLES / "dental-gsm.wav")
    assert said[-1].split()[2:] == ["match", "dental-01"]
    assert run("live_call.py", SAMPLES / "human.flac")[-1].split()[2] == "ended"
