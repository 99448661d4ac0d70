"""However a number is spelled: it lands as what it is, or its row is rejected with its text."""

import random
import re
from collections.abc import Callable
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import duckdb
import pytest

from python_ingest.feeds.kinds import KINDS
from python_ingest.feeds.query import SQL
from python_ingest.feeds.values import converted
from python_ingest.landing.land import land_files
from python_ingest.settings import Settings
from tests.python.landing.test_values import write

Rows = Callable[[str], list[tuple[Any, ...]]]

PRICE = KINDS["ticks"].column("last_price")
COLUMNS = {PRICE: (18, 8), KINDS["orders"].column("fees"): (28, 10)}
SPACED = ["", " 1e1", "1e1 ", "\t1e-1", "1 e1", "1e 1", "\v12345678901234567890e-10", "- 1"]
KNOWN = """
    35158754239e-01 000000000000000000000000000000000000000001.5 1234567890123456789012345e-20
    12345678901234567890000000000e-20 100000000000e-2 000000000000000000000000000000000001e00
    1.00000000000000000000000000000000000000000000 00000000000000000000000000000000000001.5e1
    0.000000000000000000000000000000000000000000000000000001e54 +1 -1 .5 5. +.5e1 -5.e0 1E+2 -0 00
    -0e5 1e0000000000000000000000001 1e999999999 -1e-999999999 0e999999999 0e-999999999
    0e99999999999999999999999 1e99999999999999999999999 1e-99999999999999999999999 1e2147483647
    1e-2147483648 9999999999.99999999 99999999999999999900000000e-16 1e10 1e18 1e17 1e-8 1e-10 1e-11
    . + - e5 .e5 1e 1e+ 1e1.5 +-1 --1e1 1e5e5 1e5x
""".split()


def texts(rng: random.Random, count: int) -> list[str]:
    """Numbers in all spellings, about as many that fit as do not."""
    found = []
    for _ in range(count):
        digits = "".join(rng.choices("0123456789", k=rng.randint(1, rng.choice([9, 17, 40]))))
        digits = "0" * rng.choice([0, 0, 1, 30]) + digits + "0" * rng.choice([0, 0, 1, 30])
        at = rng.randint(0, len(digits))
        text = digits[:at] + ("." if at < len(digits) or rng.random() < 0.1 else "") + digits[at:]
        if rng.random() < 0.7:
            near = len(digits) - at - rng.randint(-2, 12)
            exponent = rng.choice([near, rng.randint(-30, 30), rng.randint(-(10**12), 10**12)])
            sign = "-" if exponent < 0 else rng.choice(["", "+"])
            text += rng.choice("eE") + sign + "0" * rng.choice([0, 0, 1, 20]) + str(abs(exponent))
        blanks = rng.choice([("", ""), ("", ""), (" ", ""), ("", " "), ("\t", "  ")])
        found.append(rng.choice(["", "", "-", "+"]).join([blanks[0], text]) + blanks[1])
    return found


def value_of(text: str, precision: int, places: int) -> Decimal | None:
    """The value that a column of DECIMAL(precision, places) has for a text, or None."""
    written = re.fullmatch(r"\s*([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d+))?\s*", text)
    if written is None:
        return None
    mantissa, exponent = Decimal(written[1]), int(written[2] or 0)
    if not mantissa:
        return Decimal(0)
    if abs(exponent) > 1000:  # Decimal has a largest exponent
        return None
    with localcontext(prec=1000):
        scaled = mantissa.scaleb(exponent + places)
        fits = scaled == scaled.to_integral_value() and abs(scaled) < 10**precision
        return mantissa.scaleb(exponent) if fits else None


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.type)
def test_a_text_is_its_number_or_none(column: Any) -> None:
    precision, places = COLUMNS[column]
    given = KNOWN + SPACED + texts(random.Random(column.type), 20_000)  # noqa: S311
    value, finer = converted("t", "VARCHAR", column), SQL.is_finer("t", str(places))
    with duckdb.connect() as connection:
        found = connection.execute(
            f"select t, {value}, {finer} from (select unnest(?) as t)", [given]
        ).fetchall()
    assert len(found) == len(given)
    for text, typed, is_cut in found:
        expected = value_of(text, precision, places)
        assert (None if is_cut else typed) == expected, text


@pytest.mark.parametrize("suffix", ["csv", "ndjson", "parquet"])
def test_a_file_of_texts(settings: Settings, rows: Rows, tmp_path: Path, suffix: str) -> None:
    given = [text for text in KNOWN + SPACED + texts(random.Random(suffix), 500) if text]  # noqa: S311
    order = {
        "event_type": "created", "event_time": "2024-01-02", "client_order_id": "c",
        "exchange": "x", "symbol": "s", "side": "buy", "order_type": "limit", "quantity": "1",
    }  # fmt: skip
    records = [
        order | {"event_id": f"#{n}", "order_id": f"o{n}", "price": text}
        for n, text in enumerate(given)
    ]
    (result,) = land_files(settings, "orders", [write(tmp_path / f"a.{suffix}", records)])
    assert (result.error, result.landed + result.rejected) == (None, len(given))
    landed = dict(rows("select event_id, price from raw.order_events"))
    # an amount of 10^14 or more is refused for another reason
    expected = {
        f"#{n}": value
        for n, text in enumerate(given)
        if (value := value_of(text, 28, 10)) is not None and abs(value) < 10**14
    }
    assert landed == expected
    refused = " ".join(text for (text,) in rows("select raw_text from raw.rejected_rows"))
    missing = [n for n in range(len(given)) if f"#{n}" not in expected and f"#{n}" not in refused]
    assert missing == []
