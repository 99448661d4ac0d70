"""Lots against fractions, against positions, and against what others published."""

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_ingest.accounting.fold import Transfer, fold, shares_of
from python_ingest.accounting.functions import register
from python_ingest.accounting.lots import NO_ROOM, Changes, Events, Lot, LotFold, Method

from .lot_model import Lots

UNIT, MONEY = 10**10, 10**20
METHODS = list(Method)
Event = tuple[
    Any, ...
]  # quantity, price, ratio; for what is in kind also what it came with and its age

sizes = st.one_of(
    st.integers(-(10**12), 10**12),
    st.integers(-300, 300),
    st.sampled_from([-3 * UNIT, -UNIT, UNIT, 2 * UNIT]),
)
prices = st.one_of(st.integers(1, 10**13), st.integers(1, 6), st.integers(-(10**9), 0))
# New per old, in 1e-8: from 1:1000 to 1000:1, thirds among them.
ratios = st.one_of(st.integers(10**5, 10**11), st.sampled_from([2 * 10**8, 33_333_333, 10**8 // 2]))
fills = st.tuples(sizes, prices, st.none())
transfers = st.tuples(
    sizes.filter(bool), st.just(0), st.none(),
    st.one_of(st.integers(-(10**24), 10**24), st.just(Transfer.OUT)), st.integers(0, 50),
)  # fmt: skip
splits = st.tuples(st.just(0), st.just(0), ratios)
traded = st.lists(st.one_of(fills, fills, fills, fills, splits), min_size=1, max_size=50)
events = st.lists(
    st.one_of(fills, fills, fills, fills, splits, transfers),
    min_size=1, max_size=50,
)  # fmt: skip
whole_fills = st.lists(
    st.tuples(st.integers(-9, 9), st.integers(1, 5)), min_size=1, max_size=50
)  # fmt: skip


def run(method: Method, some: Sequence[Event]) -> Changes:
    return folded(LotFold(method), columns_of(some))


def folded(lots: LotFold, some: Events) -> Changes:
    lots.run(some)
    return lots.changes


def columns_of(some: Sequence[Event], first: int = 1) -> Events:
    """What is no transfer came with nothing, and is as old as its place says."""
    whole = [
        (number, event[4] if len(event) > 3 else number, *event[:3], *(event[3:4] or (None,)))
        for number, event in enumerate(some, start=first)
    ]
    return Events(*(list(column) for column in zip(*whole, strict=True)))


def left(changes: Changes) -> dict[int, tuple[int, int, int | None]]:
    """Of each lot that is open at the end: quantity, opened, cost."""
    found: dict[int, tuple[int, int, int | None]] = {}
    rows = zip(changes.lot, changes.quantity, changes.opened, changes.cost, strict=True)
    for lot, quantity, opened, cost in rows:
        assert lot is not None
        assert quantity is not None
        assert opened is not None
        found[lot] = (quantity, opened, cost)
    return {lot: state for lot, state in found.items() if state[0]}


def at_the_end(changes: Changes) -> tuple[int, int, int]:
    """Quantity, cost and what was realised."""
    quantity = sum(state[0] for state in left(changes).values())
    if not changes.event:
        return 0, 0, 0
    cost, realized = changes.position_cost[-1], changes.realized[-1]
    assert cost is not None
    assert realized is not None
    return quantity, cost, realized


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=200, deadline=None)
@given(some=events)
def test_lots_agree_with_fractions(method: Method, some: list[Event]) -> None:
    """800 runs. Whatever is rounded, quantity and cost are conserved to the last digit."""
    changes, model = run(method, some), Lots(method)
    paid, roundings = 0, Fraction(0)
    is_paid = True
    for size, price, ratio, *transfer in some:
        if ratio is not None:
            model.split(Fraction(*shares_of(ratio)))
        elif not transfer:
            paid += size * price
            model.fill(Fraction(size, UNIT), Fraction(price, UNIT))
        elif transfer[0] is Transfer.OUT:
            is_paid = False
            if model.quantity:  # what costs the average beyond what was held, errors included
                roundings *= 1 + abs(Fraction(size, UNIT) / model.quantity)
            model.take(Fraction(size, UNIT), transfer[1])
        else:
            paid += transfer[0]
            model.bring(Fraction(size, UNIT), Fraction(transfer[0], MONEY), transfer[1])
        roundings += 1 + len(model.open)
    quantity, cost, realized = at_the_end(changes)
    states = left(changes)
    assert {n: Fraction(s[0], UNIT) for n, s in states.items()} == {
        lot.number: lot.quantity for lot in model.open
    }
    assert Fraction(quantity, UNIT) == model.quantity
    assert realized == cost - paid or not is_paid
    if method is not Method.AVERAGE:
        assert sum(state[2] or 0 for state in states.values()) == cost
    # A rounding is of half a unit; the cost that it moves grows no more: what is left is a part.
    assert abs(Fraction(realized, MONEY) - model.realized) <= roundings / MONEY
    earned: dict[tuple[int, int], int] = defaultdict(int)
    expected: dict[tuple[int, int], Fraction] = defaultdict(Fraction)
    for event, lot, own in zip(changes.event, changes.lot, changes.earned, strict=True):
        assert own is not None
        earned[event, lot] += own
    for event, lot, _, own in model.closures:
        expected[event, lot] += own
    for key in earned.keys() | expected.keys():
        difference = abs(Fraction(earned[key], MONEY) - expected[key])
        assert difference <= roundings / MONEY


@settings(max_examples=200, deadline=None)
@given(traded, prices)
def test_all_methods_earn_the_same(some: list[Event], mark: int) -> None:
    """Realised and unrealised together, at every event; average is what the position says."""
    states = fold(*zip(*some, strict=True))
    paid = 0
    for at, (size, price, ratio) in enumerate(some):
        paid += 0 if ratio is not None else size * price
        worth = states.quantity[at] * mark - paid
        assert states.realized[at] + states.quantity[at] * mark - states.cost[at] == worth
    for method in METHODS:
        changes = run(method, some)
        paid = row = 0
        cost = realized = 0
        for at, (size, price, ratio) in enumerate(some):
            paid += 0 if ratio is not None else size * price
            while row < len(changes.event) and changes.event[row] == at + 1:
                cost, realized = changes.position_cost[row] or 0, changes.realized[row] or 0
                row += 1
            assert realized + states.quantity[at] * mark - cost == states.quantity[at] * mark - paid
            if method is Method.AVERAGE:
                assert (cost, realized) == (states.cost[at], states.realized[at])
        assert at_the_end(changes)[0] == states.quantity[-1]


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=100, deadline=None)
@given(some=events, data=st.data())
def test_continuing_from_open_lots_is_the_same_as_never_stopping(
    method: Method, some: list[Event], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(some)))
    whole = run(method, some)
    first = run(method, some[:cut]) if cut else Changes(*([] for _ in Changes._fields))
    ages = dict(zip(first.lot, first.opened_at, strict=True))
    begun = LotFold(
        method,
        tuple(Lot(number, ages[number] or 0, *state) for number, state in left(first).items()),
        first.position_cost[-1] if first.event else 0,
        first.realized[-1] if first.event else 0,
    )
    more = columns_of(some[cut:], cut + 1) if some[cut:] else Events([], [], [], [], [], [])
    rest = folded(begun, more)
    assert all(a + b == c for a, b, c in zip(first, rest, whole, strict=True))


