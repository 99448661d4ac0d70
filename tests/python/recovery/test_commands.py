"""The commands as typed: what they print, also the wrong ones, and their exit codes."""

import json
from pathlib import Path

import pytest
from forked import run_ingest

from python_ingest.errors import BackupError
from python_ingest.recovery.create import create_backup
from python_ingest.recovery.restore import restore
from python_ingest.settings import Settings

from .conftest import Land


def ingest(settings: Settings, *arguments: str, store: str = "") -> tuple[int, str, str]:
    environment = {"BACKUP_STORE": store or settings.backup_store}
    done = run_ingest(settings.data_dir, *arguments, environment=environment)
    return done.returncode, done.stdout, done.stderr


def test_a_day_of_an_operator(settings: Settings, land: Land, tmp_path: Path) -> None:
    code, out, error = ingest(settings, "backup", "create")
    assert (code, out, error.count("\n")) == (1, "", 1)
    assert "run `ingest init`" in error
    assert not settings.data_dir.exists()
    code, out, error = ingest(settings, "backup", "verify")
    assert (code, out) == (1, "")
    assert "holds no backup: run `ingest backup create`" in error
    code, out, error = ingest(settings, "backup", "list")
    assert (code, out.count("\n"), error) == (0, 1, "")
    land()
    code, out, error = ingest(settings, "backup", "create", "--incremental")
    assert (code, out) == (1, "")
    assert "there is no full backup yet" in error
    code, out, _ = ingest(settings, "backup", "create", "--json")
    assert code == 0
    made = json.loads(out)
    assert (made["kind"], made["last_batch"]) == ("full", 1)
    assert made["notes"] == [
        "a full backup, since there is no full backup yet that it could continue"
    ]
    land()
    code, out, _ = ingest(settings, "backup", "create", "--incremental")
    assert code == 0
    assert "batches 2 to 2" in out
    code, out, _ = ingest(settings, "backup", "list")
    assert code == 0
    assert [line.split()[0].rpartition("-")[2] for line in out.splitlines()] == [
        "backup",
        "full",
        "incremental",
    ]
    code, out, _ = ingest(settings, "restore", "--to", str(tmp_path / "new"))
    assert code == 0
    assert f"next: DATA_DIR={tmp_path / 'new'} dbt build" in out
    (Path(settings.backup_store) / made["id"] / "trading.duckdb").unlink()
    code, out, error = ingest(settings, "backup", "verify")
    assert (code, out) == (1, f"{made['id']}/trading.duckdb: is missing\n")
    assert "one thing is wrong" in error


def test_what_is_next_names_the_restored_database(
    settings: Settings, land: Land, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land()
    other = tmp_path / "elsewhere" / "mine.duckdb"
    other.parent.mkdir()
    settings.database_path.rename(other)
    monkeypatch.setenv("DATABASE_PATH", str(other))
    assert ingest(settings, "backup", "create")[0] == 0
    new = tmp_path / "a new"
    code, out, _ = ingest(settings, "restore", "--to", str(new))
    assert code == 0
    assert f"next: DATA_DIR='{new}' DATABASE_PATH='{new / 'mine.duckdb'}' dbt build" in out


def test_wrong_use_is_one_line_and_a_code(settings: Settings, tmp_path: Path) -> None:
    for code, arguments, says in [
        (2, ["backup", "create", "--full", "--incremental"], "not both"),
        (2, ["restore", "--to", str(tmp_path / "new"), "--at", "noon"], "--at noon"),
        (1, ["restore", "--to", str(tmp_path / "new")], "no full backup"),
        (1, ["restore", "--to", __file__], "is a file"),
        (2, ["restore", "--to", "new/x.duckdb"], "a folder is wanted, the new DATA_DIR"),
    ]:
        done = ingest(settings, *arguments)
        assert (done[0], done[1], done[2].count("\n")) == (code, "", 1), done
        assert says in done[2]
    assert ingest(settings, "backup", "list", store="ftp://x")[0] == 2
    assert not (tmp_path / "new").exists()


def test_a_mount_is_refused_before_anything_is_fetched(settings: Settings, land: Land) -> None:
    """No folder can be renamed over it, as over the volume of a container."""
    land()
    create_backup(settings)
    with pytest.raises(BackupError, match=r"/proc is a mount, .* such as /proc/data"):
        restore(settings, Path("/proc"))
