"""Backups with cold files: what had left the database comes back, wherever it is restored."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from lifecycle.conftest import ALL_TICKS, export_ticks, make_warehouse, manifest
from testkit import ask

from python_ingest.archiving.archive import archive
from python_ingest.archiving.unarchive import bring_back
from python_ingest.errors import BackupError, ConfigError, StoreError
from python_ingest.landing.land import land_files
from python_ingest.lifecycle.sweep import sweep
from python_ingest.recovery.create import create_backup
from python_ingest.recovery.restore import restore
from python_ingest.recovery.verify import verify_backups
from python_ingest.settings import Settings
from python_ingest.storage.object_store import open_store
from python_ingest.storage.writer import open_writer

POLICY = """
create schema reference;
create table reference.retention_policies as
select 'market_ticks' as relation, 90 as archive_after_days;
"""


@pytest.fixture
def cold(settings: Settings, tmp_path: Path) -> Settings:
    """Three days of ticks, the first two cold; an archive in a directory."""
    make_warehouse(settings, 3000, ["A", "B"])
    with open_writer(settings) as connection:
        connection.execute(POLICY)
    export_ticks(settings, "2024-01-03")
    store = settings.archive.model_copy(update={"store": str(tmp_path / "archive")})
    return settings.model_copy(update={"archive": store})


def at(settings: Settings, data_dir: Path) -> Settings:
    return settings.model_copy(
        update={"data_dir": data_dir, "database_path": data_dir / "trading.duckdb"}
    )


def land_tick(settings: Settings, tmp_path: Path, day: str, trade_id: str) -> Any:
    path = tmp_path / f"{trade_id}.csv"
    path.write_text(f"exchange,symbol,timestamp,last_price,trade_id\nx,A,{day},1,{trade_id}\n")
    return land_files(settings, "ticks", [path])[0]


@pytest.mark.parametrize("side", ["database", "tables"])
def test_cold_files_come_back_in_a_new_place(cold: Settings, tmp_path: Path, side: str) -> None:
    made = create_backup(cold).manifest
    assert len(made.cold) == 2
    if side == "tables":
        assert made.database is not None
        (Path(cold.backup_store) / made.database.key).unlink()
    before = ask(cold, ALL_TICKS)
    assert before[0][0] == 3000
    shutil.rmtree(cold.data_dir)  # a restore must not read what it left behind
    restored = at(cold, restore(cold, tmp_path / "restored").path)
    assert ask(restored, ALL_TICKS) == before
    assert [row[0] for row in ask(restored, "select count(*) from cold.market_ticks")] == [2000]


def test_an_export_between_the_full_backup_and_the_moment(cold: Settings, tmp_path: Path) -> None:
    """Rows that left after the full backup are in the database again, each once."""
    assert land_tick(cold, tmp_path, "2024-01-03", "known").landed == 1
    create_backup(cold)
    export_ticks(cold, "2024-01-04")
    assert ask(cold, "select count(*) from raw.market_ticks") == [(0,)]
    assert land_tick(cold, tmp_path, "2024-01-03", "late").landed == 1
    # known by a cold row here, by a warm one in the restored database
    again = tmp_path / "again.csv"
    again.write_text((tmp_path / "known.csv").read_text() + "x,A,2024-01-03,1,new\n")
    result = land_files(cold, "ticks", [again])[0]
    assert (result.landed, result.duplicate) == (1, 1)
    create_backup(cold, "incremental")
    done = restore(cold, tmp_path / "restored")
    assert done.notes == []
    restored = at(cold, done.path)
    assert ask(restored, ALL_TICKS) == ask(cold, ALL_TICKS)
    assert ask(restored, "select count(*) from cold.market_ticks") == [(2000,)]


def test_cold_files_are_kept_once_and_as_long_as_a_backup_needs_them(cold: Settings) -> None:
    for _ in range(2):
        create_backup(cold, "full")
    store = open_store(cold.backup_store)
    assert len(list(store.list("cold/"))) == 2
    with open_writer(cold) as connection:  # as a merge or a rewritten partition leaves it
        connection.execute("update raw.cold_files set state = 'replaced' where file_id = 1")
    for number in range(3):
        create_backup(cold, "full")
        assert len(list(store.list("cold/"))) == (1 if number == 2 else 2)
    assert verify_backups(cold) == []


def test_a_cold_file_that_is_damaged_is_not_backed_up(cold: Settings) -> None:
    path = cold.data_dir / manifest(cold, "path")[0][0]
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(StoreError, match=path.name):
        create_backup(cold)
    path.unlink()
    with pytest.raises(BackupError, match="is not there"):
        create_backup(cold)


def test_a_sweep_deletes_nothing_that_a_backup_copies(cold: Settings) -> None:
    """A file that the copied database reads may be replaced before it is uploaded."""
    waits = []

    def cycle(what: str, *_: int) -> None:
        if "rows" in what:
            with open_writer(cold) as connection:
                connection.execute("update raw.cold_files set state = 'replaced'")
            waits.append(sweep(cold, published=set()).waits)

    create_backup(cold, "full", cycle)
    assert set(waits) == {True}
    assert verify_backups(cold) == []
    assert sweep(cold, published=set()).files > 0


def test_the_archive_ends_a_set(cold: Settings, tmp_path: Path) -> None:
    create_backup(cold)
    assert land_tick(cold, tmp_path, "2024-06-01", "before").landed == 1
    archive(cold, datetime(2024, 6, 1))
    sweep(cold, published=set())
    # landing refuses now what it would have taken before
    assert land_tick(cold, tmp_path, "2024-01-01", "refused").rejected == 1
    with pytest.raises(BackupError, match="archived or brought back"):
        create_backup(cold, "incremental")
    made = create_backup(cold)
    assert (made.manifest.kind, len(made.manifest.archived)) == ("full", 2)
    assert any("the archive" in note for note in made.notes)
    assert verify_backups(cold) == []

    (event,) = ask(cold, "select min(archived_at) from raw.cold_files")[0]
    closed = restore(cold, tmp_path / "closed", event)
    assert closed.notes == []
    assert closed.last_batch == 2
    assert ask(at(cold, closed.path), ALL_TICKS)[0][0] == 3001
    between = ask(cold, "select max(landed_at) from raw.landings")[0][0]
    with pytest.raises(BackupError, match="reach to"):
        restore(cold, tmp_path / "between", between)

    newest = at(cold, restore(cold, tmp_path / "newest").path)
    assert ask(newest, ALL_TICKS) == ask(cold, ALL_TICKS)
    assert ask(newest, ALL_TICKS)[0][0] == 1001
    first = datetime(2024, 1, 1).date()
    assert bring_back(newest, "market_ticks", first, datetime(2024, 1, 2).date()).files == 2
    assert ask(newest, ALL_TICKS)[0][0] == 3001

    (path,) = manifest(cold, "path")[0]
    (Path(cold.archive.store) / path).unlink()
    assert verify_backups(cold) == [f"{cold.archive.store}/{path}: is missing in the archive"]


def test_a_backup_in_the_archive_s_store_is_refused(cold: Settings, tmp_path: Path) -> None:
    """Both keep cold files under the same names, and a backup deletes what no backup needs."""
    assert land_tick(cold, tmp_path, "2024-06-01", "later").landed == 1
    assert archive(cold, datetime(2024, 6, 1))
    stored = sorted(path for path in (tmp_path / "archive").rglob("*") if path.is_file())
    (tmp_path / "link").symlink_to(tmp_path / "archive")
    for place in (tmp_path / "archive", f"{tmp_path}/archive/", tmp_path / "link"):
        backup = cold.backup.model_copy(update={"store": str(place)})
        both = cold.model_copy(update={"backup": backup})
        with pytest.raises(ConfigError, match=r"archive.store .* and backup.store .* are both"):
            create_backup(both)
        # a machine's job may not know of the archive: the database does
        unknown = cold.archive.model_copy(update={"store": ""})
        with pytest.raises(BackupError, match="holds the archive"):
            create_backup(both.model_copy(update={"archive": unknown}))
        with pytest.raises(ConfigError, match="are both"):
            archive(both, datetime(2024, 6, 1))
    assert sorted(p for p in (tmp_path / "archive").rglob("*") if p.is_file()) == stored != []


def test_an_archive_or_a_backup_in_data_dir_itself_is_refused(cold: Settings) -> None:
    def within(section: str) -> Settings:
        own = getattr(cold, section).model_copy(update={"store": str(cold.data_dir)})
        return cold.model_copy(update={section: own})

    files = sorted(path for path in (cold.data_dir / "cold").rglob("*") if path.is_file())
    with pytest.raises(ConfigError, match=r"DATA_DIR and archive\.store"):
        archive(within("archive"), datetime(2024, 6, 1))
    with pytest.raises(ConfigError, match=r"DATA_DIR and backup\.store"):
        create_backup(within("backup"))
    sweep(cold, [])
    assert sorted(p for p in (cold.data_dir / "cold").rglob("*") if p.is_file()) == files != []


def test_a_restore_from_a_store_without_backups_names_it(cold: Settings, tmp_path: Path) -> None:
    """On a second machine nobody wants to make a backup there."""
    backup = cold.backup.model_copy(update={"store": str(tmp_path / "renamed")})
    with pytest.raises(BackupError, match=r"no full backup in .*/renamed.*BACKUP_STORE"):
        restore(cold.model_copy(update={"backup": backup}), tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert not (tmp_path / "renamed").exists()
