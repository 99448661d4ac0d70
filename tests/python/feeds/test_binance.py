"""Binance's formats, with messages as its documentation prints them and as they were recorded."""

import datetime as dt
import gzip
import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

Land = Callable[..., Any]

# Payloads of github.com/binance/binance-spot-api-docs (web-socket-streams.md, user-data-stream.md).
TRADE = {
    "e": "trade", "E": 1672515782136, "s": "BNBBTC", "t": 12345, "p": "0.001", "q": "100",
    "T": 1672515782136, "m": True, "M": True,
}  # fmt: skip
AGG_TRADE = {
    "e": "aggTrade", "E": 1672515782136, "s": "BNBBTC", "a": 12345, "p": "0.001", "q": "100",
    "f": 100, "l": 105, "T": 1672515782136, "m": True, "M": True,
}  # fmt: skip
BOOK_TICKER = {
    "u": 400900217, "s": "BNBUSDT", "b": "25.35190000", "B": "31.21000000", "a": "25.36520000",
    "A": "40.66000000",
}  # fmt: skip
REPORT = {
    "e": "executionReport", "E": 1499405658658, "s": "ETHBTC", "c": "mUvoqJxFIILMdfAW5iGSOW",
    "S": "BUY", "o": "LIMIT", "f": "GTC", "q": "1.00000000", "p": "0.10264410",
    "P": "0.00000000", "F": "0.00000000", "g": -1, "C": "", "x": "NEW", "X": "NEW", "r": "NONE",
    "i": 4293153, "l": "0.00000000", "z": "0.00000000", "L": "0.00000000", "n": "0", "N": None,
    "T": 1499405658657, "t": -1, "I": 8641984, "w": True, "m": False, "M": False,
    "O": 1499405658657, "Z": "0.00000000", "Y": "0.00000000", "Q": "0.00000000",
}  # fmt: skip


def ndjson(*messages: object) -> bytes:
    return "".join(json.dumps(message) + "\n" for message in messages).encode()


def test_documented_stream_messages(land: Land) -> None:
    lines = ndjson(TRADE, {"stream": "bnbbtc@aggTrade", "data": AGG_TRADE}, BOOK_TICKER)
    clocked = b"1672515782136123456 " + ndjson({"stream": "x@bookTicker", "data": BOOK_TICKER})
    result, ask = land("ticks", "spot.ndjson", lines + clocked + ndjson({"e": "kline", "s": "X"}))
    assert (result.landed, result.rejected, result.others) == (3, 1, {"kline": 1})
    at = dt.datetime(2022, 12, 31, 19, 43, 2, 136000)
    price = Decimal("0.001")
    columns = "exchange, symbol, kind, timestamp, last_price, last_size, sequence_number, trade_id"
    assert ask(f"select {columns} from raw.market_ticks where kind <> 'quote' order by kind") == [
        ("binance", "BNBBTC", "agg", at, price, 100, 12345, "12345"),
        ("binance", "BNBBTC", "trade", at, price, 100, 12345, "12345"),
    ]
    assert ask(
        "select symbol, timestamp, bid_price, bid_size, ask_price, ask_size, sequence_number,"
        " trade_id, last_price from raw.market_ticks where kind = 'quote'"
    ) == [
        (
            "BNBUSDT",
            at.replace(microsecond=136123),
            Decimal("25.3519"),
            Decimal("31.21"),
            Decimal("25.3652"),
            Decimal("40.66"),
            400900217,
            None,
            None,
        )
    ]
    assert ask("select row_number, reason from raw.rejected_rows") == [(3, "timestamp: missing")]


def test_recording_agrees_with_a_plain_reading(land: Land) -> None:
    path = Path(__file__).parents[3] / "sample" / "binance_spot_btcusdt_ws.ndjson.gz"
    packed = gzip.compress(b"".join(gzip.decompress(path.read_bytes()).splitlines(True)[:3000]))
    seen: Counter[str] = Counter()
    size = Decimal(0)
    for line in gzip.decompress(packed).decode().splitlines():
        message = json.loads(line.split(" ", 1)[1])
        stream = message.get("stream", "@none").split("@")[1]
        seen[stream] += 1
        if stream == "trade":
            size += Decimal(message["data"]["q"])
    result, ask = land("ticks", "spot-b.ndjson.gz", packed)
    assert (result.landed, result.rejected) == (seen["trade"] + seen["bookTicker"], 0)
    assert result.others["depthUpdate"] == seen["depth"]
    assert ask("select sum(last_size), count(last_size) from raw.market_ticks") == [
        (size, seen["trade"])
    ]


def test_archives_in_milliseconds_and_microseconds(land: Land) -> None:
    millis = (
        b"3735683259,61837.63000000,0.02000000,1236.75260000,1723161255342,True,True\n"
        b"3735683260,61837.64000000,0.00010000,6.18376400,1723161255343,False,True\n"
    )
    result, ask = land("ticks", "BTCUSDT-trades-2024-08-08.csv", millis)
    assert result.landed == 2
    agg = b"3051,61837.63,0.02,3735683259,3735683259,1723161255342123,true,true\n"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("BTCUSDT-aggTrades-2025-01-01.csv", agg)
    result, ask = land("ticks", "renamed.zip", packed.getvalue())
    assert result.landed == 1
    # the same trade from the stream is the same row
    stream = {**TRADE, "s": "BTCUSDT", "t": 3735683259, "p": "61837.63", "q": "0.02"}
    result, ask = land("ticks", "spot-s.ndjson", ndjson({**stream, "T": 1723161255342}))
    assert (result.landed, result.duplicate) == (0, 1)
    assert ask(
        "select kind, symbol, trade_id, timestamp, source from raw.market_ticks order by 2, 3"
    ) == [
        ("agg", "BTCUSDT", "3051", dt.datetime(2024, 8, 8, 23, 54, 15, 342123), "backfill"),
        ("trade", "BTCUSDT", "3735683259", dt.datetime(2024, 8, 8, 23, 54, 15, 342000), "backfill"),
        ("trade", "BTCUSDT", "3735683260", dt.datetime(2024, 8, 8, 23, 54, 15, 343000), "backfill"),
    ]
    result, ask = land("ticks", "unnamed.csv", millis[1:])
    assert "symbol only in its name" in result.error


