"""Our own metrics and logs as files that `ingest land metrics|logs` takes.

They wait in `DATA_DIR/telemetry/` and appear there whole or not at all.
"""

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from python_ingest.settings import Settings
from python_ingest.storage.files import move_into_place, scratch


def telemetry_dir(settings: Settings) -> Path:
    """Where files of metrics and logs wait to be landed."""
    return settings.data_dir / "telemetry"


def write_rows(folder: Path, kind: str, rows: Iterable[dict[str, Any]]) -> Path | None:
    """Write canonical rows of one kind ('metrics' or 'logs') as NDJSON; None when there are none.

    Names sort by time: `<kind>-<nanoseconds>-<process>.ndjson`.
    """
    lines = [json.dumps(row, default=str) for row in rows]
    if not lines:
        return None
    final = folder / f"{kind}-{time.time_ns():020d}-{os.getpid()}.ndjson"
    with scratch(folder / "tmp") as unfinished:  # what a killed writer leaves, the next removes
        temporary = unfinished / final.name
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
        move_into_place(temporary, final)
    return final
