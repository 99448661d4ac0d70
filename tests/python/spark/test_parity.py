"""Spark's bars equal DuckDB's to the last decimal, on a real cluster that loses a worker."""

import shutil
import subprocess
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from market.conftest import PROJECT, Warehouse

from python_ingest.lifecycle.export import Leaving, export
from python_ingest.spark.command import ON_SPARK
from python_ingest.spark.handover import SMALL_TABLES
from python_ingest.storage.cold_relations import RELATIONS as COLD_RELATIONS

from .cluster import Cluster
from .conftest import ingest
from .generated import TICKS, ticks

pytestmark = pytest.mark.spark

AS_OF = "2024-12-01 00:00:00"
LONELY = """
    select 'otc' as exchange, 'LONELY' as symbol, timestamp '2024-05-05 12:00:00' as timestamp,
        'trade' as kind, '1' as trade_id, 1.5::decimal(18, 8) as last_price
"""
NOT_COMPARED = ("built_batch_id", "built_at", "built_run", "date")  # when it was built
# Where Spark keeps the rows of a relation, as Parquet. Whether a bar is complete says a view, and
# ohlcv_bars_filled, which has every bar.
RELATIONS = {
    "ohlcv_bars": "warm.db/ohlcv_bars_warm",
    "ohlcv_bars_filled": "main.db/ohlcv_bars_filled",
    "tick_gaps": "main.db/tick_gaps",
    "latest_ticks": "main.db/latest_ticks",
}
CORRECTED = """
    select exchange, symbol, venue, trade_id, timestamp from raw.market_ticks
    where kind = 'trade' and trade_id is not null and tick_id % 9001 = 0
    order by tick_id limit 200
"""


def _build(as_of: str) -> tuple[str, ...]:
    """Return dbt's arguments for the market models."""
    select = ("--select", "+path:models/marts/market")
    without = ("--exclude-resource-type", "test", "unit_test")
    return ("build", *select, *without, "--vars", f"as_of: {as_of}")


def _corrections(warehouse: Warehouse) -> list[dict[str, Any]]:
    """A bust, a correction, and a correction of that correction, in turn."""
    rows: list[dict[str, Any]] = []
    for number, (exchange, symbol, venue, trade_id, at) in enumerate(warehouse.rows(CORRECTED)):
        row = {"exchange": exchange, "symbol": symbol, "venue": venue, "timestamp": at}
        if number % 3 == 0:
            rows.append(row | {"trade_id": trade_id, "action": "bust"})
            continue
        changed = {"action": "correct", "corrected_trade_id": f"c{number}"}
        rows.append(row | changed | {"trade_id": trade_id, "corrected_price": "101.00000007"})
        if number % 3 == 2:
            again = {"trade_id": f"c{number}", "corrected_size": "0.00000003"}
            rows.append(row | {"action": "correct"} | again)
    return rows


@pytest.fixture(scope="module")
def landed(warehouse: Warehouse) -> Warehouse:
    """The sample and the generated ticks, a twentieth of them late and some corrected."""
    sample = PROJECT / "sample"
    recorded = (sample / "binance_spot_btcusdt_ws.ndjson.gz", sample / "aig_trades.parquet")
    ingest(warehouse, "land", "ticks", *recorded)
    ingest(warehouse, "land", "corrections", sample / "aig_corrections.csv")
    late = TICKS // 20
    warehouse.land("ticks", ticks(late, TICKS))
    warehouse.land("ticks", ticks(0, late) + " union all by name " + LONELY)
    warehouse.land_rows("corrections", _corrections(warehouse))
    return warehouse


def _wait_until_computing(cluster: Cluster, worker: int, build: subprocess.Popen[str]) -> None:
    while not cluster.is_computing(worker):
        assert build.poll() is None, "the build ended before the worker had a task"
        time.sleep(0.02)


Rows = dict[str, str]  # relation -> glob of the Parquet files that hold its rows


def _of_spark(warehouse: Warehouse) -> Rows:
    root = warehouse.data_dir / "spark"
    return {name: f"{root}/{folder}/**/*.parquet" for name, folder in RELATIONS.items()}


def _of_duckdb(database: Path, folder: Path) -> Rows:
    """Write a database's rows to a new folder."""
    folder.mkdir()
    files = {name: f"{folder}/{name}.parquet" for name in RELATIONS}
    with duckdb.connect(str(database), read_only=True) as connection:
        for name, file in files.items():
            view_only = " exclude (is_complete)" if name == "ohlcv_bars" else ""
            connection.execute(f"copy (select *{view_only} from main.{name}) to '{file}'")
    return files


