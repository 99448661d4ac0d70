"""The fold against fractions, and against what others published."""

from __future__ import annotations

from fractions import Fraction

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_ingest.accounting.dbt_plugin import register
from python_ingest.accounting.fold import fold

from .published import FILES, STARTED_WITH, sequences
from .trading_model import Position

TOLERANCE = Fraction(1, 10**8)

sizes = st.one_of(
    st.integers(-(10**12), 10**12), st.integers(-300, 300), st.sampled_from([-(10**8), 10**8])
).filter(bool)
prices = st.one_of(st.integers(1, 10**13), st.integers(1, 300), st.integers(-(10**9), 0))
fills = st.lists(st.tuples(sizes, prices), min_size=1, max_size=60)
# New per old, in 1e-8: from 1:1000 to 1000:1, thirds among them.
ratios = st.one_of(st.integers(10**5, 10**11), st.sampled_from([2 * 10**8, 33_333_333, 10**8 // 2]))
events = st.lists(
    st.one_of(
        st.tuples(sizes, prices, st.none()), st.tuples(st.just(0), st.just(0), ratios)
    ),
    min_size=1, max_size=60,
)  # fmt: skip


def exact(units: int, digits: int = 8) -> Fraction:
    return Fraction(units, 10**digits)


Event = tuple[int, int, int | None]


@settings(max_examples=400, deadline=None)
@given(events)
def test_every_state_agrees_with_fractions(events: list[Event]) -> None:
    states = fold(*zip(*events, strict=True))
    position, paid = Position(), Fraction(0)
    for at, (size, price, ratio) in enumerate(events):
        if ratio is None:
            position.fill(exact(size), exact(price))
        else:
            position.split(exact(ratio))
        paid += exact(size) * exact(price)
        assert exact(states.quantity[at]) == position.quantity
        assert abs(exact(states.average[at]) - position.average) <= TOLERANCE
        assert abs(exact(states.realized[at], 24) - position.realized) <= TOLERANCE
        # Conservation, to the last digit: what was realised is what is held less what was paid.
        assert exact(states.realized[at], 24) == exact(states.cost[at], 24) - paid


@settings(max_examples=100, deadline=None)
@given(events, st.data())
def test_continuing_from_a_state_is_the_same_as_never_stopping(
    events: list[Event], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(events)))
    sizes, prices, ratios = zip(*events, strict=True)
    whole = fold(sizes, prices, ratios)
    first = fold(sizes[:cut], prices[:cut], ratios[:cut])
    start = (
        {"quantity": first.quantity[-1], "cost": first.cost[-1], "realized": first.realized[-1]}
        if cut
        else {}
    )
    rest = fold(sizes[cut:], prices[cut:], ratios[cut:], **start)
    assert all(a + b == c for a, b, c in zip(first, rest, whole, strict=True))


@settings(max_examples=100, deadline=None)
@given(fills)
def test_the_other_side_sees_the_mirror_image(events: list[tuple[int, int]]) -> None:
    sizes, prices = zip(*events, strict=True)
    here = fold(sizes, prices, [None] * len(sizes))
    there = fold([-size for size in sizes], prices, [None] * len(sizes))
    assert [-quantity for quantity in there.quantity] == here.quantity
    for mine, other in zip(here.realized, there.realized, strict=True):
        assert abs(mine + other) <= 2 * len(sizes)  # units of 1e-24


def test_a_split_keeps_the_cost() -> None:
    unit = 10**8
    states = fold([3 * unit, 0, -6 * unit], [100 * unit, 0, 60 * unit], [None, 2 * unit, None])
    assert states.quantity == [3 * unit, 6 * unit, 0]
    assert states.average == [100 * unit, 50 * unit, 0]
    assert states.realized[-1] == 60 * 10**24


def test_a_split_that_leaves_nothing_realises_the_cost() -> None:
    states = fold([1, 0], [10**8, 0], [None, 10**6])
    assert (states.quantity, states.cost, states.realized) == ([1, 0], [10**16, 0], [0, -(10**16)])


def test_lists_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shorter|longer"):
        fold([1], [1, 2], [None])


def as_units(value: Fraction) -> int:
    units = value * 10**8
    assert units.denominator == 1
    return int(units)


# Lean: 11 values of 13 fills, less the average of a flat position. Barter: 3 or 4 of 16, less 2.
@pytest.mark.parametrize(("name", "values"), [(FILES[0], 142), (FILES[1], 54)])
def test_every_published_value(name: str, values: int) -> None:
    checked = 0
    for rows in sequences(name).values():
        prices = [as_units(Fraction(row["price"])) for row in rows]
        states = fold([as_units(row.signed) for row in rows], prices, [None] * len(rows))
        commission, realized = Fraction(0), Fraction(0)
        for at, row in enumerate(rows):
            own = exact(states.realized[at], 24) - realized
            realized += own
            commission += Fraction(row["commission"])
            held, average = exact(states.quantity[at]), exact(states.average[at])
            unrealized = held * (Fraction(row["price"]) - average)
            equity = STARTED_WITH + realized - commission + unrealized
            got = {
                "position_qty": held,
                "avg_entry_price": average,
                "gross_realized": own,
                "net_realized": own - Fraction(row["commission"]),
                "cum_gross_realized": realized,
                "cum_net_realized": realized - commission,
                "flipped": at > 0 and held * states.quantity[at - 1] < 0,
                "is_duplicate": False,
                "unreal": unrealized,
                "equity": equity,
                "lean_equity": equity,
            }
            for what, value in row.expected().items():
                assert got[what] == value, (row, what)
                checked += 1
    assert checked == values


def test_sql_gets_the_states_of_the_fold() -> None:
    connection = duckdb.connect()
    register(connection)
    found = connection.sql(
        """
        with events as (
            select i % 3 as k, i, ((i * 7919) % 2003 - 1001) * 1000003 as size, i * 104729 as price
            from range(1, 6001) t(i)
        ),
        lists as (
            select k, list({'quantity': size, 'price': price,
                            'ratio': if(i % 500 = 0, 200000000, null)::bigint} order by i) as events
            from events group by k
        )
        select k, list_transform(events, lambda e: e.quantity),
            list_transform(events, lambda e: e.price), list_transform(events, lambda e: e.ratio),
            fold_positions(5::decimal(38, 8), 7::decimal(38, 24), 9::decimal(38, 24), events)
        from lists
        """
    ).fetchall()
    assert len(found) == 3
    for _, sizes, prices, ratios, states in found:
        expected = fold(
            sizes, prices, ratios, quantity=5 * 10**8, cost=7 * 10**24, realized=9 * 10**24
        )
        for at, state in enumerate(states):
            assert Fraction(state["quantity"]) == exact(expected.quantity[at])
            assert Fraction(state["average_price"]) == exact(expected.average[at])
            assert Fraction(state["cost"]) == exact(expected.cost[at], 24)
            assert Fraction(state["realized"]) == exact(expected.realized[at], 24)
