"""Landed segments that nobody needs: published, a day old and in a backup set.

remember_backup(settings, BackedUp(batch_id, sha256, landed_at))    # a backup does
remove_safe_segments(settings)                                      # a cycle does
"""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import duckdb
from pydantic import TypeAdapter

from python_ingest.landing.spool import age_seconds, read_description
from python_ingest.lifecycle.query import SQL
from python_ingest.settings import Settings
from python_ingest.storage.files import write_whole
from python_ingest.storage.sql import value_of

_KEEP_SECONDS = 24 * 3600


@dataclass(frozen=True)
class BackedUp:
    """The newest batch of a backup set, which holds all before it too; `landed_at` in UTC."""

    batch_id: int
    sha256: str
    landed_at: datetime


def _marker(settings: Settings) -> Path:
    return settings.data_dir / "backup.json"


def remember_backup(settings: Settings, last: BackedUp | None) -> None:
    """Write, beside the database, the batch up to which a backup set holds everything."""
    write_whole(_marker(settings), json.dumps(asdict(last), default=str) if last else "")


def _remembered(settings: Settings) -> BackedUp | None:
    try:
        text = _marker(settings).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    # a backup of before wrote more of the batch
    return TypeAdapter(BackedUp).validate_json(text) if text else None


def remove_safe_segments(settings: Settings) -> int:
    """Remove landed segments that are published, older than 24 hours and in a backup set.

    Returns how many.
    """
    last = _remembered(settings)
    if not last or not settings.published_path.exists():
        return 0
    safe = _published(settings, last)
    removed = 0
    for description in sorted((settings.spool_dir / "landed").glob("*.json")):
        # a cycle and a backup may remove them at once; one that is damaged stays
        with suppress(FileNotFoundError, ValueError):
            segment = read_description(description)
            if (segment.kind, segment.sha256) in safe and age_seconds(segment) > _KEEP_SECONDS:
                # the description last: a segment without one cannot be identified
                description.with_suffix(".parquet").unlink(missing_ok=True)
                description.unlink()
                removed += 1
    return removed


def _published(settings: Settings, last: BackedUp) -> set[tuple[str, str]]:
    """Return (kind, sha256) of contents both published, in relations too, and backed up.

    Empty if the publication does not hold the backup's last batch.
    """
    with duckdb.connect(str(settings.published_path), read_only=True) as connection:
        if not value_of(connection, SQL.is_built()):
            return set()
        if not value_of(connection, SQL.has_batch(), asdict(last)):
            return set()
        safe = connection.execute(SQL.safe_contents(), {"batch_id": last.batch_id})
        return set(safe.fetchall())
