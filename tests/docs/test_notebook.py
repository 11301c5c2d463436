"""The notebook runs from its first cell to its last, in a kernel of its own, and shows reports as tables."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from doc_blocks import ROOT
from doc_scene import SAMPLES

NOTEBOOK = ROOT / "docs/how-to/notebook.ipynb"
EXECUTE = """
import sys
import nbformat
from nbclient import NotebookClient

notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("notebook")
    shutil.copytree(SAMPLES, folder / "sample_data")
    done = folder / "executed.ipynb"
    command = [sys.executable, "-c", EXECUTE, str(NOTEBOOK), str(done)]
    ran = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=280, check=False)
    assert ran.returncode == 0, ran.stderr
    return nbformat.read(done, as_version=4)


def shown(executed: Any, first_words: str) -> dict[str, str]:
    """What the cell that holds these words shows last."""
    (cell,) = (cell for cell in executed.cells if cell.cell_type == "code" and first_words in cell.source)
    result: dict[str, str] = cell.outputs[-1]["data"]
    return result


def test_a_report_is_a_table_in_the_notebook(executed: Any) -> None:
    page = shown(executed, "report = segeval.evaluate(")["text/html"]
    assert "<table" in page
    assert "tumor" in page
    assert "0.5931" in page  # the README's


def test_half_of_a_label_has_two_thirds_of_its_dice(executed: Any) -> None:
    assert float(shown(executed, "smaller.flat")["text/plain"]) == pytest.approx(2 / 3)


def test_the_last_cell_tells_which_rule_failed(executed: Any) -> None:
    text = shown(executed, "segeval.check(")["text/plain"]
    assert "('mean(dice) >= 0.8', 'pass'" in text
    assert "('tumor.dice >= 0.7', 'fail'" in text


def test_the_notebook_is_kept_without_outputs() -> None:
    """Its differences are those of its cells, and no output is older than the code."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert all(not cell.outputs and cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")


def test_the_page_on_notebooks_leads_to_it() -> None:
    page = Path(ROOT / "docs/how-to/notebooks.md").read_text("utf-8")
    assert "[notebook.ipynb](notebook.ipynb)" in page
