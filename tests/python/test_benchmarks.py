"""The harness's own form: every committed figure has a ratio, and the page is made of them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
RESULTS = sorted((BENCHMARKS / "results").glob("*.json"))


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_every_figure_has_a_ratio_that_follows_from_its_seconds(path):
    for row in json.loads(path.read_text())["rows"]:
        assert row["ratio"] == pytest.approx(row["seconds"] / row["baseline_seconds"], abs=1e-3)


def test_the_page_is_that_of_the_figures():
    sys.path.insert(0, str(BENCHMARKS))
    from table import render  # noqa: PLC0415

    assert (BENCHMARKS / "results" / "README.md").read_text() == render()


def test_a_benchmark_by_itself_leaves_the_committed_figures(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.delenv("BENCH_RESULTS", raising=False)
    import table  # noqa: PLC0415

    monkeypatch.setattr(table, "RESULTS", tmp_path / "benchmarks" / "results")
    table.save("landing", [table.Row("landing", 2.0, 1.0, "bare DuckDB", 10)])
    assert not (tmp_path / "benchmarks").exists()
    assert (tmp_path / "target" / "bench" / "landing.json").exists()


def test_a_size_that_is_not_there_is_named():
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "run.py"), "huge"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "usage: python benchmarks/run.py small|20m|100m\n"
