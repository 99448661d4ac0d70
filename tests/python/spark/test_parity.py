"""Spark's bars equal DuckDB's to the last decimal, on a real cluster that loses a worker."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from market.conftest import PROJECT, Warehouse

from .cluster import Cluster
from .generated import TICKS, ticks

pytestmark = pytest.mark.spark

AS_OF = ("--vars", '{"as_of": "2024-12-01 00:00:00"}')
BUILD = ("build", "--select", "+path:models/marts/market", *AS_OF, "--exclude-resource-type")
# Where Spark keeps the rows of a relation, as Parquet.
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


def _ingest(warehouse: Warehouse, *arguments: str | Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "python_ingest", *arguments],
        check=True,
        cwd=PROJECT,
        env=os.environ | {"DATA_DIR": str(warehouse.data_dir)},
    )


@pytest.fixture(scope="module")
def warehouse(new_warehouse: Callable[[], Warehouse]) -> Warehouse:
    """The sample and the generated ticks, a twentieth of them late and some corrected."""
    made = new_warehouse()
    sample = PROJECT / "sample"
    recorded = (sample / "binance_spot_btcusdt_ws.ndjson.gz", sample / "aig_trades.parquet")
    _ingest(made, "land", "ticks", *recorded)
    _ingest(made, "land", "corrections", sample / "aig_corrections.csv")
    late = TICKS // 20
    made.land_ticks(ticks(late, TICKS))
    made.land_ticks(ticks(0, late))
    made.land_corrections(_corrections(made))
    return made


def _differences(warehouse: Warehouse) -> dict[str, tuple[int, int, int]]:
    """Return (rows, rows only in DuckDB, rows only in Spark) by relation; types must be equal."""
    found = {}
    with duckdb.connect() as connection:
        connection.execute(f"attach '{warehouse.path}' as trading (read_only)")
        for name, folder in RELATIONS.items():
            columns = ", ".join(
                column
                for column, *_ in connection.execute(f"describe trading.main.{name}").fetchall()
                if column
                not in ("built_batch_id", "built_at", "date")  # when it was built; the partition
            )
            files = warehouse.data_dir / "spark" / folder / "**" / "*.parquet"
            ours = f"select {columns} from trading.main.{name}"
            theirs = f"select {columns} from '{files}'"
            types = [connection.execute(f"describe {sql}").fetchall() for sql in (ours, theirs)]
            assert types[0] == types[1], name
            found[name] = tuple(
                connection.execute(f"select count(*) from ({sql})").fetchall()[0][0]
                for sql in (
                    ours,
                    f"({ours}) except all ({theirs})",
                    f"({theirs}) except all ({ours})",
                )
            )
    return found


def _wait_until_computing(cluster: Cluster, worker: int, build: subprocess.Popen[str]) -> None:
    while not cluster.is_computing(worker):
        assert build.poll() is None, "the build ended before the worker had a task"
        time.sleep(0.02)


def test_rows_are_equal_though_a_worker_is_killed(
    warehouse: Warehouse, cluster: Cluster, start_spark: Callable[..., subprocess.Popen[str]]
) -> None:
    warehouse.dbt(*BUILD, "test", "unit_test")
    _ingest(warehouse, "export")
    build = start_spark(warehouse, *BUILD, "test", "unit_test")
    assert build.stdout is not None
    output = []
    for line in build.stdout:
        output.append(line)
        if "START" in line and "int_bar_steps" in line:
            _wait_until_computing(cluster, 1, build)
            cluster.kill_worker(1)
    assert build.wait() == 0, "".join(output)[-4000:]
    assert cluster.alive_workers() < 2
    differences = _differences(warehouse)
    assert all(rows > 0 for rows, _, _ in differences.values()), differences
    assert {name: found[1:] for name, found in differences.items()} == dict.fromkeys(
        RELATIONS, (0, 0)
    )
