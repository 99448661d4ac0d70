"""The average-cost fold: the state of a position after every event.

All values are integers, so no digit is lost: quantities and prices in units of 1e-10, money in
units of 1e-20, as price times quantity gives it. The error of one reduction is at most 5e-21, far
below the 1e-8 that is stored.
"""

from collections.abc import Iterable, Sequence
from enum import Enum
from fractions import Fraction
from functools import cache
from itertools import repeat
from typing import NamedTuple

RATIO = 10**8  # a ratio counts 1e-8
MOST_OLD_SHARES = 1000
COARSE = 10**8  # a cost that is shared out has 12 decimals: with any multiplier it fits money
TOO_LARGE = 10**38  # what a DECIMAL of 38 digits does not hold


@cache
def shares_of(ratio: int) -> tuple[int, int]:
    """Return the new shares and the old ones that a split's ratio (in 1e-8) means.

    Eight decimals that agree with a fraction of few old shares mean it, so 0.33333333 is 1 for 3.
    The macro split_shares says the same in SQL.
    """
    told = Fraction(ratio, RATIO)
    meant = told.limit_denominator(MOST_OLD_SHARES)
    if not meant or abs(meant - told) * RATIO >= 1:
        return ratio, RATIO
    return meant.numerator, meant.denominator


def after_split(quantity: int, ratio: int) -> int:
    """Return what a split makes of a quantity, in whole units, half up."""
    new, old = shares_of(ratio)
    return (2 * quantity * new + old) // (2 * old)


def share_of_cost(cost: int, share: int) -> int:
    """Return a share (in 1e-8) of a cost, to 12 decimals, half up."""
    return (2 * cost * share + RATIO * COARSE) // (2 * RATIO * COARSE) * COARSE


def within_side(
    quantities: Iterable[int], ratios: Iterable[int | None], side: int, *, quantity: int = 0
) -> list[int]:
    """Return the events' quantities, cut to what keeps a position on its side.

    side: 1 for a position that is long or flat, -1 for one that is short or flat. Others as in
    `fold`, which is given what this returns.
    """
    kept = []
    for filled, ratio in zip(quantities, ratios, strict=True):
        if ratio is not None:
            quantity = after_split(quantity, ratio)
        elif side * (quantity + filled) < 0:
            filled, quantity = -quantity, 0  # noqa: PLW2901
        else:
            quantity += filled
        kept.append(filled)
    return kept


class Transfer(Enum):
    """What goes out in kind: it takes its share of the cost and realises nothing."""

    OUT = "out"


Moved = int | Transfer | None
"""What an event's quantity came with: a cost of its own (signed, in 1e-20), or None for a fill."""


def costs_within(
    moved: Iterable[Moved], quantities: Iterable[int], kept: Iterable[int]
) -> list[Moved]:
    """Return what the quantities came with, cut to their share as `within_side` cut those."""
    return [
        (2 * cost * part + whole) // (2 * whole)
        if isinstance(cost, int) and part != whole
        else cost
        for cost, whole, part in zip(moved, quantities, kept, strict=True)
    ]


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
    moved: Iterable[Moved] | None = None,
    *,
    quantity: int = 0,
    cost: int = 0,
    realized: int = 0,
) -> States:
    """Return the state after every event, beginning from (quantity, cost, realized).

    An event is a fill (signed quantity and price in 1e-10, ratio None) or a split (ratio, new per
    old, in 1e-8; its quantity and price are ignored). Adding moves the average; reducing keeps it
    and realises price - average; a fill through zero closes, then opens the rest at its price.
    What comes in kind is a fill at a cost of its own; what goes out keeps the average, beyond what
    was held too, and realises nothing.
    At every step realized == cost - sum(what was paid), to the last digit; what goes out is paid
    with its share of the cost.
    """
    states = States([], [], [], [])
    put_quantity, put_average = states.quantity.append, states.average.append
    put_cost, put_realized = states.cost.append, states.realized.append
    events = zip(quantities, prices, ratios, strict=True)
    transfers = repeat(None) if moved is None else moved
    for (filled, price, ratio), transfer in zip(events, transfers, strict=False):
        if ratio is not None:
            quantity = after_split(quantity, ratio)
            if not quantity:  # a quantity that rounds to zero carries no cost
                realized, cost = realized - cost, 0
        else:
            notional = filled * price if transfer is None else transfer
            rest = quantity + filled
            if notional is Transfer.OUT:
                kept = (2 * cost * rest + quantity) // (2 * quantity) if quantity else 0
                notional = kept - cost
            elif not rest:
                kept = 0
            elif (quantity >= 0) if filled > 0 else (quantity <= 0):
                kept = cost + notional
            elif (rest > 0) == (quantity > 0):
                kept = (2 * cost * rest + quantity) // (2 * quantity)
            elif transfer is None:
                kept = rest * price
            else:
                kept = (2 * notional * rest + filled) // (2 * filled)
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


def that_fit(
    states: States, *, known_quantity: bool, is_known: bool
) -> Sequence[Sequence[int | None]]:
    """Leave out what a DECIMAL of 38 digits does not hold, and all that follows from it."""
    quantity, average, cost, realized = states
    if is_known and all(
        min(part, default=0) > -TOO_LARGE and max(part, default=0) < TOO_LARGE for part in states
    ):
        return states
    kept = 0 if not known_quantity else _first_too_large(quantity)
    unknown = 0 if not is_known else min(_first_too_large(cost, realized), kept + 1)
    rest = [None] * (len(quantity) - unknown)
    return (
        quantity[:kept] + [None] * (len(quantity) - kept),
        average[:unknown] + rest,
        cost[:unknown] + rest,
        realized[:unknown] + rest,
    )


def _first_too_large(*parts: list[int]) -> int:
    return min(
        next((at for at, value in enumerate(part) if abs(value) >= TOO_LARGE), len(part))
        for part in parts
    )