@settings(max_examples=200, deadline=None)
@given(whole_fills)
def test_the_other_side_closes_the_same_lots(some: list[tuple[int, int]]) -> None:
    """A short is a long in a mirror: prices too, or the lowest would be the highest."""
    for method in METHODS:
        here = run(method, [(size * UNIT, price * UNIT, None) for size, price in some])
        there = run(method, [(-size * UNIT, -price * UNIT, None) for size, price in some])
        assert [-(taken or 0) for taken in there.taken] == here.taken
        assert (there.lot, there.cost, there.realized) == (here.lot, here.cost, here.realized)


def closures(changes: Changes) -> list[tuple[int, int, int, int]]:
    """Closing, lot, quantity in wholes and realised in hundredths."""
    rows = zip(changes.event, changes.lot, changes.taken, changes.earned, strict=True)
    return [
        (event, lot, taken // UNIT, (own or 0) // (MONEY // 100))
        for event, lot, taken, own in rows
        if taken
    ]


def bought(*some: tuple[str, str]) -> list[Event]:
    return [(int(Fraction(q) * UNIT), int(Fraction(p) * UNIT), None) for q, p in some]


BUYS = (("10", "10"), ("10", "30"), ("10", "20"), ("10", "30"))


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (Method.FIFO, [(5, 1, 10, 15000), (5, 2, 5, -2500)]),
        (Method.LIFO, [(5, 4, 10, -5000), (5, 3, 5, 2500)]),
        (Method.HIFO, [(5, 2, 10, -5000), (5, 4, 5, -2500)]),  # equal ones: the oldest first
        (Method.AVERAGE, [(5, 1, 10, 2500), (5, 2, 5, 1250)]),
    ],
)
def test_which_lots_a_sale_takes(method: Method, expected: list[tuple[int, ...]]) -> None:
    assert closures(run(method, bought(*BUYS, ("-15", "25")))) == expected


