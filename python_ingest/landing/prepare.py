"""From a file to a segment in the spool: pin, parse, validate, make durable."""

import re
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import duckdb

from python_ingest.errors import DiskFullError, FileRejectedError, IngestError
from python_ingest.feeds import parquet
from python_ingest.feeds.detect_format import Wanted, format_and_version, require_text, scan_of
from python_ingest.feeds.kinds import Kind
from python_ingest.feeds.lines import MAX_LINE, RELATION, Lines, Source, count_lines
from python_ingest.feeds.recognise import Beginning
from python_ingest.feeds.relation import HEADER, Scan, validated
from python_ingest.feeds.unpack import beginning, is_packed, unpack
from python_ingest.landing import spool
from python_ingest.landing.input_files import InputFile, name_of, pin
from python_ingest.settings import Settings
from python_ingest.storage.disk_full import is_disk_full
from python_ingest.storage.failures import first_line, raise_if_interrupted
from python_ingest.storage.files import sha256_of
from python_ingest.storage.sql import literal, sql_path
from python_ingest.storage.writer import session_config

# Whatever the file's size, or less where less is allowed; the process needs 150 MB besides.
_ENOUGH_MB = 600
# Statistics of a damaged Parquet file must not decide what is looked at: a flipped bit makes a time
# of a year that they say is not there.
TRUST_NO_STATISTICS = "set disabled_optimizers = 'statistics_propagation'"


def prepare(
    settings: Settings,
    wanted: Wanted,
    file: InputFile,
    connection: duckdb.DuckDBPyConnection | None = None,
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
            segment, finished = read_file(settings, wanted, file, folder, connection)
            return spool.commit(settings, replace(segment, again=again), finished)
    except OSError as error:
        why = first_line(error)
        where = "" if str(settings.spool_dir) in why else f" {settings.spool_dir}"
        raise IngestError(f"cannot write to the spool{where}: {why}") from error


def read_file(
    settings: Settings,
    wanted: Wanted,
    file: InputFile,
    folder: Path,
    given: duckdb.DuckDBPyConnection | None = None,
) -> tuple[spool.Segment, Path]:
    """Read a private copy of a file in `folder`. Raises as `prepare` does.

    Returns the segment and its rows, which are the copy itself where that is canonical.
    """
    pinned = file.zip or pin(file.path, folder / "pinned")
    source, kind = pinned.path, wanted.kind
    packed = is_packed(source)
    if packed:
        source = folder / "unpacked"
        unpack(pinned.path, source, settings.landing.max_expanded_mb, file.inside)
    require_text(source)
    finished = folder / "segment.parquet"
    with nullcontext(given) if given else working_connection(settings) as connection:
        scan = scan_of(connection, wanted, _beginning(source, file), source)
        canonical = scan.format == "parquet" and parquet.is_exact(kind, scan) and not packed
        others = {} if canonical else write_segment(connection, kind, scan, finished)
    sha256 = sha256_of(source) if file.several else pinned.sha256
    segment = spool.of_scan(kind.name, file.name, sha256, scan, others)
    return replace(segment, canonical=canonical), source if canonical else finished


def format_of(wanted: Wanted, file: InputFile) -> tuple[str, int]:
    """Return the format that a file shows and its version, without unpacking it whole."""
    path = file.zip.path if file.zip else file.path
    source = beginning(path, MAX_LINE, file.inside) if is_packed(path) else path
    return format_and_version(wanted, _beginning(source, file))


def _beginning(source: Source, file: InputFile) -> Beginning:
    return Beginning(source, name_of(file.path.absolute()), file.inside)


def memory_limit(settings: Settings) -> str:
    """Return the engine's memory limit while files are read and landed."""
    return f"{min(_ENOUGH_MB, settings.performance.memory_limit_mb)}MB"


def working_connection(settings: Settings) -> duckdb.DuckDBPyConnection:
    """Return a connection to an empty in-memory database with landing's limits."""
    connection = duckdb.connect(
        config={**session_config(settings), "memory_limit": memory_limit(settings)}
    )
    begin_session(connection)
    return connection


def begin_session(connection: duckdb.DuckDBPyConnection) -> None:
    """Set what reading and landing take for granted: an engine keeps what was set before.

    A new connection to it has the machine's zone again.
    """
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set enable_progress_bar = false")
    connection.execute("set preserve_insertion_order = true")
    connection.execute(TRUST_NO_STATISTICS)


def read(path: Path) -> str:
    """Return the reader of a written segment."""
    return f"read_parquet({sql_path(path)}, file_row_number = true)"


def write_segment(
    connection: duckdb.DuckDBPyConnection, kind: Kind, scan: Scan, finished: Path
) -> dict[str, int]:
    """Write rows in the order of the file; return how many messages of each kind are none of ours.

    Raises FileRejectedError when a line has no outcome.
    """
    sql = validated(kind, scan)
    if scan.lines:
        connection.register(RELATION, scan.lines.reader())
    try:
        connection.execute(f"copy ({sql}) to {sql_path(finished)} (format parquet)")
    except duckdb.Error as error:
        raise_if_interrupted(error)
        # the copy that is read, or what was unpacked of it
        source = rf"{re.escape(str(finished.parent))}/(pinned|unpacked)\w*"
        what = re.sub(source, "it", first_line(error))
        is_read = what != first_line(error)
        if isinstance(error, duckdb.IOException) and is_disk_full(error):
            raise DiskFullError(f"no room for its rows in {finished.parent}") from None
        if isinstance(error, duckdb.IOException) and not is_read:
            raise IngestError(f"cannot write {finished}: {what}") from None
        raise FileRejectedError(f"cannot be read: {what}") from None
    finally:
        if scan.lines:
            connection.unregister(RELATION)
    if scan.lines:
        _require_outcomes(connection, finished, scan.lines)
    if scan.headers_within:
        kept = finished.with_name("rows.parquet")
        rows = f"from {read(finished)} where ignored is distinct from {literal(HEADER)}"
        columns = "select * exclude (file_row_number)"
        connection.execute(f"copy ({columns} {rows}) to {sql_path(kept)} (format parquet)")
        kept.replace(finished)
    others = connection.execute(
        f"select ignored, count(*) from {read(finished)} where ignored is not null"
        " group by all order by all"
    )
    return dict(others.fetchall())


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
