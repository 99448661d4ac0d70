"""`ingest serve` over Flight SQL: as analysts' tools use it, and what is malformed."""

import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import adbc_driver_manager
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from google.protobuf import any_pb2
from hypothesis import HealthCheck, given
from hypothesis import settings as runs
from hypothesis import strategies as st
from pyarrow import flight
from testkit import free_port

from python_ingest.errors import QueryError
from python_ingest.landing.land import land_pending
from python_ingest.serving.flight_protocol import location, token
from python_ingest.serving.flight_sql_messages import packed, unpacked
from python_ingest.serving.prepared import MOST
from python_ingest.serving.served import ServedReader
from python_ingest.settings import load_settings
from tests.python.serving.live import (
    ENDLESS,
    FORBIDDEN,
    ROOT,
    adbc,
    arrive,
    build_and_publish,
    open_publications,
    resident_mb,
    served_ticks,
    serving,
    trade,
)

EVERY_TYPE = """
create or replace table every_type as
    select
        i,
        (i - 1.00000001)::decimal(18, 8) as price,
        (99999999999999999999 * i + 0.1234567891)::decimal(38, 10) as money,
        i::hugeint as huge, i::tinyint as tiny, i::uinteger as unsigned, (i / 3)::real as real,
        case i when 1 then 'nan'::double when 2 then '-inf'::double else i / 7 end as double,
        i % 2 = 0 as flag,
        timestamp '2026-01-05 09:30:00.000001' + to_days(i) as moment,
        timestamptz '2026-01-05 09:30:00.5+02' + to_days(i) as zoned,
        timestamp_ns '2026-01-05 09:30:00.123456789' as nanoseconds,
        date '1969-12-31' + i::integer as day, time '23:59:59.999999' as clock,
        interval '1 month 2 days 3 seconds' * i as spell,
        md5(i::varchar)::uuid as id, 'o''clock; -- \u2603 ' || i as text, 'ab\\x00'::blob as bytes,
        (case when i % 2 = 0 then 'buy' else 'sell' end)::enum('buy', 'sell') as side,
        ['@', null, 'T'] as conditions, [[i, 2], []] as nested,
        {'a': i, 'b': {'c': [1.5::decimal(4, 2)]}} as struct,
        map(['k' || i], [i]) as map, ['x', 'y']::varchar[2] as pair,
        null as nothing, null::decimal(18, 8) as no_price
    from range(5) r(i)
    union all by name select null as text;  -- and nothing else
create or replace view empty as select * from every_type where false;
create or replace table of_one_batch as
    select $batch as batch, i, 'x' || i as text from range(400000) r(i);
"""


