"""The quickstart notebook, executed cell by cell with small settings: it ends, and what it shows is what is stored."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from fovea.workbench import Workbench, load_config

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "apps" / "quickstart.ipynb"

# The notebook trains for minutes; a test may not.
SMALL = """
WORK = Path("work")
MAKE = Path({make!r})
PLANTS, SIZE = 6, 96
RECIPE = ["weights=none", "backbone=torchvision:mobilenet_v3_small", "size=64", "epochs=2", "threads=1"]
"""


def _page():
    return nbformat.read(PAGE, as_version=4)


def _code(page):
    return [cell for cell in page.cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("notebook")


@pytest.fixture(scope="module")
def executed(folder):
    """The notebook after its last cell, by the name of the cell; Jupyter's own files stay in the folder, too."""
    page = _page()
    settings = next(cell for cell in page.cells if "parameters" in cell.metadata.get("tags", ()))
    settings.source += SMALL.format(make=str(ROOT / "sample_data" / "make.py"))
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR"):
            patch.setenv(f"JUPYTER_{variable}", str(folder / "jupyter" / variable))
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        patch.delenv("FOVEA_HOME", raising=False)
        NotebookClient(page, timeout=240, resources={"metadata": {"path": str(folder)}}).execute()
    return {cell.id: cell for cell in page.cells}


def _shown(cell):
    """All that a cell shows, as one text."""
    texts = [
        output.text if output.output_type == "stream" else output.data.get("text/html", output.data["text/plain"])
        for output in cell.outputs
    ]
    return "\n".join(texts)


def _scored(folder):
    database = sqlite3.connect(folder / "work" / "home" / "fovea.db")
    count = database.execute("SELECT count(*) FROM predictions").fetchone()[0]
    database.close()
    return count


def test_the_notebook_is_kept_without_outputs():
    assert [cell.id for cell in _code(_page()) if cell.outputs or cell.execution_count] == []


def test_the_notebook_reaches_fovea_by_its_door_only():
    code = "\n".join(cell.source for cell in _code(_page()))
    assert set(re.findall(r"(?:from|import) (fovea[\w.]*)", code)) == {"fovea.workbench"}


@pytest.mark.slow
def test_every_cell_runs_without_a_warning(executed):
    code = [cell for cell in executed.values() if cell.cell_type == "code"]
    assert [cell.id for cell in code if cell.execution_count is None] == []
    assert [output.text for cell in code for output in cell.outputs if output.get("name") == "stderr"] == []


@pytest.mark.slow
def test_the_figures_shown_are_those_of_the_run(executed, folder):
    home = folder / "work" / "home"
    with Workbench(load_config(home=str(home), folder=folder)) as bench:
        [run] = bench.runs()
    assert run.figures["figures"]
    for name, figure in run.figures["figures"].items():
        interval = f"{figure['low']:.3f} to {figure['high']:.3f}"
        assert f"<td>{name}</td><td>{figure['value']:.3f}</td><td>{interval}</td>" in _shown(executed["figures"])


@pytest.mark.slow
def test_the_pictures_said_to_be_scored_are_in_the_database(executed, folder):
    said = re.search(r"(\d+) scored now, 0 known", _shown(executed["batch"]))
    assert said is not None
    assert int(said[1]) == _scored(folder) > 0


@pytest.mark.slow
def test_the_cases_listed_are_all_there_are(executed, folder):
    with Workbench(load_config(home=str(folder / "work" / "home"), folder=folder)) as bench:
        numbers = [str(case.number) for case in bench.cases(site="demo-farm")]
    assert numbers
    assert re.findall(r"<tr><td>(\d+)</td>", _shown(executed["cases"])) == numbers


@pytest.mark.slow
def test_the_report_and_pictures_are_shown_inside_the_notebook(executed):
    assert "<iframe srcdoc=" in _shown(executed["report"])
    for name in ("show", "answers", "evidence"):
        assert "data:image/jpeg;base64," in _shown(executed[name])
