"""What a declaration computes of a number is exact, or the row is rejected with its text."""

import random
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

import pytest

from python_ingest.settings import Settings

Land = Callable[..., Any]
SCALE = 1000
ODD = ["0.00000000014", "1e-11", "14e-11", "0.12345678901", "1e2", "1E-9", "0.10000000000", "x",
       "", "12345678901234567890e-15", "0012345678901234567890000e-15",
       "0.1e-0000000001", "0e999999999",
       "0.000000000000000000000000000000000000000000000001e48", "1e999999999"]  # fmt: skip


def texts() -> list[str]:
    dice = random.Random(7)  # noqa: S311
    places = [dice.randrange(14) for _ in range(60)]
    return ODD + [f"{dice.randrange(10**5)}.{dice.randrange(10**n):0{n}}" for n in places if n]


def exact(text: str) -> Fraction | None:
    try:
        return Fraction(Decimal(text)) if "999999999" not in text else Fraction(0)
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
        if (number := exact(text)) is not None and text != "1e999999999"
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


@pytest.mark.parametrize(
    "how",
    [
        'from = "a"', 'from = "a", scale = 10',
        'from = "a", scale = [{ by = 10, since = "2024-01-01" }]',
        'sum = ["a", "b"]', 'sum = ["b", "a"]', 'from = "a", float32 = true',
        'from = "a", absolute = true', 'from = "a", negate = true', 'from = "a", part = "number"',
    ],
)  # fmt: skip
@pytest.mark.parametrize("text", ["1_000", "-1_0.5", "1_0e1", "1.0_1"])
def test_a_number_in_groups_is_none_whatever_is_done_to_it(
    settings: Settings, land: Land, how: str, text: str
) -> None:
    """The engine reads 1_000 as a thousand."""
    settings.feeds_dir.mkdir(parents=True)
    (settings.feeds_dir / "mine.toml").write_text(
        'name = "mine"\nkind = "cash"\nabout = "a test"\nfile = { format = "csv" }\n'
        'recognise = { header = ["at", "a", "b", "id"] }\n[columns]\nevent_id = "id"\n'
        'exchange = { constant = "x" }\nsymbol = { constant = "s" }\nevent_time = "at"\n'
        'kind = { constant = "fee" }\ncurrency = { constant = "USD" }\n'
        f"amount = {{ {how} }}\n"
    )
    content = f"at,a,b,id\n2024-05-01T00:00:00Z,{text},0.5,1\n2024-05-01T00:00:00Z,2,0.5,2\n"
    result, ask = land("cash", "mine.csv", content.encode())
    assert (result.error, result.landed, result.rejected) == (None, 1, 1)
    ((reason,),) = ask("select reason from raw.rejected_rows")
    assert reason.startswith("amount: ")


SIGNED = {
    "12345678901234567890e-15": "12345.67890123456789", "35158754239e-01": "3515875423.9",
    "-12345678901234567890000e-15": "-12345678.90123456789",
    "123456789012345678900000e-15": "123456789.0123456789",
    "0.0000000000000000000000000000000000000000000015e46": "15", "-3e-0000000000001": "-0.3",
    " -1.5": "-1.5", "+2": "2", " +2.50 ": "2.5", "-.5": "-0.5", "- 1": None, "--1": None,
    "+-1": None, "-+1": None, "-": None, "-x": None, "1e-400": None, "0e999999999": "0",
}  # fmt: skip


@pytest.mark.parametrize(
    ("column", "how"),
    [
        ("last_price", "negate = true"),
        ("last_price", "absolute = true"),
        ("last_price", "scale = 100"),
        ("symbol", 'sign = { positive = "up", negative = "down" }'),
    ],
)
def test_signs_and_exponents_are_read_as_written(
    settings: Settings, land: Land, column: str, how: str
) -> None:
    settings.feeds_dir.mkdir(parents=True)
    columns = {"symbol": '{ constant = "s" }', "last_price": '{ constant = "1" }'}
    columns[column] = f'{{ from = "a", {how} }}'
    (settings.feeds_dir / "mine.toml").write_text(
        'name = "mine"\nkind = "ticks"\nabout = "a test"\nfile = { format = "csv" }\n'
        'recognise = { header = ["at", "a", "id"] }\n[columns]\nexchange = { constant = "x" }\n'
        'timestamp = "at"\ntrade_id = "id"\n'
        + "".join(f"{name} = {value}\n" for name, value in columns.items())
    )
    lines = [f"2024-05-01T00:00:00Z,{text},{n}" for n, text in enumerate(SIGNED)]
    result, ask = land("ticks", "mine.csv", "\n".join(["at,a,id", *lines, ""]).encode())
    assert (result.error, result.landed + result.rejected) == (None, len(SIGNED))
    landed = dict(ask(f"select trade_id::integer, {column} from raw.market_ticks"))
    expected: dict[int, Any] = {}
    for n, text in enumerate(SIGNED.values()):
        number = None if text is None else Decimal(text)
        if number is None:
            continue
        if column == "symbol":
            if number:
                expected[n] = "up" if number > 0 else "down"
            continue
        value = {"n": -number, "a": abs(number), "s": number * 100}[how[0]]
        held = abs(value) < 10**10 and (value * 10**8) % 1 == 0
        if held and (number * 10**10) % 1 == 0:
            expected[n] = value
    assert landed == expected
