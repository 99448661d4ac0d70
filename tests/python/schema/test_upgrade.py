"""A warehouse that the code before migration 006 built goes on in place.

`data/former_warehouse.tar.gz` was built by commit 5a88e92: ticks of four days, the first two
archived, the third cold; a bust; fills; bars of January in cold files of DECIMAL(18, 8).
"""

from pathlib import Path

import duckdb
import pytest
from sample_build import dbt, ingest
from testkit import ask

from .unpacked import unpack

FORMER = Path(__file__).parent / "data" / "former_warehouse.tar.gz"
AS_OF = "2024-05-31 00:00:00"
KEPT = {
    "ohlcv_bars": "built_at, built_batch_id",
    "orders": "order_id",
    "trades": "trade_id",
    "positions": "position_id",
    "round_trips": "round_trip_id",
    "portfolio_snapshots": "snapshot_id",
    "market_ticks": "ingestion_time",
}


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The former warehouse after `ingest init` and one build."""
    data_dir = unpack(FORMER, tmp_path_factory.mktemp("former"))
    with duckdb.connect(str(data_dir / "trading.duckdb")) as connection:
        connection.execute("create schema former")
        for relation in KEPT:
            connection.execute(f"create table former.{relation} as from main.{relation}")
    assert ingest(data_dir, "init").returncode == 0
    build(data_dir)
    return data_dir


def build(data_dir: Path, *arguments: str) -> None:
    dbt(
        data_dir,
        "build",
        *("--exclude-resource-type", "unit_test", "--vars", f"{{as_of: '{AS_OF}'}}", *arguments),
    )


@pytest.mark.parametrize("relation", KEPT)
def test_nothing_that_was_built_is_another(upgraded: Path, relation: str) -> None:
    """What a relation has since then is null in the rows of before, but for whose they are, that
    they are of no side, and what a view computes.

    Round trips were made again: no cash had belonged to one.
    """
    described = "select column_name from duckdb_columns() where schema_name = '{}' and table_name ="
    names, new = (
        {name for (name,) in ask(upgraded, f"{described.format(schema)} '{relation}'")}
        for schema in ("former", "main")
    )
    columns = ", ".join(sorted(names - set(KEPT[relation].split(", "))))
    told = {"account_id", "position_side", "notional"}
    added = "".join(f" and {name} is null" for name in sorted(new - names - told))
    if relation == "round_trips":
        added = " and carry = 0"
    if "account_id" in new:
        added += f" and account_id = '{'all' if relation == 'portfolio_snapshots' else 'main'}'"
    if "notional" in new:
        added += " and notional = quantity * price"
    if "position_side" in new:
        added += " and position_side = 'net'"
    former = f"select {columns} from former.{relation}"
    now = f"select {columns} from main.{relation} where true{added}"
    assert ask(upgraded, f"({former} except all {now}) union all ({now} except all {former})") == []
    assert ask(upgraded, f"select count(*) from former.{relation}") != [(0,)]


def test_what_was_made_of_ticks_was_not_made_again(upgraded: Path) -> None:
    """Two of the days lie in the archive, where no build can read them."""
    assert ask(upgraded, "select count(*) from raw.cold_files where state = 'archived'") != [(0,)]
    assert ask(upgraded, "select max(built_run) from intermediate.int_minute_bars") == [(0,)]
    chains = ask(upgraded, "select chain, batch_id from state.chains order by 1")
    newest = ask(upgraded, "select max(batch_id) from raw.landings")[0][0]
    assert dict(chains) == dict.fromkeys(
        ("bars", "data tests", "feeds", "metrics", "ticks", "trading"), newest
    )


def test_nothing_of_the_former_models_is_left(upgraded: Path) -> None:
    former = ask(
        upgraded,
        "select table_name from duckdb_tables() where database_name = current_database() and ("
        "regexp_matches(table_name, 'steps$|touched|_restarts|frontiers|trading_inputs|trip_legs$')"
        " and table_name <> 'int_round_trip_legs' or schema_name = 'staging'"
        " or table_name in ('build_watermarks', 'bar_inputs'))",
    )
    assert former == []


def test_each_table_has_the_columns_of_a_new_warehouse(upgraded: Path, tmp_path: Path) -> None:
    """A model looks at its table's columns only when it has something to restate."""
    columns = (
        "select table_name, column_name, data_type from duckdb_columns() natural join"
        " (select schema_name, table_name from duckdb_tables())"
        " where schema_name in ('intermediate', 'warm') and not contains(table_name, '__')"
    )
    assert ingest(tmp_path, "init").returncode == 0
    dbt(tmp_path, "build", "--exclude-resource-type", "test", "unit_test")
    assert set(ask(upgraded, columns)) == set(ask(tmp_path, columns))


