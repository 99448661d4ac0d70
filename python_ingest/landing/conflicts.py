"""What decides later between ticks of one key whose content differs: who said which.

Both functions look at what `deduplicate.find_duplicates` left of the batch.
"""

from __future__ import annotations

import duckdb

from python_ingest.feeds.kinds import TICKS
from python_ingest.landing.deduplicate import RELIABLE, same_content


def record_confirmations(connection: duckdb.DuckDBPyConnection, batch_id: int) -> None:
    """Write which ticks of a websocket this batch repeats from REST or a backfill.

    So that what a tick counts for does not depend on which copy of it came first.
    """
    connection.execute(f"""
        insert into raw.tick_confirmations
        with repeats as (
            select known.tick_id, min(s.source) as source
            from suspects as s
            join known_copies as known on {same_content(TICKS)}
            where s.keyed and s.source in {RELIABLE} and known.source not in {RELIABLE}
            group by known.tick_id
        )
        select {batch_id}, tick_id, source
        from repeats
        where tick_id not in (
            select tick_id
            from raw.tick_confirmations
            where tick_id between (select min(tick_id) from repeats)
                and (select max(tick_id) from repeats)
        )
    """)


def record_conflicts(connection: duckdb.DuckDBPyConnection, batch_id: int, known: str) -> None:
    """Write pairs of ticks with one key and different content, new ones against the best known.

    Each new tick is paired with the best of all of its key (by the source it was landed with;
    staging heeds confirmations too), and that one, if it is new, with the best before: so every
    loser loses at least one pair, and a key that a million rows share costs a million pairs, not a
    million squared.
    """
    rank = f"{{'late': source not in {RELIABLE}, 'content_hash': content_hash}}"
    key = (
        "exchange, symbol, kind, venue, timestamp::date as day, trade_id,"
        " case when trade_id is null then sequence_number end as sequence"
    )
    connection.execute(f"""
        create or replace temp table new_rivals as
        select {batch_id} * 4294967296 + row_number as tick_id, {key}, {rank} as preference
        from batch
        where reason is null and ignored is null
            and row_number in (select row_number from suspect_rows)
            and row_number not in (select row_number from dropped)
            and (trade_id is not null or sequence_number is not null)
    """)
    found = connection.execute("select count(*), min(day), max(day) from new_rivals").fetchone()
    if not found or not found[0]:
        return
    connection.execute(
        f"""
        with
        new as (
            select * from new_rivals
        ),
        old as (
            select exchange, symbol, kind, venue, day, trade_id, sequence,
                arg_min(tick_id, preference) as tick_id, min(preference) as preference
            from (
                select tick_id, {key}, {rank} as preference
                from {known}
                where timestamp >= $first and timestamp < $last::date + interval 1 day
                    and batch_id < {batch_id}
            ) as t
            semi join new on t.exchange = new.exchange and t.symbol = new.symbol
                and t.kind = new.kind and t.venue is not distinct from new.venue
                and t.day = new.day and t.trade_id is not distinct from new.trade_id
                and t.sequence is not distinct from new.sequence
            group by all
        ),
        best as (
            select exchange, symbol, kind, venue, day, trade_id, sequence,
                arg_min(tick_id, preference) as tick_id
            from (select * from new union all by name select * from old)
            group by all
        )
        insert into raw.tick_conflicts
        select {batch_id}, new.tick_id,
            case when new.tick_id = best.tick_id then old.tick_id else best.tick_id end as rival
        from new
        join best on new.exchange = best.exchange and new.symbol = best.symbol
            and new.kind = best.kind and new.venue is not distinct from best.venue
            and new.day = best.day and new.trade_id is not distinct from best.trade_id
            and new.sequence is not distinct from best.sequence
        left join old on new.exchange = old.exchange and new.symbol = old.symbol
            and new.kind = old.kind and new.venue is not distinct from old.venue
            and new.day = old.day and new.trade_id is not distinct from old.trade_id
            and new.sequence is not distinct from old.sequence
        where (case when new.tick_id = best.tick_id then old.tick_id else best.tick_id end)
            is not null
        """,
        {"first": found[1], "last": found[2]},
    )
