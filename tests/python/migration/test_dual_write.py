"""Dual write: every landed row is in TimescaleDB once, whenever it comes back."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from threading import Thread

import duckdb
import psycopg
import pytest
from lifecycle.conftest import export_ticks, make_cold_view

from python_ingest.cli.main import main
from python_ingest.errors import IngestError
from python_ingest.landing.land import land_files
from python_ingest.migration import dual_write, manifest, order_events, state
from python_ingest.migration.backfill import Wish, migrate
from python_ingest.migration.extract import Request, extract
from python_ingest.migration.order_states import replay_orders
from python_ingest.migration.range_reader import Listener
from python_ingest.migration.write_twice import report
from python_ingest.schema.migrate import migrate as migrate_database
from python_ingest.storage.files import sha256_of
from python_ingest.storage.writer import open_writer

from .conftest import REPOSITORY, SCHEMA

AWAY = "host=127.0.0.1 port=1 user=bench password=wr0ng-pass dbname=postgres"


def ticks(path, first=1, rows=10, tape="A"):
    duckdb.execute(
        f"""
        copy (
            select 'binance' as exchange, 'BTC/USD' as symbol,
                timestamp '2024-08-08 12:00:00.123456' + to_seconds(i) as timestamp,
                (100 + i / 3)::decimal(18, 8) as last_price,
                0.00000001::decimal(18, 8) as last_size,
                i::varchar as trade_id, i as sequence_number,
                [case when i % 2 = 0 then 'a,"b\\c' end, '', '{{}}'] as conditions,
                case when i % 3 = 0 then '' else '{tape}' end as tape
            from range({first}, {first + rows}) as t (i)
        ) to '{path}' (format parquet)
        """
    )
    return path


@pytest.fixture
def twice(settings):
    return settings.model_copy(
        update={"timescale": settings.timescale.model_copy(update={"dual_write": True})}
    )


def landed(settings, path):
    dual_write.begin(settings)
    (result,) = land_files(settings, "ticks", [path])
    assert result.state == "landed", result
    return dual_write.replay(settings)


def test_rows_arrive_exactly_with_the_values_they_have_here(source, twice, tmp_path):
    drift = landed(twice, ticks(tmp_path / "a.parquet"))
    assert (drift.written, drift.batches, drift.error) == (10, 0, None)
    columns = "tick_id, symbol, timestamp, last_price, last_size, conditions, tape, sequence_number"
    with duckdb.connect(str(twice.database_path)) as connection:
        here = connection.execute(f"select {columns} from raw.market_ticks order by 1").fetchall()
    there = source.execute(
        f"select {columns.replace('timestamp', '''timestamp at time zone 'UTC' ''')}"
        " from market_ticks order by 1"
    ).fetchall()
    assert there == here
    assert here[0][2] == datetime(2024, 8, 8, 12, 0, 1, 123456)
    assert here[0][3] == Decimal("100.33333333")


def test_a_server_that_is_away_stops_nothing_and_gets_what_it_missed(
    source, twice, tmp_path, monkeypatch, postgres_dsn
):
    monkeypatch.setenv("TIMESCALE_DSN", AWAY)
    drift = landed(twice, ticks(tmp_path / "a.parquet"))
    assert (drift.written, drift.batches, drift.rows) == (0, 1, 10)
    assert "nothing listens" in drift.error
    drift = landed(twice, ticks(tmp_path / "b.parquet", first=100))
    assert (drift.batches, drift.rows) == (2, 20)
    monkeypatch.setenv("TIMESCALE_DSN", postgres_dsn)
    assert dual_write.replay(twice).written == 20
    assert dual_write.replay(twice).written == 0
    assert source.execute("select count(*), count(distinct tick_id) from market_ticks").fetchone() \
        == (20, 20)  # fmt: skip


def test_a_replay_killed_after_the_commit_writes_nothing_twice(source, twice, tmp_path):
    landed(twice, ticks(tmp_path / "a.parquet"))
    with state.changed(twice) as known:
        known.replayed_to = 0  # as if the process had died before it remembered
    assert dual_write.replay(twice).written == 0
    assert source.execute("select count(*) from market_ticks").fetchone() == (10,)


def test_a_replay_killed_amid_leaves_nothing_for_ever(source, twice, tmp_path):
    dual_write.begin(twice)
    land_files(twice, "ticks", [ticks(tmp_path / "a.parquet")])
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from python_ingest.migration import dual_write\n"
        "from python_ingest.settings import load_settings\n"
        "dual_write.take_in = lambda *_: os.kill(os.getpid(), 9)\n"
        "dual_write.replay(load_settings(Path('none.toml'), {'DATA_DIR': sys.argv[1]}))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(twice.data_dir)], check=False)
    assert done.returncode == -9
    assert list(twice.data_dir.rglob("rows.csv"))
    assert dual_write.replay(twice).written == 10
    assert not list(twice.data_dir.rglob("rows.csv"))


def test_another_server_gets_all_since_dual_write_began(
    source, twice, tmp_path, monkeypatch, postgres_dsn
):
    landed(twice, ticks(tmp_path / "a.parquet"))
    source.execute("drop database if exists another")
    source.execute("create database another")
    other = psycopg.conninfo.make_conninfo(postgres_dsn, dbname="another")
    with psycopg.connect(other, autocommit=True) as connection:
        connection.execute(SCHEMA)
        monkeypatch.setenv("TIMESCALE_DSN", other)
        assert landed(twice, ticks(tmp_path / "b.parquet", first=100)).written == 20
        assert connection.execute("select count(*) from market_ticks").fetchone() == (20,)
    monkeypatch.setenv("TIMESCALE_DSN", postgres_dsn)
    assert landed(twice, ticks(tmp_path / "c.parquet", first=200)).written == 20
    assert source.execute("select count(distinct tick_id) from market_ticks").fetchone() == (30,)


def test_only_what_lands_after_it_was_switched_on_is_written(source, settings, twice, tmp_path):
    land_files(settings, "ticks", [ticks(tmp_path / "a.parquet")])
    drift = landed(twice, ticks(tmp_path / "b.parquet", first=100, rows=3))
    assert drift.written == 3


def test_migrated_rows_do_not_go_back_and_written_ones_do_not_come_back(source, twice, tmp_path):
    source.execute(
        "insert into market_ticks (tick_id, exchange, symbol, timestamp, last_price, last_size,"
        " sequence_number) values (1, 'binance', 'OLD', '2024-08-01 00:00+00', 7, 1, 5),"
        " (2, 'binance', 'OLD', '2024-08-01 00:00+00', 7, 1, 5),"
        " (3, 'binance', 'OLD', '2024-08-01 00:00+00', 8, 1, null),"
        " (4, 'binance', 'OLD', '2024-08-01 00:00+00', 8, 1, null)"
    )
    landed(twice, ticks(tmp_path / "a.parquet"))
    results = migrate(twice, Wish(("market_ticks",)), lambda name: Listener(), lambda result: None)
    # one sequence number twice is one tick; two ticks without a number are two
    assert [(r.landed, r.duplicate) for r in results if r.read] == [(3, 1)]
    assert dual_write.replay(twice).written == 0
    with duckdb.connect(str(twice.database_path)) as connection:
        found = connection.execute(
            "select source, count(*) from raw.market_ticks group by 1 order by 1"
        ).fetchall()
    assert found == [("backfill", 3), ("websocket", 10)]


def test_what_left_for_cold_files_is_written_and_what_was_let_go_holds_nothing_up(
    source, twice, tmp_path, capsys
):
    dual_write.begin(twice)
    for name, first in (("let_go", 1), ("cold", 100_000), ("warm", 200_000)):
        (result,) = land_files(twice, "ticks", [ticks(tmp_path / f"{name}.parquet", first=first)])
        assert result.landed == 10
    with open_writer(twice) as connection:
        connection.execute("delete from raw.market_ticks where trade_id::int < 100")
        make_cold_view(connection, twice, "market_ticks")
    export_ticks(twice, "2024-08-10")  # 100,000 s after the first
    drift = dual_write.replay(twice)
    assert (drift.written, drift.batches, drift.lost, drift.error) == (20, 0, 10, None)
    assert source.execute("select count(*) from market_ticks").fetchone() == (20,)
    report(twice, drift)
    assert "10 rows that landed were let go or archived" in capsys.readouterr().err


def test_a_row_that_the_server_refuses_holds_no_other_up(source, twice, tmp_path, capsys):
    source.execute("alter table market_ticks add constraint cheap check (last_price < 102)")
    try:
        drift = landed(twice, ticks(tmp_path / "a.parquet"))  # 100.33 to 103.33
    finally:
        source.execute("alter table market_ticks drop constraint cheap")
    assert (drift.written, drift.batches, drift.lost, drift.refused) == (5, 0, 0, 5)
    prices = source.execute("select max(last_price), count(*) from market_ticks").fetchone()
    assert prices == (Decimal("101.66666667"), 5)
    assert source.execute("select row_count from ingest_dual_write").fetchone() == (5,)
    assert landed(twice, ticks(tmp_path / "b.parquet", first=100)).written == 10
    report(twice, drift)
    assert "refused 5 rows and will not get them, the first because of new row for relation" in (
        capsys.readouterr().err
    )


# What a build leaves, of three orders with a fill each; names are numbers.
BUILT = """
create schema staging; create schema if not exists state; create schema if not exists warm;
create table staging.stg_order_events as
    select 'main' as account_id, 'x' as exchange, 's' as symbol, i::varchar as order_id,
        kind || i as event_id, batch_id, kind = 'fill' as is_fill, kind as event_type,
        if(kind = 'fill', 't' || i, null) as trade_id
    from range(1, 4) r(i), (values ('created'), ('fill')) k(kind),
        (select max(batch_id) as batch_id from raw.landings);
