import errno
import os
from collections import namedtuple
from pathlib import Path

import duckdb
import pytest

from python_ingest.cli.ending import ended
from python_ingest.errors import (
    ConnectionTimeoutError,
    DatabaseBusyError,
    DiskFullError,
    QueryError,
    QueryTimeoutError,
    WriteConflictError,
)
from python_ingest.storage.failures import (
    as_database_error,
    first_line,
    is_damaged_file,
    with_retry,
)


def test_a_real_write_conflict_is_told_and_retried():
    with duckdb.connect() as one:
        one.execute("create table t as select 1 as a")
        two = one.cursor()
        one.begin()
        one.execute("update t set a = 2")

        def change():
            two.begin()
            try:
                two.execute("update t set a = a + 10")
                two.commit()
            except duckdb.Error:
                two.rollback()
                one.commit()  # from now on it can succeed
                raise

        with_retry(change)
        assert two.execute("from t").fetchall() == [(12,)]


def test_who_lacks_a_right_is_told_whose_it_is(tmp_path, monkeypatch):
    missing = tmp_path / "cycle.lock"
    refused = PermissionError(errno.EACCES, "Permission denied", str(missing))
    does = "or give your user the right to it"
    assert first_line(refused) == (
        f"{missing}: Permission denied; run this as {tmp_path.owner()}, whose {tmp_path} is, {does}"
    )
    missing.touch()
    assert f", whose {missing} is, " in first_line(refused)
    monkeypatch.setattr(Path, "owner", lambda path: {}[path])
    assert f"run this as user {missing.stat().st_uid}, whose " in first_line(refused)
    monkeypatch.undo()
    refused.filename = str(tmp_path / "nowhere" / "at" / "all")
    assert first_line(refused).endswith(f"; run this as its owner, {does}")


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_on_a_read_only_mount_nobody_has_the_right(tmp_path, monkeypatch, number):
    """The system's functions say either."""
    path = tmp_path / "cycle.lock"
    flags = namedtuple("flags", "f_flag")
    monkeypatch.setattr(os, "statvfs", lambda _: flags(os.ST_RDONLY))
    refused = OSError(number, os.strerror(number), str(path))
    assert first_line(refused) == (
        f"{path}: {os.strerror(number)}; {tmp_path} lies on a read-only mount: mount it for writing"
    )


@pytest.mark.parametrize(
    ("error", "expected", "retryable"),
    [
        (duckdb.TransactionException("Conflict on update!"), WriteConflictError, True),
        (duckdb.IOException("Could not set lock on file"), DatabaseBusyError, True),
        (duckdb.IOException('Cannot open file "/x/blocks/locks"'), QueryError, False),
        (duckdb.IOException("write: No space left on device"), DiskFullError, False),
        (OSError(errno.ENOSPC, "x"), DiskFullError, False),
        (duckdb.ParserException("syntax error\nLINE 1"), QueryError, False),
    ],
)
def test_each_failure_has_its_class(error, expected, retryable):
    ours = as_database_error(error)
    assert type(ours) is expected
    assert ours.retryable is retryable
    assert "\n" not in str(ours)


def test_the_disk_that_duckdb_finds_full(tmp_path):
    """DuckDB's own limit stands for the disk's end."""
    with duckdb.connect(config={"threads": 1, "temp_directory": str(tmp_path)}) as connection:
        connection.execute("set max_temp_directory_size = '1MB'; set memory_limit = '30MB'")
        with pytest.raises(duckdb.Error) as error:
            connection.execute(
                "select max(n) from (select row_number() over (order by md5(i::varchar)) as n"
                " from range(1000000) r(i))"
            ).fetchall()
        assert isinstance(as_database_error(error.value), DiskFullError)


def test_what_cannot_help_is_not_tried_again():
    calls = []

    def fail(error):
        calls.append(error)
        raise error

    with pytest.raises(QueryTimeoutError):
        with_retry(lambda: fail(QueryTimeoutError("late")))
    assert len(calls) == 1
    with pytest.raises(ConnectionTimeoutError):
        with_retry(lambda: fail(ConnectionTimeoutError("busy")), max_retries=2)
    assert len(calls) == 4


@pytest.mark.parametrize("damage", ["empty", "cut", "noise at the beginning", "zeros at the end"])
def test_a_damaged_cold_file_is_one_line_and_no_traceback(tmp_path, capfd, damage):
    path = tmp_path / "cold" / "a.parquet"
    path.parent.mkdir()
    with duckdb.connect() as connection:
        rows = "select i, md5(i::varchar) as t from range(20000) r(i)"
        connection.execute(f"copy ({rows}) to '{path}' (compression zstd)")
        whole = path.read_bytes()
        half, end = len(whole) // 2, len(whole) - 8
        path.write_bytes(
            {
                "empty": b"",
                "cut": whole[:half],
                "noise at the beginning": whole[:4] + b"\xff" * 400 + whole[404:],
                "zeros at the end": whole[: end - 200] + bytes(200) + whole[end:],
            }[damage]
        )
        read = "select sum(i), max(t) from read_parquet(?)"
        assert ended(lambda: connection.execute(read, [str(path)]).fetchall()) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("ingest: ")
    if damage in ("empty", "cut"):  # of the others the engine does not say the file
        assert line.endswith("cold_files.sha256 says what it was")


def test_damage_of_which_the_engine_names_no_file_says_what_to_compare() -> None:
    said = first_line(duckdb.Error("Out of buffer"))
    assert said.startswith("Out of buffer: the engine does not say of which Parquet file; ")
    assert "cold_files.sha256" in said
    assert is_damaged_file(duckdb.Error("Out of buffer"))
    assert first_line(duckdb.OutOfMemoryException("could not allocate")) == "could not allocate"
