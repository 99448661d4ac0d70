"""The step of migration 008 that SQL cannot say: widen what dbt built, where it was built.

What was computed keeps its value: an average of eight decimals has ten once it is restated.
"""

from __future__ import annotations

import duckdb

from python_ingest.storage.sql import quoted

_WIDE = "decimal(28, 10)"  # quantities and prices of order flow
_SUM = "decimal(38, 10)"
_EXACT = "decimal(38, 20)"  # money in price times quantity
_MONEY = "decimal(38, 16)"
_STORED = "decimal(38, 8)"  # money as a mart stores it
_CENTS = "decimal(38, 2)"
_TERMS = {_WIDE: "quantity price stop_price"}
_PNL = "market_value unrealized_pnl"
_TABLES: dict[str, dict[str, str]] = {
    "intermediate.int_order_events": {
        _WIDE: f"{_TERMS[_WIDE]} fill_quantity fill_price commission fees"
    },
    "intermediate.int_order_terms": _TERMS,
    "intermediate.int_order_fills": {_SUM: "filled_quantity claimed_quantity commission"},
    "intermediate.int_fills": {_WIDE: "quantity price commission fees"},
    "intermediate.int_position_folds": {
        _SUM: "quantity average_price",
        _EXACT: "cost_basis realized_pnl",
    },
    "intermediate.int_position_states": {
        _SUM: "quantity average_price previous_quantity",
        _EXACT: "cost_basis realized_pnl realized_pnl_delta",
        _WIDE: "fill_quantity signed_quantity price commission fees",
        "decimal(29, 10)": "position_delta",
    },
    "intermediate.int_position_times": {
        _SUM: "quantity average_price",
        _EXACT: "cost_basis realized_pnl",
    },
    "intermediate.int_position_valuations": {
        _SUM: "quantity average_price",
        _WIDE: "current_price",
        _MONEY: f"cost_basis realized_pnl {_PNL}",
        "decimal(18, 4)": "multiplier",
    },
    "intermediate.int_round_trip_legs": {
        _WIDE: "price",
        _SUM: "entered exited",
        _MONEY: "realized_pnl commission fees",
    },
    "intermediate.int_currency_positions": {
        _MONEY: f"{_PNL} margined_pnl gross_notional margin_used"
    },
    "intermediate.int_currency_balances": {
        _MONEY: f"{_PNL} margined_pnl gross_notional margin_used net_flows other_cash realized_pnl"
        " commission fees cash equity flow"
    },
    "warm.orders_warm": {
        _WIDE: f"{_TERMS[_WIDE]} average_fill_price",
        _SUM: "filled_quantity commission",
    },
    "warm.trades_warm": {_WIDE: "quantity price commission fees", _STORED: "realized_pnl"},
    "warm.positions_warm": {
        _SUM: "quantity average_entry_price",
        _WIDE: "current_price",
        _STORED: f"{_PNL} realized_pnl total_cost_basis max_drawdown",
    },
    "warm.portfolio_snapshots_warm": {
        _CENTS: "cash_balance buying_power portfolio_value equity total_pnl daily_pnl margin_used"
        " max_drawdown net_flows other_cash realized_pnl unrealized_pnl commission fees"
    },
    "snapshots.orders_history": {
        _WIDE: f"{_TERMS[_WIDE]} average_fill_price",
        _SUM: "filled_quantity commission",
    },
    "snapshots.current_positions_history": {
        _SUM: "quantity average_entry_price",
        _WIDE: "current_price",
        _STORED: f"{_PNL} realized_pnl total_cost_basis max_drawdown",
    },
    "main.round_trips": {
        _SUM: "entered_quantity exited_quantity",
        _WIDE: "average_entry_price average_exit_price",
        _STORED: "realized_pnl commission fees net_pnl",
    },
}
# Notionals counted 1e-16, quantities too. The fold goes on from its cost; what was paid is exact,
# and what was realised follows. Rounded parts still add up.
_CHANGED = {
    "intermediate.int_order_fills": """
        update {0} set notional_units = notional_units * 10000,
            quantity_units = quantity_units // 1000000
    """,
    "intermediate.int_position_folds": """
        update {0} set cost_basis = cost::decimal(38, 20),
            realized_pnl = realized_pnl - cost_basis + cost::decimal(38, 20);
        alter table {0} drop column cost;
        alter table {0} drop column realized
    """,
    "intermediate.int_position_states": """
        alter table {0} drop column if exists cost
    """,
    "intermediate.int_position_valuations": """
        update {0} set unrealized_pnl = market_value - cost_basis
    """,
    "intermediate.int_currency_balances": """
        update {0} set equity =
            net_flows + other_cash + realized_pnl + unrealized_pnl - commission - fees;
        update {0} set cash = equity - market_value - margined_pnl
    """,
}


def widen(connection: duckdb.DuckDBPyConnection) -> None:
    """Widen the decimals of the tables that are there. Runs inside the migration's transaction."""
    for table, types in _TABLES.items():
        schema, _, name = table.partition(".")
        there = {
            column
            for (column,) in connection.execute(
                "select column_name from duckdb_columns() where database_name ="
                " current_database() and schema_name = ? and table_name = ?",
                [schema, name],
            ).fetchall()
        }
        for new_type, columns in types.items():
            for column in there & set(columns.split()):
                connection.execute(f"alter table {table} alter {quoted(column)} type {new_type}")
        if there and table in _CHANGED:
            connection.execute(_CHANGED[table].format(table))
