"""Rows straight into raw.*, as landing would leave them.

An audit looks for what landing lets nobody make: rows that are wrong, and batches whose counts and
times are said.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

import duckdb
import pytest
from testkit import ask, new_database

from python_ingest.settings import Settings, load_settings
from python_ingest.storage.writer import open_writer

LANDED_AT = datetime(2026, 1, 5, 12)


class Landing:
    """Lands small batches of ticks and fills; `change` is SQL run on the batch afterwards."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.batches = 0

    def ticks(
        self, rows: int = 50, rejected: int = 0, change: str = "", symbol: str = "AAA"
    ) -> int:
        self.batches += 1
        batch = self.batches
        with open_writer(self.settings) as connection:
            connection.execute(
                """
                insert into raw.market_ticks by name
                select
                    $batch * 4294967296 + n as tick_id,
                    $batch as batch_id,
                    'test' as exchange,
                    $symbol as symbol,
                    $at - interval 1 hour + n * interval 10 second as timestamp,
                    if(n % 2 = 0, 'trade', 'quote') as kind,
                    if(n % 2 = 0, null, 99.99) as bid_price,
                    if(n % 2 = 0, null, 100.01) as ask_price,
                    if(n % 2 = 0, null, 5) as bid_size,
                    if(n % 2 = 0, 100 + n % 3, null) as last_price,
                    if(n % 2 = 0, 1, null) as last_size,
                    n as sequence_number,
                    'websocket' as source,
                    $at as ingestion_time,
                    1 as occurrence,
                    ($batch * 1000 + n)::varchar as trade_id
                from range($rows) as t (n)
                """,
                {"batch": batch, "rows": rows, "at": LANDED_AT, "symbol": symbol},
            )
            self._manifest(connection, "ticks", rows, rejected)
            if change:
                connection.execute(change)
        return batch

    def orders(self, change: str = "") -> int:
        self.batches += 1
        with open_writer(self.settings) as connection:
            connection.execute(
                """
                insert into raw.order_events by name
                select
                    $batch as batch_id,
                    n + 1 as row_number,
                    $batch || '-' || n as event_id,
                    ['created', 'submitted', 'fill'][n + 1] as event_type,
                    $at as event_time,
                    'o1' as order_id,
                    'c1' as client_order_id,
                    'test' as exchange,
                    'AAA' as symbol,
                    'buy' as side,
                    'market' as order_type,
                    10 as quantity,
                    's1' as strategy_id,
                    if(n = 2, 10, null) as fill_quantity,
                    if(n = 2, 100, null) as fill_price,
                    'websocket' as source,
                    $at as ingestion_time,
                    n as content_hash
                from range(3) as t (n)
                """,
                {"batch": self.batches, "at": LANDED_AT},
            )
            self._manifest(connection, "orders", 3, 0)
            if change:
                connection.execute(change)
        return self.batches

    def _manifest(
        self, connection: duckdb.DuckDBPyConnection, kind: str, landed: int, rejected: int
    ) -> None:
        connection.execute(
            "insert into raw.landings (batch_id, kind, file_name, sha256, format, rows_read,"
            " rows_landed, rows_duplicate, rows_rejected, min_timestamp, max_timestamp, landed_at,"
            " duration_ms) values (?, ?, ?, ?, 'csv', ?, ?, 0, ?, null, null, ?, 1)",
            [
                self.batches,
                kind,
                f"{kind}_{self.batches}.csv",
                f"sum{self.batches}",
                landed + rejected,
                landed,
                rejected,
                LANDED_AT,
            ],
        )
        connection.execute(
            "insert into raw.rejected_rows (batch_id, kind, source_file, sha256, row_number,"
            " raw_text, reason, rejected_at)"
            " select ?, ?, 'file', 'sum', n, 'text', 'reason', ? from range(?) as t (n)",
            [self.batches, kind, LANDED_AT, rejected],
        )


def make_settings(data_dir: Path) -> Settings:
    return load_settings(Path("missing.toml"), {"DATA_DIR": str(data_dir)})


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(new_database(make_settings(tmp_path)))


@pytest.fixture
def query(landing: Landing) -> Callable[[str], list[tuple]]:
    return partial(ask, landing.settings)
