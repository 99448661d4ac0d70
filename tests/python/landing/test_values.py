"""What a value becomes depends on that value alone, in every format alike; nothing is rounded."""

import datetime as dt
import json
import random
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from python_ingest.feeds import parquet
from python_ingest.feeds.kinds import KINDS, Kind
from python_ingest.feeds.relation import Scan, validated
from python_ingest.feeds.values import converted, is_nested
from python_ingest.landing.land import land_files
from python_ingest.settings import Settings

Rows = Callable[[str], list[tuple[Any, ...]]]
UTC = dt.datetime(2025, 1, 15, 8, 0)
FORMATS = ["csv", "ndjson", "parquet"]

TIMES = {
    "2025-01-15 08:00:00": UTC,
    "2025-01-15T08:00:00Z": UTC,
    "2025-01-15T08:00:00.000000999Z": UTC,
    "2025-01-15 08:00:00 UTC": UTC,
    "2025-01-15T09:30:00+01:30": UTC,
    "2025-01-15T09:00:00.0000019+01": UTC.replace(microsecond=1),
    "2025-01-14 22:00:00-10:00": UTC,
    "2025-01-15": UTC.replace(hour=0),
    "2025-01-15 09:00:00 Europe/Berlin": "not a time",
    "2025-01-15 09:00:00 America/New_York": "not a time",
    "2025-01-15 09:00:00 EST": "not a time",
    "2025-01-15 09:00:00 PST8PDT": "not a time",
    "2025-01-15 09:00:00 +25:00:00:00": "not a time",
    "2025-13-15 09:00:00": "not a time",
    "2025-01-15T08:00:00+05:60": "not a time",
    "2025-01-15T08:00:00+05:30:99": "not a time",
    "2025-01-15T08:00:00+0599": "not a time",
    "noon": "not a time",
    "1700000000": "not a time",
    "1969-12-31T23:59:59.999999Z": "outside 1970 to now + 1 day",
    "2999-01-01T00:00:00+02:00": "outside 1970 to now + 1 day",
    "infinity": "outside 1970 to now + 1 day",
    "-infinity": "outside 1970 to now + 1 day",
}

FITS = "does not fit DECIMAL(18,8)"
NUMBERS = {
    "1": Decimal(1),
    "-0.00000001": Decimal("-0.00000001"),
    "9999999999.99999999": Decimal("9999999999.99999999"),
    "0.10000000000000": Decimal("0.1"),
    "1.5e3": Decimal(1500),
    "1E-8": Decimal("0.00000001"),
    "10e-9": Decimal("0.00000001"),
    "0e-30": Decimal(0),
    "123456789.1": Decimal("123456789.1"),
    "1.123456789": FITS,
    "0.123456785": FITS,
    "1e-9": FITS,
    "1.5e-8": FITS,
    "15e-9": FITS,
    "-1e-11": FITS,
    "-1.23456789012345e-5": FITS,
    "-12e-1": Decimal("-1.2"),
    "0.1000000000000000000000000000000000000000001": FITS,
    "10000000000": FITS,
    "1e30": FITS,
}
TEXT_NUMBERS = {
    ".5": Decimal("0.5"),
    "+2.": Decimal(2),
    "+1.234567891e-1": FITS,
    " 690.900633432769E2": FITS,
    " 1.5e3 ": Decimal(1500),
    "1_000": "not a number",
    "0x10": "not a number",
    "1,5": "not a number",
    "": None,
    " \t": "not a number",
    "nan": "NaN or infinite",
    "-inf": "NaN or infinite",
    "1e400": "NaN or infinite",
}


def write(path: Path, records: list[dict[str, Any]]) -> Path:
    if path.suffix == ".ndjson":
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
        return path
    frame = pl.DataFrame(records, infer_schema_length=None)
    frame.write_csv(path) if path.suffix == ".csv" else frame.write_parquet(path)
    return path


