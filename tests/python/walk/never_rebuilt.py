"""What must be true of rows that no full refresh brings back: revisions, snapshots, files."""

from typing import Any

import duckdb

from .warehouse import Warehouse

Bars = dict[int, tuple[Any, ...]]
BAR = "open, high, low, close, volume, vwap, trade_count"
COMPLETE = f"""
select bar_id, exchange || ' ' || symbol || ' ' || timeframe || ' ' || timestamp, built_at, {BAR}
from ohlcv_bars where is_complete
"""
TICK_IDS = "(select tick_id from raw.market_ticks union all select tick_id from cold.market_ticks)"
LANDED = "(select coalesce(sum(rows_landed), 0) from landings where kind = '{}')"
REMOVED = "(select coalesce(sum(rows), 0) from raw.removed_rows where relation = '{}')"
KEYS = {
    "market_ticks": "tick_id",
    "ohlcv_bars": "bar_id",
    "orders": "order_id",
    "trades": "trade_id",
    "positions": "position_id",
    "portfolio_snapshots": "snapshot_id",
    "system_metrics": "metric_id",
    "system_metrics_1h": "rollup_id",
    "application_logs": "log_id",
}
NEVER_RESTATED = ("market_ticks", "system_metrics", "application_logs")
# All rows in a relation's files; the view without the suffix leaves out what is warm again.
FILES = {
    relation: f"cold.{relation}{'' if relation in NEVER_RESTATED else '_in_files'}"
    for relation in KEYS
}
HISTORIES = {
    "orders": "order_id, quantity, price, filled_quantity, average_fill_price, status, commission",
    "current_positions": (
        "account_id, exchange, symbol, strategy_id, quantity, average_entry_price, realized_pnl,"
        " opened_at"
    ),
}


def _history_ends_with(mart: str) -> str:
    now = f"select {HISTORIES[mart]} from {mart}"
    ends = f"select {HISTORIES[mart]} from snapshots.{mart}_history where dbt_valid_to is null"
    return f"(({ends}) except all ({now})) union all (({now}) except all ({ends}))"


# By what is promised: a query for what breaks it.
PROMISES = {
    "the spans of a bar's revisions do not overlap": """
        from (
            select *, lag(valid_to) over (partition by bar_id order by valid_from) as before
            from ohlcv_bar_revisions
        ) where valid_from >= valid_to or before > valid_from
    """,
    "a bar's last revision ends when the bar was built, or before": """
        select r.* from ohlcv_bar_revisions as r inner join ohlcv_bars as b using (bar_id)
        where r.valid_to > b.built_at
    """,
    "a revision says something else than the bar that replaced it": f"""
        select r.* from ohlcv_bar_revisions as r
        inner join ohlcv_bars as b on r.bar_id = b.bar_id and r.valid_to = b.built_at
        where ({", ".join(f"r.{name}" for name in BAR.split(", "))})
            is not distinct from ({", ".join(f"b.{name}" for name in BAR.split(", "))})
    """,
    "every landed tick is there once, in the database or in a file": f"""
        select {LANDED.format("ticks")} as landed, count(*) as ticks, count(distinct tick_id) as ids
        from {TICK_IDS}
        having landed <> ticks or ticks <> ids
    """,
    "no tick is shown that has not landed": f"""
        select tick_id from market_ticks where tick_id not in (from {TICK_IDS})
    """,
    "every landed log line is there, or counted as removed": f"""
        select {LANDED.format("logs")} as landed, count(*) as lines,
            {REMOVED.format("application_logs")} as removed
        from application_logs
        having landed <> lines + removed
    """,
    "every landed sample is there, or counted as removed": f"""
        select {LANDED.format("metrics")} as landed, count(*) as samples,
            {REMOVED.format("system_metrics")} as removed
        from system_metrics
        having landed <> samples + removed
    """,
    "every landed sample is counted in its hour": f"""
        select {LANDED.format("metrics")} as landed, coalesce(sum(sample_count), 0) as counted
        from system_metrics_1h
        having landed <> counted
    """,
    **{
        f"no row of {relation} is warm and cold": f"""
            select {key}, count(*) from {relation} group by {key} having count(*) > 1
        """
        for relation, key in KEYS.items()
    },
    **{
        f"the files of {relation} have the rows that the manifest says": f"""
            select count(*) as rows, (
                select coalesce(sum(rows), 0) from cold_files
                where relation = '{relation}' and state in ('local', 'restored')
            ) as said
            from {files}
            having rows <> said
        """
        for relation, files in FILES.items()
    },
    **{
        f"the history of {mart} ends with what {mart} says": _history_ends_with(mart)
        for mart in HISTORIES
    },
}


def broken(warehouse: Warehouse) -> list[str]:
    """The promises that do not hold after a whole build, each with the first rows that break it."""
    lines = []
    for promise, query in PROMISES.items():
        try:
            rows = warehouse.rows(query)
        except duckdb.Error as error:
            lines.append(f"not known: {promise}: {str(error).splitlines()[0]}")
            continue
        if rows:
            lines += [f"not so: {promise} ({len(rows)} rows)", *(f"    {row}" for row in rows[:3])]
    return lines


def complete_bars(warehouse: Warehouse) -> Bars:
    """Complete bars by id: name, when built, and what they say; none before the first build."""
    known = "select count(*) from duckdb_views() where schema_name = 'main'"
    if warehouse.rows(f"{known} and view_name = 'ohlcv_bars'") == [(0,)]:
        return {}
    return {row[0]: row[1:] for row in warehouse.rows(COMPLETE)}


def not_revised(warehouse: Warehouse, before: Bars) -> list[str]:
    """Complete bars of before that say something else now, or are gone, without a revision."""
    if not before:
        return []
    after = complete_bars(warehouse)
    changed = [
        (bar, *row) for bar, row in before.items() if bar not in after or after[bar][2:] != row[2:]
    ]
    revisions = {
        row[:-1]: row[-1]
        for row in warehouse.rows(
            f"select bar_id, valid_from, {BAR}, valid_to from ohlcv_bar_revisions"
        )
    }
    lines = []
    for bar, name, built_at, *content in changed:
        until = revisions.get((bar, built_at, *content))
        if until is None:
            lines.append(f"not so: a complete bar that changed has a revision: {name} {content}")
        elif bar in after and after[bar][1] != until:
            lines.append(f"not so: a revision ends when its successor was built: {name} {until}")
    return lines
