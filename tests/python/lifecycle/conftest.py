"""A warehouse with ticks of several days, and exports of them without dbt."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from testkit import ask, new_database

from python_ingest.lifecycle.export import Leaving, export
from python_ingest.settings import Settings
from python_ingest.storage.cold_relations import RELATIONS
from python_ingest.storage.cold_views import make_view
from python_ingest.storage.writer import open_writer

TICKS = RELATIONS["market_ticks"]
HOSTILE = ["NULL", "../../etc", "BTC/USD", "'; drop table", "007", "a=b", "", "Ünï cödé", "a" * 300]
# Inserted, not landed: landing takes no symbol without a text, and an export asks no such thing.
WAREHOUSE = """
insert into raw.market_ticks
select
    (1::bigint << 32) + i, 1, 'x', symbols[1 + i % len(symbols)],
    timestamp '2024-01-01' + to_microseconds(i * 3 * 86400000000 // $rows),
    if(i % 3 = 0, 'quote', 'trade'), if(i % 2 = 0, 'V', null), 1.1, 1.2, 3, 4, 5.00000001 + i, 0.1,
    null, i, if(i % 3 = 0, null, i::varchar), if(i % 5 = 0, ['@', 'T'], null), null, 'websocket',
    timestamp '2024-01-02', if(i % 7 = 0, uuid(), null), 1,
    if(i % 2 = 0, 'buy', 'sell'), if(i % 5 = 0, i % 1000, null), null
from range($rows) r(i), (select $symbols::varchar[] as symbols);
insert into raw.landings (
    batch_id, kind, file_name, sha256, format, rows_read, rows_landed, rows_duplicate,
    rows_rejected, min_timestamp, max_timestamp, landed_at, duration_ms
) values
    (1, 'ticks', 'f', 'x', 'csv', $rows, $rows, 0, 0, null, null, now()::timestamp, 1);
"""
# Everything that was landed, wherever it lies now, in a form that can be compared.
ALL_TICKS = """
select count(*), sum(hash(t)) from (
    select * from raw.market_ticks
    union all
    select * exclude (date) from cold.market_ticks
) as t
"""


def make_warehouse(settings: Settings, rows: int, symbols: list[str]) -> None:
    """Land `rows` ticks of 2024-01-01 to 03."""
    with open_writer(new_database(settings)) as connection:
        connection.execute(
            WAREHOUSE.replace("$rows", str(rows)).replace(
                "$symbols",
                "[" + ", ".join("'" + symbol.replace("'", "''") + "'" for symbol in symbols) + "]",
            )
        )
        make_cold_view(connection, settings, "market_ticks")


def make_cold_view(
    connection: duckdb.DuckDBPyConnection, settings: Settings, relation: str
) -> None:
    """Do what dbt's on-run-start does."""
    columns = connection.execute(f"describe {RELATIONS[relation].home}").fetchall()
    typed = [(row[0], row[1]) for row in columns]
    make_view(connection, settings.data_dir, relation, [*typed, ("date", "DATE")])


def export_ticks(settings: Settings, before: str, *, per_symbol: bool = False) -> None:
    """Export the ticks before an instant, as the dbt model export_market_ticks does."""
    sql = f"select *, true as is_kept from raw.market_ticks where timestamp < timestamp '{before}'"
    with open_writer(settings) as connection:
        export(connection, settings.data_dir, Leaving(TICKS, sql, per_symbol))


@pytest.fixture
def warehouse(settings: Settings) -> Settings:
    make_warehouse(settings, 3000, ["A", "B"])
    return settings


@pytest.fixture
def files(warehouse: Settings) -> Callable[[], list[Path]]:
    """The Parquet files below cold/."""
    return lambda: sorted((warehouse.data_dir / "cold").glob("*/date=*/**/*.parquet"))


def manifest(settings: Settings, columns: str = "date, rows, state") -> list[tuple[Any, ...]]:
    """Return rows of the manifest, oldest first."""
    return ask(settings, f"select {columns} from raw.cold_files order by file_id")


def days(*numbers: int) -> list[date]:
    """Days of January 2024."""
    return [date(2024, 1, number) for number in numbers]
