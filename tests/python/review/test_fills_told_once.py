"""The warning test of fills that an export and a stream tell, run by itself on a few rows."""

import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

SQL = Path(__file__).parents[3] / "tests/invariants/fills_are_told_once.sql"
EXPORTED: dict[str, Any] = {
    "account_id": "main", "exchange": "binance", "symbol": "VETUSDT", "side": "sell",
    "price": "0.0228", "quantity": "43.7", "executed_at": "2024-03-04 10:00:01",
    "order_id": "values/1", "event_id": "values/1", "trade_id": None, "exchange_trade_id": None,
    "is_busted": False, "transfer": None,
}  # fmt: skip
TOLD = EXPORTED | {
    "executed_at": "2024-03-04 10:00:01.789", "order_id": "7", "event_id": "7-TRADE-9",
    "trade_id": "9", "exchange_trade_id": "9",
}  # fmt: skip


def warned(*fills: dict[str, Any]) -> list[tuple[Any, ...]]:
    sql = re.sub(r"\{\{ ref\('(\w+)'\) \}\}", r"\1", SQL.read_text().split("\n", 1)[1])
    with duckdb.connect() as connection:
        connection.execute(
            "create table int_fills (account_id text, exchange text, symbol text, side text,"
            " price decimal(28, 10), quantity decimal(28, 10), executed_at timestamp,"
            " order_id text, event_id text, trade_id text, exchange_trade_id text,"
            " is_busted boolean, transfer text)"
        )
        for fill in fills:
            marks = ", ".join("?" * len(EXPORTED))
            connection.execute(
                f"insert into int_fills values ({marks})", [fill[name] for name in EXPORTED]
            )
        return connection.execute(sql + " order by event_id").fetchall()


def test_a_fill_of_an_export_and_a_stream_is_named_with_both() -> None:
    named = ("main", "binance", "VETUSDT", "values/1", "7", "9")
    assert warned(EXPORTED, TOLD) == [named]
    # equal fills of an export are all real, and each is named once
    twice = EXPORTED | {"order_id": "values/2", "event_id": "values/2"}
    again = TOLD | {"event_id": "7-TRADE-10", "trade_id": "10", "exchange_trade_id": "10"}
    assert [row[3] for row in warned(EXPORTED, twice, TOLD, again)] == ["values/1", "values/2"]
    # Kraken and others give a trade_id alone
    assert len(warned(EXPORTED, TOLD | {"exchange_trade_id": None})) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"account_id": "desk"}, {"exchange": "binance-us"}, {"symbol": "VETBTC"}, {"side": "buy"},
        {"price": "0.0229"}, {"quantity": "43.8"}, {"executed_at": "2024-03-04 10:00:02"},
        {"is_busted": True}, {"transfer": "in"}, {"trade_id": None, "exchange_trade_id": None},
    ],
)  # fmt: skip
def test_another_fill_is_none_of_it(other: dict[str, Any]) -> None:
    assert warned(EXPORTED, TOLD | other) == []
    assert warned(EXPORTED) == warned(TOLD) == []
