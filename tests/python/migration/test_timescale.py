"""A real TimescaleDB: hypertables, chunks, compression, continuous aggregates."""

from datetime import datetime

import duckdb
import psycopg
import pytest

from python_ingest.migration import manifest
from python_ingest.migration.extract import Request, extract
from python_ingest.migration.range_reader import Listener
from python_ingest.migration.server import connected

from .conftest import SCHEMA

COLUMNS = "tick_id, exchange, symbol, timestamp, last_price, last_size, sequence_number, conditions"
FILL = """
insert into market_ticks (tick_id, exchange, symbol, timestamp, last_price, last_size,
    sequence_number, conditions)
select i, 'binance', 'SYM' || i % 2, timestamptz '2024-08-05 00:00+00' + i * interval '10 minutes',
    100 + i / 7.0, 0.5, i, case when i % 3 = 0 then array['@', 'a,"b'] end
from generate_series(0, 575) i
"""


@pytest.fixture(scope="module")
def hypertable(timescale_server):
    """Four days of ticks in day chunks, the first two compressed, and 1h bars over them."""
    with psycopg.connect(timescale_server, autocommit=True) as connection:
        connection.execute("drop table if exists market_ticks cascade")
        for statement in SCHEMA.split(";"):
            if "market_ticks" in statement:
                connection.execute(statement.encode())
        connection.execute(
            "select create_hypertable('market_ticks', 'timestamp',"
            " chunk_time_interval => interval '1 day')"
        )
        connection.execute(FILL.encode())
        connection.execute(
            "alter table market_ticks set (timescaledb.compress,"
            " timescaledb.compress_segmentby = 'symbol')"
        )
        connection.execute(
            "select compress_chunk(show_chunks('market_ticks', older_than =>"
            " timestamptz '2024-08-07 00:00+00'))"
        )
        connection.execute(
            "create materialized view bars_1h with (timescaledb.continuous) as select exchange,"
            " symbol, time_bucket('1 hour', timestamp) as bucket, first(last_price, timestamp) as"
            " open, max(last_price) as high, min(last_price) as low, last(last_price, timestamp)"
            " as close, sum(last_size) as volume, count(*)::integer as trade_count"
            " from market_ticks group by 1, 2, 3"
        )
    return timescale_server


@pytest.fixture
def there(hypertable, monkeypatch):
    monkeypatch.setenv("TIMESCALE_DSN", hypertable)


def read(settings, relation, columns):
    found = manifest.load(manifest.folder_of(settings, relation))
    files = [str(manifest.folder_of(settings, relation) / part.file) for part in found.parts]
    return duckdb.execute(
        f"select {columns} from read_parquet(?) order by 1, 2, 3", [files]
    ).fetchall()


def ask(query):
    with connected() as connection:
        found = connection.execute(query.encode())
        return found.fetchall() if found.description else []


@pytest.mark.usefixtures("there")
def test_chunks_are_read_one_by_one_compressed_or_not(settings):
    found = extract(settings, Request("market_ticks"))
    assert [part.start for part in found.parts] == [datetime(2024, 8, day) for day in (5, 6, 7, 8)]
    rows = ask(
        "select count(*) from market_ticks group by timestamp::date order by timestamp::date"
    )
    assert [(part.rows,) for part in found.parts] == rows
    assert ["content" in part.seen for part in found.parts] == [True, True, False, False]
    expected = ask(
        f"select {COLUMNS.replace('timestamp', '''timestamp at time zone 'UTC' ''')}"
        " from market_ticks order by 1"
    )
    assert read(settings, "market_ticks", COLUMNS) == expected


@pytest.mark.usefixtures("there")
def test_part_of_it_is_whole_chunks(settings):
    found = extract(
        settings, Request("market_ticks", datetime(2024, 8, 6, 12), datetime(2024, 8, 7, 1))
    )
    assert [part.start.day for part in found.parts] == [6, 7]
    assert found.covered[0].start == datetime(2024, 8, 6)
    assert found.covered[0].end == datetime(2024, 8, 8)


class Changing(Listener):
    """One connection at a time is all this server takes, so the change is made by the one."""

    def __init__(self, monkeypatch, statement):
        from python_ingest.migration import extract as extraction  # noqa: PLC0415

        self.told = []
        look = extraction._read_what_came

        def changed_first(server, reader):
            server.rows(statement)
            look(server, reader)

        monkeypatch.setattr(extraction, "_read_what_came", changed_first)

    def changed(self, span, *, still):
        self.told.append((span.start.day, still))


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("day", [5, 8])
def test_a_changed_chunk_is_read_again_compressed_or_not(settings, monkeypatch, day):
    moment = f"timestamptz '2024-08-0{day} 12:00:00.5+00'"
    listener = Changing(
        monkeypatch,
        "insert into market_ticks (tick_id, exchange, symbol, timestamp, last_price, last_size)"
        f" values ({1000 + day}, 'binance', 'SYM0', {moment}, 100.5, 1)",
    )
    (before,) = ask("select count(*) from market_ticks")[0]
    found = extract(settings, Request("market_ticks"), listener)
    assert listener.told == [(day, False)]
    assert found.rows == before + 1
    ids = [row[0] for row in read(settings, "market_ticks", "tick_id, symbol, timestamp")]
    assert 1000 + day in ids


@pytest.mark.usefixtures("there")
def test_a_continuous_aggregate_is_extracted_as_bars(settings):
    found = extract(settings, Request("bars_1h", timeframe="1h"))
    assert (found.table, found.timeframe, found.time) == ("ohlcv_bars", "1h", "timestamp")
    columns = "timestamp, symbol, timeframe, open, high, low, close, volume, trade_count"
    expected = ask(
        "select bucket at time zone 'UTC', symbol, '1h', open, high, low, close, volume,"
        " trade_count from bars_1h order by 1, 2"
    )
    assert len(expected) == 192
    assert read(settings, "bars_1h", columns) == expected


@pytest.mark.usefixtures("there")
def test_a_chunk_that_is_compressed_meanwhile_is_read_again(settings, monkeypatch):
    listener = Changing(
        monkeypatch,
        "select compress_chunk(show_chunks('market_ticks', older_than => timestamptz '2024-08-08'"
        " , newer_than => timestamptz '2024-08-07'))",
    )
    found = extract(settings, Request("market_ticks"), listener)
    assert (7, False) in listener.told
    assert not any(part.is_changing for part in found.parts)
    assert found.rows == ask("select count(*) from market_ticks")[0][0]
