"""Nothing has one spelling, and so has an id: rows that say the same land once in any format."""

import csv
import json
import random
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from python_ingest.feeds.kinds import KINDS, Column, Kind
from python_ingest.landing.land import land_files
from python_ingest.settings import Settings

Rows = Callable[[str], list[tuple[Any, ...]]]
FORMATS = ["csv", "ndjson", "parquet"]
ROWS = 40

# What each kind's rows say, besides their time; all other columns say nothing.
SAID: dict[str, dict[str, str]] = {
    "ticks": {"exchange": "x", "symbol": "s", "last_price": "1"},
    "corrections": {"exchange": "x", "symbol": "s", "trade_id": "1", "action": "bust"},
    "orders": {
        "event_id": "{n}", "event_type": "created", "order_id": "{n}", "client_order_id": "c",
        "exchange": "x", "symbol": "s", "side": "buy", "order_type": "limit", "quantity": "1",
    },
    "cash": {"event_id": "{n}", "kind": "deposit", "amount": "1", "currency": "USD"},
    "actions": {"exchange": "x", "symbol": "s{n}", "kind": "split", "ratio": "2"},
    "metrics": {"metric_name": "m", "metric_type": "gauge", "value": "1"},
    "logs": {"level": "info", "service": "s"},
}  # fmt: skip


def nothings(column: Column, suffix: str) -> list[Any]:
    """Return every spelling of nothing that a format has for a column."""
    found: list[Any] = [""] if suffix == "csv" else [None]
    if column.name == "corrected_conditions":
        return found  # a list without codes says that there are none
    if column.type == "VARCHAR":
        return [*found, ""] if column.name == "message" else [*found, "", " ", "\t"]
    as_text = suffix == "csv"
    values: list[Any] = []
    if column.type == "VARCHAR[]":
        values = [[], [""], [None], ["", None]]
        found += ["", " ", "|"]
    elif column.type == "JSON":
        values = [{}] if suffix == "parquet" else [{}, []]
        found += ["", " ", "null", "{ }", "[]"]
        as_text |= suffix == "parquet"
    elif column.type.startswith("STRUCT"):
        values = [{}, {"service": None}, {"service": ""}] if column.name == "labels" else [{}]
        found += ["", " "]
        as_text |= suffix == "parquet"
    else:
        found += [""]
    return found + [json.dumps(value) if as_text else value for value in values]


def records(kind: Kind, suffix: str, rng: random.Random) -> list[dict[str, Any]]:
    found = []
    for n in range(ROWS):
        time = f"2025-01-{1 + n % 9:02}" if kind.time == "ex_date" else f"2025-01-15 08:00:{n:02}"
        record: dict[str, Any] = {key: v.format(n=n) for key, v in SAID[kind.name].items()}
        record[kind.time] = time
        for column in kind.columns:
            if column.name not in record:
                record[column.name] = rng.choice(nothings(column, suffix))
                if suffix == "ndjson" and record[column.name] is None and rng.random() < 0.5:
                    del record[column.name]
        found.append(record)
    return found


