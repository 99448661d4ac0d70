"""The limit on amounts of instruments that have a multiplier, which only the warehouse knows."""

import duckdb

from python_ingest.feeds.kinds import Kind
from python_ingest.feeds.values import MULTIPLIER, too_large
from python_ingest.landing.query import SQL
from python_ingest.landing.rejects import rejected_where
from python_ingest.storage.cold_files import exists
from python_ingest.storage.sql import value_of

_INSTRUMENTS = "reference.instruments"  # dbt's seed; there is none before the first build


def within_limit(connection: duckdb.DuckDBPyConnection, kind: Kind, rows: str) -> str:
    """Return SQL of a segment's rows, those rejected whose amount times multiplier is too large.

    Files are read without the warehouse, with a multiplier of 1; this is what that cannot see.
    """
    if not kind.products or not exists(connection, _INSTRUMENTS):
        return rows
    if not value_of(connection, f"select count(*) from {_INSTRUMENTS} where multiplier > 1"):
        return rows
    whens = " ".join(
        f"when {condition} then {reason}" for condition, reason in too_large(kind, "multiplier")
    )
    with_multiplier = SQL.with_multiplier(rows, _INSTRUMENTS, MULTIPLIER)
    judged = rejected_where(kind, with_multiplier, f"case {whens} end")
    return f"select * exclude (multiplier) from ({judged})"
