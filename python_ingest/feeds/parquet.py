"""Canonical Parquet."""

import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import duckdb

from python_ingest.errors import FileRejectedError, IngestError
from python_ingest.feeds import parquet_times
from python_ingest.feeds.kinds import Kind
from python_ingest.feeds.query import SQL
from python_ingest.feeds.relation import Scan
from python_ingest.storage.failures import first_line
from python_ingest.storage.sql import quoted, sql_path

_SHOWN = 10  # of the columns that are wrong
_READER = (sys.executable, "-P", "-m", parquet_times.__name__)


def scan(
    connection: duckdb.DuckDBPyConnection, kind: Kind, path: Path, exchange: str | None = None
) -> Scan:
    """Read a canonical Parquet file; types are converted where they differ.

    Raises FileRejectedError when the file is no Parquet or its columns are not the kind's.
    `exchange` stands for a column that may be missing.
    """
    try:
        # by itself the engine cuts nanoseconds of 96 bits; DuckDB 1.5 has no such option
        kept = ", int96_as = 'timestamp_ns'" if _has_long_times(connection, path) else ""
        reader = f"read_parquet({sql_path(path)}, file_row_number = true{kept})"
        described = connection.execute(f"describe select * from {reader}").fetchall()
    except duckdb.Error as error:
        what = first_line(error).replace(str(path), "it")
        raise FileRejectedError(f"not a readable Parquet file: {what}") from None
    types = {name: kind_of for name, kind_of, *_ in described if name != "file_row_number"}
    check_columns(kind, list(types), exchange)
    columns = ", ".join(quoted(name) for name in types)
    sql = (
        f"select {columns}, file_row_number + 1 as row_number,"
        f" struct_pack({', '.join(f'{quoted(n)} := {quoted(n)}' for n in types)}) as raw_text"
        f" from {reader}"
    )
    return Scan("parquet", sql, types, extra=("row_number",), raw_is_struct=True)


def with_readable_times(connection: duckdb.DuckDBPyConnection, path: Path) -> Path:
    """Return the file, or a copy beside it of which the engine reads each time as it is.

    Of times in milliseconds it stops at the first that has no room in microseconds; of a text it is
    that row's own. What cannot be read at all is left to whoever reads it. Raises FileRejectedError
    where damage ends the process that reads the times.
    """
    reader = f"read_parquet({sql_path(path)})"
    try:
        found = connection.execute(SQL.milliseconds(sql_path(path))).fetchall()
        milliseconds = [name for (name,) in found]
        counts = ", ".join(f"count({quoted(name)})" for name in milliseconds)
        if counts:
            connection.execute(f"select {counts} from {reader}").fetchall()
    except duckdb.ConversionException:
        return _rewritten(path, milliseconds)
    except duckdb.Error:
        pass
    return path


def _rewritten(path: Path, columns: Sequence[str]) -> Path:
    """Return what `parquet_times` makes of a file, in a process of its own.

    Raises FileRejectedError where that process dies: of damaged pages its reader may.
    """
    written = path.with_name(f"{path.name}_times")
    command = [*_READER, str(path), str(written), *columns]
    done = subprocess.run(  # noqa: S603 - Ctrl-C is for us, not for the group of a child
        command, check=False, capture_output=True, text=True, process_group=0
    )
    if done.returncode < 0:
        raise FileRejectedError(
            f"{', '.join(map(_shown, columns[:_SHOWN]))}: damaged, since the reader of its times"
            f" dies of it ({signal.Signals(-done.returncode).name}); fetch it again"
        )
    if done.returncode == parquet_times.UNREADABLE:
        return path
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason"])[-1]
        raise IngestError(f"its times cannot be written anew: {last}")
    return written


def _has_long_times(connection: duckdb.DuckDBPyConnection, path: Path) -> bool:
    """Whether a column has times of 96 bits.

    Raises FileRejectedError for numbers that the engine would read as floats of another kind.
    """
    found = connection.execute(SQL.odd_columns(sql_path(path))).fetchall()
    for name, digits, is_time in found:
        if digits is None and not is_time:
            raise FileRejectedError(
                f"{name}: floats of half precision cannot be read exactly; write float or text"
            )
        if digits is not None:
            raise FileRejectedError(
                f"{name}: decimals of {digits} digits cannot be read exactly;"
                " write 38 or fewer, or text"
            )
    return bool(found)


def is_exact(kind: Kind, scan: Scan) -> bool:
    """Whether a file has the kind's own types, so that it needs no second copy."""
    return all(
        kind.column(name).type == kind_of and not kind_of.startswith("STRUCT")
        for name, kind_of in scan.types.items()
    )


_NAMELESS = re.compile(r"|unnamed: ?\d+|__index_level_\d+__", re.IGNORECASE)


def check_columns(kind: Kind, names: list[str], exchange: str | None = None) -> None:
    """Raise FileRejectedError when columns are unknown, doubled or missing.

    `exchange` stands for a column that may be missing.
    """
    doubled = sorted(name for name, times in Counter(names).items() if times > 1)
    unknown = [name for name in names if name not in kind.column_names]
    there = names if exchange is None else [*names, "exchange"]
    missing = [c.name for c in kind.columns if c.required and c.name not in there]
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
