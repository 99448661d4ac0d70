"""One typed settings object: `database.toml`, overridden by the environment.

load_settings().performance.memory_limit_mb    # [performance], or DATABASE_MEMORY_LIMIT_MB
"""

import os
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from python_ingest.errors import ConfigError

CONFIG_FILE = "database.toml"

# Sections whose keys the environment may override, with the prefix of the variable.
ENVIRONMENT_PREFIX = {
    "pool": "DATABASE",
    "performance": "DATABASE",
    "observability": "OBSERVABILITY",
    "retention": "RETENTION",
    "publish": "PUBLISH",
    "serve": "SERVE",
    "timescale": "TIMESCALE",
    "backup": "BACKUP",
    "archive": "ARCHIVE",
    "landing": "LANDING",
}


# Variables that begin like those of sections and are none.
_MORE = {"DATABASE": ("PATH",), "SERVE": ("TOKEN",), "TIMESCALE": ("DSN",)}
# Others' begin so too (DATABASE_URL): what goes on more like ours than this is one, misspelt.
_IS_MISSPELT = 0.55
# The one prefix of which no other program's variable is likely to be a misspelling.
_OWN, _IS_NEARLY_OWN = "DATABASE", 0.8
# The places as one word.
_ONE_WORD = {"DATADIR": "DATA_DIR", "DATABASEPATH": "DATABASE_PATH"}
# DuckDB calls a database as its file, up to the first dot. These are taken: by itself, by schemas
# of ours, in which a name would then be ambiguous, and by what is attached beside the database.
_TAKEN = (
    *("memory", "main", "system", "temp"),
    *("raw", "cold", "warm", "state", "staging", "intermediate", "reference", "snapshots"),
    *("migration", "internal", "publication", "former", "compacted"),
)


class Section(BaseModel):
    """A section of the file; an unknown key is an error, not a silent default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Pool(Section):
    """Readers, and how long anyone waits for the database file."""

    max_readers: int = Field(default=50, ge=1, le=1000)
    connection_timeout_ms: int = Field(default=5000, ge=0)
    query_timeout_ms: int = Field(default=30000, ge=1)
    reader_memory_mb: int = Field(default=128, ge=32)


class Performance(Section):
    """What DuckDB may use of the machine.

    `enable_profiling`: pools and `ingest serve` print the plan and the times of each query.
    """

    memory_limit_mb: int = Field(default=8192, ge=64)
    num_threads: int = Field(default=4, ge=1)
    temp_directory: Path = Path("/tmp/duckdb_temp")  # noqa: S108 - the specification's default
    enable_profiling: bool = False


class Observability(Section):
    """Which signals are written, and from when a query counts as slow."""

    enable_metrics: bool = True
    enable_tracing: bool = True
    slow_query_threshold_ms: int = Field(default=1000, ge=0)


class Retention(Section):
    """`cold_store`: where cold files are, s3://bucket/prefix; empty: below DATA_DIR."""

    cold_store: str = Field(default="", pattern=r"^(s3://[^/\s]+(/[^\s]*[^/\s])?)?$")


class Landing(Section):
    """How large a packed file may become, and where a user's own feeds are declared.

    `max_expanded_mb`: of a zip each file by itself. `feeds`: a folder; empty: `feeds` below
    DATA_DIR.
    """

    max_expanded_mb: int = Field(default=65536, ge=1)
    feeds: str = ""


class Publish(Section):
    """How many published files are kept."""

    keep: int = Field(default=3, ge=1)


class Backup(Section):
    """Where backups lie (a directory or s3://bucket/prefix), and how many full ones are kept."""

    store: str = ""
    keep: int = Field(default=2, ge=1)


class Archive(Section):
    """Where old cold files go (a directory or s3://bucket/prefix), and in which storage class."""

    store: str = ""
    storage_class: str = "GLACIER_IR"


class Serve(Section):
    """Where `ingest serve` listens, and what it keeps in memory."""

    port: int = Field(default=8815, ge=1, le=65535)
    page_port: int = Field(default=8816, ge=1, le=65535)
    hot_hours: int = Field(default=24, ge=1)


class Timescale(Section):
    """Whether what is landed is written to TimescaleDB too; its address is TIMESCALE_DSN."""

    dual_write: bool = False


class Settings(Section):
    """Everything that `ingest` reads from configuration."""

    data_dir: Path = Path("data")
    database_path: Path = Path("data/trading.duckdb")
    pool: Pool = Pool()
    performance: Performance = Performance()
    observability: Observability = Observability()
    retention: Retention = Retention()
    landing: Landing = Landing()
    publish: Publish = Publish()
    serve: Serve = Serve()
    timescale: Timescale = Timescale()
    backup: Backup = Backup()
    archive: Archive = Archive()

    def waiting(self, milliseconds: int) -> "Settings":
        """Return settings with which who wants the database waits so long for others."""
        pool = self.pool.model_copy(update={"connection_timeout_ms": milliseconds})
        return self.model_copy(update={"pool": pool})

    @property
    def spool_dir(self) -> Path:
        """Where segments wait until they are landed."""
        return self.data_dir / "spool"

    @property
    def feeds_dir(self) -> Path:
        """Where a user's own feeds are declared; below DATA_DIR unless `[landing] feeds` says.

        Raises ConfigError when that names no folder.
        """
        if not self.landing.feeds:
            return self.data_dir / "feeds"
        folder = Path(self.landing.feeds)
        if not folder.is_dir():
            raise ConfigError(f"[landing] feeds (LANDING_FEEDS): {folder} is no folder")
        return folder

    @property
    def backup_store(self) -> str:
        """Where backups lie; below DATA_DIR unless `[backup] store` says otherwise."""
        return self.backup.store or str(self.data_dir / "backups")

    @property
    def published_path(self) -> Path:
        """What analysts open, read only."""
        return self.data_dir / "published" / self.database_path.name


