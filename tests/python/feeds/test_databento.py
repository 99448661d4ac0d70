"""Prices of Databento's CSV: pretty or in billionths, never guessed at."""

from __future__ import annotations

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


@pytest.mark.parametrize(
    ("time", "written", "price"),
    [
        (PRETTY, "5529.250000000", "5529.25"),
        (PRETTY, "5529.0", "5529"),
        (PRETTY, "5529", None),
        (PRETTY, "-3", None),
        (PRETTY, "0", "0"),
        (PRETTY, "5529250000000", "5529.25"),
        (PRETTY, "-10000000", "-0.01"),
        (RAW, "5529250000000", "5529.25"),
        (RAW, "500", "0.0000005"),
        (RAW, "0", "0"),
        (RAW, "5529.25", "5529.25"),
    ],
)
def test_a_price_is_pretty_or_in_billionths(
    land: Land, time: str, written: str, price: str | None
) -> None:
    files = {
        "trades": TRADES + f"{time},{time},0,1,118,T,A,0,{written},3,0,1,77,ESU4\n",
        "bids": QUOTES + f"{time},{time},0,1,118,A,B,0,,3,0,1,7,{written},,1,0,1,0,ESU4\n",
        "asks": QUOTES + f"{time},{time},0,1,118,A,B,0,,3,0,1,7,,{written},0,1,0,1,ESU4\n",
        "tbbo": QUOTES + f"{time},{time},0,1,118,T,B,0,{written},3,0,1,7,1,1,1,1,1,1,ESU4\n",
    }
    columns = {"trades": "last_price", "bids": "bid_price", "asks": "ask_price"}
    for name, content in files.items():
        result, rows = land("ticks", f"{name}.csv", content.encode())
        assert (result.error, result.landed) == (None, int(price is not None)), name
        if price is None:
            assert [WHY in reason.reason for reason in result.reasons] == [True]
        else:
            column = columns.get(name, "last_price")
            found = rows(
                f"select {column} from raw.market_ticks where batch_id = {result.batch_id}"
            )
            assert found == [(Decimal(price),)]


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
