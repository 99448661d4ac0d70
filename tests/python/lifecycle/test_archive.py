"""Old cold files go to a real S3 server and come back; killed anywhere, no row is lost."""

import hashlib
import os
import random
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from s3_server import S3Server
from testkit import ask, land_text, new_database, steps_of

from python_ingest.archiving.archive import archive
from python_ingest.archiving.unarchive import bring_back
from python_ingest.audit.run import audit
from python_ingest.errors import ConfigError, ExportError, NotInitialisedError, StoreError
from python_ingest.landing.land import land_files
from python_ingest.lifecycle.sweep import sweep
from python_ingest.settings import Settings
from python_ingest.storage.cold_place import put_in_place
from python_ingest.storage.object_store import open_store
from python_ingest.storage.writer import open_writer

from .conftest import ALL_TICKS, export_ticks, make_warehouse, manifest

# 90 days after the end of January 2nd: the third is not due yet.
DUE = datetime(2024, 4, 2)
LATER = datetime(2024, 6, 1)
FIRST, LAST = date(2024, 1, 1), date(2024, 1, 3)
POLICIES = """
create schema if not exists reference;
create or replace table reference.retention_policies as
select 'market_ticks' as relation, 7 as keep_days, 'parquet' as then, 90 as archive_after_days,
    false as folder_per_symbol;
"""
LATE = "exchange,symbol,timestamp,last_price,trade_id\nx,A,2024-01-01 00:00:00,1,late\n"
# No day is due before something that much newer was landed.
NEWS = '{"timestamp": "2024-06-02T00:00:00Z", "level": "info", "service": "s", "message": "x"}\n'


def with_store(settings: Settings, url: str, storage_class: str = "GLACIER_IR") -> Settings:
    changed = {"store": url, "storage_class": storage_class}
    return settings.model_copy(update={"archive": settings.archive.model_copy(update=changed)})


def make_cold(settings: Settings) -> None:
    """Three days of ticks, all of them cold; the first in two files, as a late tick leaves it."""
    make_warehouse(settings, 3000, ["A", "B"])
    with open_writer(settings) as connection:
        connection.execute(POLICIES)
    export_ticks(settings, "2024-01-04")
    for kind, name, text in (("ticks", "late.csv", LATE), ("logs", "news.ndjson", NEWS)):
        result = land_text(settings, kind, settings.data_dir.parent / name, text)
        assert result.landed == 1, result
    export_ticks(settings, "2024-01-04")


def test_where_nothing_was_built_nothing_comes_back(settings: Settings) -> None:
    new_database(settings)
    assert bring_back(settings, "market_ticks", FIRST, LAST).files == 0


@pytest.fixture
def cold(settings: Settings, s3: str) -> Settings:
    make_cold(settings)
    return with_store(settings, f"{s3}/archive")


def local(settings: Settings) -> list[str]:
    return sorted(
        str(path.relative_to(settings.data_dir))
        for path in (settings.data_dir / "cold").glob("*/date=*/**/*.parquet")
    )


def empty(settings: Settings) -> list[Path]:
    """The folders of days that hold nothing."""
    return [
        path for path in (settings.data_dir / "cold").glob("*/date=*") if not any(path.iterdir())
    ]


def test_a_day_that_leaves_leaves_no_folder(settings: Settings, tmp_path: Path) -> None:
    """A folder stayed for each day and relation, for ever, and each sweep walked through it."""
    make_cold(settings)
    kept = with_store(settings, str(tmp_path / "archive"))
    before = ask(kept, ALL_TICKS)
    archive(kept, LATER)
    left = settings.data_dir / "cold" / "market_ticks" / "date=2019-01-01" / "symbol=A"
    left.mkdir(parents=True)  # as an earlier version left them
    sweep(kept, published=set())
    assert (local(kept), empty(kept)) == ([], [])
    bring_back(kept, "market_ticks", FIRST, LAST)
    assert ask(kept, ALL_TICKS) == before


