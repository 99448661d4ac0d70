"""The warning test of symbols, run by itself on a few rows."""

import re
from pathlib import Path

import duckdb

SQL = Path(__file__).parents[3] / "tests/invariants/names_differ_by_more_than_case.sql"


def test_only_case_and_spaces_make_names_suspect() -> None:
    sql = re.sub(r"\{\{ ref\('(\w+)'\) \}\}", r"\1", SQL.read_text().split("\n", 1)[1])
    connection = duckdb.connect()
    connection.execute(
        "create table latest_ticks as select * from (values"
        " ('x', 'BTCUSD'), ('x', 'BTCUSD'), ('y', 'btcusd'), ('x', 'BTCUSDT')) t(exchange, symbol)"
    )
    connection.execute(
        "create table orders as select 'x' as exchange, 'BTCUSD' as symbol, 'main' as account_id"
    )
    assert connection.execute(sql).fetchall() == []
    connection.execute("insert into orders values ('x', 'Btc USD', 'desk')")
    found = [("symbol", "x", "BTCUSD", "BTCUSD", "Btc USD")]
    assert connection.execute(sql).fetchall() == found
    connection.execute("insert into orders values ('Y', 'other', 'Desk')")
    found += [("exchange", None, "Y", "Y", "y"), ("account", None, "DESK", "Desk", "desk")]
    assert sorted(connection.execute(sql).fetchall()) == sorted(found)
