"""Without room there is no half backup and no half restore, and one line that says so."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from python_ingest.errors import FREE_SPACE
from python_ingest.recovery.create import create_backup
from python_ingest.recovery.restore import restore
from python_ingest.recovery.verify import verify_backups
from python_ingest.settings import Settings

from .conftest import Land, contents

# A disk of its own, which ends with the process: prints what is left on it.
ON_A_SMALL_DISK = """
mount -t tmpfs -o size="$1" none "$2"; shift
cd "$1"; shift
"$@"; code=$?
find . -type f
exit $code
"""
UNSHARE = ["unshare", "--user", "--map-root-user", "--mount"]
can_mount = (
    subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "none", "/mnt"], check=False).returncode == 0
)


def environment(settings: Settings, store: str) -> dict[str, str]:
    return {**os.environ, "DATA_DIR": str(settings.data_dir), "BACKUP_STORE": store}


def stored_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def require_one_line(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 1, done
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ingest: "), done.stderr
    assert "Traceback" not in done.stderr
    assert "the disk is full: " in last
    assert last.endswith(FREE_SPACE)


@pytest.mark.parametrize("share", [0.0, 0.9])
def test_a_file_that_may_not_grow(settings: Settings, land: Land, share: float) -> None:
    """By a quota or a limit of the file system: the largest file is the first that fails."""
    for _ in range(4):
        land()
    limit = int(settings.database_path.stat().st_size * share)
    done = subprocess.run(
        [sys.executable, "-m", "python_ingest", "backup", "create"],
        env=environment(settings, settings.backup_store),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )
    require_one_line(done)
    assert [p for p in Path(settings.backup_store).rglob("*") if p.is_file()] == []
    create_backup(settings, "full")
    assert verify_backups(settings) == []


@pytest.mark.skipif(not can_mount, reason="may not mount a small disk")
@pytest.mark.parametrize("share", [0.05, 0.7, 0.97])
def test_a_disk_that_is_full(settings: Settings, land: Land, tmp_path: Path, share: float) -> None:
    for _ in range(4):
        land()
    create_backup(settings, "full")
    land()
    before = contents(settings.database_path)
    disk = tmp_path / "disk"
    disk.mkdir()

    def ingest(room: float, store: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "python_ingest", *arguments]
        return subprocess.run(
            [*UNSHARE, "sh", "-c", ON_A_SMALL_DISK, "sh", str(int(room)), disk, *command],
            env=environment(settings, store),
            capture_output=True,
            text=True,
            check=False,
        )

    room = stored_bytes(Path(settings.backup_store))
    done = ingest(room * share, str(disk / "store"), "backup", "create", "--full")
    require_one_line(done)
    assert done.stdout == "", "something is left of the backup"
    create_backup(settings)
    room = settings.database_path.stat().st_size
    done = ingest(room * share, settings.backup_store, "restore", "--to", str(disk / "new"))
    require_one_line(done)
    assert done.stdout == "", "something is left of the restore"
    assert contents(restore(settings, tmp_path / "new").path / "trading.duckdb") == before
