"""Without news, what asks for news reads none of the history of orders and fills.

But for corrections, which name one another: they are found by their type among all events, in a
fiftieth of the time that a join takes. There are none here.
"""

import json
import shutil

import duckdb
import pytest

VECTOR = 2048
HISTORY = 20 * VECTOR
# Repeated with other ids, as if they had landed and been built long ago.
REPEATED = {
    "raw.order_events": ("event_id", "order_id", "trade_id", "exchange_trade_id"),
    "intermediate.int_order_terms": ("order_id",),
    "intermediate.int_fills": ("fill_id", "order_id", "trade_id"),
}
MODELS = (
    "int_new_order_events",
    "int_changed_fills",
    "int_orders_to_restate",
    "int_positions_to_restate",
)


def scans(node):
    if node.get("name") == "SEQ_SCAN" and node["extra_info"].get("Table", "").count("."):
        yield node["extra_info"]["Table"].split(".", 1)[1], node["intermediate_rows"]
    for child in node.get("children", []):
        yield from scans(child)


@pytest.fixture(scope="module")
def compiled(sample):
    nodes = json.loads((sample / "dbt" / "manifest.json").read_text())["nodes"].values()
    return {node["name"]: node.get("compiled_code") for node in nodes if node["name"] in MODELS}


@pytest.fixture(scope="module")
def long_built(sample, tmp_path_factory):
    path = tmp_path_factory.mktemp("long") / "trading.duckdb"
    shutil.copy(sample / "trading.duckdb", path)
    with duckdb.connect(str(path), config={"threads": 1}) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute("delete from raw.order_events where event_type like 'trade_%'")
        for table, ids in REPEATED.items():
            others = ", ".join(f"concat({column}, '-', i) as {column}" for column in ids)
            connection.execute(
                f"insert into {table} select table_row.* replace ({others})"
                f" from (from {table} limit 1) as table_row, range({HISTORY}) as copies(i)"
            )
        yield connection


@pytest.mark.parametrize("model", MODELS)
def test_reads_no_history(model, compiled, long_built, tmp_path):
    profile = tmp_path / "profile.json"
    long_built.execute("pragma enable_profiling = 'json'")
    long_built.execute(f"set profiling_output = '{profile}'")
    found = long_built.execute(compiled[model]).fetchall()
    long_built.execute("pragma disable_profiling")
    assert found == []
    read = [scan for node in json.loads(profile.read_text())["operator"] for scan in scans(node)]
    assert any(table in REPEATED for table, _ in read)
    assert [scan for scan in read if scan[1] > VECTOR] == []
