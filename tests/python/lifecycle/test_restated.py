"""Rows restated after their export, by dbt: as if nothing had ever left."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

PROJECT = Path(__file__).parents[3]
FIRST = [
    # exchange, symbol, time, price, size, id: two minutes of one day, one minute of the next
    ("x", "A", "2024-01-01T10:00:01Z", "10", "1", "1"),
    ("x", "A", "2024-01-01T10:00:02Z", "11", "1", "2"),
    ("x", "A", "2024-01-01T10:07:00Z", "12", "1", "3"),
    ("x", "B", "2024-01-02T10:00:00Z", "20", "1", "4"),
    ("x", "B", "2024-03-01T10:00:00Z", "21", "1", "5"),
]
LATE = [("x", "A", "2024-01-01T10:00:03Z", "15", "2", "6")]
# The only trade of 10:07 is busted, the first of 10:00 corrected: both lie in Parquet by then.
CORRECTIONS = [("x", "A", "3", "bust", "", "2024-03-01T11:00:00Z")]
CORRECTIONS += [("x", "A", "1", "correct", "9", "2024-03-01T11:00:00Z")]
LATER = "2024-06-01 00:00:00"  # beyond the 90 days of bars
COMPARED = {
    "market_ticks": "exchange, symbol, timestamp, last_price, last_size, trade_id, is_busted",
    "ohlcv_bars": (
        "exchange, symbol, timeframe, timestamp, open, high, low, close, volume, vwap,"
        " trade_count, is_complete"
    ),
}


def run(data_dir: Path, *command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", *command] if command[0].startswith("import") else [*command],
        cwd=PROJECT,
        env={**os.environ, "DATA_DIR": str(data_dir), "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def land(data_dir: Path, kind: str, header: str, rows: list[tuple[str, ...]]) -> None:
    path = data_dir.parent / f"{kind}-{len(rows)}.csv"
    path.write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n")
    run(data_dir, sys.executable, "-m", "python_ingest", "land", kind, str(path))


def land_ticks(data_dir: Path, rows: list[tuple[str, ...]]) -> None:
    land(data_dir, "ticks", "exchange,symbol,timestamp,last_price,last_size,trade_id", rows)


def land_late(data_dir: Path) -> None:
    land_ticks(data_dir, LATE)
    header = "exchange,symbol,trade_id,action,corrected_price,timestamp"
    land(data_dir, "corrections", header, CORRECTIONS)


def build(data_dir: Path, as_of: str, *more: str) -> None:
    run(
        data_dir,
        "import dbt.cli.main as dbt; dbt.cli()",
        *("build", "--exclude-resource-type", "test", "unit_test", "snapshot", "--select"),
        *("+path:models/marts/market", "+export_market_ticks", "+export_ohlcv_bars", *more),
        *("--vars", json.dumps({"as_of": as_of})),
        *("--target-path", str(data_dir / "target"), "--log-path", str(data_dir / "logs")),
    )


def rows(data_dir: Path) -> dict[str, list[tuple]]:
    with duckdb.connect(str(data_dir / "trading.duckdb"), read_only=True) as connection:
        return {
            relation: connection.execute(
                f"select {columns} from {relation} order by all"
            ).fetchall()
            for relation, columns in COMPARED.items()
        }


def ask(data_dir: Path, query: str) -> list[tuple]:
    with duckdb.connect(str(data_dir / "trading.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    """Everything of January in Parquet, then late ticks and corrections, then one more build."""
    data_dir = tmp_path_factory.mktemp("exported") / "data"
    land_ticks(data_dir, FIRST)
    build(data_dir, LATER)
    assert ask(data_dir, "select count(*) from warm.ohlcv_bars_warm") == [(0,)]
    assert ask(data_dir, "select count(*) from ohlcv_bars where symbol = 'A'") == [(7,)]
    land_late(data_dir)
    build(data_dir, LATER)
    return data_dir


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> dict[str, list[tuple]]:
    """The same landed at once and built while nothing leaves."""
    data_dir = tmp_path_factory.mktemp("expected") / "data"
    land_ticks(data_dir, FIRST)
    land_late(data_dir)
    build(data_dir, "2024-01-01 00:00:00")
    assert ask(data_dir, "select count(*) from raw.cold_files") == [(0,)]
    found = rows(data_dir)
    # Completeness follows as_of where ticks fell silent; here only the later clock matters.
    found["ohlcv_bars"] = [(*row[:-1], True) for row in found["ohlcv_bars"]]
    return found


def test_late_ticks_and_corrections_of_exported_days(exported, expected):
    assert rows(exported) == expected


def test_the_day_was_written_anew_and_nothing_is_warm(exported):
    assert ask(exported, "select count(*) from warm.ohlcv_bars_warm") == [(0,)]
    assert ask(exported, "select count(*) from warm.tombstones") == [(0,)]
    states = ask(
        exported,
        "select state, count(*) from raw.cold_files where relation = 'ohlcv_bars'"
        " and date = '2024-01-01' group by all order by all",
    )
    assert states == [("local", 1), ("replaced", 1)]


def test_what_a_cold_bar_said_is_a_revision(exported):
    found = ask(
        exported,
        "select timeframe, close from ohlcv_bar_revisions where timestamp = '2024-01-01 10:07:00'",
    )
    assert found == [("1m", 12)]


def test_a_full_refresh_reads_warm_and_cold(exported, expected, tmp_path):
    data_dir = tmp_path / "data"
    shutil.copytree(exported, data_dir)
    build(data_dir, LATER, "--full-refresh")
    assert rows(data_dir) == expected