def write(path: Path, kind: Kind, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".ndjson":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, kind.column_names, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    else:
        lists = {c.name for c in kind.columns if c.type == "VARCHAR[]"}
        texts = {name: [row[name] for row in rows] for name in kind.column_names}
        pq.write_table(
            pa.table(
                {
                    name: pa.array(
                        [v if isinstance(v, list) or name not in lists else None for v in values],
                        pa.list_(pa.string()) if name in lists else pa.string(),
                    )
                    for name, values in texts.items()
                }
            ),
            path,
        )
    return path


@pytest.mark.parametrize("name", SAID)
def test_rows_that_say_the_same_land_once(
    settings: Settings, rows: Rows, tmp_path: Path, name: str
) -> None:
    kind, rng = KINDS[name], random.Random(name)  # noqa: S311
    suffixes = [*FORMATS, *FORMATS]
    rng.shuffle(suffixes)
    paths = [
        write(tmp_path / f"{n}.{suffix}", kind, records(kind, suffix, rng))
        for n, suffix in enumerate(suffixes)
    ]
    landed = [(r.landed, r.duplicate, r.rejected) for r in land_files(settings, name, paths)]
    assert landed == [(ROWS, 0, 0)] + [(0, ROWS, 0)] * (len(paths) - 1), rows(
        "select distinct reason from raw.rejected_rows"
    )
    optional = [
        c.name for c in kind.columns if not c.default and c.name not in (*SAID[name], kind.time)
    ]
    counts = ", ".join(f"count({column})" for column in optional)
    assert rows(f"select {counts} from {kind.table}") == [(0,) * len(optional)]


def tick(n: int, **values: Any) -> dict[str, Any]:
    return {"exchange": "x", "symbol": "s", "timestamp": "2025-01-15", "last_price": "1",
            "trade_id": f"#{n}#"} | values  # fmt: skip


def verdicts(rows: Rows, column: str) -> dict[str, Any]:
    found = dict(rows(f"select trade_id, {column} from raw.market_ticks"))
    for text, reason in rows("select raw_text, reason from raw.rejected_rows"):
        found["#" + text.split("#")[1] + "#"] = reason.removeprefix(f"{column}: ")
    return found


@pytest.mark.parametrize("suffix", ["ndjson", "parquet"])
def test_a_list_has_no_empty_texts(
    settings: Settings, rows: Rows, tmp_path: Path, suffix: str
) -> None:
    lists = {(None, "@", ""): ["@"], ("T", "@"): ["T", "@"], (" ",): [" "], ("",): None}
    given = [tick(n, conditions=list(values)) for n, values in enumerate(lists)]
    path = tmp_path / f"a.{suffix}"
    if suffix == "parquet":
        pq.write_table(pa.Table.from_pylist(given), path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in given))
    land_files(settings, "ticks", [path])
    expected = {f"#{n}#": value for n, value in enumerate(lists.values())}
    assert verdicts(rows, "conditions") == expected