def test_a_short_closes_the_lowest_first() -> None:
    shorts = [(f"-{size}", price) for size, price in BUYS]
    changes = run(Method.HIFO, bought(*shorts, ("15", "15")))
    assert closures(changes) == [(5, 1, -10, -5000), (5, 3, -5, 2500)]


@pytest.mark.parametrize("method", METHODS)
def test_a_fill_through_zero_closes_lots_and_opens_one(method: Method) -> None:
    changes = run(method, bought(("2", "10"), ("3", "20"), ("-9", "15")))
    assert at_the_end(changes) == (-4 * UNIT, -60 * MONEY, -5 * MONEY)
    assert list(left(changes)) == [3]
    assert sum(taken or 0 for taken in changes.taken) == 5 * UNIT


@pytest.mark.parametrize("method", METHODS)
def test_a_split_multiplies_lots_and_keeps_their_cost(method: Method) -> None:
    some: list[Event] = [*bought(("3", "100"), ("1", "80")), (0, 0, 2 * 10**8)]
    costs = (None, None) if method is Method.AVERAGE else (300 * MONEY, 80 * MONEY)
    assert left(run(method, some)) == {
        1: (6 * UNIT, 6 * UNIT, costs[0]),
        2: (2 * UNIT, 2 * UNIT, costs[1]),
    }
    assert at_the_end(run(method, some)) == (8 * UNIT, 380 * MONEY, 0)


def test_a_split_of_a_third_keeps_whole_lots() -> None:
    """0.33333333 is 1 for 3: no lot is left with a remainder that nobody holds."""
    some: list[Event] = [*bought(("3", "10"), ("6", "20")), (0, 0, 33_333_333)]
    assert left(run(Method.FIFO, some)) == {
        1: (UNIT, UNIT, 30 * MONEY),
        2: (2 * UNIT, 2 * UNIT, 120 * MONEY),
    }


def test_a_lot_that_a_split_leaves_nothing_of_loses_its_cost() -> None:
    changes = run(Method.FIFO, [(2, UNIT, None), (400, UNIT, None), (0, 0, 10**6)])
    assert left(changes) == {2: (4, 4, 400 * UNIT)}
    assert at_the_end(changes) == (4, 400 * UNIT, -2 * UNIT)
    assert [changes.event[2], changes.lot[2], changes.taken[2], changes.opened[2]] == [3, 1, 2, 2]


def test_what_has_no_room_is_unknown_from_there_on() -> None:
    large = 9 * 10**27
    some: list[Event] = [
        (2, 5, None), (large, large, None), (-2, 7, None), (1, 1, None), (-large, 3, None),
    ]  # fmt: skip
    for method in METHODS:
        changes = run(method, some)
        at = changes.event.index(2)
        assert None not in changes.realized[:at]
        assert set(changes.realized[at:]) == {None}
        assert changes.event[-1] == 5
    grown = run(Method.FIFO, [(large, 0, None), (0, 0, 10**19), (1, 1, None)])
    assert (grown.quantity, grown.event) == ([large, None], [1, 2])
    assert large * 10**11 > NO_ROOM


