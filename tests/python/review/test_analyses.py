"""What the analyses say of a few rows, worked out by hand; no dbt: they only name relations."""

import re
from pathlib import Path
from typing import Any

import duckdb

ANALYSES = Path(__file__).parents[3] / "analyses"
TRADES = """create table trades (
    order_id varchar, account_id varchar, strategy_id varchar, exchange varchar, symbol varchar,
    side varchar, executed_at timestamp, quantity decimal(28, 10), price decimal(28, 10),
    notional decimal(38, 8), realized_pnl decimal(38, 8), commission decimal(28, 10),
    commission_currency varchar, fees decimal(28, 10))"""
ORDERS = """create table orders (
    order_id varchar, strategy_id varchar, order_type varchar, exchange varchar, symbol varchar,
    created_at timestamp, submitted_at timestamp, status varchar, quantity decimal(28, 10),
    filled_quantity decimal(28, 10))"""


def _answer(analysis: str, *tables: str) -> list[dict[str, Any]]:
    """Rows of an analysis over tables that the statements make."""
    query = (ANALYSES / f"{analysis}.sql").read_text()
    query = re.sub(r"{{ ref\('(\w+)'\) }}", r"main.\1", query)
    assert "{{" not in query
    with duckdb.connect() as connection:
        for statement in tables:
            connection.execute(statement)
        found = connection.execute(query)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _earned(trades: str, positions: str = "") -> list[dict[str, Any]]:
    return _answer(
        "pnl_by_strategy_and_day",
        TRADES,
        "insert into trades by name"
        " select 's' as strategy_id, 'x' as exchange, '2024-01-02 10:00' as executed_at,"
        " 'main' as account_id, 0 as fees, *"
        f" from (values {trades}) as t"
        " (symbol, quantity, price, notional, realized_pnl, commission, commission_currency)",
        """create table positions as
        select 's' as strategy_id, 'x' as exchange, *
        from (values ('none', 'main', 'net', timestamp '2024-01-02', 0::decimal(28, 10),
            null::decimal(38, 8))"""
        + positions
        + """) as p (symbol, account_id, position_side, snapshot_time, quantity, unrealized_pnl)""",
        """create table instrument_terms as
        select 'x' as exchange, * from (values
            ('BTCUSDT', 'BTC', 'USDT', 1, false), ('ES', null, 'USD', 50, true),
            ('BTCUSD', 'BTC', 'BTC', 100, true)
        ) as t (symbol, base_currency, settle_currency, multiplier, margined)""",
    )


def test_a_day_that_only_opens_paid_its_commission() -> None:
    [day] = _earned("('BTCUSDT', 2, 100, 200, null, 0.5, 'USDT')")
    assert (day["realized_pnl"], day["commission"], day["net_realized_pnl"]) == (0, 0.5, -0.5)


def test_commission_and_turnover_are_in_the_currency_that_it_settles_in() -> None:
    """What was charged in a third currency is counted, not added."""
    days = _earned(
        "('BTCUSDT', 2, 100, 200, 7, 0.01, 'BTC'), ('BTCUSDT', 1, 100, 100, 0, 9, 'BNB'),"
        " ('ES', 1, 4000, 200000, 5, 2, 'USD'), ('BTCUSD', 10, 50000, 0.02, 1, 0.001, 'BTC')"
    )
    figures = ("commission", "commissions_elsewhere", "net_realized_pnl", "turnover")
    assert {day["symbol"]: tuple(float(day[name]) for name in figures) for day in days} == {
        "BTCUSDT": (1, 1, 6, 300),
        "ES": (2, 0, 3, 200000),
        "BTCUSD": (0.001, 0, 0.999, 0.02),
    }


