"""A table of ticks by day, as a publication takes it over from the one before.

Sorting and compressing ticks is nearly all that a publication costs, and hardly any day changes.
What the warehouse reads now decides, by rows and checksum, whether a day stays as it lies in the
former file, is continued by newer rows, or is written anew (docs/adr/0112).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import duckdb

from python_ingest.reading.layout import DAY
from python_ingest.storage.checksums import row_hash

# Each continuation is a sorted run of its own, and a reader of a day looks into all of its runs.
MOST_RUNS = 8


class Day(NamedTuple):
    """Rows of a day, the sum of their 64-bit hashes, and the sorted runs in which they lie."""

    rows: int
    checksum: str
    runs: int = 1


@dataclass(frozen=True)
class Days:
    """What a published table holds: its days by ISO date, and the largest id of all."""

    days: Mapping[str, Day]
    newest: int

    @property
    def rows(self) -> int:
        """Rows of all days."""
        return sum(day.rows for day in self.days.values())


class Source(NamedTuple):
    """A SELECT with a column `timestamp`, its growing id from 0 on, and the order of the table."""

    select: str
    key: str
    order: str


class Changes(NamedTuple):
    """Days to take away, to write (anew or for the first time), and to continue."""

    gone: list[str]
    written: list[str]
    continued: list[str]


def changes(former: Days, known: Mapping[str, Day], now: Mapping[str, Day]) -> Changes:
    """Compare days; `known`: what the warehouse reads now of ids up to the former newest."""
    different = [day for day, found in now.items() if found[:2] != former.days.get(day, ())[:2]]
    continued = [
        day
        for day in different
        if day in former.days
        and former.days[day][:2] == known[day][:2]
        and former.days[day].runs < MOST_RUNS
    ]
    written = [day for day in different if day not in continued]
    gone = [day for day in former.days if day not in now or day in written]
    return Changes(gone, written, continued)


def _read(
    connection: duckdb.DuckDBPyConnection, source: Source, newest: int
) -> tuple[dict[str, Day], Days]:
    """Return the days of a source: of ids up to `newest`, and of all."""
    content = row_hash(connection, f"({source.select})")
    found = connection.execute(
        f"""
        select day::varchar, count(*) filter (id <= $newest),
            coalesce(sum(content) filter (id <= $newest), 0)::varchar,
            count(*), sum(content)::varchar, max(id)
        from (select {DAY} as day, {source.key} as id, {content} as content from ({source.select}))
        group by all
        """,
        {"newest": newest},
    ).fetchall()
    known = {day: Day(rows, checksum) for day, rows, checksum, *_ in found}
    now = {day: Day(rows, checksum) for day, _, _, rows, checksum, _ in found}
    return known, Days(now, max((row[-1] for row in found), default=newest))


def days_of(connection: duckdb.DuckDBPyConnection, source: Source) -> Days:
    """Return the days of a source."""
    return _read(connection, source, 0)[1]


def _append(
    connection: duckdb.DuckDBPyConnection, table: str, source: Source, days: list[str], after: int
) -> None:
    """Add the rows of some days with ids after one, as one sorted run."""
    if days:
        # DuckDB skips row groups by the span, which it cannot do by an expression of a column.
        connection.execute(
            f"insert into {table} select * from ({source.select})"
            f" where {DAY} in (select unnest($days::date[])) and {source.key} > $after"
            f" and timestamp >= $first::date and timestamp < $last::date + 1{source.order}",
            {"days": days, "after": after, "first": min(days), "last": max(days)},
        )


def bring_up_to_date(
    connection: duckdb.DuckDBPyConnection, table: str, source: Source, former: Days
) -> Days | None:
    """Give a table that holds `former` the rows of a source with its columns; returns its days.

    None: the table's rows are not those, day by day, and it must be written as a whole.
    """
    known, now = _read(connection, source, former.newest)
    gone, written, continued = changes(former, known, now.days)
    if gone:
        connection.execute(f"delete from {table} where {DAY} in (select unnest(?::date[]))", [gone])
    _append(connection, table, source, written, -1)
    _append(connection, table, source, continued, former.newest)
    counted = connection.execute(f"select {DAY}::varchar, count(*) from {table} group by all")
    if dict(counted.fetchall()) != {day: found.rows for day, found in now.days.items()}:
        return None
    runs = {day: former.days[day].runs for day in now.days if day not in written}
    runs |= {day: runs[day] + 1 for day in continued}
    days = {day: found._replace(runs=runs.get(day, 1)) for day, found in now.days.items()}
    return Days(days, now.newest)
