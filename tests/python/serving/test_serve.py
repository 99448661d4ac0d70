"""`ingest serve` as a process, and clients as processes."""

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from uuid import UUID

import pyarrow as pa
import pytest
from pyarrow import flight
from testkit import free_port

from python_ingest.errors import (
    ConnectionTimeoutError,
    DatabaseError,
    QueryError,
    QueryTimeoutError,
    UsageError,
)
from python_ingest.landing.land import land_pending
from python_ingest.serving.flight_protocol import question_of, token, token_path, token_place
from python_ingest.serving.hot_source import HotSource
from python_ingest.serving.queries import latest_ticks, recent_ticks
from python_ingest.serving.served import ServedReader
from python_ingest.settings import load_settings
from tests.python.serving.live import (
    ENDLESS,
    FORBIDDEN,
    MIDNIGHT,
    ROOT,
    arrive,
    build_and_publish,
    resident_mb,
    served_ticks,
    serving,
    trade,
)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server with ten published ticks; its settings."""
    # an endless query takes all cores until then
    with served_ticks(tmp_path_factory.mktemp("served"), timeout_ms=3000) as settings:
        yield settings


@pytest.fixture
def client(served):
    with ServedReader(served) as opened:
        yield opened


def test_the_typed_queries_work_on_the_server_too(client):
    ticks = recent_ticks(client, "binance", "BTCUSDT", since=MIDNIGHT, limit=3)
    assert ticks["last_price"].to_pylist() == [Decimal(109), Decimal(108), Decimal(107)]
    assert latest_ticks(client)["traded_at"].to_pylist() == [ticks["timestamp"][0].as_py()]
    assert client.polars("from market_ticks").height == 10


def test_every_kind_of_value_comes_through_exactly(client):
    values = [1, "o'clock; --", None, True, Decimal("0.00000001"), date(2026, 1, 5)]
    values += [datetime(2026, 1, 5, 9, 30, 0, 1), UUID(int=7), [1, 2]]
    asked = ", ".join(f"? as c{n}" for n in range(len(values)))
    (row,) = client.dicts(f"select {asked}", values)
    assert list(row.values())[:7] == values[:7]
    assert row["c7"] == str(UUID(int=7))
    assert row["c8"] == [1, 2]
    zoned = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
    assert client.dicts("select $t as t", {"t": zoned}) == [{"t": datetime(2026, 1, 5, 9, 30)}]


def test_a_zone_in_a_ticket_of_others_is_the_same_moment_in_utc():
    ticket = b'{"sql": "select ?", "params": [{"time": "2026-01-05T09:30:00+02:00"}]}'
    assert question_of(ticket).params == [datetime(2026, 1, 5, 7, 30)]


@pytest.mark.parametrize(
    "value", [clock(9, 30), timedelta(1), b"x", {"a": 1}, {1}, Decimal("1" * 39), Decimal("nan")]
)
def test_a_value_that_cannot_be_sent_exactly_is_told(client, value):
    """Money does not become a float on its way, and no error is Python's own."""
    with pytest.raises(QueryError):
        client.query("select ?", [value])


