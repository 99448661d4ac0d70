"""Figures of newly landed data as small frames, computed by DuckDB and judged elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd

from python_ingest.landing.cold_duplicates import WAITS
from python_ingest.storage.cold_files import readable_files
from python_ingest.storage.cold_relations import RELATIONS
from python_ingest.storage.cold_views import with_files

# kind of landing -> its table
TABLES = {
    "ticks": "market_ticks",
    "corrections": "tick_corrections",
    "orders": "order_events",
    "cash": "cash_events",
    "actions": "corporate_actions",
    "statements": "statements",
    "metrics": "system_metrics",
    "logs": "application_logs",
}

# Landed rows may be exported before the audit: `landed_<table>` has all of them.
_IN_RAW = " union all ".join(
    f"select batch_id, count(*) as rows from landed_{table} where batch_id > $after group by all"
    for table in TABLES.values()
)

# The manifest against the rows in the tables, per kind of landing.
_LANDINGS = f"""
with

in_raw as (

    select batch_id, sum(rows) as rows
    from (
        {_IN_RAW}
        union all
        select batch_id, rows from raw.removed_rows where batch_id > $after
    )
    group by all

),

rejected as (

    select
        batch_id,
        count(*) as rows,
        count_if(suffix(reason, $waits)) as waiting
    from raw.rejected_rows
    where batch_id > $after
    group by all

),

-- Why most rows of a batch were rejected, those aside that wait.
reasons as (

    select batch_id, arg_max(reason, rows) as reason
    from (
        select batch_id, reason, count(*) as rows
        from raw.rejected_rows
        where batch_id > $after and not suffix(reason, $waits)
        group by all
    )
    group by all

),

landings as (

    select
        landings.*,
        reasons.reason,
        landings.rows_rejected - coalesce(rejected.waiting, 0) as refused,
        coalesce(in_raw.rows, 0) != landings.rows_landed
        or coalesce(rejected.rows, 0) != landings.rows_rejected as disagrees
    from raw.landings
    left join in_raw using (batch_id)
    left join rejected using (batch_id)
    left join reasons using (batch_id)
    where landings.batch_id > $after

)

select
    kind as subject,
    count(*) as batches,
    count_if(disagrees) as batches_that_disagree,
    sum(rows_read)::bigint as rows_read,
    sum(rows_landed)::bigint as rows_landed,
    sum(rows_duplicate)::bigint as rows_duplicate,
    sum(rows_rejected)::bigint as rows_rejected,
    -- Without the rows that wait for an archived day: nothing is wrong with them.
    coalesce(sum(refused) / nullif(sum(rows_read), 0), 0) as rejected_share,
    coalesce(sum(rows_duplicate) / nullif(sum(rows_read), 0), 0) as duplicate_share,
    sum(refused)::bigint as rows_refused,
    arg_max(file_name, refused) as most_rejected_in,
    arg_max(reason, refused) as most_rejected_for
from landings
group by all
order by subject
"""

# Figures per (exchange, symbol, kind). Gaps are searched between minutes that had a tick: exact for
# gaps of a minute and more, and far cheaper than a window over every tick.
_TICKS = """
with

ticks as (

    select
        exchange,
        symbol,
        kind,
        timestamp,
        ingestion_time,
        coalesce(last_price, bid_price, ask_price) as price,
        case when kind = 'quote' then coalesce(bid_size, ask_size) else last_size end as size,
        bid_price > ask_price as is_crossed
    from landed_market_ticks
    where batch_id > $after

),

minutes as (

    select
        exchange,
        symbol,
        kind,
        epoch_us(timestamp) // 60000000 as minute,
        count(*) as ticks,
        count_if(price is null) as unpriced,
        count_if(price <= 0) as not_positive,
        count_if(size is null) as unsized,
        count_if(size = 0) as zero_sizes,
        count_if(coalesce(is_crossed, false)) as crossed,
        count_if(timestamp > ingestion_time + interval 5 second) as from_the_future,
        min(price) as min_price,
        max(price) as max_price,
        min(timestamp) as first_at,
        max(timestamp) as last_at
    from ticks
    group by all

),

