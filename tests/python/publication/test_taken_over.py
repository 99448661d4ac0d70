"""The copy that is made beside a build becomes the next publication, or leaves nothing behind."""

import errno
import signal
import subprocess
import sys
from collections import namedtuple
from threading import Event

import duckdb
import pytest

from python_ingest.errors import IngestError
from python_ingest.publication import taken_over
from python_ingest.publication.publish import publish
from python_ingest.publication.taken_over import copied_beside
from python_ingest.publication.versions import newest_manifest
from python_ingest.storage.writer import open_writer

TICKS = """
create table market_ticks as
    select timestamp '2026-01-05' + to_hours(i) as timestamp, 'x' as exchange, 'S' as symbol,
        i::decimal(18, 8) as price
    from range(100) r(i)
"""
MORE = "insert into market_ticks select timestamp '2026-02-01', 'x', 'S', 7"


def change(settings, *statements):
    with open_writer(settings) as connection:
        for statement in statements:
            connection.execute(statement)


def rows(settings):
    with duckdb.connect(str(settings.published_path), read_only=True) as reader:
        return reader.execute("select count(*) from market_ticks").fetchall()[0][0]


def left(settings):
    return {path.name for path in settings.published_path.parent.iterdir()}


NOTHING_LEFT = {"trading.duckdb", "versions"}


@pytest.fixture
def warehouse(settings):
    change(settings, TICKS)
    publish(settings)
    return settings


def test_what_was_begun_beside_a_build_is_what_is_published(warehouse):
    with copied_beside(warehouse) as begun:
        change(warehouse, MORE)
        inode = begun.result().file.stat().st_ino
        publish(warehouse, begun=begun)
    assert warehouse.published_path.stat().st_ino == inode
    assert rows(warehouse) == 101
    assert left(warehouse) == NOTHING_LEFT


def test_a_copy_of_another_publication_than_the_newest_is_not_used(warehouse):
    with copied_beside(warehouse) as begun:
        inode = begun.result().file.stat().st_ino
        change(warehouse, MORE)
        publish(warehouse)
        change(warehouse, MORE)
        publish(warehouse, begun=begun)
        assert not list(warehouse.published_path.parent.rglob("*.unfinished/*/trading.duckdb"))
    assert warehouse.published_path.stat().st_ino != inode
    assert rows(warehouse) == 102
    assert left(warehouse) == NOTHING_LEFT


def test_a_file_with_a_flipped_bit_is_not_begun_with(warehouse):
    file = newest_manifest(warehouse).with_name("trading.duckdb")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with copied_beside(warehouse) as begun:
        assert begun.result() is None
        change(warehouse, MORE)
        publish(warehouse, begun=begun)
    assert rows(warehouse) == 101


def test_the_first_publication_has_nothing_to_begin_with(settings):
    change(settings, TICKS)
    with copied_beside(settings) as begun:
        assert begun.result() is None
        publish(settings, begun=begun)
    assert rows(settings) == 100
    assert left(settings) == NOTHING_LEFT


def test_a_build_keeps_the_room_that_it_may_need(warehouse, monkeypatch):
    size = warehouse.published_path.stat().st_size + warehouse.database_path.stat().st_size
    for free, is_begun in ((size, False), (size + 1, True)):
        monkeypatch.setattr(
            taken_over.shutil, "disk_usage", lambda _, free=free: namedtuple("U", "free")(free)
        )
        with copied_beside(warehouse) as begun:
            assert (begun.result() is not None) == is_begun


def test_a_copy_that_finds_no_room_frees_what_it_wrote_and_is_made_later(warehouse, monkeypatch):
    copied = taken_over.copy_hashed

    def fill_the_disk(source, target, size):
        target.write_bytes(b"half")
        monkeypatch.setattr(taken_over, "copy_hashed", copied)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(taken_over, "copy_hashed", fill_the_disk)
    with copied_beside(warehouse) as begun:
        assert isinstance(begun.exception(), OSError)
        assert not list(warehouse.published_path.parent.rglob("*.unfinished/*/trading.duckdb"))
        change(warehouse, MORE)
        publish(warehouse, begun=begun)
    assert rows(warehouse) == 101


def test_a_build_that_is_interrupted_waits_for_no_copy(warehouse, monkeypatch):
    copying, go_on, copied = Event(), Event(), taken_over.copy_hashed
    begun = []

    def wait(*arguments):
        copying.set()
        go_on.wait()
        return copied(*arguments)

    def interrupted():
        with copied_beside(warehouse) as it:
            begun.append(it)
            copying.wait()
            raise KeyboardInterrupt

    monkeypatch.setattr(taken_over, "copy_hashed", wait)
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not begun[0].done()
    assert left(warehouse) == NOTHING_LEFT
    go_on.set()
    assert isinstance(begun[0].exception(), FileNotFoundError)
    assert rows(warehouse) == 100


def test_a_publication_that_fails_leaves_the_former_one_and_no_copy(warehouse):
    change(
        warehouse,
        "create schema old",
        "create table old.rows as select 1 as a",
        "create view broken as select * from trading.old.rows",
        "drop table old.rows",
    )

    def fail():
        with copied_beside(warehouse) as begun:
            publish(warehouse, begun=begun)

    with pytest.raises(IngestError, match="is not there"):
        fail()
    assert left(warehouse) == NOTHING_LEFT
    assert rows(warehouse) == 100


KILLED = """
import os, signal
from python_ingest.publication.taken_over import copied_beside
from python_ingest.settings import load_settings

with copied_beside(load_settings()) as begun:
    begun.result()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_build_had_copied_is_removed_by_the_next_one(warehouse):
    killed = subprocess.run([sys.executable, "-c", KILLED], check=False)
    assert killed.returncode == -signal.SIGKILL
    unfinished = warehouse.published_path.with_name(".trading.duckdb.unfinished")
    assert list(unfinished.rglob("trading.duckdb"))
    assert rows(warehouse) == 100
    change(warehouse, MORE)
    with copied_beside(warehouse) as begun:
        publish(warehouse, begun=begun)
    assert rows(warehouse) == 101
    assert left(warehouse) == NOTHING_LEFT
