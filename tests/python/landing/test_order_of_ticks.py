"""What orders ticks of one microsecond, what identifies them, and who was the aggressor."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from testkit import land_text

from python_ingest.feeds.detect_format import scan_of
from python_ingest.feeds.kinds import TICKS
from python_ingest.feeds.relation import Scan
from python_ingest.feeds.values import content_hash
from python_ingest.landing.land import land_files
from python_ingest.settings import Settings

Rows = Callable[[str], list[tuple[Any, ...]]]

PACKET = (
    "exchange,symbol,timestamp,last_price,last_size,sequence_number\n"
    "CME,ES,2024-07-02T00:00:00.000001100Z,5529.00,1,77\n"
    "CME,ES,2024-07-02T00:00:00.000001900Z,5529.00,1,77\n"
    "CME,ES,2024-07-02T00:00:00.000005Z,5529.25,3,77\n"
)


@pytest.fixture
def land(settings: Settings, tmp_path: Path) -> Callable[..., Any]:
    """Land a text as a file of its own; `kind` and `suffix` as they are."""

    def landed(text: str, suffix: str = "csv", kind: str = "ticks") -> Any:
        path = tmp_path / f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.{suffix}"
        return land_text(settings, kind, path, text)

    return landed


def trades(*lines: str) -> str:
    """CSV of trades of one series: `timestamp,price` and what follows."""
    head = "exchange,symbol,timestamp,last_price,last_size,sequence_number,trade_id,venue\n"
    return head + "".join(f"kraken,XBTEUR,{line}\n" for line in lines)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2023-04-06T14:25:59.999999100Z", 100),
        ("2023-04-06T14:25:59.9999991Z", 100),
        ("2023-04-06T14:25:59.999999001+05:30", 1),
        ("2023-04-06 14:25:59.9999999", 900),
        ("2023-4-6 1:02:03.1234567", 700),
        ("2023-04-06T14:25:59.999999000Z", None),
        ("2023-04-06T14:25:59.999999Z", None),
        ("2023-04-06T14:25:59.99Z", None),
        ("2023-04-06T14:25:59Z", None),
        ("2023-04-06T14:25:59.999999123456Z", 123),
    ],
)
def test_digits_below_the_microsecond_are_kept(
    land: Callable[..., Any], rows: Rows, written: str, expected: int | None
) -> None:
    assert land(trades(f"{written},1,1,,,")).landed == 1
    assert rows("select nanoseconds from raw.market_ticks") == [(expected,)]


@pytest.mark.parametrize("stored", ["timestamp_ns", "timestamptz_ns", "timestamp"])
def test_a_parquet_file_in_nanoseconds_keeps_them(
    settings: Settings, rows: Rows, tmp_path: Path, stored: str
) -> None:
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(
            "copy (select 'x' as exchange, 's' as symbol,"
            f" '2023-04-06 14:25:59.000001400'::timestamp_ns::{stored} as timestamp,"
            f" 1::decimal(18, 8) as last_price) to '{tmp_path / 'a.parquet'}' (format parquet)"
        )
        described = "describe from read_parquet(?)"
        found = connection.execute(described, [str(tmp_path / "a.parquet")]).fetchall()
    land_files(settings, "ticks", [tmp_path / "a.parquet"])
    # DuckDB writes no time with a zone in nanoseconds; then there are none to keep
    kept = 400 if found[2][1].endswith("_NS") else None
    assert rows("select timestamp::varchar, nanoseconds from raw.market_ticks") == [
        ("2023-04-06 14:25:59.000001", kept)
    ]


def test_the_hash_has_nanoseconds_only_where_there_are_some(
    land: Callable[..., Any], rows: Rows
) -> None:
    land(trades("2024-01-02T10:00:00.000001Z,1,,,,", "2024-01-02T10:00:00.000001200Z,1,,,,"))
    texts = [
        f"6:kraken6:XBTEUR1704189600000001{below}|trade|:||||1.00000000||||:::"
        for below in ("", ".200")
    ]
    hashed = f"select {content_hash(TICKS)} from raw.market_ticks"
    found = rows(f"{hashed} order by nanoseconds nulls first")
    digests = [hashlib.md5(text.encode(), usedforsecurity=False).digest() for text in texts]
    assert [row[0] for row in found] == [int.from_bytes(d, "little") >> 65 for d in digests]


def test_the_file_orders_what_nothing_else_does(land: Callable[..., Any], rows: Rows) -> None:
    land(
        trades(
            "2023-01-01T00:00:00Z,1,1,,,",
            "2023-01-01T00:00:01Z,2,1,,,",
            "2023-01-01T00:00:00Z,3,1,,x,",  # an id that is no number
            "2023-01-01T00:00:00Z,4,1,,,N",  # of another series
            "2023-01-01T00:00:00Z,5,1,7,,",
            "2023-01-01T00:00:00Z,6,1,,8,",
            "2023-01-01T00:00:00.000000001Z,7,1,,,",
            "2023-01-01T00:00:00Z,8,1,,,",
            "2023-01-01T00:00:00Z,-,1,,,",  # rejected
            "2023-01-01T00:00:00Z,9,1,,,",
        )
    )
    assert rows("select last_price::int, place from raw.market_ticks order by 1") == [
        (1, 1), (2, 1), (3, 2), (4, 1), (5, None), (6, None), (7, 1), (8, 3), (9, 4)
    ]  # fmt: skip


def test_a_file_may_begin_with_the_newest(
    land: Callable[..., Any], rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scan(*given: Any, **named: Any) -> Scan:
        return replace(scan_of(*given, **named), newest_first=True)

    monkeypatch.setattr("python_ingest.landing.prepare.scan_of", scan)
    land(trades(*(f"2023-01-01T00:00:00Z,{price},1,,," for price in (1, 2, 3))))
    assert rows("select last_price::int, place from raw.market_ticks order by 1") == [
        (1, 3), (2, 2), (3, 1)
    ]  # fmt: skip


def test_a_canonical_parquet_file_has_places(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    """It is landed as it is, so that its places are found in the database."""
    with duckdb.connect() as connection:
        connection.execute(
            "copy (select 'x' as exchange, 's' || i % 3 as symbol, timestamp '2024-01-01'"
            " + to_seconds(i // 30) as timestamp, (1000 - i)::decimal(18, 8) as last_price"
            f" from range(3000) as r(i)) to '{tmp_path / 'a.parquet'}' (format parquet)"
        )
    land_files(settings, "ticks", [tmp_path / "a.parquet"])
    assert rows(
        "select count(*), max(place), count_if(place <> 1 + (1000 - last_price::int) % 30 // 3)"
        " from raw.market_ticks"
    ) == [(3000, 10, 0)]


def test_a_sequence_number_of_a_canonical_file_orders_and_does_not_identify(
    land: Callable[..., Any], rows: Rows
) -> None:
    result = land(PACKET)
    assert (result.landed, result.duplicate) == (3, 0)
    again = land(PACKET + "CME,ES,2024-07-02T00:00:00.000005Z,5529.25,3,77\n")
    assert (again.landed, again.duplicate) == (1, 3)
    assert rows("select sum(last_size)::int, max(occurrence) from raw.market_ticks") == [(8, 2)]
    assert rows("select count(*) from raw.tick_conflicts") == [(0,)]
    assert rows("select bool_or(sequence_identifies), bool_and(trade_id_identifies)"
                " from raw.landings") == [(False, True)]  # fmt: skip


def test_a_streams_sequence_number_identifies(land: Callable[..., Any], rows: Rows) -> None:
    quote = '{"u":%d,"s":"B","b":"%s","B":"1","a":"2","A":"1","E":1704189600000}\n'
    result = land(quote % (7, "1") * 2 + quote % (7, "1.5") + quote % (8, "1"), "binance.ndjson")
    assert (result.landed, result.duplicate) == (3, 1)
    assert rows("select count(*) from raw.tick_conflicts") == [(1,)]


def test_the_aggressor_is_no_content(land: Callable[..., Any], rows: Rows) -> None:
    head = "exchange,symbol,timestamp,last_price,trade_id,aggressor_side\n"
    row = "x,s,2024-01-02T10:00:00Z,1,%d,%s\n"
    result = land(head + row % (1, "buy") + row % (2, "sell") + row % (3, "") + row % (4, "both"))
    assert (result.landed, result.rejected) == (3, 1)
    assert rows("select reason from raw.rejected_rows") == [
        ("aggressor_side: not one of buy, sell",)
    ]
    again = land(head + row % (1, "sell"))
    assert (again.landed, again.duplicate) == (0, 1)
    assert rows("select trade_id, aggressor_side from raw.market_ticks order by 1") == [
        ("1", "buy"), ("2", "sell"), ("3", None)
    ]  # fmt: skip
