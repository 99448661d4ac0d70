"""Real files whose ticks share a clock tick or a sequence number, built into bars."""

import json
from collections.abc import Callable

import pytest

from python_ingest.landing.land import land_files
from python_ingest.settings import load_settings

from .conftest import Warehouse

AS_OF = ("--vars", '{"as_of": "2024-08-01 00:00:00"}')
# Two trades of one microsecond: the later has the smaller id.
NANOSECONDS = (
    '{"T":"t","i":900,"S":"XYZ","x":"P","p":10.00,"s":100,"c":["@"],"z":"C",'
    '"t":"2023-04-06T14:25:59.999999100Z"}\n'
    '{"T":"t","i":5,"S":"XYZ","x":"Q","p":10.05,"s":100,"c":["@","?"],"z":"C",'
    '"t":"2023-04-06T14:25:59.999999900Z"}\n'
)
# Three trades of a packet of CME, which has one sequence number.
PACKET = (
    "exchange,symbol,timestamp,last_price,last_size,sequence_number\n"
    "CME,ES,2024-07-02T00:00:00.000001100Z,5529.00,1,77\n"
    "CME,ES,2024-07-02T00:00:00.000001900Z,5529.00,1,77\n"
    "CME,ES,2024-07-02T00:00:00.000005Z,5529.25,3,77\n"
)
# Kraken's history has seconds.
PRICES = "100.5 102.5 104.5 101.5 103.5 100.5 102.5 104.5 101.5 103.5 100.5 102.5".split()
SECONDS = "exchange,symbol,timestamp,last_price,last_size\n" + "".join(
    f"kraken,XBTEUR,2023-01-01T00:00:{at // 4:02}Z,{price},{at + 1}\n"
    for at, price in enumerate(PRICES)
)
HEAD = "exchange,symbol,timestamp,last_price,last_size,sequence_number,trade_id,source\n"


def one_trade(symbol: str, fraction: str, source: str) -> str:
    """One trade from a stream, whose clock has milliseconds, or from an archive."""
    return f"{HEAD}binance,{symbol},2024-07-02T00:00:00.{fraction}Z,10,1,7,7,{source}\n"


def land(warehouse: Warehouse, name: str, text: str) -> None:
    path = warehouse.data_dir / name
    path.write_text(text)
    settings = load_settings(
        warehouse.data_dir / "none.toml", {"DATA_DIR": str(warehouse.data_dir)}
    )
    (result,) = land_files(settings, "ticks", [path])
    assert (result.state, result.rejected) == ("landed", 0), result


@pytest.fixture(scope="module")
def built(new_warehouse: Callable[[], Warehouse]) -> Warehouse:
    made = new_warehouse()
    land(made, "alpaca.ndjson", NANOSECONDS)
    land(made, "cme.csv", PACKET)
    land(made, "kraken.csv", SECONDS)
    land(made, "a1.csv", one_trade("FIRST", "123", "websocket"))
    land(made, "a2.csv", one_trade("SECOND", "123456", "backfill"))
    made.build(*AS_OF)
    land(made, "b1.csv", one_trade("SECOND", "123", "websocket"))
    land(made, "b2.csv", one_trade("FIRST", "123456", "backfill"))
    made.build(*AS_OF)
    return made


def bar(warehouse: Warehouse, symbol: str) -> list[tuple]:
    return warehouse.rows(
        "select open::double, close::double, volume::double, trade_count from ohlcv_bars"
        f" where symbol = '{symbol}' and timeframe = '1m'"
    )


def test_nanoseconds_come_before_ids(built: Warehouse) -> None:
    assert bar(built, "XYZ") == [(10, 10.05, 200, 2)]
    assert built.rows("select last_price::double from latest_ticks where symbol = 'XYZ'") == [
        (10.05,)
    ]


def test_a_packets_number_merges_nothing(built: Warehouse) -> None:
    assert bar(built, "ES") == [(5529, 5529.25, 5, 3)]


def test_a_coarse_clock_goes_by_the_files_order(built: Warehouse) -> None:
    assert bar(built, "XBTEUR") == [(100.5, 102.5, 78, 12)]
    assert built.rows("select last_price::double from latest_ticks where symbol = 'XBTEUR'") == [
        (102.5,)
    ]


def test_one_trade_at_two_clocks_is_one_whichever_came_first(built: Warehouse) -> None:
    counted = built.rows(
        "select symbol, timestamp::varchar, source from market_ticks where exchange = 'binance'"
        " order by symbol"
    )
    fine = "2024-07-02 00:00:00.123456"
    assert counted == [("FIRST", fine, "backfill"), ("SECOND", fine, "backfill")]
    assert bar(built, "FIRST") == bar(built, "SECOND") == [(10, 10, 1, 1)]
    assert built.rows("select count(*) from raw.market_ticks where exchange = 'binance'") == [(4,)]


def result_of(warehouse: Warehouse, name: str) -> tuple[str, list[tuple]]:
    """Run a data test; return its status and the rows that it found."""
    warehouse.dbt("test", "--select", name, *AS_OF)
    found = json.loads((warehouse.data_dir / "target" / "run_results.json").read_text())
    (result,) = [one for one in found["results"] if one["unique_id"].startswith("test.")]
    return result["status"], warehouse.rows(result["compiled_code"])


def test_two_clocks_are_no_conflict_and_another_price_is_one(built: Warehouse) -> None:
    assert built.rows("select is_one_trade, count(*) from raw.tick_conflicts group by 1") == [
        (True, 2)
    ]
    assert result_of(built, "ticks_in_conflict") == ("pass", [])
    land(built, "c.csv", HEAD + "binance,FIRST,2024-07-02T00:00:00.124Z,11,1,7,7,websocket\n")
    land(built, "d.csv", HEAD + "binance,SECOND,2024-07-02T00:00:00.124Z,10,1,7,7,websocket\n")
    built.build(*AS_OF)
    status, pairs = result_of(built, "ticks_in_conflict")
    assert (status, len(pairs)) == ("warn", 2)
    assert bar(built, "FIRST") == bar(built, "SECOND") == [(10, 10, 1, 1)]


def test_a_code_that_the_seed_does_not_know_is_a_warning(built: Warehouse) -> None:
    found = result_of(built, "condition_codes_are_known")
    assert found == ("warn", [("UTP", "?", 1)])
