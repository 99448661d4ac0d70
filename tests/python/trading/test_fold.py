"""The fold against fractions, and against what others published."""

import os
import random
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment

from python_ingest.accounting.fold import (
    Moved,
    Transfer,
    costs_within,
    fold,
    shares_of,
    within_side,
)
from python_ingest.accounting.functions import register

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
# What comes in kind has a cost of its own, in 1e-20.
costs = st.one_of(st.just(Transfer.OUT), st.integers(-(10**24), 10**24), st.integers(-300, 300))
events = st.lists(
    st.one_of(
        st.tuples(sizes, prices, st.none(), st.none()),
        st.tuples(sizes, st.just(0), st.none(), costs),
        st.tuples(st.just(0), st.just(0), ratios, st.none()),
    ),
    min_size=1, max_size=60,
)  # fmt: skip


def exact(units: int, digits: int = 10) -> Fraction:
    return Fraction(units, 10**digits)


Event = tuple[int, int, int | None, Moved]


def happen(position: Position, size: Fraction, event: Event) -> None:
    """Do to a position what an event does, of which so much counts."""
    told, price, ratio, moved = event
    if ratio is not None:
        position.split(meant(ratio))
    elif not size:
        pass
    elif isinstance(moved, Transfer):
        position.take(size)
    elif moved is not None:
        position.bring(size, exact(moved, 20) * size / exact(told))
    else:
        position.fill(size, exact(price))


MACROS = Path(__file__).parents[3] / "macros" / "trading"


def meant(ratio: int) -> Fraction:
    """The fraction of at most 1,000 old shares that a ratio in 1e-8 is within 1e-8 of, if any."""
    told = exact(ratio, 8)
    near = (Fraction(max(1, round(told * old)), old) for old in range(1, 1001))
    return next((it for it in near if abs(it - told) * 10**8 < 1), told)


def shares_in_sql(ratio: int) -> tuple[int, int]:
    """What the models make of a ratio."""
    macros = (MACROS / "exact.sql").read_text() + (MACROS / "split_shares.sql").read_text()
    told = f"({ratio} * 0.00000001::decimal(18, 8))::decimal(18, 8)"
    query = Environment(autoescape=False).from_string(  # noqa: S701
        macros + "select {{ split_shares('" + told + "') }}"
    )
    ((shares,),) = duckdb.sql(query.render()).fetchall()
    return shares["new_shares"], shares["old_shares"]


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        st.integers(1, 10**11),
        st.builds(lambda new, old: new * 10**8 // old, st.integers(1, 999), st.integers(1, 999)),
        st.builds(lambda new, old: round(Fraction(new * 10**8, old)), st.integers(1, 999),
                  st.integers(1, 999)),
    ).filter(bool)
)  # fmt: skip
def test_a_ratio_means_a_fraction_in_sql_and_in_the_fold(ratio: int) -> None:
    assert Fraction(*shares_of(ratio)) == Fraction(*shares_in_sql(ratio)) == meant(ratio)


@pytest.mark.parametrize(
    ("ratio", "shares"),
    [(150_000_000, (3, 2)), (33_333_333, (1, 3)), (66_666_667, (2, 3)), (103_750_000, (83, 80))],
)
def test_a_third_is_a_third(ratio: int, shares: tuple[int, int]) -> None:
    assert shares_of(ratio) == shares
    assert fold([300 * UNIT, 0], [UNIT, 0], [None, ratio]).quantity[-1] * shares[1] == (
        300 * UNIT * shares[0]
    )


