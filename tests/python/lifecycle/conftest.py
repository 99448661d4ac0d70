"""A warehouse with ticks of several days, and exports of them without dbt."""

import os
import shutil
import tempfile
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
from testkit import ask, new_database

from python_ingest.landing.land import land_files
from python_ingest.lifecycle.export import Leaving, export
from python_ingest.settings import Settings, load_settings
from python_ingest.storage.cold_relations import RELATIONS
from python_ingest.storage.cold_views import make_view
from python_ingest.storage.writer import open_writer

TICKS = RELATIONS["market_ticks"]
HOSTILE = ["NULL", "../../etc", "BTC/USD", "'; drop table", "007", "a=b", "", "Ünï cödé", "a" * 300]
# Ticks of three days, with something in every column that an export must keep.
FILE = """
copy (
    select
        'x' as exchange, symbols[1 + i % len(symbols)] as symbol,
        make_timestamp_ns(
            epoch_ns(timestamp '2024-01-01' + to_microseconds(i * 3 * 86400000000 // $rows))
            + if(i % 5 = 0, i % 1000, 0)
        ) as timestamp,
        if(i % 3 = 0, 'quote', 'trade') as kind, if(i % 2 = 0, 'V', null) as venue,
        1.1 as bid_price, 1.2 as ask_price, 3 as bid_size, 4 as ask_size,
        5.00000001 + i as last_price, 0.1 as last_size, i as sequence_number,
        if(i % 3 = 0, null, i::varchar) as trade_id,
        if(i % 5 = 0, ['@', 'T'], null) as conditions,
        if(i % 2 = 0, 'buy', 'sell') as aggressor_side,
        if(i % 7 = 0, uuid(), null) as correlation_id
    from range($rows) r(i), (select $named::varchar[] as symbols)
) to '$path'
"""
# Landing takes no symbol without a text, and an export asks no such thing.
EMPTY, LANDED_AS = "", "an empty one"
# Everything that was landed, wherever it lies now, in a form that can be compared.
ALL_TICKS = """
select count(*), sum(hash(t)) from (
    select * from raw.market_ticks
    union all
    select * exclude (date) from cold.market_ticks
) as t
"""


def make_warehouse(settings: Settings, rows: int, symbols: list[str]) -> None:
    """Land `rows` ticks of 2024-01-01 to 03; in a new database they are copied."""
    if settings.database_path.exists():
        _land(settings, rows, symbols)
    else:
        settings.database_path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(_landed(rows, tuple(symbols)), settings.database_path)
    with open_writer(settings) as connection:
        make_cold_view(connection, settings, "market_ticks")


@cache
def _landed(rows: int, symbols: tuple[str, ...]) -> Path:
    folder = tempfile.mkdtemp(dir=os.environ["READ_BY_DBT"])
    settings = new_database(load_settings(Path(folder, "none.toml"), {"DATA_DIR": folder}))
    _land(settings, rows, list(symbols))
    return settings.database_path


def _land(settings: Settings, rows: int, symbols: list[str]) -> None:
    path = settings.data_dir / "ticks.parquet"
    named = [LANDED_AS if symbol == EMPTY else symbol for symbol in symbols]
    sql = FILE.replace("$rows", str(rows)).replace("$path", str(path))
    duckdb.execute(sql, {"named": named})
    (result,) = land_files(settings, "ticks", [path])
    assert (result.landed, result.rejected) == (rows, 0), result
    path.unlink()
    if EMPTY in symbols:
        with open_writer(settings) as connection:
            connection.execute(
                "update raw.market_ticks set symbol = ? where symbol = ?", [EMPTY, LANDED_AS]
            )


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
