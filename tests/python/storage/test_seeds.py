"""A seed that is made anew is there for everybody all the time."""

import json
import shutil
from pathlib import Path

import duckdb
from forked import PROJECT, run_dbt


def small_project(folder: Path) -> Path:
    """One seed, and the project's macro that makes seeds anew."""
    for name in ("seeds", "macros"):
        (folder / name).mkdir(parents=True)
    shutil.copy(PROJECT / "macros/engine/seeds.sql", folder / "macros")
    target = {"type": "duckdb", "path": str(folder / "warehouse.duckdb"), "threads": 1}
    profile = {"target": "dev", "outputs": {"dev": target}}
    (folder / "profiles.yml").write_text(json.dumps({"p": profile}))
    types = {"p": {"one": {"+column_types": {"number": "integer"}}}}
    project = {"name": "p", "version": "1.0.0", "profile": "p", "seeds": types}
    (folder / "dbt_project.yml").write_text(json.dumps(project))
    return folder


def test_a_full_refresh_that_fails_leaves_the_rows(tmp_path):
    """It fails between dropping the table and filling it: both are one transaction."""
    project = small_project(tmp_path / "project")
    seed = project / "seeds/one.csv"
    codes = []
    for text in ("number\n1\n2\n", "number\nnone\n"):
        seed.write_text(text)
        done = run_dbt(tmp_path, "--quiet", "seed", "--full-refresh", cwd=project)
        codes.append(done.returncode)
    assert codes == [0, 1], done.stdout
    assert "Sniffed type: VARCHAR" in done.stdout
    with duckdb.connect(str(project / "warehouse.duckdb")) as connection:
        assert connection.execute("from one order by all").fetchall() == [(1,), (2,)]
