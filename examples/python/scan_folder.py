"""Say which calls in a folder are scripted, and write what was found to a table.

python scan_folder.py recordings/ found.csv
"""

from __future__ import annotations

import sys

import callprint


def main(folder: str, table: str) -> None:
    """Scan all audio files in a folder and below it."""
    results: callprint.ScanResults = callprint.scan(folder)
    for result in results:
        best = result.matches[0] if result.matches else None
        print(result.file, "-" if best is None else f"{best.script} from {best.query_start:.1f} s")
    for failure in results.failures:
        print(failure.file, "left out:", failure.error)
    results.to_dataframe().to_csv(table, index=False)


if __name__ == "__main__":
    main(*sys.argv[1:3])
