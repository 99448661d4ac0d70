"""A slim run: what a branch changed is built beside production, the rest is read from it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from sample_build import MANIFEST, REPOSITORY

from python_ingest.publication.manifest import read_manifest
from python_ingest.reporting.compare import Comparison, compare
from python_ingest.reporting.grain import grains

PROJECT = "models macros seeds snapshots tests/generic tests/invariants analyses".split()
FILES = "dbt_project.yml profiles.yml selectors.yml database.toml Makefile".split()


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


@pytest.fixture(scope="module")
def branch(sample, tmp_path_factory) -> Path:
    """A checkout with two changed models; `production` is a copy of what was built."""
    folder = tmp_path_factory.mktemp("branch")
    for name in PROJECT:
        shutil.copytree(REPOSITORY / name, folder / name)
    for name in FILES:
        shutil.copy(REPOSITORY / name, folder / name)
    (folder / "production").mkdir()
    for file in (sample / "trading.duckdb", sample / "dbt" / "manifest.json"):
        shutil.copy(file, folder / "production")
    # A mart, and a staging view: its source has to be production's.
    change(
        folder / "models/marts/market/latest_ticks.sql",
        "quotes.bid_size,",
        "2 * quotes.bid_size as bid_size,",
    )
    change(
        folder / "models/staging/stg_application_logs.sql",
        "        service,",
        "        upper(service) as service,",
    )
    return folder


@pytest.fixture(scope="module")
def slim(branch) -> str:
    environment = {
        **os.environ,
        "DATABASE_PATH": "slim.duckdb",
        "PRODUCTION_PATH": "production/trading.duckdb",
    }
    dbt = (sys.executable, "-c", "import dbt.cli.main as dbt; dbt.cli()")
    commands = (
        (sys.executable, "-m", "python_ingest", "init"),
        (
            *(*dbt, "build", "--target", "slim", "--selector", "changed", "--defer"),
            *("--state", "production", "--vars", json.dumps({"as_of": MANIFEST["as_of"]})),
        ),
    )
    for command in commands:
        done = subprocess.run(
            command, cwd=branch, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def comparison(slim, branch) -> Comparison:
    return compare(
        branch / "production" / "trading.duckdb",
        branch / "slim.duckdb",
        grains(read_manifest(branch / "target" / "manifest.json")),
    )


def test_only_what_changed_and_its_children_are_built(slim, branch):
    with duckdb.connect() as connection:
        connection.execute(f"attach '{branch / 'slim.duckdb'}' as slim (read_only)")
        views = connection.execute(
            "select view_name from duckdb_views() where database_name = 'slim'"
            " and not internal and schema_name <> 'cold' order by 1"
        ).fetchall()
    assert views == [
        ("application_logs",),
        ("latest_ticks",),
        ("stg_application_logs",),
    ]


def test_the_comparison_says_which_rows_changed(comparison):
    (logs,) = (d for d in comparison.differences if d.relation == "application_logs")
    assert logs.before == logs.after > 50
    found = {d.relation: (d.added, d.removed, d.changed_columns) for d in comparison.differences}
    assert found == {
        "application_logs": (0, 0, {"service": logs.before}),
        "latest_ticks": (0, 0, {"bid_size": 1}),
    }


def test_production_was_read_and_not_written(slim, sample, branch):
    copy = branch / "production" / "trading.duckdb"
    assert copy.read_bytes() == (sample / "trading.duckdb").read_bytes()
