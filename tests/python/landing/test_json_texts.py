"""A JSON column keeps what was written, or its row is rejected with its text (docs/adr/0012)."""

import csv
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from python_ingest.feeds.kinds import KINDS
from python_ingest.feeds.values import converted
from python_ingest.landing.land import land_files
from python_ingest.settings import Settings

Rows = Callable[[str], list[tuple[Any, ...]]]

DATA = KINDS["logs"].column("data")
NOTHING = ("null", "{}", "[]", '""')
KNOWN = [
    '"x"', '"true"', '"null"', '"5"', '"1e3"', '"NaN"', '" a "', "true", "false", "0", "-0", "1.50",
    "1e5", "1E+400", "123456789012345678901234567890", "[1,]", '{"a":1,}', '{"a":[1 , ] }', "[,]",
    "[,1]", "{,}", "NaN", "nan", "[NaN]", "Infinity", "-Infinity", '{"a":inf}', "[-Inf]", "'a'",
    '{"a":"NaN, ]"}', '["info",{"level":"inf"},"nan"]', '["a\\",]"]', '["\\\\",]', '"nan,]\\""',
    "{'a':1}", "{a:1}", "// c\n1", "/*c*/[1]", "[1]//x", "01", "-01", ".5", "1.", "+1", "-", "1 2",
    "[1 2]", "[1]x", "\ufeff[1]", "\u00a0[1]", '{"a":1,"a":2}', '{"a":1,"a":"1"}', '"a\tb"',
    '"\\q"', '"\\u00zz"', '"\\ud83d\\ude00"', '"\\u00e9/\\/"', "tru", "TRUE", "None", "hello",
    "[" * 3000 + "]" * 3000, "[" * 99, '{"a":' * 99 + "1.10" + "}" * 99, '"abc', '["a",]',
    '{"a":}', '{"a"}', '{"a":1 "b":2}', '{"a":1;"b":2}', " [1] ", "[1\n,2]", "1_0", "0x1F",
    "[nanx]",
]  # fmt: skip


def number(text: str) -> str:
    return f"number {text}"


def refuse(text: str) -> Any:
    raise ValueError(text)


# A text of NDJSON says what it would say by itself in a cell of CSV.
SAYS_NOTHING = {"csv": (), "parquet": (), "ndjson": ('"null"',)}


def read(text: str) -> Any:
    """What Python reads: numbers by their digits, objects with every key; None of what is none."""
    try:
        if text.startswith("[" * 3000):
            return text.removesuffix("]" * 3000)  # too deep for Python
        found = json.loads(
            text, parse_int=number, parse_float=number, parse_constant=refuse,
            object_pairs_hook=lambda pairs: ("object", pairs),
        )  # fmt: skip
        return ["is", found]
    except ValueError:
        return None


def documents(rng: random.Random, count: int) -> list[str]:
    """Documents, most of them damaged at one or two places."""

    def value(depth: int) -> str:
        kind = rng.randrange(9 if depth < 4 else 6)
        blank = rng.choice(["", "", " "])
        if kind < 6:
            texts = ['"a"', '"nan"', '",]"', '"\\""', '"\\\\"', '"\\u00e9"', '"é\\n"', '"true"']
            numbers = ["0", "-0", "1.50", "12345678901234567890", "1e3", "-1E-9", "0.1000"]
            return rng.choice([*texts, *numbers, "true", "false", "null"])
        items = [value(depth + 1) for _ in range(rng.randrange(4))]
        if kind == 6:
            items = [f"{rng.choice(['a', 'b', 'inf'])!s}" for _ in items]
            return "{" + f"{blank},".join(f'"{item}":{value(depth + 1)}' for item in items) + "}"
        return f"[{blank}" + f",{blank}".join(items) + f"{blank}]"

    found = []
    for _ in range(count):
        text = value(0)
        for _ in range(rng.choice([0, 1, 1, 2])):
            at = rng.randint(0, len(text))
            inserted = rng.choice(["", *",,,]}[{\":'\\/0+- eE._", "NaN", "inf", "Infinity", "null"])
            text = text[:at] + inserted + text[at + rng.randrange(2) :]
        found.append(text)
    return found


def test_a_text_is_json_or_none() -> None:
    given = KNOWN + documents(random.Random(8), 5_000)  # noqa: S311
    value = converted("t", "VARCHAR", DATA)
    with duckdb.connect() as connection:
        sql = f"select t, ({value})::varchar from (select unnest(?) as t)"
        found = connection.execute(sql, [given]).fetchall()
    assert len(found) == len(given)
    for text, kept in found:
        assert (None if kept is None else read(kept)) == read(text), text


LOG = {"timestamp": "2025-01-15", "level": "info", "service": "s"}
ORDER = {
    "event_type": "created", "event_time": "2024-01-02", "client_order_id": "c", "exchange": "x",
    "symbol": "s", "side": "buy", "order_type": "limit", "quantity": "1", "order_id": "o",
}  # fmt: skip
PLACES = {"logs": (LOG, "message", "data"), "orders": (ORDER, "event_id", "metadata")}


def land(settings: Settings, path: Path, kind: str, given: list[str]) -> Any:
    """Land a row for each text, `#n#` being its name; in NDJSON the text is a part of the line."""
    said, name, column = PLACES[kind]
    records = [said | {name: f"#{n}#", column: text} for n, text in enumerate(given)]
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
    elif path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(records[0]))
            writer.writeheader()
            writer.writerows(records)
    else:
        lines = [json.dumps(r | {column: "?#?"}).replace('"?#?"', r[column]) for r in records]
        path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return land_files(settings, kind, [path])[0]


@pytest.mark.parametrize("suffix", ["csv", "ndjson", "parquet"])
@pytest.mark.parametrize("kind", PLACES)
def test_a_file_of_json(
    settings: Settings, rows: Rows, tmp_path: Path, kind: str, suffix: str
) -> None:
    given = [
        text for text in KNOWN + documents(random.Random(suffix), 200)  # noqa: S311
        if "\n" not in text and not text.startswith("[" * 3000) and "\\u0000" not in text
    ]  # fmt: skip
    result = land(settings, tmp_path / f"a.{suffix}", kind, given)
    assert (result.error, result.read) == (None, len(given))
    name, column, table = *PLACES[kind][1:], KINDS[kind].table
    kept = dict(rows(f"select {name}, {column}::varchar from {table}"))
    refused = " ".join(text for (text,) in rows("select raw_text from raw.rejected_rows"))
    for n, text in enumerate(given):
        expected = read(text)
        if text in SAYS_NOTHING[suffix] or (suffix != "ndjson" and not text.strip()):
            expected = ["is", None]  # nothing was written
        if expected is None:
            assert f"#{n}#" not in kept, text
            assert f"#{n}#" in refused, text
            continue
        is_nothing = expected in (["is", None], *map(read, NOTHING))
        found = kept[f"#{n}#"]
        assert (["is", None] if is_nothing else read(found)) == expected or is_nothing, text
        assert (found is None) == is_nothing, text


def test_a_document_in_a_json_text_is_a_document(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    """As programs write it that keep their data as text; no other text is looked into."""
    given = ['{"a":1.50}', " [1]", '"x"', "{a", "[1,]", "5", "nulls", "NaN", "x"]
    land(settings, tmp_path / "a.ndjson", "logs", [json.dumps(text) for text in given])
    found = rows("select data::varchar from raw.application_logs order by message")
    assert [text for (text,) in found] == ['{"a":1.50}', "[1]", *map(json.dumps, given[2:])]
