"""The place of a restore: a folder beside the target, renamed to the target when it is whole."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from python_ingest.errors import BackupError, DatabaseBusyError, IngestError
from python_ingest.settings import Settings
from python_ingest.storage.files import sync_to_disk
from python_ingest.storage.writer import open_writer


def require_free(settings: Settings, to: Path, *, force: bool) -> None:
    """Raise BackupError unless a restore may write there."""
    if to.exists() and not to.is_dir():
        raise BackupError(f"{to} is a file: give the folder that shall be the new DATA_DIR")
    if not to.exists() or not any(to.iterdir()):
        return
    if not force:
        raise BackupError(
            f"{to} is there already: restore to a new path, or give --force, which sets it aside"
        )
    if Path(settings.backup_store).resolve().is_relative_to(to):
        raise BackupError(
            f"the backups lie in {to} themselves: restore to a new path and make it DATA_DIR"
        )
    for database in to.glob("*.duckdb"):
        try:
            with open_writer(settings.model_copy(update={"database_path": database})):
                pass
        except DatabaseBusyError:
            raise
        except IngestError:
            continue  # damaged: that is why it is restored


def move_into_place(folder: Path, to: Path, *, force: bool) -> Path | None:
    """Rename the finished folder to the target; return where the former target lies now."""
    kept = None
    if to.exists() and any(to.iterdir()):
        if not force:
            raise BackupError(f"{to} appeared meanwhile; nothing was replaced")
        kept = to.with_name(f"{to.name}.before-{datetime.now(UTC).strftime('%Y%m%dT%H%M%SZ')}")
        to.rename(kept)
    folder.rename(to)
    sync_to_disk(to.parent)
    return kept