def relations(batch: int) -> str:
    return EVERY_TYPE.replace("$batch", str(batch))


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server with ten published ticks and all types; its settings."""
    with served_ticks(tmp_path_factory.mktemp("flight-sql"), relations(1)) as settings:
        yield settings


@pytest.fixture
def connection(served):
    with adbc(served) as opened:
        yield opened


@pytest.fixture
def cursor(connection):
    with connection.cursor() as opened:
        yield opened


@pytest.fixture
def bare(served):
    """A Flight client with the token, and its options."""
    header = (b"authorization", f"Bearer {token(served)}".encode())
    with flight.FlightClient(location(served)) as client:
        yield client, flight.FlightCallOptions(headers=[header])


def asked(cursor, sql, params=None):
    return cursor.execute(sql, params).fetch_arrow_table()


def refused(call):
    """Return the error that a call raises; no client may see where our code lies."""
    with pytest.raises((adbc_driver_manager.Error, flight.FlightError, pa.ArrowException)) as found:
        call()
    text = str(found.value)
    assert "Traceback" not in text
    assert ".py" not in text.replace(".pyx", "")
    assert "what no client" not in text
    return found.value


# What arrives.


@pytest.mark.parametrize(
    "sql",
    ["from every_type", "from empty", "from market_ticks", "from latest_ticks", "from landings"],
)
def test_rows_and_types_are_those_of_served_reader(served, cursor, sql):
    with ServedReader(served) as reader:
        expected = reader.query(sql)
    found = asked(cursor, sql)
    assert found.schema.equals(expected.schema)
    assert repr(found.to_pylist()) == repr(expected.to_pylist())  # nan is not equal to itself
    assert cursor.adbc_execute_schema(sql).equals(expected.schema)


TEXTS = [
    "select 1 as a, 2 as a",
    f"select 'ä;' || {'||'.join(['i'] * 150)} as a from range(2) r(i) ; -- a sum of many;",
    "select 1 as a, 2 as a where false",
    "select * from every_type as l join every_type as r using (i) order by i",
    "select 1 as a; -- the end",
    "-- begin\nselect ';' as a /* b */;;",
    "values (1), (2)",
    "show tables",
    "describe every_type",
    'select 1 as "\u2603 b"',
    "select union_value(a := 1) as u, '{}'::json as j, 1::uhugeint as h, '101'::bit as b",
]


@pytest.mark.parametrize("sql", TEXTS)
def test_any_select_has_the_columns_that_were_told_when_it_was_prepared(served, cursor, sql):
    with ServedReader(served) as reader:
        expected = reader.query(sql)
    found = asked(cursor, sql)
    assert found.schema.equals(expected.schema)
    assert repr(found.to_pylist()) == repr(expected.to_pylist())
    assert cursor.adbc_execute_schema(sql).equals(expected.schema)


def test_preparing_runs_nothing(cursor):
    """What runs for ever would end with an error."""
    assert cursor.adbc_prepare(ENDLESS).names == []


def test_pandas_and_polars_read_it(connection):
    sql = "select symbol, last_price from market_ticks order by timestamp"
    frame = pd.read_sql(sql, connection, dtype_backend="pyarrow")
    assert frame["last_price"].tolist() == [Decimal(100 + n) for n in range(10)]
    assert len(pd.read_sql("market_ticks", connection)) == 10  # by its name: pandas lists tables
    found = pl.read_database(sql, connection)
    assert found["last_price"].to_list() == [Decimal(100 + n) for n in range(10)]
    bound = pl.read_database("select ? + 1 as n", connection, execute_options={"parameters": [41]})
    assert bound["n"].to_list() == [42]


def test_the_newest_ticks_are_there_by_every_name(served, cursor, tmp_path):
    """A tool writes the schema before a relation; that must not leave out what is in memory."""
    before = asked(cursor, "from market_ticks").num_rows
    arrive(served, [trade(500)], tmp_path, 500)
    deadline = time.monotonic() + 60
    while asked(cursor, "from market_ticks").num_rows == before:
        assert time.monotonic() < deadline
    assert asked(cursor, 'select * from "main"."market_ticks"').num_rows == before + 1
    land_pending(served)


# Bound values.

VALUES = [
    (1, "bigint"),
    (2**63 - 1, "bigint"),
    ("o'clock; -- drop table orders", "varchar"),
    (True, "boolean"),
    (1.5, "double"),
    (Decimal("0.00000001"), "decimal(18, 8)"),
    (Decimal("99999999999999999999.1234567891"), "decimal(38, 10)"),
    (date(2026, 1, 5), "date"),
    (datetime(2026, 1, 5, 9, 30, 0, 1), "timestamp"),
    (b"\x00\xff", "blob"),
    (None, "varchar"),
]


@pytest.mark.parametrize(("value", "kind"), VALUES, ids=lambda each: str(each)[:20])
def test_a_bound_value_comes_back_exactly(cursor, value, kind):
    (row,) = asked(cursor, f"select ?::{kind} as v", [value]).to_pylist()
    assert row == {"v": value}


def test_values_of_lists_and_structs_are_bound(cursor):
    table = pa.table({"0": [[1, 2]], "1": [{"a": 1}]})
    (row,) = asked(cursor, "select ? as l, ? as s", table).to_pylist()
    assert row == {"l": [1, 2], "s": {"a": 1}}


def test_a_zoned_time_is_the_same_moment_in_utc(cursor):
    zoned = datetime(2026, 1, 5, 11, 30, tzinfo=timezone(timedelta(hours=2)))
    (row,) = asked(cursor, "select ?::timestamp as t", [zoned]).to_pylist()
    assert row == {"t": datetime(2026, 1, 5, 9, 30)}
    # With a zone the engine would not skip old rows.
    assert asked(cursor, "select typeof(?) as t", [zoned]).to_pylist() == [{"t": "TIMESTAMP"}]


def test_text_is_compared_as_what_it_is_compared_with(cursor):
    """JDBC binds texts; ids are texts in Arrow."""
    sql = "select count(*) as n from every_type where id = ? and price < ? and moment >= ?"
    (row,) = asked(cursor, "select id::varchar as id from every_type where i = 1").to_pylist()
    found = asked(cursor, sql, [row["id"], "1.5", "2026-01-05T00:00:00"]).to_pylist()
    assert found == [{"n": 1}]


def test_values_are_bound_by_name(cursor):
    sql = "select count(*) as n from market_ticks where symbol = $symbol and last_price = $price"
    values = pa.table({"price": [Decimal(105)], "symbol": ["BTCUSDT"]})
    assert asked(cursor, sql, values).to_pylist() == [{"n": 1}]
    error = refused(lambda: cursor.execute(sql, ["BTCUSDT", 1]))
    assert "$price, $symbol" in str(error)


def test_a_prepared_statement_runs_again_with_other_values(cursor):
    sql = "select last_price from market_ticks where last_price = ?"
    assert cursor.adbc_prepare(sql).names == ["1"]
    for n in (100, 105, 109):
        assert asked(cursor, sql, [n]).to_pylist() == [{"last_price": Decimal(n)}]


WRONG = [
    ("from every_type where price = ?", ["not a number"], "not a number"),
    ("from every_type where id = ?", ["no uuid"], "UUID"),
    ("select ?", [1, 2], "1 parameters, and 2 values"),
    ("select ?, ?", [1], "2 parameters, and 1 values"),
    ("select 1", [1], "0 parameters, and 1 values"),
    ("select ?", pa.table({"0": [1, 2]}), "one row"),
    ("select ?", pa.table({"0": pa.array([], pa.int64())}), "no row"),
    ("select ?", pa.table({"0": pa.array([1], pa.timestamp("ns"))}), "microseconds"),
    ("select ?", pa.table({"0": ["x" * 2_000_000]}), "larger than"),
    ("select ?", pa.table({"0": pa.array([10**50], pa.decimal256(60, 0))}), "cannot be bound"),
    ("select ?", pa.table({"0": pa.array([Decimal("1E-41")], pa.decimal256(50, 41))}), "be bound"),
    ("select ?", pa.table({"0": pa.array([[("a", 1)]], pa.map_("string", "int8"))}), "be bound"),
    ("select ?", pa.table({"0": pa.array([2**60], pa.timestamp("us"))}), "OverflowError"),
]


@pytest.mark.parametrize(("sql", "params", "says"), WRONG)
def test_a_wrong_value_is_told(cursor, sql, params, says):
    error = refused(lambda: asked(cursor, sql, params))
    assert isinstance(error, adbc_driver_manager.ProgrammingError)
    assert says in str(error)
    assert asked(cursor, "select 1 as a").to_pylist() == [{"a": 1}]


def test_a_parameter_without_a_value_is_told(cursor):
    assert "prepare it and bind" in str(refused(lambda: cursor.execute("select ?")))


# What is listed.


def listed(connection, **filters):
    (catalog,) = connection.adbc_get_objects(**filters).read_all().to_pylist()
    assert catalog["catalog_name"] == ""
    (schema,) = catalog["catalog_db_schemas"] or [None]
    return schema


def test_schemas_tables_and_columns_are_listed(served, connection, cursor):
    assert listed(connection, depth="db_schemas")["db_schema_name"] == "main"
    tables = listed(connection, depth="all")["db_schema_tables"]
    named = {table["table_name"]: table for table in tables}
    assert {"market_ticks", "latest_ticks", "landings", "every_type", "empty"} <= set(named)
    assert Counter(table["table_name"] for table in tables).most_common(1)[0][1] == 1
    assert {table["table_type"] for table in tables} == {"BASE TABLE"}
    assert connection.adbc_get_table_types() == ["BASE TABLE"]
    for name, table in named.items():
        schema = asked(cursor, f'from "{name}" limit 0').schema
        assert [column["column_name"] for column in table["table_columns"]] == schema.names
        assert connection.adbc_get_table_schema(name).equals(schema)
    types = {c["column_name"]: c["xdbc_type_name"] for c in named["every_type"]["table_columns"]}
    assert types["price"] == "DECIMAL(18,8)"
    assert types["conditions"] == "VARCHAR[]"


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"table_name_filter": "market%"}, {"market_ticks"}),
        ({"table_name_filter": "every_type"}, {"every_type"}),
        ({"table_name_filter": "emp__"}, {"empty"}),
        ({"table_name_filter": "nothing"}, set()),
        ({"table_name_filter": "'; drop view market_ticks; --"}, set()),
        ({"table_name_filter": "empty", "table_types_filter": ["BASE TABLE"]}, {"empty"}),
        ({"table_name_filter": "empty", "table_types_filter": ["VIEW"]}, set()),
    ],
)
def test_filters_are_patterns_and_nothing_more(connection, filters, names):
    schema = listed(connection, depth="tables", **filters)
    assert {table["table_name"] for table in schema["db_schema_tables"]} == names


def test_an_escaped_pattern_means_the_letter_itself(bare):
    client, options = bare

    def named(pattern):
        command = packed("CommandGetTables", table_name_filter_pattern=pattern)
        info = client.get_flight_info(flight.FlightDescriptor.for_command(command), options)
        rows = client.do_get(info.endpoints[0].ticket, options).read_all()
        assert rows.schema.equals(info.schema)
        return rows["table_name"].to_pylist()

    assert named("market\\_ticks") == ["market_ticks"]
    assert named("market\\%ticks") == []
    assert "escape" in str(refused(lambda: named("market\\")))


def test_other_catalogs_and_schemas_are_empty(connection, bare):
    client, options = bare
    assert connection.adbc_get_objects(catalog_filter="memory").read_all().num_rows == 0
    assert listed(connection, depth="tables", db_schema_filter="hot") is None
    for command in (
        packed("CommandGetTables", catalog="memory"),
        packed("CommandGetDbSchemas", catalog="trading"),
        packed("CommandGetTables", db_schema_filter_pattern="raw"),
        packed("CommandGetCatalogs"),
        packed("CommandGetPrimaryKeys", table="every_type"),
        packed("CommandGetExportedKeys", table="every_type"),
        packed("CommandGetImportedKeys", table="every_type"),
        packed("CommandGetCrossReference", pk_table="a", fk_table="b"),
    ):
        info = client.get_flight_info(flight.FlightDescriptor.for_command(command), options)
        rows = client.do_get(info.endpoints[0].ticket, options).read_all()
        assert rows.num_rows == 0
        assert rows.schema.equals(info.schema)


def test_the_server_tells_what_it_is(connection, bare):
    assert connection.adbc_get_info()["vendor_name"] == "trading-warehouse"
    client, options = bare

    def told(command):
        return client.do_get(flight.Ticket(command), options).read_all()

    info = {row["info_name"]: row["value"] for row in told(packed("CommandGetSqlInfo")).to_pylist()}
    numbers = {*range(10), 100, 101, *range(500, 577)}
    assert set(info) == numbers  # a JDBC driver fails on what is absent
    assert info[3] is True
    assert told(packed("CommandGetSqlInfo", info=[0, 9999])).num_rows == 1
    types = told(packed("CommandGetXdbcTypeInfo")).to_pylist()
    assert [row["data_type"] for row in types] == sorted(row["data_type"] for row in types)
    assert told(packed("CommandGetXdbcTypeInfo", data_type=93)).num_rows == 2


# What is refused.


def test_a_wrong_token_or_none_reads_nothing_by_any_call(served):
    with adbc(served, given="guessed") as stranger, stranger.cursor() as cursor:
        assert "token is missing or wrong" in str(refused(lambda: cursor.execute("select 1")))
    command = flight.FlightDescriptor.for_command(packed("CommandStatementQuery", query="select 1"))
    with flight.FlightClient(location(served)) as client:

        def put():
            writer, _ = client.do_put(command, pa.schema([]))
            writer.close()

        for call in (
            lambda: client.get_flight_info(command),
            lambda: client.get_schema(command),
            lambda: client.do_get(flight.Ticket(command.command)).read_all(),
            lambda: list(client.do_action(flight.Action("CreatePreparedStatement", b""))),
            lambda: list(client.list_actions()),
            lambda: list(client.list_flights()),
            put,
        ):
            with pytest.raises((flight.FlightUnauthenticatedError, OSError), match="the token is"):
                call()


@pytest.mark.parametrize("sql", FORBIDDEN)
def test_a_client_can_neither_write_nor_leave_the_relations(served, cursor, bare, sql):
    text = sql.format(data=served.data_dir)
    error = refused(lambda: asked(cursor, text))
    assert isinstance(error, adbc_driver_manager.ProgrammingError)
    client, options = bare
    command = packed("CommandStatementQuery", query=text)
    for call in (
        lambda: client.do_get(flight.Ticket(command), options).read_all(),
        lambda: client.get_schema(flight.FlightDescriptor.for_command(command), options),
    ):
        assert isinstance(refused(call), pa.ArrowInvalid)
    assert asked(cursor, "from latest_ticks").num_rows == 1


def test_bound_values_are_values_only(served, cursor):
    """Text that is bound is never a name, a file or SQL."""
    for sql in ("from query(?)", "from read_csv(?)", "from query_table(?)", "from glob(?)"):
        error = refused(lambda sql=sql: cursor.execute(sql, [f"{served.data_dir}/serve.token"]))
        assert "not available" in str(error)


def test_the_engines_own_tables_stay_hidden(cursor):
    for sql in ("from market_tick", "from raw.market_ticks", "selec 1", "select 1 +", ""):
        assert isinstance(refused(lambda sql=sql: asked(cursor, sql)), adbc_driver_manager.Error)


def _any(name: str, value: bytes = b"") -> bytes:
    url = f"type.googleapis.com/arrow.flight.protocol.sql.{name}"
    return any_pb2.Any(type_url=url, value=value).SerializeToString()


ACTIONS = """BeginTransaction EndTransaction BeginSavepoint EndSavepoint CancelQuery
CancelFlightInfo RenewFlightEndpoint CreatePreparedSubstraitPlan SetSessionOptions
GetSessionOptions CloseSession Whatever""".split()
COMMANDS = """CommandStatementUpdate CommandPreparedStatementUpdate CommandStatementIngest
CommandStatementSubstraitPlan CommandUnheardOf""".split()


@pytest.mark.parametrize("action", ACTIONS)
def test_what_writes_or_begins_or_cancels_is_unimplemented(bare, action):
    client, options = bare
    error = refused(lambda: list(client.do_action(flight.Action(action, b"x"), options)))
    assert isinstance(error, pa.ArrowNotImplementedError)
    assert f"{action}: the server is read only" in str(error)


def put(client, options, command):
    writer, answers = client.do_put(command, pa.schema([("a", pa.int64())]), options)
    writer.done_writing()
    answers.read()
    writer.close()


@pytest.mark.parametrize("name", COMMANDS)
def test_updates_and_ingestion_are_unimplemented_in_every_call(bare, name):
    client, options = bare
    command = flight.FlightDescriptor.for_command(_any(name, b"\x0a\x01x"))

    for call in (
        lambda: client.get_flight_info(command, options),
        lambda: client.get_schema(command, options),
        lambda: client.do_get(flight.Ticket(command.command), options).read_all(),
        lambda: put(client, options, command),
    ):
        error = refused(call)
        assert isinstance(error, pa.ArrowNotImplementedError), error
        assert "read only" in str(error)


def test_the_driver_tells_that_it_cannot_write(served, connection, cursor):
    unsupported = adbc_driver_manager.NotSupportedError
    assert isinstance(refused(lambda: cursor.executemany("select ?", [[1], [2]])), unsupported)
    assert isinstance(refused(lambda: cursor.executescript("delete from every_type")), unsupported)
    assert isinstance(
        refused(lambda: cursor.adbc_ingest("mine", pa.table({"a": [1]}))), unsupported
    )
    with pytest.raises(adbc_driver_manager.NotSupportedError):
        connection.adbc_connection.set_autocommit(False)
    assert asked(cursor, "from latest_ticks").num_rows == 1


def test_a_path_and_an_exchange_are_refused(bare):
    client, options = bare
    path = flight.FlightDescriptor.for_path("main", "every_type")
    assert isinstance(refused(lambda: client.get_flight_info(path, options)), pa.ArrowInvalid)
    command = flight.FlightDescriptor.for_command(b"x")

    def exchange():
        writer, reader = client.do_exchange(command, options)
        writer.done_writing()
        reader.read_all()

    assert isinstance(refused(exchange), pa.ArrowNotImplementedError)
    assert [a.type for a in client.list_actions(options)] == [
        "CreatePreparedStatement",
        "ClosePreparedStatement",
    ]


VALID = [
    packed("CommandStatementQuery", query="select 1"),
    packed("CommandPreparedStatementQuery", prepared_statement_handle=b"x" * 16),
    packed("CommandGetTables", table_name_filter_pattern="%", include_schema=True),
    packed("CommandGetSqlInfo", info=[1, 2]),
    packed("ActionCreatePreparedStatementRequest", query="select 1"),
    b'{"sql": "select 1"}',
]


@st.composite
def mangled(draw):
    """A message with some bytes changed, taken out or put in; or bytes alone."""
    sent = bytearray(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(sent) - 1, 0)))
        sent[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=3))
    return bytes(sent)


@given(sent=mangled() | st.binary(max_size=60))
@runs(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage_is_answered_by_an_error_without_a_traceback(bare, sent):
    client, options = bare
    command = flight.FlightDescriptor.for_command(sent)

    for call in (
        lambda: client.get_flight_info(command, options),
        lambda: client.get_schema(command, options),
        lambda: client.do_get(flight.Ticket(sent), options).read_all(),
        lambda: list(client.do_action(flight.Action("CreatePreparedStatement", sent), options)),
        lambda: list(client.do_action(flight.Action("ClosePreparedStatement", sent), options)),
        lambda: put(client, options, command),
    ):
        error = None
        try:
            call()
        except (flight.FlightError, pa.ArrowException) as raised:
            error = raised
        assert "Traceback" not in str(error)
        assert not isinstance(error, flight.FlightInternalError), error


# Prepared statements that are not there any more.


def prepare(client, options, sql="select ?::int as a"):
    request = packed("ActionCreatePreparedStatementRequest", query=sql)
    (answer,) = client.do_action(flight.Action("CreatePreparedStatement", request), options)
    return unpacked(answer.body.to_pybytes())[1].prepared_statement_handle


def test_statements_that_nobody_closes_hinder_nobody(bare, cursor):
    client, options = bare
    first = prepare(client, options)
    for _ in range(MOST):
        prepare(client, options)
    command = packed("CommandPreparedStatementQuery", prepared_statement_handle=first)
    error = refused(
        lambda: client.get_flight_info(flight.FlightDescriptor.for_command(command), options)
    )
    assert isinstance(error, pa.ArrowKeyError)
    assert "prepare it again" in str(error)
    assert asked(cursor, "select ?::int as a", [1]).to_pylist() == [{"a": 1}]


def test_a_closed_statement_is_not_known_and_may_be_closed_again(bare):
    client, options = bare
    handle = prepare(client, options, "select 1")
    request = packed("ActionClosePreparedStatementRequest", prepared_statement_handle=handle)
    for _ in range(2):
        action = flight.Action("ClosePreparedStatement", request)
        assert list(client.do_action(action, options)) == []
    command = packed("CommandPreparedStatementQuery", prepared_statement_handle=handle)
    error = refused(lambda: client.do_get(flight.Ticket(command), options).read_all())
    assert isinstance(error, pa.ArrowKeyError)


# Many clients, large answers, clients that leave, and publications that are replaced.


@pytest.mark.parametrize(
    "ticket",
    [
        b'{"sql": "select \'\\ud800\'"}',
        b'{"sql": "select ?", "params": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b'{"sql": "select 1' + b" union all select 1" * 20_000 + b'"}',
        b'{"sql": "select ' + b"(" * 5000 + b"1" + b")" * 5000 + b'"}',
        b'{"sql": "select ?", "params": [{"time": 7}]}',
        b'{"sql": "select ?", "params": [{"decimal": "1E+40"}]}',
        b'{"sql": "select ?", "params": [{"decimal": "NaN"}]}',
        b'{"sql": ["select 1"]}',
        b"{" * 100,
    ],
    ids=range(9),
)
def test_a_ticket_that_makes_no_sense_is_told_so(bare, ticket):
    client, options = bare
    error = refused(lambda: client.do_get(flight.Ticket(ticket), options).read_all())
    assert isinstance(error, pa.ArrowInvalid)


@pytest.fixture
def narrow(settings, monkeypatch):
    """Make settings of a server with two connections and short limits."""
    monkeypatch.setenv("SERVE_PORT", str(free_port()))
    monkeypatch.setenv("DATABASE_MAX_READERS", "2")
    monkeypatch.setenv("DATABASE_CONNECTION_TIMEOUT_MS", "20000")
    monkeypatch.setenv("DATABASE_QUERY_TIMEOUT_MS", "3000")
    live = load_settings()
    build_and_publish(live, relations(1))
    return live


HUGE = "select i, i * 2 as j, 'text of some length ' || i as t from range(30000000) r(i)"


def test_twenty_clients_at_once_get_their_own_rows(served):
    together = threading.Barrier(20)

    def ask(number):
        with adbc(served) as connection, connection.cursor() as cursor:
            together.wait()
            for n in range(15):
                sql = (
                    "select ? as who, count(*) as n, min(i) as first from of_one_batch where i >= ?"
                )
                (row,) = asked(cursor, sql, [number, 1000 * n]).to_pylist()
                assert row == {"who": number, "n": 400_000 - 1000 * n, "first": 1000 * n}
            return asked(cursor, "from of_one_batch").num_rows

    with ThreadPoolExecutor(20) as threads:
        assert list(threads.map(ask, range(20))) == [400_000] * 20


@pytest.mark.long
def test_a_large_answer_streams(narrow, monkeypatch):
    """The server never holds a gigabyte."""
    monkeypatch.setenv("DATABASE_QUERY_TIMEOUT_MS", "60000")
    with (
        serving(narrow.serve.port) as process,
        adbc(narrow) as connection,
        connection.cursor() as cursor,
    ):
        asked(cursor, "from of_one_batch")
        before = resident_mb(process.pid)
        most, rows = 0.0, 0
        for batch in cursor.execute(HUGE).fetch_record_batch():
            rows += batch.num_rows
            if rows % 1_000_000 < batch.num_rows:
                most = max(most, resident_mb(process.pid))
            if rows > 10_000_000:  # 500 MB
                break
        assert most - before < 150


def test_a_message_is_never_larger_than_clients_take(served, cursor):
    """Go's gRPC takes 4 MB in Grafana, and the ADBC driver 16."""
    sql = "select repeat('x', 5000) || i as t from range(12000) r(i)"
    assert asked(cursor, sql).num_rows == 12_000
    with ServedReader(served) as reader:
        batches = reader.query(sql).to_batches()
    assert sum(batch.num_rows for batch in batches) == 12_000
    assert max(batch.nbytes for batch in batches) < 4_000_000