# Purchases, a sale, and what was published: the cost of what was sold and the gain.
# IRS, Publication 564 (2009), page 7: Table 3 (its average is rounded to $22.20) and line 5.
IRS_TABLE_3 = (("160", "25"), ("240", "20"), ("10", "30"), ("-210", "32"))
IRS_AVERAGE = (("100", "10"), ("100", "12"), ("100", "26"), ("-150", "20"))
# Firstrade, tax center, "lots".
FIRSTRADE = (("100", "5"), ("100", "7"), ("-150", "10"))
# CertFuel, Series 7, "Cost Valuation Methods".
SERIES_7 = (("100", "30"), ("100", "40"), ("100", "50"), ("-100", "55"))
# randomcalculators.com, "FIFO vs LIFO vs HIFO".
THREE_YEARS = (("1", "1000"), ("2", "9000"), ("5", "6000"), ("-2", "100000"))
# toolstac.com, CoinTracker's tax optimization guide.
BITCOIN_2023 = (("0.5", "23000"), ("0.5", "28000"), ("0.5", "35000"), ("-0.5", "42000"))
# trymerlin.io, glossary, "HIFO".
THREE_COINS = (("1", "20000"), ("1", "30000"), ("1", "25000"), ("-1", "40000"))


@pytest.mark.parametrize(
    ("fills", "method", "cost", "gain"),
    [
        (IRS_TABLE_3, Method.FIFO, 5000, 1720),
        (IRS_AVERAGE, Method.AVERAGE, 2400, 600),
        (FIRSTRADE, Method.FIFO, 850, 650),
        (SERIES_7, Method.FIFO, 3000, 2500),
        (SERIES_7, Method.LIFO, 5000, 500),
        (THREE_YEARS, Method.FIFO, 10000, 190000),
        (THREE_YEARS, Method.LIFO, 12000, 188000),
        (BITCOIN_2023, Method.FIFO, 11500, 9500),
        (BITCOIN_2023, Method.HIFO, 17500, 3500),
        (THREE_COINS, Method.HIFO, 30000, 10000),
    ],
)
def test_published_examples(
    fills: tuple[tuple[str, str], ...], method: Method, cost: int, gain: int
) -> None:
    changes = run(method, bought(*fills))
    assert sum(paid or 0 for paid in changes.taken_cost) == cost * MONEY
    assert changes.realized[-1] == gain * MONEY


def test_the_published_average_is_rounded() -> None:
    changes = run(Method.AVERAGE, bought(*IRS_TABLE_3))
    (entry,) = {price for price in changes.entry_price if price}
    assert round(entry / UNIT, 2) == 22.20


def lot_in_sql(quantity: str, opened: str, cost: str) -> str:
    return (
        f"[{{'symbol': null, 'opening_symbol': null, 'opening_number': null,"
        " 'opening_spin_off': null,"
        f" 'lot_number': 1, 'opened_at': timestamp '2024-01-01', 'quantity': {quantity},"
        f" 'opened_quantity': {opened}, 'cost': {cost}}}]"
    )


def event_in_sql(number: int, quantity: str, price: str, ratio: str = "null") -> str:
    return (
        f"{{'event_number': {number}, 'opened_at': timestamp '2024-01-02', 'quantity': {quantity},"
        f" 'price': {price}, 'ratio': {ratio}, 'transfer': null, 'transfer_cost': null,"
        " 'symbol': null, 'action': null, 'share': null}"
    )


def test_the_function_in_sql_folds_each_row_by_itself() -> None:
    unknown = lot_in_sql("null", "null", "null")
    with duckdb.connect() as connection:
        register(connection)
        found = connection.execute(
            "select method, list_transform(fold_position_lots(method, lots,"
            " [{'symbol': null, 'cost': cost, 'realized': 0}], events),"
            " lambda c: [c.event_number, c.lot_number, c.quantity, c.taken_quantity,"
            " c.realized_pnl_delta, c.position_cost])"
            f" from (values ('fifo', {lot_in_sql('2', '4', '20')}, 20,"
            f"  [{event_in_sql(3, '-1', '12')}, {event_in_sql(5, 'null', 'null', '2')}]),"
            f" ('lifo', [], 0, [{event_in_sql(3, '3', '5')}]),"
            f" ('fifo', {unknown}, null, [{event_in_sql(3, '3', '5')}])"
            ") t(method, lots, cost, events)"
        ).fetchall()
    rows = defaultdict(list)
    for method, changes in found:
        rows[method].append([[float(value) for value in change] for change in changes])
    assert rows == {
        "fifo": [[[3, 1, 1, 1, 2, 10], [5, 1, 2, 0, 0, 10]], []],
        "lifo": [[[3, 3, 3, 0, 0, 15]]],
    }
