"""What an installation without extras has to do: run by tests/wheel.sh in a clean environment.

python clean.py RECORDING    where RECORDING plays the script dental-01
"""

from __future__ import annotations

import concurrent.futures
import pickle
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from importlib.metadata import requires, version
from pathlib import Path

import callprint


def main(recording: str) -> None:
    """Use each part once."""
    assert callprint.__version__ == version("callprint")
    assert all("extra ==" in need for need in requires("callprint") or [] if not need.startswith("numpy"))
    package = Path(callprint.__file__).parent
    assert all((package / name).is_file() for name in ("py.typed", "_core.pyi"))
    info = callprint.build_info()
    print(", ".join(f"{key} {value}" for key, value in info.items()))

    result: callprint.ScanResult = callprint.scan(recording)
    assert result.matches[0].script == "dental-01", result
    y, sr = callprint.load(recording)
    index = callprint.Index.builtin()
    assert index.search(y, sr=sr)[0].script == "dental-01"
    assert callprint.fingerprint(y, sr=sr).codes.shape[1] == 2
    with callprint.Session(index, sr=sr) as session:
        assert "match" in [event.type for event in session.push(y)]
    with tempfile.TemporaryDirectory() as folder:
        mine = callprint.Index()
        mine.add("mine__1", y[5 * sr : 12 * sr], sr=sr)
        mine.save(Path(folder, "mine.cpi"))
        assert list(pickle.loads(pickle.dumps(mine))) == ["mine__1"]
    for missing in (result.to_dataframe, lambda: callprint.features(y, sr=sr), lambda: callprint.plot.timeline(result)):
        assert "pip install 'callprint[" in refused(missing)

    # Threads at the same time, with or without a global lock; a free-threaded Python must not have switched it on.
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda start: index.search(y[start:], sr=sr)[0].script, [0, sr, 2 * sr, 3 * sr]))
    assert found == ["dental-01"] * 4
    locked = getattr(sys, "_is_gil_enabled", lambda: True)()
    free = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    assert locked != free, "importing callprint switched the global lock on"
    print(f"{recording}: {result.matches[0].script}; global lock {'on' if locked else 'off'}")


def refused(work: Callable[[], object]) -> str:
    """Return what is said for want of a package."""
    try:
        work()
    except callprint.MissingDependencyError as error:
        return str(error)
    return "it works without what it needs"


if __name__ == "__main__":
    main(sys.argv[1])
