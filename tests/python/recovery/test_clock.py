"""A clock that was wrong and was put right: backups continue in the order they were made."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from python_ingest.recovery import sets
from python_ingest.recovery.create import create_backup
from python_ingest.recovery.manifest import Manifest, encoded
from python_ingest.recovery.restore import restore
from python_ingest.recovery.snapshot import copy_database
from python_ingest.settings import Settings
from python_ingest.storage.object_store import open_store
from python_ingest.storage.writer import open_writer

from .conftest import Land, contents

YEAR = timedelta(days=365)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Two sets are kept."""
    return settings.model_copy(update={"backup": settings.backup.model_copy(update={"keep": 2})})


def as_if_taken(settings: Settings, manifest: Manifest, later: timedelta) -> None:
    """Write a backup's manifest again, as a clock that was `later` ahead would have had it."""
    told = manifest.model_copy(update={"taken_at": manifest.taken_at + later})
    (Path(settings.backup_store.removeprefix("file://")) / told.key).write_bytes(encoded(told))


def made(settings: Settings) -> list[str]:
    return [manifest.id for manifest in sets.load(open_store(settings.backup_store)).made]


@pytest.mark.parametrize("kind", ["full", "incremental"])
def test_after_a_backup_of_a_clock_ahead(
    kind: Any, settings: Settings, land: Land, tmp_path: Path
) -> None:
    land()
    first = create_backup(settings, "full").manifest
    land()
    ahead = create_backup(settings, kind).manifest
    as_if_taken(settings, ahead, YEAR)
    land()
    done = create_backup(settings)
    assert done.manifest.kind == "full"
    assert "the clock was wrong" in " ".join(done.notes)
    for _ in range(2):
        land()
        assert create_backup(settings).manifest.kind == "incremental"
    restore(settings, tmp_path / "newest", None)
    assert contents(tmp_path / "newest" / "trading.duckdb") == contents(settings.database_path)
    create_backup(settings, "full")
    assert not {first.id, ahead.id} & set(made(settings))


def test_a_backup_of_a_clock_behind_is_not_removed_as_the_oldest(
    settings: Settings, land: Land, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(settings.backup.keep):
        land()
        right = create_backup(settings, "full").manifest
    before = contents(settings.database_path)
    land()

    def long_ago(*given: Any) -> Any:
        snapshot = copy_database(*given)
        return replace(snapshot, taken_at=snapshot.taken_at - 20 * YEAR)

    with monkeypatch.context() as patched:
        patched.setattr("python_ingest.recovery.create.copy_database", long_ago)
        behind = create_backup(settings, "full").manifest
    assert made(settings)[-1] == behind.id
    restore(settings, tmp_path / "then", right.taken_at)
    assert contents(tmp_path / "then" / "trading.duckdb") == before
    land()
    create_backup(settings)
    restore(settings, tmp_path / "newest", None)
    assert contents(tmp_path / "newest" / "trading.duckdb") == contents(settings.database_path)


def test_a_batch_that_landed_while_the_clock_was_ahead(
    settings: Settings, land: Land, tmp_path: Path
) -> None:
    land()
    create_backup(settings, "full")
    batch = land().batch_id
    with open_writer(settings) as connection:
        connection.execute(
            "update raw.landings set landed_at = landed_at + interval 1 day where batch_id >= ?",
            [batch],
        )
    done = create_backup(settings)
    assert done.manifest.kind == "full"
    assert "the clock was wrong" in " ".join(done.notes)
    restore(settings, tmp_path / "newest", None)
    assert contents(tmp_path / "newest" / "trading.duckdb") == contents(settings.database_path)
