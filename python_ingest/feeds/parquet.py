"""Canonical Parquet."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from python_ingest.errors import FileRejectedError
from python_ingest.feeds.kinds import Kind
from python_ingest.feeds.relation import Scan
from python_ingest.storage.failures import first_line
from python_ingest.storage.sql import quoted, sql_path

_SHOWN = 10  # of the columns that are wrong
# What 64 bits of nanoseconds hold, days at the ends aside.
_IN_NANOSECONDS = "between timestamp '1678-01-01' and timestamp '2262-01-01'"
_FIRST_MILLISECOND, _LAST_MILLISECOND = -62_135_596_800_000, 253_402_300_799_999  # years 1 to 9999


def scan(
    connection: duckdb.DuckDBPyConnection, kind: Kind, path: Path, exchange: str | None = None
) -> Scan:
    """Read a canonical Parquet file; types are converted where they differ.

    Raises FileRejectedError when the file is no Parquet or its columns are not the kind's.
    `exchange` stands for a column that may be missing.
    """
    reader = f"read_parquet({sql_path(path)}, file_row_number = true)"
    try:
        described = connection.execute(f"describe select * from {reader}").fetchall()
    except duckdb.Error as error:
        what = first_line(error).replace(str(path), "it")
        raise FileRejectedError(f"not a readable Parquet file: {what}") from None
    _require_exact(connection, path)
    types = {name: kind_of for name, kind_of, *_ in described if name != "file_row_number"}
    check_columns(kind, list(types), given=() if exchange is None else ("exchange",))
    columns = ", ".join(quoted(name) for name in types)
    sql = (
        f"select {columns}, file_row_number + 1 as row_number,"
        f" to_json(struct_pack({', '.join(f'{quoted(n)} := {quoted(n)}' for n in types)}))::varchar"
        f" as raw_text from {reader}"
    )
    return Scan("parquet", sql, types, extra=("row_number",))


def with_readable_times(connection: duckdb.DuckDBPyConnection, path: Path) -> Path:
    """Return the file, or a copy beside it of which the engine reads each time as it is.

    Of times in milliseconds it stops at the first that has no room in microseconds; of a text it is
    that row's own. Of INT96 it cuts nanoseconds; of 64 bits it reads them.
    What cannot be read at all is left to whoever reads it.
    """
    try:
        milliseconds, int96 = connection.execute(
            "select list(name) filter (where converted_type = 'TIMESTAMP_MILLIS'),"
            " list(name) filter (where type = 'INT96')"
            f" from parquet_schema({sql_path(path)})"
        ).fetchall()[0]
        if milliseconds and not _can_read(connection, path, milliseconds):
            return _rewritten(path, milliseconds)
        if int96 and _fit_nanoseconds(connection, path, int96) and _has_nanoseconds(path, int96):
            return _rewritten(path, ())
    except (duckdb.Error, pa.ArrowException):
        pass
    return path


def _can_read(connection: duckdb.DuckDBPyConnection, path: Path, columns: Sequence[str]) -> bool:
    counts = ", ".join(f"count({quoted(name)})" for name in columns)
    try:
        connection.execute(f"select {counts} from read_parquet({sql_path(path)})").fetchall()
    except duckdb.ConversionException:
        return False
    return True


def _fit_nanoseconds(
    connection: duckdb.DuckDBPyConnection, path: Path, columns: Sequence[str]
) -> bool:
    fit = " and ".join(f"bool_and({quoted(name)} {_IN_NANOSECONDS})" for name in columns)
    return bool(
        connection.execute(f"select {fit} from read_parquet({sql_path(path)})").fetchall()[0][0]
    )


def _has_nanoseconds(path: Path, columns: Sequence[str]) -> bool:
    """Whether a time has digits below the microsecond."""
    with pq.ParquetFile(path) as file:
        return any(
            (column.to_numpy(zero_copy_only=False).view("int64") % 1000).any()
            for batch in file.iter_batches(columns=list(columns))
            for column in (times.drop_null() for times in batch.columns)
        )


def _rewritten(path: Path, texts: Sequence[str]) -> Path:
    """Return a copy that has the times of some columns as texts."""
    written = path.with_name(f"{path.name}_times")
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        for name in texts:
            at = schema.get_field_index(name)
            schema = schema.set(at, pa.field(name, pa.string()))
        with pq.ParquetWriter(written, schema) as writer:
            for batch in file.iter_batches():
                values = [
                    _as_texts(batch[name]) if name in texts else batch[name]
                    for name in schema.names
                ]
                writer.write_batch(pa.record_batch(values, schema=schema))
    return written


def _as_texts(times: pa.Array) -> pa.Array:
    """Return times in milliseconds as texts; one beyond the calendar is its number."""
    numbers = times.cast(pa.int64())
    there = pc.and_(
        pc.greater_equal(numbers, _FIRST_MILLISECOND), pc.less_equal(numbers, _LAST_MILLISECOND)
    )
    if times.type.tz:
        times = times.cast(pa.timestamp("ms", "UTC"))
    texts = pc.if_else(there, times, pa.scalar(None, times.type)).cast(pa.string())
    return pc.coalesce(texts, pc.binary_join_element_wise(numbers.cast(pa.string()), "ms", " "))


def _require_exact(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Raise FileRejectedError for numbers that the engine would read as floats of another kind."""
    found = connection.execute(
        f"select name, precision from parquet_schema({sql_path(path)})"
        " where precision > 38 or logical_type like 'Float16%'"
    ).fetchall()
    for name, digits in found[:1]:
        if digits is None:
            raise FileRejectedError(
                f"{name}: floats of half precision cannot be read exactly; write float or text"
            )
        raise FileRejectedError(
            f"{name}: decimals of {digits} digits cannot be read exactly;"
            " write 38 or fewer, or text"
        )


