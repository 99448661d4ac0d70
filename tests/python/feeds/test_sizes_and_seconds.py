"""Alpaca's quotes of one side, sizes in round lots, who traded a coin; clocks with seconds."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from python_ingest.feeds.kinds import KINDS
from python_ingest.settings import Settings

Land = Callable[..., Any]
QUOTES = (
    "select symbol, bid_price::double, bid_size::double, ask_price::double, ask_size::double"
    " from raw.market_ticks order by timestamp"
)
BEFORE, AFTER = "2025-11-02T15:00:00Z", "2025-11-03T15:00:00.123456789Z"


def quote(at: str, bid: float, ask: float, **more: Any) -> dict[str, Any]:
    return {"t": at, "bp": bid, "bs": 2, "ap": ask, "as": 3, **more}


def pages(symbol: str, quotes: list[dict[str, Any]]) -> bytes:
    return json.dumps({"quotes": {symbol: quotes}, "next_page_token": None}).encode()


def stream(symbol: str, quotes: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps({"T": "q", "S": symbol, **q}) + "\n" for q in quotes).encode()


@pytest.mark.parametrize("written", [pages, stream])
def test_a_side_of_alpaca_without_a_price_is_none_and_its_lots_are_shares(
    land: Land, written: Callable[[str, list[dict[str, Any]]], bytes]
) -> None:
    quotes = [
        quote(BEFORE, 10, 11, z="A"),
        quote(BEFORE.replace("00Z", "01Z"), 0, 11, z="A"),
        quote(BEFORE.replace("00Z", "02Z"), 0, 0.0, z="A"),
        quote("never", 10, 11, z="A"),
        quote(AFTER, 10, 0.0, z="A"),
    ]
    result, ask = land("ticks", "q.json", written("SPY", quotes))
    counts = (result.error, result.landed, result.ignored, result.rejected)
    assert counts == (None, 3, 1, 1)
    assert ask(QUOTES) == [
        ("SPY", 10, 200, 11, 300),
        ("SPY", None, None, 11, 300),
        ("SPY", 10, 2, None, None),
    ]


@pytest.mark.parametrize("written", [pages, stream])
def test_sizes_of_coins_are_no_lots(
    land: Land, written: Callable[[str, list[dict[str, Any]]], bytes]
) -> None:
    _, ask = land("ticks", "q.json", written("BTC/USD", [quote(BEFORE, 10, 0)]))
    assert ask(QUOTES) == [("BTC/USD", 10, 2, None, None)]


def test_the_stream_tells_who_traded_a_coin(land: Land) -> None:
    trade = {"T": "t", "S": "BTC/USD", "p": 1, "s": 2, "t": BEFORE}
    sides = ("B", "S", None)
    lines = [{**trade, "i": n, "tks": side} for n, side in enumerate(sides)]
    content = "".join(json.dumps(line) + "\n" for line in lines).encode()
    _, ask = land("ticks", "t.jsonl", content)
    found = ask("select aggressor_side from raw.market_ticks order by trade_id")
    assert found == [("buy",), ("sell",), (None,)]


@pytest.mark.parametrize("time", ["2021-04-05 01:02", "2021-04-05", "21-04-05 01:02"])
def test_a_time_of_binances_export_has_seconds(land: Land, time: str) -> None:
    content = (
        "Date(UTC),Pair,Side,Price,Executed,Amount,Fee\n"
        "2021-04-05 01:02:03,BTCUSDT,BUY,1,2BTC,2USDT,0BNB\n"
        f"{time},BTCUSDT,BUY,1,2BTC,2USDT,0BNB\n"
    )
    result, ask = land("orders", "export.csv", content.encode())
    assert (result.landed, result.rejected) == (1, 1)
    assert "seconds" in result.reasons[0].reason
    assert ask("select event_time::varchar from raw.order_events") == [("2021-04-05 01:02:03",)]


@pytest.mark.parametrize("kind", ["ticks", "orders"])
def test_one_scale_from_a_date_on_leaves_what_was_before(
    settings: Settings, land: Land, kind: str
) -> None:
    """It is told by the row's own time, whichever column has it and however it is written."""
    time, size = {"ticks": ("timestamp", "last_size"), "orders": ("event_time", "fill_quantity")}[
        kind
    ]
    others = {
        "ticks": {"last_price": "1"},
        "orders": {"order_id": "1", "client_order_id": "1", "side": "buy",
                   "order_type": "market", "quantity": "1", "event_type": "fill",
                   "fill_price": "1"},
    }[kind]  # fmt: skip
    constants = "".join(f'{name} = {{ constant = "{text}" }}\n' for name, text in others.items())
    number = 'event_id = "n"\n' if kind == "orders" else ""
    settings.feeds_dir.mkdir(parents=True)
    (settings.feeds_dir / "mine.toml").write_text(
        f'name = "mine"\nkind = "{kind}"\nabout = "a test"\nfile = {{ format = "csv" }}\n'
        'recognise = { header = ["at", "n"] }\n[columns]\nexchange = { constant = "x" }\n'
        f'symbol = {{ constant = "s" }}\n{time} = "at"\n{constants}{number}'
        f'{size} = {{ from = "n", scale = [{{ by = 10, since = "2024-05-02" }}] }}\n'
    )
    content = b"at,n\n2024-05-01T13:59:59Z,1\n2024-05-02T01:59:59+02:00,2\n2024-05-02,3\nnever,4\n"
    result, ask = land(kind, "mine.csv", content)
    assert (result.error, result.rejected) == (None, 1)
    table = KINDS[kind].table
    found = [float(n) for (n,) in ask(f"select {size} from {table} order by {time}")]
    assert found == [1, 2, 30]
