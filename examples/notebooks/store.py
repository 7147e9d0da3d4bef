"""Runs notebooks from top to bottom and stores them with their outputs.

    python examples/notebooks/store.py [NOTEBOOK ...]

Wants the package with its notebook extras, and requirements.txt beside this file. Without names, all are run.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent


def store(path: Path) -> None:
    """Run one notebook in its folder and write it back, without what differs from run to run."""
    notebook = nbformat.read(path, 4)  # type: ignore[no-untyped-call]
    resources = {"metadata": {"path": str(FOLDER)}}
    NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        coalesce_streams=True,
        resources=resources,
    ).execute()
    for number, cell in enumerate(notebook.cells):
        cell.id = str(number)
        cell.metadata.pop("execution", None)
    notebook.metadata = {
        "kernelspec": {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        }
    }
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]) if sys.argv[1:] else sorted(FOLDER.glob("*.ipynb")):
        print(path)
        store(path)