def test_a_late_tick_restates_its_bar_after_the_upgrade(upgraded: Path, tmp_path: Path) -> None:
    late = tmp_path / "late.csv"
    late.write_text(
        "exchange,symbol,timestamp,last_price,last_size,trade_id\n"
        "alpaca,AAPL,2024-05-28T10:00:30,49.5,2,late\n"
    )
    bar = (
        "select low, volume, trade_count from ohlcv_bars where symbol = 'AAPL'"
        " and timeframe = '1d' and timestamp = '2024-05-28 04:00:00'"
    )
    (before,) = ask(upgraded, bar)
    assert ingest(upgraded, "land", "ticks", str(late)).returncode == 0
    build(upgraded)
    (after,) = ask(upgraded, bar)
    assert after == (49.5, before[1] + 2, before[2] + 1)
    assert ask(upgraded, "select count(*) from ohlcv_bar_revisions where timeframe = '1d'") == [
        (1,)
    ]


TICKS = "exchange,symbol,timestamp,last_price,last_size,sequence_number,trade_id,aggressor_side\n"


def land(data_dir: Path, folder: Path, *lines: str) -> list[tuple]:
    """Land ticks; return how many were new and how many were there."""
    path = folder / f"{hash(lines)}.csv"
    path.write_text(TICKS + "".join(f"{line}\n" for line in lines))
    assert ingest(data_dir, "land", "ticks", str(path)).returncode == 0
    return ask(
        data_dir,
        "select rows_landed, rows_duplicate from raw.landings where kind = 'ticks'"
        " order by batch_id desc limit 1",
    )


def test_a_cold_day_of_before_takes_ticks_of_now(upgraded: Path, tmp_path: Path) -> None:
    """Its file has no nanoseconds, no place and no aggressor; a merged one has them."""
    day = "2024-02-05"
    assert ingest(upgraded, "archive", "restore", "market_ticks", day, day).returncode == 0
    (known,) = ask(
        upgraded,
        "select concat_ws(',', exchange, symbol, strftime(timestamp, '%Y-%m-%dT%H:%M:%S.%f'),"
        f" last_price, last_size, '', trade_id, 'buy') from market_ticks where date = '{day}'"
        " order by tick_id limit 1",
    )
    new = f"binance,BTCUSDT,{day}T10:00:00.000000700Z,9,1,,,sell"
    assert land(upgraded, tmp_path, known[0], new, new) == [(2, 1)]
    count = f"select count(*) from market_ticks where date = '{day}'"
    sides = (
        "select aggressor_side, nanoseconds, place, occurrence from raw.market_ticks"
        f" where timestamp::date = '{day}' union all select aggressor_side, nanoseconds, place,"
        f" occurrence from cold.market_ticks where date = '{day}' order by all nulls last"
    )
    expected = [("sell", 700, 1, 1), ("sell", 700, 2, 2), *[(None, None, None, 1)] * 12]
    build(upgraded)
    assert (ask(upgraded, sides), ask(upgraded, count)) == (expected, [(14,)])
    files = (
        "select count(*) from raw.cold_files where relation = 'market_ticks' and"
        f" date = '{day}' and state in ('local', 'restored')"
    )
    assert ask(upgraded, files) == [(2,)]  # late rows leave in a file of their own
    assert ingest(upgraded, "compact").returncode == 0
    assert ask(upgraded, files) == [(1,)]
    assert ask(upgraded, sides) == expected
    minute = f"symbol = 'BTCUSDT' and minute = '{day} 10:00:00'"
    assert ask(upgraded, f"select low from intermediate.int_minute_bars where {minute}") == [(9,)]


def test_numbers_identify_as_before_in_what_landed_before(upgraded: Path, tmp_path: Path) -> None:
    """A batch without a word was landed when each sequence number was a key."""
    assert ask(
        upgraded,
        "select distinct sequence_identifies, trade_id_identifies from raw.landings"
        " where kind = 'ticks' and batch_id < 14",
    ) == [(None, None)]
    first = "cme,ES,2024-05-30T12:00:00.000001Z,5,1,7,,"
    assert land(upgraded, tmp_path, first) == [(1, 0)]
    with duckdb.connect(str(upgraded / "trading.duckdb")) as connection:
        connection.execute(
            "update raw.landings set sequence_identifies = null where batch_id ="
            " (select max(batch_id) from raw.landings where kind = 'ticks')"
        )
    other = first.replace("000001Z", "000002Z")
    assert land(upgraded, tmp_path, first, other) == [(1, 1)]
    assert ask(upgraded, "select count(*) from raw.tick_conflicts") == [(0,)]
