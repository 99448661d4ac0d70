"""A publication takes over what has not changed, and holds what the warehouse reads, always."""

import hashlib
import json
import shutil
from collections import Counter
from pathlib import Path
from unittest.mock import patch

import duckdb
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from python_ingest.publication import taken_over
from python_ingest.publication.parts import MOST_RUNS, Changes, Part, Parts, changes
from python_ingest.publication.publish import publish
from python_ingest.publication.status import STATUS
from python_ingest.settings import Settings
from python_ingest.storage.writer import open_writer

WAREHOUSE = """
create schema raw;
create schema staging;
create table raw.market_ticks (tick_id bigint, timestamp timestamp, exchange varchar,
    symbol varchar, price decimal(18, 8), conditions varchar[]);
create table staging.amendments (tick_id bigint, price decimal(18, 8), is_superseded boolean);
create view staging.stg_ticks as
    select t.* replace (coalesce(a.price, t.price) as price), t.timestamp::date as date
    from trading.raw.market_ticks as t left join trading.staging.amendments as a using (tick_id)
    where not coalesce(a.is_superseded, false);
create view market_ticks as select * from trading.staging.stg_ticks;
"""
# This `raw` is a stand-in with few columns, which nothing can land into.
LANDED = """
insert into raw.market_ticks
select (select coalesce(max(tick_id), -1) from raw.market_ticks) + 1 + i,
    timestamp '2026-01-05' + to_days($day) + to_seconds((hash($seed, i) % 86400000)::bigint / 1000),
    'binance', ['BTCUSDT', 'ETHUSDT'][1 + i % 2], i / 3, if(i % 5 = 0, null, ['@', i::varchar])
from range($rows) r(i)
"""


def change(settings: Settings, *statements: str) -> None:
    with open_writer(settings) as connection:
        for statement in statements:
            connection.execute(statement)


def land(settings: Settings, day: int, rows: int, seed: int = 0) -> None:
    with open_writer(settings) as connection:
        connection.execute(LANDED, {"day": day, "rows": rows, "seed": seed})


def newest_version(settings: Settings) -> Path:
    return max((settings.published_path.parent / "versions").iterdir())


def runs(settings: Settings) -> dict[str, int]:
    """In how many sorted runs each day of the publication lies."""
    manifest = json.loads((newest_version(settings) / "manifest.json").read_text())
    return {day: found[2] for day, found in manifest["parts"]["main.market_ticks"]["parts"].items()}


def ticks(path: Path) -> Counter[tuple]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return Counter(
            connection.execute(
                "select * replace (conditions::varchar as conditions) from market_ticks"
            ).fetchall()
        )


def assert_published(settings: Settings) -> None:
    publication = publish(settings)
    assert ticks(settings.published_path) == ticks(settings.database_path)
    assert publication.rows["main.market_ticks"] == ticks(settings.database_path).total()


def assert_next_is_written_as_a_whole(settings: Settings) -> None:
    land(settings, 2, 10)  # which would continue a day that is taken over
    assert_published(settings)
    assert set(runs(settings).values()) == {1}


@pytest.fixture
def warehouse(settings: Settings) -> Settings:
    change(settings, WAREHOUSE)
    for day in range(3):
        land(settings, day, 10_000)
    publish(settings)
    return settings


def test_newer_ticks_continue_their_day_until_it_lies_in_too_many_runs(warehouse):
    for published in range(1, MOST_RUNS + 1):
        land(warehouse, 2, 10, seed=published)
        assert_published(warehouse)
        expected = published + 1 if published < MOST_RUNS else 1
        assert runs(warehouse) == {"2026-01-05": 1, "2026-01-06": 1, "2026-01-07": expected}


def test_what_is_replaced_leaves_no_empty_room(warehouse):
    change(
        warehouse,
        "create table instruments as select range as id, md5(id::text) as name from range(200_000)",
    )
    first = publish(warehouse)
    for _ in range(3):
        change(warehouse, "update instruments set name = md5(name)")
        published = publish(warehouse)
        assert published.bytes < 1.02 * first.bytes
        assert published.free_bytes < 0.1 * published.bytes


