"""Money is rounded by a guess that is checked: as if every value had been divided."""

from decimal import ROUND_HALF_UP, Context, Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment

MACROS = Path(__file__).parents[3] / "macros"
WIDE = Context(prec=80)


def rounded_in_sql(units: list[int], scale: int, decimals: int) -> list[Decimal]:
    """What the macro makes of values that count so many decimals."""
    macros = (MACROS / "engine/arithmetic.sql").read_text()
    macros += (MACROS / "trading/exact.sql").read_text()
    macro = (
        "select list({{ rounded_by_guess('money', "
        + str(decimals)
        + ") }} order by place) from amounts"
    )
    query = Environment(autoescape=False).from_string(macros + macro).render()  # noqa: S701
    with duckdb.connect() as connection:
        connection.execute(f"create table amounts (place integer, money decimal(38, {scale}))")
        rows = ", ".join(
            f"({at}, '{WIDE.scaleb(Decimal(value), -scale):f}')" for at, value in enumerate(units)
        )
        connection.execute(f"insert into amounts values {rows}")
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
    found = rounded_in_sql(units, scale, decimals)
    assert found == [expected(unit, scale, decimals) for unit in units]
