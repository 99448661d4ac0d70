"""The command: exit codes, what it prints, and that landing again changes nothing."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from forked import run_ingest

from python_ingest.landing.land import land_files
from python_ingest.settings import Settings

Rows = Callable[[str], list[tuple[Any, ...]]]
UNNAMED = "symbol,timestamp,last_price\ns,2024-01-02,1\n"
CASH = "event_id,event_time,kind,amount,currency\na,2026-03-02,deposit,1,USD\n"
BOTH = '{"T":"t","S":"s","i":1,"p":2,"s":3,"t":"2024-01-02T00:00:00Z"}\n'
OWN = """
name = "own"
kind = "ticks"
about = "ours"
file = { format = "json" }
recognise = { keys = [["T", "S", "i", "p"]] }
columns.exchange = { constant = "own" }
columns.symbol = "S"
columns.timestamp = "t"
columns.last_price = "p"
"""
TICKS = "exchange,symbol,timestamp,last_price\nx,s,2024-01-02,1\nx,s,2024-01-02,oops\n"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """There is nothing yet."""
    shutil.rmtree(settings.data_dir)
    return settings


def ingest(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_ingest(settings.data_dir, *arguments, environment={"COLUMNS": "200"})


@pytest.mark.parametrize(
    "arguments",
    [
        ["land"],
        ["land", "ticks"],
        ["land", "tocks", "a.csv"],
        ["land", "ticks", "a.csv", "--pending"],
        ["land", "ticks", "a.csv", "--format", "xml"],
        ["stream", "--exchange", "nyse", "--symbols", "A"],
        ["stream", "--exchange", "binance", "--symbols", ","],
        ["stream", "--exchange", "binance", "--symbols", "A", "--url", "http://x"],
    ],
)
def test_wrong_use_is_exit_two_and_one_line(settings: Settings, arguments: list[str]) -> None:
    done = ingest(settings, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ingest: ")
    assert done.stderr.count("\n") == 1
    assert not settings.data_dir.exists()


def test_summary_json_and_nothing_on_the_second_run(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text(TICKS)
    second.write_text(TICKS.replace("oops", "2"))
    done = ingest(settings, "land", "ticks", str(first), str(tmp_path / "none.csv"), str(second))
    assert done.returncode == 1
    assert "none.csv: no such file; nothing of it was landed" in done.stderr
    assert "a.csv: batch 1, 2 read = 1 landed + 0 duplicate + 1 rejected" in done.stdout
    why = "  1 rejected: last_price: not a number; the first in line 3: x,s,2024-01-02,oops\n"
    assert why in done.stdout
    assert "b.csv: batch 2, 2 read = 1 landed + 1 duplicate + 0 rejected" in done.stdout
    assert "3 files: 4 read = 2 landed + 1 duplicate + 1 rejected" in done.stdout
    assert rows("select message like '%none.csv: no such file' from raw.application_logs"
                " where level = 'error'") == [(True,)]  # fmt: skip
    landed = "select value from raw.system_metrics where metric_name = 'landing_rows_landed'"
    assert rows(landed) == [(2.0,)]
    tables = rows("select table_name from information_schema.tables where table_schema = 'raw'")
    counts = [rows(f"select count(*) from raw.{name}") for (name,) in tables]
    done = ingest(settings, "land", "ticks", str(first), str(second), "--json")
    assert done.returncode == 0
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(r["state"], r["batch_id"]) for r in results] == [
        ("already landed", 1),
        ("already landed", 2),
    ]
    assert [rows(f"select count(*) from raw.{name}") for (name,) in tables] == counts


def test_what_was_rejected_before_says_why_again(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(TICKS)
    ingest(settings, "land", "ticks", str(path))
    why = (
        "  1 rejected before: last_price: not a number; the first in line 3: x,s,2024-01-02,oops\n"
    )
    for arguments in ([], ["--again"]):
        done = ingest(settings, "land", "ticks", str(path), *arguments)
        assert "2 read = 0 landed + 2 duplicate + 0 rejected" in done.stdout
        assert why in done.stdout
    # some reasons are new: the other rows are of another exchange than the user says
    (again,) = land_files(settings, "ticks", [path], exchange="y")
    assert [(r.reason, r.rows, r.known) for r in again.reasons] == [
        ("exchange: it is of x, and --exchange says y", 2, 0)
    ]


@pytest.mark.parametrize(
    ("kind", "content", "first", "second", "shown"),
    [
        ("cash", CASH, ["--account", "ira"], [], "csv for ira"),
        ("cash", CASH, [], ["--account", "ira"], "csv"),
        ("ticks", UNNAMED, ["--exchange", "x"], ["--exchange", "y"], "csv of x"),
        ("ticks", BOTH, ["--format", "alpaca"], ["--format", "own"], "alpaca"),
    ],
)
def test_the_same_file_for_another_owner_lands_with_a_warning(
    settings: Settings,
    tmp_path: Path,
    kind: str,
    content: str,
    first: list[str],
    second: list[str],
    shown: str,
) -> None:
    settings.feeds_dir.mkdir(parents=True)
    (settings.feeds_dir / "own.toml").write_text(OWN)
    path = tmp_path / "a.txt"
    path.write_text(content)
    warning = "warning: the same file landed before"
    done = ingest(settings, "land", kind, str(path), *first)
    assert (done.returncode, warning in done.stdout) == (0, False)
    assert "1 landed" in done.stdout
    done = ingest(settings, "land", kind, str(path), *second)
    assert (done.returncode, done.stdout.count(warning)) == (0, 1)
    assert f"  {warning}, as batch 1 ({shown}); its rows stay\n" in done.stdout
    assert "1 landed" in done.stdout
    done = ingest(settings, "land", kind, str(path), *second)
    assert (done.returncode, warning in done.stdout) == (0, False)
    assert "already landed as batch" in done.stdout


def test_the_function_reports_nothing_of_its_own(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(TICKS)
    land_files(settings, "ticks", [path])
    assert rows("select (select count(*) from raw.system_metrics),"
                " (select count(*) from raw.application_logs),"
                " (select count(*) from raw.landings)") == [(0, 0, 1)]  # fmt: skip


def test_a_segment_says_where_it_came_from(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(TICKS)
    land_files(settings, "ticks", [path])
    (description,) = (settings.spool_dir / "landed").glob("*.json")
    told = json.loads(description.read_text())
    assert (told["file_name"], told["kind"], told["format"]) == (str(path), "ticks", "csv")
    assert len(told["sha256"]) == 64
    assert description.with_suffix(".parquet").exists()


def test_a_database_that_is_gone_is_not_made_anew(settings: Settings, tmp_path: Path) -> None:
    """Rows would land in an empty one, and be gone when the old one comes back."""
    path, away = tmp_path / "a.csv", tmp_path / "away.duckdb"
    path.write_text(TICKS)
    assert "1 landed" in ingest(settings, "land", "ticks", str(path)).stdout
    settings.database_path.rename(away)
    path.write_text(TICKS.replace("2024-01-02,1", "2024-01-03,1"))
    done = ingest(settings, "land", "ticks", str(path))
    assert done.returncode == 1
    assert "is not there, though it was: bring it back, or make a new one" in done.stderr
    assert "(its segment waits: ingest land --pending)" in done.stderr
    assert not settings.database_path.exists()
    away.rename(settings.database_path)
    assert "1 landed" in ingest(settings, "land", "--pending").stdout
    settings.database_path.unlink()
    assert ingest(settings, "init").returncode == 0
    assert "1 landed" in ingest(settings, "land", "ticks", str(path)).stdout
