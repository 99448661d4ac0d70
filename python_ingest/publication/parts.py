"""A table by parts of time, which a publication takes over from the former one.

Sorting and compressing rows is nearly all that a publication costs, and few parts change. Rows and
checksum of what the warehouse reads now are compared with the former file. A part then stays as it
is, gets newer rows appended, or is rewritten (docs/adr/0005).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import duckdb

from python_ingest.publication.layout import PartBy
from python_ingest.publication.query import SQL
from python_ingest.storage.sql import row_hash

# Each append adds a sorted run, and a reader of a part reads all of its runs.
MOST_RUNS = 8


class Part(NamedTuple):
    """Rows of a part, the sum of their 64-bit hashes, and the sorted runs in which they lie."""

    rows: int
    checksum: str
    runs: int = 1


@dataclass(frozen=True)
class Parts:
    """What a published table holds: its parts by their first ISO date, and the largest id."""

    parts: Mapping[str, Part]
    newest: int

    @property
    def rows(self) -> int:
        """Rows of all parts."""
        return sum(part.rows for part in self.parts.values())


class Source(NamedTuple):
    """A SELECT with a column of times, its growing id from 0 on, its parts and their order.

    Where rows are restated, the id is 0 for all rows, and a changed part is rewritten.
    """

    select: str
    key: str
    by: PartBy
    order: str


class Changes(NamedTuple):
    """Parts to delete, to write (new ones and changed ones), and to append to."""

    gone: list[str]
    written: list[str]
    continued: list[str]


def changes(former: Parts, known: Mapping[str, Part], now: Mapping[str, Part]) -> Changes:
    """Compare parts; `known`: the parts now, of ids up to the former largest."""
    different = [part for part, found in now.items() if found[:2] != former.parts.get(part, ())[:2]]
    continued = [
        part
        for part in different
        if part in former.parts
        and former.parts[part][:2] == known[part][:2]
        and former.parts[part].runs < MOST_RUNS
    ]
    written = [part for part in different if part not in continued]
    gone = [part for part in former.parts if part not in now or part in written]
    return Changes(gone, written, continued)


def _read(
    connection: duckdb.DuckDBPyConnection, source: Source, newest: int
) -> tuple[dict[str, Part], Parts]:
    """Return the parts of a source twice: of ids up to `newest`, and of all ids."""
    content = row_hash(connection, f"({source.select})")
    found = connection.execute(
        SQL.parts(source.select, source.by.first, source.key, content), {"newest": newest}
    ).fetchall()
    known = {part: Part(rows, checksum) for part, rows, checksum, *_ in found}
    now = {part: Part(rows, checksum) for part, _, _, rows, checksum, _ in found}
    return known, Parts(now, max((row[-1] for row in found), default=newest))


def parts_of(connection: duckdb.DuckDBPyConnection, source: Source) -> Parts:
    """Return the parts of a source."""
    return _read(connection, source, 0)[1]


def _append(
    connection: duckdb.DuckDBPyConnection, table: str, source: Source, parts: list[str], after: int
) -> None:
    """Append the rows of these parts with larger ids, as one sorted run."""
    if parts:
        by = source.by
        rows = SQL.append(
            table, source.select, by.first, source.key, by.time, str(by.days), source.order
        )
        span = {"first": min(parts), "last": max(parts)}
        connection.execute(rows, {"parts": parts, "after": after, **span})


def bring_up_to_date(
    connection: duckdb.DuckDBPyConnection, table: str, source: Source, former: Parts
) -> Parts | None:
    """Give a table that holds `former` the rows of a source with its columns; returns its parts.

    None: the table's rows differ from `former`, so it must be written as a whole.
    """
    known, now = _read(connection, source, former.newest)
    gone, written, continued = changes(former, known, now.parts)
    part = source.by.first
    if gone:
        connection.execute(
            f"delete from {table} where {part} in (select unnest(?::date[]))", [gone]
        )
    _append(connection, table, source, written, -1)
    _append(connection, table, source, continued, former.newest)
    counted = connection.execute(f"select {part}::varchar, count(*) from {table} group by all")
    if dict(counted.fetchall()) != {first: found.rows for first, found in now.parts.items()}:
        return None
    runs = {first: former.parts[first].runs for first in now.parts if first not in written}
    runs |= {first: runs[first] + 1 for first in continued}
    parts = {first: found._replace(runs=runs.get(first, 1)) for first, found in now.parts.items()}
    return Parts(parts, now.newest)
