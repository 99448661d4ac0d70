"""The average-cost fold: the state of a position after every event.

All values are integers, so no digit is lost: quantities and prices in units of 1e-10, money in
units of 1e-20, as price times quantity gives it. The error of one reduction is at most 5e-21, far
below the 1e-8 that is stored.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

RATIO = 10**8  # a ratio counts 1e-8


class States(NamedTuple):
    """One entry per event, in the order of the events."""

    quantity: list[int]  # signed, in 1e-10
    average: list[int]  # in 1e-10, 0 when flat
    cost: list[int]  # signed like the quantity (for positive prices), in 1e-20
    realized: list[int]  # cumulative and gross, in 1e-20


def fold(  # noqa: PLR0913 - three columns of events and the state they start from
    quantities: Iterable[int],
    prices: Iterable[int],
    ratios: Iterable[int | None],
    *,
    quantity: int = 0,
    cost: int = 0,
    realized: int = 0,
) -> States:
    """Return the state after every event, beginning from (quantity, cost, realized).

    An event is a fill (signed quantity and price in 1e-10, ratio None) or a split (ratio, new per
    old, in 1e-8; its quantity and price are ignored). Adding moves the average; reducing keeps it
    and realises price - average; a fill through zero closes, then opens the rest at its price.
    At every step realized == cost - sum(quantity * price), to the last digit.
    """
    states = States([], [], [], [])
    put_quantity, put_average = states.quantity.append, states.average.append
    put_cost, put_realized = states.cost.append, states.realized.append
    for filled, price, ratio in zip(quantities, prices, ratios, strict=True):
        if ratio is not None:
            quantity = (quantity * ratio + RATIO // 2) // RATIO
            if not quantity:  # a quantity that rounds to zero carries no cost
                realized, cost = realized - cost, 0
        else:
            notional = filled * price
            rest = quantity + filled
            if not rest:
                kept = 0
            elif (quantity >= 0) if filled > 0 else (quantity <= 0):
                kept = cost + notional
            elif (rest > 0) == (quantity > 0):
                kept = (2 * cost * rest + quantity) // (2 * quantity)
            else:
                kept = rest * price
            realized += kept - cost - notional
            cost, quantity = kept, rest
        put_quantity(quantity)
        put_cost(cost)
        put_realized(realized)
        if quantity:
            put_average((2 * cost + quantity) // (2 * quantity))
        else:
            put_average(0)
    return states
