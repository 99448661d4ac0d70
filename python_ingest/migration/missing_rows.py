"""Which rows of an extracted range are not here: SQL that compares the two as multisets.

A row there is the row here that is equal in the columns `same` and `told` of its table. One that
tells nothing in `told` (its column is younger than the row) can be any of those that are equal in
`same`; so can any row there be one here that tells nothing.
"""

from collections.abc import Mapping

from python_ingest.feeds.kinds import Kind
from python_ingest.feeds.relation import hashed
from python_ingest.migration.query import SQL
from python_ingest.migration.tables import TABLES
from python_ingest.storage.sql import quoted

# Rows of a kind that counts occurrences go on counting.
_NUMBERED = """,
    (
        coalesce((select max(highest) from here where here.content_hash = found.content_hash), 0)
        + row_number() over (partition by content_hash order by row_number)
    )::integer as occurrence"""


def told_by(relation: str, columns: Mapping[str, str]) -> tuple[str, ...]:
    """Return the columns `told` that an extract with these columns and types has.

    A number that is no DOUBLE there may have been rounded when it was written.
    """
    rounded = ("FLOAT", "DECIMAL")
    told = TABLES[relation].told
    return tuple(n for n in told if n in columns and not columns[n].startswith(rounded))


def rows_here(relation: str, kind: Kind, told: tuple[str, ...], rows: str, span: str) -> str:
    """Return SQL of how often each row of a range is here, by content."""
    columns = ", ".join(map(quoted, (*TABLES[relation].same, *told)))
    highest = "max(occurrence)" if kind.occurrences else "1"
    return (
        f"select {columns}, content_hash, count(*) as copies, {highest} as highest"
        f" from {hashed(kind, f'(from {rows} where {span})')} group by all"
    )


def missing_rows(relation: str, kind: Kind, told: tuple[str, ...], here: str) -> str:
    """Return SQL of the rows of `judged` that are missing in `here`, and of those with a reason.

    `here` has what `rows_here` returns.
    """
    same = TABLES[relation].same
    return SQL.missing_rows(
        here=here,
        same=", ".join(map(quoted, same)),
        whole=", ".join(map(quoted, (*same, *told))),
        tells=" or ".join(f"{quoted(name)} is not null" for name in told) or "false",
        found=hashed(kind, "missing"),
        numbered=_NUMBERED if kind.occurrences else "",
    )
