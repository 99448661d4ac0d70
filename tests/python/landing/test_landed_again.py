"""A file is sealed only by rows of the same feed; `--again` reads it anew and doubles nothing."""

import json
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from forked import run_ingest

from python_ingest.landing import batch as batches
from python_ingest.landing import spool
from python_ingest.landing.land import land_files, land_pending
from python_ingest.settings import Settings

Rows = Callable[[str], list[tuple[Any, ...]]]
Busy = Callable[[], AbstractContextManager[Settings]]
TRADE = '{"e":"trade","E":1720087200001,"s":"XYZUSDT","t":%d,"p":"1.5","q":"2","T":1720087200000}\n'


def ingest(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_ingest(settings.data_dir, *arguments)


def test_the_wrong_format_seals_nothing(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    # with a field S besides, it could be one of Alpaca's messages too
    path.write_text((TRADE % 1).replace("{", '{"S":"x",'))
    (wrong,) = land_files(settings, "ticks", [path], "alpaca")
    assert (wrong.state, wrong.read, wrong.ignored) == ("landed", 1, 1)
    (right,) = land_files(settings, "ticks", [path], "binance")
    assert (right.state, right.landed) == ("landed", 1)
    (once_more,) = land_files(settings, "ticks", [path], "binance")
    assert (once_more.state, once_more.batch_id) == ("already landed", right.batch_id)
    (wrong_again,) = land_files(settings, "ticks", [path], "alpaca")
    assert (wrong_again.state, wrong_again.landed) == ("already landed", 0)
    assert rows("select format, rows_read, rows_ignored, feed_version from raw.landings"
                " order by batch_id") == [("alpaca", 0, 1, 4), ("binance", 1, 0, 3)]  # fmt: skip


def test_a_file_that_another_feed_reads_otherwise(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text(TRADE % 1)
    (wrong,) = land_files(settings, "ticks", [path], "ndjson")
    assert wrong.state == "failed"  # no canonical columns
    (right,) = land_files(settings, "ticks", [path])
    assert right.landed == 1
    assert rows("select count(*) from raw.landings") == [(1,)]


def test_again_says_what_was_new(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "exchange,symbol,timestamp,last_price\n"
        + "x,s,2025-01-02,1\n" * 3
        + "x,s,2025-01-03,2\nx,s,never,3\n"
    )
    done = ingest(settings, "land", "ticks", str(path))
    assert "5 read = 4 landed + 0 duplicate + 1 rejected + 0 ignored" in done.stdout
    tables = rows("select table_name from information_schema.tables where table_schema = 'raw'")
    before = [rows(f"select * from raw.{name} order by all") for (name,) in tables]
    done = ingest(settings, "land", "ticks", str(path), "--again")
    assert done.returncode == 0
    assert "nothing new since batch 1, 5 read = 0 landed + 5 duplicate" in done.stdout
    assert [rows(f"select * from raw.{name} order by all") for (name,) in tables] == before
    # something of it was lost, or an older feed had not taken it
    with batches.duckdb.connect(str(settings.database_path)) as connection:
        connection.execute("delete from raw.market_ticks where last_price = 2")
    (seen,) = land_files(settings, "ticks", [path.with_name("a.csv")])
    assert seen.landed + seen.duplicate == 0 or seen.landed == 1  # it had a rejected row
    (again,) = land_files(settings, "ticks", [path], again=True)
    assert seen.landed + again.landed == 1
    assert rows("select count(*), max(occurrence) from raw.market_ticks") == [(4, 3)]
    assert rows("select count(*) from raw.rejected_rows") == [(1,)]
    assert rows("select bool_and(l.rows_rejected = coalesce(r.n, 0)) from raw.landings as l"
                " left join (select batch_id, count(*) as n from raw.rejected_rows group by 1) as r"
                " using (batch_id)") == [(True,)]  # fmt: skip


def test_again_of_a_clean_file_brings_what_is_gone(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text("".join(TRADE % n for n in range(10)))
    land_files(settings, "ticks", [path])
    with batches.duckdb.connect(str(settings.database_path)) as connection:
        connection.execute("delete from raw.market_ticks where trade_id > '7'")
    (sealed,) = land_files(settings, "ticks", [path])
    assert (sealed.state, sealed.read) == ("already landed", 0)
    (again,) = land_files(settings, "ticks", [path], again=True)
    assert (again.state, again.landed, again.duplicate) == ("landed", 2, 8)
    assert rows("select count(distinct trade_id), count(*) from raw.market_ticks") == [(10, 10)]


def test_again_that_had_to_wait_lands_once(
    settings: Settings, rows: Rows, tmp_path: Path, busy: Busy
) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text("".join(TRADE % n for n in range(10)))
    land_files(settings, "ticks", [path])
    with batches.duckdb.connect(str(settings.database_path)) as connection:
        connection.execute("delete from raw.market_ticks where trade_id > '7'")
    with busy() as at_once:
        (spooled,) = land_files(at_once, "ticks", [path], again=True)
    assert spooled.state == "spooled"
    (segment,) = settings.spool_dir.glob("*.parquet")
    copies = {p: p.read_bytes() for p in (segment, segment.with_suffix(".json"))}
    (landed,) = land_pending(settings)
    assert (landed.landed, landed.duplicate) == (2, 8)
    for file, content in copies.items():  # killed after the commit, before the move
        file.write_bytes(content)
    (once_more,) = land_pending(settings)
    assert (once_more.state, once_more.landed) == ("already landed", 0)
    assert rows("select count(*) from raw.market_ticks") == [(10,)]
    assert not list(settings.spool_dir.glob("*.parquet"))


def test_json_tells_the_counts(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text(TRADE % 1 + '{"e":"kline"}\nnot json\n')
    told = json.loads(ingest(settings, "land", "ticks", str(path), "--json").stdout)
    assert told["read"] == told["landed"] + told["duplicate"] + told["rejected"] + told["ignored"]
    assert (told["read"], told["ignored"], told["others"]) == (3, 1, {"kline": 1})


FEED = """
name = "acme"
kind = "ticks"
about = "a test"
file = { format = "csv" }
recognise = { header = ["t", "px"] }
columns.exchange = { constant = "acme" }
columns.symbol = { constant = "A" }
columns.timestamp = { from = "t", format = "ISO" }
columns.last_price = "px"
"""


def test_what_a_former_declaration_read_otherwise_is_said(
    settings: Settings, tmp_path: Path
) -> None:
    path, feed = tmp_path / "a.csv", settings.feeds_dir / "acme.toml"
    feed.parent.mkdir(parents=True)
    path.write_text("t,px\n2024-01-02,17150\n")
    feed.write_text(FEED)
    first = ingest(settings, "land", "ticks", str(path))
    assert "landed before" not in first.stdout
    feed.write_text(FEED.replace('"px"\n', '{ from = "px", scale = 0.01 }\n'))
    mended = ingest(settings, "land", "ticks", str(path))
    assert "1 landed" in mended.stdout
    assert "the same file landed before, as batch 1 (acme); its rows stay\n" in mended.stdout
    feed.write_text(FEED.replace("a test", "another test"))
    same = ingest(settings, "land", "ticks", str(path))  # its rows are those of the first
    assert "1 duplicate" in same.stdout
    assert "landed before" not in same.stdout


def test_a_clock_before_1970_names_a_segment_that_lands(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text(TRADE % 1)
    with monkeypatch.context() as wrong:
        wrong.setattr(spool.time, "time_ns", lambda: -1)
        (landed,) = land_files(settings, "ticks", [path], "binance")
    assert landed.state == "landed"
    assert land_pending(settings) == []
