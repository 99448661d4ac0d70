"""A copy of the publication that is whole in one file, to be handed to somebody.

The published file reads cold Parquet files where they lie here. A bundle holds their rows: each
relation of schema `main` is a table of it, and nothing else is in it.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from python_ingest.errors import IngestError, UsageError
from python_ingest.publication.attached import attached, identity_of
from python_ingest.publication.copying import TARGET, attach_target, copy_table
from python_ingest.publication.descriptions import read_descriptions, write_descriptions
from python_ingest.publication.status import MISSING
from python_ingest.publication.versions import newest_cold_files
from python_ingest.publication.views import Relation, view_texts
from python_ingest.settings import Settings
from python_ingest.storage.cold_files import require_files
from python_ingest.storage.cold_relations import RELATIONS
from python_ingest.storage.disk_full import in_full
from python_ingest.storage.failures import first_line, raise_if_interrupted
from python_ingest.storage.files import place_new, scratch_beside, sync_to_disk
from python_ingest.storage.process_lock import cold_files_stay
from python_ingest.storage.sql import quoted

CONTENTS = "bundle_contents"
# What a span of dates is of: relations that read cold files.
BY_DATE = frozenset({*RELATIONS, "account_snapshots", "order_slippage"})
# What says the date of a row. Filled bars have none, and a row for each minute between two bars.
DATES = {**dict.fromkeys(BY_DATE, "date"), "ohlcv_bars_filled": "timestamp::date"}
_SOURCE = "published"
Span = tuple[date | None, date | None]


@dataclass(frozen=True)
class Bundle:
    """What was made: path, size in bytes, and rows by relation."""

    path: Path
    bytes: int
    rows: dict[str, int]


def write_bundle(
    settings: Settings,
    path: Path,
    first: date | None = None,
    last: date | None = None,
    say: Callable[[str], None] = lambda step: None,
) -> Bundle:
    """Write all that is published into a new file `path`; return what it holds.

    Of relations with cold rows only the rows of the UTC dates from `first` to `last`, where these
    are given. `say` is called with each relation before it is copied.
    Cold files that a cycle replaces meanwhile stay until it is done.

    Raises UsageError when the file is there already or cannot be, NotPublishedError, ExportError
    when a cold file is gone, IngestError when it cannot be written. Killed, it leaves the folder
    `.<name>.unfinished` beside it, which the next call removes.
    """
    _require_free(path)
    identity_of(settings.published_path)
    if first and last and first > last:
        raise UsageError(f"--from {first} is after --to {last}")
    try:
        with cold_files_stay(settings.data_dir), scratch_beside(path) as folder:
            require_files(settings.data_dir, newest_cold_files(settings))
            made = folder / path.name
            rows = _fill(settings, made, (first, last), say)
            sync_to_disk(made)
            size = made.stat().st_size
            place_new(made, path)
    except FileExistsError:
        raise UsageError(
            f"{path} came into being meanwhile, and stays: name another file"
        ) from None
    except (duckdb.Error, OSError) as error:
        raise_if_interrupted(error)
        raise in_full(IngestError(f"{path} was not made: {first_line(error)}"), error) from error
    return Bundle(path, size, rows)


def _require_free(path: Path) -> None:
    if "?" in str(path):
        raise UsageError(f"{path}: DuckDB takes what stands behind a `?` for options: name another")
    if os.path.lexists(path):
        raise UsageError(f"{path} is there already, and stays as it is: name another file")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: the folder {path.parent} is not there")


def _fill(settings: Settings, file: Path, span: Span, say: Callable[[str], None]) -> dict[str, int]:
    limits = settings.performance
    connection = attached(settings, limits.num_threads, limits.memory_limit_mb, catalog=_SOURCE)
    try:
        attach_target(connection, file)
        described = read_descriptions(connection, _SOURCE)
        connection.execute(f"use {TARGET}")
        connection.execute(
            f"create table main.{CONTENTS}"
            " (relation varchar primary key, rows bigint, first_date date, last_date date)"
        )
        rows = {}
        for relation in sorted(view_texts(connection, _SOURCE)):
            if relation.schema == "main" and relation.name != MISSING:
                say(relation.name)
                rows[relation.name] = _copy(connection, relation.name, span)
        write_descriptions(connection, described)
        connection.execute(f"checkpoint {TARGET}")
    finally:
        connection.close()
    return rows


def _copy(connection: duckdb.DuckDBPyConnection, name: str, span: Span) -> int:
    day = DATES.get(name)
    first, last = span if day else (None, None)
    # A comparison with a literal spares the cold files of other dates.
    wanted = [f"{day} {sign} date '{end}'" for sign, end in ((">=", first), ("<=", last)) if end]
    where = f" where {' and '.join(wanted)}" if wanted else ""
    source = f"from {_SOURCE}.main.{quoted(name)}{where}"
    rows = copy_table(connection, Relation("main", name), source)
    connection.execute(
        f"insert into main.{CONTENTS} values (?, ?, ?, ?)", [name, rows, first, last]
    )
    return rows
