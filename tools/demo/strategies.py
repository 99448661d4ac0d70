"""One scenario per order: each scenario once, then drawn by weight."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from tools.demo.desk import DAY, SECOND, SUBMIT_MICROS, Desk, Event

FAR = 500_000
NEAR = 100
OUT_OF_REACH = 2_000
IOC_MICROS = 50_000

Play = Callable[[Desk, str, int, int, int], None]
"""(desk, side, quantity, index of the first print, index of the print where time is up)."""


def _market(desk: Desk, side: str, quantity: int, start: int, end: int) -> None:
    desk.fill_at_market(desk.open(side, "market", quantity, start), start, end)


def _flip(desk: Desk, side: str, quantity: int, start: int, end: int) -> None:
    """Trade through zero: sell more than is held, or buy back more than was sold."""
    lot = desk.terms.lot
    if desk.position:
        side = "sell" if desk.position > 0 else "buy"
        quantity += abs(desk.position) // lot * lot
    _market(desk, side, quantity, start, end)


def _limit(desk: Desk, side: str, quantity: int, start: int, end: int) -> None:
    price = desk.price_off(side, start, NEAR)
    order = desk.open(side, "limit", quantity, start, price=price, time_in_force="gtc")
    desk.fill_at_limit(order, start, end)


def _limit_out_of_reach(desk: Desk, side: str, quantity: int, start: int, end: int) -> None:
    price = desk.price_off(side, start, OUT_OF_REACH)
    order = desk.open(side, "limit", quantity, start, price=price)
    desk.fill_at_limit(order, start, end)


def _replace(desk: Desk, side: str, quantity: int, start: int, end: int) -> None:
    price = desk.price_off(side, start, FAR)
    order = desk.open(side, "limit", quantity, start, price=price, time_in_force="gtc")
    later = start + (end - start) // 3
    order["quantity"] = desk.left = quantity + desk.terms.lot
    order["price"] = desk.price_off(side, later, -NEAR)
    moment = max(desk.time(later), desk.events[-1]["event_time"])
    desk.record(order, "replaced", moment)
    desk.fill_at_limit(order, later, end)


def _stop(desk: Desk, side: str, quantity: int, start: int, end: int) -> None:
    """Protects the last filled order: becomes a market order when the price moves away."""
    trigger = desk.price_off("sell" if side == "buy" else "buy", start, NEAR)
    order = desk.open(
        side, "stop", quantity, start, stop_price=trigger, parent_order_id=desk.last_filled
    )
    prices = desk.prints.prices[start:end]
    hit = np.flatnonzero(prices >= trigger if side == "buy" else prices <= trigger)
    if len(hit):
        desk.fill_at_market(order, start + int(hit[0]), end)
    else:
        desk.record(order, "cancelled", desk.time(end), status_message="never triggered")


def _immediate_or_cancel(desk: Desk, side: str, quantity: int, start: int, end: int) -> None:
    price = desk.price_off(side, start, FAR)
    order = desk.open(side, "limit", quantity, start, price=price, time_in_force="ioc")
    moment = desk.time(start) + SUBMIT_MICROS + IOC_MICROS
    desk.record(order, "expired", moment, status_message="nothing offered at this price")


def _good_for_the_day(desk: Desk, side: str, quantity: int, start: int, end: int) -> None:
    price = desk.price_off(side, start, FAR)
    order = desk.open(side, "limit", quantity, start, price=price)
    moment = (desk.time(start) // DAY + 1) * DAY
    desk.record(order, "expired", moment, status_message="good for the day only")


def _reject(desk: Desk, side: str, quantity: int, start: int, end: int) -> None:
    order = desk.open(side, "market", quantity * 10_000, start, submit=False)
    moment = desk.time(start) + SUBMIT_MICROS
    desk.record(order, "rejected", moment, status_message="risk check: buying power exceeded")


def _bust(desk: Desk, side: str, quantity: int, start: int, end: int) -> None:
    order = desk.open(side, "market", quantity, start)
    fill = desk.fill_at_market(order, start, end)
    desk.record(
        order,
        "trade_bust",
        fill["event_time"] + SECOND,
        **_named(fill),
        status_message="busted by the exchange: clearly erroneous",
    )
    desk.undo(order, fill)


def _correct(desk: Desk, side: str, quantity: int, start: int, end: int) -> None:
    """The exchange restates one fill a little better."""
    order = desk.open(side, "market", quantity, start)
    fill = desk.fill_at_market(order, start, end)
    step = int(desk.prints.prices[start]) - desk.price_off("buy", start, NEAR)
    better = fill["fill_price"] + (step if side == "sell" else -step)
    desk.record(
        order,
        "trade_correct",
        fill["event_time"] + SECOND,
        **_named(fill),
        fill_quantity=fill["fill_quantity"],
        fill_price=better,
        commission=fill["commission"],
        commission_currency=fill["commission_currency"],
        fees=fill["fees"],
        status_message="price improved after the trade",
    )


def _named(fill: Event) -> Event:
    return {key: fill[key] for key in ("trade_id", "exchange_trade_id")}


SCENARIOS: list[tuple[Play, int]] = [
    (_market, 30),
    (_limit, 25),
    (_flip, 10),
    (_reject, 3),
    (_limit_out_of_reach, 14),
    (_replace, 8),
    (_stop, 5),
    (_immediate_or_cancel, 2),
    (_good_for_the_day, 1),
    (_bust, 1),
    (_correct, 1),
]
"""Each with its weight."""


def trade(desk: Desk, orders: int, *, flat_at_end: bool = False) -> None:
    """Place `orders` orders, one after the other, each in its own stretch of the prints.

    `flat_at_end` adds a market order that closes what is still held.
    """
    orders = min(orders, len(desk.prints.times) // 4)
    bounds = np.linspace(0, len(desk.prints.times) - 1, orders + 2).astype(int).tolist()
    plays, weights = zip(*SCENARIOS, strict=True)
    for start, end in pairwise(bounds[:-1]):
        first_round = desk.placed < len(plays)
        play = plays[desk.placed] if first_round else desk.rng.choices(plays, weights)[0]
        lots = desk.rng.randint(max(1, desk.terms.order_lots // 2), desk.terms.order_lots * 2)
        play(desk, _side(desk), lots * desk.terms.lot, start, end)
    if flat_at_end and desk.position:
        side = "sell" if desk.position > 0 else "buy"
        _market(desk, side, abs(desk.position), bounds[-2], bounds[-1])


def _side(desk: Desk) -> str:
    """Return the side that reduces a large position."""
    if abs(desk.position) > 4 * desk.terms.order_lots * desk.terms.lot:
        return "sell" if desk.position > 0 else "buy"
    return desk.rng.choice(["buy", "sell"])


def merged(desks: list[Desk], prefix: str) -> list[Event]:
    """Return the events of all desks in time order, numbered; `event_id` begins with `prefix`."""
    events = sorted(
        (event for desk in desks for event in desk.events), key=lambda event: event["event_time"]
    )
    return [
        {**event, "event_id": f"{prefix}-{number:06d}", "sequence_number": number}
        for number, event in enumerate(events, 1)
    ]
