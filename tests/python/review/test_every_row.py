"""Each rule of `every_row` finds a row that breaks it, and says which and of how many rows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from python_ingest.cli.dbt_results import faults_of, is_of_every_row
from python_ingest.publication.manifest import read_manifest

# What breaks an expression that is true of a row of nothing.
WRONG = {
    "application_logs": ["'x' as level"],
    "cold_files": ["'x' as state"],
    "current_positions": ["'flat' as side"],
    "int_days_with_trades_and_aggregates": ["'agg' as outranked_kind"],
    "int_position_folds": ["0 as quantity, 1 as cost_basis"],
    "landings": ["'x' as kind"],
    "lot_closures": ["'x' as closed_by"],
    "lots": ["0 as remaining_quantity"],
    "orders": ["'open' as status, 2 as filled_quantity, 1 as quantity"],
    "positions": [
        "0 as quantity, 'long' as side",
        "0 as quantity",
        "-1 as max_drawdown",
        "1 as quantity",
        "'x' as side",
        "1 as total_cost_basis",
    ],
    "retention_policies": [
        "true as folder_per_symbol, 'system_metrics' as relation",
        "'x' as relation",
    ],
    "round_trips": ["'flat' as side"],
    "stg_accounts": ["'x' as lot_method"],
    "system_metrics": ["'x' as metric_type"],
}
Tested = list[tuple[dict[str, Any], str]]


@pytest.fixture(scope="module")
def warehouse(sample: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(sample / "trading.duckdb"), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


@pytest.fixture(scope="module")
def tested(sample: Path) -> Tested:
    """Each test as dbt compiled it, and its model."""
    nodes = read_manifest(sample / "dbt" / "manifest.json")["nodes"]
    models = {node: found.get("relation_name") for node, found in nodes.items()}
    return [
        (test, models[test["attached_node"]])
        for node, test in nodes.items()
        if is_of_every_row(node)
    ]


def found(
    warehouse: duckdb.DuckDBPyConnection, test: dict[str, Any], model: str, rows: str
) -> list[tuple[str, int]]:
    """What a test finds in other rows than its model's."""
    sql = test["compiled_code"].replace(f"from {model}", f"from ({rows})")
    assert sql != test["compiled_code"]
    return warehouse.execute(sql).fetchall()


def test_each_is_named_by_its_model(tested: Tested) -> None:
    for test, model in tested:
        is_warning = test["config"]["severity"] == "warn"
        name = model.split('"')[-2]
        assert is_warning or test["name"] == f"every_row_of_{name}", test["name"]
    assert len(tested) > 30


def test_each_rule_can_be_broken(warehouse: duckdb.DuckDBPyConnection, tested: Tested) -> None:
    for test, model in tested:
        none = f"(from {model} where false) as model"
        nothing = f"select model.* from (select 1) left join {none} on true"
        wrong = WRONG.get(model.split('"')[-2], [])
        rows = [nothing, *(f"select * replace ({values}) from ({nothing})" for values in wrong)]
        faults = {
            fault
            for each in rows
            for told, _ in found(warehouse, test, model, each)
            for fault in told.split("; ")
        }
        rules = test["test_metadata"]["kwargs"]
        expected = {f"{column} is null" for column in rules.get("not_null", [])}
        expected |= {f"({each}) is not true" for each in rules.get("expressions", [])}
        assert faults == expected, test["name"]


def test_faults_of_one_row_are_counted_together(
    warehouse: duckdb.DuckDBPyConnection, tested: Tested
) -> None:
    ((test, model),) = (each for each in tested if each[0]["name"] == "every_row_of_orders")
    wrong = "'up' as side, -1 as filled_quantity, 'pending' as status"
    spoilt = f"select * replace ({wrong}) from {model}"
    rows = f"({spoilt} limit 2) union all (from {model} limit 5)"
    assert found(warehouse, test, model, rows) == [
        ("(filled_quantity >= 0) is not true; (side in ('buy', 'sell')) is not true", 2)
    ]


def test_a_failed_test_says_what_is_wrong() -> None:
    sql = "select unnest(['a is null', 'a is null; b is null']) as wrong, 1200 as wrong_rows"
    failed = {"unique_id": "test.trading.every_row_of_x.1", "status": "fail", "compiled_code": sql}
    passed = {**failed, "unique_id": "test.trading.every_row_of_y.1", "status": "pass"}
    other = {**failed, "unique_id": "test.trading.unique_x_id.1"}
    with duckdb.connect() as connection:
        assert list(faults_of(connection, {"results": [failed, passed, other]})) == [
            (failed["unique_id"], "a is null (1,200 rows), a is null; b is null (1,200 rows)")
        ]
