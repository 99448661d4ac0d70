"""Notebooks in docs/ run from top to bottom on the sample's publication."""

import ast
import json
from xml.etree import ElementTree

import pytest
from sample_build import REPOSITORY

NOTEBOOKS = sorted((REPOSITORY / "docs").rglob("*.ipynb"))


def test_there_is_one():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_draws(path, sample, tmp_path, monkeypatch):
    """Each cell in order, as Jupyter does: a last expression is shown."""
    (tmp_path / "data").symlink_to(sample)
    monkeypatch.chdir(tmp_path)
    names: dict = {"__name__": "__main__"}
    shown = []
    for number, cell in enumerate(json.loads(path.read_text())["cells"]):
        if cell["cell_type"] != "code":
            continue
        assert not cell["outputs"], "save it without outputs: rows do not belong into git"
        assert cell["execution_count"] is None
        tree = ast.parse("".join(cell["source"]))
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        place = f"{path.name}, cell {number}"
        exec(compile(tree, place, "exec"), names)  # noqa: S102 - our own notebook
        if last:
            shown.append(eval(compile(ast.Expression(last.value), place, "eval"), names))  # noqa: S307
    drawings = [it._repr_svg_() for it in shown if it is not None]
    assert len(drawings) >= 5
    for svg in drawings:
        elements = ElementTree.fromstring(svg).iter()  # noqa: S314 - our own drawing
        drawn = {element.tag.rpartition("}")[2] for element in elements}
        assert drawn & {"rect", "polyline"}
