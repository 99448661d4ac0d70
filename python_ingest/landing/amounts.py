"""The limit on amounts of instruments that have a multiplier, which only the warehouse knows."""

from __future__ import annotations

import duckdb

from python_ingest.feeds.kinds import Kind
from python_ingest.feeds.values import MULTIPLIER, too_large
from python_ingest.landing.rejects import rejected_where
from python_ingest.storage.cold_files import exists

_INSTRUMENTS = "reference.instruments"  # dbt's seed; there is none before the first build


def within_limit(connection: duckdb.DuckDBPyConnection, kind: Kind, rows: str) -> str:
    """Return SQL of a segment's rows, those rejected whose amount times multiplier is too large.

    Files are read without the warehouse, with a multiplier of 1; this is what that cannot see.
    """
    if not kind.products or not exists(connection, _INSTRUMENTS):
        return rows
    large = connection.execute(
        f"select count(*) from {_INSTRUMENTS} where multiplier > 1"
    ).fetchall()[0][0]
    if not large:
        return rows
    whens = " ".join(
        f"when {condition} then {reason}" for condition, reason in too_large(kind, "multiplier")
    )
    with_multiplier = f"""
        select given.*, coalesce(listed.multiplier, 1)::{MULTIPLIER} as multiplier
        from ({rows}) as given
        left join (
            select exchange, symbol, max(multiplier) as multiplier
            from {_INSTRUMENTS} where multiplier > 1 group by all
        ) as listed
        on given.exchange = listed.exchange and given.symbol = listed.symbol"""
    judged = rejected_where(kind, f"({with_multiplier})", f"case {whens} end")
    return f"select * exclude (multiplier) from ({judged})"
