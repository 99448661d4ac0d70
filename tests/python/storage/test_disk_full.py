"""A full disk is one line that says what to do, in every command."""

import errno
import json
import shutil
from collections import namedtuple
from pathlib import Path

import duckdb
import pytest

from python_ingest.cli import dbt_run
from python_ingest.cli.ending import ended
from python_ingest.errors import (
    FREE_SPACE,
    BuildFailedError,
    DiskFullError,
    IngestError,
    PublishedInPartError,
)
from python_ingest.settings import Settings
from python_ingest.storage.disk_full import in_full
from python_ingest.storage.files import write_whole

FULL = 'Could not write file "/data/trading.duckdb.wal": No space left on device'


def raised(error, cause=None):
    def run():
        raise error from cause

    return run


@pytest.mark.parametrize(
    ("run", "code"),
    [
        (raised(OSError(errno.ENOSPC, "No space left on device")), 1),
        (raised(OSError(errno.EFBIG, "File too large")), 1),
        (raised(duckdb.IOException(f"IO Error: {FULL}")), 1),
        (raised(duckdb.TransactionException(f"Failed to commit: {FULL}")), 1),
        (raised(DiskFullError("no room for its rows")), 1),
        (raised(IngestError("publishing failed"), duckdb.IOException(FULL)), 1),
        (raised(IngestError(f"not tidied up: {DiskFullError(FULL)}")), 1),
        (raised(PublishedInPartError(f"as before: positions, because of {FULL}")), 3),
    ],
)
def test_any_error_that_a_full_disk_makes(run, code, capfd):
    assert ended(run) == code
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("ingest: ")
    assert "the disk is full: " in line
    assert line.count(FREE_SPACE) == 1


def test_the_file_that_found_no_room_is_named_and_not_begun(tmp_path, monkeypatch):
    def write_text(path, *_, **__):
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", write_text)
    with pytest.raises(OSError, match=r"report\.html"):
        write_whole(tmp_path / "report.html", "x")
    assert not [*tmp_path.iterdir()]


def test_another_error_stays_what_it_is():
    error = IngestError("no file matches")
    assert in_full(error, ValueError("x")) is error
    with pytest.raises(duckdb.TransactionException):
        ended(raised(duckdb.TransactionException("Conflict on update!")))


@pytest.mark.parametrize("results", [None, '{"results": ['])
@pytest.mark.parametrize("room", ["before", "not afterwards", "always"])
def test_dbt_without_room_for_its_files(tmp_path, monkeypatch, results, room):
    """It says that in a traceback; ours is the last word."""
    usage = namedtuple("usage", "free")
    free = {"before": [0], "not afterwards": [10**9, 0], "always": [10**9, 10**9]}[room]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(free.pop(0)))

    def run(_):
        if results:
            (tmp_path / "dbt" / "run_results.json").write_text(results)
        return 2

    monkeypatch.setattr(dbt_run, "run_dbt", run)
    settings = Settings(data_dir=tmp_path)
    expected = BuildFailedError if room == "always" else DiskFullError
    with pytest.raises(expected) as error:
        dbt_run.dbt_build(settings, {})
    assert "\n" not in str(error.value)
    assert not isinstance(error.value.__cause__, json.JSONDecodeError)
