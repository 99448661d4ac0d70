"""`ingest archive` and `ingest archive restore` in a warehouse of the walk."""

from contextlib import nullcontext
from datetime import date, datetime
from unittest.mock import patch

from python_ingest.archiving import archive as archiving
from python_ingest.archiving.unarchive import bring_back
from python_ingest.lifecycle.sweep import sweep
from python_ingest.settings import Settings

from .warehouse import Warehouse


def _settings(warehouse: Warehouse) -> Settings:
    settings = warehouse.ingest
    store = {"store": str(warehouse.data_dir / "store")}
    return settings.model_copy(update={"archive": settings.archive.model_copy(update=store)})


def archive_due(warehouse: Warehouse, *, also_pending: bool = False) -> list[archiving.Day]:
    """`ingest archive`, by the clock of the warehouse; also_pending: as earlier versions did it."""
    warehouse.script.append(f"ingest archive --as-of '{warehouse.as_of}'")
    settings = _settings(warehouse)
    with patch.object(archiving, "pending_since", lambda _: {}) if also_pending else nullcontext():
        days = archiving.archive(settings, datetime.fromisoformat(warehouse.as_of))
    sweep(settings, [])
    return days


def bring_back_days(warehouse: Warehouse, relation: str, first: str, last: str = "") -> int:
    """`ingest archive restore`; returns the number of files."""
    last = last or first
    warehouse.script.append(f"ingest archive restore {relation} {first} {last}")
    days = date.fromisoformat(first), date.fromisoformat(last)
    files = bring_back(_settings(warehouse), relation, *days).files
    with warehouse.reader() as connection:
        connection.execute(
            "update raw.cold_files set restored_at = $as_of"
            " where state = 'restored' and restored_at > $as_of",
            {"as_of": warehouse.as_of},
        )
    return files
