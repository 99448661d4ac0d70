"""From a file to a segment in the spool: parse, validate, make durable."""

from __future__ import annotations

from pathlib import Path

import duckdb

from python_ingest.errors import FileRejectedError, IngestError
from python_ingest.feeds import parquet
from python_ingest.feeds.detect_format import scan_of
from python_ingest.feeds.kinds import Kind
from python_ingest.feeds.relation import Scan, validated
from python_ingest.feeds.unpack import is_packed, unpack
from python_ingest.landing import spool
from python_ingest.settings import Settings
from python_ingest.storage.failures import first_line
from python_ingest.storage.sql import sql_path
from python_ingest.storage.writer import session_config

# Whatever the file's size; the process itself needs some 150 MB besides.
MEMORY_LIMIT = "600MB"


def prepare(
    settings: Settings, kind: Kind, path: Path, sha256: str, named_format: str | None
) -> spool.Segment:
    """Write the file's rows, accepted and rejected, to a durable segment.

    Raises FileRejectedError when the file as a whole cannot be read, IngestError when the
    segment cannot be written; in both cases nothing stays behind.
    """
    try:
        with spool.scratch(settings) as folder:
            source, names = path, [path.name]
            if is_packed(path):
                source = folder / "unpacked"
                names.append(unpack(path, source))
            finished = folder / "segment.parquet"
            scan, others = _write(settings, kind, source, names, named_format, finished)
            segment = spool.Segment(
                name=spool.new_name(kind.name, sha256),
                kind=kind.name,
                file_name=str(path),
                sha256=sha256,
                format=scan.format,
                canonical=not finished.exists(),
                others=others,
            )
            if segment.canonical:
                spool.adopt(settings, segment, source, folder)
            else:
                spool.commit(settings, segment, finished)
            return segment
    except OSError as error:
        raise IngestError(f"cannot write to the spool {settings.spool_dir}: {error}") from error


def working_connection(settings: Settings) -> duckdb.DuckDBPyConnection:
    """Return a connection to an empty in-memory database with landing's limits."""
    connection = duckdb.connect(config={**session_config(settings), "memory_limit": MEMORY_LIMIT})
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set enable_progress_bar = false")
    return connection


def _write(  # noqa: PLR0913, PLR0917
    settings: Settings,
    kind: Kind,
    source: Path,
    names: list[str],
    named_format: str | None,
    finished: Path,
) -> tuple[Scan, dict[str, int]]:
    """Write the rows to `finished`, unless the source needs no second copy."""
    connection = working_connection(settings)
    try:
        scan = scan_of(connection, kind, source, named_format, names=names)
        if scan.format == "parquet" and parquet.is_exact(kind, scan):
            return scan, {}
        write_segment(connection, validated(kind, scan), finished, scan)
        others = connection.execute(
            f"select ignored, count(*) from {read(finished)} where ignored is not null"
            " group by all order by all"
        ).fetchall()
        return scan, dict(others)
    finally:
        connection.close()


def read(path: Path) -> str:
    """Return the reader of a written segment."""
    return f"read_parquet({sql_path(path)}, file_row_number = true)"


def write_segment(
    connection: duckdb.DuckDBPyConnection, sql: str, finished: Path, scan: Scan
) -> None:
    """Write rows in the order of the file, lines that could not be split in their places."""
    first = finished.with_suffix(".first") if scan.malformed_lines else finished
    connection.execute("drop table if exists temp.reject_errors")
    connection.execute("drop table if exists temp.reject_scans")
    try:
        connection.execute(f"copy ({sql}) to {sql_path(first)} (format parquet)")
    except duckdb.IOException as error:
        raise IngestError(f"cannot write {finished}: {first_line(error)}") from None
    except duckdb.Error as error:
        raise FileRejectedError(f"cannot be read: {first_line(error)}") from None
    if not scan.malformed_lines:
        return
    (malformed,) = connection.execute("select count(*) from reject_errors").fetchone() or (0,)
    if not malformed:
        first.rename(finished)
        return
    # A malformed line is missing from the rows: each row after it moves down by one.
    connection.execute(f"""
        create or replace temp table malformed as
        select place - row_number() over (order by place) as rows_before, place, csv_line, reason
        from (
            select line - {scan.header_lines} as place, any_value(csv_line) as csv_line,
                min(case error_type
                    when 'MISSING COLUMNS' then 'fewer fields than the header'
                    when 'TOO MANY COLUMNS' then 'more fields than the header'
                    when 'INVALID ENCODING' then 'not UTF-8'
                    when 'UNQUOTED VALUE' then 'a quote inside or around a field is not closed'
                    when 'LINE SIZE OVER MAXIMUM' then 'longer than 2 MB'
                    else lower(error_type::varchar)
                end) as reason
            from reject_errors group by place
        )
    """)
    connection.execute(f"""
        copy (
            select * from (
                select placed.* exclude (file_row_number),
                    file_row_number + 1 + coalesce(gap.skipped, 0) as row_number
                from {read(first)} as placed
                asof left join (
                    select rows_before, max(row_number) as skipped
                    from (
                        select rows_before, row_number() over (order by place) as row_number
                        from malformed
                    ) group by rows_before
                ) as gap on placed.file_row_number >= gap.rows_before
                union all by name
                select place as row_number, csv_line as raw_text, reason
                from malformed
            )
        ) to {sql_path(finished)} (format parquet)
    """)
    first.unlink()
