"""What analysts see of a few landed rows, by hand: all SELECTs from raw to the mart, in memory."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import selects

DAY = datetime(2024, 1, 2)
NEW = {"batch_id": 1, "ingestion_time": DAY + timedelta(days=1), "source": "websocket"}


def fills(*told: tuple[int, str, str, str], **more: Any) -> list[dict[str, Any]]:
    """One order and fill for each (minute, side, quantity, price), in this order."""
    return [
        {
            **NEW, "account_id": "main", "exchange": "x", "symbol": "A", "event_type": "fill",
            "event_id": f"e{place}", "order_id": f"o{place}", "client_order_id": f"c{place}",
            "trade_id": f"t{place}", "exchange_trade_id": str(place), "sequence_number": place,
            "event_time": DAY + timedelta(minutes=minute), "side": side, "order_type": "market",
            "quantity": Decimal(quantity), "fill_quantity": Decimal(quantity),
            "fill_price": Decimal(price), "row_number": place, **more,
        }
        for place, (minute, side, quantity, price) in enumerate(told)
    ]  # fmt: skip


def trade(minute: int, price: str, **more: Any) -> dict[str, Any]:
    return {
        **NEW, "tick_id": minute + 1, "exchange": "x", "symbol": "A", "kind": "trade",
        "timestamp": DAY + timedelta(minutes=minute),
        "last_price": Decimal(price), "last_size": Decimal(1), "trade_id": str(minute), **more,
    }  # fmt: skip


def at(minute: int) -> datetime:
    return DAY + timedelta(minutes=minute)


def test_what_a_fill_through_zero_cost_is_rounded_once() -> None:
    """A third of 1 closed the short; with the 0.000000002 of its opening it is 0.3333333353."""
    told = fills((1, "sell", "1", "10"), (2, "buy", "3", "10"), (3, "sell", "2", "10"))
    for fill, commission in zip(told, ("0.000000002", "1", "0"), strict=True):
        fill["commission"] = Decimal(commission)
    trips = selects.of("round_trips", {"raw.order_events": told})
    trips.sort(key=lambda trip: trip["trip_number"])
    assert [trip["commission"] for trip in trips] == [Decimal("0.33333334"), Decimal("0.66666667")]


def test_a_trip_that_begins_and_realises_when_another_ends() -> None:
    """The long one ends with a loss of 2; the short one that begins then earns 3 at once."""
    told = fills((1, "buy", "1", "10"), (2, "sell", "3", "8"), (2, "buy", "1", "5"))
    given = {"raw.order_events": told, "raw.market_ticks": [trade(0, "11")]}
    positions = selects.of("positions_warm", given)
    (turned,) = [row for row in positions if row["snapshot_time"] == at(2)]
    assert (turned["quantity"], turned["realized_pnl"]) == (-1, 1)
    assert turned["max_drawdown"] == 3  # from 1 to -2


def test_the_middle_of_a_cheap_token() -> None:
    """Half a tick is a hundredth of its price: it is not rounded to the ticks of quotes."""
    quote = trade(0, "1") | {
        "kind": "quote", "last_price": None, "last_size": None,
        "bid_price": Decimal("0.00000049"), "ask_price": Decimal("0.0000005"),
    }  # fmt: skip
    told = fills((1, "buy", "1000000", "0.000000495"))
    given = {"raw.order_events": told, "raw.market_ticks": [quote]}
    (row,) = selects.of("order_slippage", given)
    assert (row["mid_price"], row["slippage"]) == (Decimal("0.000000495"), 0)


def test_what_a_spin_off_opened_is_what_it_gave() -> None:
    """Of 10, 4 were sold before: 6 new shares came of the rest, of which 1 was sold."""
    spin_off = {
        **NEW, "exchange": "x", "symbol": "A", "ex_date": (DAY + timedelta(days=1)).date(),
        "kind": "spin_off", "ratio": Decimal(1), "new_symbol": "B", "cost_share": Decimal("0.5"),
        "row_number": 1,
    }  # fmt: skip
    told = fills((1, "buy", "10", "10"), (2, "sell", "4", "10"), (1500, "sell", "1", "9"))
    told[2]["symbol"] = "B"
    given = {
        "raw.order_events": told,
        "raw.corporate_actions": [spin_off],
        "accounts": [{"account_id": "main", "lot_method": "fifo"}],
    }
    lots = {lot["symbol"]: lot for lot in selects.of("lots", given)}
    opened = [(lots[it]["opened_quantity"], lots[it]["remaining_quantity"]) for it in ("A", "B")]
    assert opened == [(10, 6), (6, 5)]


def test_a_price_after_a_split_has_ten_decimals() -> None:
    split = {
        **NEW, "exchange": "x", "symbol": "A", "ex_date": (DAY + timedelta(days=1)).date(),
        "kind": "split", "ratio": Decimal(3), "row_number": 1,
    }  # fmt: skip
    told = [*fills((1, "buy", "1", "10"), (1500, "buy", "1", "3"))]
    given = {
        "raw.order_events": told,
        "raw.market_ticks": [trade(0, "10")],
        "raw.corporate_actions": [split],
    }
    (row,) = [r for r in selects.of("positions_warm", given) if r["snapshot_time"] == at(1500)]
    assert row["current_price"] == Decimal("3.3333333333")


def test_a_fill_that_moves_nothing_closes_nothing() -> None:
    """A sale takes nothing of a long side that is flat: that stays closed since it was."""
    told = fills(
        (1, "buy", "1", "10"), (2, "sell", "1", "10"), (4, "sell", "1", "10"),
        account_id="hedge", position_side="long",
    )  # fmt: skip
    paid = {
        **NEW, "account_id": "hedge", "event_id": "p", "event_time": at(5), "kind": "dividend",
        "amount": Decimal(1), "currency": "USD", "exchange": "x", "symbol": "A", "row_number": 1,
    }  # fmt: skip
    given = {
        "raw.order_events": told,
        "raw.cash_events": [paid],
        "stg_accounts": [{"account_id": "hedge", "hedge_mode": True}],
    }
    closed = {row["snapshot_time"]: row["closed_at"] for row in selects.of("positions_warm", given)}
    assert closed == {at(1): None, at(2): at(2), at(4): at(2), at(5): at(2)}
