"""The limit on amounts of instruments that have a multiplier, which only the warehouse knows."""

from __future__ import annotations

import duckdb

from python_ingest.feeds.kinds import Kind
from python_ingest.feeds.values import MULTIPLIER, too_large
from python_ingest.storage.cold_files import exists
from python_ingest.storage.sql import quoted

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
    fields = ", ".join(f"{quoted(name)} := {quoted(name)}" for name in kind.column_names)
    whens = " ".join(
        f"when {condition} then {reason}" for condition, reason in too_large(kind, "multiplier")
    )
    return f"""
        select * exclude (multiplier, too_large) replace (
            coalesce(reason, too_large) as reason,
            case when too_large is null then raw_text
                else to_json(struct_pack({fields}))::varchar end as raw_text
        )
        from (
            select *, case when reason is null and ignored is null then case {whens} end end
                as too_large
            from (
                select given.*, coalesce(listed.multiplier, 1)::{MULTIPLIER} as multiplier
                from ({rows}) as given
                left join (
                    select exchange, symbol, max(multiplier) as multiplier
                    from {_INSTRUMENTS} where multiplier > 1 group by all
                ) as listed
                on given.exchange = listed.exchange and given.symbol = listed.symbol
            )
        )"""
