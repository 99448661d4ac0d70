"""Brokers' statements: landed like any other kind, whole each time they change."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from testkit import land_text

from python_ingest.landing.land import LandingResult, land_files
from python_ingest.settings import Settings

Rows = Callable[[str], list[tuple[Any, ...]]]
HEADER = "as_of,exchange,symbol,currency,quantity,cost,market_value\n"
FIRST = "2026-03-02 21:00,,AAPL,,100,1000,1100\n2026-03-02 21:00,,,USD,-5.25,,\n"
SECOND = FIRST.replace("-5.25", "6")


def land(settings: Settings, path: Path, text: str, **more: Any) -> LandingResult:
    return land_text(settings, "statements", path, text, **more)


def test_what_did_not_change_lands_with_what_did(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    """The newest landing is complete: what it repeats of another is no duplicate."""
    done = [
        land(settings, tmp_path / f"{i}.csv", HEADER + text, again=again)
        for i, (text, again) in enumerate(
            [(FIRST, False), (SECOND, False), (FIRST, False), (FIRST, True)]
        )
    ]
    assert [(r.state, r.landed, r.duplicate) for r in done] == [
        ("landed", 2, 0),
        ("landed", 2, 0),
        ("already landed", 0, 0),
        ("landed", 2, 0),
    ]
    assert rows("select batch_id, count(*) from raw.statements group by all order by all") == [
        (1, 2),
        (2, 2),
        (3, 2),
    ]
    # an account of its own has a statement of its own
    assert land(settings, tmp_path / "0.csv", HEADER + FIRST, account="ira").landed == 2


def test_lots_of_one_position(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    lot = "2026-03-02 21:00,xnas, AAPL ,,50,,\n"
    assert land(settings, tmp_path / "a.csv", HEADER + lot + lot).landed == 2
    assert rows("select account_id, exchange, symbol, occurrence from raw.statements") == [
        ("main", "xnas", "AAPL", 1),
        ("main", "xnas", "AAPL", 2),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",AAPL,USD,1,,", "symbol and currency: not exactly one of them"),
        (",,,1,,", "symbol and currency: not exactly one of them"),
        (",AAPL,,,,", "quantity: "),
        (",AAPL,,100000000000000,,", "quantity: 10^14 or more"),
        (",AAPL,,1,100000000000000,", "cost: 10^14 or more"),
        (",AAPL,,1,x,", "cost: "),
    ],
)
def test_what_is_not_accepted(
    row: str, reason: str, settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    good = "2026-03-02 21:00,,MSFT,,1,,\n"
    result = land(settings, tmp_path / "a.csv", f"{HEADER}2026-03-02 21:00,{row}\n{good}")
    assert (result.landed, result.rejected) == (1, 1)
    ((told,),) = rows("select reason from raw.rejected_rows")
    assert told.startswith(reason)


def test_all_formats_are_one(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    json_text = (
        '{"as_of":"2026-03-02T21:00:00Z","symbol":"AAPL","quantity":"100","cost":"1000",'
        '"market_value":"1100"}\n'
        '{"as_of":"2026-03-02T21:00:00Z","currency":"USD","quantity":-5.25,"exchange":""}\n'
    )
    parquet = tmp_path / "c.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "copy (select timestamp '2026-03-02 21:00' as as_of, symbol, currency,"
            " quantity::decimal(28, 10) as quantity, cost::decimal(28, 10) as cost,"
            " value::decimal(28, 10) as market_value from (values"
            " ('AAPL', null, 100, 1000, 1100), (null, 'USD', -5.25, null, null))"
            f" as t (symbol, currency, quantity, cost, value)) to '{parquet}' (format parquet)"
        )
    assert land(settings, tmp_path / "a.csv", HEADER + FIRST).landed == 2
    assert land(settings, tmp_path / "b.ndjson", json_text).landed == 2
    (result,) = land_files(settings, "statements", [parquet])
    assert result.landed == 2
    own = "select * exclude (batch_id, row_number, ingestion_time) from raw.statements"
    assert len(rows(f"select distinct * from ({own})")) == 2