def _read_file(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # Notepad begins with a mark
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error


def _keys(section: str) -> list[str]:
    """Return the keys of a section of the file, or the sections for an empty name."""
    fields = Settings.model_fields
    return list(fields[section].annotation.model_fields if section else fields)  # type: ignore[union-attr]


def _require_spelt(env: Mapping[str, str]) -> None:
    """Raise ConfigError for a variable that is nearly one of ours: nobody would read it."""
    known: dict[str, list[str]] = {prefix: list(more) for prefix, more in _MORE.items()}
    for section, prefix in ENVIRONMENT_PREFIX.items():
        known.setdefault(prefix, []).extend(key.upper() for key in _keys(section))
    for variable in sorted(env):
        prefix, _, key = variable.partition("_")
        is_own = prefix in known
        if is_own:
            near = (
                []
                if key in known[prefix]
                else get_close_matches(key, known[prefix], 1, _IS_MISSPELT)
            )
        else:
            is_near = key in known[_OWN] and get_close_matches(prefix, [_OWN], 1, _IS_NEARLY_OWN)
            near = [key] if is_near else []
        meant = f"{prefix if is_own else _OWN}_{near[0]}" if near else _ONE_WORD.get(variable)
        if meant:
            raise ConfigError(f"{variable} in the environment is no setting: is {meant} meant?")


def _overridden(values: dict[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    merged: dict[str, Any] = {k: dict(v) if isinstance(v, dict) else v for k, v in values.items()}
    for section, prefix in ENVIRONMENT_PREFIX.items():
        for key in _keys(section):
            text = env.get(f"{prefix}_{key.upper()}")
            if text is not None:
                merged.setdefault(section, {})[key] = text
    if "DATA_DIR" in env:
        merged["data_dir"] = env["DATA_DIR"]
    data_dir = Path(merged.get("data_dir", "data"))
    merged.setdefault("database_path", data_dir / "trading.duckdb")
    if "DATABASE_PATH" in env:
        merged["database_path"] = env["DATABASE_PATH"]
    return merged


def _require_places(values: Mapping[str, Any], env: Mapping[str, str], path: Path) -> None:
    """Raise ConfigError for a path that Python, DuckDB and dbt would read each in its own way."""
    for key in ("data_dir", "database_path"):
        text = str(values.get(key, "data"))
        if not text.strip():
            what = "it is empty; unset it, or write the path"
        elif text.startswith("~"):
            what = "only a shell knows ~; write the path in full"
        elif "?" in text:
            what = "DuckDB takes what stands behind a `?` for options; choose a name without"
        elif key == "database_path" and Path(text).name.split(".")[0].lower() in _TAKEN:
            what = "DuckDB, a schema or a copy of ours is called so; choose another name"
        elif not _is_utf8(text):
            what = "it is no UTF-8, which DuckDB asks of names; choose another name"
        elif key == "data_dir" and Path(text).is_file():
            what = "it is a file, a folder is wanted"
        else:
            continue
        where = f"environment {key.upper()}" if key.upper() in env else str(path)
        raise ConfigError(f"wrong configuration: {key} ({where}): {what}, got {text!a}")


def _is_utf8(text: str) -> bool:
    """Whether a text has no bytes in it that the environment could not decode."""
    return not any("\ud800" <= one <= "\udfff" for one in text)


def _complaint(error: ValidationError, env: Mapping[str, str], path: Path) -> str:
    lines = []
    for problem in error.errors():
        *section, key = [str(part) for part in problem["loc"]] or [""]
        name = ".".join([*section, key])
        prefix = ENVIRONMENT_PREFIX.get(section[0]) if section else None
        variable = f"{prefix}_{key.upper()}"
        where = f"environment {variable}" if variable in env else str(path)
        if problem["type"] == "extra_forbidden":
            lines.append(f"{name} ({where}): there is no such key, {_nearest(section, key)}")
        else:
            lines.append(f"{name} ({where}): {problem['msg']}, got {problem['input']!r}")
    return "wrong configuration: " + "; ".join(lines)


def _nearest(section: list[str], key: str) -> str:
    """Say what an unknown key may mean: one that stands above its section is common, too."""
    homes = [name for name in ENVIRONMENT_PREFIX if key in _keys(name)]
    if homes and not section:
        return f"it belongs below [{homes[0]}]"
    return f"the nearest is {get_close_matches(key, _keys('.'.join(section)), 1, 0.0)[0]}"


def load_settings(path: Path | None = None, env: Mapping[str, str] | None = None) -> Settings:
    """Read `database.toml` (missing: defaults) and the environment.

    Raises ConfigError that names the key and where its wrong value came from.
    """
    path = Path(CONFIG_FILE) if path is None else path
    env = os.environ if env is None else env
    _require_spelt(env)
    values = _overridden(_read_file(path), env)
    _require_places(values, env, path)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_complaint(error, env, path)) from None
