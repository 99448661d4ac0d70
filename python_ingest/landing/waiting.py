"""Rows of archived days: they wait in `spool/waiting/` until their days are back.

A file there is a segment of one day. It is named for the segment that its rows came with, so that
one which is landed twice, because its loader was killed, does not leave a second file.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import duckdb

from python_ingest.feeds.kinds import KINDS, Kind
from python_ingest.landing import spool
from python_ingest.landing.cold_duplicates import archived_days
from python_ingest.landing.identity import KEYS
from python_ingest.landing.spool import Segment
from python_ingest.settings import Settings
from python_ingest.storage.failures import raise_if_interrupted
from python_ingest.storage.files import make_folder, sha256_of
from python_ingest.storage.sql import columns_of, quoted, sql_path


def folder_of(settings: Settings) -> Path:
    """Where rows wait for their days."""
    return settings.spool_dir / "waiting"


def keep(
    connection: duckdb.DuckDBPyConnection, settings: Settings, segment: Segment, kind: Kind
) -> None:
    """Make the rows of the view `batch` that wait for archived days durable, a segment a day."""
    kept = ", ".join(
        "null::varchar as reason" if name == "reason" else quoted(name)
        for name in columns_of(connection, "segment_rows")
        if name not in KEYS  # the segment says what they are made of
    )
    day_of = f"{quoted(kind.time)}::date"
    days = connection.execute(
        f"select distinct {day_of} from batch where is_archived order by all"
    ).fetchall()
    for (day,) in days:
        with spool.scratch(settings) as scratch:
            finished = scratch / "waiting.parquet"
            connection.execute(
                f"copy (select {kept} from batch where is_archived and {day_of} = date '{day}'"
                f" order by row_number) to {sql_path(finished)} (format parquet)"
            )
            sha256 = sha256_of(finished)
            make_folder(folder_of(settings))
            waits = replace(
                segment,
                name=f"{segment.name}-{day}",
                sha256=sha256,
                parquet_sha256=sha256,
                canonical=False,
                others={},
                again=False,
            )
            spool.put(waits, finished, folder_of(settings))


def copy_all(settings: Settings, target: Path) -> None:
    """Copy what waits to a new folder; nobody else may hold the database for writing meanwhile."""
    target.mkdir()
    for path in folder_of(settings).glob("*"):
        shutil.copyfile(path, target / path.name)


def release(connection: duckdb.DuckDBPyConnection, settings: Settings) -> dict[Path, Exception]:
    """Move the segments whose days are back into the spool; return those that cannot be read."""
    unreadable: dict[Path, Exception] = {}
    for path in sorted(folder_of(settings).glob("*.parquet")):
        try:
            segment = spool.read_description(path)
            kind = KINDS[segment.kind]
            days = connection.execute(
                f"select distinct {quoted(kind.time)}::date from {sql_path(path)}"
            ).fetchall()
        except (OSError, ValueError, KeyError, duckdb.Error) as error:
            raise_if_interrupted(error)
            unreadable[path] = error
            continue
        if archived_days(connection, kind, [day for (day,) in days]):
            continue
        moved = replace(segment, name=spool.new_name(segment.kind, segment.sha256))
        spool.put(moved, path, settings.spool_dir)
        path.with_suffix(".json").unlink()
    return unreadable
