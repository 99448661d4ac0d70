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

TOLERANCE = Fraction(1, 10**10)
UNIT, MONEY = 10**10, 10**20
HALF_OF_UNIT, HALF_OF_MONEY = Fraction(1, 2 * UNIT), Fraction(1, 2 * MONEY)

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


def exact(units: int, digits: int = 10) -> Fraction:
    return Fraction(units, 10**digits)


Event = tuple[int, int, int | None]


@settings(max_examples=400, deadline=None)
@given(events)
def test_every_state_agrees_with_fractions(events: list[Event]) -> None:
    """Each reduction rounds the cost once; what is left of such errors, the average shows."""
    states = fold(*zip(*events, strict=True))
    position, paid, error = Position(), Fraction(0), Fraction(0)
    for at, (size, price, ratio) in enumerate(events):
        before = position.quantity
        if ratio is None:
            position.fill(exact(size), exact(price))
        else:
            position.split(exact(ratio, 8))
        paid += exact(size) * exact(price)
        left = position.quantity / before if before else Fraction(0)
        if left <= 0:  # what is held now was bought at one price
            error = Fraction(0)
        elif ratio is None and left < 1:
            error = error * left + HALF_OF_MONEY
        assert exact(states.quantity[at]) == position.quantity
        if position.quantity:
            allowed = HALF_OF_UNIT + error / abs(position.quantity)
            assert abs(exact(states.average[at]) - position.average) <= allowed
        else:
            assert states.average[at] == 0
        assert abs(exact(states.realized[at], 20) - position.realized) <= TOLERANCE
        # Conservation, to the last digit: what was realised is what is held less what was paid.
        assert exact(states.realized[at], 20) == exact(states.cost[at], 20) - paid


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
        assert abs(mine + other) <= 2 * len(sizes)  # units of 1e-20


def test_a_split_keeps_the_cost() -> None:
    states = fold([3 * UNIT, 0, -6 * UNIT], [100 * UNIT, 0, 60 * UNIT], [None, 2 * 10**8, None])
    assert states.quantity == [3 * UNIT, 6 * UNIT, 0]
    assert states.average == [100 * UNIT, 50 * UNIT, 0]
    assert states.realized[-1] == 60 * MONEY


def test_a_split_that_leaves_nothing_realises_the_cost() -> None:
    states = fold([1, 0], [UNIT, 0], [None, 10**6])
    assert (states.quantity, states.cost, states.realized) == ([1, 0], [UNIT, 0], [0, -UNIT])


def test_lists_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shorter|longer"):
        fold([1], [1, 2], [None])


def as_units(value: Fraction) -> int:
    units = value * UNIT
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
            own = exact(states.realized[at], 20) - realized
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
            select i % 3 as k, i, ((i * 7919) % 2003 - 1001) * 0.0001000003 as size,
                i * 0.0000104729 as price
            from range(1, 6001) t(i)
        ),
        lists as (
            select k, list({'quantity': size::decimal(38, 10), 'price': price::decimal(38, 10),
                            'ratio': if(i % 500 = 0, 2, null)::decimal(18, 8)} order by i) as events
            from events group by k
        )
        select k, list_transform(events, lambda e: (e.quantity * 10000000000)::bigint),
            list_transform(events, lambda e: (e.price * 10000000000)::bigint),
            list_transform(events, lambda e: (e.ratio * 100000000)::bigint),
            fold_positions(5::decimal(38, 10), 7::decimal(38, 20), 9::decimal(38, 20), events)
        from lists
        """
    ).fetchall()
    assert len(found) == 3
    for _, sizes, prices, ratios, states in found:
        expected = fold(
            sizes, prices, ratios, quantity=5 * UNIT, cost=7 * MONEY, realized=9 * MONEY
        )
        for at, state in enumerate(states):
            assert Fraction(state["quantity"]) == exact(expected.quantity[at])
            assert Fraction(state["average_price"]) == exact(expected.average[at])
            assert Fraction(state["cost"]) == exact(expected.cost[at], 20)
            assert Fraction(state["realized"]) == exact(expected.realized[at], 20)


def test_money_without_room_is_unknown_from_there_on() -> None:
    """10^18 is the limit; the quantity stays known, and a restart from there knows no more."""
    connection = duckdb.connect()
    register(connection)
    fold_sql = """
        select unnest(fold_positions(0::decimal(38, 10), {}, 0::decimal(38, 20), list_transform(
            [-70000000000000, 30000000000000, 800000000000000000, -800000000000000000, 1],
            lambda e: {{'quantity': e::decimal(38, 10), 'price': 2::decimal(38, 10),
                        'ratio': null::decimal(18, 8)}}
        )), recursive := true)
    """
    states = connection.sql(fold_sql.format("0::decimal(38, 20)")).fetchall()
    assert [state[0] for state in states] == [
        -7 * 10**13,
        -4 * 10**13,
        8 * 10**17 - 4 * 10**13,
        -4 * 10**13,
        1 - 4 * 10**13,
    ]
    assert states[1][1:] == (2, -8e13, 0)
    assert [state[1:] for state in states[2:]] == [(None, None, None)] * 3
    unknown = connection.sql(fold_sql.format("null::decimal(38, 20)")).fetchall()
    assert [state[1:] for state in unknown] == [(None, None, None)] * 5