def test_a_relative_archive_is_found_from_every_folder(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_cold(settings)
    before = ask(settings, ALL_TICKS)
    monkeypatch.chdir(tmp_path)
    kept = with_store(settings, "archive")
    archive(kept, LATER)
    sweep(kept, published=set())
    monkeypatch.chdir("/")
    assert bring_back(kept, "market_ticks", FIRST, LAST).files
    assert ask(kept, ALL_TICKS) == before


def test_a_sweep_takes_nothing_that_is_coming_back(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is here and not yet noted as restored was deleted by the cycle beside it."""
    make_cold(settings)
    kept = with_store(settings, str(tmp_path / "archive"))
    before = ask(kept, ALL_TICKS)
    archive(kept, LATER)
    sweep(kept, published=set())

    def and_sweep(*given: Any) -> str:
        placed = put_in_place(*given)
        assert sweep(kept, published=set()).waits
        return placed

    monkeypatch.setattr("python_ingest.archiving.unarchive.put_in_place", and_sweep)
    assert bring_back(kept, "market_ticks", FIRST, LAST).files == 4
    assert len(local(kept)) == 4
    assert ask(kept, ALL_TICKS) == before


def test_days_beyond_the_window_go_and_come_back(cold: Settings, s3_server: S3Server) -> None:
    before = ask(cold, ALL_TICKS)
    files = manifest(cold, "path, sha256, bytes")
    assert len(files) == 4
    days = archive(cold, DUE)
    assert [(day.date, len(day.files)) for day in days] == [(FIRST, 2), (date(2024, 1, 2), 1)]
    states = manifest(cold, "state, object_url, storage_class")
    assert [row[0] for row in states] == ["archived", "archived", "local", "archived"]
    bucket = cold.archive.store.removeprefix("s3://").split("/")[0]
    for (path, sha256, size), (state, url, storage_class) in zip(files, states, strict=True):
        if state == "archived":  # judged by another client than ours
            assert url == f"{cold.archive.store}/{path}"
            found = s3_server.client().get_object(Bucket=bucket, Key=f"archive/{path}")
            assert (found["ContentLength"], found["StorageClass"]) == (size, "GLACIER_IR")
            assert hashlib.sha256(found["Body"].read()).hexdigest() == sha256
            assert storage_class == "GLACIER_IR"
    assert ask(cold, "select distinct date from cold.market_ticks") == [(LAST,)]
    assert len(local(cold)) == 4
    sweep(cold, published={files[0][0]})
    assert local(cold) == sorted([files[0][0], files[2][0]])  # a publication names the first
    sweep(cold, published=set())
    assert local(cold) == [files[2][0]]
    assert archive(cold, DUE) == []

    done = bring_back(cold, "market_ticks", FIRST, FIRST)
    assert (done.files, done.awaited) == (2, [])
    assert [row[0] for row in manifest(cold, "state")] == [
        "restored",
        "archived",
        "local",
        "restored",
    ]
    assert bring_back(cold, "market_ticks", FIRST, LAST).files == 1
    assert bring_back(cold, "market_ticks", FIRST, LAST).files == 0
    assert ask(cold, ALL_TICKS) == before
    assert manifest(cold, "path, sha256, bytes") == files


def test_what_was_brought_back_stays_a_week(cold: Settings) -> None:
    archive(cold, LATER)
    bring_back(cold, "market_ticks", FIRST, FIRST)
    assert archive(cold, LATER) == []
    now = ask(cold, "select now()::timestamp")[0][0]
    assert archive(cold, now) == []
    year = now.replace(year=now.year + 1, day=1)
    assert [day.date for day in archive(cold, year)] == [FIRST]


def test_a_dry_run_changes_nothing(cold: Settings) -> None:
    before = manifest(cold, "*")
    assert [day.date for day in archive(cold, LATER, dry_run=True)] == [
        FIRST,
        date(2024, 1, 2),
        LAST,
    ]
    assert manifest(cold, "*") == before
    assert list(open_store(cold.archive.store).list()) == []


def test_a_file_with_a_flipped_bit_stays_and_is_named(cold: Settings) -> None:
    path = cold.data_dir / manifest(cold, "path")[1][0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(StoreError, match=path.name):
        archive(cold, LATER)
    # the day before it is archived, it and those after it are as they were
    assert [row[0] for row in manifest(cold, "state")] == ["archived", "local", "local", "archived"]
    assert path.exists()


def test_an_object_that_is_damaged_is_not_brought_back(cold: Settings, s3_server: S3Server) -> None:
    archive(cold, DUE)
    sweep(cold, published=set())
    before = manifest(cold, "*")
    bucket, _, prefix = cold.archive.store.removeprefix("s3://").partition("/")
    key = f"{prefix}/{manifest(cold, 'path')[1][0]}"
    body = s3_server.client().get_object(Bucket=bucket, Key=key)["Body"].read()
    s3_server.client().put_object(Bucket=bucket, Key=key, Body=body[:-9] + b"?" + body[-8:])
    with pytest.raises(ExportError, match="sha256 differs"):
        bring_back(cold, "market_ticks", FIRST, LAST)
    assert manifest(cold, "*") == before


def test_an_archive_class_is_taken_out_first(settings: Settings, s3: str) -> None:
    make_cold(settings)
    frozen = with_store(settings, s3, "DEEP_ARCHIVE")
    before = ask(frozen, ALL_TICKS)
    archive(frozen, LATER)
    sweep(frozen, published=set())
    first = bring_back(frozen, "market_ticks", FIRST, LAST)
    assert (first.files, len(first.awaited)) in [(0, 4), (4, 0)]
    while bring_back(frozen, "market_ticks", FIRST, LAST).awaited:
        pass
    assert ask(frozen, ALL_TICKS) == before


def test_a_late_row_of_an_archived_day_is_refused_until_the_day_is_back(
    cold: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "late.csv"
    late = [f"x,A,2024-01-01,1,late{number}\n" for number in range(300)]
    path.write_text("exchange,symbol,timestamp,last_price,trade_id\n" + "".join(late))
    archive(cold, DUE)
    (result,) = land_files(cold, "ticks", [path])
    assert (result.landed, result.rejected) == (0, 300)
    ((reason,),) = ask(cold, "select distinct reason from raw.rejected_rows")
    assert "`ingest archive restore market_ticks 2024-01-01 2024-01-01`" in reason
    judged = audit(cold)  # nothing is wrong with a row that waits
    assert not [line for line in judged.critical + judged.warnings if "rejected" in line]
    bring_back(cold, "market_ticks", FIRST, FIRST)
    (result,) = land_files(cold, "ticks", [path])
    assert (result.landed, result.rejected) == (300, 0)


def test_without_a_store_or_policies_it_says_what_to_do(settings: Settings, tmp_path: Path) -> None:
    make_warehouse(settings, 30, ["A"])
    with pytest.raises(ConfigError, match="ARCHIVE_STORE"):
        archive(settings, LATER)
    with pytest.raises(NotInitialisedError, match="dbt build"):
        archive(with_store(settings, str(tmp_path / "store")), LATER)


def run(settings: Settings, *arguments: str, kill_at: int = 0) -> int:
    store = settings.archive.store
    return steps_of(settings, *arguments, kill_at=kill_at, ARCHIVE_STORE=store)


def check(settings: Settings, before: list[tuple[object, ...]]) -> None:
    """Each file is where the manifest says, whole; what is readable and archived is everything."""
    store = open_store(settings.archive.store)
    rows = manifest(settings, "path, sha256, state, rows")
    for path, sha256, state, _ in rows:
        if state == "archived":
            content = b"".join(store.read(path))
        else:
            content = (settings.data_dir / path).read_bytes()
        assert hashlib.sha256(content).hexdigest() == sha256, (path, state)
    archived = sum(row[3] for row in rows if row[2] == "archived")
    readable = sum(row[3] for row in rows if row[2] in ("local", "restored"))
    assert ask(settings, "select count(*) from cold.market_ticks") == [(readable,)]
    assert archived + readable == before[0][0]
    # a day is archived as a whole
    halves = "select count(*) from (select 1 from raw.cold_files group by date having"
    assert ask(settings, f"{halves} count(distinct state = 'archived') > 1)") == [(0,)]


def rounds_of_kills(settings: Settings, rounds: int) -> None:
    rng = random.Random(rounds)  # noqa: S311
    before = ask(settings, ALL_TICKS)
    there = ("archive", "--as-of", "2024-06-01")
    back = ("archive", "restore", "market_ticks", "2024-01-01", "2024-01-03")
    steps = {there: run(settings, *there), back: run(settings, *back)}
    killed = 0
    for number in range(rounds):
        command = (there, back)[number % 2]
        if command is there:  # else what came back would stay for a week
            with open_writer(settings) as connection:
                connection.execute("update raw.cold_files set restored_at = timestamp '2024-01-05'")
        killed += not run(settings, *command, kill_at=rng.randrange(1, steps[command]))
        check(settings, before)
    assert killed > rounds / 2
    run(settings, *back)
    assert ask(settings, ALL_TICKS) == before
    assert set(manifest(settings, "state")) <= {("restored",), ("local",)}


def test_archive_and_restore_killed_at_random(cold: Settings) -> None:
    rounds_of_kills(cold, rounds=6)


@pytest.mark.slow
def test_archive_and_restore_killed_a_hundred_times(cold: Settings) -> None:
    rounds_of_kills(cold, rounds=100)


def test_the_commands_say_what_they_did(cold: Settings) -> None:
    def ingest(*arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "python_ingest", "archive", *arguments],
            env={
                **os.environ,
                "DATA_DIR": str(cold.data_dir),
                "ARCHIVE_STORE": cold.archive.store,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    code, out, _ = ingest("--as-of", "2024-04-02", "--dry-run")
    assert code == 0
    assert "market_ticks of 2024-01-01: 2 files" in out
    assert "2 days would be archived" in out
    code, out, _ = ingest("--as-of", "2024-04-02")
    assert (code, "2 days were archived" in out) == (0, True)
    assert "deleted 3 local files" in out
    code, out, _ = ingest("restore", "market_ticks", "2024-01-01", "2024-01-03")
    assert (code, "3 files brought back" in out) == (0, True)
    assert ingest("restore", "nothing", "2024-01-01", "2024-01-03")[0] == 2
    assert ingest("restore", "market_ticks", "yesterday", "today")[0] == 2
    assert ingest("--as-of", "tomorrow")[0] == 2


def test_the_engine_reads_what_came_back(cold: Settings) -> None:
    """Not only the view: the very file, by DuckDB alone."""
    (path, rows) = manifest(cold, "path, rows")[1]
    archive(cold, DUE)
    sweep(cold, published=set())
    bring_back(cold, "market_ticks", FIRST, LAST)
    assert duckdb.sql(f"from '{cold.data_dir / path}' select count(*)").fetchall() == [(rows,)]
