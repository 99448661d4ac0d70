"""A segment whose rows are committed and which cannot be moved, is moved by two, or is gone."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from python_ingest.landing import land as landing
from python_ingest.landing import spool, waiting
from python_ingest.landing.land import land_files, land_one, land_pending
from python_ingest.settings import Settings

Rows = Callable[[str], list[tuple[Any, ...]]]
HEADER = "exchange,symbol,timestamp,last_price,trade_id\n"


def source(tmp_path: Path, name: str, *lines: str) -> Path:
    path = tmp_path / f"{name}.csv"
    path.write_text(HEADER + "".join(f"x,s,2025-01-02T10:00:00Z,{line}\n" for line in lines))
    return path


def spooled(settings: Settings, monkeypatch: pytest.MonkeyPatch, *paths: Path) -> list[Path]:
    """Leave files in the spool, as a busy database does."""
    busy = landing.LandingResult("", "ticks", "spooled", may_pass=True)
    with monkeypatch.context() as patched:
        patched.setattr(landing, "land_one", lambda *_: busy)
        land_files(settings, "ticks", list(paths))
    return spool.pending(settings)


def test_a_segment_that_cannot_be_moved_stops_no_other(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    settings.spool_dir.mkdir(parents=True)
    (settings.spool_dir / "landed").write_text("in the way")
    paths = [source(tmp_path, "a", "1,a", "x,b"), source(tmp_path, "b", "1,c")]
    results = land_files(settings, "ticks", paths)
    assert [(result.state, result.landed) for result in results] == [("landed", 1)] * 2
    assert all("stays in the spool" in str(result.error) for result in results)
    (settings.spool_dir / "landed").unlink()
    again = land_pending(settings)
    assert [(result.state, result.error) for result in again] == [("already landed", None)] * 2
    assert not spool.pending(settings)
    assert len(list((settings.spool_dir / "landed").iterdir())) == 4
    assert rows("select count(*) from raw.market_ticks") == [(2,)]
    assert rows("select count(*) from raw.rejected_rows") == [(1,)]


def test_a_segment_that_another_loader_moves_is_no_failure(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one has committed it, and moves it while this one begins to read it."""
    (path,) = spooled(settings, monkeypatch, source(tmp_path, "a", "1,a", "x,b"))
    segment = spool.read_description(path)
    original = landing.land_segment

    def read_too_late(connection: Any, settings: Settings, segment: spool.Segment) -> Any:
        monkeypatch.setattr(landing, "land_segment", original)
        original(connection, settings, segment)
        spool.landed(settings, segment)
        raise duckdb.IOException("No files found that match the pattern")

    monkeypatch.setattr(landing, "land_segment", read_too_late)
    assert land_one(settings, segment).state == "already landed"


@pytest.mark.parametrize("what", ["gone", "changed"])
def test_a_segment_that_is_lost_does_not_pass(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Whoever tries again what may pass would never come to the next one."""
    (path,) = spooled(settings, monkeypatch, source(tmp_path, "a", "1,a"))
    segment = spool.read_description(path)
    if what == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"x")

        def cannot(*_: Any) -> Any:
            raise duckdb.IOException("a page cannot be unpacked")

        monkeypatch.setattr(landing, "land_segment", cannot)
    result = land_one(settings, segment)
    assert (result.state, result.may_pass) == ("failed", False)
    assert ("is gone from" if what == "gone" else "is not what was written") in str(result.error)


def test_what_cannot_be_released_stops_nothing_that_waits(
    settings: Settings, rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = spooled(settings, monkeypatch, source(tmp_path, "a", "1,a"))
    folder = waiting.folder_of(settings)
    folder.mkdir()
    os.link(path, folder / path.name)

    def full(*_: Any) -> Any:
        raise OSError("No space left on device")

    monkeypatch.setattr(waiting, "release", full)
    land_files(settings, "ticks", [source(tmp_path, "b", "1,b")])
    results = land_pending(settings)
    assert [result.state for result in results] == ["failed", "landed"]
    assert rows("select count(*) from raw.market_ticks") == [(2,)]


def test_a_loader_that_was_killed_between_the_two_moves_is_followed(
    settings: Settings, tmp_path: Path
) -> None:
    land_files(settings, "ticks", [source(tmp_path, "a", "1,a")])
    (description,) = (settings.spool_dir / "landed").glob("*.json")
    description.rename(settings.spool_dir / description.name)
    land_pending(settings)
    assert description.exists()
    assert not list(settings.spool_dir.glob("*.json"))
