"""What programs write where there is no time is no time: the row is rejected with the reason."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from python_ingest.feeds.kinds import KINDS
from python_ingest.landing.land import land_files
from python_ingest.settings import Settings

LARGEST = 2**63 - 1
NEVER = "1970-01-01 is written where there is no time"
OUTSIDE = "outside 1970 to now + 1 day"
FAR = "before 1970, or yet to come: land it from 12:00 UTC of that day on"
# A row of each kind, and which of its columns are times.
ROWS: dict[str, dict[str, Any]] = {
    "ticks": {"exchange": "x", "symbol": "s", "timestamp": None, "last_price": "1"},
    "corrections": {
        "exchange": "x", "symbol": "s", "trade_id": "t", "action": "bust", "timestamp": None,
    },
    "orders": {
        "event_id": "e", "event_type": "transfer_in", "event_time": None, "order_id": "o",
        "client_order_id": "c", "exchange": "x", "symbol": "s", "side": "buy",
        "order_type": "market", "quantity": "1", "transfer_cost": "1", "original_time": None,
    },
    "cash": {
        "event_id": "e", "event_time": None, "kind": "deposit", "amount": "1", "currency": "USD",
        "accrual_time": None,
    },
    "actions": {
        "exchange": "x", "symbol": "s", "ex_date": None, "kind": "split", "ratio": "2",
    },
    "statements": {"as_of": None, "currency": "USD", "quantity": "1"},
    "metrics": {
        "timestamp": None, "metric_name": "m", "metric_type": "gauge", "value": "1",
    },
    "logs": {"timestamp": None, "level": "info", "service": "s", "message": "m"},
}  # fmt: skip
TIMES = [(kind, name) for kind, row in ROWS.items() for name, value in row.items() if value is None]
TEXTS = {
    "1970-01-01": NEVER,
    "1970-01-01 00:00:00": NEVER,
    "1970-01-01T00:00:00Z": NEVER,
    "1970-01-01T01:00:00+01:00": NEVER,
    "0001-01-01": OUTSIDE,
    "0001-01-01T00:00:00": OUTSIDE,
    "9999-12-31": OUTSIDE,
    "9999-12-31 23:59:59.999999": OUTSIDE,
    "infinity": OUTSIDE,
    "-infinity": OUTSIDE,
    "294247-01-10 04:00:54.775806": OUTSIDE,  # the largest of 64 bits, in us
    "2262-04-11 23:47:16.854775807": OUTSIDE,  # the same, in ns
    "1677-09-21 00:12:43.145224": OUTSIDE,
    "0": "not a time",
    str(LARGEST): "not a time",
    str(-LARGEST - 1): "not a time",
}


def test_every_column_of_times_is_tried() -> None:
    known = [
        (kind.name, column.name)
        for kind in KINDS.values()
        for column in kind.columns
        if column.type in ("TIMESTAMP", "DATE")
    ]
    assert sorted(TIMES) == sorted(known)


def reasons(settings: Settings, rows: Any, kind: str, path: Path, column: str) -> list[str]:
    """Return what is said of each row of a file, none of which may land."""
    (result,) = land_files(settings, kind, [path])
    assert result.error is None
    assert result.landed == 0, rows(f"select {column} from {KINDS[kind].table}")
    found = rows("select reason from raw.rejected_rows order by row_number")
    return [reason.removeprefix(f"{column}: ") for (reason,) in found]


@pytest.mark.parametrize(
    ("kind", "column", "suffix"),
    [(*time, "csv") for time in TIMES] + [(*time, "ndjson") for time in (TIMES[0], TIMES[6])],
)
def test_a_text(
    settings: Settings, rows: Any, tmp_path: Path, kind: str, column: str, suffix: str
) -> None:
    good = {name: value or "2024-01-02" for name, value in ROWS[kind].items()}
    texts = TEXTS
    if column == "ex_date":
        dates = [text for text in TEXTS if len(text) == 10 or "inf" in text]
        texts = {text: TEXTS[text].replace(OUTSIDE, FAR) for text in dates}
    records = [good | {column: text} for text in texts]
    path = tmp_path / f"a.{suffix}"
    if suffix == "csv":
        lines = [",".join(good), *(",".join(record.values()) for record in records)]
    else:
        lines = [json.dumps(record) for record in records]
    path.write_text("".join(f"{line}\n" for line in lines))
    assert reasons(settings, rows, kind, path, column) == list(texts.values())


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC"])
def test_a_typed_time(
    settings: Settings, rows: Any, tmp_path: Path, unit: str, zone: str | None
) -> None:
    """The smallest 64 bits are NULL in some programs, and a time in others."""
    numbers = [0, LARGEST, -LARGEST - 1, -LARGEST]
    times = pa.array(numbers, pa.int64()).cast(pa.timestamp(unit, zone))
    good = {name: [value] * 4 for name, value in ROWS["ticks"].items()}
    pq.write_table(pa.table(good | {"timestamp": times}), tmp_path / "a.parquet")
    found = reasons(settings, rows, "ticks", tmp_path / "a.parquet", "timestamp")
    assert found[0] == NEVER
    assert set(found[1:]) <= {OUTSIDE, "not a time", "missing"}


def test_a_typed_date(settings: Settings, rows: Any, tmp_path: Path) -> None:
    dates = [date(1970, 1, 1), date(1, 1, 1), date(9999, 12, 31)]
    good = {name: [value or "x"] * 3 for name, value in ROWS["actions"].items()}
    pq.write_table(pa.table(good | {"ex_date": dates}), tmp_path / "a.parquet")
    found = reasons(settings, rows, "actions", tmp_path / "a.parquet", "ex_date")
    assert found == [NEVER, FAR, FAR]


FEED = """
name = "own"
kind = "ticks"
about = "ours"
file = { format = "%s" }
recognise = { %s }
columns.exchange = { constant = "x" }
columns.symbol = { constant = "s" }
columns.timestamp = { from = "at", unit = "%s" }
columns.last_price = "px"
"""


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns", "ms or us"])
@pytest.mark.parametrize("format_", ["csv", "json"])
def test_a_unix_time_of_a_feed(
    settings: Settings, rows: Any, tmp_path: Path, unit: str, format_: str
) -> None:
    told = 'header = ["at", "px"]' if format_ == "csv" else 'keys = [["at", "px"]]'
    settings.feeds_dir.mkdir(parents=True)
    (settings.feeds_dir / "own.toml").write_text(FEED % (format_, told, unit))
    since = datetime(9999, 12, 31, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    last = int(since.total_seconds())
    factor = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9, "ms or us": 10**6}[unit]
    first = -62_135_596_800  # 0001-01-01
    numbers = [0, LARGEST, -LARGEST - 1, -1, last * factor, first * factor]
    lines = ["at,px"] if format_ == "csv" else []
    lines += [f"{n},1" if format_ == "csv" else f'{{"at":{n},"px":1}}' for n in numbers]
    path = tmp_path / "a.txt"
    path.write_text("".join(f"{line}\n" for line in lines))
    found = reasons(settings, rows, "ticks", path, "timestamp")
    assert len(found) == 6
    assert all(why == OUTSIDE or why.startswith("not a Unix time in ") for why in found), found
