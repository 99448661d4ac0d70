"""A comparison proves what was asked for: each fault of a real TimescaleDB is found, and goes."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import duckdb
import psycopg
import pytest
from testkit import ask

from python_ingest.migration import extract as extraction
from python_ingest.migration import manifest
from python_ingest.migration.backfill import Wish, migrate
from python_ingest.migration.command import _line
from python_ingest.migration.extract import Request, extract
from python_ingest.migration.range_reader import Listener
from python_ingest.settings import Settings

from .conftest import SCHEMA, settings_in
from .market import dbt

DAY = datetime(2024, 8, 5)
COMPARED = ("--select", "path:models/migration", "path:tests/consistency")
# Five days of two symbols, a chunk a day, the first two compressed.
FILL = """
insert into market_ticks (tick_id, exchange, symbol, timestamp, last_price, last_size,
    sequence_number)
select i, 'binance', 'SYM' || i % 2, timestamptz '2024-08-05 00:00+00' + i * interval '10 minutes',
    100 + i / 7.0, 0.5, i
from generate_series(0, 719) i
"""


@pytest.fixture(scope="module")
def server(timescale_server) -> Iterator[psycopg.Connection]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIMESCALE_DSN", timescale_server)
        yield timescale_server


@contextmanager
def connected(dsn: str) -> Iterator[psycopg.Connection]:
    """The server takes one connection at a time."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        yield connection


def fill(dsn: str) -> None:
    """Make the table anew, as it was before any fault."""
    with connected(dsn) as connection:
        connection.execute("drop table if exists market_ticks cascade")
        for statement in SCHEMA.split(";"):
            if "market_ticks" in statement:
                connection.execute(statement.encode())
        connection.execute(
            "select create_hypertable('market_ticks', 'timestamp',"
            " chunk_time_interval => interval '1 day')"
        )
        connection.execute(FILL.encode())
        connection.execute("alter table market_ticks set (timescaledb.compress)")
        connection.execute(
            "select compress_chunk(show_chunks('market_ticks', older_than => '2024-08-07'))"
        )


def dropped(first: int, last: int) -> str:
    """Statement that drops the chunks of these days of August."""
    return (
        f"select drop_chunks('market_ticks', newer_than => timestamptz '2024-08-{first:02} 00:00',"
        f" older_than => timestamptz '2024-08-{last + 1:02} 00:00')"
    )


@pytest.fixture(scope="module")
def migrated(server, tmp_path_factory) -> Settings:
    fill(server)
    settings = settings_in(tmp_path_factory.mktemp("proof"))
    (*results,) = migrate(settings, Wish(("market_ticks",)), lambda n: Listener(), lambda r: None)
    assert sum(result.landed for result in results) == 720
    above = "+path:models/migration"
    without = ("--exclude-resource-type", "test", "unit_test", "snapshot")
    built = dbt(settings, "build", *without, "--select", above)
    assert built.returncode == 0, built.stdout[-4000:]
    return settings


@pytest.fixture
def copy(migrated, tmp_path) -> Settings:
    shutil.copytree(migrated.data_dir, tmp_path / "data")
    return settings_in(tmp_path)


def found(settings: Settings, table: str = "market_ticks") -> dict[datetime, str]:
    """The hours of which dbt's test says that they do not match, with their verdicts."""
    built = dbt(settings, "build", *COMPARED)
    assert " error in model " not in built.stdout.lower(), built.stdout
    with duckdb.connect(str(settings.database_path), read_only=True) as connection:
        wrong = dict(
            connection.execute(
                "select bucket, verdict from migration.consistency_buckets where is_closed"
                " and bucket_size = 'hour' and verdict <> 'match' and table_name = ?",
                [table],
            ).fetchall()
        )
    explained = all(verdict == "retired_in_timescale" for verdict in wrong.values())
    assert ("Failure in test closed_buckets_match" not in built.stdout) == explained, built.stdout
    return wrong


def hours(first: int, last: int, verdict: str) -> dict[datetime, str]:
    """All hours of these days of August."""
    return {
        DAY + timedelta(days=day - 5, hours=hour): verdict
        for day in range(first, last + 1)
        for hour in range(24)
    }


def tick(number: int) -> str:
    return f"update market_ticks set {{}} where tick_id = {number}"


