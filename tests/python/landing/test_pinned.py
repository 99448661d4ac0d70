"""What lands is what was hashed, whatever happens to the file meanwhile."""

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import duckdb
import pytest
from testkit import ask

from python_ingest.landing import prepare as preparing
from python_ingest.landing.land import land_files, land_pending
from python_ingest.settings import Settings
from python_ingest.storage import files

Rows = Callable[[str], list[tuple[Any, ...]]]
Busy = Callable[[], AbstractContextManager[Settings]]
HEADER = "exchange,symbol,timestamp,last_price,last_size,trade_id\n"


def trades(first: int, count: int) -> str:
    return HEADER + "".join(
        f"x,A,2025-01-02T00:00:00Z,1.5,2,{n}\n" for n in range(first, first + count)
    )


def at_parsing(monkeypatch: pytest.MonkeyPatch, then: Callable[[], object]) -> None:
    """Pause between hashing and parsing: do something there, once."""
    original = preparing.scan_of
    left = [then]

    def paused(*arguments: Any, **named: Any) -> Any:
        while left:
            left.pop()()
        return original(*arguments, **named)

    monkeypatch.setattr(preparing, "scan_of", paused)


def test_a_file_replaced_while_it_is_landed(
    settings: Settings, rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    latest, old, new = tmp_path / "latest.csv", tmp_path / "old.csv", tmp_path / "new.csv"
    old.write_text(trades(0, 100))
    new.write_text(trades(50, 100))
    shutil.copy(old, latest)
    at_parsing(
        monkeypatch, lambda: shutil.copy(new, tmp_path / "t") and (tmp_path / "t").replace(latest)
    )
    (first,) = land_files(settings, "ticks", [latest])
    assert (first.state, first.landed) == ("landed", 100)
    (second,) = land_files(settings, "ticks", [old])
    assert second.state == "already landed"
    (third,) = land_files(settings, "ticks", [new])
    assert (third.state, third.landed, third.duplicate) == ("landed", 50, 50)
    assert rows("select count(*), count(distinct trade_id) from raw.market_ticks") == [(150, 150)]


def test_a_csv_that_grows_while_it_is_landed(
    settings: Settings, rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "growing.csv"
    path.write_text(trades(0, 100))

    def grow() -> None:
        with path.open("a") as file:
            file.write("x,A,2025-01-02T00:00:00Z,1.5,2,10")  # half of 100

    at_parsing(monkeypatch, grow)
    (result,) = land_files(settings, "ticks", [path])
    assert (result.state, result.landed) == ("landed", 100)
    (cut,) = land_files(settings, "ticks", [path])
    assert (cut.state, "does not end with a newline" in str(cut.error)) == ("failed", True)
    with path.open("a") as file:
        file.write("0\n")
    (whole,) = land_files(settings, "ticks", [path])
    assert (whole.landed, whole.duplicate) == (1, 100)
    assert rows("select count(*), max(trade_id::int) from raw.market_ticks") == [(101, 100)]


def copy_of(path: Path) -> Path:
    """A canonical Parquet file that needs no conversion."""
    duckdb.sql(f"""
        copy (
            select 'x' as exchange, 'A' as symbol, timestamp '2025-01-02' as timestamp,
                1::decimal(18, 8) as last_price, i::varchar as trade_id
            from range(1000) as t (i)
        ) to '{path}' (format parquet)
    """)
    return path


def test_a_parquet_rewritten_in_place_while_the_database_is_busy(
    settings: Settings, rows: Rows, tmp_path: Path, busy: Busy
) -> None:
    path = copy_of(tmp_path / "a.parquet")
    with busy() as at_once:
        (spooled,) = land_files(at_once, "ticks", [path])
    assert spooled.state == "spooled"
    with path.open("r+b") as file:  # in place: the same inode
        file.write(b"\x00" * path.stat().st_size)
    (result,) = land_pending(settings)
    assert (result.state, result.landed) == ("landed", 1000)
    assert rows("select count(distinct trade_id) from raw.market_ticks") == [(1000,)]


def test_a_symbolic_link_is_followed_once(settings: Settings, tmp_path: Path, busy: Busy) -> None:
    real = copy_of(tmp_path / "2025-01-02.parquet")
    link = tmp_path / "latest.parquet"
    link.symlink_to(real)
    with busy() as at_once:
        (spooled,) = land_files(at_once, "ticks", [link])
    assert spooled.state == "spooled"
    real.unlink()
    (result,) = land_pending(settings)
    assert (result.state, result.landed) == ("landed", 1000)


def test_the_spool_shares_no_inode_with_a_users_file(settings: Settings, tmp_path: Path) -> None:
    path = copy_of(tmp_path / "a.parquet")
    land_files(settings, "ticks", [path])
    (segment,) = (settings.spool_dir / "landed").glob("*.parquet")
    assert not segment.samefile(path)
    assert path.stat().st_nlink == 1


@pytest.mark.parametrize("what", ["appended", "replaced", "removed", "touched", "in place"])
def test_a_file_that_changes_while_it_is_copied_is_refused(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    path, other = tmp_path / "a.csv", tmp_path / "b.csv"
    path.write_text(trades(20, 10))
    other.write_text(trades(10, 10))
    original = files._copy_block

    def change() -> None:
        if what == "appended":
            path.open("a").write("x,A,2025-01-02T00:00:00Z,1.5,2,99\n")
        elif what == "replaced":
            other.replace(path)
        elif what == "removed":
            path.unlink()
        elif what == "in place":  # of the same size, and with its former time
            former = path.stat()
            path.write_text(trades(10, 10)[: former.st_size])
            os.utime(path, ns=(former.st_atime_ns, former.st_mtime_ns))
        else:
            os.utime(path, (1, 1))

    def paused(*arguments: Any) -> Any:
        block = original(*arguments)
        if path.exists() and block:
            change()
        return block

    monkeypatch.setattr(files, "_copy_block", paused)
    (result,) = land_files(settings, "ticks", [path])
    assert result.state == "failed"
    assert "changed while it was read" in str(result.error)
    assert ask(settings, "select count(*) from raw.landings") == [(0,)]
    assert not list(settings.spool_dir.glob("*.parquet"))
    assert not list((settings.spool_dir / "tmp").iterdir())


def test_a_file_that_cannot_be_read_to_its_end_is_what_is_wrong(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(trades(0, 10))

    def broken(*_: Any) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(files, "_copy_block", broken)
    (result,) = land_files(settings, "ticks", [path])
    assert (result.state, result.error) == ("failed", "cannot be copied: Input/output error")
    assert not list((settings.spool_dir / "tmp").iterdir())


@pytest.mark.parametrize(("allowed", "taken"), [(8192, "572.2 MiB"), (256, "244.1 MiB")])
def test_landing_takes_no_more_memory_than_is_allowed(
    settings: Settings, allowed: int, taken: str
) -> None:
    limits = settings.performance.model_copy(update={"memory_limit_mb": allowed})
    limited = settings.model_copy(update={"performance": limits})
    with preparing.working_connection(limited) as connection:
        found = connection.execute("select current_setting('memory_limit')").fetchall()
    assert found == [(taken,)]


def test_copies_are_equal_with_and_without_shared_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = os.urandom(files._BLOCK * 2 + 12345)
    path = tmp_path / "a"
    path.write_bytes(content)
    with path.open("rb") as file:
        first = files.copy_hashed(file, tmp_path / "b", len(content))
    monkeypatch.delattr(os, "copy_file_range")
    with path.open("rb") as file:
        second = files.copy_hashed(file, tmp_path / "c", len(content))
    assert first == second == files.sha256_of(path)
    assert (tmp_path / "b").read_bytes() == (tmp_path / "c").read_bytes() == content


@pytest.mark.parametrize("canonical", [True, False])
def test_a_segment_that_is_not_what_was_written_is_not_landed(
    settings: Settings, rows: Rows, tmp_path: Path, busy: Busy, canonical: bool
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(trades(0, 100))
    path = copy_of(tmp_path / "a.parquet") if canonical else path
    good = tmp_path / "good.csv"
    good.write_text(trades(1000, 10))
    with busy() as at_once:
        land_files(at_once, "ticks", [path, good])
    segment = min(settings.spool_dir.glob("*.parquet"))
    content = segment.read_bytes()
    at = content.index(b"2" if canonical else b"x")
    segment.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    results = land_pending(settings)
    assert [result.state for result in results] == ["failed", "landed"]
    assert rows("select count(*) from raw.market_ticks") == [(10,)]
