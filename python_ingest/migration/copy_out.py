"""One range of one relation, from the server's COPY into a Parquet file.

The server writes CSV into a pipe; at the same time DuckDB parses it into exact types and writes
Parquet. No row becomes a Python object.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import psycopg

from python_ingest.errors import IngestError
from python_ingest.migration.columns import Column
from python_ingest.migration.copy_feed import BLOCK, Feeder
from python_ingest.migration.ranges import Range
from python_ingest.migration.relation import Relation
from python_ingest.storage.sql import literal, quoted, sql_path

_MEMORY_LIMIT = "600MB"


@dataclass
class Copied:
    """The result of one COPY: rows written, rows rejected, number of rows by reason."""

    rows: int = 0
    rejected: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


def between(relation: Relation, span: Range) -> str:
    """Return SQL of a range's rows, with constants, so that the server skips other chunks."""
    zone = "+00" if relation.time_is_zoned else ""
    time = quoted(relation.time)
    return f"{time} >= '{span.start}{zone}' and {time} < '{span.end}{zone}'"


def copy_range(  # noqa: PLR0913, PLR0917
    connection: psycopg.Connection,
    relation: Relation,
    span: Range,
    finished: Path,
    rejects: Path,
    progress: Callable[[int], None],
) -> Copied:
    """Write one range to `finished` and its refused rows to `rejects`.

    Raises IngestError when the rows written are not the rows that the server sent.
    """
    expressions = ", ".join(column.select for column in relation.columns)
    copy = (
        f"copy (select {expressions} from {relation.sql_name} where {between(relation, span)})"
        " to stdout (format csv)"
    )
    with duckdb.connect(config={"memory_limit": _MEMORY_LIMIT, "threads": 2}) as parser:
        parser.execute("set TimeZone = 'UTC'")
        parser.execute("set enable_progress_bar = false")
        reader, writer = os.pipe()
        with suppress(OSError, AttributeError):  # fewer task switches
            fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, BLOCK)
        feeder = Feeder(connection, copy, writer, progress)
        feeder.start()
        error: duckdb.Error | None = None
        try:
            parser.execute(
                f"copy ({_parsed(relation, f'/dev/fd/{reader}')}) to {sql_path(finished)}"
                " (format parquet, compression zstd, compression_level 1)"
            )
        except duckdb.Error as failed:
            error = failed
        finally:
            os.close(reader)  # a feeder that still writes gets an error
            feeder.join()
        if feeder.error and not isinstance(feeder.error, BrokenPipeError):
            raise feeder.error
        if error or feeder.error:
            raise IngestError(f"{relation.name}, {span.label}: {str(error).splitlines()[0]}")
        copied = _sort_out(parser, relation, finished, rejects)
    if copied.rows + copied.rejected != feeder.rows:
        raise IngestError(
            f"{relation.name}, {span.label}: the server sent {feeder.rows} rows,"
            f" {copied.rows} + {copied.rejected} were read"
        )
    return copied


def _parsed(relation: Relation, path: str) -> str:
    types = ", ".join(f"{literal(c.name)}: {literal(c.csv_type)}" for c in relation.columns)
    reason = "".join(f" when {_too_fine(c)}" for c in relation.columns if c.is_loose)
    return (
        f"select {', '.join(_kept(c) for c in relation.columns)}"
        + (f", case{reason} end as reason, {_as_text(relation)} as raw_text" if reason else "")
        + f" from read_csv({literal(path)}, columns = {{{types}}}, header = false,"
        " auto_detect = false, delim = ',', quote = '\"', escape = '\"', new_line = '\\n',"
        " allow_quoted_nulls = false, store_rejects = true, rejects_limit = 0)"
    )


def _kept(column: Column) -> str:
    name = quoted(column.name)
    if column.csv_type == column.type:
        return name
    if column.type == "VARCHAR[]":
        return f"{name}::json::varchar[] as {name}"
    return f"try_cast({name} as {column.type}) as {name}"


def _too_fine(column: Column) -> str:
    name = quoted(column.name)
    scale = column.type.split(",")[1].rstrip(")")
    decimals = f"length(rtrim(split_part({name}, '.', 2), '0'))"
    return (
        f"{name} is not null and (try_cast({name} as {column.type}) is null"
        f" or {decimals} > {scale}) then {literal(column.name + ': ')} || case"
        f" when {name} in ('NaN', 'Infinity', '-Infinity') then 'NaN or infinite'"
        f" else {literal('does not fit ' + column.type)} end"
    )


def _as_text(relation: Relation) -> str:
    fields = ", ".join(f"{literal(c.name)}: {quoted(c.name)}" for c in relation.columns)
    return f"to_json({{{fields}}})::varchar"


def _sort_out(
    parser: duckdb.DuckDBPyConnection, relation: Relation, finished: Path, rejects: Path
) -> Copied:
    """Move rows whose values do not fit to the rejects, beside rows that could not be parsed."""
    unparsed = (
        "select csv_line as raw_text, min(case"
        " when error_message like '%string \"NaN\"%' or error_message like '%Infinity\"%'"
        " then column_name || ': NaN or infinite'"
        " when error_type = 'CAST' then column_name || ': cannot be held exactly'"
        " else lower(error_type::varchar) end) as reason"
        " from reject_errors group by line, csv_line"
    )
    refused = ""
    if any(column.is_loose for column in relation.columns):
        first = finished.with_suffix(".first")
        finished.rename(first)
        read = f"read_parquet({sql_path(first)})"
        parser.execute(
            f"copy (select * exclude (reason, raw_text) from {read} where reason is null)"
            f" to {sql_path(finished)} (format parquet, compression zstd, compression_level 1)"
        )
        refused = f" union all select raw_text, reason from {read} where reason is not null"
    parser.execute(f"create temp table refused as {unparsed}{refused}")
    if refused:
        first.unlink()
    reasons = dict(
        parser.execute("select reason, count(*) from refused group by 1 order by 1").fetchall()
    )
    rows = parser.execute(
        f"select num_rows from parquet_file_metadata({sql_path(finished)})"
    ).fetchone()
    if reasons:
        parser.execute(f"copy refused to {sql_path(rejects)} (format parquet)")
    return Copied(rows=int(rows[0]) if rows else 0, rejected=sum(reasons.values()), reasons=reasons)
