"""Health of the data: gaps, rejected rows, freshness, last build, retention, migration."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb

from python_ingest.reporting.figures import Table, table
from python_ingest.storage.sql import quoted

_FRESHNESS = (
    "select kind, count(*) as batches, sum(rows_landed)::bigint as landed,"
    " sum(rows_duplicate)::bigint as duplicate, sum(rows_rejected)::bigint as rejected,"
    " max(max_timestamp) as newest_row, max(landed_at) as last_landed"
    " from landings group by kind order by last_landed desc, kind"
)
_GAPS = (
    "select exchange, symbol, kind, missing_count as missing, gap_starts_at, gap_ends_at"
    " from tick_gaps order by gap_starts_at desc, exchange, symbol"
)
_REJECTED = (
    "select rejected_at, source_file, row_number, reason from rejected_rows"
    " order by rejected_at desc, source_file, row_number"
)
_SLOWEST = (
    "with nodes as (select timestamp, labels.component as node, labels.instance as build, value"
    "  from system_metrics where metric_name = 'dbt.node.duration_ms')"
    " select node, round(value, 0)::bigint as milliseconds from nodes"
    " where build = (select max_by(build, timestamp) from nodes)"
    " order by value desc, node"
)
_SLOWEST_SHOWN = 10
_RETENTION = (
    "select relation, state, count(*) as files, sum(rows)::bigint as rows,"
    " sum(bytes)::bigint as bytes, min(date) as from_date, max(date) as to_date"
    " from {0} where state <> 'replaced' group by all order by relation, state"
)
_MIGRATION = (
    "select relation, verdict, count(*) as days, sum(hours_not_matching)::bigint as"
    " hours_not_matching, sum(duckdb_rows)::bigint as duckdb_rows,"
    " sum(timescale_rows)::bigint as timescale_rows, max(date) as newest"
    " from {0} group by all order by relation, verdict"
)


def _found(connection: duckdb.DuckDBPyConnection, name: str) -> str | None:
    """Return the SQL name of a relation if the publication has it."""
    row = connection.execute(
        "select table_schema, table_name from information_schema.tables"
        " where table_catalog = current_database() and table_name = ?"
        " order by table_schema <> 'main', table_schema limit 1",
        [name],
    ).fetchone()
    return f"{quoted(row[0])}.{quoted(row[1])}" if row else None


def last_build(connection: duckdb.DuckDBPyConnection, published: Path) -> dict[str, str]:
    """Return when the file was published, and up to which batch it was built."""
    at = datetime.fromtimestamp(published.stat().st_mtime, UTC)
    said = {
        "Published": f"{at:%Y-%m-%d %H:%M:%S} UTC",
        "Size": f"{published.stat().st_size / 1e6:,.1f} MB",
    }
    built = connection.execute("select max(built_at)::timestamp(0)::varchar from ohlcv_bars")
    if (row := built.fetchone()) and row[0]:
        said["Bars last changed"] = f"{row[0]} UTC"
    return said


def tables(connection: duckdb.DuckDBPyConnection) -> dict[str, Table]:
    """Return title -> rows of each part that this publication has."""
    parts = {
        "Freshness": table(connection, _FRESHNESS),
        "Gaps": table(connection, _GAPS),
        "Rejected rows": table(connection, _REJECTED),
    }
    slowest = table(connection, _SLOWEST, _SLOWEST_SHOWN)
    if slowest.rows:
        parts["Slowest of the last build"] = slowest
    for title, name, sql in (
        ("Retention", "cold_files", _RETENTION),
        ("Migration", "migration_status", _MIGRATION),
    ):
        relation = _found(connection, name)
        if relation and (found := table(connection, sql.format(relation))).rows:
            parts[title] = found
    return parts