create or replace table state.chains as
    select 'trading' as chain, max(batch_id) as batch_id from raw.landings;
create or replace table warm.read_positions as
    select 'orders' as relation, 'duckdb' as position where false;
create table main.orders as
    select 'main' as account_id, 'x' as exchange, 's' as symbol, i::varchar as source_order_id,
        ('00000000-0000-4000-8000-00000000000' || i)::uuid as order_id,
        'client-' || i as client_order_id, 'buy' as side, 'limit' as order_type,
        1::decimal(28, 10) as quantity, 'filled' as status, timestamp '2024-08-08' as created_at,
        uuid() as correlation_id
    from range(1, 4) r(i);
create table main.trades as
    select account_id, exchange, symbol, source_order_id, order_id, order_id as trade_id, side,
        quantity, 1::decimal(28, 10) as price, created_at as executed_at, correlation_id
    from main.orders;
"""


@pytest.mark.parametrize(
    ("there", "reason"),
    [
        ("client-2", "duplicate key value violates unique constraint"),
        (None, "numeric field overflow"),
    ],
)
def test_an_order_that_the_server_refuses_holds_no_other_up(source, twice, tmp_path, there, reason):
    """Its client_order_id is another order's there, or its quantity has no room."""
    dual_write.begin(twice)
    landed(twice, ticks(tmp_path / "a.parquet"))
    with open_writer(twice) as connection:
        connection.execute(BUILT)
        if there is None:
            connection.execute(
                "update main.orders set quantity = 12345678901 where client_order_id = 'client-2'"
            )
    if there:
        source.execute(
            "insert into orders (order_id, client_order_id, exchange, symbol, side, order_type,"
            " quantity, status, correlation_id) values (gen_random_uuid(), %s, 'x', 's', 'buy',"
            " 'limit', 9, 'pending', gen_random_uuid())",
            [there],
        )
    drift = replay_orders(twice)
    assert (drift.written, drift.error, drift.refused) == (4, None, 2)
    assert drift.refusal.startswith("order 00000000-0000-4000-8000-000000000002: " + reason)
    orders = source.execute("select client_order_id from orders where quantity = 1 order by 1")
    assert orders.fetchall() == [("client-1",), ("client-3",)]
    assert source.execute("select count(*) from trades").fetchone() == (2,)
    assert replay_orders(twice).refused == 0


