import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from python_ingest.errors import (
    ConnectionTimeoutError,
    DatabaseError,
    NotPublishedError,
    QueryError,
    QueryTimeoutError,
)
from python_ingest.serving import ReaderPool
from python_ingest.serving.fair_semaphore import FairSemaphore
from python_ingest.serving.query_timeouts import QueryTimeouts
from python_ingest.serving.results import Question
from python_ingest.settings import load_settings
from python_ingest.storage.writer import open_writer
from tests.python.serving.live import open_publications, resident_mb

ENDLESS = "select count(*) from range(10000000000) a(i), range(1000) b(j) where i * j % 7 = 3"
BATCHES = (
    "select min(t.batch) as t0, max(t.batch) as t1, count(*) as n,"
    " (select max(batch) from orders) as o from market_ticks as t"
)


@pytest.fixture
def limited(published, monkeypatch):
    """Settings with limits of the test's choosing, on what is published."""

    def make(**limits):
        for key, value in limits.items():
            monkeypatch.setenv(f"DATABASE_{key.upper()}", str(value))
        return load_settings()

    return make


def test_nothing_published_says_what_to_run(settings):
    with pytest.raises(NotPublishedError, match="ingest cycle"):
        ReaderPool(settings)


@pytest.mark.parametrize(
    "value", [Decimal("1" * 39), Decimal("1E+40"), Decimal("nan"), [Decimal("0." + "1" * 39)]]
)
def test_a_decimal_does_not_become_a_float(published, value):
    with ReaderPool(published) as pool:
        for ask in (pool.query, pool.dicts):
            for sql, values in (("select ?", [value]), ("select $v", {"v": value})):
                with pytest.raises(QueryError, match="cannot be bound"):
                    ask(sql, values)
        exact = Decimal("1" * 38)
        assert pool.dicts("select ? as v", [exact]) == [{"v": exact}]


def test_profiling_prints_each_querys_plan_and_times(limited, capfd):
    for enabled in (False, True):
        with ReaderPool(limited(enable_profiling=enabled)) as pool:
            pool.dicts("select symbol from market_ticks limit 1")
            assert pool.query("select 1 as n").num_rows == 1
        assert capfd.readouterr().err.count("Total Time") == 2 * enabled


def test_a_hundred_readers_share_fifty_connections(published):
    inside, most, lock = 0, 0, threading.Lock()
    everyone = threading.Barrier(100)

    def read(_):
        nonlocal inside, most
        everyone.wait()
        for _ in range(5):
            with pool.reader() as reader:
                with lock:
                    inside += 1
                    most = max(most, inside)
                (row,) = reader.dicts("select count(*) as n from market_ticks")
                assert row["n"] == 1000
                with lock:
                    inside -= 1

    with ReaderPool(published) as pool, ThreadPoolExecutor(100) as threads:
        list(threads.map(read, range(100)))
        assert (pool.active_readers, pool.available_readers) == (0, 50)
    assert 1 <= most <= 50


def test_who_gets_no_connection_in_time_is_told_the_limits(limited):
    settings = limited(max_readers=2, connection_timeout_ms=50)
    with ReaderPool(settings) as pool, pool.reader(), pool.reader():
        assert pool.available_readers == 0
        with pytest.raises(ConnectionTimeoutError, match=r"2 readers .* 50 ms") as error:
            pool.query("select 1")
        assert error.value.retryable


def test_readers_that_hang_block_nobody(published):
    with ReaderPool(published) as pool, ThreadPoolExecutor(8) as threads:
        with pool.reader():  # holds its connection and does nothing
            hanging = [threads.submit(pool.query, ENDLESS) for _ in range(8)]
            for _ in range(20):
                assert pool.dicts("select count(*) as n from orders") == [{"n": 100}]
            assert not any(query.done() for query in hanging)
        pool.close()
        for query in hanging:
            with pytest.raises(DatabaseError, match="closed"):
                query.result()


def test_a_close_ends_what_has_not_begun_in_the_engine_and_what_waits(published):
    """The engine forgets an interruption that comes before its query."""
    slots = FairSemaphore(1)
    timeouts = QueryTimeouts(slots)
    with ReaderPool(published) as pool, pool.reader() as reader, ThreadPoolExecutor(2) as threads:
        running = timeouts.begin(reader._connection, 60)
        waiting = threads.submit(timeouts.begin, reader._connection, 60)
        while not slots.waiting:
            time.sleep(0.001)
        closing = threads.submit(timeouts.close)
        while not timeouts._closed:
            time.sleep(0.001)
        with pytest.raises(duckdb.InterruptException):
            reader._connection.relation(ENDLESS, None).fetchall()
        timeouts.end(running)
        with pytest.raises(DatabaseError, match="closed"):
            waiting.result()
        closing.result()
    assert slots.free == 1