LEAVE = """
import os, sys
from pyarrow import flight
where, token, ticket = sys.argv[1:]
options = flight.FlightCallOptions(headers=[(b"authorization", f"Bearer {token}".encode())])
answer = flight.FlightClient(where).do_get(flight.Ticket(bytes.fromhex(ticket)), options)
assert answer.read_chunk().data.num_rows
os._exit(0)
"""


def leaving(settings, sql):
    """A client that leaves once it has read a part of the answer."""
    ticket = packed("CommandStatementQuery", query=sql).hex()
    command = [sys.executable, "-c", LEAVE, location(settings), token(settings), ticket]
    return subprocess.Popen(command, cwd=ROOT)


@pytest.mark.long
def test_clients_that_leave_in_the_middle_leave_nothing_behind(narrow):
    with serving(narrow.serve.port) as process, adbc(narrow) as connection:
        for _ in range(3):  # more than there are connections
            assert leaving(narrow, HUGE).wait() == 0
        with connection.cursor() as cursor:
            assert asked(cursor, "from latest_ticks").num_rows == 0
        build_and_publish(narrow, relations(2))
        with connection.cursor() as cursor:
            _until(
                lambda: (
                    asked(cursor, "select min(batch) as b from of_one_batch")["b"][0].as_py() == 2
                )
            )
        _until(lambda: open_publications(process.pid) == 1)


