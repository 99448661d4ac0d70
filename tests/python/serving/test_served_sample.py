"""The built sample, served: ADBC and ServedReader say the same; Grafana's dashboard has data."""

import json
import re
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as runs
from hypothesis import strategies as st
from pyarrow import flight
from sample_build import copied
from testkit import free_port

from python_ingest.serving.flight_protocol import location, token
from python_ingest.serving.flight_sql_messages import packed
from python_ingest.serving.served import ServedReader
from python_ingest.settings import load_settings
from python_ingest.storage.sql import quoted
from tests.python.serving.live import ROOT, adbc, serving

DASHBOARD = json.loads((ROOT / "docs/grafana/trading.json").read_text())
VALUES = {each["name"]: each["current"]["value"] for each in DASHBOARD["templating"]["list"]}
TARGETS = {panel["title"]: target for panel in DASHBOARD["panels"] for target in panel["targets"]}
# What the plugin shows: pkg/flightsql/arrow.go of influxdata/grafana-flightsql-datasource.
SHOWN = {pa.string(), pa.float64(), pa.int64(), pa.bool_(), pa.timestamp("ns")}


@pytest.fixture(scope="module")
def served(sample: Path, tmp_path_factory):
    """A copy of the sample, served; its settings."""
    data_dir = copied(sample, tmp_path_factory.mktemp("served-sample"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATA_DIR", str(data_dir))
        patch.delenv("DATABASE_PATH", raising=False)
        patch.setenv("SERVE_PORT", str(free_port()))
        live = load_settings()
        with serving(live.serve.port):
            yield live


@pytest.fixture(scope="module")
def clients(served):
    with (
        ServedReader(served) as reader,
        adbc(served) as connection,
        connection.cursor() as cursor,
    ):
        yield reader, cursor


@pytest.fixture(scope="module")
def relations(served):
    """The columns of every published relation."""
    with adbc(served) as connection:
        (catalog,) = connection.adbc_get_objects(depth="all").read_all().to_pylist()
    (schema,) = catalog["catalog_db_schemas"]
    return {
        table["table_name"]: [column["column_name"] for column in table["table_columns"]]
        for table in schema["db_schema_tables"]
    }


def test_every_relation_arrives_by_adbc_as_by_served_reader(clients, relations):
    reader, cursor = clients
    assert {"ohlcv_bars", "orders", "trades", "positions", "portfolio_snapshots"} <= set(relations)
    filled = 0
    for name in relations:
        sql = f"select * from main.{quoted(name)} order by all"
        expected = reader.query(sql)
        found = cursor.execute(sql).fetch_arrow_table()
        assert found.schema.equals(expected.schema), name
        assert found.equals(expected), name
        assert cursor.adbc_execute_schema(sql).equals(expected.schema), name
        filled += expected.num_rows > 0
    assert filled > 15


def test_a_client_is_told_what_columns_mean(served, clients):
    """By what JDBC calls REMARKS (ADBC does not read it), and by DuckDB's own catalogue."""
    _, cursor = clients
    found = asked(served, packed("CommandGetTables", include_schema=True)).to_pylist()
    said = {
        (table["table_name"], field.name): field.metadata.get(b"ARROW:FLIGHT:SQL:REMARKS")
        for table in found
        for field in pa.ipc.read_schema(pa.py_buffer(table["table_schema"]))
    }
    assert said["trades", "price"] == b"Per unit. In quote currency."
    assert len(said) > 400
    assert all(said.values())
    sql = "select comment from duckdb_columns() where table_name = ? and column_name = ?"
    cursor.execute(sql, ["trades", "price"])
    assert ("Per unit. In quote currency.",) in cursor.fetchall()


def test_an_answer_says_how_new_it_is(clients):
    reader, cursor = clients
    for name in ("ohlcv_bars", "publication_status"):
        assert reader.query(f"from {name}").schema.metadata[b"live"].startswith(b"as of ")
        told = cursor.execute(f"select * from {name}").fetch_arrow_table()
        assert told.schema.metadata[b"live"].startswith(b"as of ")
    live = "select count(*) as n from portfolio_snapshots where snapshot_type = 'live'"
    assert reader.dicts(live) == [{"n": 1}]


@given(data=st.data())
@runs(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_part_of_any_relation_is_the_same(clients, relations, data):
    reader, cursor = clients
    name = data.draw(st.sampled_from(sorted(relations)))
    columns = data.draw(st.lists(st.sampled_from(relations[name]), min_size=1, unique=True))
    first, rows = data.draw(st.integers(0, 50)), data.draw(st.integers(0, 3000))
    sql = f"select {', '.join(map(quoted, columns))} from {quoted(name)} order by all"
    sql += " limit ? offset ?"
    expected = reader.query(sql, [rows, first])
    found = cursor.execute(sql, [rows, first]).fetch_arrow_table()
    assert found.schema.equals(expected.schema)
    assert found.equals(expected)


def asked(served, command: bytes) -> pa.Table:
    """The answer to a command of Flight SQL."""
    header = (b"authorization", f"Bearer {token(served)}".encode())
    options = flight.FlightCallOptions(headers=[header])
    with flight.FlightClient(location(served)) as client:
        info = client.get_flight_info(flight.FlightDescriptor.for_command(command), options)
        (endpoint,) = info.endpoints  # Grafana's plugin takes one
        return client.do_get(endpoint.ticket, options).read_all()


def as_grafana_sends(sql: str, start: str, end: str) -> str:
    """Fill in variables and macros as the plugin does: grafana-plugin-sdk-go's data/sqlutil."""
    for name, value in VALUES.items():
        sql = sql.replace(f"${name}", value.replace("'", "''"))
    filled = re.sub(r"\$__timeFilter\((\w+)\)", rf"\1 >= '{start}' AND \1 <= '{end}'", sql)
    assert "$" not in filled
    return filled


@pytest.mark.parametrize("title", TARGETS)
def test_the_dashboards_queries_have_rows_that_grafana_can_show(served, title):
    target = TARGETS[title]
    sql = as_grafana_sends(target["queryText"], "2024-08-08T00:00:00Z", "2024-08-09T23:59:59Z")
    rows = asked(served, packed("CommandStatementQuery", query=sql))
    assert rows.num_rows
    assert set(rows.schema.types) <= SHOWN
    if target["format"] == "time_series":
        times = rows["time"].to_pylist()
        assert times == sorted(times)
        assert all(pa.types.is_floating(rows.schema.field(n).type) for n in rows.schema.names[1:])


def test_the_time_of_a_panel_is_that_of_its_rows(served):
    """Nothing before or after the chosen range, and no bar of its last minute is lost."""
    sql = as_grafana_sends(
        TARGETS["Bars of $symbol"]["queryText"], "2024-08-08T23:55:00Z", "2024-08-08T23:57:00Z"
    )
    with ServedReader(served) as reader:
        minutes = [f"{time:%H:%M}" for time in reader.query(sql)["time"].to_pylist()]
    assert minutes == ["23:55", "23:56", "23:57"]