def is_exact(kind: Kind, scan: Scan) -> bool:
    """Whether a file has the kind's own types, so that it needs no second copy."""
    return all(
        kind.column(name).type == kind_of and not kind_of.startswith("STRUCT")
        for name, kind_of in scan.types.items()
    )


_NAMELESS = re.compile(r"|unnamed: ?\d+|__index_level_\d+__", re.IGNORECASE)


def check_columns(kind: Kind, names: list[str], given: Sequence[str] = ()) -> None:
    """Raise FileRejectedError when columns are unknown, doubled or missing and not `given`."""
    doubled = sorted(name for name, times in Counter(names).items() if times > 1)
    unknown = [name for name in names if name not in kind.column_names]
    missing = [c.name for c in kind.columns if c.required and c.name not in (*names, *given)]
    if not doubled and not unknown and not missing:
        return
    problems = []
    if doubled:
        problems.append(f"column {', '.join(map(_shown, doubled[:_SHOWN]))} appears more than once")
    for name in [one for one in unknown if _NAMELESS.fullmatch(one)]:
        unknown.remove(name)
        where = "the last" if names[0] != name else "the first"
        why = "a comma at the end of the header" if names[0] != name else "a data frame's index"
        problems.append(f"a column without a name ({where}: {why}; write the file without it)")
    more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
    if unknown:
        problems.append(f"unknown columns {', '.join(map(_shown, unknown[:_SHOWN]))}{more}")
    if missing:
        problems.append(f"missing columns {', '.join(missing)}")
    required = [c.name for c in kind.columns if c.required]
    optional = [c.name for c in kind.columns if not c.required]
    raise FileRejectedError(
        f"{' and '.join(problems)}; {kind.name} has {', '.join(required)}"
        f" (required) and {', '.join(optional)} (optional)"
    )


def _shown(name: str) -> str:
    return repr(name if len(name) < 50 else name[:40] + "...")  # noqa: PLR2004
