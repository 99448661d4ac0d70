"""Order flow keeps ten decimals, and what is accepted has room wherever it goes."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from python_ingest.landing.land import land_files
from python_ingest.settings import Settings

Rows = Callable[[str], list[tuple[Any, ...]]]
FORMATS = ["csv", "ndjson", "parquet", "exact.parquet"]
FITS = "does not fit DECIMAL(28,10)"
PRODUCT = "fill_quantity * fill_price * multiplier: 10^14 or more"

# fill_quantity, fill_price: what becomes of them
FILLS: dict[tuple[str, str], str | None] = {
    ("0.123456789", "187.123456789"): None,  # Alpaca's nine decimals
    ("0.1234567891", "0.0000000001"): None,
    ("120", "150000000"): None,  # BTC in KRW
    ("100000", "199999.99"): None,
    ("750000000000", "0.0000012345"): None,  # a meme coin
    ("999999999999999999.9999999999", "0.0001"): None,
    ("1", "99999999999999.9999999999"): None,
    ("0.0000000001", "-999999999999999999"): None,
    ("9999999.9999", "10000000"): None,
    ("10000000", "10000000"): PRODUCT,
    ("10000000", "-10000000"): PRODUCT,
    ("1", "100000000000000"): PRODUCT,
    ("999999999999999999", "999999999999999999"): PRODUCT,
    ("0.12345678901", "1"): f"fill_quantity: {FITS}",
    ("1", "0.00000000015"): f"fill_price: {FITS}",
    ("1000000000000000000", "0"): f"fill_quantity: {FITS}",
    ("0", "5"): "a fill of nothing: its fill_quantity is 0",
}


def fill(number: int, size: str, price: str, **more: str) -> dict[str, str]:
    return {
        "event_id": f"#{number}#", "event_type": "fill", "event_time": "2024-01-02T10:00:00Z",
        "order_id": f"o{number}", "client_order_id": f"c{number}", "exchange": "upbit",
        "symbol": "X", "side": "buy", "order_type": "limit", "quantity": "1",
        "fill_quantity": size, "fill_price": price, **more,
    }  # fmt: skip


def write(path: Path, records: list[dict[str, str]]) -> Path:
    if path.suffix == ".ndjson":
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    elif path.suffix == ".csv":
        pl.DataFrame(records).write_csv(path)
    elif ".exact" in path.suffixes:  # the kind's own types, where all values have them
        wide = pl.col("quantity", "fill_quantity", "fill_price").cast(pl.Decimal(28, 10))
        time = pl.col("event_time").str.to_datetime("%Y-%m-%dT%H:%M:%SZ")
        pl.DataFrame(records).with_columns(wide, time).write_parquet(path)
    else:
        pl.DataFrame(records).write_parquet(path)
    return path


def verdicts(rows: Rows) -> dict[str, Any]:
    """By event: what was kept, or why it was not."""
    kept = rows("select event_id, fill_quantity, fill_price from raw.order_events")
    found: dict[str, Any] = {event: tuple(values) for event, *values in kept}
    for text, reason in rows("select raw_text, reason from raw.rejected_rows"):
        found[f"#{text.partition('#')[2].partition('#')[0]}#"] = reason
    return found


@pytest.mark.parametrize("name", FORMATS)
def test_amounts_are_kept_or_refused_alike(
    settings: Settings, rows: Rows, tmp_path: Path, name: str
) -> None:
    fills = FILLS
    if name == "exact.parquet":
        fills = {fill: why for fill, why in FILLS.items() if why is None or FITS not in why}
    records = [fill(n, *amounts) for n, amounts in enumerate(fills)]
    (result,) = land_files(settings, "orders", [write(tmp_path / f"a.{name}", records)])
    assert result.read == len(fills)
    assert verdicts(rows) == {
        f"#{n}#": why or (Decimal(amounts[0]), Decimal(amounts[1]))
        for n, (amounts, why) in enumerate(fills.items())
    }


def test_json_numbers_keep_their_decimals(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    """As Alpaca sends them, without quotes."""
    text = json.dumps(fill(1, "0.123456789", "187.123456789"))
    for number in ("0.123456789", "187.123456789"):
        text = text.replace(f'"{number}"', number)
    (tmp_path / "a.ndjson").write_text(text + "\n")
    land_files(settings, "orders", [tmp_path / "a.ndjson"])
    assert verdicts(rows) == {"#1#": (Decimal("0.123456789"), Decimal("187.123456789"))}


@pytest.mark.parametrize("name", FORMATS)
def test_a_multiplier_counts(settings: Settings, rows: Rows, tmp_path: Path, name: str) -> None:
    with duckdb.connect(str(settings.database_path)) as connection:
        connection.execute(
            "create schema reference; create table reference.instruments as select 'cme' as"
            " exchange, 'ES' as symbol, 50.0::decimal(18, 8) as multiplier"
        )
    future = {"exchange": "cme", "symbol": "ES"}
    records = [
        fill(1, "1000000", "1999999.99", **future),
        fill(2, "1000000", "2000000", **future),
        fill(3, "1000000", "2000000"),
    ]
    land_files(settings, "orders", [write(tmp_path / f"a.{name}", records)])
    found = verdicts(rows)
    assert found.pop("#2#") == PRODUCT
    assert list(found) == ["#1#", "#3#"]


@pytest.mark.parametrize("column", ["price", "stop_price"])
def test_an_order_has_room_before_it_is_filled(
    settings: Settings, rows: Rows, tmp_path: Path, column: str
) -> None:
    record = fill(1, "1", "1") | {"quantity": "10000000", column: "10000000"}
    land_files(settings, "orders", [write(tmp_path / "a.csv", [record])])
    assert verdicts(rows) == {"#1#": f"quantity * {column} * multiplier: 10^14 or more"}


def test_what_landed_before_is_still_known(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    """The hash of a row does not change with the columns' types."""
    record = fill(1, "1.5", "1234.12345678", commission="0.1", fees="0")
    land_files(settings, "orders", [write(tmp_path / "a.csv", [record])])
    assert rows("select content_hash from raw.order_events") == [(HASH_BEFORE,)]


