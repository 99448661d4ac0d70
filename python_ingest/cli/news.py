"""What tells whether a cycle has something to do: one query and the names of files, no dbt.

if not nothing_new(settings):
    ...
    remember(settings, begun, newest)
"""

import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb

from python_ingest.landing.spool import SERVICE, left_frames, pending
from python_ingest.settings import Settings
from python_ingest.storage.writer import open_writer

DUE_SECONDS = 900
"""How often a cycle runs for what the clock alone moves: marks, completeness and retention."""

# A change of what lies there, or of our own code, changes what a cycle makes.
_READ = ("*.yml", "models/**/*", "macros/**/*", "seeds/*", "tests/**/*.sql", "snapshots/*")
_OURS = (".py", ".sql", ".toml")
# What dbt reads of the environment besides our settings (profiles.yml, dbt_project.yml).
_VARIABLES = ("DBT_", "TIMESCALE_", "USE_DUCKDB_", "DATABASE_", "DATA_DIR")


@dataclass(frozen=True)
class News:
    """What is the newest.

    The newest batch (what we tell of ourselves is none), the newest day that came back from the
    archive, and what waits in the spool.
    """

    batch: int
    restored_at: datetime | None
    waiting: tuple[str, ...]


def news(settings: Settings) -> News:
    """Return what is the newest now. The database must have been migrated."""
    with open_writer(settings) as connection:
        found = connection.execute(
            "select (select coalesce(max(batch_id), 0) from raw.landings"
            " where not starts_with(file_name, ?)),"
            " (select max(restored_at) from raw.cold_files)",
            [f"{SERVICE}/"],
        ).fetchall()
    batch, restored_at = found[0]
    waiting = [*pending(settings), *left_frames(settings)]
    return News(batch, restored_at, tuple(path.name for path in waiting))


def project_files() -> frozenset[tuple[str, int]]:
    """Return each file of the project in this folder and of our own code, and when it changed."""
    files = [path for pattern in _READ for path in Path().glob(pattern)]
    files += [path for path in Path(__file__).parents[1].rglob("*") if path.suffix in _OURS]
    return frozenset((str(path), path.stat().st_mtime_ns) for path in files if path.is_file())


def due_after(moment: float) -> float:
    """Return when the next cycle for the clock alone is due after a Unix time: on the quarter."""
    return (moment // DUE_SECONDS + 1) * DUE_SECONDS


@dataclass(frozen=True)
class Begun:
    """When a cycle began, the project then, and what the cycle before noted."""

    moment: float
    project: str
    before: dict[str, Any]


def begin(settings: Settings) -> Begun:
    """Note that a cycle is under way: if it fails or is killed, the next one does everything."""
    before, moment = _noted(settings), time.time()
    _kept_in(settings).unlink(missing_ok=True)
    with suppress(OSError):  # a full disk: the doctor looks at the lock instead
        _kept_in(settings).write_text(json.dumps({"begun": moment}), encoding="utf-8")
    return Begun(moment, _project(settings), before)


def views_stand(connection: duckdb.DuckDBPyConnection, begun: Begun) -> bool:
    """Whether the views are still those of the cycle before, of this project and quarter hour."""
    return _is_of_now(begun.before, begun.moment) and begun.before.items() >= {
        ("project", begun.project),
        ("views", _views(connection)),
    }


def remember(settings: Settings, begun: Begun, newest: News) -> None:
    """Note that all of `newest` is built and published by a cycle."""
    with open_writer(settings) as connection:
        views = _views(connection)
    done = {
        "of": _fingerprint(settings, newest, begun.project),
        "began": begun.moment,
        "project": begun.project,
        "views": views,
    }
    with suppress(OSError):  # a full disk costs the next cycle some time
        _kept_in(settings).write_text(json.dumps(done), encoding="utf-8")


def ended_well(settings: Settings) -> bool:
    """Whether the last cycle is known to have built and published all that there was."""
    return bool(_noted(settings))


def began_at(settings: Settings) -> float | None:
    """Return the Unix time when the last cycle began, as it noted it; None where it could not."""
    with suppress(OSError, ValueError, TypeError, AttributeError):
        noted = json.loads(_kept_in(settings).read_text(encoding="utf-8"))
        return float(noted.get("began") or noted.get("begun"))
    return None


def nothing_new(settings: Settings) -> str | None:
    """Return why a cycle would change nothing, in one line; None where it may."""
    done = _noted(settings)
    if not _is_of_now(done, time.time()):
        return None
    if done.get("of") != _fingerprint(settings, news(settings), _project(settings)):
        return None
    began = done["began"]
    return (
        f"nothing new since the cycle of {_clock(began)}; one for marks and retention is due at"
        f" {_clock(due_after(began))}; --force runs it now"
    )


def _clock(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%H:%M:%S} UTC"


def _kept_in(settings: Settings) -> Path:
    return settings.data_dir / "last_cycle.json"


def _noted(settings: Settings) -> dict[str, Any]:
    """Return what the last cycle noted; nothing where none did, or where that is damaged."""
    with suppress(OSError, ValueError):
        done = json.loads(_kept_in(settings).read_text(encoding="utf-8"))
        if isinstance(done, dict) and isinstance(done.get("began"), float):
            return done
    return {}


def _is_of_now(done: dict[str, Any], moment: float) -> bool:
    """Whether a cycle began in the quarter of an hour of a moment."""
    return "began" in done and done["began"] <= moment < due_after(done["began"])


def _views(connection: duckdb.DuckDBPyConnection) -> str:
    """Return a hash of all views but those over cold files, which each run makes."""
    found = connection.execute(
        "select schema_name, view_name, sql from duckdb_views() where not internal"
        " and database_name = current_database() and schema_name <> 'cold' order by all"
    ).fetchall()
    return sha256(repr(found).encode()).hexdigest()


def _project(settings: Settings) -> str:
    """Return a hash of what decides, besides rows and time, what a cycle makes."""
    variables = {n: v for n, v in os.environ.items() if n.startswith(_VARIABLES)}
    # some views have an extract's files and span in their text
    manifests = (settings.data_dir / "extracts").glob("*/manifest.json")
    extracts = {str(path): _written(path) for path in manifests}
    said = (repr(settings), variables, sorted(project_files()), extracts)
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _fingerprint(settings: Settings, newest: News, project: str) -> str:
    """Return a hash of all that decides what a cycle makes, and of what it made.

    A database file that somebody wrote to since then is another one, whatever was written.
    """
    made = [_written(path) for path in (settings.database_path, settings.published_path)]
    said = (asdict(newest), project, made)
    return sha256(json.dumps(said, default=str, sort_keys=True).encode()).hexdigest()


def _written(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
