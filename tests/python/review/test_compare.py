"""`ingest compare` against rows whose difference is known."""

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_ingest.errors import UsageError
from python_ingest.publication.manifest import read_manifest
from python_ingest.reporting.compare import compare
from python_ingest.reporting.grain import built_models, grains
from python_ingest.reporting.markdown import as_markdown

BARS = "create table bars (symbol varchar, minute integer, close decimal(18, 8), built_at integer)"


def database(path: Path, *statements: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        for statement in statements:
            connection.execute(statement)
    return path


def test_rows_are_found_by_their_grain(tmp_path):
    before = database(
        tmp_path / "one" / "t.duckdb",
        BARS,
        "insert into bars values ('A', 1, 1, 7), ('A', 2, 2, 7), (null, 1, 5, 7), ('B', 1, 9, 7)",
    )
    after = database(
        tmp_path / "two" / "t.duckdb",
        BARS,
        "insert into bars values ('A', 1, 1, 8), ('A', 2, 3, 8)",
        "insert into bars values (null, 1, null, 8), ('C', 1, 9, 8)",
    )
    (found,) = compare(before, after, {"bars": ["symbol", "minute"]}).differences
    assert (found.before, found.after) == (4, 4)
    # built_at says when a row was built, so A 1 is no change.
    assert (found.added, found.removed, found.changed) == (1, 1, 2)
    assert found.changed_columns == {"close": 2}


keyed = st.dictionaries(
    st.tuples(st.sampled_from("ABC"), st.integers(0, 4)), st.none() | st.integers(0, 3), max_size=12
)


@settings(max_examples=15, deadline=None)
@given(old=keyed, new=keyed)
def test_counts_equal_those_of_two_dictionaries(tmp_path_factory, old, new):
    folder = tmp_path_factory.mktemp("compare")
    paths = []
    for name, rows in (("before", old), ("after", new)):
        path = folder / f"{name}.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute(BARS)
            for (symbol, minute), close in rows.items():
                connection.execute("insert into bars values (?, ?, ?, 0)", [symbol, minute, close])
        paths.append(path)
    (found,) = compare(*paths, {"bars": ["symbol", "minute"]}).differences
    assert found.added == len(new.keys() - old.keys())
    assert found.removed == len(old.keys() - new.keys())
    assert found.changed == sum(old[key] != new[key] for key in old.keys() & new.keys())
    assert found.is_same == (old == new)


def test_a_table_for_the_pull_request(tmp_path):
    before = database(
        tmp_path / "before.duckdb",
        BARS,
        "insert into bars values ('A', 1, 1, 0)",
        "create table gone (x integer)",
        "create table same as select 1 as x",
    )
    after = database(
        tmp_path / "after.duckdb",
        "create table bars (symbol varchar, minute integer, close double)",
        "insert into bars values ('A', 1, 1), ('A', 2, 1)",
        "create table fresh (x integer)",
        "create table same as select 1 as x",
    )
    known = {"bars": ["symbol", "minute"], "gone": [], "fresh": [], "same": []}
    assert as_markdown(compare(before, after, known)).splitlines() == [
        "| relation | grain | rows before | after | only before | only after | changed"
        " | which columns |",
        "|---|---|--:|--:|--:|--:|--:|---|",
        "| `bars` | symbol, minute | 1 | 2 | 0 | 1 | 0 | new column `close DOUBLE`,"
        " lost column `close DECIMAL(18,8)`, lost column `built_at INTEGER` |",
        "",
        "`bars`, for example:",
        "",
        "- only after: symbol A, minute 2",
        "",
        "1 relation says the same, row by row: `same`.",
        "",
        "Only after: `fresh`.",
        "",
        "Only before: `gone`.",
    ]


def examples(before: Path, after: Path, grain: list[str]) -> list[str]:
    text = as_markdown(compare(before, after, {"bars": grain}))
    return [line for line in text.splitlines() if line.startswith("- ")]


def test_three_examples_of_each_kind_say_what_differs(tmp_path):
    before = database(
        tmp_path / "before.duckdb",
        BARS,
        "insert into bars select 'A', minute, 1, 7 from range(9) as t(minute)",
    )
    after = database(
        tmp_path / "after.duckdb",
        BARS,
        "insert into bars select 'A', minute, if(minute < 4, null, 1), 8"
        " from range(2, 14) as t(minute)",
    )
    assert examples(before, after, ["symbol", "minute"]) == [
        "- only before: symbol A, minute 0",
        "- only before: symbol A, minute 1",
        "- only after: symbol A, minute 9",
        "- only after: symbol A, minute 10",
        "- only after: symbol A, minute 11",
        "- changed: symbol A, minute 2: `close` 1.00000000 → NULL",
        "- changed: symbol A, minute 3: `close` 1.00000000 → NULL",
    ]
    assert examples(before, after, [])[:3] == [
        "- only before: symbol A, minute 0, close 1.00000000",
        "- only before: symbol A, minute 1, close 1.00000000",
        "- only before: symbol A, minute 2, close 1.00000000",
    ]


def test_only_what_was_built_is_compared(tmp_path):
    results = [("model.trading.bars", "success"), ("test.trading.x", "fail")]
    results += [("model.trading.orders", "skipped"), ("model.trading.trades", "error")]
    document = {"results": [{"unique_id": name, "status": status} for name, status in results]}
    path = tmp_path / "run_results.json"
    assert built_models(path) == {}  # nothing to do: dbt wrote none
    path.write_text(json.dumps(document))
    assert built_models(path) == {"bars": True, "orders": False, "trades": False}
    path.write_text("[]")
    with pytest.raises(UsageError, match="no results of dbt"):
        built_models(path)
    same = database(tmp_path / "one" / "t.duckdb", BARS)
    text = as_markdown(compare(same, same, {"bars": []}), not_built=["orders", "trades"])
    assert text.endswith("**Not built, so not compared:** `orders`, `trades`.")


def test_a_grain_that_repeats_is_said(tmp_path):
    twice = [BARS, "insert into bars values ('A', 1, 1, 0), ('A', 1, 2, 0)"]
    before = database(tmp_path / "before.duckdb", BARS, "insert into bars values ('A', 1, 1, 0)")
    after = database(tmp_path / "after.duckdb", *twice)
    (found,) = compare(before, after, {"bars": ["symbol", "minute"]}).differences
    assert found.problem == "1 rows repeat their grain"
    assert (found.added, found.removed) == (1, 0)


def test_views_that_would_read_the_other_file_are_refused(tmp_path):
    """So does a renamed copy of a database that DuckDB 1.5 built: its views name its catalog."""
    tables = ["create schema warm", "create table warm.bars_warm as select 1 as x"]
    after = database(tmp_path / "t.duckdb", *tables, "create view bars as from warm.bars_warm")
    before = database(
        tmp_path / "copy.duckdb",
        *tables,
        f"attach '{after}' as t (read_only)",
        "create view bars as select * from t.warm.bars_warm",
    )
    for one, other in ((before, after), (after, before)):
        with pytest.raises(UsageError, match="would be the other file's"):
            compare(one, other, {"bars": []})


def test_grains_come_from_uniqueness_tests(tmp_path):
    def test(name: str, severity: str = "ERROR", of: str = "m", where=None, **kwargs) -> dict:
        return {
            "resource_type": "test",
            "name": name,
            "test_metadata": {"name": name, "kwargs": kwargs},
            "attached_node": of,
            "config": {"severity": severity, "where": where},
        }

    manifest = {
        "nodes": {
            "m": {"resource_type": "model", "name": "bars", "config": {}},
            "bare": {"resource_type": "model", "name": "bare", "config": {}},
            "1": test("unique", column_name="id"),
            "2": test("unique_combination_of_columns", columns=["symbol", "minute"]),
            "3": test("unique_combination_of_columns", "WARN", columns=["a", "b", "c"]),
            "4": test("not_null", column_name="x"),
            "5": test("unique_combination_of_columns", where="a > 1", columns=["a", "b", "c"]),
            "newest": {"resource_type": "model", "name": "newest", "config": {}},
            "6": test("unique", of="newest", where="date > today()", column_name="id"),
        }
    }
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest))
    assert grains(read_manifest(path)) == {
        "bars": ["symbol", "minute"],
        "bare": [],
        "newest": ["id"],
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no.duckdb", "no.duckdb", "--manifest", "m.json"], "no.duckdb is no file"),
        (["no.duckdb", "no.duckdb", "--manifest", "nowhere.json"], "run `dbt parse`"),
        (["no.duckdb", "no.duckdb", "--manifest", "text.json"], "no manifest of dbt"),
        (["text.json", "no.duckdb", "--manifest", "m.json"], "text.json cannot be opened"),
    ],
)
def test_wrong_files_are_named(tmp_path, arguments, message):
    (tmp_path / "m.json").write_text('{"nodes": {}}')
    (tmp_path / "text.json").write_text("[]")
    done = subprocess.run(
        [sys.executable, "-m", "python_ingest", "compare", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