def verdicts(rows: Rows, column: str) -> dict[str, Any]:
    """What became of each trade_id: its value, or the reason without the column's name."""
    found = dict(rows(f"select trade_id, {column} from raw.market_ticks"))
    for text, reason in rows("select raw_text, reason from raw.rejected_rows"):
        number = text.rpartition("#")[0].rpartition("#")[2]
        found[f"#{number}#"] = reason.removeprefix(f"{column}: ")
    return found


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_time_is_read_alike_in_any_company(
    settings: Settings, rows: Rows, tmp_path: Path, suffix: str, seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311
    spellings = rng.choices(list(TIMES), k=4000)
    records = [
        {"exchange": "x", "symbol": "s", "timestamp": text, "last_price": "1", "trade_id": f"#{n}#"}
        for n, text in enumerate(spellings)
    ]
    (result,) = land_files(settings, "ticks", [write(tmp_path / f"a.{suffix}", records)])
    assert result.read == 4000
    expected = {f"#{n}#": TIMES[text] for n, text in enumerate(spellings)}
    assert verdicts(rows, "timestamp") == expected


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_number_is_kept_as_written_or_rejected(
    settings: Settings, rows: Rows, tmp_path: Path, suffix: str
) -> None:
    expected = NUMBERS | TEXT_NUMBERS
    records = [
        {
            "exchange": "x",
            "symbol": "s",
            "timestamp": "2025-01-15",
            "last_price": text,
            "bid_price": "1",
            "trade_id": f"#{n}#",
        }
        for n, text in enumerate(expected)
    ]
    land_files(settings, "ticks", [write(tmp_path / f"a.{suffix}", records)])
    assert verdicts(rows, "last_price") == {f"#{n}#": v for n, v in enumerate(expected.values())}


def test_json_numbers_without_quotes(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    line = (
        '{"exchange":"x","symbol":"s","timestamp":"2025-01-15","trade_id":"#%d#","last_price":%s}'
    )
    path = tmp_path / "a.ndjson"
    path.write_text("".join(line % (n, text) + "\n" for n, text in enumerate(NUMBERS)))
    land_files(settings, "ticks", [path])
    assert verdicts(rows, "last_price") == {f"#{n}#": v for n, v in enumerate(NUMBERS.values())}


@pytest.mark.parametrize("kind", [pl.Float64, pl.Float32, pl.Decimal(38, 20), pl.Decimal(38, 9)])
def test_numbers_of_other_parquet_types(
    settings: Settings, rows: Rows, tmp_path: Path, kind: Any
) -> None:
    expected: dict[str, Any] = {
        "0.1": Decimal("0.1"),
        "61837.63": Decimal("61837.63"),
        "0.00000012": Decimal("0.00000012"),
        "1.000000001": FITS,
        "0.000000005": FITS,
        "99999999999": FITS,
    }
    if kind == pl.Float32:  # has no digits for these
        del expected["1.000000001"]
    frame = pl.DataFrame(
        {
            "exchange": ["x"] * len(expected),
            "symbol": ["s"] * len(expected),
            "timestamp": [UTC] * len(expected),
            "last_price": list(expected),
            "trade_id": [f"#{n}#" for n in range(len(expected))],
        }
    )
    cast = pl.col("last_price").cast(kind)
    frame.with_columns(cast).write_parquet(tmp_path / "a.parquet")
    land_files(settings, "ticks", [tmp_path / "a.parquet"])
    assert verdicts(rows, "last_price") == {f"#{n}#": v for n, v in enumerate(expected.values())}


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_empty_id_is_no_id(settings: Settings, rows: Rows, tmp_path: Path, suffix: str) -> None:
    records = [
        {
            "exchange": "ib",
            "symbol": "XYZ",
            "timestamp": f"2023-01-17T13:3{n}:00Z",
            "last_price": "1.5",
            "trade_id": "",
        }
        for n in range(5)
    ] + [
        {"exchange": "", "symbol": "XYZ", "timestamp": "2023-01-17", "last_price": "1",
         "trade_id": ""}
    ]  # fmt: skip
    (result,) = land_files(settings, "ticks", [write(tmp_path / f"a.{suffix}", records)])
    assert (result.landed, result.rejected) == (5, 1)
    assert rows("select count(*), count(trade_id) from raw.market_ticks") == [(5, 0)]
    assert rows("select count(*) from raw.tick_conflicts") == [(0,)]
    assert rows("select reason from raw.rejected_rows") == [("exchange: missing",)]


# What is no text, number or time of its column: what it would be rendered as was not in the file.
OTHERWISE: dict[str, dict[str, Any]] = {
    "symbol": {
        "a list": pa.array([["A"]]),
        "a struct": pa.array([{"a": 1}]),
        "a map": pa.array([[("a", "b")]], pa.map_(pa.string(), pa.string())),
        "a boolean": pa.array([True]),
        "bytes": pa.array([b"caf\xc3\xa9"]),
        "a date": pa.array([dt.date(2025, 1, 2)]),
        "a float": pa.array([1.0]),  # an id of 1 that pandas made a float is not the id 1.0
    },
    "last_price": {
        "a boolean": pa.array([True]),
        "a list": pa.array([[1.5]]),
    },
    "sequence_number": {
        "a boolean": pa.array([True]),
        "a decimal": pa.array([Decimal("1.5")], pa.decimal128(10, 2)),
    },
    "timestamp": {
        "a time of day": pa.array([dt.time(10)]),
        "seconds": pa.array([1735776000]),
    },
    "correlation_id": {"bytes": pa.array([b"0123456789abcdef"], pa.binary(16))},
    "conditions": {"nested lists": pa.array([[["@"]]]), "structs": pa.array([[{"a": 1}]])},
}


@pytest.mark.parametrize(
    ("column", "what"), [(column, what) for column, kinds in OTHERWISE.items() for what in kinds]
)
def test_a_value_of_another_type_is_rejected(
    settings: Settings, rows: Rows, tmp_path: Path, column: str, what: str
) -> None:
    values = {
        "exchange": pa.array(["x"]),
        "symbol": pa.array(["s"]),
        "timestamp": pa.array([UTC]),
        "last_price": pa.array([1.5]),
        "trade_id": pa.array(["1"]),
    } | {column: OTHERWISE[column][what]}
    pq.write_table(pa.table(values), tmp_path / "a.parquet")
    (result,) = land_files(settings, "ticks", [tmp_path / "a.parquet"])
    assert (result.landed, result.rejected) == (0, 1)
    ((reason,),) = rows("select reason from raw.rejected_rows")
    assert reason.startswith(f"{column}: not ")


def test_a_column_of_nulls_may_be_of_any_type(settings: Settings, tmp_path: Path) -> None:
    values = {
        "exchange": pa.array(["x"]),
        "symbol": pa.array(["s"]),
        "timestamp": pa.array([UTC]),
        "last_price": pa.array([1.5]),
    } | {name: pa.nulls(1) for name in ("volume", "trade_id", "correlation_id", "conditions")}
    pq.write_table(pa.table(values), tmp_path / "a.parquet")
    (result,) = land_files(settings, "ticks", [tmp_path / "a.parquet"])
    assert (result.landed, result.rejected) == (1, 0)


@pytest.mark.parametrize("value", ['["s"]', '{"a":1}', "true", "false"])
def test_a_text_of_another_type_in_json_is_rejected(
    settings: Settings, rows: Rows, tmp_path: Path, value: str
) -> None:
    path = tmp_path / "a.ndjson"
    line = '{"exchange":"x","symbol":%s,"timestamp":"2025-01-15","trade_id":"#1#","last_price":1}\n'
    path.write_text(line % '"[true]"' + line.replace("#1", "#2") % value)
    (result,) = land_files(settings, "ticks", [path])
    assert (result.landed, result.rejected) == (1, 1)
    assert rows("select line_number, reason from raw.rejected_rows") == [(2, "symbol: not a text")]
    assert rows("select symbol from raw.market_ticks") == [("[true]",)]


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
def test_nanoseconds_are_cut_in_any_zone(
    settings: Settings, rows: Rows, tmp_path: Path, zone: str | None
) -> None:
    values = {
        "exchange": pa.array(["x"]),
        "symbol": pa.array(["s"]),
        "timestamp": pa.array([1735776000123456789], pa.timestamp("ns", zone)),
        "last_price": pa.array([1.5]),
    }
    pq.write_table(pa.table(values), tmp_path / "a.parquet")
    land_files(settings, "ticks", [tmp_path / "a.parquet"])
    assert rows("select epoch_us(timestamp) from raw.market_ticks") == [(1735776000123456,)]


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_an_impossible_time_refuses_its_own_row(
    settings: Settings, rows: Rows, tmp_path: Path, unit: str, zone: str | None, exact: bool
) -> None:
    good = 1735776000123 * {"ms": 1, "us": 1000, "ns": 1_000_000}[unit]
    bad = [2**62, -(2**62), 2**63 - 1, -(2**63), 10**15 + 1] if unit == "ms" else [2**63 - 1]
    times = [good, *bad, None, good]
    values = {
        "exchange": pa.array(["x"] * len(times)),
        "symbol": pa.array(["s"] * len(times)),
        "timestamp": pa.array(times, pa.int64()).cast(pa.timestamp(unit, zone)),
        "last_price": pa.array([Decimal("1.5")] * len(times), pa.decimal128(28, 10)),
        "trade_id": pa.array([str(n) for n in range(len(times))]),
    }
    if not exact:
        values["sequence_number"] = pa.array([str(n) for n in range(len(times))])
    pq.write_table(pa.table(values), tmp_path / "a.parquet")
    (result,) = land_files(settings, "ticks", [tmp_path / "a.parquet"])
    assert (result.error, result.landed) == (None, 2)
    assert result.rejected == len(bad) + 1
    landed = rows("select epoch_ms(timestamp), trade_id from raw.market_ticks order by all")
    assert landed == [(1735776000123, "0"), (1735776000123, str(len(times) - 1))]
    refused = rows("select row_number, reason, raw_text from raw.rejected_rows order by all")
    assert [line for line, *_ in refused] == list(range(2, len(times)))
    assert all(reason.startswith("timestamp: ") for _, reason, _ in refused)
    if unit == "ms":
        assert f'"{2**62} ms"' in refused[0][2]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_field_within_a_field_is_not_dropped(
    settings: Settings, rows: Rows, tmp_path: Path, suffix: str
) -> None:
    labels: list[dict[str, Any]] = [{"service": "a"}, {"service": "b", "team": "c"}, {"team": "d"}]
    records = [
        {
            "timestamp": "2025-01-15",
            "metric_name": f"m{n}",
            "metric_type": "gauge",
            "value": 1,
            "labels": json.dumps(value) if suffix == "csv" else value,
        }
        for n, value in enumerate(labels)
    ]
    path = tmp_path / f"a.{suffix}"
    if suffix == "parquet":  # all of a struct's fields are in every row
        path = write(path, records[1:2])
        (result,) = land_files(settings, "metrics", [path])
        assert (result.landed, result.rejected) == (0, 1)
    else:
        (result,) = land_files(settings, "metrics", [write(path, records)])
        assert (result.landed, result.rejected) == (1, 2)
        assert rows("select metric_name, labels.service from raw.system_metrics") == [("m0", "a")]
    assert rows("select distinct reason from raw.rejected_rows") == [
        ("labels: not a JSON object with the expected fields",)
    ]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_date_is_no_time(settings: Settings, rows: Rows, tmp_path: Path, suffix: str) -> None:
    dates = {
        "2025-01-15": True,
        "2025-1-5": True,
        "2025-01-15T00:00:00": False,
        "2025-01-15 23:30:00-05": False,
        "2025-02-30": False,
        "20250115": False,
        "15.01.2025": False,
    }
    records = [
        {"exchange": "x", "symbol": f"#{n}#", "ex_date": text, "kind": "split", "ratio": "2"}
        for n, text in enumerate(dates)
    ]
    land_files(settings, "actions", [write(tmp_path / f"a.{suffix}", records)])
    landed = {symbol for (symbol,) in rows("select symbol from raw.corporate_actions")}
    assert landed == {f"#{n}#" for n, right in enumerate(dates.values()) if right}
    assert rows("select distinct reason from raw.rejected_rows") == [("ex_date: not a date",)]


def test_a_date_of_another_parquet_type(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    """Midnight is what others make of a date; any other time is none."""
    values = {
        "exchange": pa.array(["x"] * 2),
        "symbol": pa.array(["a", "b"]),
        "ex_date": pa.array([UTC.replace(hour=0), UTC]),
        "kind": pa.array(["split"] * 2),
        "ratio": pa.array([2] * 2),
    }
    pq.write_table(pa.table(values), tmp_path / "a.parquet")
    land_files(settings, "actions", [tmp_path / "a.parquet"])
    assert rows("select symbol, ex_date from raw.corporate_actions") == [("a", UTC.date())]
    assert rows("select reason from raw.rejected_rows") == [("ex_date: not a date",)]


BLANK = ["", " ", "   ", "\t", " \t ", "\u00a0", "\u2003 "]
NOT_BLANK = ["!", "~", "a", "\u00e4", "\u20ac", "-", "0"]


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_blank_text_is_none_where_an_empty_one_is(kind: Kind) -> None:
    """So five ticks whose id is a space are five, and no symbol is one."""
    texts = [c for c in kind.columns if c.type == "VARCHAR" and c.empty_is_null and not c.words]
    with duckdb.connect() as connection:
        for column in texts:
            sql = f"select {converted('t', 'VARCHAR', column)} from (select unnest(?) as t)"
            found = connection.execute(sql, [BLANK + NOT_BLANK]).fetchall()
            assert found == [(None,)] * len(BLANK) + [(text,) for text in NOT_BLANK], column.name


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_blank_text_is_no_list_and_no_object(kind: Kind) -> None:
    nested = [c for c in kind.columns if is_nested(c)]
    with duckdb.connect() as connection:
        for column in nested:
            types = {column.name: "VARCHAR"}
            sql = f"select unnest(?) as {column.name}, null::varchar as raw_text"
            rows = validated(kind, Scan("csv", sql, types))
            said = f"select {column.name}, coalesce(reason, '') from ({rows})"
            for value, reason in connection.execute(said, [[*BLANK, "\u2028"]]).fetchall():
                assert value is None
                assert not reason.startswith(f"{column.name}: not")


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_blank_id_is_none(settings: Settings, rows: Rows, tmp_path: Path, suffix: str) -> None:
    tick = {"exchange": "x", "timestamp": "2025-01-15", "last_price": "1"}
    ids = [{**tick, "symbol": "s", "trade_id": blank} for blank in (" ", "\t", "  ", "7")]
    names = [{**tick, "symbol": blank, "trade_id": "8"} for blank in (" ", "\t")]
    (result,) = land_files(settings, "ticks", [write(tmp_path / f"a.{suffix}", ids + names)])
    assert (result.landed, result.duplicate, result.rejected) == (4, 0, 2)
    found = rows("select trade_id, occurrence from raw.market_ticks order by tick_id")
    assert found == [(None, 1), (None, 2), (None, 3), ("7", 1)]
    assert rows("select distinct reason from raw.rejected_rows") == [("symbol: missing",)]


CONDITIONS = {
    '["@", "T"]': ["@", "T"],
    "[37, 12]": ["37", "12"],
    '["@", null]': ["@"],
    "@|T": ["@", "T"],
    '[["@"]]': "not a list of texts",
    '[{"a": 1}]': "not a list of texts",
    "[true]": "not a list of texts",
    "[1.50]": "not a list of texts",
    "[": "not a list of texts",
    '{"a": "b"}': "not a list of texts",
}


def test_conditions_are_texts(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    records = [
        {"exchange": "x", "symbol": "s", "timestamp": "2025-01-15", "last_price": "1",
         "trade_id": f"#{n}#", "conditions": text}
        for n, text in enumerate(CONDITIONS)
    ]  # fmt: skip
    land_files(settings, "ticks", [write(tmp_path / "a.csv", records)])
    expected = {f"#{n}#": v for n, v in enumerate(CONDITIONS.values())}
    assert verdicts(rows, "conditions") == expected


# Times of 96 bits, as Spark and old writers make them; by itself the engine cuts nanoseconds.
INT96 = {
    "nanoseconds": ([1704153601000000001, None, 1704153601000000999], [1, None, 999]),
    "microseconds": ([1704153601000001000, 1704153601000002000], [None, None]),
}


@pytest.mark.parametrize("what", INT96)
def test_times_of_96_bits_keep_their_nanoseconds(
    settings: Settings, rows: Rows, tmp_path: Path, what: str
) -> None:
    given, below = INT96[what]
    ids = [str(n) for n in range(len(given))]
    of_96, of_64 = tmp_path / "96.parquet", tmp_path / "64.parquet"
    values = {
        "exchange": ["x"] * len(ids),
        "symbol": ["s"] * len(ids),
        "timestamp": pa.array(given, pa.timestamp("ns")),
        "last_price": ["1"] * len(ids),
        "trade_id": ids,
    }
    pq.write_table(pa.table(values), of_96, use_deprecated_int96_timestamps=True)
    pq.write_table(pa.table(values), of_64)
    first, second = land_files(settings, "ticks", [of_96, of_64])
    landed = len(given) - given.count(None)
    assert (first.landed, first.rejected) == (landed, given.count(None))
    assert (second.landed, second.duplicate) == (0, landed)
    found = rows("select trade_id, nanoseconds from raw.market_ticks order by tick_id")
    assert found == [
        (name, n) for name, time, n in zip(ids, given, below, strict=True) if time is not None
    ]


def test_a_time_of_96_bits_beyond_nanoseconds_is_that_row_s_own(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    times = pa.array([dt.datetime(1500, 1, 1), dt.datetime(9999, 12, 31), dt.datetime(2024, 1, 2)])
    values = {
        "exchange": ["x"] * 3,
        "symbol": ["s"] * 3,
        "timestamp": times,
        "last_price": ["1"] * 3,
    }
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table(values), path, use_deprecated_int96_timestamps=True)
    (result,) = land_files(settings, "ticks", [path])
    assert (result.landed, result.rejected) == (1, 2)
    reasons = rows("select distinct reason from raw.rejected_rows")
    assert reasons == [("timestamp: outside 1970 to now + 1 day",)]


DIES = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
NO_ROOM = "raise OSError(28, 'No space left on device')"


@pytest.mark.parametrize(
    ("code", "said"), [(DIES, "the reader of its times dies of it (SIGSEGV)"), (NO_ROOM, "space")]
)
def test_a_file_whose_reader_dies_stops_no_other(
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    said: str,
) -> None:
    """Of damaged pages pyarrow may end the process that reads them."""
    monkeypatch.setattr(parquet, "_READER", (sys.executable, "-c", code))
    path, good = tmp_path / "bad.parquet", tmp_path / "good.csv"
    far = pa.array([2**62], pa.timestamp("ms"))
    values = {"exchange": ["x"], "symbol": ["s"], "timestamp": far, "last_price": ["1"]}
    pq.write_table(pa.table(values), path)
    write(good, [{"exchange": "x", "symbol": "s", "timestamp": "2025-01-15", "last_price": "1"}])
    failed, landed = land_files(settings, "ticks", [path, good])
    assert (failed.state, landed.landed) == ("failed", 1)
    assert said in str(failed.error)
    assert not list(settings.spool_dir.glob("*.parquet"))