gaps as (

    select
        * exclude (exchange, symbol, kind),
        exchange || ' ' || symbol || ' ' || kind as subject,
        first_at - lag(last_at) over (
            partition by exchange, symbol, kind order by minute
        ) as gap
    from minutes

)

select
    subject,
    sum(ticks)::bigint as ticks,
    sum(unpriced)::bigint as unpriced,
    sum(not_positive) / sum(ticks) as not_positive_share,
    sum(unsized)::bigint as unsized,
    sum(zero_sizes) / sum(ticks) as zero_size_share,
    sum(crossed) / sum(ticks) as crossed_share,
    sum(from_the_future)::bigint as from_the_future,
    min(min_price)::double as min_price,
    max(max_price)::double as max_price,
    coalesce(max(max_price)::double / nullif(min(min_price)::double, 0), 1) as price_range,
    min(first_at) as first_at,
    max(last_at) as last_at,
    coalesce(epoch(max(gap)), 0) as largest_gap_seconds
from gaps
group by all
order by subject
"""

# Ticks that landed twice, and pairs of one key with different content.
_KEYS = """
with

repeated as (

    select content_hash, occurrence, count(*) - 1 as copies
    from landed_market_ticks
    where batch_id > $after
    group by all
    having count(*) > 1

),

landed_twice as (

    select distinct
        ticks.exchange || ' ' || ticks.symbol || ' ' || ticks.kind as subject,
        repeated.*
    from landed_market_ticks as ticks
    inner join repeated using (content_hash, occurrence)
    where ticks.batch_id > $after

),

conflicts as (

    select ticks.exchange || ' ' || ticks.symbol || ' ' || ticks.kind as subject
    from raw.tick_conflicts
    inner join landed_market_ticks as ticks using (tick_id)
    where tick_conflicts.batch_id > $after and not coalesce(is_one_trade, false)

)

select subject, sum(copies)::bigint as landed_twice, 0::bigint as conflicts
from landed_twice
group by all
union all
select subject, 0, count(*)
from conflicts
group by all
"""

_ORDERS = """
select
    exchange || ' ' || symbol || ' ' || event_type as subject,
    count(*) as events,
    count(distinct order_id) as orders,
    count(*) - count(distinct (account_id, event_id)) as landed_twice,
    count_if(
        event_type in ('fill', 'partial_fill')
        and (fill_quantity is null or fill_price is null or fill_quantity <= 0)
    ) as incomplete_fills,
    count_if(coalesce(quantity > 0 and fill_quantity > quantity, false)) as overfills,
    count_if(strategy_id is null) / count(*) as no_strategy_share,
    min(event_time) as first_at,
    max(event_time) as last_at
from raw.order_events
where batch_id > $after
group by all
order by subject
"""


@dataclass(frozen=True)
class Profile:
    """Frames of one row per `subject`: kinds of landing, instruments and tick kinds, events."""

    landings: pd.DataFrame
    ticks: pd.DataFrame
    orders: pd.DataFrame


def profile(connection: duckdb.DuckDBPyConnection, data_dir: Path, after: int) -> Profile:
    """Return the figures of everything in batches after `after`, warm or cold."""
    _define_landed(connection, data_dir, after)
    parameters = {"after": after}
    ticks = connection.execute(_TICKS, parameters).df()
    keys = connection.execute(_KEYS, parameters).df().groupby("subject").sum()
    ticks = ticks.join(keys, on="subject")
    counts = ["landed_twice", "conflicts"]
    ticks[counts] = ticks[counts].fillna(0).astype("int64")
    return Profile(
        landings=connection.execute(_LANDINGS, {**parameters, "waits": WAITS}).df(),
        ticks=ticks,
        orders=connection.execute(_ORDERS, parameters).df(),
    )


def _define_landed(connection: duckdb.DuckDBPyConnection, data_dir: Path, after: int) -> None:
    for table in TABLES.values():
        rows = f"raw.{table}"
        if table in RELATIONS:
            files = readable_files(connection, table, after_batch=after)
            rows = with_files(connection, data_dir, RELATIONS[table], files)
        connection.execute(f"create or replace temp view landed_{table} as select * from {rows}")