@settings(max_examples=400, deadline=None)
@given(events)
def test_every_state_agrees_with_fractions(events: list[Event]) -> None:
    """Each reduction rounds the cost once; what is left of such errors, the average shows.

    What goes out in kind is paid with a share of the cost, and so with a share of its error.
    """
    states = fold(*zip(*events, strict=True))
    position, paid, error, paid_error = Position(), Fraction(0), Fraction(0), Fraction(0)
    for at, (size, price, ratio, moved) in enumerate(events):
        before, cost_before = position.quantity, exact(states.cost[at - 1], 20) if at else 0
        happen(position, exact(size), events[at])
        left = position.quantity / before if before else Fraction(0)
        if moved is Transfer.OUT:
            paid += exact(states.cost[at], 20) - cost_before
            paid_error += error
            error = error * abs(left) + HALF_OF_MONEY
            paid_error += error
        else:
            paid += exact(size) * exact(price) if moved is None else exact(moved, 20)
            if left <= 0:  # what is held now came at one price, or at a share of one cost
                error = Fraction(0) if moved is None else HALF_OF_MONEY
            elif ratio is None and left < 1:
                error = error * left + HALF_OF_MONEY
        assert exact(states.quantity[at]) == position.quantity
        if position.quantity:
            allowed = HALF_OF_UNIT + error / abs(position.quantity)
            assert abs(exact(states.average[at]) - position.average) <= allowed
        else:
            assert states.average[at] == 0
        assert abs(exact(states.realized[at], 20) - position.realized) <= error + paid_error
        # Conservation, to the last digit: what was realised is what is held less what was paid.
        assert exact(states.realized[at], 20) == exact(states.cost[at], 20) - paid


@settings(max_examples=200, deadline=None)
@given(events, st.sampled_from([1, -1]))
def test_a_side_ends_at_nothing(events: list[Event], side: int) -> None:
    """Whatever is told, a long is never short; what counts is as much of each as was held."""
    told = [
        (-side * abs(event[0]) if event[3] is Transfer.OUT else event[0], *event[1:])
        for event in events
    ]
    sizes, prices, ratios, moved = zip(*told, strict=True)
    kept = within_side(sizes, ratios, side)
    states = fold(kept, prices, ratios, costs_within(moved, sizes, kept))
    position = Position()
    for at, event in enumerate(told):
        counted = exact(event[0])
        if side * counted < 0:
            counted = -side * min(abs(counted), abs(position.quantity))
        assert exact(kept[at]) == counted
        happen(position, counted, event)
        assert exact(states.quantity[at]) == position.quantity
        assert side * position.quantity >= 0
        assert abs(exact(states.realized[at], 20) - position.realized) <= TOLERANCE
    cut = len(events) // 2
    held = states.quantity[cut - 1] if cut else 0
    assert within_side(sizes[cut:], ratios[cut:], side, quantity=held) == kept[cut:]


@settings(max_examples=100, deadline=None)
@given(events, st.data())
def test_continuing_from_a_state_is_the_same_as_never_stopping(
    events: list[Event], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(events)))
    whole = fold(*zip(*events, strict=True))
    first = fold(*zip(*events[:cut], strict=True)) if cut else fold([], [], [])
    start = (
        {"quantity": first.quantity[-1], "cost": first.cost[-1], "realized": first.realized[-1]}
        if cut
        else {}
    )
    left = zip(*events[cut:], strict=True) if cut < len(events) else ([], [], [])
    rest = fold(*left, **start)
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
                            'ratio': if(i % 500 = 0, 2, null)::decimal(18, 8),
                            'transfer': null::varchar, 'transfer_cost': null::decimal(38, 20),
                            'symbol': null::varchar, 'action': null::varchar,
                            'share': null::decimal(18, 8)}
                       order by i) as events
            from events group by k
        )
        select k, list_transform(events, lambda e: (e.quantity * 10000000000)::bigint),
            list_transform(events, lambda e: (e.price * 10000000000)::bigint),
            list_transform(events, lambda e: (e.ratio * 100000000)::bigint),
            fold_positions([{'symbol': null, 'quantity': 5, 'cost': 7, 'realized': 9}], events,
                'net')
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


FOLD = """
select unnest(fold_positions([{'symbol': null, 'quantity': $quantity::decimal(38, 10),
    'cost': $cost::decimal(38, 20), 'realized': $realized::decimal(38, 20)}],
    list_transform($events, lambda e: {
        'quantity': e[1]::decimal(38, 10), 'price': e[2]::decimal(38, 10),
        'ratio': e[3]::decimal(18, 8),
        'transfer': null::varchar, 'transfer_cost': null::decimal(38, 20),
        'symbol': null::varchar, 'action': null::varchar,
        'share': null::decimal(18, 8)}), $side)) as state
"""