def test_open_positions_of_all_accounts_and_sides_are_added() -> None:
    """Each as its last row says: one that was closed has nothing open, whatever it had before."""
    [day] = _earned(
        "('BTCUSDT', 2, 100, 200, 0, 0, 'USDT')",
        """, ('BTCUSDT', 'main', 'net', '2024-01-02 10:00', 2, 5),
        ('BTCUSDT', 'hedged', 'long', '2024-01-02 10:00', 4, 1),
        ('BTCUSDT', 'hedged', 'short', '2024-01-02 11:00', -1, 2),
        ('BTCUSDT', 'other', 'net', '2024-01-02 10:00', 9, 100),
        ('BTCUSDT', 'other', 'net', '2024-01-02 12:00', 0, null)""",
    )
    assert (day["open_quantity"], day["unrealized_pnl"]) == (5, 8)


def test_a_quote_without_a_number_is_a_benchmark() -> None:
    """Of several at one instant the last in trade order; a print counts where there is no quote."""
    tick = "select 'x' as exchange, timestamp '2024-01-02 10:00' as timestamp, * from (values {})"
    names = (
        "(symbol, kind, bid_price, ask_price, last_price, sequence_number, nanoseconds, place,"
        " trade_id, is_busted)"
    )
    rows = """('Q', 'quote', 7, 9, null, null, null, 1, null, false),
        ('Q', 'quote', 9, 11, null, null, null, 2, null, false),
        ('Q', 'trade', null, null, 12, null, null, null, '3', false),
        ('P', 'agg', null, null, 20, null, null, null, '10', false),
        ('P', 'agg', null, null, 30, null, null, null, '9', false)"""
    fills = (
        "'main' as account_id, 's' as strategy_id, 'x' as exchange, 'buy' as side, 1 as quantity"
    )
    found = _answer(
        "slippage_against_quote",
        f"create table market_ticks as {tick.format(rows)} as t {names}",
        ORDERS,
        "insert into orders by name select symbol as order_id, 'x' as exchange, symbol,"
        " timestamp '2024-01-02 11:00' as created_at from (values ('Q'), ('P')) as t (symbol)",
        TRADES,
        f"insert into trades by name select {fills}, symbol as order_id, symbol, 40 as price"
        " from (values ('Q'), ('P')) as t (symbol)",
    )
    assert {row["symbol"]: (row["benchmark"], row["benchmark_kind"]) for row in found} == {
        "Q": (10, "quote"),
        "P": (20, "last trade"),
    }


def test_an_order_of_unknown_quantity_does_not_raise_the_share_that_was_filled() -> None:
    """Of an implied order only the fills are known."""
    [row] = _answer(
        "fill_quality",
        ORDERS,
        "insert into orders by name select 's' as strategy_id, 'market' as order_type,"
        " 'x' as exchange, 'A' as symbol, 'filled' as status, * from (values"
        " ('1', 10, 5), ('2', null, 100)) as t (order_id, quantity, filled_quantity)",
        TRADES,
    )
    assert (row["orders"], row["filled_share_of_accepted"]) == (2, 0.5)


def test_a_book_that_only_lost_is_below_where_it_began() -> None:
    [period] = _answer(
        "drawdown_periods",
        "create table portfolio_snapshots as select timestamp '2024-01-02' + to_hours(n)"
        " as snapshot_time, pnl as total_pnl from (values (0, -5), (1, -8), (2, -6)) as t (n, pnl)",
    )
    assert (period["peak_pnl"], period["deepest_pnl"], period["depth"]) == (0, -8, 8)
    assert period["below_until"] is None


def test_a_profile_takes_aggregates_where_there_are_no_trades() -> None:
    """Of a day that has both it takes the trades, as bars do."""
    levels = _answer(
        "volume_profile",
        "create table market_ticks as select 'x' as exchange, false as is_busted,"
        " timestamp '2024-01-02' as timestamp, * from (values ('A', 'agg', 10, 3),"
        " ('B', 'agg', 10, 5), ('B', 'trade', 10, 2), ('B', 'trade', 10, 3), ('B', 'quote', 0, 0)"
        ") as t (symbol, kind, last_price, last_size)",
    )
    assert [(row["symbol"], row["volume"], row["trades"]) for row in levels] == [
        ("A", 3, 1),
        ("B", 5, 2),
    ]