def test_a_row_that_differs_from_what_is_here_in_what_tells_it_lands(source, settings, tmp_path):
    trade, metric = tmp_path / "trade.csv", tmp_path / "metric.csv"
    trade.write_text("exchange,symbol,timestamp,last_price,trade_id\nx,s,2024-08-01T00:00Z,1,b\n")
    metric.write_text("timestamp,metric_name,metric_type,value\n2024-08-01T00:00Z,m,gauge,1\n")
    for kind, path in (("ticks", trade), ("metrics", metric)):
        assert [r.landed for r in land_files(settings, kind, [path])] == [1]
    source.execute("alter table market_ticks add column trade_id text")
    try:
        source.execute(
            "insert into market_ticks (tick_id, exchange, symbol, timestamp, last_price, trade_id)"
            " select n, 'x', 's', '2024-08-01 00:00+00', 1, chr(96 + n)"
            " from generate_series(1, 2) as n"
        )
        source.execute(
            "insert into system_metrics (metric_id, timestamp, metric_name, metric_type, value)"
            " values (1, '2024-08-01 00:00+00', 'm', 'gauge', 2)"
        )
        wish = Wish(("market_ticks", "system_metrics"))
        migrate(settings, wish, lambda name: Listener(), lambda result: None)
    finally:
        source.execute("alter table market_ticks drop column trade_id")
    with duckdb.connect(str(settings.database_path)) as connection:
        found = connection.execute("select trade_id from raw.market_ticks order by 1").fetchall()
        assert found == [("a",), ("b",)]
        found = connection.execute("select value from raw.system_metrics order by 1").fetchall()
        assert found == [(1,), (2,)]


