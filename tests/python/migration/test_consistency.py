"""The whole way: PostgreSQL's tables are migrated, built, proven equal; seeded faults are found."""

import json
import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import psycopg
import pytest
from testkit import ask, register_cold_file

from python_ingest.landing.land import land_files
from python_ingest.migration import dual_write, manifest
from python_ingest.migration.backfill import LANDABLE, Wish, migrate
from python_ingest.migration.dual_write import Drift
from python_ingest.migration.extract import Request, extract
from python_ingest.migration.order_states import replay_orders
from python_ingest.migration.range_reader import Listener
from python_ingest.migration.status import status
from python_ingest.publication.publish import publish
from python_ingest.settings import Settings, Timescale

from .conftest import TABLES, settings_in
from .market import dbt, fill

# Nobody fills this server's portfolio_snapshots: what is asked for is compared, empty or not.
COMPARED = ("ohlcv_bars", "positions")
UNBUILT = ("--exclude-resource-type", "test", "unit_test", "snapshot")
DAY = datetime(2024, 8, 7)


def migrate_all(settings: Settings):
    return migrate(settings, Wish(LANDABLE), lambda name: Listener(), lambda result: None)


def copied(settings: Settings, folder: Path) -> Settings:
    shutil.copytree(settings.data_dir, folder / "data")
    return settings_in(folder)


@pytest.fixture(scope="module")
def environment():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def server(postgres_dsn, environment):
    environment.setenv("TIMESCALE_DSN", postgres_dsn)
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"truncate {', '.join(TABLES)}".encode())
        fill(connection)
        yield connection


@pytest.fixture(scope="module")
def migrated(server, tmp_path_factory) -> Settings:
    settings = settings_in(tmp_path_factory.mktemp("migrated"))
    results = migrate_all(settings)
    assert {result.state for result in results} == {"landed"}
    for table in COMPARED:
        extract(settings, Request(table))
    built = dbt(settings, "build", *UNBUILT)
    assert built.returncode == 0, built.stdout[-4000:]
    return settings


def test_all_rows_are_here_once_and_a_second_migration_lands_nothing(migrated, server, tmp_path):
    expected = server.execute("select count(*) from market_ticks").fetchone()
    assert ask(migrated, "select count(*), count(*) from raw.market_ticks")[0][0] == expected[0]
    assert ask(migrated, "select distinct source from raw.market_ticks") == [("backfill",)]
    again = copied(migrated, tmp_path)
    results = migrate_all(again)
    assert sum(result.landed for result in results) == 0
    assert ask(again, "select count(*) from raw.market_ticks")[0] == expected
    assert ask(again, "select count(*) from raw.application_logs") == [(20,)]


def test_every_closed_bucket_of_every_table_matches(migrated):
    found = ask(
        migrated,
        "select table_name, count(*), count(*) filter (where verdict <> 'match')"
        " from migration.consistency_buckets where is_closed group by all order by all",
    )
    assert [(name, wrong) for name, _, wrong in found] == [
        (name, 0)
        for name in ("application_logs", "market_ticks", "ohlcv_bars", "orders", "positions",
                     "system_metrics", "trades")
    ], ask(migrated, "from migration.consistency_differences limit 20")  # fmt: skip
    assert {name: buckets for name, buckets, _ in found}["market_ticks"] == 48 + 2
    published = "select relation, sum(duckdb_rows) from migration_status where verdict = 'match'"
    assert dict(ask(migrated, published + " and is_closed group by 1"))["market_ticks"] > 0


MARTS = {
    "market_ticks": "tick_id, ingestion_time, source, batch_id",
    "ohlcv_bars": "built_batch_id, built_at",
    "ohlcv_bars_filled": "",
    "latest_ticks": "tick_id, ingestion_time, source",
    "tick_gaps": "",
    "orders": "",
    "trades": "reported_at",
    "positions": "",
    "current_positions": "",
    "round_trips": "",
    "portfolio_snapshots": "",
    "system_metrics": "metric_id, ingestion_time, batch_id",
    "system_metrics_1h": "avg_value",  # a DOUBLE: its last digit is the order's
    "application_logs": "log_id, ingestion_time, batch_id",
}


