"""Rows of an archived day wait in the spool, and land when the day is back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from testkit import register_cold_file

from python_ingest.landing import spool
from python_ingest.landing.land import land_files, land_pending
from python_ingest.settings import Settings
from python_ingest.storage.writer import Place, open_writer

Rows = Callable[[str], list[tuple[Any, ...]]]
HEADER = "exchange,symbol,timestamp,last_price,trade_id\n"


def archive(settings: Settings, *days: str) -> None:
    """Say that days of ticks lie in the archive only."""
    with open_writer(settings) as connection:
        for number, day in enumerate(days):
            register_cold_file(connection, "market_ticks", day, file_id=number)


def restore(settings: Settings, day: str) -> None:
    with duckdb.connect(str(settings.database_path)) as connection:
        connection.execute("delete from raw.cold_files where date = ?::date", [day])


def waiting(settings: Settings) -> list[str]:
    return sorted(path.name[-18:] for path in (settings.spool_dir / "waiting").glob("*.parquet"))


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_rows_of_archived_days_wait(
    settings: Settings, rows: Rows, tmp_path: Path, suffix: str
) -> None:
    archive(settings, "2025-01-02", "2025-01-04")
    source = tmp_path / "a.csv"
    source.write_text(
        HEADER
        + "x,s,2025-01-02T10:00:00Z,1,\n" * 3  # identical, without an id: all are real
        + "x,s,2025-01-03,2,a\nx,s,2025-01-04,3,b\n"
    )
    if suffix == "parquet":
        path = tmp_path / "a.parquet"
        duckdb.sql(f"""
            copy (select exchange, symbol, timestamp::timestamp as timestamp,
                last_price::decimal(18, 8) as last_price, trade_id
                from read_csv('{source}', all_varchar = true)) to '{path}' (format parquet)
        """)
        source = path
    (result,) = land_files(settings, "ticks", [source])
    assert (result.landed, result.rejected) == (1, 4)
    assert rows("select distinct reason from raw.rejected_rows where row_number < 4") == [
        (
            "market_ticks of 2025-01-02 are archived: run `ingest archive restore market_ticks"
            " 2025-01-02 2025-01-02`, then `ingest land --pending`; the row waits for it",
        )
    ]
    assert waiting(settings) == ["2025-01-02.parquet", "2025-01-04.parquet"]
    (again,) = land_files(settings, "ticks", [source])
    assert (again.state, again.landed, again.rejected) == ("already landed", 0, 0)
    assert waiting(settings) == ["2025-01-02.parquet", "2025-01-04.parquet"]
    assert land_pending(settings) == []
    restore(settings, "2025-01-02")
    (landed,) = land_pending(settings)
    assert (landed.file, landed.landed) == (str(source), 3)
    assert waiting(settings) == ["2025-01-04.parquet"]
    restore(settings, "2025-01-04")
    assert [result.landed for result in land_pending(settings)] == [1]
    assert list((settings.spool_dir / "waiting").iterdir()) == []
    assert rows("select count(*), max(occurrence), count(trade_id) from raw.market_ticks") == [
        (5, 3, 2)
    ]
    (file_again,) = land_files(settings, "ticks", [source], again=True)
    assert file_again.landed == 0
    assert land_pending(settings) == []


def test_the_numbers_of_a_stream_are_kept(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    """Identical ticks of several segments have numbers of their own; waiting does not lose them."""
    from python_ingest.streaming.exchanges import EXCHANGES  # noqa: PLC0415
    from python_ingest.streaming.segments import SegmentWriter  # noqa: PLC0415

    archive(settings, "2021-02-22")
    quote = b'[{"T":"q","S":"AMD","bp":87.66,"bs":1,"ap":87.68,"as":4,"t":"2021-02-22T15:51:45Z"}]'
    writer = SegmentWriter(settings, EXCHANGES["alpaca"], Place(settings))
    for clock in (1, 3, 5):
        writer.write([(clock, quote), (clock + 1, quote)])
    writer.close()
    assert {result.rejected for result in land_pending(settings)} == {2}
    assert len(waiting(settings)) == 3
    restore(settings, "2021-02-22")
    assert [result.landed for result in land_pending(settings)] == [2, 2, 2]
    assert rows("select count(*), count(distinct occurrence) from raw.market_ticks") == [(6, 6)]


def test_killed_while_it_is_released(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    archive(settings, "2025-01-02")
    path = tmp_path / "a.csv"
    path.write_text(HEADER + "x,s,2025-01-02,1,1\n")
    land_files(settings, "ticks", [path])
    folder = settings.spool_dir / "waiting"
    kept = {file: file.read_bytes() for file in folder.iterdir()}
    restore(settings, "2025-01-02")
    assert [result.landed for result in land_pending(settings)] == [1]
    for file, content in kept.items():
        file.write_bytes(content)
    (again,) = land_pending(settings)
    assert (again.state, again.landed) == ("already landed", 0)
    assert rows("select count(*) from raw.market_ticks") == [(1,)]
    assert spool.pending(settings) == []


@pytest.mark.parametrize(
    ("suffix", "text", "says"),
    [
        ("json", "{", "description"),
        ("json", '{"kind": "of another version"}', "description"),
        ("parquet", "no rows", "it cannot be read"),
    ],
)
def test_one_that_cannot_be_read_stops_no_other(
    settings: Settings, tmp_path: Path, suffix: str, text: str, says: str
) -> None:
    archive(settings, "2025-01-02")
    for number in range(2):
        path = tmp_path / f"{number}.csv"
        path.write_text(HEADER + f"x,s,2025-01-02,1,{number}\n")
        land_files(settings, "ticks", [path])
    first, _ = sorted((settings.spool_dir / "waiting").glob(f"*.{suffix}"))
    first.write_text(text)
    restore(settings, "2025-01-02")
    failed, landed = land_pending(settings)
    assert (failed.state, says in str(failed.error)) == ("failed", True)
    assert landed.landed == 1
