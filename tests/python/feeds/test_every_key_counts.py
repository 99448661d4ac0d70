"""A key of a declaration that would do nothing beside another is an error that names it."""

import tomllib
from pathlib import Path

import pytest

from python_ingest.errors import ConfigError
from python_ingest.feeds.declaration import parsed

CSV = """
name = "acme"
kind = "ticks"
about = "Acme's trades"
file = { format = "csv" }
recognise = { header = ["Time", "Px"], name = '(?P<symbol>[A-Z]+)-(?P<date>[0-9]{8})' }
columns.exchange = { constant = "acme" }
columns.symbol = { file = "symbol" }
columns.timestamp = { from = "Time", unit = "ms" }
columns.last_price = "Px"
"""
JSON = CSV.replace('format = "csv"', 'format = "json", clock = "ns"').replace(
    'header = ["Time", "Px"]', 'keys = [["Time", "Px"]]'
)
TIME, PRICE = '{ from = "Time", unit = "ms" }', '= "Px"'
SYMBOL, EXCHANGE = '{ file = "symbol" }', '{ constant = "acme" }'
TOLD = "{ told = { a = 'a', b = 'b' }"
OFFSETS = '{ from = "Time", format = "%Y-%m-%d %H:%M:%S%z", zone = "Europe/Berlin" }'


@pytest.mark.parametrize(
    ("text", "before", "after", "says"),
    [
        (CSV, TIME, '{ file = "date", after_midnight = "ms", zone = "Europe/Berlin" }',
         "columns.timestamp.0: after_midnight: goes with from, whose number it counts from the"),
        (CSV, TIME, '{ constant = "5", after_midnight = "ms" }',
         "columns.timestamp.0: after_midnight: goes with from"),
        (JSON, TIME, '{ key = true, after_midnight = "ms" }',
         "columns.timestamp.0: after_midnight: goes with from"),
        (JSON, TIME, '{ clock = true, unit = "ms" }', "columns.timestamp.0: unit: not with clock"),
        (JSON, TIME, '{ clock = true, format = "ISO", zone = "Europe/Berlin" }',
         "columns.timestamp.0: format, zone: not with clock"),
        (JSON, TIME, '{ clock = true, take = "(.)" }', "columns.timestamp.0: take: not with clock"),
        (CSV, EXCHANGE, TOLD + ", lower = true }", "columns.exchange.0: lower: not with told"),
        (CSV, SYMBOL, '{ file = "symbol", none = "X" }', "columns.symbol.0: none: goes with from"),
        (CSV, EXCHANGE, '{ constant = "acme", none = "X" }', "columns.exchange.0: none: goes with"),
        (CSV, PRICE, '= { sum = ["Px", "Time"], none = "0" }', "columns.last_price.0: none: goes"),
        (CSV, SYMBOL, '{ values = ["last_price"], none = "0" }', "columns.symbol.0: none: goes"),
        (CSV, SYMBOL, '{ from = "Px", lower = true, upper = true }',
         "columns.symbol.0: lower: not with upper"),
        (CSV, TIME, '{ from = "Time", unit = "ms", expected = "so" }',
         "columns.timestamp.0: expected: goes with format or take"),
        (CSV, TIME, OFFSETS, "columns.timestamp.0: zone: every format has %z, an offset"),
        (CSV, SYMBOL, '{ joined = ["Px"], separator = "/" }',
         "columns.symbol.0: separator: there is one text alone"),
        (CSV, PRICE, '= { from = "Px", scale = [{ by = 2 }, { by = 3 }] }',
         "columns.last_price.0: scale: two hold from 1970-01-01 on"),
        (CSV, SYMBOL, '{ constant = "a", or = "b" }', "columns.symbol.0.or: is for exchange"),
        (CSV, "about", 'messages = [{ ignore = "a", reject = "b" }, {}]\nabout',
         "messages.0: say ignore or reject"),
        (CSV, "about", 'messages = [{ ignore = "a", columns = { symbol = "Px" } }, {}]\nabout',
         "messages.0: columns: not with ignore: such a record is no row"),
        (CSV, "about", 'messages = [{ reject = "a", required = ["trade_id"] }, {}]\nabout',
         "messages.0: required: not with reject: such a record is no row"),
    ],
)  # fmt: skip
def test_a_key_that_would_do_nothing_is_named(
    text: str, before: str, after: str, says: str
) -> None:
    assert before in text
    said = tomllib.loads(text.replace(before, after, 1))
    with pytest.raises(ConfigError) as caught:
        parsed(Path("acme.toml"), said, {})
    assert f"acme.toml: {says}" in str(caught.value)


@pytest.mark.parametrize("text", [CSV, JSON])
def test_the_declarations_above_are_sound(text: str) -> None:
    assert parsed(Path("acme.toml"), tomllib.loads(text), {}).name == "acme"
