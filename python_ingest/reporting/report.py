"""Make the report: read the publication, write one HTML file."""

from __future__ import annotations

from pathlib import Path

from python_ingest.publication.attached import opened
from python_ingest.reporting import figures, health
from python_ingest.reporting.page import Report, page
from python_ingest.settings import Settings
from python_ingest.storage.files import move_into_place

MOST_SYMBOLS = 8

# The most wanted columns come first: a phone shows four.
_POSITIONS = (
    "select symbol, strategy_id as strategy, quantity, unrealized_pnl, average_entry_price as"
    " average, current_price as price, market_value, realized_pnl, exchange, opened_at,"
    " snapshot_time as valued_at"
    " from current_positions order by abs(market_value) desc nulls last, exchange, symbol"
)
_TRIPS = (
    "select symbol, strategy_id as strategy, net_pnl, currency,"
    " coalesce(closed_at::timestamp(0)::varchar, 'open') as closed_at, side, fills,"
    " entered_quantity as quantity, average_entry_price as entry, average_exit_price as exit,"
    " exchange"
    " from round_trips order by round_trips.closed_at desc nulls first, exchange, symbol"
)
# Of each account the newest statement: what differs, or one row that says that nothing does.
STATEMENTS = (
    "with newest as (from reconciliation"
    " qualify as_of = max(as_of) over (partition by account_id, exchange)),"
    " rows as (select account_id as account, coalesce(symbol, currency) as item, status,"
    "  our_quantity as ours, their_quantity as theirs, quantity_difference as difference,"
    "  cost_difference, market_value_difference as value_difference,"
    "  exchange, as_of, last_agreement_at as last_agreement, first_fill_at as first_fill"
    "  from newest where status <> 'agrees'"
    "  union all by name select account_id as account, count(*) || ' of ' || count(*) as item,"
    "  'agrees' as status, exchange, as_of"
    "  from newest group by account_id, exchange, as_of having bool_and(status = 'agrees'))"
    " from rows order by account, exchange, status = 'agrees', item"
)


def gather(published: Path, symbols: list[str], timeframes: list[str]) -> Report:
    """Read everything the page says from a publication.

    Raises NotPublishedError, UsageError for a symbol or timeframe without bars, DatabaseError.
    """
    with opened(published) as connection:
        lengths = figures.timeframes(connection, timeframes)
        charts = [
            figures.chart(connection, exchange, symbol, timeframe)
            for exchange, symbol in figures.instruments(connection, symbols, MOST_SYMBOLS)
            for timeframe in lengths
        ]
        return Report(
            made_at=figures.now(),
            facts=health.last_build(connection, published),
            charts=[chart for chart in charts if chart.bars],
            equity=figures.equity(connection),
            positions=figures.table(connection, _POSITIONS),
            trips=figures.table(connection, _TRIPS, figures.TRIPS_SHOWN),
            statements=figures.table(connection, STATEMENTS),
            health=health.tables(connection),
        )


def write_report(
    settings: Settings, out: Path, symbols: list[str], timeframes: list[str]
) -> Report:
    """Write the page of what is published now; it appears whole or not at all."""
    report = gather(settings.published_path, symbols, timeframes)
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{out.name}.tmp")
    temporary.write_text(page(report), encoding="utf-8")
    move_into_place(temporary, out)
    return report