@pytest.mark.long
def test_a_client_that_leaves_while_its_query_runs_frees_the_engine(narrow, monkeypatch):
    monkeypatch.setenv("DATABASE_QUERY_TIMEOUT_MS", "3600000")
    with serving(narrow.serve.port), adbc(narrow) as connection, connection.cursor() as cursor:
        clients = [leaving(narrow, ENDLESS) for _ in range(2)]
        time.sleep(4)  # both hold a connection
        for client in clients:
            client.kill()
        assert asked(cursor, "select 1 as a").num_rows == 1  # else no connection is free


@pytest.mark.long
def test_the_first_call_of_all_is_answered_and_a_paused_client_delays_no_end(narrow):
    with serving(narrow.serve.port) as process, flight.FlightClient(location(narrow)) as client:
        header = (b"authorization", f"Bearer {token(narrow)}".encode())
        options = flight.FlightCallOptions(headers=[header])
        info = client.do_get(flight.Ticket(packed("CommandGetSqlInfo")), options).read_all()
        assert info.num_rows > 70
        ticket = flight.Ticket(packed("CommandStatementQuery", query=HUGE))
        paused = client.do_get(ticket, options)
        paused.read_chunk()
        process.terminate()
        assert process.wait(timeout=120) == 0
        assert "call_failed" not in process.stderr.read()


