"""Notebooks in docs/ run from top to bottom on the sample's publication."""

import ast
import json
from xml.etree import ElementTree

import duckdb
import pytest
from sample_build import REPOSITORY

NOTEBOOKS = sorted((REPOSITORY / "docs").rglob("*.ipynb"))


def test_there_is_one():
    assert NOTEBOOKS


def run(path):
    """Return what each cell shows, in order, as Jupyter does: a last expression is shown."""
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
    return [it._repr_svg_() for it in shown if it is not None]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_draws(path, sample, tmp_path, monkeypatch):
    (tmp_path / "data").symlink_to(sample)
    monkeypatch.chdir(tmp_path)
    drawings = run(path)
    assert len(drawings) >= 5
    for svg in drawings:
        elements = ElementTree.fromstring(svg).iter()  # noqa: S314 - our own drawing
        drawn = {element.tag.rpartition("}")[2] for element in elements}
        assert drawn & {"rect", "polyline"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_where_nothing_was_traded(path, sample, tmp_path, monkeypatch):
    published = tmp_path / "data" / "published" / "trading.duckdb"
    published.parent.mkdir(parents=True)
    with duckdb.connect(str(published)) as empty:
        empty.execute(f"attach '{sample}/published/trading.duckdb' as sample (read_only)")
        for (name,) in empty.execute(
            "select table_name from information_schema.tables"
            " where table_catalog = 'sample' and table_schema = 'main'"
        ).fetchall():
            empty.execute(f'create table "{name}" as from sample.main."{name}" limit 0')
    monkeypatch.chdir(tmp_path)
    assert len(run(path)) >= 5