def test_execution_reports(land: Land) -> None:
    fill = {
        **REPORT, "x": "TRADE", "X": "PARTIALLY_FILLED", "l": "0.25", "L": "0.10264400",
        "n": "0.00025", "N": "ETH", "t": 77, "T": 1499405658700,
    }  # fmt: skip
    cancel = {**REPORT, "x": "CANCELED", "X": "CANCELED", "c": "cancel-1", "C": REPORT["c"]}
    open_still = {**REPORT, "x": "TRADE_PREVENTION", "I": 2}
    ended = {**open_still, "X": "EXPIRED_IN_MATCH", "T": 1499405658701}
    envelope = {"subscriptionId": 0, "event": {**fill, "X": "FILLED", "t": 78, "l": "0.75"}}
    content = ndjson(
        REPORT, fill, envelope, cancel, open_still, ended, {"e": "balanceUpdate"}
    )  # fmt: skip
    result, ask = land("orders", "spot-o.ndjson", content)
    assert result.others == {"balanceUpdate": 1}
    assert (result.landed, result.rejected) == (6, 0)
    order = (REPORT["c"], "4293153", "buy", "limit", 1, Decimal("0.1026441"))
    rest = (Decimal("0.102644"), Decimal("0.00025"), "ETH")
    assert ask(
        "select event_type, client_order_id, order_id, side, order_type, quantity, price,"
        " fill_quantity, fill_price, commission, commission_currency, exchange_trade_id"
        " from raw.order_events order by row_number"
    ) == [
        ("submitted", *order, None, None, None, None, None),
        ("partial_fill", *order, Decimal("0.25"), *rest, "77"),
        ("fill", *order, Decimal("0.75"), *rest, "78"),
        ("cancelled", *order, None, None, None, None, None),
        ("submitted", *order, None, None, None, None, None),
        ("cancelled", *order, None, None, None, None, None),
    ]
    assert ask("select max(status_message) from raw.order_events") == [("self-trade prevention",)]


TIMES = {
    "1672515782136": 1672515782136000,
    "1672515782136789": 1672515782136789,
    "1672515782": None,  # seconds: no time of 1970
    "1672515782136789123": None,  # nanoseconds
    "1672515782136.5": None,
    "16725157821.5": None,
    "-1672515782136": None,
    "0": None,
    '"now"': None,
}


@pytest.mark.parametrize("form", ["stream", "quote", "archive", "orders"])
def test_a_time_is_in_milliseconds_or_microseconds(land: Land, form: str) -> None:
    """No other unit is guessed at, nor another time taken where one is written."""
    content, name, kind, table, time = {
        "stream": (ndjson({**TRADE, "T": 0}), "spot.ndjson", "ticks", "market_ticks", "timestamp"),
        "quote": (
            ndjson({"e": "bookTicker", **BOOK_TICKER, "T": 0, "E": 1672515782137}),
            "spot.ndjson",
            "ticks",
            "market_ticks",
            "timestamp",
        ),
        "archive": (
            b"1,0.5,2,1.0,0,True,True\n",
            "ETHBTC-trades-2024-08-08.csv",
            "ticks",
            "market_ticks",
            "timestamp",
        ),
        "orders": (
            ndjson({**REPORT, "T": 0}),
            "spot.ndjson",
            "orders",
            "order_events",
            "event_time",
        ),
    }[form]
    before, after = (b",0,", b",%s,") if form == "archive" else (b'"T": 0', b'"T": %s')
    ids = {"stream": b"12345", "quote": b"400900217", "archive": b"1,0.5", "orders": b"8641984"}
    an_id = ids[form]  # each line gets one of its own
    lines = [
        content.replace(before, after % written.encode()).replace(an_id, b"%d" % n + an_id)
        for n, written in enumerate(TIMES, start=1)
    ]
    result, ask = land(kind, name, b"".join(lines))
    known = [(micros,) for micros in TIMES.values() if micros]
    assert (result.landed, result.rejected) == (len(known), len(TIMES) - len(known))
    assert ask(f"select epoch_us({time}) from raw.{table} order by 1") == known
    unknown = [(n,) for n, micros in enumerate(TIMES.values(), start=1) if not micros]
    assert ask("select row_number from raw.rejected_rows order by 1") == unknown
    assert ask("select reason from raw.rejected_rows where reason <>"
               f" '{time}: not a Unix time in milliseconds or microseconds'") == []  # fmt: skip


def test_a_message_whose_name_is_damaged_is_rejected(land: Land) -> None:
    """It may be a trade; a message without a symbol is none."""
    damaged = {("" if key == "e" else key): value for key, value in TRADE.items()}
    result, ask = land("ticks", "spot.ndjson", ndjson(TRADE, damaged, {"result": None, "id": 1}))
    assert (result.landed, result.rejected, result.others) == (1, 1, {"unnamed": 1})
    assert ask("select reason, contains(raw_text, '\"t\": 12345') from raw.rejected_rows") == [
        ("nothing says what kind of message it is", True)
    ]
