"""Files go both ways: what DuckDB 1.5 made goes on here, what is made here opens there.

The other engine lives in an environment of its own: `make test` makes it.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from sample_build import MANIFEST, REPOSITORY, SAMPLE, assert_same_rows, dbt, ingest

OTHER = REPOSITORY / ".venv-duckdb15" / "bin" / "python"
HALVES = (MANIFEST["files"][::2], MANIFEST["files"][1::2])
# Rows of every relation in the schemas that people ask, views included.
COUNTS = """
import duckdb, json, sys
with duckdb.connect(sys.argv[1], read_only=True) as connection:
    assert duckdb.__version__.startswith(sys.argv[2]), duckdb.__version__
    connection.execute("set enable_progress_bar = false")
    names = connection.execute(
        "select distinct schema_name || '.' || table_name from duckdb_columns()"
        " where database_name = current_database() and not internal"
    ).fetchall()
    print(json.dumps({
        name: connection.execute(f"select count(*) from {name}").fetchall()[0][0]
        for (name,) in names
    }))
"""

pytestmark = [
    pytest.mark.skipif(not OTHER.exists(), reason="no .venv-duckdb15: make test-duckdb15"),
    pytest.mark.skipif(duckdb.__version__ < "2", reason="this is the other engine itself"),
]


def by_other(data_dir: Path, *arguments: str) -> None:
    """Run `ingest` on DuckDB 1.5."""
    subprocess.run(
        [OTHER, "-m", "python_ingest", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "DATA_DIR": str(data_dir)},
        check=True,
        capture_output=True,
    )


def counts(python: Path | str, version: str, path: Path) -> dict[str, int]:
    done = subprocess.run(
        [python, "-c", COUNTS, str(path), version], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def assert_both_read(path: Path) -> dict[str, int]:
    """Both engines find the same relations with as many rows; return them."""
    here = counts(sys.executable, "2.", path)
    assert here
    assert counts(OTHER, "1.5.", path) == here
    return here


def made_here(data_dir: Path, *arguments: str) -> None:
    done = ingest(data_dir, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of half the sample that DuckDB 1.5 made in the format of its own choice."""
    data_dir = tmp_path_factory.mktemp("made") / "data"
    data_dir.mkdir()
    file = data_dir / "trading.duckdb"
    subprocess.run([OTHER, "-c", f"import duckdb; duckdb.connect({str(file)!r})"], check=True)
    for given in HALVES[0]:
        by_other(data_dir, "land", given["kind"], str(SAMPLE / given["file"]))
    by_other(data_dir, "cycle", "--as-of", MANIFEST["as_of"])
    return data_dir


def test_a_warehouse_made_by_1_5_opens_unchanged_and_goes_on(made: Path, tmp_path: Path) -> None:
    file = made / "trading.duckdb"
    bytes_before = file.read_bytes()
    before = assert_both_read(file)
    assert file.read_bytes() == bytes_before
    for given in HALVES[1]:
        made_here(made, "land", given["kind"], str(SAMPLE / given["file"]))
    made_here(made, "cycle", "--as-of", MANIFEST["as_of"])
    after = assert_both_read(file)
    for relation in ("main.market_ticks", "main.ohlcv_bars", "main.portfolio_snapshots"):
        assert after[relation] > before[relation], relation

    # What both engines built in turns is what the newer one builds at once.
    turns = tmp_path / "turns.duckdb"
    shutil.copyfile(made / "published" / "trading.duckdb", turns)
    dbt(made, "run", "--full-refresh", "--vars", json.dumps({"as_of": MANIFEST["as_of"]}))
    made_here(made, "publish")
    assert_same_rows(turns, made / "published" / "trading.duckdb", made)

    assert_both_read(made / "published" / "trading.duckdb")


def test_what_is_made_here_opens_with_1_5(made: Path, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    for given in HALVES[0]:
        made_here(data_dir, "land", given["kind"], str(SAMPLE / given["file"]))
    database = assert_both_read(data_dir / "trading.duckdb")
    assert database["raw.market_ticks"] > 0
    made_here(data_dir, "backup", "create")
    (backup,) = (data_dir / "backups").rglob("*.duckdb")
    assert assert_both_read(backup) == database
    restored = tmp_path / "restored"
    made_here(data_dir, "restore", "--to", str(restored))
    assert assert_both_read(restored / "trading.duckdb") == database