def test_order_events_that_two_make_at_once_are_whole(source, settings, monkeypatch):
    """`ingest extract timescale` of orders in one shell, of trades in another."""
    for name in ("orders", "trades"):
        extract(settings, Request(name))
    move, others = order_events.move_into_place, []

    def meanwhile(temporary, final):
        if not others:
            others.append(Thread(target=order_events.make_order_events, args=[settings]))
            others[0].start()
            others[0].join(1)
        move(temporary, final)

    monkeypatch.setattr(order_events, "move_into_place", meanwhile)
    order_events.make_order_events(settings)
    others[0].join()
    folder = manifest.folder_of(settings, "order_events")
    (part,) = manifest.load(folder).parts
    assert [path.name for path in folder.glob("*.parquet")] == [part.file]
    assert sha256_of(folder / part.file) == part.sha256


def test_orders_are_migrated_after_those_that_landed_are_built(source, settings):
    """Which of TimescaleDB's orders are here, only a build tells."""
    source.execute(
        "insert into orders (order_id, client_order_id, correlation_id, exchange, symbol, side,"
        " order_type, quantity, status) values"
        " (gen_random_uuid(), 'c', gen_random_uuid(), 'x', 'y', 'buy', 'market', 1, 'pending')"
    )
    (result,) = land_files(settings, "orders", [REPOSITORY / "sample" / "orders.ndjson"])
    assert result.landed, result
    with pytest.raises(IngestError, match="run dbt build first"):
        migrate(settings, Wish(("orders",)), lambda name: Listener(), lambda result: None)
    assert state.load(settings).migrated == {}


def test_ranges_that_were_read_before_a_column_was_there_land(source, settings):
    insert = "insert into market_ticks (tick_id, exchange, symbol, timestamp, last_price) values"
    source.execute(f"{insert} (1, 'x', 's', '2024-08-01', 1), (2, 'x', 's', '2025-08-01', 1)")
    extract(settings, Request("market_ticks"))
    source.execute("alter table market_ticks add column trade_id text default 'new'")
    try:
        wish = Wish(("market_ticks",), since=datetime(2025, 1, 1))
        migrate(settings, wish, lambda name: Listener(), lambda result: None)
    finally:
        source.execute("alter table market_ticks drop column trade_id")
    with duckdb.connect(str(settings.database_path)) as connection:
        found = connection.execute("select trade_id from raw.market_ticks order by timestamp")
        assert found.fetchall() == [(None,), ("new",)]


def test_the_command_lands_says_what_is_missing_and_measures_it(
    settings, tmp_path, monkeypatch, capfd
):
    monkeypatch.setenv("TIMESCALE_DSN", AWAY)
    monkeypatch.setenv("TIMESCALE_DUAL_WRITE", "true")
    monkeypatch.setenv("DATA_DIR", str(settings.data_dir))
    path = ticks(tmp_path / "a.parquet")
    monkeypatch.setattr(sys, "argv", ["ingest", "land", "ticks", str(path)])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code in (0, None)
    printed = capfd.readouterr()
    assert "10 landed" in printed.out
    assert "TimescaleDB lacks 10 rows of 1 batches" in printed.err
    assert "wr0ng-pass" not in printed.out + printed.err
    with duckdb.connect(str(settings.database_path)) as connection:
        measured = dict(
            connection.execute("select metric_name, value from raw.system_metrics").fetchall()
        )
    assert measured["timescale_drift_rows"] == 10
    monkeypatch.setattr(sys, "argv", ["ingest", "migration", "status"])
    with pytest.raises(SystemExit):
        main()
    printed = capfd.readouterr()
    assert "phase" in printed.out
    assert "TimescaleDB lacks" in printed.out
    assert "next: ingest migrate" in printed.out


