"""Bars of recorded ticks equal the vendors' own bars, and those that pandas and polars make."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pytest

from tools.demo.conditions import CTA_CODES

from .conftest import Warehouse

DATA = Path(__file__).parent / "data"

# Bits of the vendor's mask (TradeConditionFlags) and the tapes' codes.
LEAN_BITS = {1 << bit: code for bit, code in CTA_CODES.items()} | {1 << 14: "Z"}
CODES = ", ".join(
    f"case when ('0x' || sale_condition_hex)::bigint & {bit} > 0 then '{code}' end"
    for bit, code in LEAN_BITS.items()
)
AIG = f"""
    select
        'lean' as exchange, symbol, ts_event::timestamp as timestamp, 'trade' as kind,
        exchange as venue, price as last_price, size as last_size, 'A' as tape,
        list_filter([{CODES}], lambda code: code is not null) as conditions
    from '{DATA}/lean_aig_trades.parquet'
"""
NZDUSD = f"""
    select
        'fxcm' as exchange, symbol, ts_event::timestamp as timestamp, 'quote' as kind,
        bid as bid_price, ask as ask_price
    from '{DATA}/lean_fxcm_nzdusd_quotes.parquet'
"""
BTCUSDT = f"""
    select
        'binance' as exchange, 'BTCUSDT' as symbol, make_timestamp(time_ms * 1000) as timestamp,
        price as last_price, size as last_size, 'trade' as kind, trade_id as sequence_number,
        trade_id::varchar as trade_id
    from '{DATA}/binance_btcusdt_trades.parquet'
