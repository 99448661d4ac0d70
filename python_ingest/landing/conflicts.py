"""What decides later between ticks of one key whose content differs: who said which.

Both functions look at what `deduplicate.find_duplicates` left of the batch.
"""

from __future__ import annotations

import duckdb

from python_ingest.feeds.kinds import TICKS
from python_ingest.feeds.relation import hashed
from python_ingest.landing.deduplicate import RELIABLE, same_content
from python_ingest.landing.identity import KEYLESS
from python_ingest.storage.sql import quoted

# By what its feed said when it landed; before that was kept every number was a key.
_OTHERS = "(select batch_id from raw.landings where not {0}_identifies)"
_KEY_ID = f"case when batch_id not in {_OTHERS.format('trade_id')} then trade_id end"
_KEYS_OF_KNOWN = (
    f"{_KEY_ID} as key_id, case when {_KEY_ID} is null"
    f" and batch_id not in {_OTHERS.format('sequence')} then sequence_number end as key_number"
)


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
            where s.id is not null and s.source in {RELIABLE} and known.source not in {RELIABLE}
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


# What makes a tick of a kind; two copies of it have the same. All else a feed may leave out.
_PRICED = ("bid_price", "ask_price", "bid_size", "ask_size")
_TRADED = ("last_price", "last_size")


def _told() -> str:
    """SQL of what says whether two ticks of a key are one trade."""
    priced = ", ".join(f"case when kind = 'quote' then {name} end" for name in _PRICED)
    others = [c.name for c in TICKS.columns if c.in_hash and c.name not in (TICKS.time, *_TRADED)]
    hashes = ", ".join(f"case when {n} is not null then hash({n}) end" for n in map(quoted, others))
    return (
        f"struct_pack(core := hash({', '.join(_TRADED)}, {priced}), others := [{hashes}],"
        " clock := timestamp, below := coalesce(nanoseconds, 0))"
    )


def _is_one_trade(one: str, other: str) -> str:
    """SQL: do both tell the same trade? One may cut its time, and each may leave something out."""

    def cuts(coarse: str, fine: str) -> str:
        cut = ", ".join(f"date_trunc('{unit}', {fine}.clock)" for unit in ("second", "millisecond"))
        return f"{coarse}.below = 0 and {coarse}.clock in ({cut}, {fine}.clock)"

    # NULL where one of the two tells nothing, which the list leaves out
    differ = f"list_filter(list_zip({one}.others, {other}.others), lambda x: x[1] <> x[2])"
    return (
        f"{one}.core = {other}.core and len({differ}) = 0"
        f" and ({cuts(one, other)} or {cuts(other, one)})"
    )


def record_conflicts(connection: duckdb.DuckDBPyConnection, batch_id: int, known: str) -> None:
    """Write pairs of ticks with one key and different content, new ones against the best known.

    Each new tick is paired with the best of all of its key (by the source it was landed with;
    staging heeds confirmations too), and that one, if it is new, with the best before: so every
    loser loses at least one pair, and a key that a million rows share costs a million pairs, not a
    million squared.
    """
    rank = f"{{'late': source not in {RELIABLE}, 'content_hash': content_hash}}"
    told = _told()
    series = "exchange, symbol, kind, venue, timestamp::date as day"
    left = f"""(
        select * from suspect_batch
        where row_number not in (select row_number from dropped) and not ({KEYLESS})
    )"""
    connection.execute(f"""
        create or replace temp table new_conflicts as
        select {batch_id} * 4294967296 + row_number as tick_id, {series}, key_id, key_number,
            {rank} as preference, {told} as told
        from {hashed(TICKS, left)}
    """)
    found = connection.execute("select count(*), min(day), max(day) from new_conflicts").fetchone()
    if not found or not found[0]:
        return
    connection.execute(
        f"""
        with
        new as (
            select * from new_conflicts
        ),
        rivals as (
            from (
                select *, timestamp::date as day, {_KEYS_OF_KNOWN}
                from {known}
                where timestamp >= $first and timestamp < $last::date + interval 1 day
                    and batch_id < {batch_id}
            ) as t
            semi join new on t.exchange = new.exchange and t.symbol = new.symbol
                and t.kind = new.kind and t.venue is not distinct from new.venue
                and t.day = new.day and t.key_id is not distinct from new.key_id
                and t.key_number is not distinct from new.key_number
        ),
        old as (
            select exchange, symbol, kind, venue, day, key_id, key_number,
                arg_min(tick_id, {rank}) as tick_id, min({rank}) as preference,
                arg_min({told}, {rank}) as told
            from {hashed(TICKS, "rivals")}
            group by all
        ),
        best as (
            select exchange, symbol, kind, venue, day, key_id, key_number,
                arg_min(tick_id, preference) as tick_id, arg_min(told, preference) as told
            from (select * from new union all by name select * from old)
            group by all
        ),
        pairs as (
            select new.tick_id, new.told,
                case when new.tick_id = best.tick_id then old.tick_id else best.tick_id end
                    as rival,
                case when new.tick_id = best.tick_id then old.told else best.told end as rival_told
            from new
            join best on new.exchange = best.exchange and new.symbol = best.symbol
                and new.kind = best.kind and new.venue is not distinct from best.venue
                and new.day = best.day and new.key_id is not distinct from best.key_id
                and new.key_number is not distinct from best.key_number
            left join old on new.exchange = old.exchange and new.symbol = old.symbol
                and new.kind = old.kind and new.venue is not distinct from old.venue
                and new.day = old.day and new.key_id is not distinct from old.key_id
                and new.key_number is not distinct from old.key_number
        )
        insert into raw.tick_conflicts by name
        select {batch_id} as batch_id, tick_id, rival as rival_tick_id,
            {_is_one_trade("told", "rival_told")} as is_one_trade
        from pairs
        where rival is not null
        """,
        {"first": found[1], "last": found[2]},
    )
