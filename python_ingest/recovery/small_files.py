"""What lies beside the database in small files, in a backup and after a restore.

The state of a move from TimescaleDB, `migration/state.json`: the extracts are not in a backup, as
they are as large as the tables, and the server has them. And the declarations in `feeds/`: one that
replaces a vendor's says what a file's columns mean, and without it files land otherwise.
"""

import json
from pathlib import Path
from typing import Any

from python_ingest.settings import Settings
from python_ingest.storage.failures import first_line
from python_ingest.storage.files import make_folder, write_whole

_STATE, _FEEDS = "migration/state.json", "feeds"
# Batches: what landed after the moment of a restore has these numbers anew.
_BATCHES = ("dual_write_from", "replayed_to", "orders_replayed_to")


def read_state(data_dir: Path) -> dict[str, Any] | None:
    """Return the state; None where there is no move, or nobody can read it."""
    try:
        found = json.loads((data_dir / _STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def write_state(data_dir: Path, state: dict[str, Any], last_batch: int) -> None:
    """Write the state into a restored `data_dir`, whose newest batch is `last_batch`.

    Dual write goes on with the first batch that TimescaleDB may lack; its table there lists those
    that it has.
    """
    known = {name: min(state[name], last_batch) for name in _BATCHES if state.get(name) is not None}
    _write(data_dir / _STATE, json.dumps({**state, **known}, indent=1))


def read_feeds(settings: Settings, notes: list[str]) -> dict[str, str]:
    """Return the text of each declaration by its file's name; none where they lie elsewhere.

    `notes` gets a line for each that cannot be read.
    """
    if settings.landing.feeds:
        return {}
    found = {}
    for path in sorted((settings.data_dir / _FEEDS).glob("*")):
        if path.suffix.lower() != ".toml":
            continue
        try:
            found[path.name] = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            notes.append(f"{path} is not in it, as it cannot be read ({first_line(error)})")
    return found


def write_feeds(data_dir: Path, feeds: dict[str, str]) -> None:
    """Write declarations into a restored `data_dir`."""
    for name, text in feeds.items():
        _write(data_dir / _FEEDS / name, text)


def _write(path: Path, text: str) -> None:
    make_folder(path.parent)
    write_whole(path, text)
