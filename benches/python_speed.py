"""What Python adds: ratios of the package against Rust, and of two threads against one, all in one run.

    cargo build --release -p benches --bin extract
    python benches/python_speed.py --json

Wants the package installed, and NumPy. Runs alternate between the two sides; of each the fastest counts, as anything
else on the machine only makes a run slower, and the spread (slowest over fastest) is told beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import callprint
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
CLIP = ROOT / "corpus" / "renderings" / "dental-01__taco.flac"


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that `work` takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def processor(who: int) -> float:
    """Return the processor seconds that this process, or those that it has waited for, took in user mode."""
    return resource.getrusage(who).ru_utime


def spread(times: list[float]) -> str:
    """Tell the fastest of several runs, and how far they lie apart."""
    return f"{min(times):.3f} s (slowest {max(times) / min(times):.2f} x)"


def fingerprint_ratio(rounds: int, seconds: int) -> dict[str, object]:
    """Compare `fingerprint` of a long signal with the same in Rust."""
    program = ROOT / "target" / "release" / "extract"
    clip, sr = callprint.load(CLIP)
    y = np.resize(clip, seconds * sr)
    rust, python, rust_work, python_work = [], [], [], []
    for _ in range(rounds):
        begun = processor(resource.RUSAGE_CHILDREN)
        said = subprocess.run([program, CLIP, str(seconds)], capture_output=True, text=True, check=True).stdout.split()
        between = processor(resource.RUSAGE_CHILDREN)
        subprocess.run([program, CLIP, "1"], capture_output=True, check=True)
        # Less what the program does besides: starting, decoding the clip.
        rust_work.append(2 * between - begun - processor(resource.RUSAGE_CHILDREN))
        rust.append(float(said[0]))
        begun = processor(resource.RUSAGE_SELF)
        python.append(timed(lambda: callprint.fingerprint(y, sr=sr)))
        python_work.append(processor(resource.RUSAGE_SELF) - begun)
    assert len(callprint.fingerprint(y, sr=sr).codes) == int(said[1])
    return {
        "python": spread(python),
        "rust": spread(rust),
        "ratio": round(min(python) / min(rust), 3),
        # Unlike the times, this hardly depends on what else runs.
        "processor_time_ratio": round(min(python_work) / min(rust_work), 3),
    }


def threads_ratio(rounds: int) -> dict[str, object]:
    """Compare `search_many` on two threads with one."""
    index = callprint.Index.builtin()
    y, sr = callprint.load(CLIP)
    queries = [y[start : start + 3 * sr] for start in range(0, 7 * sr, sr // 4)]
    taken, work = {1: [], 2: []}, {1: [], 2: []}
    for _ in range(rounds):
        for jobs in (1, 2):
            begun = time.process_time()
            taken[jobs].append(timed(lambda jobs=jobs: index.search_many(queries, sr=sr, jobs=jobs)))
            work[jobs].append(time.process_time() - begun)
    return {
        "one": spread(taken[1]),
        "two": spread(taken[2]),
        "ratio": round(min(taken[1]) / min(taken[2]), 3),
        # What two threads cost more than one; unlike the times, this hardly depends on what else runs.
        "processor_time_ratio": round(min(work[2]) / min(work[1]), 3),
        "cores": os.cpu_count(),
    }


def import_seconds(rounds: int) -> dict[str, object]:
    """Measure importing, with and without what NumPy takes."""
    times = {"callprint": [], "numpy": []}
    for _ in range(rounds):
        for module, found in times.items():
            command = [sys.executable, "-X", "importtime", "-c", f"import {module}"]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()
            found.append(int(next(line for line in reversed(said) if line.endswith(f" {module}")).split("|")[1]) / 1e6)
    return {module: spread(found) for module, found in times.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    measured = {
        "fingerprint": fingerprint_ratio(args.rounds, args.seconds),
        "search_many": threads_ratio(args.rounds),
        "import": import_seconds(args.rounds),
    }
    if args.json:
        print(json.dumps(measured))
    else:
        for name, values in measured.items():
            print(name, *(f"{key} {value}" for key, value in values.items()), sep="  ")


if __name__ == "__main__":
    main()