def test_a_column_of_that_name_is_no_interruption(published):
    with ReaderPool(published) as pool, pytest.raises(QueryError, match="INTERRUPT"):
        pool.query('select "INTERRUPT"')


def test_a_late_query_is_interrupted_and_its_connection_is_good_again(limited):
    settings = limited(query_timeout_ms=500, max_readers=1)
    with ReaderPool(settings) as pool:
        with pytest.raises(QueryTimeoutError, match=r"500 ms .*range\(10000000000\)") as error:
            pool.query(ENDLESS)
        assert not error.value.retryable
        assert pool.dicts("select 1 as one") == [{"one": 1}]


def test_a_query_is_interrupted_while_its_rows_are_fetched(limited):
    def fetch(connection, ask):
        return [0 for _ in connection.relation(ask.sql, ask.params).to_arrow_reader(1000)]

    with ReaderPool(limited(query_timeout_ms=100)) as pool, pytest.raises(QueryTimeoutError):
        pool.run(Question("select * from range(1000000000000)", None, "endless"), fetch)


def test_a_wrong_query_names_what_is_wrong_and_leaves_the_pool_whole(published):
    with ReaderPool(published) as pool:
        with pytest.raises(QueryError, match="no_such_table"):
            pool.query("from no_such_table")
        with pytest.raises(QueryError, match="read-only"):
            pool.query("delete from orders")
        assert pool.available_readers == 50


def test_a_closed_pool_says_so(published):
    pool = ReaderPool(published)
    pool.close()
    pool.close()
    with pytest.raises(DatabaseError, match="closed"):
        pool.query("select 1")


def test_a_new_publication_is_followed_and_an_old_reader_keeps_its_own(published, publish_batch):
    with ReaderPool(published) as pool, pool.reader() as early:
        publish_batch(2)
        assert pool.dicts("select any_value(batch) as b from orders") == [{"b": 2}]
        assert early.dicts("select any_value(batch) as b from orders") == [{"b": 1}]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux's /proc")
def test_former_publications_are_let_go(published, publish_batch):
    before = open_publications()
    with ReaderPool(published) as pool:
        for batch in range(2, 6):
            publish_batch(batch)
            assert pool.dicts("select any_value(batch) as b from orders") == [{"b": batch}]
            assert open_publications() == before + 1
    assert open_publications() == before


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_a_day_of_publications_leaves_memory_flat(published, publish_batch):
    """A publication every twenty minutes for a day, fifty readers all the time."""
    done = threading.Event()

    def read(_):
        while not done.is_set():
            assert pool.query("select * from market_ticks").num_rows == 1000

    with ReaderPool(published) as pool, ThreadPoolExecutor(50) as threads:
        readers = [threads.submit(read, n) for n in range(50)]
        try:
            sizes = []
            for batch in range(2, 74):
                publish_batch(batch)
                sizes.append(resident_mb())
        finally:
            done.set()
        for reader in readers:
            reader.result()
    assert max(sizes[-20:]) < max(sizes[20:40]) * 1.1


def test_long_texts_are_not_kept_with_each_connection(published):
    """A list of a hundred thousand ids in a text took 17 MB, a hundred times a connection."""
    with ReaderPool(published) as pool, pool.reader() as reader:
        short = "select 1 as a"
        for n in range(3):
            ids = ",".join(map(str, range(n, 20_000)))
            long = f"select count(*) as a from range(10) r(i) where i in ({ids})"
            assert reader.dicts(long) == [{"a": 10 - n}]
            assert reader.dicts(short) == [{"a": 1}]
        assert list(reader._connection._statements) == [short]


def test_every_read_during_publications_is_of_one_state(published, publish_batch):
    done = threading.Event()

    def read(_):
        seen = []
        while not done.is_set():
            with pool.reader() as reader:
                (row,) = reader.dicts(BATCHES)
                again = reader.dicts("select min(batch) as b from orders")[0]["b"]
            assert row["n"] == 1000
            assert row["t0"] == row["t1"] == row["o"] == again
            seen.append(again)
            time.sleep(0.02)  # reads without a pause delay publications, and see no other state
        return seen

    with ReaderPool(published) as pool, ThreadPoolExecutor(8) as threads:
        readers = [threads.submit(read, n) for n in range(8)]
        try:
            for batch in range(2, 8):
                publish_batch(batch)
            assert pool.dicts(BATCHES)[0]["o"] == 7
        finally:
            done.set()
        for reader in readers:
            seen = reader.result()
            assert seen == sorted(seen)


