"""Alpaca's formats, with messages as its documentation prints them."""

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

Land = Callable[..., Any]

# docs.alpaca.markets: real-time stock data.
MESSAGES = [
    {"T": "t", "i": 96921, "S": "AAPL", "x": "D", "p": 126.55, "s": 1,
     "t": "2021-02-22T15:51:44.208999999Z", "c": ["@", "I"], "z": "C"},
    {"T": "q", "S": "AMD", "bx": "U", "bp": 87.66, "bs": 1, "ax": "Q", "ap": 87.68, "as": 4,
     "t": "2021-02-22T15:51:45.335689322Z", "c": ["R"], "z": "C"},
    {"T": "c", "S": "EEM", "x": "M", "oi": 52983525033527, "op": 39.1582, "os": 440000,
     "oc": [" ", "7"], "ci": 52983525034326, "cp": 39.1809, "cs": 440000, "cc": [" ", "7"],
     "z": "B", "t": "2023-04-06T14:25:06.542305024Z"},
    {"T": "x", "S": "GOOGL", "i": 465, "x": "D", "p": 105.31, "s": 300, "a": "C", "z": "C",
     "t": "2023-04-06T13:15:42.83540958Z"},
    {"T": "b", "S": "SPY", "o": 388.985, "h": 389.13, "l": 388.975, "c": 389.12, "v": 49378,
     "t": "2021-02-22T19:15:00Z"},
    {"T": "success", "msg": "connected"},
]  # fmt: skip
# docs.alpaca.markets: trade_updates.
FILL = {
    "stream": "trade_updates",
    "data": {
        "event": "fill",
        "execution_id": "2f63ea93-423d-4169-b3f6-3fdafc10c418",
        "order": {
            "asset_class": "crypto", "client_order_id": "1cf35270-99ee-44e2-a77f-6fab902c7f80",
            "extended_hours": False, "filled_avg_price": "105.8988475", "filled_qty": "1790.86",
            "id": "4642fd68-d59a-47d7-a9ac-e22f536828d1", "limit_price": None,
            "order_type": "market", "qty": "1790.86", "side": "buy", "status": "filled",
            "stop_price": None, "symbol": "AVAX/USD", "time_in_force": "gtc", "type": "market",
        },
        "position_qty": "1790.86",
        "price": "105.8988475",
        "qty": "1790.86",
        "timestamp": "2022-04-19T17:45:05.024916716Z",
    },
}  # fmt: skip


def test_market_data_in_arrays_and_single_lines(land: Land) -> None:
    lines = [json.dumps(MESSAGES[:3]), *(json.dumps(m) for m in MESSAGES[3:]), "[{]"]
    result, ask = land("ticks", "a.jsonl", ("\n".join(lines) + "\n").encode())
    assert (result.landed, result.rejected) == (2, 1)
    assert result.others == {"b": 1, "c": 1, "success": 1, "x": 1}
    assert ask(
        "select kind, symbol, timestamp, venue, last_price, last_size, trade_id, conditions, tape"
        " from raw.market_ticks where kind = 'trade'"
    ) == [
        (
            "trade",
            "AAPL",
            dt.datetime(2021, 2, 22, 15, 51, 44, 208999),
            "D",
            Decimal("126.55"),
            1,
            "96921",
            ["@", "I"],
            "C",
        )
    ]
    # sizes of a stock were round lots then
    assert ask(
        "select symbol, bid_price, bid_size, ask_price, ask_size, trade_id, conditions"
        " from raw.market_ticks where kind = 'quote'"
    ) == [("AMD", Decimal("87.66"), 100, Decimal("87.68"), 400, None, ["R"])]
    assert ask("select row_number, reason from raw.rejected_rows") == [(7, "not a JSON object")]
    result, ask = land("corrections", "c.jsonl", ("\n".join(lines) + "\n").encode())
    assert (result.landed, result.rejected) == (2, 1)
    assert ask(
        "select trade_id, action, venue, corrected_trade_id, corrected_price,"
        " corrected_conditions from raw.tick_corrections order by row_number"
    ) == [
        ("52983525033527", "correct", "M", "52983525034326", Decimal("39.1809"), [" ", "7"]),
        ("465", "bust", "D", None, None, None),
    ]


def test_trade_updates(land: Land) -> None:
    data = FILL["data"]
    new = {"stream": "trade_updates", "data": {**data, "event": "new", "execution_id": "e0"}}
    odd = {"stream": "trade_updates", "data": {**data, "event": "done_for_day"}}
    bust = {
        "stream": "trade_updates",
        "data": {
            **data,
            "event": "trade_bust",
            "execution_id": "e9",
            "previous_execution_id": data["execution_id"],
        },
    }
    hello = {"stream": "listening", "data": {"streams": ["trade_updates"]}}
    content = "".join(json.dumps(m) + "\n" for m in (hello, new, FILL, odd, bust, FILL))
    result, ask = land("orders", "u.jsonl", content.encode())
    assert (result.landed, result.duplicate, result.rejected) == (3, 1, 0)
    assert result.others == {"done_for_day": 1, "unnamed": 1}
    fill_id = data["execution_id"]
    assert ask(
        "select event_id, event_type, trade_id, fill_quantity, fill_price, symbol, order_type"
        " from raw.order_events order by row_number"
    ) == [
        ("e0", "submitted", None, None, None, "AVAX/USD", "market"),
        (
            fill_id,
            "fill",
            fill_id,
            Decimal("1790.86"),
            Decimal("105.8988475"),
            "AVAX/USD",
            "market",
        ),
        (
            "e9",
            "trade_bust",
            fill_id,
            Decimal("1790.86"),
            Decimal("105.8988475"),
            "AVAX/USD",
            "market",
        ),
    ]
