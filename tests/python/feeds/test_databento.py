"""Prices of Databento's CSV: pretty or in billionths, never guessed at."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

Land = Callable[..., Any]
TRADES = (
    "ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,depth,price,size,flags,"
    "ts_in_delta,sequence,symbol\n"
)
QUOTES = (
    "ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,depth,price,size,flags,"
    "ts_in_delta,sequence,bid_px_00,ask_px_00,bid_sz_00,ask_sz_00,bid_ct_00,ask_ct_00,symbol\n"
)
PRETTY, RAW = "2024-08-01T12:00:00.000100001Z", "1722513600000100001"
WHY = "whole, beside a time that is no number: nobody can tell whether it is in billionths"


WRITTEN = {
    PRETTY: {
        "5529.250000000": "5529.25",
        "5529.0": "5529",
        "5529": None,
        "-3": None,
        "0": "0",
        "5529250000000": "5529.25",
        "-10000000": "-0.01",
    },
    RAW: {"5529250000000": "5529.25", "500": "0.0000005", "0": "0", "5529.25": "5529.25"},
}


@pytest.mark.parametrize("time", WRITTEN)
def test_a_price_is_pretty_or_in_billionths(land: Land, time: str) -> None:
    begin = f"{time},{time},0,1,118"
    files = {
        "trades": (TRADES, begin + ",T,A,0,{price},3,0,1,{n},ESU4\n"),
        "bids": (QUOTES, begin + ",A,B,0,,3,0,1,{n},{price},,1,0,1,0,ESU4\n"),
        "asks": (QUOTES, begin + ",A,B,0,,3,0,1,{n},,{price},0,1,0,1,ESU4\n"),
        "tbbo": (QUOTES, begin + ",T,B,0,{price},3,0,1,{n},1,1,1,1,1,1,ESU4\n"),
    }
    columns = {"trades": "last_price", "bids": "bid_price", "asks": "ask_price"}
    prices = dict(enumerate(WRITTEN[time].values(), start=1))
    expected = [(n, Decimal(price)) for n, price in prices.items() if price is not None]
    for number, (name, (header, line)) in enumerate(files.items()):
        written = enumerate(WRITTEN[time], start=1)
        # of a file of one symbol and time only its number tells one tick from another
        lines = [line.format(n=n + 100 * number, price=price) for n, price in written]
        result, rows = land("ticks", f"{name}.csv", (header + "".join(lines)).encode())
        assert (result.error, result.landed) == (None, len(expected)), name
        refused = {reason.reason: reason.rows for reason in result.reasons if WHY in reason.reason}
        assert sum(refused.values()) == result.rejected == len(prices) - len(expected)
        column = columns.get(name, "last_price")
        found = rows(
            f"select sequence_number - {100 * number}, {column} from raw.market_ticks"
            f" where batch_id = {result.batch_id} order by 1"
        )
        assert found == expected, name


def test_a_file_that_pandas_saved(land: Land) -> None:
    """Times with an offset, some without decimals, and the index as a column without a name."""
    times = ("2024-08-01 12:00:00.000100001+00:00", "2024-08-01 12:00:01+00:00")
    row = "{0},{0},0,1,118,T,A,0,5529.0,3,0,1,77,ESU4\n"
    plain = TRADES + "".join(row.format(time) for time in times)
    result, rows = land("ticks", "plain.csv", plain.encode())
    assert (result.error, result.landed, result.rejected) == (None, 2, 0)
    header, *lines = plain.splitlines(keepends=True)
    indexed = f",{header}" + "".join(f"{number},{line}" for number, line in enumerate(lines))
    result, rows = land("ticks", "indexed.csv", indexed.encode())
    assert (result.error, result.duplicate, result.rejected) == (None, 2, 0)
    assert rows("select nanoseconds from raw.market_ticks order by 1") == [(1,), (None,)]