def test_a_client_process_reads_with_the_token_of_the_file(served):
    script = (
        "from python_ingest.serving.served import ServedReader\n"
        "with ServedReader() as w: print(len(w.query('from market_ticks')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "10\n"
    assert stat.S_IMODE((served.data_dir / "serve.token").stat().st_mode) == 0o600


def test_a_wrong_token_reads_nothing_by_any_call(served, monkeypatch):
    monkeypatch.setenv("SERVE_TOKEN", "guessed")
    with ServedReader(served) as stranger, pytest.raises(DatabaseError, match="token is wrong"):
        stranger.query("select 1")
    bare = flight.FlightClient(f"grpc://127.0.0.1:{served.serve.port}")
    for call in (
        lambda: bare.do_get(flight.Ticket(b"{}")).read_all(),
        lambda: list(bare.list_flights()),
        lambda: list(bare.do_action(flight.Action("x", b""))),
        lambda: bare.get_flight_info(flight.FlightDescriptor.for_command(b"select 1")),
    ):
        with pytest.raises(flight.FlightUnauthenticatedError):
            call()


@pytest.mark.parametrize("sql", FORBIDDEN)
def test_a_client_can_neither_write_nor_leave_the_relations(served, client, sql):
    with pytest.raises(QueryError) as refused:
        client.query(sql.format(data=served.data_dir))
    assert "what no client" not in str(refused.value)
    assert len(client.query("from market_ticks")) == 10


def test_the_engine_itself_is_closed_too(served):
    """Past the list of allowed SQL, DuckDB refuses files, settings and extensions all the same."""
    source = HotSource(served)
    opened, connection = source.take()
    for sql in (
        f"from read_csv('{served.data_dir.parent}/secret.csv')",
        f"attach '{served.database_path}'",
        "copy (select 1 as a) to '/tmp/out.csv'",
        "set global memory_limit = '100GB'",
        "load httpfs",
        "delete from trading.main.latest_ticks",
        "from served",
    ):
        with pytest.raises(Exception, match=r"disabled|locked|read-only|does not exist"):
            connection.execute(sql, None)
    opened.give_back(connection)
    source.close()


def test_what_is_no_ticket_is_told_so(served, client):
    with pytest.raises(pa.ArrowInvalid, match=r"docs/serving.md"):
        client._client.do_get(flight.Ticket(b"select 1"), client._options).read_all()


def test_a_late_query_is_interrupted_and_hinders_nobody(client):
    with ThreadPoolExecutor(4) as threads:
        late = [threads.submit(client.query, ENDLESS) for _ in range(4)]
        for _ in range(20):
            assert len(client.query("from market_ticks")) == 10
        for query in late:
            with pytest.raises(QueryTimeoutError, match="3000 ms"):
                query.result()


def test_a_second_server_on_the_same_data_is_refused(served):
    done = subprocess.run(
        [sys.executable, "-m", "python_ingest", "serve"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "another ingest serve is running" in done.stderr


def test_without_server_or_token_it_says_what_to_run(settings, monkeypatch):
    monkeypatch.setenv("SERVE_PORT", str(free_port()))
    alone = load_settings()
    with pytest.raises(UsageError, match="ingest serve"):
        ServedReader(alone)
    monkeypatch.setenv("SERVE_TOKEN", "t")
    with ServedReader(alone) as client, pytest.raises(ConnectionTimeoutError, match="ingest serve"):
        client.query("select 1")


def test_a_token_of_the_environment_is_read_and_named_as_one(served, monkeypatch):
    """One that was read from a file ends with a line; a file of before is not what is wrong."""
    monkeypatch.setenv("SERVE_TOKEN", f"{token(served)}\n")
    with ServedReader(served) as client:
        assert client.dicts("select 1 as a") == [{"a": 1}]
    assert token_path(served).exists()
    for given, place in (("another", "SERVE_TOKEN"), (" ", str(token_path(served)))):
        monkeypatch.setenv("SERVE_TOKEN", given)
        assert token_place(served) == place
    monkeypatch.setenv("SERVE_TOKEN", "another")
    with ServedReader(served) as client, pytest.raises(DatabaseError, match=r"\(SERVE_TOKEN\)"):
        client.query("select 1")
    monkeypatch.setenv("SERVE_TOKEN", "gr\u00fcn")
    with pytest.raises(UsageError, match="ASCII"):
        ServedReader(served)


@pytest.mark.parametrize("content", [b"", b"\n"])
def test_an_empty_token_lets_nobody_in(settings, monkeypatch, content):
    monkeypatch.delenv("SERVE_TOKEN", raising=False)
    path = token_path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    with pytest.raises(UsageError, match="it is empty"):
        ServedReader(settings)
    if content:
        with pytest.raises(UsageError, match="it is empty"):
            token(settings, make=True)
    else:  # the disk was full when the server made it
        assert len(token(settings, make=True)) > 20
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_killed_and_started_again_it_serves_everything(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("SERVE_PORT", str(free_port()))
    live = load_settings()
    build_and_publish(live)
    arrive(live, [trade(0)], tmp_path, 0)
    port = live.serve.port
    with serving(port) as process:
        with ServedReader(live) as client:
            assert len(client.query("from market_ticks")) == 1
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            arrive(live, [trade(1)], tmp_path, 1)
            with pytest.raises(DatabaseError):
                client.query("from market_ticks")
        with serving(port), ServedReader(live) as client:
            assert len(client.query("from market_ticks")) == 2
            assert client.dicts("select count(distinct trade_id) as n from market_ticks") == [
                {"n": 2}
            ]


def test_no_log_carries_the_token_or_a_value(settings, monkeypatch):
    monkeypatch.setenv("SERVE_PORT", str(free_port()))
    monkeypatch.setenv("SERVE_TOKEN", "the-token-itself")
    monkeypatch.setenv("OBSERVABILITY_SLOW_QUERY_THRESHOLD_MS", "0")
    live = load_settings()
    build_and_publish(live)
    with serving(live.serve.port) as process, ServedReader(live) as client:
        assert len(client.query("select ? as v, 'a row''s content' as w", ["bound content"])) == 1
        with pytest.raises(QueryError):
            client.query("select 'a row''s content' from nowhere")
    assert process.returncode == 0
    logged = process.stderr.read()
    assert logged.splitlines()[-1].startswith("stopped serving grpc")
    files = [path for path in (live.data_dir / "telemetry").rglob("*") if path.is_file()]
    kept = "".join(path.read_text() for path in files)
    for text in (logged, kept):
        assert "slow_query" in text
        assert "query_failed" in text
        assert "content" not in text
        assert "the-token-itself" not in text
    assert not (live.data_dir / "serve.token").exists()


@pytest.mark.long
def test_while_landing_and_publishing_every_read_is_whole(settings, tmp_path, monkeypatch):
    """Segment n brings ticks 100 n .. 100 n + 99: a read shows segments whole and without holes."""
    monkeypatch.setenv("SERVE_PORT", str(free_port()))
    live = load_settings()
    build_and_publish(live)
    done = threading.Event()
    segments = 12

    def write() -> None:
        for number in range(segments):
            rows = [trade(n) for n in range(100 * number, 100 * number + 100)]
            arrive(live, rows, tmp_path, number)
            if number % 3 == 2:
                land_pending(live)
            if number % 6 == 5:
                build_and_publish(live)

    def read() -> int:
        last, give_up = 0, time.monotonic() + 300
        with ServedReader(live) as client:
            while not done.is_set() or last < 100 * segments:
                assert time.monotonic() < give_up
                (row,) = client.dicts(
                    "select count(*) as n, count(distinct trade_id) as ids,"
                    " max(trade_id::int) as last, sum(last_price)::bigint as total"
                    " from market_ticks"
                )
                assert row["n"] == row["ids"] == (row["last"] or -1) + 1
                assert row["n"] % 100 == 0
                assert row["n"] >= last
                assert (row["total"] or 0) == sum(100 + n for n in range(row["n"]))
                last = row["n"]
                time.sleep(0.05)  # reads without a pause delay the writer, and show no other state
        return last

    with serving(live.serve.port) as process, ThreadPoolExecutor(5) as threads:
        readers = [threads.submit(read) for _ in range(4)]
        try:
            threads.submit(write).result()
        finally:
            done.set()
        assert [reader.result() for reader in readers] == [100 * segments] * 4
        assert resident_mb(process.pid) < 1000