"""


@pytest.fixture(scope="module")
def recorded(new_warehouse: Callable[[], Warehouse]) -> Warehouse:
    warehouse = new_warehouse()
    for ticks in (AIG, NZDUSD, BTCUSDT):
        warehouse.land("ticks", ticks)
    warehouse.build()
    return warehouse


def _compared(warehouse: Warehouse, bars: str, exchange: str, same: str) -> dict[str, list[int]]:
    """By timeframe: bars of the vendor, those we have too, those of them that are the same."""
    rows = warehouse.rows(f"""
        select interval, count(*), count(ours.bar_id), count(*) filter (where {same})
        from '{DATA}/{bars}.parquet' as theirs
        left join ohlcv_bars as ours
            on ours.exchange = '{exchange}' and ours.timeframe = theirs.interval
            and ours.timestamp = theirs.bar_start::timestamp
        group by all
    """)
    return {row[0]: list(row[1:]) for row in rows}


def test_fx_bid_bars_equal_the_venues_own(recorded: Warehouse) -> None:
    same = "(open, high, low, close) = (bid_open, bid_high, bid_low, bid_close)"
    compared = _compared(recorded, "lean_fxcm_nzdusd_official_bars", "fxcm", same)
    assert compared == {"1m": [2379] * 3, "1h": [40] * 3, "1d": [2] * 3}


def test_us_volumes_equal_the_vendors_own(recorded: Warehouse) -> None:
    """To the share, apart from 16 of 862 minutes, each of which says why.

    The vendor books a closing auction into the session's last minute (it printed seconds after the
    bell) and leaves some opening prints out; it makes bars of nothing but prints at an average
    price, which by the plans' rules set no price; one minute's ticks lack 1500 shares.
    """
    differing = recorded.rows(f"""
        select strftime(bar_start::timestamp, '%d %H:%M'), theirs.volume - ours.volume
        from '{DATA}/lean_aig_official_bars.parquet' as theirs
        left join ohlcv_bars as ours
            on ours.exchange = 'lean' and ours.timeframe = theirs.interval
            and ours.timestamp = theirs.bar_start::timestamp
        where interval = '1m' and ours.volume is distinct from theirs.volume
        order by 1
    """)
    auctions = recorded.rows("""
        select strftime(timestamp, '%d %H:%M'), array_to_string(conditions, ''), last_size
        from market_ticks
        where exchange = 'lean' and list_has_any(conditions, ['O', '6'])
        order by timestamp
    """)
    prints = [
        ("07 13:30", "OX", 1200),
        ("07 13:31", "O", 48146),
        ("07 20:00", "6", 253146),
        ("08 13:30", "OX", 1200),
        ("08 13:30", "O", 50646),
        ("08 20:00", "6", 262040),
    ]
    assert [(at, "".join(c for c in codes if c != "F"), size) for at, codes, size in auctions] == (
        prints
    )
    assert [row for row in differing if row[1] is not None] == [
        ("07 13:30", -1200),
        ("07 13:31", -48146),
        ("07 17:46", 1500),
        ("07 19:59", 253146),
        ("07 20:00", -253146),
        ("08 13:30", -1200),
        ("08 19:59", 262040),
        ("08 20:00", -262040),
    ]
    only_average = ["07 20:02", "07 20:11", "07 20:29", "07 20:31", "07 20:58"]
    only_average += ["08 20:21", "08 20:24", "08 20:29"]
    assert [row[0] for row in differing if row[1] is None] == only_average
    codes = recorded.rows(f"""
        select distinct array_to_string(conditions, '') from market_ticks
        where exchange = 'lean' and strftime(timestamp, '%d %H:%M') in {tuple(only_average)}
    """)
    assert codes == [("TB",)]
    compared = _compared(recorded, "lean_aig_official_bars", "lean", "ours.volume = theirs.volume")
    assert compared["1m"] == [862, 854, 846]
    assert compared["1h"] == [14, 14, 10]  # all but the hours of the auctions


def _binance() -> pd.DataFrame:
    with duckdb.connect() as connection:
        return connection.execute(BTCUSDT).df()


def test_binance_bars_equal_those_of_polars_and_pandas(recorded: Warehouse) -> None:
    ours = recorded.rows("""
        select timestamp, open, high, low, close, volume, trade_count
        from ohlcv_bars
        where exchange = 'binance' and timeframe = '1m'
        order by timestamp
    """)
    with duckdb.connect() as connection:
        ticks = connection.sql(BTCUSDT).pl().sort("timestamp", "sequence_number")
    by_polars = (
        ticks.with_columns(pl.col("timestamp").dt.truncate("1m").alias("minute"))
        .group_by("minute")
        .agg(
            pl.col("last_price").first().alias("open"),
            pl.col("last_price").max().alias("high"),
            pl.col("last_price").min().alias("low"),
            pl.col("last_price").last().alias("close"),
            pl.col("last_size").sum().alias("volume"),
            pl.len().alias("trade_count"),
        )
        .sort("minute")
        .rows()
    )
    assert ours == by_polars
    frame = _binance().sort_values(["timestamp", "sequence_number"]).set_index("timestamp")
    grouped = frame["last_price"].resample("1min")
    by_pandas = pd.concat([grouped.ohlc(), frame["last_size"].resample("1min").sum()], axis=1)
    assert [tuple(map(float, row[1:6])) for row in ours] == [
        pytest.approx(row, rel=1e-12) for row in by_pandas.itertuples(index=False, name=None)
    ]


def test_gaps_are_the_numbers_that_are_missing(recorded: Warehouse) -> None:
    numbers = sorted(_binance()["sequence_number"])
    expected = [
        (before + 1, after - 1) for before, after in pairwise(numbers) if after > before + 1
    ]
    gaps = "select from_number, to_number from tick_gaps where exchange = 'binance' order by 1"
    assert recorded.rows(gaps) == expected


def test_latest_trade_and_quote(recorded: Warehouse) -> None:
    newest = _binance().sort_values(["timestamp", "sequence_number"]).iloc[-1]
    rows = recorded.rows(
        "select timestamp, last_price, bid_price from latest_ticks where exchange = 'binance'"
    )
    assert [(row[0], float(row[1]), row[2]) for row in rows] == [
        (newest["timestamp"], pytest.approx(newest["last_price"]), None)
    ]