def contents(settings: Settings, mart: str, without: str):
    columns = [c for (c, *_) in ask(settings, f"describe {mart}")]
    kept = [c for c in columns if c not in without.split(", ")]
    return sorted(ask(settings, f"select {', '.join(kept)} from {mart}"), key=repr)


def test_marts_are_equal_whichever_side_is_read_and_the_flag_alone_goes_back(migrated, tmp_path):
    other = copied(migrated, tmp_path)
    with duckdb.connect(str(other.database_path)) as connection:
        connection.execute("delete from warm.system_metrics_1h_warm")  # else it would be kept
    built = dbt(other, "build", *UNBUILT, USE_DUCKDB_FOR_READS="false")
    assert built.returncode == 0, built.stdout[-4000:]
    assert ask(other, "select distinct tick_id > 4294967296 from market_ticks") == [(False,)]
    for mart, without in MARTS.items():
        expected = contents(migrated, mart, without)
        assert contents(other, mart, without) == expected, mart
    assert contents(other, "system_metrics_1h", "")
    assert len(contents(other, "orders", "")) == 7
    assert len(contents(other, "trades", "")) == 4
    back = dbt(other, "build", *UNBUILT, USE_DUCKDB_FOR_READS_TICKS="true",
               USE_DUCKDB_FOR_READS="false")  # fmt: skip
    assert back.returncode == 0, back.stdout[-4000:]
    assert ask(other, "select distinct tick_id > 4294967296 from market_ticks") == [(True,)]
    assert contents(other, "ohlcv_bars", MARTS["ohlcv_bars"]) == contents(
        migrated, "ohlcv_bars", MARTS["ohlcv_bars"]
    )


def test_an_extraction_that_no_build_compared_matches_nothing(migrated, tmp_path):
    assert all(table.is_compared for table in status(migrated, {}).tables)
    alone = copied(migrated, tmp_path)
    folder = manifest.folder_of(alone, "market_ticks")
    found = manifest.load(folder)
    manifest.save(folder, replace(found, run="later"), manifest.FINISHED)
    said = status(alone, {"TIMESCALE_DSN": "x"})
    (ticks,) = [table for table in said.tables if table.relation == "market_ticks"]
    assert (ticks.is_compared, ticks.closed, ticks.verdicts) == (False, 0, {})
    assert said.next.startswith("dbt build, to compare")


def test_without_timescaledb_nothing_of_the_comparison_is_left(migrated, tmp_path):
    alone = copied(migrated, tmp_path)
    bars = contents(alone, "ohlcv_bars", "")
    with duckdb.connect(str(alone.database_path)) as connection:  # as older versions left it
        connection.execute("create table staging.stg_timescale_logs as select 1 as log_id")
    built = dbt(alone, "build", "--select", "landings", TIMESCALE_DSN="")
    assert built.returncode == 0, built.stdout[-4000:]
    names = "select schema_name, {0}_name from duckdb_{0}s() where not internal"
    kept = ask(alone, f"{names.format('table')} union {names.format('view')} order by all")
    assert ("main", "ohlcv_bars") in kept
    assert not [name for name in kept if {"migration", "migration_status"} & set(name)]
    assert not [name for _, name in kept if "timescale" in name]
    assert contents(alone, "ohlcv_bars", "") == bars
    publish(alone)
    shown = "select table_name from information_schema.tables where table_schema = 'main'"
    published = {name for (name,) in ask(alone.published_path, shown)}
    assert "ohlcv_bars" in published
    assert "migration_status" not in published
    assert status(alone, {}).next.startswith("export TIMESCALE_DSN, then: dbt build")
    back = dbt(alone, "build", "--select", "path:models/migration")
    assert back.returncode == 0, back.stdout[-4000:]
    assert contents(alone, "migration_status", "") == contents(migrated, "migration_status", "")