def test_days_that_changed_are_written_and_others_stay_where_they_lay(warehouse):
    land(warehouse, 1, 10)
    assert_published(warehouse)
    change(
        warehouse,
        "insert into staging.amendments values (15000, 7.5, false), (5, null, true)",
        "delete from raw.market_ticks where tick_id between 20000 and 29999",
    )
    land(warehouse, 5, 10)
    assert_published(warehouse)
    assert runs(warehouse) == {"2026-01-05": 1, "2026-01-06": 1, "2026-01-10": 1}


def test_a_day_stays_in_the_order_of_its_readers(warehouse):
    change(warehouse, "insert into staging.amendments values (15000, 7.5, false)")
    assert_published(warehouse)
    assert set(runs(warehouse).values()) == {1}
    with duckdb.connect(str(warehouse.published_path), read_only=True) as connection:
        (disordered,) = connection.execute(
            "select count(*) from (select (exchange, symbol) as series, timestamp, lag(series) over"
            " at_rest as series_before, lag(timestamp) over at_rest as before from market_ticks"
            " window at_rest as (partition by date order by rowid)) where series_before > series"
            " or (series_before = series and before < timestamp)"
        ).fetchone()
    assert disordered == 0


def test_a_former_file_with_a_flipped_bit_is_not_taken_over(warehouse):
    file = newest_version(warehouse) / "trading.duckdb"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert_next_is_written_as_a_whole(warehouse)


def test_a_former_file_that_is_gone_is_not_missed(warehouse):
    (newest_version(warehouse) / "trading.duckdb").unlink()
    assert_next_is_written_as_a_whole(warehouse)


def test_a_former_file_that_lost_rows_is_not_taken_over(warehouse):
    version = newest_version(warehouse)
    with duckdb.connect(str(version / "trading.duckdb")) as connection:
        connection.execute("delete from market_ticks where tick_id = 5")
    manifest = json.loads((version / "manifest.json").read_text())
    manifest["sha256"] = hashlib.sha256((version / "trading.duckdb").read_bytes()).hexdigest()
    (version / "manifest.json").write_text(json.dumps(manifest))
    assert_next_is_written_as_a_whole(warehouse)


def test_other_columns_or_another_layout_write_every_day_anew(warehouse):
    change(
        warehouse,
        "create or replace view market_ticks as select *, 1 as one from trading.staging.stg_ticks",
    )
    assert_published(warehouse)
    manifest = newest_version(warehouse) / "manifest.json"
    manifest.write_text(manifest.read_text().replace(duckdb.__version__, "0.1"))
    assert_next_is_written_as_a_whole(warehouse)


def test_what_is_gone_from_the_warehouse_is_gone_from_the_file(warehouse):
    change(
        warehouse,
        "create schema old",
        "create view old.seen as select 1 as a",
        "create view seen as select * from trading.old.seen",
        "create table extra (a int)",
    )
    publish(warehouse)
    change(warehouse, "drop view seen; drop schema old cascade; drop table extra")
    publish(warehouse)
    with duckdb.connect(str(warehouse.published_path), read_only=True) as connection:
        tables = connection.execute("select table_name from duckdb_tables()").fetchall()
        assert tables == [("market_ticks",), (STATUS,)]
        assert connection.execute("from duckdb_views() where not internal").fetchall() == []
        schemas = connection.execute(
            "select schema_name from duckdb_schemas()"
            " where database_name = current_database() and not internal"
        ).fetchall()
        assert set(schemas) <= {("main",)}


BARS = """
create schema if not exists warm;
create table warm.ohlcv_bars_warm as
    select timeframe, 'binance' as exchange, symbol,
        timestamp '2026-01-05' + to_hours(i::integer) as timestamp, i::decimal(18, 8) as close
    from range(21 * 24) r(i), (values ('1h'), ('1m')) t(timeframe), (values ('A'), ('B')) s(symbol);
create view ohlcv_bars as select * from trading.warm.ohlcv_bars_warm;
"""


def bars(path: Path) -> Counter[tuple]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return Counter(connection.execute("from ohlcv_bars").fetchall())


def weeks_at_rest(settings: Settings) -> list[str]:
    """The weeks of the publication's bars, in the order in which they lie."""
    with duckdb.connect(str(settings.published_path), read_only=True) as connection:
        found = connection.execute(
            "select date_trunc('week', timestamp)::date::varchar"
            " from internal.warm__ohlcv_bars_warm group by all order by min(rowid)"
        )
        return [week for (week,) in found.fetchall()]


