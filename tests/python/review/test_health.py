"""Parts of the report that a publication may have: retention and the migration's status."""

from pathlib import Path

import duckdb
import pytest

from python_ingest.publication.attached import opened
from python_ingest.reporting.figures import asking
from python_ingest.reporting.report import health

BARE = (
    "create table landings (kind varchar, rows_landed bigint, rows_duplicate bigint,"
    " rows_rejected bigint, max_timestamp timestamp, landed_at timestamp)",
    "create table tick_gaps (exchange varchar, symbol varchar, kind varchar,"
    " missing_count bigint, gap_starts_at timestamp, gap_ends_at timestamp)",
    "create table rejected_rows (rejected_at timestamp, source_file varchar,"
    " row_number bigint, reason varchar)",
    "create table system_metrics (timestamp timestamp, metric_name varchar, value double,"
    " labels struct(component varchar, instance varchar))",
)
FULL = (
    *BARE,
    "insert into rejected_rows select timestamp '2024-01-02', 'ticks.csv', i, 'no symbol'"
    " from range(120) as t (i)",
    "insert into system_metrics values"
    " ('2024-01-01', 'dbt.node.duration_ms', 9000,"
    "  {component: 'model.trading.old', instance: 'a'}),"
    " ('2024-01-02 00:00:01', 'dbt.node.duration_ms', 1500,"
    "  {component: 'model.trading.orders', instance: 'b'}),"
    " ('2024-01-02 00:00:02', 'dbt.node.duration_ms', 20,"
    "  {component: 'model.trading.trades', instance: 'b'})",
    "create table cold_files (relation varchar, date date, rows bigint, bytes bigint,"
    " state varchar)",
    "insert into cold_files values ('ohlcv_bars', '2024-01-01', 10, 100, 'local'),"
    " ('ohlcv_bars', '2024-01-02', 20, 200, 'local'),"
    " ('ohlcv_bars', '2024-01-02', 19, 190, 'replaced')",
    "create table migration_status (relation varchar, verdict varchar, hours_not_matching bigint,"
    " duckdb_rows bigint, timescale_rows bigint, date date)",
    "insert into migration_status values"
    " ('orders', 'match', 0, 5, 5, '2024-01-01'), ('orders', 'different', 1, 5, 4, '2024-01-02')",
)


@pytest.fixture
def parts(tmp_path: Path, request) -> dict:
    path = tmp_path / "trading.duckdb"
    with duckdb.connect(str(path)) as connection:
        for statement in request.param:
            connection.execute(statement)
    with opened(path) as connection:
        return health(asking(connection))


@pytest.mark.parametrize("parts", [FULL], indirect=True)
def test_what_is_there_is_summed(parts):
    assert parts["Rejected rows"].total == 120
    assert len(parts["Rejected rows"].rows) == 50
    assert parts["Slowest of the last build"].rows == [
        ["model.trading.orders", 1500],
        ["model.trading.trades", 20],
    ]
    assert parts["Retention"].rows == [
        ["ohlcv_bars", "local", 2, 30, 300, "2024-01-01", "2024-01-02"]
    ]
    assert [row[:6] for row in parts["Migration"].rows] == [
        ["orders", "different", 1, 1, 5, 4],
        ["orders", "match", 1, 0, 5, 5],
    ]


@pytest.mark.parametrize("parts", [BARE], indirect=True)
def test_what_is_not_there_is_left_out(parts):
    assert set(parts) == {"Freshness", "Gaps", "Rejected rows"}