@pytest.mark.long
def test_a_cancelled_query_ends(narrow, monkeypatch):
    monkeypatch.setenv("DATABASE_QUERY_TIMEOUT_MS", "60000")
    with serving(narrow.serve.port), adbc(narrow) as connection, connection.cursor() as cursor:
        for _ in range(3):
            timer = threading.Timer(1, cursor.adbc_cancel)
            timer.start()
            with pytest.raises(adbc_driver_manager.Error):
                asked(cursor, ENDLESS)
            timer.join()
        assert asked(cursor, "select 1 as a").num_rows == 1


@pytest.mark.long
def test_a_client_that_pauses_too_long_is_told_and_frees_its_connection(narrow):
    with serving(narrow.serve.port) as process:
        header = (b"authorization", f"Bearer {token(narrow)}".encode())
        options = flight.FlightCallOptions(headers=[header])
        ticket = flight.Ticket(packed("CommandStatementQuery", query=HUGE))
        with flight.FlightClient(location(narrow)) as client:
            paused = client.do_get(ticket, options)
            paused.read_chunk()
            # Half of the two connections may send: the second large answer waits for its turn.
            error = refused(lambda: client.do_get(ticket, options).read_all())
            assert isinstance(error, flight.FlightUnavailableError)
            time.sleep(5)
            with adbc(narrow) as connection, connection.cursor() as cursor:
                assert len(cursor.execute(HUGE).fetch_record_batch().read_next_batch())
            error = refused(paused.read_all)
            assert isinstance(error, flight.FlightTimedOutError)
            assert "took nothing" in str(error)
        assert process.poll() is None