def test_only_weeks_in_which_a_bar_changed_are_written_anew(settings):
    change(settings, BARS)
    publish(settings)
    assert weeks_at_rest(settings) == ["2026-01-05", "2026-01-12", "2026-01-19"]
    for statement, expected in (
        (
            "update warm.ohlcv_bars_warm set close = -1 where timestamp = '2026-01-18 23:00:00'",
            ["2026-01-05", "2026-01-19", "2026-01-12"],
        ),
        (
            "insert into warm.ohlcv_bars_warm values ('1h', 'binance', 'C', '2026-02-01', 7)",
            ["2026-01-05", "2026-01-19", "2026-01-12", "2026-01-26"],
        ),
        (
            "delete from warm.ohlcv_bars_warm where timestamp < '2026-01-12'",
            ["2026-01-19", "2026-01-12", "2026-01-26"],
        ),
    ):
        change(settings, statement)
        with patch.object(taken_over, "_MOST_FREE", 1):  # a small file is half empty
            publish(settings)
        assert bars(settings.published_path) == bars(settings.database_path)
        assert weeks_at_rest(settings) == expected


def test_a_week_of_bars_lies_series_by_series(settings):
    change(
        settings, BARS, "create table shuffled as from warm.ohlcv_bars_warm order by hash(close)"
    )
    change(
        settings,
        "create or replace table warm.ohlcv_bars_warm as from shuffled",
        "drop table shuffled",
    )
    publish(settings)
    with duckdb.connect(str(settings.published_path), read_only=True) as connection:
        at_rest = "row_number() over (order by rowid)"
        week = "date_trunc('week', timestamp)"
        wanted = f"row_number() over (order by {week}, timeframe, symbol, timestamp)"
        (elsewhere,) = connection.execute(
            f"select count(*) from (select {at_rest} as is_at, {wanted} as belongs_at"
            " from internal.warm__ohlcv_bars_warm) where is_at <> belongs_at"
        ).fetchone()
    assert elsewhere == 0


def test_changes_of_parts():
    former = Parts({"a": Part(1, "1"), "b": Part(2, "2", MOST_RUNS), "c": Part(3, "3")}, newest=9)
    same = dict(former.parts)
    assert changes(former, same, same) == Changes([], [], [])
    more = {day: Part(found.rows + 1, "9") for day, found in same.items()}
    assert changes(former, same, more) == Changes(["b"], ["b"], ["a", "c"])
    assert changes(former, more, more) == Changes(["a", "b", "c"], ["a", "b", "c"], [])
    assert changes(former, {"d": Part(0, "0")}, {"d": Part(1, "1")}) == Changes([*"abc"], ["d"], [])
    # As many rows as before, of which one is another.
    swapped = {**same, "a": Part(1, "7")}
    assert changes(former, swapped, swapped) == Changes(["a"], ["a"], [])


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("land"), st.integers(0, 3), st.integers(1, 40)),
        st.tuples(st.just("amend"), st.integers(0, 400), st.integers(0, 5)),
        st.tuples(st.just("supersede"), st.integers(0, 400), st.just(0)),
        st.tuples(st.just("take away"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("publish"), st.just(0), st.just(0)),
    ),
    min_size=1,
    max_size=12,
)


@examples(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_any_changes_in_any_order_are_published(steps, settings):
    with patch.object(taken_over, "_MOST_FREE", 1):  # small files are half empty
        publish_after(steps, settings)


def publish_after(steps: list[tuple[str, int, int]], settings: Settings) -> None:
    shutil.rmtree(settings.data_dir, ignore_errors=True)
    change(settings, WAREHOUSE)
    for number, (step, value, more) in enumerate(steps):
        match step:
            case "land":
                land(settings, value, more, seed=number)
            case "amend" | "supersede":
                price, superseded = (more, "false") if step == "amend" else ("null", "true")
                change(
                    settings,
                    f"delete from staging.amendments where tick_id = {value}",
                    f"insert into staging.amendments values ({value}, {price}, {superseded})",
                )
            case "take away":
                day = f"date '2026-01-05' + {value}"
                change(settings, f"delete from raw.market_ticks where timestamp::date = {day}")
            case _:
                assert_published(settings)
    assert_published(settings)