# Each fault in an hour of its own, so that one build finds them all.
FAULTS = {
    "dropped": (1, "delete from market_ticks where tick_id = (select min(tick_id) {hour})"),
    "doubled": (3, "insert into market_ticks select * {hour}"
                   " and tick_id = (select min(tick_id) {hour})"),
    "8th decimal": (5, "update market_ticks set last_price = last_price + 0.00000001"
                       " where tick_id = (select min(tick_id) {hour} and last_price is not null)"),
    "shifted": (7, "update market_ticks set timestamp = timestamp + interval '1 microsecond'"
                   " where tick_id = (select min(tick_id) {hour})"),
    "nan": (9, "update market_ticks set last_price = 'NaN'"
               " where tick_id = (select min(tick_id) {hour} and last_price is not null)"),
    "swapped symbol": (11, "update market_ticks set symbol = 'ETHUSDT' where tick_id ="
                           " (select min(tick_id) {hour} and symbol = 'BTCUSDT')"),
    "null for zero": (13, "update market_ticks set volume = 0"
                          " where tick_id = (select min(tick_id) {hour})"),
}  # fmt: skip


EMPTY = """
create table bars_1h as select exchange, symbol, timestamp as bucket, open, high, low, close, volume
from ohlcv_bars where false
"""


def archive_metrics(settings: Settings) -> None:
    """Leave the warehouse as `ingest archive` does, without a day of metrics."""
    with duckdb.connect(str(settings.database_path)) as connection:
        gone = "delete from raw.system_metrics where timestamp::date = ?"
        assert connection.execute(gone, [DAY]).fetchall() != [(0,)]
        register_cold_file(connection, "system_metrics", DAY)


def test_seeded_faults_are_found_in_their_hours_and_nowhere_else(migrated, server, tmp_path):
    faulty = copied(migrated, tmp_path)
    server.execute("create table as_it_was as select * from market_ticks")
    try:
        for hour, change in FAULTS.values():
            start = DAY + timedelta(hours=hour)
            condition = (
                f"from market_ticks where timestamp >= '{start}+00'"
                f" and timestamp < '{start + timedelta(hours=1)}+00'"
            )
            done = server.execute(change.format(hour=condition).encode())
            assert done.rowcount == 1
        # and the whole second day is missing
        server.execute("delete from market_ticks where timestamp >= '2024-08-08 00:00+00'")
        extracted = extract(faulty, Request("market_ticks"))
        # an aggregate has no row at all
        server.execute(EMPTY)
        extract(faulty, Request("bars_1h", timeframe="1h"))
    finally:
        server.execute("truncate market_ticks; insert into market_ticks select * from as_it_was;"
                       " drop table as_it_was; drop table if exists bars_1h")  # fmt: skip
    assert extracted.rejected == 1
    archive_metrics(faulty)
    built = dbt(faulty, "build", "--select", "path:models/migration", "path:tests/consistency")
    assert built.returncode == 1
    for test in ("closed_buckets_match", "extracts_are_whole"):
        assert f"Failure in test {test} " in built.stdout
    found = dict(ask(
        faulty,
        "select bucket, verdict from migration.consistency_buckets where bucket_size = 'hour'"
        " and table_name = 'market_ticks' and is_closed and verdict <> 'match'",
    ))  # fmt: skip
    expected = {DAY + timedelta(hours=hour): "different" for hour, _ in FAULTS.values()}
    expected |= {DAY + timedelta(hours=hour): "missing_in_timescale" for hour in range(24, 48)}
    assert found == expected
    metrics = (
        "select distinct verdict from migration.consistency_buckets"
        f" where table_name = 'system_metrics' and bucket::date = date '{DAY:%Y-%m-%d}'"
    )
    assert ask(faulty, metrics) == [("archived_here",)]
    differs = "select distinct relation from migration.consistency_differences order by all"
    assert ask(faulty, differs) == [("bars_1h",), ("market_ticks",)]
    bars = ask(
        faulty,
        "select relation, verdict, count(*) from migration.consistency_buckets"
        " where table_name = 'ohlcv_bars' and is_closed and bucket_size = 'hour' group by all",
    )
    assert sorted(bars) == [("bars_1h", "missing_in_timescale", 48), ("ohlcv_bars", "match", 48)]
    days = ask(
        faulty,
        "select bucket, verdict from migration.consistency_buckets where bucket_size = 'day'"
        " and table_name = 'market_ticks' order by 1",
    )
    assert days == [(DAY, "different"), (DAY + timedelta(days=1), "missing_in_timescale")]
    decimal = ask(
        faulty,
        "select row_values, duckdb_rows, timescale_rows from migration.consistency_differences"
        f" where relation = 'market_ticks' and bucket = timestamp '{DAY + timedelta(hours=5)}'"
        " order by duckdb_rows",
    )
    prices = [json.loads(values)["last_price"] for values, *_ in decimal]
    assert [(here, there) for _, here, there in decimal] == [(0, 1), (1, 0)]
    assert round(float(prices[0]) - float(prices[1]), 8) == 1e-8
    doubled = ask(
        faulty,
        "select duckdb_rows, timescale_rows, difference from migration.consistency_differences"
        f" where relation = 'market_ticks' and bucket = timestamp '{DAY + timedelta(hours=3)}'",
    )
    assert doubled == [(1, 2, "more in timescale")]