def test_readers_do_not_see_or_hinder_an_open_write(published):
    with ReaderPool(published) as pool, open_writer(published) as writer:
        writer.begin()
        writer.execute("delete from orders")
        assert pool.dicts("select count(*) as n from orders") == [{"n": 100}]
        writer.commit()
        assert pool.dicts("select count(*) as n from orders") == [{"n": 100}]


def test_two_pools_and_a_plain_connection_share_the_file(published):
    with (
        ReaderPool(published) as one,
        ReaderPool(published, threads=2) as two,
        duckdb.connect(str(published.published_path), read_only=True) as plain,
    ):
        assert one.query("from orders").num_rows == 100
        assert two.query("from orders").num_rows == 100
        assert plain.execute("select count(*) from orders").fetchone() == (100,)


def test_sessions_run_in_utc(published):
    with ReaderPool(published) as pool:
        assert pool.dicts("select current_setting('TimeZone') as zone") == [{"zone": "UTC"}]


def test_a_pool_leaves_its_metrics_and_its_failed_queries_to_be_landed(published):
    with ReaderPool(published) as pool:
        pool.query("select count(*) from orders", operation="count")
        with pytest.raises(QueryError):
            pool.query("select 'what no log may show' from nowhere")
    (logs,) = (published.data_dir / "telemetry").glob("logs-*.ndjson")
    (failed,) = map(json.loads, logs.read_text().splitlines())
    assert (failed["level"], failed["event"]) == ("error", "query_failed")
    assert failed["data"]["error"] == "QueryError"
    assert "what no log may show" not in logs.read_text()
    metrics = (published.data_dir / "telemetry").glob("metrics-*.ndjson")
    text = "".join(file.read_text() for file in metrics)
    assert '"count/success"' in text
    assert '"database.pool.writer.locked"' in text or not Path("/proc/locks").exists()
    assert '"query/QueryError"' in text


LIMIT = "select current_setting('memory_limit') as said"


def test_a_pool_takes_more_memory_when_a_query_needs_it(limited, publish_batch):
    publish_batch(1)
    with ReaderPool(limited(reader_memory_mb=32)) as pool, pool.reader() as former:
        assert pool.dicts(LIMIT) == [{"said": "30.5 MiB"}]
        rows = pool.query("select list(i) as l from range(8_000_000) r(i)")
        assert len(rows["l"][0]) == 8_000_000
        assert pool.dicts(LIMIT) == former.dicts(LIMIT) != [{"said": "30.5 MiB"}]
        publish_batch(2)
        assert pool.dicts(LIMIT) == [{"said": "30.5 MiB"}]


@pytest.mark.parametrize("times", [2, pytest.param(8, marks=pytest.mark.long)])
def test_many_that_need_more_at_once_all_get_it(limited, publish_batch, times):
    """All that a reader does: opening its connection, describing, a table, batches."""
    publish_batch(1)
    sql = "select list(i) as l from range(2_000_000) r(i)"

    def whole(pool):
        return pool.query(sql)

    def batches(pool):
        assert pool.describe(sql).schema.names == ["l"]
        return pa.Table.from_batches(
            pool.batches(Question(sql, None, "query"), 1000, lambda: False)
        )

    settings = limited(reader_memory_mb=32, query_timeout_ms=300_000)
    for _ in range(times):
        with ReaderPool(settings) as pool, ThreadPoolExecutor(8) as threads:
            asked = [threads.submit(ask, pool) for ask in (whole, batches) * 8]
            assert {len(each.result()["l"][0]) for each in asked} == {2_000_000}


def test_who_needs_more_than_all_is_told_the_limit(limited, publish_batch):
    publish_batch(1)
    settings = limited(reader_memory_mb=32, memory_limit_mb=64)
    with ReaderPool(settings) as pool:
        with pytest.raises(QueryError, match=r"performance\.memory_limit_mb"):
            pool.query("select list(i) from range(100_000_000) r(i)")
        assert pool.dicts("select count(*) as n from market_ticks") == [{"n": 1000}]
