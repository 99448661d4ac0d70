"""A number is what its digits say, or its row is rejected with them: wherever the JSON holds it."""

import json
import random
from collections.abc import Callable
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from python_ingest.landing.land import land_files
from python_ingest.settings import Settings

Rows = Callable[[str], list[tuple[Any, ...]]]

CANONICAL = '{"exchange":"alpaca","symbol":"S%d","timestamp":"2024-01-02","last_price":%s}'
ALPACA = '{"T":"t","i":1,"S":"S%d","x":"A","p":%s,"s":1,"z":"C","t":"2024-01-02T00:00:00Z"}'
SHAPES = {
    "ndjson": CANONICAL,
    "ndjson, escaped": CANONICAL.replace("last_price", "last\\u005fprice"),
    "message": ALPACA,
    "array": f"[{ALPACA}]",
    "envelope": '{"stream":"x","data":' + ALPACA + "}",
}


def literals(rng: random.Random, count: int) -> list[str]:
    """Numbers as JSON may write them: long, short, with exponents, with zeros at either end."""
    found = []
    for _ in range(count):
        digits = "".join(rng.choices("0123456789", k=rng.randint(1, 24)))
        whole = str(int(digits[: rng.randint(0, 12)] or "0"))
        text = whole + rng.choice(["", "." + digits, "." + digits[:8], "." + digits[:3] + "000"])
        if rng.random() < 0.3:
            text += rng.choice("eE") + rng.choice(["", "+", "-"]) + str(rng.choice([0, 2, 8, 330]))
        found.append(text)
    return found


def numbers_of(line: str) -> list[Decimal]:
    found: list[Decimal] = []

    def number(text: str) -> Decimal:
        found.append(Decimal(text))
        return found[-1]

    json.loads(line, parse_float=number, parse_int=number)
    return found


def fits(value: Decimal) -> bool:
    """DECIMAL(18,8)."""
    with localcontext(prec=1000):
        scaled = value.scaleb(8)
        return scaled == scaled.to_integral_value() and abs(scaled) < Decimal(10) ** 18


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(2))
def test_digits_are_kept_or_rejected(
    settings: Settings, rows: Rows, tmp_path: Path, shape: str, seed: int
) -> None:
    written = literals(random.Random(seed), 400)  # noqa: S311
    path = tmp_path / "a.ndjson"
    path.write_text("".join(SHAPES[shape] % (n, text) + "\n" for n, text in enumerate(written)))
    (result,) = land_files(settings, "ticks", [path])
    assert result.landed + result.rejected == len(written)
    landed = dict(rows("select symbol, last_price from raw.market_ticks"))
    rejected = [text for (text,) in rows("select raw_text from raw.rejected_rows")]
    for n, text in enumerate(written):
        value = Decimal(text)
        if f"S{n}" in landed:
            assert landed[f"S{n}"] == value, text
        else:
            assert not fits(value), text
            (line,) = (line for line in rejected if f'"S{n}"' in line)
            assert value in numbers_of(line), text


def test_numbers_within_a_json_column_keep_their_digits(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    metadata = '{"price":100.00000000000000001,"big":12345678901234567.89,"list":[1.10,"1:2,3"]}'
    path = tmp_path / "a.ndjson"
    path.write_text(
        '{"event_id":"1","event_type":"created","event_time":"2024-01-02","order_id":"o",'
        '"client_order_id":"c","exchange":"x","symbol":"s","side":"buy","order_type":"limit",'
        '"quantity":1,"metadata":' + metadata + ',"price":100.5}\n'
    )
    (result,) = land_files(settings, "orders", [path])
    assert (result.landed, result.rejected) == (1, 0)
    assert rows("select price, metadata::varchar from raw.order_events") == [
        (Decimal("100.5"), metadata)
    ]


def test_parquet_of_more_digits_than_the_engine_reads(settings: Settings, tmp_path: Path) -> None:
    price = pa.array([Decimal("1234567890.12345678")], pa.decimal256(39, 8))
    table = {"exchange": ["x"], "symbol": ["s"], "timestamp": ["2024-01-02"], "last_price": price}
    pq.write_table(pa.table(table), tmp_path / "a.parquet")
    (result,) = land_files(settings, "ticks", [tmp_path / "a.parquet"])
    assert result.error == (
        "last_price: decimals of 39 digits cannot be read exactly; write 38 or fewer, or text"
    )


@pytest.mark.parametrize("number", ["7.10", "1234567890123456789.25", "1e3"])
def test_an_id_that_is_no_whole_number_is_no_id(
    settings: Settings, rows: Rows, tmp_path: Path, number: str
) -> None:
    path = tmp_path / "a.ndjson"
    line = (CANONICAL % (1, "1"))[:-1] + ',"trade_id":%s}\n'
    path.write_text(line % number + line % "12345678901234567890")
    (result,) = land_files(settings, "ticks", [path])
    assert (result.landed, result.rejected) == (1, 1)
    assert rows("select reason from raw.rejected_rows") == [("trade_id: not a text",)]
    assert rows("select trade_id from raw.market_ticks") == [("12345678901234567890",)]
