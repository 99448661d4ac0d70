"""What a declaration computes of a number is exact, or the row is rejected with its text."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

import pytest

from python_ingest.settings import Settings

Land = Callable[..., Any]
SCALE = 1000
ODD = ["0.00000000014", "1e-11", "14e-11", "0.12345678901", "1e2", "1E-9", "0.10000000000", "x", ""]


def texts() -> list[str]:
    dice = random.Random(7)  # noqa: S311
    places = [dice.randrange(14) for _ in range(60)]
    return ODD + [f"{dice.randrange(10**5)}.{dice.randrange(10**n):0{n}}" for n in places if n]


def exact(text: str) -> Fraction | None:
    try:
        return Fraction(Decimal(text))
    except InvalidOperation:
        return None


@pytest.mark.parametrize("how", ["scaled", "sum"])
def test_what_is_computed_is_exact_or_refused(settings: Settings, land: Land, how: str) -> None:
    value = {"scaled": f'{{ from = "a", scale = {SCALE} }}', "sum": '{ sum = ["a", "b"] }'}[how]
    settings.feeds_dir.mkdir(parents=True)
    (settings.feeds_dir / "mine.toml").write_text(
        'name = "mine"\nkind = "ticks"\nabout = "a test"\nfile = { format = "csv" }\n'
        'recognise = { header = ["at", "a", "b", "id"] }\n[columns]\n'
        'exchange = { constant = "x" }\n'
        'symbol = { constant = "s" }\ntimestamp = "at"\ntrade_id = "id"\n'
        f'last_price = {{ constant = "1" }}\nlast_size = {value}\n'
    )
    second = "0.5"
    rows = dict(enumerate(texts()))
    lines = [f"2024-05-01T00:00:00Z,{text},{second},{n}" for n, text in rows.items()]
    result, ask = land("ticks", "mine.csv", "\n".join(["at,a,b,id", *lines, ""]).encode())
    assert result.error is None
    landed = dict(ask("select trade_id::integer, last_size from raw.market_ticks"))
    right = {
        n: number * SCALE if how == "scaled" else number + Fraction(second)
        for n, text in rows.items()
        if (number := exact(text)) is not None
    }
    assert {n: Fraction(size) for n, size in landed.items() if size is not None} == {
        n: right[n] for n, size in landed.items() if size is not None
    }
    # only where nothing was written is there nothing
    assert {rows[n] for n, size in landed.items() if size is None} <= {""}
    assert len(landed) + result.rejected == len(rows)
    # what eight decimals hold, written in ten, is refused by nobody
    held = {n for n, number in right.items() if (number * 10**8).denominator == 1}
    assert {n for n in held if (exact(rows[n]) * 10**10).denominator == 1} <= set(landed)
