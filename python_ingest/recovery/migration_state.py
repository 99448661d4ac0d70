"""The state of a move from TimescaleDB, `migration/state.json`, in a backup and after a restore.

The extracts are not in it: they are as large as the tables, and the server has them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from python_ingest.storage.files import make_folder, write_whole

# Batches: what landed after the moment of a restore has these numbers anew.
_BATCHES = ("dual_write_from", "replayed_to", "orders_replayed_to")


def _path(data_dir: Path) -> Path:
    return data_dir / "migration" / "state.json"


def read_state(data_dir: Path) -> dict[str, Any] | None:
    """Return the state; None where there is no move, or nobody can read it."""
    try:
        found = json.loads(_path(data_dir).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def write_state(data_dir: Path, state: dict[str, Any], last_batch: int) -> None:
    """Write the state into a restored `data_dir`, whose newest batch is `last_batch`.

    Dual write goes on with the first batch that TimescaleDB may lack; its table there lists those
    that it has.
    """
    known = {name: min(state[name], last_batch) for name in _BATCHES if state.get(name) is not None}
    make_folder(_path(data_dir).parent)
    write_whole(_path(data_dir), json.dumps({**state, **known}, indent=1))