def _assert_equal(ours: Rows, theirs: Rows) -> None:
    """Types and rows; each relation must have some."""
    for name in RELATIONS:
        described = [
            column[:2] for column in duckdb.execute(f"describe from '{ours[name]}'").fetchall()
        ]
        columns = [column for column in described if column[0] not in NOT_COMPARED]
        names = ", ".join(column[0] for column in columns)
        sides = [f"select {names} from '{files[name]}'" for files in (ours, theirs)]
        types = [column[:2] for column in duckdb.execute(f"describe {sides[1]}").fetchall()]
        assert types == columns, name
        counts = [
            duckdb.execute(f"select count(*) from ({sql})").fetchall()[0][0]
            for sql in (
                sides[0],
                f"({sides[0]}) except all ({sides[1]})",
                f"({sides[1]}) except all ({sides[0]})",
            )
        ]
        assert counts[0] > 0, name
        assert counts[1:] == [0, 0], f"{name}: {counts}"


def test_rows_are_equal_though_a_worker_is_killed(
    landed: Warehouse,
    cluster: Cluster,
    start_spark: Callable[..., subprocess.Popen[str]],
    tmp_path: Path,
) -> None:
    as_of = "2024-11-04 12:00:00"  # in the last day, so that some bars are not complete
    landed.dbt(*_build(as_of))
    ingest(landed, "export")
    running = start_spark(landed, *_build(as_of), *ON_SPARK)
    assert running.stdout is not None
    output = []
    for line in running.stdout:
        output.append(line)
        if "START" in line and "int_minute_bars" in line:
            _wait_until_computing(cluster, 1, running)
            cluster.kill_worker(1)
    assert running.wait() == 0, "".join(output)[-4000:]
    assert cluster.alive_workers() < 2
    _assert_equal(_of_duckdb(landed.path, tmp_path / "rows"), _of_spark(landed))


def test_a_second_build_equals_what_duckdb_went_on_to(
    landed: Warehouse, spark_environment: dict[str, str], tmp_path: Path
) -> None:
    """Late ticks of a day, a bust that empties another, and time that completes the last bars."""
    landed.land("ticks", ticks(TICKS, TICKS + 5000))
    bust = {"exchange": "otc", "symbol": "LONELY", "trade_id": "1", "action": "bust"}
    landed.land_rows("corrections", [bust | {"timestamp": datetime(2024, 5, 6)}])
    landed.dbt(*_build(AS_OF))
    ingest(landed, "export")
    ingest(landed, "spark", "--as-of", AS_OF, environment=spark_environment)
    _assert_equal(_of_duckdb(landed.path, tmp_path / "rows"), _of_spark(landed))


@pytest.fixture
def unbuilt(landed: Warehouse, tmp_path: Path) -> Warehouse:
    """A database with the same ticks that never built a bar, and what Spark made of them."""
    other = Warehouse(tmp_path / "other", landed.project)
    shutil.copytree(landed.data_dir / "spark", other.data_dir / "spark")
    ingest(other, "init")
    with other.connect() as connection:
        connection.execute(f"attach '{landed.path}' as landed (read_only)")
        # landed again, the rows would have other times than those that Spark read
        for table in ("market_ticks", *SMALL_TABLES):
            connection.execute(f"insert into raw.{table} by name from landed.raw.{table}")
    other.dbt("run", "--select", "stg_run")  # so that it has counted other runs than Spark
    return other


def _move_newest_days_to_cold(warehouse: Warehouse) -> None:
    """Whole days, as every export of ticks does."""
    newest = "select max(batch_id) from raw.market_ticks"
    days = f"select distinct timestamp::date from raw.market_ticks where batch_id = ({newest})"
    sql = f"select *, true as is_kept from raw.market_ticks where timestamp::date in ({days})"
    with warehouse.connect() as connection:
        export(connection, warehouse.data_dir, Leaving(COLD_RELATIONS["market_ticks"], sql))


def test_duckdb_publishes_the_rows_and_goes_on_from_them(
    landed: Warehouse, unbuilt: Warehouse, tmp_path: Path
) -> None:
    """Also where what landed since went to cold files before a build."""
    ingest(unbuilt, "collect")
    ingest(unbuilt, "publish")
    published = unbuilt.data_dir / "published" / "trading.duckdb"
    # What is below follows the bars as rows of this run, though Spark counts none.
    assert unbuilt.rows("select distinct built_run from warm.ohlcv_bars_warm") == unbuilt.rows(
        "select run_number from state.run"
    )
    _assert_equal(
        _of_duckdb(landed.path, tmp_path / "ours"), _of_duckdb(published, tmp_path / "published")
    )
    for warehouse in (landed, unbuilt):
        warehouse.land("ticks", ticks(TICKS + 5000, TICKS + 6000))
    _move_newest_days_to_cold(unbuilt)
    for warehouse in (landed, unbuilt):
        warehouse.dbt(*_build(AS_OF))
    _assert_equal(
        _of_duckdb(landed.path, tmp_path / "then"), _of_duckdb(unbuilt.path, tmp_path / "here")
    )
    built_here = unbuilt.rows(
        "select count(distinct minute::date) from intermediate.int_minute_bars"
        " where built_run = (select run_number from state.run)"
    )
    assert built_here == [(1,)]  # no other day was read again
