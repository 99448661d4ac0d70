"""Every kind of damage is found and named; what is not damaged is not."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from testkit import new_database

from python_ingest.errors import BackupError
from python_ingest.recovery import sets, verify
from python_ingest.recovery.create import create_backup
from python_ingest.recovery.restore import restore
from python_ingest.recovery.verify import verify_backups
from python_ingest.settings import Settings
from python_ingest.storage.object_store import DirectoryStore, ObjectStore, open_store

from .conftest import Land, contents


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.fixture
def objects(settings: Settings, land: Land) -> list[Path]:
    """The files of a store with a full and an incremental backup."""
    land()
    create_backup(settings, "full")
    land()
    create_backup(settings, "incremental")
    root = Path(settings.backup_store)
    return sorted(path for path in root.rglob("*") if path.is_file())


def test_a_whole_store_has_nothing_wrong(settings: Settings, objects: list[Path]) -> None:
    assert {"manifest.json", "segments.tar", "trading.duckdb"} < {p.name for p in objects}
    assert verify_backups(settings) == []


def test_every_flipped_bit_every_missing_and_every_cut_file_is_named(
    settings: Settings, objects: list[Path]
) -> None:
    root = Path(settings.backup_store)
    for path in objects:
        key = path.relative_to(root).as_posix()
        content = path.read_bytes()
        kinds: dict[str, Callable[[], object]] = {
            "changed": lambda p=path, c=content: p.write_bytes(flipped(c)),
            "missing": path.unlink,
            "cut off": lambda p=path, c=content: p.write_bytes(c[:-1]),
        }
        for kind, damage in kinds.items():
            damage()
            found = verify_backups(settings)
            of_file = [line for line in found if line.startswith(f"{key}: ")]
            assert len(of_file) == 1, (key, kind, found)
            if path.name != "manifest.json":
                assert kind in of_file[0]
                assert len(found) == 1
            path.write_bytes(content)
    assert verify_backups(settings) == []


@pytest.mark.parametrize("where", ["{id}/more.parquet", "more", "cold/more.parquet", "more/more"])
def test_an_extra_file_is_named(settings: Settings, objects: list[Path], where: str) -> None:
    extra = Path(settings.backup_store) / where.format(id=objects[0].parent.name)
    extra.parent.mkdir(exist_ok=True)
    extra.write_text("x")
    (found,) = verify_backups(settings)
    assert found.startswith(where.format(id=objects[0].parent.name).split("more")[0])
    assert "belongs to no backup" in found or "manifest.json: is missing" in found


def test_a_backup_that_others_continue_is_missed(settings: Settings, land: Land) -> None:
    land()
    create_backup(settings, "full")
    between = create_backup(settings, "incremental").manifest
    after = create_backup(settings, "incremental").manifest
    (Path(settings.backup_store) / between.key).unlink()
    (Path(settings.backup_store) / between.id).rmdir()
    assert verify_backups(settings) == [f"{between.id}: is missing, {after.id} continues it"]


def test_only_the_newest_sets_are_kept(settings: Settings, land: Land) -> None:
    land()
    made = [create_backup(settings, "full").manifest]
    for _ in range(4):
        land()
        made.append(create_backup(settings, "incremental").manifest)
        made.append(create_backup(settings, "full").manifest)
    backups = sets.load(open_store(settings.backup_store))
    fulls = [m for m in backups.made if m.kind == "full"]
    assert [m.id for m in fulls] == [m.id for m in made if m.kind == "full"][-3:]
    assert {m.base for m in backups.made} == {m.id for m in fulls}
    # each set is closed at the very moment at which the next one begins
    for manifest in fulls[1:]:
        closing = next(m for m in backups.made if m.id == manifest.previous)
        assert closing.last == manifest.last
        assert manifest.taken_at - closing.taken_at == timedelta(0)
    assert verify_backups(settings) == []


def test_a_backup_that_is_removed_meanwhile_is_not_damaged(
    settings: Settings, land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a `backup create` beside it, which has one set too many then."""
    for _ in range(2):
        land()
        create_backup(settings, "full")
    read = verify.sha256_of_object

    def meanwhile(store: ObjectStore, key: str) -> str:
        backups = sets.load(store)
        sets.remove(store, backups, backups.made[:-1])
        return read(store, key)

    monkeypatch.setattr(verify, "sha256_of_object", meanwhile)
    assert verify_backups(settings) == []
    (left,) = sets.load(open_store(settings.backup_store)).made
    Path(settings.backup_store, left.files()[0].key).write_text("damaged")
    assert len(verify_backups(settings)) == 1


def test_backups_of_another_database_are_not_replaced(
    settings: Settings, land: Land, tmp_path: Path
) -> None:
    """DATA_DIR is lost and begun anew, or two warehouses name one store."""
    land()
    create_backup(settings)
    before = contents(settings.database_path)
    shutil.rmtree(settings.data_dir)
    new_database(settings)
    with pytest.raises(BackupError, match=r"is of another database.* nothing landed in this one"):
        create_backup(settings)
    land()
    with pytest.raises(BackupError, match=r"is of another database.* began this one.*BACKUP_STORE"):
        create_backup(settings, "full")
    done = restore(settings, tmp_path / "restored")
    assert contents(done.database) == before
    moved = {"data_dir": done.path, "database_path": done.database}
    assert create_backup(settings.model_copy(update=moved)).manifest.kind == "incremental"


def test_what_a_killed_removal_left_goes_with_the_next_backup(
    settings: Settings, land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(BaseException):
        """Nothing is done after it."""

    one = settings.model_copy(update={"backup": settings.backup.model_copy(update={"keep": 1})})
    land()
    store = open_store(one.backup_store)
    delete = DirectoryStore.delete
    deleted = 0

    def killed_at(last: int) -> Callable[[DirectoryStore, str], None]:
        def deleting(self: DirectoryStore, key: str) -> None:
            nonlocal deleted
            if key.startswith(oldest.id):  # the former backup, not the mark of the new one
                if deleted == last:
                    raise KilledError
                deleted += 1
            delete(self, key)

        return deleting

    create_backup(one, "full")
    for last in (0, 1, 2, 5, 99):
        oldest, deleted = sets.load(store).made[0], 0
        with monkeypatch.context() as patch:
            patch.setattr(DirectoryStore, "delete", killed_at(last))
            with suppress(KilledError):
                create_backup(one, "full")
        assert sets.load(store).damaged == {}, last
    create_backup(one, "full")
    assert verify_backups(one) == []
    assert len(sets.load(store).made) == 1
