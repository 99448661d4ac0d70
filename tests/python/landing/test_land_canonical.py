"""Canonical files land with every value as written, whatever their format and spelling."""

import datetime as dt
import gzip
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from python_ingest.landing.land import land_files
from python_ingest.settings import Settings

Rows = Callable[[str], list[tuple[Any, ...]]]

HEADER = "exchange,symbol,timestamp,last_price,last_size,sequence_number,trade_id,conditions\n"


def land_text(settings: Settings, path: Path, text: str, kind: str = "ticks"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return land_files(settings, kind, [path])[0]


def test_formats_give_the_same_rows(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    ticks = [
        {
            "exchange": "x",
            "symbol": f"S{i % 3}",
            "timestamp": f"2024-08-08T00:00:{i:02d}.123456+02:00",
            "last_price": f"{i + 1}.12345678",
            "sequence_number": i,
            "trade_id": f"t{i}",
        }
        for i in range(20)
    ]
    csv = tmp_path / "a.csv.gz"
    lines = [",".join(str(v) for v in tick.values()) for tick in ticks]
    csv.write_bytes(gzip.compress("\n".join([",".join(ticks[0]), *lines, ""]).encode()))
    ndjson = tmp_path / "a.ndjson"
    ndjson.write_text("".join(json.dumps(tick) + "\n" for tick in ticks))
    parquet = tmp_path / "a.parquet"
    pl.DataFrame(ticks).with_columns(
        pl.col("timestamp").str.to_datetime(time_unit="us", time_zone="UTC"),
        pl.col("last_price").str.to_decimal(scale=8),
    ).write_parquet(parquet)

    first, second, third = land_files(settings, "ticks", [csv, ndjson, parquet])

    assert (first.landed, first.duplicate, first.rejected) == (20, 0, 0)
    assert (second.landed, second.duplicate) == (0, 20)
    assert (third.landed, third.duplicate) == (0, 20)
    expected = [
        (
            tick["symbol"],
            dt.datetime.fromisoformat(str(tick["timestamp"]))
            .astimezone(dt.UTC)
            .replace(tzinfo=None),
            Decimal(str(tick["last_price"])),
            "trade",
            "websocket",
            1,
        )
        for tick in ticks
    ]
    assert expected == rows(
        "select symbol, timestamp, last_price, kind, source, occurrence from raw.market_ticks"
        " order by sequence_number"
    )
    assert rows("select count(*), count(distinct tick_id) from raw.market_ticks") == [(20, 20)]


STRANGE = [
    "NULL",
    "../../etc",
    "'; drop table x",
    "000123",
    "BTC/USD",
    "null",
    'a"b',
    "ü|x",
    "nan",
]


@pytest.mark.parametrize("suffix", ["csv", "ndjson", "parquet"])
def test_strange_symbols_survive(
    settings: Settings, rows: Rows, tmp_path: Path, suffix: str
) -> None:
    frame = pl.DataFrame(
        {
            "exchange": ["x"] * len(STRANGE),
            "symbol": STRANGE,
            "timestamp": ["2024-01-02T00:00:00Z"] * len(STRANGE),
            "last_price": ["1"] * len(STRANGE),
        }
    )
    path = tmp_path / f"strange.{suffix}"
    {"csv": frame.write_csv, "ndjson": frame.write_ndjson, "parquet": frame.write_parquet}[suffix](
        path
    )
    (result,) = land_files(settings, "ticks", [path])
    assert result.landed == len(STRANGE)
    assert rows("select symbol from raw.market_ticks order by tick_id") == [(s,) for s in STRANGE]


def test_long_json_numbers_keep_their_digits(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    line = (
        '{"exchange":"x","symbol":"s","timestamp":"2024-01-02","last_price":%s,'
        '"sequence_number":9223372036854775807}\n'
    )
    prices = ["1234567890.12345678", "9999999999.99999999", "-0.00000001", "1e-8", "126.55"]
    result = land_text(settings, tmp_path / "a.ndjson", "".join(line % p for p in prices))
    assert (result.landed, result.rejected) == (5, 0)
    landed = {row[0] for row in rows("select last_price from raw.market_ticks")}
    assert landed == {Decimal(price) for price in prices}


REJECTED = {
    "x,s,2024-01-02,abc,1,1,,": "last_price: not a number",
    "x,s,2024-01-02,nan,1,1,,": "last_price: NaN or infinite",
    "x,s,2024-01-02,-inf,1,1,,": "last_price: NaN or infinite",
    "x,s,2024-01-02,12345678901,1,1,,": "last_price: does not fit DECIMAL(18,8)",
    "x,s,2024-01-02,0.123456789,1,1,,": "last_price: does not fit DECIMAL(18,8)",
    "x,s,2024-01-02,1,-1,1,,": "last_size: negative",
    "x,s,2024-01-02,1,1,1.5,,": "sequence_number: not a whole number of 64 bits",
    "x,s,2024-01-02,1,1,99999999999999999999,,": "sequence_number: not a whole number of 64 bits",
    "x,s,noon,1,1,1,,": "timestamp: not a time",
    "x,s,1969-12-31T23:59:59Z,1,1,1,,": "timestamp: outside 1970 to now + 1 day",
    "x,s,2999-01-01,1,1,1,,": "timestamp: outside 1970 to now + 1 day",
    "x,s,infinity,1,1,1,,": "timestamp: outside 1970 to now + 1 day",
    ",s,2024-01-02,1,1,1,,": "exchange: missing",
    "x,s,,1,1,1,,": "timestamp: missing",
    "x,s,2024-01-02,,1,1,,": "neither a quote (bid_price, ask_price) nor a trade (last_price)",
    "x,s,2024-01-02,1": "fewer fields than the header",
    "x,s,2024-01-02,1,1,1,,,9": "more fields than the header",
}


def test_bad_rows_are_kept_with_their_reason_and_the_rest_lands(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    good = "x,s,2024-01-02T00:00:00.1234569Z,0.100000000,0,{0},t{0},a|b\n"
    text = HEADER
    for number, bad in enumerate(REJECTED):
        text += good.format(number) + bad + "\n"
    result = land_text(settings, tmp_path / "bad.csv", text)
    n = len(REJECTED)
    assert (result.read, result.landed, result.rejected) == (2 * n, n, n)
    found = rows("select row_number, reason, source_file from raw.rejected_rows order by all")
    path = str(tmp_path / "bad.csv")
    assert found == [(2 * i, reason, path) for i, reason in enumerate(REJECTED.values(), start=1)]
    numbers = rows("select tick_id & 4294967295, trade_id from raw.market_ticks order by 1")
    assert numbers == [(2 * i + 1, f"t{i}") for i in range(n)]
    assert rows("select distinct timestamp, conditions from raw.market_ticks") == [
        (dt.datetime(2024, 1, 2, 0, 0, 0, 123456), ["a", "b"])
    ]
    again = land_files(settings, "ticks", [tmp_path / "bad.csv"])[0]
    assert again.state == "already landed"
    assert rows("select count(*) from raw.rejected_rows") == [(n,)]
    assert rows("select count(*), sum(rows_read) from raw.landings") == [(1, 2 * n)]


def test_raw_text_of_json_is_the_line(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    good = '{"exchange":"x","symbol":"s","timestamp":"2024-01-02","last_price":1}\n'
    bad = ['{"exchange":"x","symbol":"s"', "[1,2]", good.strip()[:-1] + ',"colour":"red"}']
    result = land_text(settings, tmp_path / "a.ndjson", good + "\n".join(bad) + "\n")
    assert (result.landed, result.rejected) == (1, 3)
    assert rows("select row_number, raw_text, reason from raw.rejected_rows order by 1") == [
        (2, bad[0], "not a JSON object"),
        (3, bad[1], "not a JSON object"),
        (4, bad[2], "unknown field colour"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("none.csv", None, "no such file"),
        ("empty.csv", b"", "the file is empty"),
        ("cols.csv", b"a,b\n1,2\n", "unknown columns 'a', 'b' and missing columns exchange"),
        ("cut.csv", HEADER.encode() + b"x,s,2024-01-02,1,1", "does not end with a newline"),
        ("bad.parquet", b"PAR1 this is none", "not a readable Parquet file"),
        ("cut.csv.gz", gzip.compress(HEADER.encode() * 9, mtime=0)[:-9], "cut off"),
        ("flip.csv.gz", gzip.compress(b"x", mtime=0)[:-8] + b"12345678", "damaged"),
    ],
)
def test_files_that_cannot_be_read_land_nothing(
    settings: Settings, rows: Rows, tmp_path: Path, name: str, content: bytes | None, says: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    good = tmp_path / "good.csv"
    good.write_text(HEADER + "x,s,2024-01-02,1,1,1,,\n")
    first, second = land_files(settings, "ticks", [path, good])
    assert first.state == "failed"
    assert says in str(first.error)
    assert "\n" not in str(first.error)
    assert second.landed == 1
    assert rows("select count(*) from raw.landings") == [(1,)]
    assert list((settings.spool_dir / "tmp").iterdir()) == []


def test_other_kinds_land_in_their_tables(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    order = {
        "event_id": "e1",
        "event_type": "fill",
        "event_time": "2024-01-02T10:00:00Z",
        "order_id": "o1",
        "client_order_id": "c1",
        "exchange": "x",
        "symbol": "s",
        "side": "buy",
        "order_type": "limit",
        "quantity": 2,
        "fill_quantity": "2",
        "fill_price": 10.5,
        "metadata": {"a": [1, 2]},
        "extended_hours": True,
        "correlation_id": "6f1f6a5e-7a69-4f0f-8d1b-9a8a2b0c0001",
    }
    bad = {**order, "event_id": "e2", "side": "long"}
    worse = {**order, "event_id": "e3", "correlation_id": "none"}
    files = {
        "orders": [order, bad, worse, order],
        "cash": [
            {
                "event_id": "d1",
                "event_time": "2024-01-02",
                "kind": "deposit",
                "amount": "-5.25",
                "currency": "USD",
            }
        ],
        "corrections": [
            {
                "exchange": "x",
                "symbol": "s",
                "trade_id": "7",
                "action": "bust",
                "timestamp": "2024-01-02",
                "corrected_conditions": ["@", "I"],
            }
        ],
        "actions": [
            {"exchange": "x", "symbol": "s", "ex_date": "2024-06-10", "kind": "split", "ratio": 10}
        ],
        "metrics": [
            {
                "timestamp": "2024-01-02",
                "metric_name": "lag",
                "metric_type": "gauge",
                "value": 0.1,
                "labels": {"service": "a", "component": "b"},
            },
            {"timestamp": "2024-01-02", "metric_name": "lag", "metric_type": "gauge", "value": "x"},
            {"timestamp": "2024-01-02", "metric_name": "m", "metric_type": "gauge", "value": "1_0"},
        ],
        "logs": [
            {
                "timestamp": "2024-01-02",
                "level": "error",
                "service": "a",
                "message": "boom",
                "exception": {"type": "E", "message": "m", "stack_trace": "s"},
                "data": {"k": 1},
            }
        ]
        * 2,
    }
    results = {}
    for kind, objects in files.items():
        text = "".join(json.dumps(item) + "\n" for item in objects)
        results[kind] = land_text(settings, tmp_path / kind / "a.ndjson", text, kind)
        again = land_text(settings, tmp_path / kind / "b.ndjson", text + "\n\n", kind)
        assert (again.landed, again.state) == (0, "landed" if not again.rejected else again.state)
    counted = {kind: (r.landed, r.duplicate, r.rejected) for kind, r in results.items()}
    assert counted == {
        "orders": (1, 1, 2),
        "cash": (1, 0, 0),
        "corrections": (1, 0, 0),
        "actions": (1, 0, 0),
        "metrics": (1, 0, 2),
        "logs": (2, 0, 0),
    }
    assert rows("select metadata->>'$.a[1]', extended_hours, fill_price from raw.order_events") == [
        ("2", True, Decimal("10.5"))
    ]
    assert rows("select labels.component, labels.instance from raw.system_metrics") == [("b", None)]
    assert rows("select occurrence, exception.type from raw.application_logs order by 1") == [
        (1, "E"),
        (2, "E"),
    ]
    assert rows("select amount from raw.cash_events") == [(Decimal("-5.25"),)]
    assert rows("select corrected_conditions from raw.tick_corrections") == [(["@", "I"],)]


def test_words_are_accepted_as_people_write_them(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    """In every format; a word that is none of ours stays as it was written and is rejected."""
    written = [("NEW", "BUY", " AAPL "), ("FILLED", "Sell", "AAPL"), ("canceled", "b", "AAPL"),
               ("Partially_Filled", " sell_short", "AAPL"), ("done", "buy", "AAPL")]  # fmt: skip
    events = [
        {"event_id": f"e{number}", "event_type": event, "event_time": "2024-03-04 10:00:00",
         "order_id": "o", "client_order_id": "c", "exchange": "x", "symbol": symbol, "side": side,
         "order_type": "limit", "quantity": "5", "fill_quantity": "5", "fill_price": "10"}
        for number, (event, side, symbol) in enumerate(written)
    ]  # fmt: skip
    lines = [",".join(events[0]), *(",".join(event.values()) for event in events), ""]
    csv = tmp_path / "a.csv"
    csv.write_text("\n".join(lines))
    ndjson = tmp_path / "a.ndjson"
    ndjson.write_text("".join(json.dumps(event) + "\n" for event in events))
    parquet = tmp_path / "a.parquet"
    pl.DataFrame(events).write_parquet(parquet)

    results = land_files(settings, "orders", [csv, ndjson, parquet])

    assert [(r.landed, r.duplicate, r.rejected) for r in results] == [
        (4, 0, 1), (0, 4, 1), (0, 4, 1),
    ]  # fmt: skip
    assert rows("select event_type, side, symbol from raw.order_events order by event_id") == [
        ("submitted", "buy", "AAPL"), ("fill", "sell", "AAPL"), ("cancelled", "buy", "AAPL"),
        ("partial_fill", "sell", "AAPL"),
    ]  # fmt: skip
    (reason,) = {row[0] for row in rows("select reason from raw.rejected_rows")}
    assert reason.startswith("event_type: not one of created, submitted")
