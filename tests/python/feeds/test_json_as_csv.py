"""A declaration says the same of JSON as of CSV: of an empty text."""

from decimal import Decimal
from typing import Any

import duckdb
import pytest

from python_ingest.feeds.declaration import Declaration
from python_ingest.feeds.declared import scan
from python_ingest.feeds.kinds import KINDS
from python_ingest.feeds.lines import RELATION
from python_ingest.feeds.relation import validated
from python_ingest.landing.prepare import begin_session

FIELDS = ("At", "Id", "A", "B", "Meta")
ORDER = {
    "exchange": {"constant": "x"}, "symbol": {"constant": "s"}, "event_time": "At",
    "event_id": "Id", "order_id": {"constant": "o"}, "client_order_id": {"constant": "c"},
    "event_type": {"constant": "created"}, "side": {"constant": "buy"},
    "order_type": {"constant": "limit"}, "quantity": {"constant": "1"},
}  # fmt: skip


def own(file: str, columns: dict[str, Any], **more: Any) -> Declaration:
    where = {"keys": [["At"]]} if file == "json" else {"header": [*FIELDS]}
    said = {
        "name": "own", "kind": "orders", "about": "a test", "file": {"format": file},
        "recognise": where, "columns": {**ORDER, **columns}, **more,
    }  # fmt: skip
    return Declaration.model_validate(said)


def read(feed: Declaration, line: str, names: str) -> tuple[Any, ...]:
    """Return the named columns of the first row, and why it is rejected or ignored."""
    text = line + "\n" if line.startswith(("{", "[")) else f"{','.join(FIELDS)}\n{line}\n"
    reading = scan(feed, text.encode(), {})
    with duckdb.connect() as connection:
        begin_session(connection)
        assert reading.lines is not None
        connection.register(RELATION, reading.lines.reader())
        rows = validated(KINDS["orders"], reading)
        sql = f"select {names}, coalesce(reason, ignored) from ({rows})"
        return tuple(connection.execute(sql).fetchall()[0])


@pytest.mark.parametrize(
    ("columns", "names", "expected"),
    [
        ({"original_time": {"from": "A", "unit": "ms"}}, "original_time", None),
        ({"original_time": {"from": "A", "unit": "s"}}, "original_time", None),
        ({"original_time": {"from": "A", "unit": "ms or us"}}, "original_time", None),
        ({"original_time": {"from": "A", "format": "%d.%m.%Y"}}, "original_time", None),
        ({"original_time": {"from": "A", "format": "ISO", "zone": "America/New_York"}},
         "original_time", None),
        ({"price": {"from": "A", "negate": True}}, "price", None),
        ({"price": {"from": "A", "absolute": True}}, "price", None),
        ({"price": {"from": "A", "float32": True}}, "price", None),
        ({"price": {"from": "A", "scale": Decimal("0.01")}}, "price", None),
        ({"price": {"sum": ["A", "B"]}}, "price", None),
        ({"price": {"from": "A", "part": "number"}}, "price", None),
        # what is empty is not there: the next one counts
        ({"price": ["A", "B"]}, "price", 5),
        ({"price": [{"from": "A"}, {"constant": "7"}]}, "price", 7),
        ({"event_time": [{"from": "A", "unit": "ms"}, {"from": "B", "unit": "ms"}]},
         "event_time::date::text", "2024-01-02"),
        ({"strategy_id": ["A", "B"]}, "strategy_id", "5"),
        ({"strategy_id": [{"from": "A", "upper": True}, {"from": "B"}]}, "strategy_id", "5"),
        ({"correlation_id": "A", "parent_order_id": "A", "metadata": "A"},
         "coalesce(correlation_id::text, parent_order_id, metadata::text)", None),
    ],
)  # fmt: skip
def test_an_empty_text_says_nothing(columns: dict[str, Any], names: str, expected: Any) -> None:
    b = "1704153600000" if "date" in names else "5"
    line = f'{{"At":"2024-01-02","Id":"e","A":"","B":"{b}"}}'
    json = read(own("json", columns), line, names)
    assert json == (expected, None)
    assert read(own("csv", columns), f"2024-01-02,e,,{b},", names) == json


@pytest.mark.parametrize("file", ["json", "csv"])
def test_a_column_that_a_message_needs_is_missing_where_it_is_empty(file: str) -> None:
    needs = [{"when": {"Id": True}, "required": ["price"]}]
    feed = own(file, {"price": "A"}, messages=needs)
    line = '{"At":"2024-01-02","Id":"e","A":"","B":"5"}' if file == "json" else "2024-01-02,e,,5,"
    assert read(feed, line, "price") == (None, "price: missing")
