"""Random but seeded trading days, each in a symbol of its own, so that one dbt build judges all."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

START = datetime(2024, 1, 2, 9, 0)
UNIT = 10**8


def decimal_text(units: int) -> str:
    sign = "-" if units < 0 else ""
    return f"{sign}{abs(units) // UNIT}.{abs(units) % UNIT:08d}"


@dataclass
class Fill:
    """A fill as it should count in the end."""

    at: datetime
    number: int
    order_id: str
    signed: Fraction
    price: Fraction
    commission: Fraction
    strategy: str


@dataclass
class Case:
    exchange: str
    symbol: str
    events: list[dict[str, Any]] = field(default_factory=list)
    ticks: list[dict[str, Any]] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    status: dict[str, str] = field(default_factory=dict)


def random_cases(seed: int, count: int) -> list[Case]:
    """Cases whose events hold duplicates, busts, chains of corrections, late fills and flips.

    Trade ids are unique within an order only.
    """
    rng = random.Random(seed)  # noqa: S311
    return [_case(rng, number) for number in range(count)]


def _case(rng: random.Random, number: int) -> Case:
    # Every third symbol trades on two exchanges.
    case = Case(["alpaca", "binance"][number % 2], f"S{number // 2 if number % 3 else number}")
    case.symbol = f"S{number - 1}" if number % 6 == 1 else f"S{number}"
    small = rng.random() < 0.3
    for index in range(rng.randint(1, 9)):
        _order(rng, case, f"{case.exchange}-{case.symbol}-{index}", small)
    case.fills.sort(key=lambda fill: (fill.at, fill.number))
    for minute in sorted(rng.sample(range(0, 60 * 20), rng.choice([0, 3, 25]))):
        case.ticks.append(
            {
                "exchange": case.exchange,
                "symbol": case.symbol,
                "timestamp": str(START + timedelta(minutes=minute, seconds=rng.randint(0, 59))),
                "last_price": decimal_text(rng.randint(1, 300 * UNIT)),
                "last_size": "1",
                "trade_id": str(minute),
            }
        )
    return case


def _order(rng: random.Random, case: Case, order_id: str, small: bool) -> None:
    side = rng.choice(["buy", "sell"])
    strategy = rng.choice(["alpha", "beta", None])
    quantity = rng.randint(1, 50) if small else rng.randint(1, 500 * UNIT)
    opened = START + timedelta(minutes=rng.randint(0, 60 * 20))
    common = {
        "exchange": case.exchange,
        "symbol": case.symbol,
        "order_id": order_id,
        "client_order_id": f"client-{order_id}",
        "side": side,
        "quantity": decimal_text(quantity),
    }

    def event(name: str, kind: str, at: datetime, **more: Any) -> dict[str, Any]:
        row = {
            **common,
            "event_id": f"{order_id}-{name}",
            "event_type": kind,
            "event_time": str(at),
            **more,
        }
        case.events.append(row)
        return row

    event("new", "created", opened, strategy_id=strategy)
    if rng.random() < 0.8:
        event("sub", "submitted", opened + timedelta(seconds=1))
    left, valid, at, busted, index = quantity, 0, opened, False, 0
    target = quantity if rng.random() < 0.6 else rng.randint(0, quantity)
    while target > 0 and left > quantity - target and index < 4:
        size = left - (quantity - target) if index == 3 else rng.randint(1, target)
        size = min(size, left - (quantity - target))
        left -= size
        # Ties in time are decided by the sequence number.
        at = at if rng.random() < 0.2 else at + timedelta(seconds=rng.randint(1, 9000))
        fill = Fill(
            at=at,
            number=index,
            order_id=order_id,
            signed=Fraction(size if side == "buy" else -size, UNIT),
            price=Fraction(rng.randint(1, 300 * UNIT), UNIT),
            commission=Fraction(rng.randint(-100, 1000), 1000),
            strategy=strategy or "unassigned",
        )
        # The trades of every order begin with the same number.
        kept = _fill_events(rng, event, fill, f"t{index}", left == 0)
        if kept:
            case.fills.append(kept)
            valid += abs(kept.signed * UNIT)
        else:
            busted = True
        index += 1
    ended = rng.choice([None, None, "cancelled", "rejected", "expired"])
    if ended:
        event("end", ended, at + timedelta(seconds=1))
    claimed = quantity - left
    if valid >= quantity or (valid and not left and not busted):  # called filled, corrected down
        status = "filled"
    elif ended:
        status = "rejected" if ended == "rejected" else "cancelled"
    elif busted and claimed >= quantity:
        status = "cancelled"
    elif valid:
        status = "partial"
    else:
        submitted = any(
            e["event_type"] == "submitted" and e["order_id"] == order_id for e in case.events
        )
        status = "submitted" if submitted else "pending"
    case.status[order_id] = status


def _fill_events(
    rng: random.Random, event: Any, fill: Fill, trade_id: str, last: bool
) -> Fill | None:
    """The events that tell of one fill; returns what counts, None when it was busted."""
    values = {
        "trade_id": trade_id,
        "exchange_trade_id": f"x-{trade_id}",
        "fill_quantity": decimal_text(int(abs(fill.signed) * UNIT)),
        "fill_price": decimal_text(int(fill.price * UNIT)),
        "commission": decimal_text(int(fill.commission * UNIT)),
        "sequence_number": fill.number,
    }
    kind = "fill" if last else "partial_fill"
    event(trade_id, kind, fill.at, **values)
    told_again = rng.random()
    if told_again < 0.2:  # by REST, and otherwise by another websocket: what REST said counts
        event(trade_id, kind, fill.at, **values, source="rest")
        price = fill.price + 7
        event(trade_id, kind, fill.at, **values | {"fill_price": decimal_text(int(price * UNIT))})
    elif told_again < 0.5:  # the same fill again by REST, under another event id and price
        price = fill.price + Fraction(rng.randint(0, 5))
        event(
            f"rest-{trade_id}", kind, fill.at, **values
            | {"fill_price": decimal_text(int(price * UNIT)), "source": "rest"},
        )  # fmt: skip
        fill.price = price
    draw = rng.random()
    names = [{"trade_id": trade_id}, {"exchange_trade_id": f"x-{trade_id}"}]
    for number in range(rng.choice([1, 1, 2, 3]) if 0.05 < draw < 0.2 else 0):
        fill.price += 1
        told = {"fill_price": decimal_text(int(fill.price * UNIT))}
        if rng.random() < 0.3 and abs(fill.signed) * UNIT > 1:
            fill.signed = Fraction(int(fill.signed * UNIT / 2), UNIT)
            told["fill_quantity"] = decimal_text(int(abs(fill.signed) * UNIT))
        row = event(
            f"fix{number}-{trade_id}", "trade_correct", fill.at + timedelta(minutes=30 + number),
            **rng.choice(names), **told,
        )  # fmt: skip
        names.append({"trade_id": row["event_id"]})
    if draw < 0.1:  # a bust of the fill, or of a correction
        event(f"bust-{trade_id}", "trade_bust", fill.at + timedelta(hours=1), **rng.choice(names))
        return None
    return fill
