"""The newest quote and the newest trade of each instrument, kept up to date in memory."""

from __future__ import annotations

import duckdb

_LATEST = """
    select
        exchange,
        symbol,
        max(timestamp) as timestamp,
        arg_max(bid_price, quoted) as bid_price,
        arg_max(ask_price, quoted) as ask_price,
        arg_max(bid_size, quoted) as bid_size,
        arg_max(ask_size, quoted) as ask_size,
        max(quoted.at) as quoted_at,
        arg_max(last_price, traded) as last_price,
        arg_max(last_size, traded) as last_size,
        max(traded.at) as traded_at
    from (
        select *,
            case when kind = 'quote' then {'at': timestamp, 'n': number} end as quoted,
            case when kind <> 'quote' then {'at': timestamp, 'n': number} end as traded
        from (
            select exchange, symbol, timestamp, kind, bid_price, ask_price, bid_size, ask_size,
                last_price, last_size, coalesce(sequence_number, 0) as number
            from batch where timestamp <= now()::timestamp + interval 5 seconds
            union all by name
            select exchange, symbol, quoted_at as timestamp, 'quote' as kind, bid_price,
                ask_price, bid_size, ask_size, -1 as number
            from hot.latest_ticks where quoted_at is not null
            union all by name
            select exchange, symbol, traded_at as timestamp, 'trade' as kind, last_price,
                last_size, -1 as number
            from hot.latest_ticks where traded_at is not null
        )
    )
    where (exchange, symbol) in (select (exchange, symbol) from batch)
    group by exchange, symbol
"""


def follow_latest(connection: duckdb.DuckDBPyConnection) -> None:
    """Bring `hot.latest_ticks` up to the ticks of the temporary table `batch`.

    A tick more than 5 s ahead of the clock is ignored.
    """
    connection.execute(f"create or replace temp table latest as {_LATEST}")
    connection.execute("""
        delete from hot.latest_ticks
        where (exchange, symbol) in (select (exchange, symbol) from latest)
    """)
    connection.execute("insert into hot.latest_ticks by name select * from latest")