def order_events(path: Path) -> Path:
    """A new order with two fills, a fill of one that came from TimescaleDB, and one of nobody's.

    And an order of the same id in an account of which TimescaleDB knows nothing.
    """
    common = {"exchange": "binance", "symbol": "BTCUSDT", "order_type": "limit"}
    new = {**common, "order_id": "new-1", "client_order_id": "n1", "side": "buy", "quantity": "4",
           "strategy_id": "momentum"}  # fmt: skip
    old = {**common, "order_id": "00000000-0000-4000-8000-000000000007",
           "client_order_id": "client-7", "side": "buy", "quantity": "2"}  # fmt: skip
    fill = {"event_type": "fill", "fill_quantity": "1", "commission_currency": "USD"}
    events = [
        {**new, "event_id": "1", "event_type": "created", "event_time": "2024-08-08T12:00:00Z"},
        {**new, **fill, "event_id": "2", "trade_id": "t1", "fill_price": "100.00000001",
         "commission": "0.25", "event_time": "2024-08-08T12:01:00Z"},
        {**new, **fill, "event_id": "3", "trade_id": "t2", "fill_price": "101",
         "commission": "0.25", "event_time": "2024-08-08T12:02:00Z"},
        {**old, **fill, "event_id": "4", "trade_id": "t3", "fill_price": "99",
         "commission": "0", "event_time": "2024-08-08T12:03:00Z"},
        {**new, **fill, "order_id": "stray", "event_id": "5", "trade_id": "t4",
         "fill_price": "1", "event_time": "2024-08-08T12:04:00Z"},
        {**new, "account_id": "second", "client_order_id": "n2", "event_id": "6",
         "event_type": "created", "event_time": "2024-08-08T12:05:00Z"},
    ]  # fmt: skip
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def test_orders_follow_as_states_after_a_build_and_do_not_come_back(migrated, server, tmp_path):
    copy = copied(migrated, tmp_path)
    twice = copy.model_copy(update={"timescale": Timescale(dual_write=True)})
    dual_write.begin(twice)
    (landed,) = land_files(twice, "orders", [order_events(tmp_path / "orders.ndjson")])
    assert landed.landed == 6
    # Built from TimescaleDB's own orders they are not ours, and wait.
    assert dbt(twice, "build", *UNBUILT, USE_DUCKDB_FOR_READS_ORDERS="false").returncode == 0
    assert replay_orders(twice) == Drift()
    assert dbt(twice, "build", *UNBUILT).returncode == 0
    drift = replay_orders(twice)
    # two orders, their two and one trades; the order that began nowhere stays out
    assert (drift.written, drift.error) == (5, None)
    assert replay_orders(twice).written == 0
    states = server.execute(
        "select client_order_id, status, filled_quantity, average_fill_price, commission"
        " from orders where client_order_id in ('n1', 'n2', 'client-7') order by 1"
    ).fetchall()
    assert states == [
        ("client-7", "partial", 1, 99, 0),
        ("n1", "partial", 2, Decimal("100.50000001"), Decimal("0.5")),
    ]
    assert server.execute("select count(*) from trades").fetchone() == (7,)
    (again, *_) = [
        result
        for result in migrate(twice, Wish(("orders",)), lambda name: Listener(), lambda r: None)
        if result.kind == "orders"
    ]
    with duckdb.connect(str(twice.database_path)) as connection:
        fills = connection.execute(
            "select count(*) from raw.order_events where event_type = 'fill'"
        ).fetchone()
    assert fills == (4 + 4,)
    assert again.state in ("landed", "already landed")