def test_what_is_corrected_to_no_conditions(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    """NULL leaves them as they are; a list without codes says that there are none."""
    lists = ["[]", '[""]', "[null]", '["T", ""]', "null", '""']
    line = (
        '{"exchange":"x","symbol":"s","timestamp":"2025-01-15","action":"correct","trade_id":"%d",'
        '"corrected_conditions":%s}\n'
    )
    path = tmp_path / "a.ndjson"
    path.write_text("".join(line % (n, text) for n, text in enumerate(lists)))
    land_files(settings, "corrections", [path])
    found = rows("select corrected_conditions from raw.tick_corrections order by trade_id")
    assert [value for (value,) in found] == [[], [], [], ["T"], None, None]


@pytest.mark.parametrize("value", ["5", "-1", "1.5", "true", "false", "12345678901234567890", "{}"])
def test_what_is_no_list_is_rejected(
    settings: Settings, rows: Rows, tmp_path: Path, value: str
) -> None:
    path = tmp_path / "a.ndjson"
    line = json.dumps(tick(1, conditions="?")) + "\n"
    path.write_text(line.replace('"?"', value) + line.replace("#1#", "#2#").replace("?", "5|@"))
    land_files(settings, "ticks", [path])
    assert verdicts(rows, "conditions") == {"#1#": "not a list of texts", "#2#": ["5", "@"]}


IDS = {
    "5": "5", "007": "007", "1e15": "1e15", "12E45": "12E45", "e0d5.65e3.01": "e0d5.65e3.01",
    "5.": None, ".5": None, "5.0": None, "5,": None, "8.95E+14": None, "1E+15": None, "+5.": None,
}  # fmt: skip


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_id_is_a_text_as_it_stands_or_a_whole_number(
    settings: Settings, rows: Rows, tmp_path: Path, suffix: str
) -> None:
    given = [tick(n, trade_id=text, symbol=f"s{n}") for n, text in enumerate(IDS)]
    path = tmp_path / f"a.{suffix}"
    if suffix == "parquet":
        pq.write_table(pa.Table.from_pylist(given), path)
    elif suffix == "ndjson":
        path.write_text("".join(json.dumps(row) + "\n" for row in given))
    else:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, given[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(given)
    land_files(settings, "ticks", [path])
    found = dict(rows("select symbol, trade_id from raw.market_ticks"))
    assert found == {f"s{n}": text for n, text in enumerate(IDS.values()) if text is not None}
    ((reason,),) = rows("select distinct reason from raw.rejected_rows")
    assert reason.startswith("trade_id: a spreadsheet rounded this number")


def land_columns(settings: Settings, path: Path, **columns: Any) -> Any:
    count = len(next(iter(columns.values())))
    values = {
        "exchange": ["x"] * count,
        "symbol": ["s"] * count,
        "timestamp": ["2025-01-15"] * count,
        "last_price": ["1"] * count,
    } | columns
    pq.write_table(pa.table(values), path)
    (result,) = land_files(settings, "ticks", [path])
    return result


@pytest.mark.parametrize("scale", [0, 9])
def test_a_whole_decimal_is_an_integer(
    settings: Settings, rows: Rows, tmp_path: Path, scale: int
) -> None:
    whole = [Decimal(5), Decimal("12345678901234567890"), Decimal(-7)]
    other = [Decimal("1.5")] if scale else []
    ids = pa.array(whole + other, pa.decimal128(20 + scale, scale))
    assert land_columns(settings, tmp_path / "a.parquet", trade_id=ids).landed == len(whole)
    numbers = pa.array([5, *([Decimal("1.5")] if scale else [])], pa.decimal128(20 + scale, scale))
    result = land_columns(
        settings, tmp_path / "b.parquet", sequence_number=numbers, venue=["v"] * len(numbers)
    )
    assert (result.landed, result.rejected) == (1, len(other))
    found = rows("select trade_id, sequence_number from raw.market_ticks order by tick_id")
    assert found == [(str(n), None) for n in whole] + [(None, 5)]
    reasons = rows("select distinct reason from raw.rejected_rows order by 1")
    both = ["sequence_number: not a whole number of 64 bits", "trade_id: not a text"]
    assert [reason for (reason,) in reasons] == (both if scale else [])
    texts = land_columns(settings, tmp_path / "c.parquet", trade_id=["5", "-7"])
    assert (texts.landed, texts.duplicate) == (0, 2)


def test_a_number_that_a_float_rounded_is_no_sequence_number(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    """Above 2^53 two numbers are one double."""
    given = pa.array([float(2**53), float(2**53 + 2), 7.0, None])
    result = land_columns(
        settings, tmp_path / "a.parquet", sequence_number=given, trade_id=["a", "b", "c", "d"]
    )
    assert (result.landed, result.rejected) == (3, 1)
    found = rows("select sequence_number from raw.market_ticks order by tick_id")
    assert found == [(2**53,), (7,), (None,)]


METADATA = {
    '{"a": 0.1000, "b": [1.50, -0, 1e3]}': '{"a":0.1000,"b":[1.50,-0,1e3]}',
    '{"n": 123456789012345678901234567890.5}': '{"n":123456789012345678901234567890.5}',
    '{"n": 0.10}': '{"n":0.10}',
    '{"t": "0.10 \\u00e9", "x": 1}': '{"t":"0.10 é","x":1}',
    "12.0": "12.0",
}


@pytest.mark.parametrize("suffix", FORMATS)
def test_numbers_in_metadata_keep_their_digits(
    settings: Settings, rows: Rows, tmp_path: Path, suffix: str
) -> None:
    paths = []
    for name in dict.fromkeys([suffix, *FORMATS]):
        given = [
            {key: v.format(n=n) for key, v in SAID["orders"].items()}
            | {"event_time": "2025-01-15", "metadata": f"?{n}?"}
            for n in range(len(METADATA))
        ]
        path = tmp_path / f"a.{name}"
        if name == "ndjson":
            text = "".join(json.dumps(row) + "\n" for row in given)
            for n, written in enumerate(METADATA):
                text = text.replace(f'"?{n}?"', written)
            path.write_text(text)
        else:
            given = [row | {"metadata": m} for row, m in zip(given, METADATA, strict=True)]
            empty = dict.fromkeys(KINDS["orders"].column_names)
            write(path, KINDS["orders"], [empty | row for row in given])
        paths.append(path)
    results = land_files(settings, "orders", paths)
    count = len(METADATA)
    assert [(r.landed, r.duplicate) for r in results] == [(count, 0), (0, count), (0, count)]
    found = rows("select metadata from raw.order_events order by event_id::int")
    assert [value for (value,) in found] == list(METADATA.values())


def test_metadata_that_differs_below_a_double_is_another_event(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    row = {key: v.format(n=1) for key, v in SAID["orders"].items()}
    line = json.dumps(row | {"event_time": "2025-01-15", "metadata": "?"}) + "\n"
    path = tmp_path / "a.ndjson"
    digits = ["0.12345678901234567890", "0.12345678901234567891", "0.12", "0.1200"]
    path.write_text("".join(line.replace('"?"', f'{{"a":{text}}}') for text in digits))
    (result,) = land_files(settings, "orders", [path])
    assert (result.landed, result.duplicate) == (3, 1)  # 0.12 is 0.1200


NULS = ["\x00", "a\x00b", "BTC\x00"]


@pytest.mark.parametrize("column", ["symbol", "trade_id", "venue", "tape", "conditions"])
def test_a_text_with_a_nul_is_rejected(
    settings: Settings, rows: Rows, tmp_path: Path, column: str
) -> None:
    given = [tick(n, symbol="s") for n in range(len(NULS) + 1)]
    for row, text in zip(given, NULS, strict=False):
        row[column] = ["@", text] if column == "conditions" else text
    as_json, as_parquet = tmp_path / "a.ndjson", tmp_path / "a.parquet"
    lines = "".join(json.dumps(row) + "\n" for row in given)
    assert "\\u0000" in lines
    as_json.write_text(lines.replace('"x"', '"\\\\u0000"', 1).replace("#3#", "\\\\u0000"))
    pq.write_table(pa.Table.from_pylist(given), as_parquet)
    first, second = land_files(settings, "ticks", [as_json, as_parquet])
    assert (first.error, first.landed, first.rejected) == (None, 1, 3)
    assert (second.error, second.landed, second.rejected) == (None, 1, 3)
    reasons = dict(rows("select reason, count(*) from raw.rejected_rows group by all"))
    assert reasons == {"a NUL character": 3, f"{column}: a NUL character": 3}


def test_metadata_with_a_nul_is_rejected(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    given = [
        {key: v.format(n=n) for key, v in SAID["orders"].items()}
        | {"event_time": "2025-01-15", "metadata": text}
        for n, text in enumerate(['{"a":"\\u0000"}', '{"a":"\\\\u0000"}'])
    ]
    empty = dict.fromkeys(KINDS["orders"].column_names)
    for suffix in ("csv", "parquet"):
        path = write(tmp_path / f"a.{suffix}", KINDS["orders"], [empty | row for row in given])
        (result,) = land_files(settings, "orders", [path])
        assert result.rejected == 1, suffix
    assert rows("select event_id from raw.order_events") == [("1",)]


def test_a_message_with_a_nul_is_rejected_alone(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    message = {"T": "t", "i": 1, "S": "A", "x": "A", "p": 1, "s": 1, "z": "C",
               "t": "2024-01-02T00:00:00Z"}  # fmt: skip
    path = tmp_path / "a.ndjson"
    path.write_text(json.dumps([message, message | {"S": "B\x00", "i": 2}]) + "\n")
    (result,) = land_files(settings, "ticks", [path])
    assert (result.landed, result.rejected) == (1, 1)
    ((reason, text),) = rows("select reason, raw_text from raw.rejected_rows")
    assert reason == "a NUL character"
    assert json.loads(text)["i"] == 2


def test_a_list_on_one_line_is_refused_with_what_to_do(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([tick(1), tick(2)]) + "\n")
    (result,) = land_files(settings, "ticks", [path])
    assert "a list on one line" in str(result.error)
    assert "jq -c '.[]'" in str(result.error)