# By the number of the tick that is wrong then, six an hour: each in an hour of its own.
IN_ROWS = {
    "a row is gone": (300, "delete from market_ticks where tick_id = 300"),
    "a row is doubled": (
        306,
        "insert into market_ticks select * from market_ticks where tick_id = 306",
    ),
    "the eighth decimal": (312, tick(312).format("last_price = last_price + 0.00000001")),
    "a microsecond": (318, tick(318).format("timestamp = timestamp + interval '1 microsecond'")),
    "not a number": (324, tick(324).format("last_price = 'NaN'")),
    "another symbol": (330, tick(330).format("symbol = 'SYM9'")),
    "zero for NULL": (336, tick(336).format("volume = 0")),
    "a condition": (342, tick(342).format("conditions = array['T']")),
    "a compressed row": (12, tick(12).format("last_size = 0.50000001")),
    "an hour is gone": (348, "delete from market_ticks where tick_id between 348 and 353"),
}
CHUNKS = {"the oldest": 5, "one between": 7, "the newest": 9}


def test_ten_faults_in_rows_and_three_chunks_are_found_and_go(server, copy):
    with connected(server) as connection:
        for number, change in IN_ROWS.values():
            done = connection.execute(change.encode())
            assert done.rowcount == (6 if number == 348 else 1)
    expected = {DAY + timedelta(hours=number // 6): "different" for number, _ in IN_ROWS.values()}
    expected[DAY + timedelta(hours=348 // 6)] = "missing_in_timescale"
    refused = extract(copy, Request("market_ticks"))
    assert (refused.rejected, refused.gone) == (1, ())
    assert found(copy) == expected
    for day in CHUNKS.values():
        with connected(server) as connection:
            assert len(connection.execute(dropped(day, day).encode()).fetchall()) == 1
        expected |= hours(day, day, "missing_in_timescale")
    extract(copy, Request("market_ticks"))
    assert found(copy) == expected
    fill(server)
    whole = extract(copy, Request("market_ticks"))
    assert (whole.rows, whole.rejected, whole.gone) == (720, 0, ())
    assert found(copy) == {}


@pytest.mark.parametrize("day", CHUNKS.values(), ids=CHUNKS)
@pytest.mark.parametrize("since", [None, datetime(2024, 8, 5, 6)], ids=["all", "from a time"])
def test_a_run_counts_what_it_read_and_says_what_is_gone(server, copy, day, since):
    fill(server)
    with connected(server) as connection:
        connection.execute(dropped(day, day).encode())
    run = extract(copy, Request("market_ticks", since))
    assert (run.rows, sum(part.rows for part in run.read)) == (576, 576)
    assert [(part.start.day, part.rows) for part in run.gone] == [(day, 144)]
    assert run.covered[0].start == datetime.min  # the migration's, and this run's
    assert "576 rows in 4 ranges" in _line(run)
    assert "no longer has 144 rows of 1 ranges" in _line(run)
    folder = manifest.folder_of(copy, "market_ticks")
    assert (folder / run.gone[0].file).exists()
    again = extract(copy, Request("market_ticks", since))
    assert [part.file for part in again.gone] == [part.file for part in run.gone]
    fill(server)
    assert extract(copy, Request("market_ticks", since)).gone == ()


def test_an_emptied_table_is_found_and_goes(server, copy):
    fill(server)
    with connected(server) as connection:
        connection.execute("truncate market_ticks")
    run = extract(copy, Request("market_ticks"))
    assert _line(run).startswith("market_ticks: 0 rows in 0 ranges")
    assert found(copy) == hours(5, 9, "missing_in_timescale")
    fill(server)
    extract(copy, Request("market_ticks"))
    assert found(copy) == {}


def retain(dsn: str, relation: str = "market_ticks") -> int:
    """Add the policy that lets the 5th and what is older go; returns its job."""
    with connected(dsn) as connection:
        return connection.execute(
            f"select add_retention_policy('{relation}',"
            " drop_after => now() - timestamptz '2024-08-06 12:00')"
        ).fetchone()[0]


def test_what_a_policy_dropped_is_retired_and_what_somebody_dropped_is_missing(server, copy):
    fill(server)
    job = retain(server)
    with connected(server) as connection:
        connection.execute(f"call run_job({job})")
    run = extract(copy, Request("market_ticks"))
    assert [part.start.day for part in run.gone] == [5]
    assert f"its retention policy: job {job}, drop_after " in _line(run)
    assert found(copy) == hours(5, 5, "retired_in_timescale")
    named = ask(
        copy,
        "select distinct retention_policy from migration.consistency_buckets"
        " where verdict = 'retired_in_timescale'",
    )
    assert [policy.startswith(f"job {job}, drop_after ") for (policy,) in named] == [True]
    for day in (
        6,
        8,
    ):  # the policy lets neither go: the one ends later, the other is not the oldest
        with connected(server) as connection:
            connection.execute(dropped(day, day).encode())
    extract(copy, Request("market_ticks"))
    expected = hours(5, 5, "retired_in_timescale") | hours(6, 6, "missing_in_timescale")
    assert found(copy) == expected | hours(8, 8, "missing_in_timescale")


def test_a_policy_that_runs_while_its_chunk_is_migrated_takes_no_row(
    server, migrated, tmp_path, monkeypatch
):
    fill(server)
    job = retain(server)
    look = extraction._read_what_came

    def retained_first(session, reader):
        session.rows(f"call run_job({job})")
        look(session, reader)

    monkeypatch.setattr(extraction, "_read_what_came", retained_first)
    new = settings_in(tmp_path)
    results = migrate(new, Wish(("market_ticks",)), lambda n: Listener(), lambda r: None)
    with connected(server) as connection:
        assert connection.execute("select count(*) from market_ticks").fetchone() == (576,)
    assert sum(result.landed for result in results) == 720
    kept = manifest.load(manifest.folder_of(new, "market_ticks"))
    assert [(part.start.day, part.rows) for part in kept.gone] == [(5, 144)]
    assert kept.retention.policy.startswith(f"job {job}, ")


AGGREGATE = """
create materialized view bars_{0} with
    (timescaledb.continuous, timescaledb.materialized_only = false) as
select exchange, symbol, time_bucket('1 {1}', timestamp) as bucket,
    first(last_price, timestamp) as open, max(last_price) as high, min(last_price) as low,
    last(last_price, timestamp) as close, sum(last_size) as volume, count(*)::integer as trade_count
from market_ticks group by 1, 2, 3 with no data
"""


class OnTheNinth(datetime):
    """The clock of an extraction at noon of the last day."""

    @classmethod
    def now(cls, tz=None):
        return datetime(2024, 8, 9, 12, tzinfo=tz)


def test_an_aggregate_with_real_time_rows_is_compared_as_far_as_its_bars_have_ended(
    server, copy, monkeypatch
):
    """Two days are materialized, the rest is computed as it is read."""
    fill(server)
    with connected(server) as connection:
        for timeframe, unit in (("1h", "hour"), ("1d", "day")):
            connection.execute(AGGREGATE.format(timeframe, unit).encode())
            connection.execute(
                f"call refresh_continuous_aggregate('bars_{timeframe}', '2024-08-05', '2024-08-07')"
            )
        connection.execute(  # comes after the extraction of the ticks, within the running day
            "insert into market_ticks (tick_id, exchange, symbol, timestamp, last_price, last_size)"
            " values (1000, 'binance', 'SYM0', '2024-08-09 13:01', 999, 1)"
        )
    monkeypatch.setattr(extraction, "datetime", OnTheNinth)
    for timeframe, bars in (("1h", 2 * 24 * 5), ("1d", 2 * 5)):
        assert extract(copy, Request(f"bars_{timeframe}", timeframe=timeframe)).rows == bars
    assert found(copy, "ohlcv_bars") == {}
    compared = ask(
        copy,
        "select relation, sum(timescale_rows)::integer from migration.consistency_buckets"
        " where bucket_size = 'hour' and table_name = 'ohlcv_bars' and is_closed"
        " and verdict = 'match' group by all order by all",
    )
    assert compared == [("bars_1d", 2 * 4), ("bars_1h", 2 * (24 * 4 + 12))]
    with connected(server) as connection:  # a row that was mended there shows after a refresh
        connection.execute("update market_ticks set last_price = 1 where tick_id = 24")
        connection.execute("call refresh_continuous_aggregate('bars_1h', null, '2024-08-07')")
    extract(copy, Request("bars_1h", timeframe="1h"))
    assert found(copy, "ohlcv_bars") == {datetime(2024, 8, 5, 4): "different"}


def test_a_policy_of_an_aggregate_is_its_own(server, copy):
    fill(server)
    with connected(server) as connection:
        connection.execute(AGGREGATE.format("1h", "hour").encode())
        connection.execute("call refresh_continuous_aggregate('bars_1h', null, '2024-08-10')")
    job = retain(server, "bars_1h")
    bars = extract(copy, Request("bars_1h", timeframe="1h"))
    assert bars.retention.policy.startswith(f"job {job}, ")
    assert bars.retention.retired_before == DAY
    assert extract(copy, Request("market_ticks")).retention is None