def folded(
    connection: duckdb.DuckDBPyConnection,
    events: list[list[str | None]],
    before: dict[str, Any],
    side: str,
) -> list[dict[str, Any]]:
    values = {name: before[name] for name in ("quantity", "cost", "realized")}
    values |= {"events": events, "side": side}
    return [state for (state,) in connection.execute(FOLD, values).fetchall()]


def test_what_is_unknown_is_the_same_wherever_the_fold_goes_on() -> None:
    """Splits without measure: a fold in two parts gives the states of a fold in one."""
    connection = duckdb.connect()
    register(connection)
    rng = random.Random(3)  # noqa: S311
    nothing = {"quantity": 0, "cost": 0, "realized": 0}
    unknown = 0
    for _ in range(90):
        events: list[list[str | None]] = []
        for _ in range(8):
            size = f"{rng.choice([-1, 1]) * rng.randint(1, 10 ** rng.choice([2, 17]))}"
            split = rng.choice(["1000000", "1000000", "0.5", "0.000001"])
            events.append(["0", "0", split] if rng.random() < 0.4 else [size, "0.0003", None])
        side = rng.choice(["net", "net", "long"])
        whole = folded(connection, events, nothing, side)
        unknown += any(state["quantity"] is None for state in whole)
        for at in range(1, 8):
            rest = folded(connection, events[at:], whole[at - 1], side)
            assert rest == whole[at:], (events, at)
    assert 10 < unknown < 80


def test_money_without_room_is_unknown_from_there_on() -> None:
    """10^18 is the limit; the quantity stays known, and a restart from there knows no more."""
    connection = duckdb.connect()
    register(connection)
    fold_sql = """
        select unnest(fold_positions([{{'symbol': null, 'quantity': 0, 'cost': {},
            'realized': 0}}], list_transform(
            [-70000000000000, 30000000000000, 800000000000000000, -800000000000000000, 1],
            lambda e: {{'quantity': e::decimal(38, 10), 'price': 2::decimal(38, 10),
                        'ratio': null::decimal(18, 8), 'transfer': null::varchar,
                        'transfer_cost': null::decimal(38, 20),
                        'symbol': null::varchar, 'action': null::varchar,
                        'share': null::decimal(18, 8)}}
        ), 'net'), recursive := true)
    """
    states = connection.sql(fold_sql.format("0::decimal(38, 20)")).fetchall()
    assert [state[0] for state in states] == [
        -7 * 10**13,
        -4 * 10**13,
        8 * 10**17 - 4 * 10**13,
        -4 * 10**13,
        1 - 4 * 10**13,
    ]
    assert states[1][1:4] == (2, -8e13, 0)
    assert [state[1:4] for state in states[2:]] == [(None, None, None)] * 3
    unknown = connection.sql(fold_sql.format("null::decimal(38, 20)")).fetchall()
    assert [state[1:4] for state in unknown] == [(None, None, None)] * 5


ONE_FILL = """
import duckdb, sys
from python_ingest.accounting.functions import register
connection = duckdb.connect()
register(connection)
no_start = "struct(symbol varchar, quantity decimal(38, 10), cost decimal(38, 20),"
no_start += " realized decimal(38, 20))[]"
connection.execute(
    f"select fold_positions([]::{no_start}, [{{'symbol': null, 'action': null, 'share': null,"
    " 'quantity': 1, 'price': 2, 'ratio': null, 'transfer': null, 'transfer_cost': null}], 'net')"
).fetchall()
print(*sorted({"pandas", "pyarrow.compute"} & set(sys.modules)))
"""


def test_a_fold_loads_nothing_that_takes_longer_than_itself() -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", ONE_FILL]
    loaded = subprocess.check_output(command, env=env, text=True, timeout=60)
    assert loaded.split() == []