# of the same row as commit efc23cf landed it, with DECIMAL(18,8)
HASH_BEFORE = 6018476521867259612


def test_a_tick_without_room_is_refused_by_name(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    tick = "bonk,BONK,2024-01-02T10:00:00Z"
    (tmp_path / "a.csv").write_text(
        "exchange,symbol,timestamp,last_price,last_size,trade_id\n"
        f"{tick},0.00001234,9999999999.5,1\n{tick},0.00001234,12000000000,2\n"
        f"{tick},0.000012345,1,3\n{tick},9999999999,10001,4\n"
    )
    land_files(settings, "ticks", [tmp_path / "a.csv"])
    assert rows("select reason from raw.rejected_rows order by row_number") == [
        ("last_size: does not fit DECIMAL(18,8)",),
        ("last_price: does not fit DECIMAL(18,8)",),
        ("last_size * last_price * multiplier: 10^14 or more",),
    ]


@pytest.mark.parametrize(
    ("ratio", "reason"),
    [
        ("0", "ratio: not above zero"),
        ("1000001", "ratio: not from 0.000001 to 1000000"),
        ("0.00000001", "ratio: not from 0.000001 to 1000000"),
        ("", "ratio: missing"),
    ],
)
def test_a_split_stays_a_split(
    settings: Settings, rows: Rows, tmp_path: Path, ratio: str, reason: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"exchange,symbol,ex_date,kind,ratio\nx,A,2024-01-02,split,{ratio}\n")
    land_files(settings, "actions", [path])
    assert rows("select reason from raw.rejected_rows") == [(reason,)]


def test_cash_has_room(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "event_id,event_time,kind,amount,currency\n"
        "1,2024-01-02,deposit,99999999999999.9999999999,IDR\n"
        "2,2024-01-02,withdrawal,-100000000000000,IDR\n"
    )
    land_files(settings, "cash", [path])
    assert rows("select amount from raw.cash_events") == [(Decimal("99999999999999.9999999999"),)]
    assert rows("select reason from raw.rejected_rows") == [("amount: 10^14 or more",)]
