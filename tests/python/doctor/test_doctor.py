"""`ingest doctor` says what is wrong, and with which command it is mended, in any state."""

import fcntl
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
import typer
from testkit import new_database, register_cold_file

from python_ingest.cli.main import COMMANDS
from python_ingest.cli.news import begin, news, remember
from python_ingest.doctor import findings
from python_ingest.doctor.command import doctor
from python_ingest.errors import IngestError
from python_ingest.landing.land import land_files
from python_ingest.publication.publish import publish
from python_ingest.publication.versions import newest_manifest
from python_ingest.recovery.create import create_backup
from python_ingest.settings import Settings, load_settings
from python_ingest.storage import cold_place
from python_ingest.storage.files import sha256_of
from python_ingest.storage.object_store import DirectoryStore
from python_ingest.storage.process_lock import process_lock
from python_ingest.storage.writer import open_writer

CYCLE_ENDED = "insert into state.chains select 'bars', max(batch_id), 1, null from raw.landings"
HOLDER = """
import sys
from python_ingest.settings import load_settings
from python_ingest.storage.writer import open_writer

with open_writer(load_settings()):
    print("holds", flush=True)
    sys.stdin.readline()
"""


def wrong(settings: Settings) -> dict[str, str]:
    """What is to be mended: the command by what it is about, which must be one line."""
    found = list(findings.examine(settings))
    assert {finding.about for finding in found} == set(findings._CHECKS)
    assert not [finding for finding in found if "\n" in finding.text + finding.mend]
    for finding in found:  # as typed: what is no command is a comment
        words = shlex.split(finding.mend, comments=True)
        assert not words or shutil.which(words[0]) or words[0] in {"ingest", "timedatectl"}
        assert words[:1] != ["ingest"] or words[1] in COMMANDS
        subprocess.run(["sh", "-n", "-c", finding.mend], check=True)
    return {finding.about: finding.mend for finding in found if finding.mend}


def said(settings: Settings, about: str) -> str:
    return "; ".join(each.text for each in findings.examine(settings) if each.about == about)


def execute(settings: Settings, *statements: str) -> None:
    with open_writer(settings) as connection:
        for statement in statements:
            connection.execute(statement)


def age(path: Path, by: timedelta) -> None:
    then = (datetime.now(UTC) - by).timestamp()
    os.utime(path, (then, then))


