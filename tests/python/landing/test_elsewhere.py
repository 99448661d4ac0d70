"""Landing into another database of an engine in which other things run at the same time."""

import duckdb
import pytest

from python_ingest.feeds.detect_format import Wanted
from python_ingest.feeds.kinds import TICKS
from python_ingest.landing.batch import Elsewhere, land_segment
from python_ingest.landing.input_files import InputFile
from python_ingest.landing.prepare import begin_session, prepare
from python_ingest.schema.migrate import migrate

SETTINGS = """
    select name, value from duckdb_settings()
    where name in ('memory_limit', 'preserve_insertion_order', 'disabled_optimizers')
    order by name
"""
# Trades of one clock tick, which without an id only the file's order orders.
TRADES = """
    select 'binance' as exchange, 'BTCUSDT' as symbol, timestamp '2026-01-05' as timestamp,
        (100 + i)::decimal(18, 8) as last_price, 1::decimal(18, 8) as last_size {}
    from range(2, {}, -1) as r(i)
"""


@pytest.fixture
def engine():
    with duckdb.connect() as connection:
        begin_session(connection)
        for name in ("before", "landed"):
            connection.execute(f"attach ':memory:' as {name}; use {name}")
            migrate(connection)
        connection.execute("set memory_limit = '1234MB'")
        yield connection


@pytest.mark.parametrize("more", ["", ", i::varchar as trade_id", ", (9 - i)::varchar as trade_id"])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_landing_elsewhere_sets_nothing_of_the_engine(settings, tmp_path, engine, form, more):
    before = engine.execute(SETTINGS).fetchall()
    landed = []
    for number, last in enumerate((0, -1)):
        path = tmp_path / f"{number}.{form}"
        engine.execute(f"copy ({TRADES.format(more, last)}) to '{path}'")
        segment = prepare(settings, Wanted(TICKS), InputFile(path))
        assert segment.canonical is (form == "parquet")
        elsewhere = Elsewhere(settings.spool_dir / f"{segment.name}.parquet", "before.raw")
        landed.append(land_segment(engine, settings, segment, elsewhere=elsewhere).landed)
        assert engine.execute(SETTINGS).fetchall() == before
        engine.execute("insert into before.raw.market_ticks by name from landed.raw.market_ticks")
        engine.execute("delete from landed.raw.market_ticks")
    assert landed == [2, 1]
    rows = engine.execute(
        "select last_price::int, place from before.raw.market_ticks order by 1 desc"
    )
    places = [None] * 3 if more else [1, 2, 3]  # a numeric id orders them
    assert rows.fetchall() == list(zip((102, 101, 100), places, strict=True))
