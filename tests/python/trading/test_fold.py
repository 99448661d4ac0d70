"""The fold against fractions, and against what others published."""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_ingest.accounting.dbt_plugin import register
from python_ingest.accounting.fold import fold

from .trading_model import Position

DATA = Path(__file__).parent / "data"
TOLERANCE = Fraction(1, 10**8)

sizes = st.one_of(
    st.integers(-(10**12), 10**12), st.integers(-300, 300), st.sampled_from([-(10**8), 10**8])
).filter(bool)
prices = st.one_of(st.integers(1, 10**13), st.integers(1, 300), st.integers(-(10**9), 0))
fills = st.lists(st.tuples(sizes, prices), min_size=1, max_size=60)


def exact(units: int, digits: int = 8) -> Fraction:
    return Fraction(units, 10**digits)


@settings(max_examples=300, deadline=None)
@given(fills)
def test_every_state_agrees_with_fractions(events: list[tuple[int, int]]) -> None:
    states = fold(*zip(*events, strict=True), [None] * len(events))
    position, paid = Position(), Fraction(0)
    for at, (size, price) in enumerate(events):
        position.fill(exact(size), exact(price))
        paid += exact(size) * exact(price)
        assert exact(states.quantity[at]) == position.quantity
        assert abs(exact(states.average[at]) - position.average) <= TOLERANCE
        assert abs(exact(states.realized[at], 24) - position.realized) <= TOLERANCE
        # Conservation, to the last digit: what was realised is what is held less what was paid.
        assert exact(states.realized[at], 24) == exact(states.cost[at], 24) - paid


@settings(max_examples=100, deadline=None)
@given(fills, st.data())
def test_continuing_from_a_state_is_the_same_as_never_stopping(
    events: list[tuple[int, int]], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(events)))
    none = [None] * len(events)
    sizes, prices = zip(*events, strict=True)
    whole = fold(sizes, prices, none)
    first = fold(sizes[:cut], prices[:cut], none[:cut])
    start = (
        {"quantity": first.quantity[-1], "cost": first.cost[-1], "realized": first.realized[-1]}
        if cut
        else {}
    )
    rest = fold(sizes[cut:], prices[cut:], none[cut:], **start)
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


def published(name: str) -> dict[str, list[dict[str, str]]]:
    sequences: dict[str, list[dict[str, str]]] = {}
    with (DATA / name).open() as file:
        for row in csv.DictReader(file):
            sequences.setdefault(row["symbol"], []).append(row)
    return sequences


def as_units(text: str) -> int:
    units = Fraction(text) * 10**8
    assert units.denominator == 1
    return int(units)


@pytest.mark.parametrize("name", ["lean_cash_fills_expected.csv", "barter_position_sequences.csv"])
def test_published_sequences(name: str) -> None:
    checked = 0
    for rows in published(name).values():
        signed = [as_units(r["quantity"]) * (1 if r["side"].lower() == "buy" else -1) for r in rows]
        states = fold(signed, [as_units(r["price"]) for r in rows], [None] * len(rows))
        commission = Fraction(0)
        for at, row in enumerate(rows):
            commission += Fraction(row["commission"])
            expected = {
                "quantity": row.get("position_qty") or row.get("exp_position_qty"),
                "average": row.get("avg_entry_price") or row.get("exp_avg_entry"),
                "gross": row.get("cum_gross_realized") or row.get("exp_cum_gross"),
                "net": row.get("cum_net_realized") or row.get("exp_cum_net"),
            }
            got = {
                "quantity": exact(states.quantity[at]),
                "average": exact(states.average[at]),
                "gross": exact(states.realized[at], 24),
                "net": exact(states.realized[at], 24) - commission,
            }
            for what, text in expected.items():
                if text:
                    assert got[what] == Fraction(text), (row, what)
                    checked += 1
    assert checked >= 13 * 3


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
