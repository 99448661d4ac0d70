"""From a file to a segment in the spool: pin, parse, validate, make durable."""

from __future__ import annotations

from pathlib import Path

import duckdb

from python_ingest.errors import DiskFullError, FileRejectedError, IngestError
from python_ingest.feeds import parquet
from python_ingest.feeds.detect_format import detect_format, require_text, scan_of
from python_ingest.feeds.kinds import Kind
from python_ingest.feeds.lines import MAX_LINE, RELATION, Lines, count_lines
from python_ingest.feeds.relation import Scan, validated
from python_ingest.feeds.unpack import beginning, is_packed, unpack
from python_ingest.landing import spool
from python_ingest.landing.pin import name_of, pin
from python_ingest.settings import Settings
from python_ingest.storage.failures import first_line, is_disk_full, raise_if_interrupted
from python_ingest.storage.sql import sql_path
from python_ingest.storage.writer import session_config

# Whatever the file's size; the process itself needs some 150 MB besides.
MEMORY_LIMIT = "600MB"
# Statistics of a damaged Parquet file must not decide what is looked at: a flipped bit makes a time
# of a year that they say is not there.
TRUST_NO_STATISTICS = "set disabled_optimizers = 'statistics_propagation'"


def prepare(
    settings: Settings,
    kind: Kind,
    path: Path,
    named_format: str | None = None,
    *,
    again: bool = False,
) -> spool.Segment:
    """Write the file's rows, accepted and rejected, to a durable segment.

    Only a private copy of the file is read. Raises FileRejectedError when the file as a whole
    cannot be read or changes meanwhile, IngestError when the segment cannot be written; in both
    cases nothing stays behind.
    """
    try:
        with spool.scratch(settings) as folder:
            return _prepare(settings, kind, path, named_format, folder, again=again)
    except OSError as error:
        raise IngestError(f"cannot write to the spool {settings.spool_dir}: {error}") from error


def _prepare(  # noqa: PLR0913
    settings: Settings,
    kind: Kind,
    path: Path,
    named_format: str | None,
    folder: Path,
    *,
    again: bool,
) -> spool.Segment:
    pinned = pin(path, folder / "pinned")
    source, names = pinned.path, [pinned.name]
    packed = is_packed(source)
    if packed:
        source = folder / "unpacked"
        names.append(unpack(pinned.path, source, settings.landing.max_expanded_mb))
    require_text(source)
    finished = folder / "segment.parquet"
    with working_connection(settings) as connection:
        scan = scan_of(connection, kind, source, named_format or detect_format(source), names=names)
        canonical = scan.format == "parquet" and parquet.is_exact(kind, scan) and not packed
        if not canonical:
            write_segment(connection, validated(kind, scan), finished, scan)
        others = {} if canonical else _ignored(connection, finished)
    segment = spool.Segment(
        name=spool.new_name(kind.name, pinned.sha256),
        kind=kind.name,
        file_name=name_of(path),
        sha256=pinned.sha256,
        format=scan.format,
        canonical=canonical,
        others=others,
        feed_version=scan.version,
        sequence_identifies=scan.sequence_identifies,
        trade_id_identifies=scan.trade_id_identifies,
        newest_first=scan.newest_first,
        again=again,
    )
    return spool.commit(settings, segment, source if canonical else finished)


def format_of(path: Path) -> str:
    """Return the format that a file shows, without unpacking it whole."""
    return detect_format(beginning(path, MAX_LINE) if is_packed(path) else path)


def working_connection(settings: Settings) -> duckdb.DuckDBPyConnection:
    """Return a connection to an empty in-memory database with landing's limits."""
    connection = duckdb.connect(config={**session_config(settings), "memory_limit": MEMORY_LIMIT})
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set enable_progress_bar = false")
    connection.execute(TRUST_NO_STATISTICS)
    return connection


def _ignored(connection: duckdb.DuckDBPyConnection, finished: Path) -> dict[str, int]:
    """Return how many messages of each kind are none of ours."""
    found = connection.execute(
        f"select ignored, count(*) from {read(finished)} where ignored is not null"
        " group by all order by all"
    )
    return dict(found.fetchall())


def read(path: Path) -> str:
    """Return the reader of a written segment."""
    return f"read_parquet({sql_path(path)}, file_row_number = true)"


def write_segment(
    connection: duckdb.DuckDBPyConnection, sql: str, finished: Path, scan: Scan
) -> None:
    """Write rows in the order of the file. Raises FileRejectedError when a line has no outcome."""
    if scan.lines:
        connection.register(RELATION, scan.lines.reader())
    try:
        connection.execute(f"copy ({sql}) to {sql_path(finished)} (format parquet)")
    except duckdb.IOException as error:
        if is_disk_full(error):
            room = f"the disk is full: there is no room for its rows in {finished.parent}"
            raise DiskFullError(room) from None
        raise IngestError(f"cannot write {finished}: {first_line(error)}") from None
    except duckdb.Error as error:
        raise_if_interrupted(error)
        raise FileRejectedError(f"cannot be read: {first_line(error)}") from None
    finally:
        if scan.lines:
            connection.unregister(RELATION)
    if scan.lines:
        _require_outcomes(connection, finished, scan.lines)


def _require_outcomes(connection: duckdb.DuckDBPyConnection, finished: Path, lines: Lines) -> None:
    """Compare the lines that have rows with the newlines in the bytes, which nobody parsed."""
    counted = count_lines(lines.source)
    found = connection.execute(f"select count(distinct line_number) from {read(finished)}")
    ((with_rows,),) = found.fetchall()  # all of it: an unfinished result would block the next kind
    if counted != with_rows + lines.blank + lines.headers:
        raise FileRejectedError(
            f"of its {counted:,} lines {with_rows:,} have rows, {lines.blank:,} are blank and"
            f" {lines.headers} is a header: the others would be lost; this is a fault of ours"
        )
