"""State of the migration between commands: one small file under DATA_DIR/migration/."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from python_ingest.errors import IngestError
from python_ingest.settings import Settings
from python_ingest.storage.files import held, write_whole


@dataclass
class State:
    """Times are UTC texts. `migrated`: per table, when and up to when it was landed here.

    `dual_write_from`: the batch after which dual write begins. `replayed_to` and
    `orders_replayed_to`: the last batch that was written, to `server`. `began`, `replayed`: what
    landed as the database's first batch, and as `replayed_to`: another database has others.
    """

    migrated: dict[str, dict[str, str]] = field(default_factory=dict)
    dual_write_since: str | None = None
    dual_write_from: int | None = None
    replayed_to: int = 0
    orders_replayed_to: int = 0
    replayed_at: str | None = None
    server: str | None = None
    began: str | None = None
    replayed: str | None = None


def now() -> str:
    """Return the time in UTC, as the state keeps it."""
    return datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="seconds")


def _path(settings: Settings) -> Path:
    return settings.data_dir / "migration" / "state.json"


def load(settings: Settings) -> State:
    """Read the state; an empty one when there is no file."""
    path = _path(settings)
    if not path.exists():
        return State()
    try:
        return State(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise IngestError(f"{path} is damaged: {error}") from None


@contextmanager
def changed(settings: Settings) -> Iterator[State]:
    """Yield the state, and write durably what the block changes in it.

    Commands that run at once each change a field of their own: one waits for the other.
    """
    path = _path(settings)
    with held(path.with_suffix(".lock")):
        known = load(settings)
        before = asdict(known)
        yield known
        if asdict(known) != before:
            write_whole(path, json.dumps(asdict(known), indent=1))
