"""The warning test of fills that come to more than their order, run over a few landed events."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import selects

SQL = Path(__file__).parents[3] / "tests/invariants/fills_fit_their_order.sql"
EVENT = {
    "account_id": "main", "exchange": "alpaca", "symbol": "AAPL", "order_id": "o", "side": "buy",
    "client_order_id": "c", "order_type": "limit", "quantity": 10, "batch_id": 1, "source": "rest",
    "ingestion_time": "2024-01-03",
}  # fmt: skip


def event(number: int, kind: str, **more: Any) -> dict[str, Any]:
    """The event of a minute, with ids that are its number."""
    return {
        **EVENT, "event_id": f"e{number}", "event_type": kind, "row_number": number,
        "event_time": f"2024-01-02 10:{number:02}", "content_hash": number, **more,
    }  # fmt: skip


def fill(number: int, size: int, **more: Any) -> dict[str, Any]:
    told = {"trade_id": f"t{number}", "fill_quantity": size, "fill_price": 100, **more}
    return event(number, "partial_fill", **told)


def warned(*events: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return what the test names, as (order, its quantity, what its fills come to)."""
    orders = selects.of("orders_warm", {"raw.order_events": events})
    sql = re.sub(r"\{\{ ref\('(\w+)'\) \}\}", r"\1", SQL.read_text().split("\n", 1)[1])
    columns = "account_id", "exchange", "symbol", "source_order_id", "quantity", "filled_quantity"
    with duckdb.connect() as connection:
        connection.execute(
            "create table orders (account_id text, exchange text, symbol text,"
            " source_order_id text, quantity decimal(28, 10), filled_quantity decimal(38, 10))"
        )
        for order in orders:
            connection.execute(
                "insert into orders values (?, ?, ?, ?, ?, ?)", [order[name] for name in columns]
            )
        return [row[3:] for row in connection.execute(sql).fetchall()]


CREATED = event(0, "created")


def test_fills_that_sum_to_more_than_their_order_are_named() -> None:
    assert warned(CREATED, fill(1, 6), fill(2, 4)) == []
    # each of them fits, and so the audit of what landed is content
    assert warned(CREATED, fill(1, 6), fill(2, 6)) == [("o", 10, 12)]
    last_digit = fill(2, 4, fill_quantity="4.0000000001")
    assert warned(CREATED, fill(1, 6), last_digit) == [("o", 10, Decimal("10.0000000001"))]


def test_one_fill_that_is_told_twice_is_one() -> None:
    again = fill(1, 6, event_id="other")
    assert warned(CREATED, fill(1, 6), again, fill(2, 4)) == []


@pytest.mark.parametrize(
    ("what", "named"),
    [
        (event(3, "trade_bust", trade_id="t1"), []),
        (event(3, "trade_correct", trade_id="t1", fill_quantity=4, fill_price=100), []),
        (
            event(3, "trade_correct", trade_id="t1", fill_quantity=5, fill_price=100),
            [("o", 10, 11)],
        ),
        (event(3, "replaced", quantity=12), []),
        (event(3, "replaced", quantity=8), [("o", 8, 12)]),
        (event(3, "cancelled"), [("o", 10, 12)]),
    ],
    ids=lambda value: value["event_type"] if isinstance(value, dict) else f"{len(value)}",
)
def test_busts_corrections_and_replacements_count(
    what: dict[str, Any], named: list[tuple[Any, ...]]
) -> None:
    assert warned(CREATED, fill(1, 6), fill(2, 6), what) == named


def test_a_replacement_down_and_a_correction_up_are_noticed() -> None:
    whole = [CREATED, fill(1, 6), fill(2, 4)]
    assert warned(*whole, event(3, "replaced", quantity=8)) == [("o", 8, 10)]
    up = event(3, "trade_correct", trade_id="t1", fill_quantity=7, fill_price=100)
    assert warned(*whole, up) == [("o", 10, 11)]


def test_an_order_of_unknown_quantity_is_as_large_as_its_fills() -> None:
    unknown = {"quantity": 0}
    assert (
        warned(event(0, "created", **unknown), fill(1, 6, **unknown), fill(2, 6, **unknown)) == []
    )
    # a list of fills knows its order's quantity from them alone
    assert warned(fill(1, 6), fill(2, 6)) == [("o", 10, 12)]


def test_what_comes_in_kind_fills_no_order() -> None:
    assert warned(event(1, "transfer_in", quantity=6), event(2, "transfer_in", quantity=6)) == []
