"""Killed at any moment, a backup is there whole or not at all, and so is a restore."""

import random
import shutil
from pathlib import Path

import pytest
from testkit import steps_of

from python_ingest.recovery import sets
from python_ingest.recovery.create import create_backup
from python_ingest.recovery.restore import restore
from python_ingest.recovery.verify import verify_backups
from python_ingest.settings import Settings
from python_ingest.storage.object_store import open_store

from .conftest import Land, contents


def run(settings: Settings, *arguments: str, kill_at: int = 0) -> int:
    store = {"BACKUP_STORE": settings.backup_store, "BACKUP_KEEP": "2"}
    return steps_of(settings, *arguments, kill_at=kill_at, **store)


def rounds_of_create(settings: Settings, land: Land, tmp_path: Path, rounds: int) -> None:
    rng = random.Random(rounds)  # noqa: S311
    land()
    steps = {"--full": run(settings, "backup", "create", "--full")}
    land()
    steps["--incremental"] = run(settings, "backup", "create", "--incremental")
    killed = 0
    for _ in range(rounds):
        land()
        kind = rng.choice(["--full", "--full", "--incremental"])
        kill_at = rng.randrange(1, steps[kind])
        killed += not run(settings, "backup", "create", kind, kill_at=kill_at)
        assert sets.load(open_store(settings.backup_store)).damaged == {}
        # what counts as a backup is whole, whatever else was left there
        left = [line for line in verify_backups(settings) if "was never finished" not in line]
        assert left == []
    assert killed > rounds / 2
    create_backup(settings)
    assert verify_backups(settings) == []
    leftovers = Path(settings.backup_store) / ".unfinished"
    assert not leftovers.exists() or list(leftovers.iterdir()) == []
    done = restore(settings, tmp_path / "restored")
    assert contents(done.path / "trading.duckdb") == contents(settings.database_path)


def rounds_of_restore(settings: Settings, land: Land, tmp_path: Path, rounds: int) -> None:
    rng = random.Random(rounds)  # noqa: S311
    for number in range(3):
        land()
        create_backup(settings, "full" if number == 0 else None)
    expected = contents(settings.database_path)
    target = tmp_path / "new" / "data"
    steps = run(settings, "restore", "--to", str(target))
    assert contents(target / "trading.duckdb") == expected
    for number in range(rounds):
        shutil.rmtree(target, ignore_errors=True)
        # of the first two, one right before the end and one that is not killed
        kill_at = steps - 1 + number if number < 2 else rng.randrange(1, steps)
        if run(settings, "restore", "--to", str(target), kill_at=kill_at) or target.exists():
            assert contents(target / "trading.duckdb") == expected
    shutil.rmtree(target, ignore_errors=True)
    run(settings, "restore", "--to", str(target))
    assert contents(target / "trading.duckdb") == expected
    assert list(target.parent.iterdir()) == [target]
    assert verify_backups(settings) == []


@pytest.fixture(params=["directory", "s3"])
def stored(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    if request.param == "directory":
        return settings
    url = request.getfixturevalue("s3")
    return settings.model_copy(update={"backup": settings.backup.model_copy(update={"store": url})})


def test_create_killed_at_random(settings: Settings, land: Land, tmp_path: Path) -> None:
    rounds_of_create(settings, land, tmp_path, rounds=5)


def test_restore_killed_at_random(settings: Settings, land: Land, tmp_path: Path) -> None:
    rounds_of_restore(settings, land, tmp_path, rounds=4)


@pytest.mark.slow
def test_create_killed_a_hundred_times(stored: Settings, land: Land, tmp_path: Path) -> None:
    rounds_of_create(stored, land, tmp_path, rounds=100)


@pytest.mark.slow
def test_restore_killed_a_hundred_times(stored: Settings, land: Land, tmp_path: Path) -> None:
    rounds_of_restore(stored, land, tmp_path, rounds=100)
