"""What declarations of order flow need: sections, several rows of a record, numbers, sums."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from python_ingest.errors import ConfigError
from python_ingest.feeds.declaration import load

Land = Callable[..., Any]
WHOLE = """
name = "mine"
kind = "orders"
about = "a test"
facts = "ours"
checked = true

[file]
format = "csv"

[recognise]
header = ["a", "b"]

[columns]
exchange = { constant = "x" }
"""
FLEX = (
    "Symbol,DateTime,Quantity,TradePrice,IBExecID,IBOrderID,TradeID,LevelOfDetail\n"
    "EOS,20260115;093000,5,20.5,a.01,1,7,EXECUTION\n"
)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('{ constant = "x" }', '{ from = "a", take = "x+" }'), "columns.exchange.0.take: needs"),
        (('{ constant = "x" }', '{ from = "a", take = "(" }'), "columns.exchange.0.take: not a pa"),
        (('{ constant = "x" }', '{ from = "a", sum = ["b"] }'), "columns.exchange.0: say one of"),
        (('format = "csv"', 'format = "csv"\nsections = "["'), "file.sections: not a pattern"),
        (
            (
                'header = ["a", "b"]\n\n[columns]\nexchange = { constant = "x" }',
                'keys = [["a"]]\n\n[columns]\nevent_id = { joined = ["a"], numbered = true }',
            ),
            "columns: numbered is for lines of csv",
        ),
        (
            ('format = "csv"\n\n[recognise]\nheader', 'format = "csv"\nsections = "x"\nnames'),
            "recognise",
        ),
    ],
)
def test_a_wrong_declaration_names_file_and_key(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    path = tmp_path / "mine.toml"
    text = WHOLE.replace(*change)
    if "numbered" in text:
        text = text.replace('format = "csv"', 'format = "json"')
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load(path)
    assert f"feed {path}: {said}" in str(raised.value)


def test_a_symbol_that_looks_like_the_end_of_a_section(land: Land) -> None:
    result, ask = land("orders", "flex.csv", (FLEX + "EOS,TRNT,1\nEOF,1\n").encode())
    assert (result.landed, result.rejected) == (1, 0)
    assert result.others == {"between sections": 2, "header": 1}
    assert ask("select symbol, side from raw.order_events") == [("EOS", "buy")]


def test_every_line_below_a_header_has_its_fields(land: Land) -> None:
    lines = "KO,20260115;093000,5\n" + FLEX.partition("\n")[2].replace("\n", ",more\n")
    result, ask = land("orders", "flex.csv", (FLEX + lines).encode())
    assert (result.landed, result.rejected) == (1, 2)
    assert ask("select reason from raw.rejected_rows order by line_number") == [
        ("fewer fields than the header",), ("more fields than the header",),
    ]  # fmt: skip


def test_a_line_above_all_headers_is_rejected(land: Land) -> None:
    result, ask = land("orders", "flex.csv", ("U1,5\n" + FLEX).encode(), "ib-flex")
    assert (result.landed, result.rejected) == (1, 1)
    assert ask("select reason from raw.rejected_rows") == [("no header stands before it",)]


def test_equal_lines_of_an_overlapping_export_are_the_same(land: Land) -> None:
    header = "exchange,symbol,time,side,quantity,price\n"
    line = "x,s,2024-03-04 10:00:00,buy,1,2\n"
    first, _ = land("orders", "a.csv", (header + line).encode())
    second, ask = land("orders", "b.csv", (header + line + line).encode())
    assert (first.landed, second.landed, second.duplicate) == (1, 1, 1)
    assert ask("select count(distinct order_id) from raw.order_events") == [(2,)]
