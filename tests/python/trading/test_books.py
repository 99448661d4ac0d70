"""Books that corporate actions link: nothing is lost between them, whatever is held of any."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from python_ingest.accounting.books import (
    CASH_IN_LIEU,
    SPIN_OFF_IN,
    SPIN_OFF_OUT,
    SYMBOL_IN,
    SYMBOL_OUT,
    Book,
    BookEvents,
    BookStates,
    fold_books,
)
from python_ingest.accounting.lot_books import Legs, fold_lot_books
from python_ingest.accounting.lots import Events, Method

Event = tuple[str, int, int, int | None, str | None, int | None]  # of one book
UNIT = 10**10
SYMBOLS = ("A", "B", "C")
names = st.sampled_from(SYMBOLS)
pairs = st.permutations(SYMBOLS).map(lambda some: (some[0], some[1]))
sizes = st.integers(-5 * UNIT, 5 * UNIT).filter(bool)
prices = st.integers(0, 100 * UNIT)
fills = st.tuples(names, sizes, prices).map(lambda it: [(*it, None, None, None)])
changes = pairs.map(
    lambda it: [(it[0], 0, 0, None, SYMBOL_OUT, None), (it[1], 0, 0, None, SYMBOL_IN, None)]
)
spin_offs = st.tuples(pairs, st.sampled_from([10**8, 3 * 10**7]), st.integers(0, 10**8)).map(
    lambda it: [
        (it[0][0], 0, 0, it[1], SPIN_OFF_OUT, it[2]), (it[0][1], 0, 0, None, SPIN_OFF_IN, None),
    ]
)  # fmt: skip
in_lieu = st.tuples(names, prices).map(lambda it: [(it[0], 0, it[1], None, CASH_IN_LIEU, None)])
traded = st.lists(
    st.one_of(fills, fills, fills, changes, spin_offs, in_lieu), min_size=1, max_size=25
)


def columns(events: list[Event]) -> BookEvents:
    symbol, quantity, price, ratio, action, share = (list(c) for c in zip(*events, strict=True))
    return BookEvents(quantity, price, ratio, [None] * len(events), symbol, action, share)


def after(states: BookStates, events: list[Event]) -> dict[str, tuple[int, int, int]]:
    """Quantity, cost and what was realised of each book after the last event."""
    last = {}
    for at, event in enumerate(events):
        quantity, cost, realized = states.quantity[at], states.cost[at], states.realized[at]
        assert quantity is not None
        assert cost is not None
        assert realized is not None
        last[event[0]] = quantity, cost, realized
    return last


def paid(events: list[Event], states: BookStates) -> int:
    """What fills cost, and cash in lieu brought, by the quantities alone."""
    held: dict[str, int] = {}
    total = 0
    for at, (symbol, size, price, _, action, _) in enumerate(events):
        quantity = states.quantity[at] or 0
        if action == CASH_IN_LIEU:
            size = quantity - held.get(symbol, 0)  # noqa: PLW2901
        total += size * price
        held[symbol] = quantity
    return total


MOVED: list[Event] = [("A", 0, 0, None, SYMBOL_OUT, None), ("B", 0, 0, None, SYMBOL_IN, None)]
SOLD: Event = ("A", -1, 0, None, None, None)
ONE_LOT_IS_CLOSED_BY_TWO = [[("A", 2, 0, None, None, None)], MOVED, [SOLD], [SOLD], MOVED]


@settings(max_examples=300, deadline=None)
@given(traded)
def test_cost_is_paid_whatever_moves_between_books(steps: list[list[Event]]) -> None:
    """To the last digit: what was realised is what is left of the cost, less what was paid."""
    events = [event for step in steps for event in step]
    states = fold_books((), columns(events))
    last = after(states, events)
    cost, realized = (sum(state[place] for state in last.values()) for place in (1, 2))
    assert realized == cost - paid(events, states)
    for at, event in enumerate(events):
        if event[4] == SYMBOL_OUT:
            assert (states.quantity[at], states.cost[at]) == (0, 0)
        if event[4] == CASH_IN_LIEU:
            assert (states.quantity[at] or 0) % UNIT == 0


@settings(max_examples=200, deadline=None)
@given(traded, st.data())
def test_a_fold_in_two_parts_is_a_fold_in_one(
    steps: list[list[Event]], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(steps) - 1))
    first, rest = (
        [event for step in some for event in step] for some in (steps[:cut], steps[cut:])
    )
    whole = fold_books((), columns([*first, *rest]))
    begun = after(whole, first)
    books = [Book(symbol, *state) for symbol, state in begun.items()]
    states = fold_books(books, columns(rest))
    for place in range(4):
        assert states[place] == whole[place][len(first) :]


@settings(max_examples=200, deadline=None)
@given(traded)
def test_what_comes_to_a_position_may_be_older(steps: list[list[Event]]) -> None:
    """A position is as old as its oldest part that still is on its side."""
    events = [event for step in steps for event in step]
    states = fold_books((), columns(events))
    held: dict[str, int] = {}
    since: dict[str, int] = {}  # the step that opened what is held
    given = (0, 0)
    for at, (symbol, _, _, _, action, _) in enumerate(events):
        before, now = held.get(symbol, 0), states.quantity[at] or 0
        if action == SYMBOL_OUT:
            given = before, since.get(symbol, 0)
        parts = [since[symbol]] if before * now > 0 else []
        if action == SYMBOL_IN and given[0] * now > 0:
            parts.append(given[1])
            opening = states.opening[at]
            assert opening is not None
            assert opening.step == min(parts)
        else:
            assert states.opening[at] is None
        held[symbol] = now
        since[symbol] = min(parts, default=at + 1)


def test_of_two_that_were_open_before_either_may_be_older() -> None:
    events: list[Event] = [
        ("A", 0, 0, None, SYMBOL_OUT, None), ("B", 0, 0, None, SYMBOL_IN, None),
        ("B", 0, 0, None, SYMBOL_OUT, None), ("C", 0, 0, None, SYMBOL_IN, None),
    ]  # fmt: skip
    states = fold_books([Book("A", UNIT, 5), Book("B", UNIT, 5)], columns(events))
    assert states.opening[1] == states.opening[3] == (0, ("B", "A"))


@pytest.mark.parametrize("method", list(Method))
@settings(max_examples=100, deadline=None)
@given(steps=traded)
@example(steps=ONE_LOT_IS_CLOSED_BY_TWO)
def test_lots_are_the_positions(method: Method, steps: list[list[Event]]) -> None:
    """The open lots of each book are its quantity; all methods earn the same over all books."""
    events = [event for step in steps for event in step]
    told = columns(events)
    states = fold_books((), told)
    numbers: dict[str, int] = {}
    held: dict[str, int] = {}
    rows: list[tuple[int, int, int, int, int | None, None]] = []
    for at, (symbol, _, price, ratio, _, _) in enumerate(events):
        quantity = states.quantity[at] or 0
        numbers[symbol] = numbers.get(symbol, 0) + 1
        rows.append((numbers[symbol], at, quantity - held.get(symbol, 0), price, ratio, None))
        held[symbol] = quantity
    actions = [None if action == CASH_IN_LIEU else action for action in told.action]
    found = fold_lot_books(
        method, (), Events(*(list(column) for column in zip(*rows, strict=True))),
        Legs(told.symbol, actions, told.share),
    )  # fmt: skip
    earned = 0
    for book, changed, _ in found:
        quantities = dict(zip(changed.lot, changed.quantity, strict=True))
        assert sum(quantity or 0 for quantity in quantities.values()) == held[book or ""]
        if changed.lot:
            earned += (changed.realized[-1] or 0) - (changed.position_cost[-1] or 0)
    last = after(states, events)
    assert earned == sum(realized - cost for _, cost, realized in last.values())
    if method is Method.AVERAGE:
        for book, changed, _ in found:
            if changed.lot:
                ends = (changed.position_cost[-1], changed.realized[-1])
                assert ends == last[book or ""][1:]