def test_what_another_command_notes_during_a_replay_is_kept(source, twice, tmp_path, monkeypatch):
    write = dual_write._write

    def meanwhile(*given):
        done = write(*given)
        migrate(twice, Wish(("system_metrics",)), lambda name: Listener(), lambda result: None)
        return done

    monkeypatch.setattr(dual_write, "_write", meanwhile)
    assert landed(twice, ticks(tmp_path / "a.parquet")).written == 10
    known = state.load(twice)
    assert (list(known.migrated), known.replayed_to) == (["system_metrics"], 1)


def test_a_command_that_changes_the_state_waits_for_another_one(settings):
    """Each adds a table: with the state of before the other one's would be lost."""

    def note(name):
        with state.changed(settings) as known:
            before = dict(known.migrated)
            time.sleep(0.05)
            known.migrated = {**before, name: {}}

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(note, "abcd"))
    assert sorted(state.load(settings).migrated) == list("abcd")


@pytest.mark.parametrize("replay", [dual_write.replay, replay_orders])
def test_a_state_that_the_system_does_not_give_raises_nothing(twice, replay):
    (twice.data_dir / "migration" / "state.json").mkdir(parents=True)
    assert "state.json" in replay(twice).error


def begin_anew(settings):
    settings.database_path.unlink()
    with open_writer(settings, create=True) as connection:
        migrate_database(connection)


def test_a_database_that_was_begun_anew_is_written_from_its_first_batch(
    source, twice, tmp_path, capsys
):
    """Its batches have numbers that the other one's were written under."""
    for number in range(3):
        landed(twice, ticks(tmp_path / f"{number}.parquet", first=100 * number))
    begin_anew(twice)
    drift = landed(twice, ticks(tmp_path / "anew.parquet", first=1000))
    assert (drift.written, drift.batches, drift.error) == (10, 0, None)
    assert source.execute("select count(*) from market_ticks").fetchone() == (40,)
    # said once, and only what is new is written from then on
    later = landed(twice, ticks(tmp_path / "next.parquet", first=2000, rows=5))
    assert (later.written, later.note) == (5, None)
    report(twice, drift)
    assert "is another one than dual write wrote from" in capsys.readouterr().err


def test_more_batches_than_the_other_one_had_do_not_hide_a_new_database(source, twice, tmp_path):
    landed(twice, ticks(tmp_path / "a.parquet"))
    begin_anew(twice)
    for number in range(3):  # while dual write was off
        land_files(twice, "ticks", [ticks(tmp_path / f"{number}.parquet", first=100 * number + 50)])
    assert dual_write.replay(twice).written == 30


def test_an_older_copy_of_the_database_writes_what_landed_since(source, twice, tmp_path):
    landed(twice, ticks(tmp_path / "a.parquet"))
    copy = tmp_path / "copy.duckdb"
    copy.write_bytes(twice.database_path.read_bytes())
    landed(twice, ticks(tmp_path / "b.parquet", first=100))
    landed(twice, ticks(tmp_path / "c.parquet", first=200))
    twice.database_path.write_bytes(copy.read_bytes())
    drift = landed(twice, ticks(tmp_path / "d.parquet", first=300, rows=7))
    assert (drift.written, drift.error) == (7, None)
    assert "an older copy" in drift.note
    assert source.execute("select count(*) from market_ticks").fetchone() == (37,)


def test_an_older_copy_whose_batches_came_after_it_is_noticed_too(source, twice, tmp_path):
    landed(twice, ticks(tmp_path / "a.parquet"))
    copy = tmp_path / "copy.duckdb"
    copy.write_bytes(twice.database_path.read_bytes())
    landed(twice, ticks(tmp_path / "b.parquet", first=100))
    twice.database_path.write_bytes(copy.read_bytes())
    for number in (3, 4):
        land_files(twice, "ticks", [ticks(tmp_path / f"{number}.parquet", first=100 * number)])
    assert dual_write.replay(twice).written == 20


def test_orders_of_a_database_that_was_begun_anew_are_not_held_back(source, twice, tmp_path):
    landed(twice, ticks(tmp_path / "a.parquet"))
    with state.changed(twice) as known:
        known.orders_replayed_to = 90
    begin_anew(twice)
    landed(twice, ticks(tmp_path / "b.parquet", first=100))
    assert state.load(twice).orders_replayed_to == 0
