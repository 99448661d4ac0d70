"""A warehouse whose order flow had DECIMAL(18,8) goes on in place, cold files and all.

`data/narrow_warehouse.tar.gz` was built by commit efc23cf as of 2025-06-10: fills, flips, a split,
a commission in the asset, cash; what is older than a year lies in cold files.
"""

from pathlib import Path

import duckdb
import pytest
from sample_build import dbt, ingest
from testkit import ask

from .unpacked import unpack

NARROW = Path(__file__).parent / "data" / "narrow_warehouse.tar.gz"
KEPT = {
    "orders": "source_order_id",
    "trades": "source_trade_id",
    "positions": "position_id",
    "round_trips": "round_trip_id",
    "portfolio_snapshots": "snapshot_id",
    "ohlcv_bars": "bar_id",
}


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The former warehouse after `ingest init` and one build."""
    data_dir = unpack(NARROW, tmp_path_factory.mktemp("narrow"))
    keep(data_dir, "former")
    assert ingest(data_dir, "init").returncode == 0
    build(data_dir, "2025-06-10")
    return data_dir


def keep(data_dir: Path, schema: str) -> None:
    with duckdb.connect(str(data_dir / "trading.duckdb")) as connection:
        connection.execute(f"create schema {schema}")
        for relation in KEPT:
            connection.execute(f"create table {schema}.{relation} as from main.{relation}")


def build(data_dir: Path, as_of: str, *arguments: str) -> None:
    as_of = f"{{as_of: '{as_of} 00:00:00'}}"
    dbt(data_dir, "build", "--exclude-resource-type", "unit_test", "--vars", as_of, *arguments)


def different(data_dir: Path, relation: str, before: str, tolerance: str) -> list[tuple]:
    """Rows of which one has no counterpart, or a number lies further off than the tolerance."""
    columns = ask(
        data_dir,
        "select column_name, data_type from duckdb_columns() where schema_name ="
        f" '{before}' and table_name = '{relation}' and column_name not like 'built%'",
    )
    key = KEPT[relation]
    differs = " or ".join(
        f"abs(a.{name} - b.{name}) > {tolerance} or (a.{name} is null) <> (b.{name} is null)"
        if type_.startswith("DECIMAL")
        else f"a.{name}::varchar is distinct from b.{name}::varchar"
        for name, type_ in columns
    )
    return ask(
        data_dir,
        f"select a.{key}, b.{key} from {before}.{relation} as a full join main.{relation} as b"
        f" on a.{key} = b.{key} and a.exchange = b.exchange where {differs}"
        if relation != "portfolio_snapshots"
        else f"select a.{key}, b.{key} from {before}.{relation} as a full join main.{relation} as b"
        f" using ({key}) where {differs}",
    )


@pytest.mark.parametrize("relation", KEPT)
def test_nothing_that_was_built_is_another(upgraded: Path, relation: str) -> None:
    # Round trips were made again: their averages had been rounded at the eighth decimal.
    tolerance = "0.00000001" if relation == "round_trips" else "0"
    assert different(upgraded, relation, "former", tolerance) == []
    assert ask(upgraded, f"select count(*) from former.{relation}") != [(0,)]


def test_every_decimal_of_order_flow_is_wide(upgraded: Path) -> None:
    """Bars' prices, ticks and ratios stay as they are."""
    narrow = ask(
        upgraded,
        "select schema_name, table_name, column_name from duckdb_columns() where database_name ="
        " current_database() and data_type in ('DECIMAL(18,8)', 'DECIMAL(18,2)') and schema_name"
        " in ('raw', 'intermediate', 'warm', 'main', 'cold', 'snapshots') and regexp_matches("
        "table_name, 'order|fills|position|trade|trip|portfolio|currency|cash|ledger')"
        " and table_name <> 'int_position_prices' and column_name not in ('ratio', 'cost_share')",
    )
    assert narrow == []


def test_it_goes_on_from_what_was_built(upgraded: Path, tmp_path: Path) -> None:
    """A late fill, and one that had no room; narrow cold files are read beside wide ones."""
    late = tmp_path / "late.csv"
    late.write_text(
        "event_id,event_type,event_time,order_id,client_order_id,exchange,symbol,side,order_type,"
        "quantity,strategy_id,trade_id,fill_quantity,fill_price\n"
        "l1,fill,2025-06-02T10:20:30Z,l1,l1,alpaca,AAPL,buy,limit,1,s,l1,0.123456789,99.5\n"
        "l2,fill,2025-06-02T10:20:31Z,l2,l2,upbit,KRW-BTC,buy,limit,120,s,l2,120,150000000\n"
    )
    assert ingest(upgraded, "land", "orders", str(late)).returncode == 0
    build(upgraded, "2025-06-10")
    keep(upgraded, "restated")
    build(upgraded, "2026-06-20")  # the rest leaves for cold files
    assert ask(upgraded, "select count(distinct is_narrow) from raw.cold_files"
               " where relation = 'trades' and state = 'local'") == [(2,)]  # fmt: skip
    assert ask(upgraded, "select count(*) from warm.trades_warm") == [(0,)]
    for relation in KEPT:
        assert different(upgraded, relation, "restated", "0") == [], relation
    assert ask(
        upgraded,
        "select quantity::varchar, (quantity * price)::decimal(38, 2)::varchar from trades"
        " where source_trade_id in ('l1', 'l2') order by source_trade_id",
    ) == [("0.1234567890", "12.28"), ("120.0000000000", "18000000000.00")]
    # What was not restated had its averages rounded at the eighth decimal.
    build(upgraded, "2025-06-10", "--full-refresh")
    with duckdb.connect(str(upgraded / "trading.duckdb")) as connection:
        # Known of all rows only now; the drawdowns at flips are those of what they close.
        later = ("commission", "fees", "carry", "net_pnl", "max_drawdown", "max_drawdown_pct")
        for name in later:
            connection.execute(f"alter table restated.positions drop column {name}")
        connection.execute("alter table restated.portfolio_snapshots drop column carry")
    for relation in KEPT:
        tolerance = "0.01" if relation == "portfolio_snapshots" else "0.00000001"
        assert different(upgraded, relation, "restated", tolerance) == [], relation
