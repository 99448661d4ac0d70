"""The newest quote and the newest trade of each instrument, kept up to date in memory."""

from __future__ import annotations

import duckdb

# At one time a trade is newer than an aggregate trade; two of one kind are in trade order.
_ORDER = """{
    'at': timestamp,
    'kind': kind,
    'nanoseconds': coalesce(nanoseconds, 0),
    'number': coalesce(sequence_number, 9223372036854775807),
    'trade_number': coalesce(
        try_cast(trade_id as hugeint), 170141183460469231731687303715884105727
    ),
    'place': coalesce(place, 2147483647),
    'content_hash': content_hash
}"""
# What is published does not say its order: what comes at the same time is newer.
_PUBLISHED = """{{
    'at': {0},
    'kind': '',
    'nanoseconds': 0::smallint,
    'number': 0::bigint,
    'trade_number': 0::hugeint,
    'place': 0,
    'content_hash': 0::bigint
}}"""
_LATEST = f"""
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
        max(traded.at) as traded_at,
        max(quoted) as quoted,
        max(traded) as traded
    from (
        select exchange, symbol, timestamp, bid_price, ask_price, bid_size, ask_size, last_price,
            last_size,
            case when kind = 'quote' then {_ORDER} end as quoted,
            case when kind <> 'quote' then {_ORDER} end as traded
        from batch where timestamp <= now()::timestamp + interval 5 seconds
        union all by name
        select exchange, symbol, quoted_at as timestamp, bid_price, ask_price, bid_size, ask_size,
            quoted
        from hot.latest_ticks where quoted_at is not null
        union all by name
        select exchange, symbol, traded_at as timestamp, last_price, last_size, traded
        from hot.latest_ticks where traded_at is not null
    )
    where (exchange, symbol) in (select (exchange, symbol) from batch)
    group by exchange, symbol
"""


def with_order(published: str) -> str:
    """Return SQL of the published latest ticks with what later ones are compared with."""
    quoted = f"case when quoted_at is not null then {_PUBLISHED.format('quoted_at')} end"
    traded = f"case when traded_at is not null then {_PUBLISHED.format('traded_at')} end"
    return f"select *, {quoted} as quoted, {traded} as traded from {published}"


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
