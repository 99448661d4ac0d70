"""What makes a row what it is stays the same text: what landed years ago is found again."""

from hashlib import md5

import duckdb
import pytest

from python_ingest.feeds.kinds import KINDS, Column, Kind
from python_ingest.feeds.values import content_hash, content_text
from python_ingest.storage.sql import quoted

VALUES = {
    "VARCHAR": "'a|:b'",
    "TIMESTAMP": "timestamp '2024-02-29 23:59:59.000001'",
    "DATE": "date '2024-02-29'",
    "BIGINT": "-7",
    "BOOLEAN": "true",
    "DOUBLE": "0.5",
    "UUID": "'0a0b0c0d-0000-0000-0000-000000000001'",
    "VARCHAR[]": "['a', '|']",
    "JSON": """'{"a":[1.50,123456789012345678901]}'""",
}

TEXTS = {
    ("ticks", False): (
        "4:a|:b4:a|:b1709251199000001.42|quote|4:a|:b12.50000000|12.50000000|12"
        ".50000000|12.50000000|12.50000000|12.50000000|12.50000000|-7|4:a|:b9:["
        '"a","|"]4:a|:b'
    ),
    ("ticks", True): "4:a|:b4:a|:b1709251199000001||:||||||||:::",
    ("corrections", False): (
        '4:a|:b4:a|:b4:a|:bcorrect|1709251199000001|4:a|:b4:a|:b12.50000000|12.50000000|9:["a","|"]'
    ),
    ("corrections", True): "4:a|:b4:a|:b4:a|:bcorrect|1709251199000001|::||:",
    ("orders", False): (
        "4:a|:btransfer_out|1709251199000001|4:a|:b4:a|:b4:a|:b4:a|:bsell|4:a|:"
        "b12.50000000|4:a|:b4:a|:b12.50000000|12.50000000|4:a|:b4:a|:b12.500000"
        '00|12.50000000|12.50000000|4:a|:b12.50000000|4:a|:b4:a|:btrue|34:{"a":'
        "[1.50,123456789012345678901]}-7|account_id=4:a|:btransfer_cost=13:12.5"
        "000000000original_time=26:2024-02-29 23:59:59.000001transfer_id=4:a|:b"
    ),
    ("orders", True): (
        "4:a|:btransfer_out|1709251199000001|4:a|:b4:a|:b4:a|:b4:a|:bsell|4:a|:"
        "b12.50000000|::||::|||:|::|:|"
    ),
    ("cash", False): (
        "4:a|:b1709251199000001|commission_adjustment|12.50000000|4:a|:baccount"
        "_id=4:a|:bexchange=4:a|:bsymbol=4:a|:bstrategy_id=4:a|:baccrual_time=2"
        "6:2024-02-29 23:59:59.000001"
    ),
    ("cash", True): "4:a|:b1709251199000001|commission_adjustment|12.50000000|4:a|:b",
    ("actions", False): (
        "4:a|:b4:a|:b2024-02-29|cash_in_lieu|12.50000000|new_symbol=4:a|:bcash_"
        "amount=13:12.5000000000currency=4:a|:bcost_share=11:12.50000000withdra"
        "wn=4:true"
    ),
    ("actions", True): "4:a|:b4:a|:b2024-02-29|cash_in_lieu||",
    ("statements", False): (
        "account_id=4:a|:b1709251199000001|4:a|:b4:a|:b4:a|:b12.50000000|12.50000000|12.50000000|"
    ),
    ("statements", True): "1709251199000001|:::12.50000000|||",
}
"""Of (kind, has only what is required): as version 0.1.0 wrote them."""


@pytest.mark.parametrize(("name", "is_bare"), TEXTS)
def test_the_text_of_a_row_is_what_it_always_was(name: str, is_bare: bool) -> None:
    kind = KINDS[name]
    text = TEXTS[name, is_bare]
    assert said(kind, content_text(kind), is_bare=is_bare) == text
    number = int.from_bytes(md5(text.encode(), usedforsecurity=False).digest(), "little") >> 65
    assert said(kind, content_hash(kind), is_bare=is_bare) == number


@pytest.mark.parametrize("name", dict.fromkeys(name for name, _ in TEXTS))
def test_a_column_that_a_source_lacks_says_what_null_says(name: str) -> None:
    kind = KINDS[name]
    lacking = [c.name for c in kind.columns if not c.required]
    assert said(kind, content_text(kind, lacking), is_bare=True) == TEXTS[name, True]


def said(kind: Kind, sql: str, *, is_bare: bool) -> object:
    """Return what SQL says of a row of all columns, or of the required ones."""
    values = [f"{_value(c, is_bare=is_bare)} as {quoted(c.name)}" for c in kind.columns]
    values += [f"{'null' if is_bare else '42'}::smallint as nanoseconds"] if kind.is_ordered else []
    found = duckdb.connect().execute(f"select {sql} from (select {', '.join(values)})").fetchall()
    return found[0][0]


def _value(column: Column, *, is_bare: bool) -> str:
    if (is_bare and not column.required) or column.type.startswith("STRUCT"):
        return f"null::{column.type}"
    if column.words:
        return f"'{column.words[-1]}'"
    return (
        f"({'12.5' if column.type.startswith('DECIMAL') else VALUES[column.type]})::{column.type}"
    )
