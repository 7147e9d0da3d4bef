"""The notebooks run from top to bottom, and still show what is stored in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def kinds(cell: dict[str, Any]) -> list[str]:
    """What a cell shows: streams, and the richest type of each result."""
    shown = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if output["output_type"] == "stream":
            shown.append(output["name"])
        else:
            shown.append(next((kind for kind in ("image/png", "text/html") if kind in data), "text"))
    return shown


def test_there_are_notebooks() -> None:
    assert [path.name[0] for path in NOTEBOOKS] == list("12345")


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_what_is_stored(path: Path) -> None:
    stored = nbformat.read(path, 4)
    notebook = nbformat.read(path, 4)
    # What a cell prints comes in as many pieces as the kernel happens to send.
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        coalesce_streams=True,
        resources={"metadata": {"path": str(FOLDER)}},
    )
    client.execute()
    assert sum(len(kinds(cell)) for cell in notebook.cells) >= 2
    for before, after in zip(stored.cells, notebook.cells, strict=True):
        # Pictures and tables may differ in a pixel or a digit; that there is one may not.
        assert [kind for kind in kinds(after) if kind != "stderr"] == kinds(before), after.get("source")
        if before.cell_type == "code" and kinds(before) == ["stdout"]:
            assert after.outputs[0].text == before.outputs[0].text
