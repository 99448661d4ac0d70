"""The rejected rows of a file: recorded once, and why they were rejected.

Among them are those whose amount is too large, which only the warehouse knows: it has the
multipliers of instruments.
"""

from dataclasses import dataclass

import duckdb

from python_ingest.feeds.kinds import Kind
from python_ingest.feeds.values import MULTIPLIER, too_large
from python_ingest.landing.query import SQL
from python_ingest.landing.spool import Segment
from python_ingest.storage.cold_files import exists
from python_ingest.storage.sql import first_of, named_in, quoted, value_of

_INSTRUMENTS = "reference.instruments"  # dbt's seed; there is none before the first build


@dataclass(frozen=True)
class Reason:
    """Why rows of a file are rejected: how many, and the first of them, as it was read.

    `known`: how many of them were recorded when the file landed before.
    """

    reason: str
    rows: int
    known: int
    line: int
    text: str | None


def rejected_where(kind: Kind, rows: str, why: str, more: str = "") -> str:
    """Return SQL of a segment's rows, those rejected of which `why` (SQL) gives a reason.

    They carry their values as `raw_text`, since no text is kept of a row that was accepted.
    `more`: columns to add (SQL); they may ask for that reason, `late_reason`.
    """
    fields = ", ".join(f"{quoted(name)} := {quoted(name)}" for name in kind.column_names)
    return SQL.rejected_where(rows, why, fields, more)


def within_limit(connection: duckdb.DuckDBPyConnection, kind: Kind, rows: str) -> str:
    """Return SQL of a segment's rows, those rejected whose amount times multiplier is too large.

    Files are read without the warehouse, with a multiplier of 1; this is what that cannot see.
    """
    if not kind.products or not exists(connection, _INSTRUMENTS):
        return rows
    if not value_of(connection, f"select count(*) from {_INSTRUMENTS} where multiplier > 1"):
        return rows
    with_multiplier = SQL.with_multiplier(rows, _INSTRUMENTS, MULTIPLIER)
    judged = rejected_where(kind, with_multiplier, first_of(too_large(kind, "multiplier")))
    return f"select * exclude (multiplier) from ({judged})"


def reasons(connection: duckdb.DuckDBPyConnection, segment: Segment) -> list[Reason]:
    """Return why rows of the relation `batch` are rejected; ask before they are recorded."""
    sql = SQL.reasons()
    rows = connection.execute(sql, named_in(sql, vars(segment))).fetchall()
    return [Reason(*row) for row in rows]


def record(
    connection: duckdb.DuckDBPyConnection, segment: Segment, batch_id: int, clock: str
) -> int:
    """Record the rejected rows of the relation `batch` that are not yet; return how many."""
    sql = SQL.record(clock)
    return int(value_of(connection, sql, named_in(sql, {**vars(segment), "batch_id": batch_id})))