@pytest.mark.long
def test_a_stream_ends_on_the_publication_that_it_began_with(narrow, monkeypatch):
    monkeypatch.setenv("DATABASE_QUERY_TIMEOUT_MS", "60000")
    sql = "select batch, i, repeat('x', 200) as t from of_one_batch"
    with (
        serving(narrow.serve.port) as process,
        adbc(narrow) as connection,
        connection.cursor() as slow,
        connection.cursor() as other,
    ):
        reader = slow.execute(sql).fetch_record_batch()
        seen = [reader.read_next_batch()]
        build_and_publish(narrow, relations(2))
        newest = "select min(batch) as b from of_one_batch"
        _until(lambda: asked(other, newest)["b"][0].as_py() == 2)
        assert open_publications(process.pid) == 2
        table = pa.Table.from_batches([*seen, *reader])
        assert table["batch"].unique().to_pylist() == [1]
        assert sorted(table["i"].to_pylist()) == list(range(400_000))
        _until(lambda: open_publications(process.pid) == 1)


def test_a_prepared_statement_outlives_a_publication_with_other_columns(narrow):
    with serving(narrow.serve.port), adbc(narrow) as connection, connection.cursor() as cursor:
        sql = "select * from of_one_batch where i = ?"
        assert asked(cursor, sql, [1]).schema.names == ["batch", "i", "text"]
        changed = "create or replace table of_one_batch as select 2 as batch, 1::bigint as i;"
        build_and_publish(narrow, changed)
        _until(lambda: asked(cursor, sql, [1]).to_pylist() == [{"batch": 2, "i": 1}])


def _until(done):
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_query_nested_too_deep_is_refused_in_words(served, cursor):
    sql = f"select {'+'.join(['1'] * 900)}"
    assert "nested too deep" in str(refused(lambda: asked(cursor, sql)))
    with ServedReader(served) as reader, pytest.raises(QueryError, match="nested too deep"):
        reader.query(sql)
