"""A number in JSON lands as the very decimal that was written, or its row is rejected.

Python's Decimal reads the same text. What lies around the number must not matter: a message, a
list of them, a page, an envelope, a list within a message, another exchange's habit to write texts.
"""

from decimal import Decimal, localcontext
from functools import cache

import duckdb
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from python_ingest.feeds import json_lines
from python_ingest.feeds.catalogue import named
from python_ingest.feeds.declaration import Declaration
from python_ingest.feeds.declared import scan
from python_ingest.feeds.kinds import KINDS
from python_ingest.feeds.lines import RELATION
from python_ingest.feeds.relation import Scan, validated
from python_ingest.landing.prepare import begin_session

TICKS = KINDS["ticks"]
SOME = {"exchange": {"constant": "x"}, "symbol": {"constant": "s"}, "timestamp": "at"}
AT = '"at":"2024-01-02T00:00:00Z"'


def own(price: object, **file: str) -> Declaration:
    said = {
        "name": "own",
        "kind": "ticks",
        "about": "a test",
        "file": {"format": "json", **file},
        "recognise": {"keys": [["at"]]},
        "columns": {**SOME, "last_price": price},
    }
    return Declaration.model_validate(said)


def vendor(name: str) -> Declaration:
    return next(feed for feed in named(name) if feed.kind == "ticks")


BINANCE = (
    '{"e":"trade","E":1704153600000,"s":"BTCUSDT","t":1,"p":%s,"q":"1","T":1704153600000,"M":true}'
)
PLAIN = "{" + AT + ',"p":%s}'
SHAPES: dict[str, tuple[Declaration | None, str]] = {
    "canonical": (
        None,
        '{"exchange":"x","symbol":"s","timestamp":"2024-01-02","last_price":%s}',
    ),
    "message": (own("p"), "{" + AT + ', "p" : %s }'),
    "list of messages": (own("p"), f"[{PLAIN}]"),
    "within": (own("a.p"), "{" + AT + ',"a":{"b":[1],"p":%s}}'),
    "first of a list": (own("$.a[0]"), "{" + AT + ',"a":[%s,"x"]}'),
    "last of lists": (own("$.a[0][1]"), "{" + AT + ',"a":[["x",%s]]}'),
    "page": (own("p", rows="rows"), '{"rows":[' + PLAIN + "]}"),
    "around": (own({"around": "p"}, rows="rows"), '{"p":%s,"rows":[{' + AT + "}]}"),
    "texts of binance": (vendor("binance"), BINANCE),
    "envelope of binance": (vendor("binance"), '1704153600000000000 {"data":' + BINANCE + "}"),
    "texts of coinbase": (
        vendor("coinbase-stream"),
        '{"type":"match","trade_id":1,"side":"buy","size":"1","product_id":"B","price":%s,'
        '"time":"2024-01-02T00:00:00Z"}',
    ),
}  # fmt: skip


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """Up to 38 digits with a point anywhere, a sign and an exponent; a few are no JSON."""
    digits = draw(st.text("0123456789", min_size=1, max_size=38))
    point = draw(st.integers(0, len(digits)))
    whole, part = digits[:point].lstrip("0") or "0", digits[point:]
    small = st.integers(-12, 12)
    exponent = draw(st.one_of(st.none(), st.none(), small, st.sampled_from([-400, -330, 400])))
    sign = draw(st.sampled_from(["", "", "", "-", "+"]))
    text = sign + whole + (f".{part}" if part else "")
    return text if exponent is None else f"{text}{draw(st.sampled_from('eE'))}{exponent:+d}"


KNOWN = [
    "1e-8", "12345678901234567890.123456789", "123456789.123456789", "1234567890.12345678",
    "-1234567890.12345678", "100.000000000000000001", "-0", "-0.0", "+1", "+1.5e0", "0.1e-330",
    "1e-330", "0e400", "9007199254740993", "1234567890.1234567800000000000", "0.000000010",
    "1234567890123456.78e-6", "18446744073709551617e-10",
]  # fmt: skip


def held(text: str) -> Decimal | None:
    """Return the number where DECIMAL(18,8) holds it."""
    with localcontext(prec=1000):
        value = Decimal(text)
        scaled = value.scaleb(8)
        return value if scaled == scaled.to_integral_value() and abs(scaled) < 10**18 else None


@cache
def engine() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    begin_session(connection)
    return connection


def reading(feed: Declaration | None, content: bytes) -> Scan:
    if feed is None:
        return json_lines.scan(TICKS, content)
    return scan(feed, content, {}, "binance" if feed.name == "binance" else None)


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=2, deadline=None, database=None, phases=[Phase.explicit, Phase.generate])
@given(written=st.lists(numbers(), min_size=100, max_size=100))
@example(written=KNOWN)
def test_a_number_lands_as_it_was_written_or_not_at_all(shape: str, written: list[str]) -> None:
    feed, line = SHAPES[shape]
    given_ = ["1", *(shown for text in written for shown in (text, f'"{text}"'))]
    content = "".join(line % text + "\n" for text in given_).encode()
    found = reading(feed, content)
    assert found.lines is not None
    connection = engine()
    connection.register(RELATION, found.lines.reader())
    sql = f"select line_number, last_price, reason from ({validated(TICKS, found)})"
    rows = {number: row for number, *row in connection.execute(sql).fetchall()}
    assert len(rows) == len(given_)
    for number, text in enumerate(given_, start=1):
        price, reason = rows[number]
        value = held(text.strip('"'))
        no_json = text.startswith("+")
        if reason is None:
            assert (price, no_json) == (value, False), text
        else:
            assert value is None or no_json, (text, reason)