@pytest.fixture(scope="module")
def after_a_cycle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The DATA_DIR of a warehouse after a cycle and a backup; nobody changes it."""
    folder = tmp_path_factory.mktemp("well") / "data"
    settings = new_database(load_settings(Path("none"), {"DATA_DIR": str(folder)}))
    path = folder.with_name("a.csv")
    path.write_text("exchange,symbol,timestamp,last_price,trade_id\nx,s,2024-01-02,1,a\n")
    land_files(settings, "ticks", [path])
    execute(settings, CYCLE_ENDED)
    with process_lock(folder / "cycle.lock", "ingest cycle"):
        publish(settings)
    create_backup(settings, "full", lambda *_: None)
    return folder


@pytest.fixture
def well(settings: Settings, after_a_cycle: Path) -> Settings:
    shutil.copytree(after_a_cycle, settings.data_dir)
    return settings


def test_nothing_is_wrong_after_a_cycle_and_a_backup(
    well: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert wrong(well) == {}
    doctor()
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "to mend: nothing"
    assert len(lines) < 24


def test_a_folder_without_anything_stays_so(settings: Settings) -> None:
    assert wrong(settings)["database"] == "ingest init"
    with pytest.raises(typer.Exit) as ended:
        doctor()
    assert ended.value.exit_code == 1
    assert not settings.data_dir.exists()


def test_whoever_has_the_database_is_named_and_is_no_trouble(well: Settings) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"holds\n"
        assert wrong(well) == {}
        assert f"held by process {holder.pid} (python" in said(well, "database")
        age(well.database_path.with_name("trading.duckdb.lock"), timedelta(hours=3))
        assert wrong(well)["database"].startswith(f"ps -fp {holder.pid} ")
        holder.communicate()


def test_a_database_that_is_gone_is_no_new_one(well: Settings) -> None:
    well.database_path.unlink()
    assert "ingest restore" in wrong(well)["database"]


def test_a_broken_database_and_publication(well: Settings) -> None:
    well.database_path.write_bytes(b"rubbish" * 10_000)
    well.published_path.write_bytes(b"rubbish" * 10_000)
    found = wrong(well)
    assert "ingest restore" in found["database"]
    assert found["published"] == "ingest publish"


@pytest.mark.parametrize(
    ("statement", "mend"),
    [
        ("insert into raw.schema_versions values (999, 'later', now()::timestamp)", "# install"),
        ("delete from raw.schema_versions where version > 5", "ingest init"),
    ],
)
def test_another_version_of_the_schema(well: Settings, statement: str, mend: str) -> None:
    execute(well, statement)
    assert wrong(well)["database"].startswith(mend)


def test_what_waits_for_long_wants_its_command(well: Settings) -> None:
    execute(
        well,
        "update state.chains set batch_id = 0",
        "update raw.landings set landed_at = landed_at - interval 2 hours",
    )
    waiting = well.spool_dir / "00000000000000000001-ticks-aaaaaaaaaaaa.parquet"
    waiting.write_bytes(b"")
    assert "spool" not in wrong(well)
    age(waiting, timedelta(hours=2))
    age(well.data_dir / "cycle.lock", timedelta(days=2))
    execute(well, "update raw.landings set batch_id = batch_id + 10 where kind = 'ticks'")
    manifest = next(Path(well.backup_store).glob("*/manifest.json"))
    shutil.rmtree(manifest.parent)
    assert wrong(well) == {
        "database": "ingest cycle",
        "spool": "ingest land --pending",
        "cycle": "ingest cycle",
        "backup": "ingest backup create --full",
    }


def test_what_waits_and_cannot_be_read_is_named_at_once(
    well: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (well.spool_dir / "x.parquet").mkdir()
    barred = well.spool_dir / "y.parquet"
    barred.write_bytes(b"")
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != barred and may(path, mode))
    assert wrong(well)["spool"].startswith("ingest land --pending")
    assert f"2 of them are no files or may not be read, the first is {well.spool_dir}/x" in (
        said(well, "spool")
    )


def test_frames_that_a_killed_stream_left_wait_too(well: Settings) -> None:
    left = well.spool_dir / "frames/00000000000000000001.binance.binance.ticks.ndjson"
    left.parent.mkdir()
    left.write_bytes(b"1 {}\n")
    age(left, timedelta(hours=2))
    assert wrong(well) == {"spool": "ingest land --pending"}
    with left.open("rb+") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)  # by a stream that runs
        assert wrong(well) == {}


def test_an_old_backup_of_all_that_landed_is_new_enough(
    well: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(findings, "_BACKUP_IS_OLD", timedelta(0))
    assert wrong(well) == {}
    execute(well, "update raw.landings set batch_id = batch_id + 10 where kind = 'ticks'")
    assert wrong(well)["backup"] == "ingest backup create"


def test_a_damaged_backup(well: Settings) -> None:
    manifest = next(Path(well.backup_store).glob("*/manifest.json"))
    manifest.write_text("{}")
    assert "damaged" in said(well, "backup")
    take_out = f"ingest backup verify  # take what it names out of {well.backup_store}"
    mends = [each.mend for each in findings.examine(well) if each.about == "backup"]
    assert take_out in mends  # to verify mends nothing, nor does another backup
    assert wrong(well)["backup"] == "ingest backup create --full"
    shutil.move(manifest.parent, well.data_dir.parent / "taken_out")
    assert take_out not in [each.mend for each in findings.examine(well)]


def test_a_cycle_that_published_nothing(well: Settings) -> None:
    manifest = newest_manifest(well)
    assert manifest
    age(manifest, timedelta(minutes=5))
    assert wrong(well) == {"cycle": "ingest cycle  # it says why"}
    with process_lock(well.data_dir / "cycle.lock", "ingest cycle"):
        assert wrong(well) == {}
        assert f"process {os.getpid()} (" in said(well, "cycle")


def test_an_archive_after_a_cycle_is_no_cycle_that_published_nothing(well: Settings) -> None:
    remember(well, begin(well), news(well))
    manifest = newest_manifest(well)
    assert manifest
    age(manifest, timedelta(minutes=5))
    with process_lock(well.data_dir / "cycle.lock", "ingest archive"):
        pass
    assert wrong(well) == {}
    begin(well)  # and the next cycle is killed
    assert wrong(well) == {"cycle": "ingest cycle  # it says why"}


def test_what_takes_the_lock_of_cycles_makes_no_cycle_new(well: Settings) -> None:
    """`ingest compact` each night would hide for ever that no cycle runs."""
    remember(well, begin(well), news(well))
    noted = well.data_dir / "last_cycle.json"
    told = json.loads(noted.read_text())
    noted.write_text(json.dumps(told | {"began": told["began"] - 3 * 86400}))
    with process_lock(well.data_dir / "cycle.lock", "ingest compact"):
        pass
    assert wrong(well) == {"cycle": "ingest cycle"}
    assert said(well, "cycle") == "the last began 3 days ago"


def test_a_folder_is_no_database_and_gets_no_lock(well: Settings) -> None:
    folder = well.data_dir.parent / "some"
    folder.mkdir()
    found = findings.examine(well.model_copy(update={"database_path": folder}))
    assert "is a folder" in next(each.text for each in found if each.about == "database")
    assert not list(folder.parent.glob("some.*"))


def test_nothing_is_restored_where_no_backup_is(well: Settings) -> None:
    shutil.rmtree(next(Path(well.backup_store).glob("*/manifest.json")).parent)
    well.database_path.unlink()
    assert wrong(well)["database"] == "# bring it back: there is no backup"


def test_an_archive_after_a_cycle_as_of_a_time_is_none_either(well: Settings) -> None:
    """Such a cycle notes nothing, since the next one has another clock: `make build` is one."""
    began = begin(well)
    publish(well)
    manifest = newest_manifest(well)
    assert manifest
    age(well.data_dir / "cycle.lock", timedelta(minutes=5))
    assert manifest.stat().st_mtime >= began.moment
    with process_lock(well.data_dir / "cycle.lock", "ingest archive"):
        pass
    assert wrong(well) == {}
    age(manifest, timedelta(minutes=5))  # and one that published nothing is still told
    assert wrong(well) == {"cycle": "ingest cycle  # it says why"}


def test_what_is_held_back_is_named_with_the_reason(well: Settings) -> None:
    manifest = newest_manifest(well)
    assert manifest
    described = json.loads(manifest.read_text())
    described["held_back"] = {"positions": "test x: Got 3", "orders": "test x: Got 3"}
    manifest.write_text(json.dumps(described))
    assert list(wrong(well)) == ["published"]
    assert "positions, orders: as published before, because of test x: Got 3" in said(
        well, "published"
    )


def test_a_publication_of_an_earlier_version_held_nothing_back(well: Settings) -> None:
    manifest = newest_manifest(well)
    assert manifest
    described = json.loads(manifest.read_text())
    del described["held_back"]
    manifest.write_text(json.dumps(described))
    assert wrong(well) == {}


@pytest.mark.parametrize("store", ["", "s3://bucket/some/"])
def test_cold_files_that_are_gone_or_cut_off(
    well: Settings, monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    key = "cold/ohlcv_bars/date=2024-01-01/a.parquet"
    kept = DirectoryStore(well.data_dir)  # of one on S3, too
    monkeypatch.setattr(cold_place, "open_store", {"s3://bucket/some": kept}.get)
    with duckdb.connect(str(well.database_path)) as connection:
        file = {"path": f"{store}{key}", "state": "local"}
        register_cold_file(connection, "ohlcv_bars", "2024-01-01", **file)
    assert wrong(well)["database"].startswith("ingest restore --to ")
    (well.data_dir / key).parent.mkdir(parents=True)
    (well.data_dir / key).write_bytes(b"")  # cut off
    assert wrong(well)["database"].startswith("ingest restore --to ")
    assert "1 of 1 cold files are not as long as they were written" in said(well, "database")
    (well.data_dir / key).write_bytes(b"x")
    assert wrong(well) == {}


@pytest.mark.parametrize("store", ["", "s3://bucket/some/"])
def test_cold_files_whose_bytes_changed_are_found_by_their_checksums(
    well: Settings, monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    key = "cold/ohlcv_bars/date=2024-01-01/a.parquet"
    kept = DirectoryStore(well.data_dir)
    monkeypatch.setattr(cold_place, "open_store", {"s3://bucket/some": kept}.get)
    (well.data_dir / key).parent.mkdir(parents=True)
    (well.data_dir / key).write_bytes(b"x")
    with duckdb.connect(str(well.database_path)) as connection:
        file = {"path": f"{store}{key}", "state": "local", "sha256": sha256_of(well.data_dir / key)}
        register_cold_file(connection, "ohlcv_bars", "2024-01-01", **file)

    def texts() -> str:
        return "; ".join(each.text for each in findings.examine(well, checksums=True))

    assert "all 1 cold files are there, with the bytes that were written" in texts()
    (well.data_dir / key).write_bytes(b"y")
    assert f"1 of 1 cold files have other bytes than were written, the first is {store}{key}" in (
        texts()
    )
    assert wrong(well) == {}  # as long as they were


def test_what_this_user_may_not_open_needs_no_restore(
    well: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "cold/ohlcv_bars/date=2024-01-01/a.parquet"
    (well.data_dir / key).parent.mkdir(parents=True)
    (well.data_dir / key).write_bytes(b"x")
    with duckdb.connect(str(well.database_path)) as connection:
        register_cold_file(connection, "ohlcv_bars", "2024-01-01", path=key, state="local")
    assert wrong(well) == {}

    barred: set[Path] = {well.data_dir / key}  # tests may run as root, who may all
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path not in barred and may(path, mode))
    owner = f"# run this as {well.database_path.owner()}, whose "
    assert wrong(well)["database"].startswith(owner)
    assert "1 of 1 cold files may not be read" in said(well, "database")

    @contextmanager
    def refused(_: Settings) -> Iterator[None]:
        raise IngestError("trading.duckdb: cannot be opened: Permission denied")
        yield

    barred.add(well.database_path)
    monkeypatch.setattr(findings, "open_briefly", refused)
    assert wrong(well)["database"].startswith(owner)


def test_archived_days_that_something_waits_for(well: Settings) -> None:
    execute(
        well,
        "insert into state.waiting_regions values"
        " ('bars', 'market_ticks', '2024-01-05', 'k', '2024-01-05'),"
        " ('bars', 'market_ticks', '2024-01-07', 'k', '2024-01-07')",
    )
    assert wrong(well) == {"database": "ingest archive restore market_ticks 2024-01-05 2024-01-07"}


def test_little_room_and_a_clock_that_went_back(
    well: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(findings.shutil, "disk_usage", lambda _: usage(10**8))
    execute(well, "update raw.landings set landed_at = landed_at + interval 5 minutes")
    found = wrong(well)
    assert set(found) == {"disk", "clock"}
    assert "the newest landing was at" in said(well, "clock")


def test_an_older_duckdb_reads_no_newer_file(well: Settings) -> None:
    """A file of another engine than ours is told as broken, in one line."""
    well.database_path.unlink()
    duckdb.connect(str(well.database_path)).close()
    content = bytearray(well.database_path.read_bytes())
    content[12:20] = (9999).to_bytes(8, "little")
    well.database_path.write_bytes(content)
    assert "ingest restore" in wrong(well)["database"]
