import duckdb
import pytest

from python_ingest.errors import NotInitialisedError
from python_ingest.schema.migrate import migrate
from python_ingest.schema.version import current_version, migrations


@pytest.fixture
def connection():
    with duckdb.connect() as made:
        yield made


def test_versions_are_numbered_without_gaps():
    assert [number for number, _, _ in migrations()] == list(range(1, len(migrations()) + 1))


def test_every_migration_is_applied_once(connection):
    assert current_version(connection) == 0
    assert migrate(connection) == [name for _, name, _ in migrations()]
    assert migrate(connection) == []
    assert current_version(connection) == migrations()[-1][0]


def test_a_migration_that_fails_leaves_the_version_before_it(connection, monkeypatch):
    migrate(connection)
    before = current_version(connection)
    broken = (before + 1, "999_broken", "create table raw.half_done (a int); select * from nowhere")
    monkeypatch.setattr("python_ingest.schema.migrate.migrations", lambda: [*migrations(), broken])
    with pytest.raises(duckdb.CatalogException):
        migrate(connection)
    assert current_version(connection) == before
    with pytest.raises(duckdb.CatalogException):
        connection.execute("from raw.half_done")


def test_a_database_of_a_newer_version_is_refused(connection):
    migrate(connection)
    connection.execute(
        "insert into raw.schema_versions values (999, '999_later', now()::timestamp)"
    )
    with pytest.raises(NotInitialisedError, match="999"):
        migrate(connection)


def test_a_landing_whose_counts_do_not_add_up_is_refused(connection):
    migrate(connection)
    with pytest.raises(duckdb.ConstraintException):
        connection.execute(
            "insert into raw.landings (batch_id, kind, file_name, sha256, format, rows_read,"
            " rows_landed, rows_duplicate, rows_rejected, min_timestamp, max_timestamp, landed_at,"
            " duration_ms) values"
            " (1, 'ticks', 'f', 'x', 'csv', 10, 5, 3, 1, null, null, now()::timestamp, 1)"
        )


LANDED = """
insert into state.reference_as_built values ('trading', 'settings', '', '', '');
insert into raw.landings (batch_id, kind, file_name, sha256, format, rows_read, rows_landed,
    rows_duplicate, rows_rejected, landed_at, duration_ms)
values (1, 'orders', 'f', 'x', 'csv', 0, 0, 0, 0, now()::timestamp + to_days(?), 1);
"""
FILL = """
insert into raw.order_events by name select 1 as batch_id, ? as row_number, row_number as event_id,
    'fill' as event_type, timestamp '2024-01-01' + to_hours(?::integer) as event_time,
    event_id as order_id, event_id as client_order_id, 'x' as exchange, 's' as symbol,
    if(? > 0, 'buy', 'sell') as side, 'limit' as order_type, 1 as quantity, ? as strategy_id,
    abs(?) as fill_quantity, 1 as fill_price, event_id as trade_id, 'rest' as source,
    event_time as ingestion_time, 0 as content_hash
"""


@pytest.mark.parametrize(
    ("fills", "days", "restated"),
    [
        ([("a", 1), ("a", -1), ("a", -1)], 1, False),  # it ends, and another begins
        ([("a", 1), ("a", -2)], 1, True),
        ([("a", 1), ("b", 2), ("a", -2)], 1, True),
        ([("a", 1), ("b", -2)], 1, False),
        ([("a", 1), ("a", -2)], -1, False),  # narrow
    ],
)
def test_drawdowns_are_restated_where_a_position_turned(connection, fills, days, restated):
    migrate(connection, up_to=27)
    for statement, values in zip(LANDED.split(";"), ([], [days]), strict=False):
        connection.execute(statement, values)
    for number, (strategy, quantity) in enumerate(fills):
        connection.execute(FILL, [number, number, quantity, strategy, quantity])
    migrate(connection)
    left = connection.execute("from state.reference_as_built").fetchall()
    assert (left == []) == restated
