"""Money is rounded and divided by a guess that is checked: as if in whole numbers of any size."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment

MACROS = Path(__file__).parents[3] / "macros"
WIDE = Context(prec=80)


@cache
def rendered(call: str) -> str:
    """What a macro becomes."""
    macros = [
        (MACROS / name).read_text() for name in ("engine/arithmetic.sql", "trading/exact.sql")
    ]
    source = "".join(macros) + "{{ " + call + " }}"
    return Environment(autoescape=False).from_string(source).render()  # noqa: S701


def in_sql(call: str, columns: str, rows: Sequence[tuple[object, ...]]) -> list[Decimal | None]:
    """What a macro makes of rows of some columns."""
    values = ", ".join(f"({', '.join(map(str, (at, *row)))})" for at, row in enumerate(rows))
    with duckdb.connect() as connection:
        connection.execute(f"create table given_rows (place integer, {columns})")
        connection.execute(f"insert into given_rows values {values}")
        query = f"select list({rendered(call)} order by place) from given_rows"
        ((found,),) = connection.execute(query).fetchall()
    return list(found)


def expected(unit: int, scale: int, decimals: int) -> Decimal:
    value = WIDE.scaleb(Decimal(unit), -scale)
    return value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP, context=WIDE)


@pytest.mark.parametrize(
    ("scale", "decimals"), [(16, 8), (20, 8), (20, 10), (20, 16), (24, 16), (8, 8)]
)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_the_guess_gives_what_a_division_gives(
    scale: int, decimals: int, data: st.DataObject
) -> None:
    step = 10 ** (scale - decimals)
    most = 10 ** min(38, 22 + scale) // step - 1
    ties = st.builds(lambda whole, off: whole * step + step // 2 + off,
                     st.integers(-most + 1, most - 2), st.integers(-1, 1))  # fmt: skip
    near = st.builds(lambda whole, off: whole * step - step // 2 + off,
                     st.integers(-(10**12), 10**12), st.integers(-1, 1))  # fmt: skip
    sizes = [st.integers(-(10**size), 10**size) for size in (6, 18, 26, 37)]
    units = data.draw(st.lists(st.one_of(ties, near, *sizes), min_size=1, max_size=60))
    rows = [(f"'{WIDE.scaleb(Decimal(unit), -scale):f}'",) for unit in units]
    found = in_sql(f"rounded_by_guess('money', {decimals})", f"money decimal(38, {scale})", rows)
    assert found == [expected(unit, scale, decimals) for unit in units]


def divided(numerator: int, denominator: int, decimals: int) -> Decimal | None:
    """The quotient rounded half away from zero, in integers of any size."""
    if denominator == 0:
        return None
    whole, part = 2 * abs(numerator) * 10**decimals, abs(denominator)
    unit = (whole + part) // (2 * part)
    sign = -1 if (numerator < 0) != (denominator < 0) else 1
    return WIDE.scaleb(Decimal(sign * unit), -decimals)


@pytest.mark.parametrize(
    ("call", "decimals"),
    [
        ("divide_exactly('n', 'd', 8)", 8),
        ("divide_exactly('n + 0', 'd + 0', 4)", 4),
        ("divide_in_integers('n', 'd', 8)", 8),
        ("divide_whole_numbers('n', 'd', 4)", 4),
    ],
)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_a_quotient_is_that_of_whole_numbers(call: str, decimals: int, data: st.DataObject) -> None:
    sizes = st.sampled_from([1, 4, 9, 16, 22, 28])
    whole = sizes.flatmap(lambda size: st.integers(-(10**size), 10**size))
    # Ties, and what is one unit of the numerator away from them.
    ties = st.builds(
        lambda unit, part, off: ((2 * unit + 1) * part + off, 2 * 10**decimals * part),
        st.integers(-(10**15), 10**15), st.integers(1, 10**6), st.integers(-1, 1),
    )  # fmt: skip
    fractions = data.draw(
        st.lists(st.one_of(st.tuples(whole, whole), ties), min_size=1, max_size=60)
    )
    found = in_sql(call, "n hugeint, d hugeint", fractions)
    assert found == [divided(n, d, decimals) for n, d in fractions]
